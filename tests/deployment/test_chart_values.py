"""The values of the chart: their defaults, their schema and their table."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft7Validator

from deploy.helm.values import Value, values_in, values_table
from deploy.prometheus.rules.table import with_table
from tests.deployment.test_chart import CHART, SCHEMA, VALUES

README = (CHART / "README.md").read_text(encoding="utf-8")
FILE = (CHART / "values.yaml").read_text(encoding="utf-8")


def leaves(values: dict[str, Any], *, prefix: str = "") -> Iterator[str]:
    """The dotted names of all values; what Kubernetes reads as a whole is one."""
    for name, value in values.items():
        fixed = isinstance(value, dict) and value and name not in {"config", "resources", "labels"}
        if fixed:
            yield from leaves(value, prefix=f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_the_table_of_the_readme_is_that_of_the_values() -> None:
    """`make values` would change nothing."""
    assert with_table(README, values_table(FILE), target="values") == README


def test_every_value_says_what_it_is() -> None:
    """Above it, in the file in which people look for it."""
    assert [value.name for value in values_in(FILE)] == list(leaves(VALUES))


def test_a_value_is_read_with_its_default_and_its_comment() -> None:
    """A comment may have several lines; a remark, and a comment that ends above, are of no value."""
    file = "## remark\na:\n  # one\n  # line\n  b: {c: 1}\n  d: 2\n# whole\ne:\n  f: x\n"

    assert list(values_in(file)) == [
        Value("a.b", {"c": 1}, "one line"),
        Value("e", {"f": "x"}, "whole"),
    ]


def test_the_schema_holds_for_the_defaults_and_knows_every_value() -> None:
    """What helm checks values by names each of them, and nothing that is not one."""
    Draft7Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(VALUES)] == []
    assert SCHEMA["properties"].keys() - {"global"} == VALUES.keys()
    assert list(Draft7Validator(SCHEMA).iter_errors({**VALUES, "replica": 2}))
