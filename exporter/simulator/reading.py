"""What reading a scenario file takes: strict YAML, durations, and problems that name their place."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

STRICT = ConfigDict(
    extra="forbid",
    strict=True,
    frozen=True,
    str_min_length=1,
    hide_input_in_errors=True,  # a traceback through pydantic must not quote a secret
)
"""How every mapping of the file is read."""

MAX_BYTES = 16 * 1024 * 1024
"""In a file."""
MAX_DEPTH = 32
MAX_VALUES = 1_000_000
"""In a file, each counted as often as aliases repeat it."""
LONGEST_S: Final = 10 * 365 * 86_400
"""The longest duration; no calendar ends before that."""
_DURATION = re.compile(
    r"(?:(?P<h>[0-9]{1,12})h)?(?:(?P<m>[0-9]{1,12})m)?(?:(?P<s>[0-9]{1,12})s)?(?:(?P<ms>[0-9]{1,12})ms)?"
)
_QUOTED = re.compile(r"""(['"]).*\1""", re.DOTALL)
_SECONDS_OF = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SECRETS = ("access_key_secret", "security_token")
_SHOWN_LETTERS = 60
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_HALF_OF_CHARACTER = re.compile("[\ud800-\udfff]")
# By pydantic's name for what is wrong.
_ACCEPTED = {
    "bool_type": "true or false",
    "float_type": "a number",
    "frozen_set_type": "a list",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "string_too_short": "a text that is not empty",
    "string_type": "a text, in quotes if it looks like something else",
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
            node = super().compose_node(parent, index)
        finally:
            self.depth -= 1
        if isinstance(node, yaml.ScalarNode) and _HALF_OF_CHARACTER.search(node.value):
            problem = "half of a character, of the surrogates \\ud800 to \\udfff"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's
        try:
            return super().construct_object(node, deep)
        except ValueError:
            problem = "a number that cannot be read; put a text in quotes"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        lines: dict[str, int] = {}
        for key, _ in node.value:
            name = str(key.value)
            if name in lines:
                problem = f"this key is set on line {lines[name]} already"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            lines[name] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def read_file(path: str) -> str:
    """Return the text of a file in UTF-8; raises ScenarioError for any other, OSError if there is none to read."""
    with Path(path).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ScenarioError([f"the file: larger than {MAX_BYTES // 1024**2} MiB, the most that is read"])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScenarioError([f"line {line}: these bytes are not UTF-8; save the file as UTF-8"]) from None


def json_of_yaml(text: str) -> tuple[str, yaml.Node | None]:
    """Return the only document of a YAML text as JSON, and its nodes; raises ScenarioError, also for a repeated key.

    From JSON, pydantic's strict mode takes a list for a tuple and a mapping for a dataclass; from Python's values it
    would not.
    """
    # None of these errors is repeated with its own text, which may quote the file, secrets and all.
    line = 0
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        except (ValueError, OverflowError):
            line, reason = loader.line + 1, "an escape of a character that does not exist"
        else:
            _count(root, {})
            return json.dumps(None if root is None else loader.construct_document(root), ensure_ascii=False), root
    except yaml.MarkedYAMLError as error:
        line = 0 if error.problem_mark is None else error.problem_mark.line + 1
        reason = _QUOTED.sub("(not shown)", ", ".join(filter(None, (error.context, error.problem))))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"the character U+{error.character:04X}, which YAML does not allow"
    except (yaml.YAMLError, TypeError, RecursionError):
        raise ScenarioError(["the file: not YAML of mappings, lists and plain values"]) from None
    raise ScenarioError([f"line {line}: broken YAML ({reason})" if line else f"the file: broken YAML ({reason})"])


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
            "an alias stands for a value that contains it"
            if count is None
            else f"more than {MAX_VALUES} values, each counted as often as aliases repeat it"
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


def accepting(accepted: Callable[[str], object], words: str) -> AfterValidator:
    """Return the check that a text is accepted, and what is said if it is not."""

    def check(text: str) -> str:
        if not accepted(text):
            raise PydanticCustomError("refused", "{words}", {"words": words})
        return text

    return AfterValidator(check)


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


def problems_in(error: ValidationError, model: type[BaseModel], root: yaml.Node | None) -> Iterator[str]:
    """Yield what pydantic found wrong in a file of that model: line, path of keys, and what is accepted there."""
    schema, inside = model.model_json_schema(), cache(_inside)
    for detail in error.errors(include_url=False):
        location = tuple(step for step in detail["loc"] if step != "[key]")
        where = f"line {_line(location, root, inside)}: {_path(location)}" if location else _path(location)
        for problem in _problems(detail, location, schema):
            yield f"{where}: {problem}"


def _problems(detail: ErrorDetails, location: tuple[int | str, ...], schema: dict[str, Any]) -> list[str]:
    kind, is_key = detail["type"], detail["loc"] != location
    match kind:
        case "string_too_short" if is_key:
            return ["this name is empty; accepted: a text that is not empty"]
        case _ if is_key:
            return [f"unknown key; use one of {_keys(location[:-1], schema)}"]
        case "missing":
            return ["this key is required"]
        case "extra_forbidden" | "unexpected_keyword_argument":
            return [f"unknown key; use one of {_keys(location[:-1], schema)}"]
        case "model_type" | "dataclass_type" | "dict_type":
            accepted = f"a mapping of {_keys(location, schema)}"
        case "literal_error":
            accepted = ", ".join(re.findall(r"'(.*?)'", detail["ctx"]["expected"]))
        case "string_pattern_mismatch":
            accepted = _words(detail["ctx"]["pattern"])
        case "refused":
            accepted = detail["msg"]
        case _ if kind in _ACCEPTED:
            accepted = _ACCEPTED[kind]
        case _:
            return detail["msg"].removeprefix("Value error, ").split("\n")
    return [f"seen {_shown(detail['input'], location)}; accepted: {accepted}"]


_Inside = dict[int | str, tuple[int, yaml.Node]]
"""The lines and nodes inside of a node, by key or place."""


def _line(
    location: tuple[int | str, ...], node: yaml.Node | None, inside: Callable[[yaml.Node | None], _Inside]
) -> int:
    """The line where the innermost value of that path begins that is in the file, with its key if it has one."""
    line = 1
    for step in location:
        found = inside(node).get(step)
        if found is None:
            break
        line, node = found
    return line


def _inside(node: yaml.Node | None) -> _Inside:
    if isinstance(node, yaml.MappingNode):
        return {key.value: (key.start_mark.line + 1, value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return {place: (value.start_mark.line + 1, value) for place, value in enumerate(node.value)}
    return {}


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f".{step}" if isinstance(step, str) and _PLAIN_KEY.fullmatch(step) else f"[{step!r}]"
    return path.removeprefix(".") or "the file"


def _shown(value: object, location: tuple[int | str, ...]) -> str:
    if location[-1:] and location[-1] in _SECRETS:
        return "a value (not shown)"
    if isinstance(value, dict | list):
        return f"{'a' if value else 'an empty'} {'mapping' if isinstance(value, dict) else 'list'}"
    if not location:
        return "nothing" if value is None else "a value (not shown)"  # a file that is one word may be a secret
    text = value if isinstance(value, str) else json.dumps(value)
    text = text if len(text) <= _SHOWN_LETTERS else f"{text[:_SHOWN_LETTERS]}…"
    return repr(text) if isinstance(value, str) else text


def _keys(location: tuple[int | str, ...], schema: dict[str, Any]) -> str:
    """The keys of the mapping at that place of the file, as the models have them."""
    node = schema
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
        return f"names and their {'values' if node.get('additionalProperties', True) is True else 'texts'}"
    [pattern] = node["patternProperties"]
    return _words(pattern)


def _words(pattern: str) -> str:
    return ", ".join(pattern[2:-2].split("|"))
