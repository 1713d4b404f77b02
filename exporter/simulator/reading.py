"""What reading a scenario file takes: strict YAML, durations, and problems that name their place."""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Annotated, Any, Final

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

MAX_DEPTH = 32
MAX_VALUES = 100_000
"""In a file, each counted as often as aliases repeat it."""
LONGEST_S: Final = 10 * 365 * 86_400
"""The longest duration; no calendar ends before that."""
_DURATION = re.compile(
    r"(?:(?P<h>[0-9]{1,12})h)?(?:(?P<m>[0-9]{1,12})m)?(?:(?P<s>[0-9]{1,12})s)?(?:(?P<ms>[0-9]{1,12})ms)?"
)
_QUOTED = re.compile(r"""(['"]).*\1""", re.DOTALL)
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
    """Takes a key once, no tags, values to a depth, and a date as the text that it is in a scenario."""

    depth = 0

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML declares it so
        first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call] # in the stubs
        if getattr(event, "tag", None) is not None:
            problem = "tags are not supported; write the value without one"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            problem = f"values are nested deeper than {MAX_DEPTH} levels"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        lines: dict[str, int] = {}
        for key, _ in node.value:
            name = str(key.value)
            if name in lines:
                problem = f"this key is set on line {lines[name]} already"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            lines[name] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def json_of_yaml(text: str) -> str:
    """Return the only document of a YAML text as JSON; raises ScenarioError, also for a repeated key.

    From JSON, pydantic's strict mode takes a list for a tuple and a mapping for a dataclass; from Python's values it
    would not.
    """
    # None of these errors is repeated with its own text, which may quote the file, secrets and all.
    try:
        loader = _Loader(text)
        root: Any = loader.get_single_node()
        _count(root, {})
        document = json.dumps(None if root is None else loader.construct_document(root), ensure_ascii=False)
        document.encode()  # refuses half of a character, which pydantic would call broken JSON
    except yaml.MarkedYAMLError as error:
        line = "the file" if error.problem_mark is None else f"line {error.problem_mark.line + 1}"
        reason = _QUOTED.sub("(not shown)", ", ".join(filter(None, (error.context, error.problem))))
        raise ScenarioError([f"{line}: broken YAML ({reason})"]) from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise ScenarioError(["the file: not YAML of mappings, lists and plain values"]) from None
    return document


def _count(node: Any, known: dict[yaml.Node, int | None]) -> int:
    """How many values the node stands for; `known` has those of other nodes, None while they are counted."""
    if node is None or isinstance(node, yaml.ScalarNode):
        return 1
    if node not in known:
        known[node] = None
        inner = [each for pair in node.value for each in (pair if isinstance(pair, tuple) else (pair,))]
        known[node] = 1 + sum(_count(each, known) for each in inner)
    count = known[node]
    if count is None or count > MAX_VALUES:
        problem = (
            "an alias stands for a value that contains it" if count is None else "aliases repeat too many values"
        )
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return count


def _seconds(value: object) -> float:
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    seconds = (
        sum(int(count) * _SECONDS_OF[unit] for unit, count in match.groupdict().items() if count) if match else -1
    )
    if not 0 <= seconds <= LONGEST_S:
        raise PydanticCustomError("refused", "a duration such as 90s, 1m30s or 500ms, of ten years at most")
    return seconds


Seconds = Annotated[float, BeforeValidator(_seconds)]
"""A duration of the file, in seconds."""
WholeSeconds = Annotated[int, BeforeValidator(lambda value: int(_seconds(value)))]
"""The same, cut to a whole number."""


def one_of(words: Collection[str]) -> StringConstraints:
    """Return what limits a text to these words, of letters each."""
    return StringConstraints(pattern=f"^({'|'.join(words)})$")


def refuse(problems: Iterable[str]) -> None:
    """Raise ValueError with all of the problems, a line each, if there are any."""
    if found := list(problems):
        raise ValueError("\n".join(found))


def shared(placed: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield each value that stands at more than one of the places, after these in words."""
    places = defaultdict(list)
    for place, value in placed:
        places[value].append(place)
    return ((" and ".join(found), value) for value, found in places.items() if len(found) > 1)


def problems_in(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """Yield what pydantic found wrong in a file of that model: the path of keys, and what is accepted there."""
    for detail in error.errors(include_url=False):
        place, *problems = _problems(detail, model)
        yield from (f"{place}: {problem}" for problem in problems)


def _problems(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, ...]:
    """The place, and what is wrong there."""
    location, kind = detail["loc"], detail["type"]
    if location[-1:] == ("[key]",):
        return _path(location[:-1]), f"unknown key; use one of {_keys(location[:-2], model)}"
    match kind:
        case "missing":
            return _path(location), "this key is required"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return _path(location), f"unknown key; use one of {_keys(location[:-1], model)}"
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
            return _path(location), *detail["msg"].removeprefix("Value error, ").split("\n")
    return _path(location), f"seen {_shown(detail['input'], location)}; accepted: {accepted}"


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return path.removeprefix(".") or "the file"


def _shown(value: object, location: tuple[int | str, ...]) -> str:
    if location[-1:] and location[-1] in _SECRETS:
        return "a value (not shown)"
    if isinstance(value, dict | list):
        return f"{'a' if value else 'an empty'} {'mapping' if isinstance(value, dict) else 'list'}"
    if not location:
        return "nothing" if value is None else "a value (not shown)"  # a file that is one word may be a secret
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
    if "patternProperties" not in node:
        return "names and their texts"
    [pattern] = node["patternProperties"]
    return _words(pattern)


def _words(pattern: str) -> str:
    return ", ".join(pattern[2:-2].split("|"))
