"""What reading a scenario file takes: strict YAML, durations, and problems that name their place."""

import json
import re
from collections.abc import Collection, Iterator
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

STRICT = ConfigDict(
    extra="forbid",
    strict=True,
    frozen=True,
    str_min_length=1,
    hide_input_in_errors=True,  # a traceback through pydantic must not quote a secret
)
"""How every mapping of the file is read."""

_DURATION = re.compile(r"(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m)?(?:(?P<s>[0-9]+)s)?(?:(?P<ms>[0-9]+)ms)?", re.ASCII)
_SECONDS_OF = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SECRETS = ("access_key_secret", "security_token")
_TEXT = "a text, in quotes if it looks like something else"
# By pydantic's name for what is wrong.
_ACCEPTED = {
    "bool_type": "true or false",
    "float_type": "a number",
    "frozen_set_type": "a list",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "string_too_short": _TEXT,
    "string_type": _TEXT,
    "tuple_type": "a list",
}


class ScenarioError(ValueError):
    """A scenario cannot be played."""

    def __init__(self, problems: Collection[str]) -> None:
        self.problems = tuple(problems)
        """One sentence each, beginning with the place."""
        super().__init__("\n".join(self.problems))


class _Loader(yaml.SafeLoader):
    """Takes a key once, and a date as the text that it is in a scenario."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML declares it so
        first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        lines: dict[str, int] = {}
        for key, _ in node.value:
            name = str(key.value)
            if name in lines:
                problem = f"the key {name} is set on line {lines[name]} already"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            lines[name] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def json_of_yaml(text: str) -> str:
    """Return the only document of a YAML text as JSON; raises ScenarioError, also for a repeated key.

    From JSON, pydantic's strict mode takes a list for a tuple and a mapping for a dataclass; from Python's values it
    would not.
    """
    try:
        return json.dumps(_Loader(text).get_single_data())
    except yaml.MarkedYAMLError as error:
        # Not the error's own text, which quotes the file, secrets and all.
        line = "the file" if error.problem_mark is None else f"line {error.problem_mark.line + 1}"
        reason = ", ".join(filter(None, (error.context, error.problem)))
        raise ScenarioError([f"{line}: broken YAML ({reason})"]) from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ScenarioError([f"the file: not YAML of mappings, lists and plain values ({error})"]) from None


def _seconds(value: object) -> float:
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        raise PydanticCustomError("refused", "a duration such as 90s, 1m30s or 500ms")
    return sum(int(count) * _SECONDS_OF[unit] for unit, count in match.groupdict().items() if count)


Seconds = Annotated[float, BeforeValidator(_seconds)]
"""A duration of the file, in seconds."""
WholeSeconds = Annotated[int, BeforeValidator(lambda value: int(_seconds(value)))]
"""The same, cut to a whole number."""


def one_of(words: Collection[str]) -> StringConstraints:
    """Return what limits a text to these words, of letters each."""
    return StringConstraints(pattern=f"^({'|'.join(words)})$")


def problems_in(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """Yield what pydantic found wrong in a file of that model: the path of keys, and what is accepted there."""
    return (_problem(detail, model) for detail in error.errors(include_url=False))


def _problem(detail: ErrorDetails, model: type[BaseModel]) -> str:
    location, kind = detail["loc"], detail["type"]
    if location[-1:] == ("[key]",):
        return f"{_path(location[:-1])}: unknown key; use one of {_keys(location[:-2], model)}"
    match kind:
        case "missing":
            return f"{_path(location)}: this key is required"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return f"{_path(location)}: unknown key; use one of {_keys(location[:-1], model)}"
        case "model_type" | "dataclass_type" | "dict_type":
            accepted = f"a mapping of {_keys(location, model)}"
        case "literal_error":
            accepted = ", ".join(re.findall(r"'(.*?)'", detail["ctx"]["expected"]))
        case "string_pattern_mismatch":
            accepted = _words(detail["ctx"]["pattern"])
        case "refused":
            accepted = detail["msg"]
        case _ if kind in _ACCEPTED:
            accepted = _ACCEPTED[kind]
        case _:
            return f"{_path(location)}: {detail['msg'].removeprefix('Value error, ')}"
    return f"{_path(location)}: seen {_shown(detail['input'], location)}; accepted: {accepted}"


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return path.removeprefix(".") or "the file"


def _shown(value: object, location: tuple[int | str, ...]) -> str:
    if location[-1:] and location[-1] in _SECRETS:
        return "a value (not shown)"
    if isinstance(value, dict | list):
        return f"{'a' if value else 'an empty'} {'mapping' if isinstance(value, dict) else 'list'}"
    return repr(value) if isinstance(value, str) else json.dumps(value)


def _keys(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """The keys of the mapping at that place of the file, as the models have them."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for step in location:
        if isinstance(step, int):
            node = node["items"]
        elif "properties" in node:
            node = node["properties"][step]
        else:
            [node] = node["patternProperties"].values()
        node = node.get("anyOf", [node])[0]  # the other choice is null
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    if "properties" in node:
        return ", ".join(node["properties"])
    [pattern] = node["patternProperties"]
    return _words(pattern)


def _words(pattern: str) -> str:
    return ", ".join(pattern[2:-2].split("|"))
