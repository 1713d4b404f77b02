"""The schema of the configuration file as a part of the chart's schema of its values."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_WHERE: Final = "#/definitions/configuration/definitions/"
_PART: Final = re.compile(r'^    "configuration": \{(?:\}|\n(?:      .*\n)*    \})', re.MULTILINE)
_LOOKAHEAD: Final = re.compile(r"\^\(\?!(\w+|\$)\)")
_COUNTED: Final = re.compile(r"\^(\[[^]]+\])\{(\d+),(\d+)\}\$")
_GO_COUNTS_TO: Final = 1000


def with_configuration(schema: str, configuration: Mapping[str, Any]) -> str:
    """The chart's schema with the part `configuration` written anew; ValueError when it has no such part."""
    part = json.dumps({"configuration": for_helm(configuration)}, indent=2, ensure_ascii=False)
    lines = part.splitlines()[1:-1]
    text, places = _PART.subn(lambda _: "\n".join(f"  {line}" for line in lines), schema)
    if places != 1:
        raise ValueError('the schema has no part "configuration"')
    return text


def for_helm(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of draft 2020-12 in the words of draft 7, the newest that all versions of helm 3 and 4 know.

    It does not ask for an account, since the chart adds one.
    """
    left_out = {"$schema", "title", "anyOf", "$defs"}
    whole = {key: _converted(value) for key, value in configuration.items() if key not in left_out}
    return {**whole, "definitions": _converted(configuration["$defs"])}


def _converted(node: Any) -> Any:
    if isinstance(node, list):
        return [_converted(item) for item in node]
    if not isinstance(node, dict):
        return node
    converted = {key: _converted(value) for key, value in node.items()}
    if isinstance(reference := node.get("$ref"), str):
        converted["$ref"] = reference.replace("#/$defs/", _WHERE)
    if isinstance(pattern := node.get("pattern"), str):
        converted.update(_as_go_reads_it(pattern))
    return converted


def _as_go_reads_it(pattern: str) -> dict[str, Any]:
    """The same as a regular expression of Go, which cannot look ahead, and cannot count beyond 1000."""
    if ahead := _LOOKAHEAD.match(pattern):
        return {"pattern": f"^{pattern[ahead.end() :]}", "allOf": [{"not": {"pattern": f"^{ahead[1]}"}}]}
    if (many := _COUNTED.fullmatch(pattern)) and int(many[3]) > _GO_COUNTS_TO:
        return {"pattern": f"^{many[1]}+$", "minLength": int(many[2]), "maxLength": int(many[3])}
    return {"pattern": pattern}
