"""The schema of the configuration in the chart's schema of its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from deploy.helm.schema import for_helm, with_configuration
from exporter.app import VOCABULARY
from exporter.config import json_schema
from tests.config.test_schema import BAD_CONFIG, EXAMPLE, is_valid
from tests.deployment.test_chart import CHART, SCHEMA, configuration

if TYPE_CHECKING:
    from tests.deployment.test_chart import Render

FILE = (CHART / "values.schema.json").read_text(encoding="utf-8")
CONFIGURATION = json_schema(vocabulary=VOCABULARY)
IN_CHART = Draft7Validator({**SCHEMA, "$ref": "#/definitions/configuration"})


def test_the_charts_schema_has_that_of_the_configuration() -> None:
    """`make values` would change nothing."""
    assert with_configuration(FILE, CONFIGURATION) == FILE


def test_a_schema_without_a_place_for_it_is_refused() -> None:
    """Nothing is put into it by guess."""
    with pytest.raises(ValueError, match='no part "configuration"'):
        with_configuration("{}\n", CONFIGURATION)


def test_the_chart_refuses_what_editors_refuse() -> None:
    """But for files without an account, since the chart adds one."""
    editors = Draft202012Validator(CONFIGURATION)
    texts = {file.stem: file.read_text(encoding="utf-8", errors="replace") for file in BAD_CONFIG}
    more = {name for name, text in texts.items() if is_valid(IN_CHART, text) and not is_valid(editors, text)}

    assert more == {"accounts_missing", "discovery_without_directories", "no_accounts"}


def test_the_example_of_every_key_is_a_value(render: Render) -> None:
    """It arrives as it is."""
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))

    assert configuration(render({"config": example})) == example


@pytest.mark.parametrize(
    ("config", "where"),
    [
        pytest.param({"poll": {"interval": 60}}, "/config/poll/interval", id="number"),
        pytest.param({"poll": {"interval": ""}}, "/config/poll/interval", id="looks-ahead"),
        pytest.param({"accounts": [{"name": "a", "lables": {}}]}, "/config/accounts/0", id="misspelt"),
        pytest.param(
            {"discovery": {"resource_directories": [{"name": "a", "role_name": "r", "external_id": "x" * 1225}]}},
            "/config/discovery/resource_directories/0/external_id",
            id="counts-beyond-1000",
        ),
    ],
)
def test_helm_says_where_a_configuration_is_wrong(render: Render, config: dict[str, Any], where: str) -> None:
    """Before anything is made, in place of pods that end at once."""
    with pytest.raises(ValueError, match=f"at '{where}'"):
        render({"config": config})


@pytest.mark.parametrize(
    ("pattern", "as_go_reads_it"),
    [
        ("^(?!$)(?:[0-9]d)?$", {"pattern": "^(?:[0-9]d)?$", "allOf": [{"not": {"pattern": "^$"}}]}),
        ("^(?!__)[a-z_]+$", {"pattern": "^[a-z_]+$", "allOf": [{"not": {"pattern": "^__"}}]}),
        ("^[!-~]{2,1224}$", {"pattern": "^[!-~]+$", "minLength": 2, "maxLength": 1224}),
        ("^[!-~]{2,1000}$", {"pattern": "^[!-~]{2,1000}$"}),
    ],
)
def test_a_pattern_is_put_in_gos_words(pattern: str, as_go_reads_it: dict[str, Any]) -> None:
    """Where Go has no word for it."""
    assert for_helm({"$defs": {}, "items": {"pattern": pattern}})["items"] == as_go_reads_it
