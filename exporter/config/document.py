"""YAML as plain values and the line of each, stricter than YAML itself. The one home of PyYAML.

read -> Document: value (dict, tuple and scalars), problems, place(location) -> Place; and back, to_yaml
"""

import enum
import math
import re
from dataclasses import dataclass, field

import yaml

from exporter.config.broken_yaml import Breach, Spot, explained
from exporter.config.problems import Location, Problem, path_of, shown
from exporter.core.memory import collector_paused

try:
    # Several times as fast, which a file of 10,000 accounts needs; the wheels have it, some builds do not.
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment] # as PyYAML documents it

MAX_DEPTH = 32
MAX_ALIASED_VALUES = 100_000

_TAGGED = "YAML tags are not supported; write the value without one"
_STANDARD = "tag:yaml.org,2002:"
_KINDS = {"bool": "a boolean", "int": "a number", "float": "a number", "null": "empty"}
_BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
# What YAML 1.1 does not allow, three more that it takes for line ends where no editor does, and a mark of the byte
# order that is not at the start of the file. To name what is allowed instead takes 4 ms more of every start.
_FORBIDDEN_CHARACTER = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_OPEN = object()
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")


_Keys = dict[yaml.Node, dict[object, tuple[yaml.Node, yaml.Node]]]
"""Keys and values of mappings by the key, as far as they were looked for: of thousands, not one by one."""


class Odd(enum.Enum):
    """Values that no field accepts."""

    NUMBER = "a number that YAML 1.1 reads in another base, or that is not finite"
    REFUSED = "a value already named in the document's problems"


class UnreadableError(Exception):
    """The text cannot be read any further; the argument is the Problem."""


@dataclass(frozen=True, slots=True)
class Place:
    """A value where it stands."""

    line: int
    """Of the key, or of the start of the list item; from 1. What an alias stands for begins where that is used."""
    node: yaml.Node | None
    value: object

    def within(self, step: str | int, known: _Keys) -> "Place | None":
        """What stands there under that key or at that position; None when nothing does."""
        match self.node, self.value, step:
            case yaml.MappingNode(value=pairs), dict(values), str() if step in values:
                if self.node not in known:
                    known[self.node] = {_plain(pair[0]): pair for pair in reversed(pairs)}
                key, node = known[self.node][step]
                return Place(_line(key, self.line), node, values[step])
            case yaml.SequenceNode(value=nodes), tuple(values), int() if step < len(values):
                return Place(_line(nodes[step], self.line), nodes[step], values[step])
        return None

    @property
    def kind(self) -> str:
        """What this is, in words, without its content."""
        return _kind(self.node)

    @property
    def described(self) -> str:
        """What this is, with its content where that is one word or number."""
        if isinstance(self.value, dict | tuple):
            return self.kind if self.value else self.kind.replace("a ", "an empty ")
        if isinstance(self.value, str):
            return shown(self.value)
        return f"{self.node.value[:40] if self.node else ''} ({self.kind})"


@dataclass(frozen=True, slots=True)
class Document:
    """The whole file and what was wrong with its YAML; values with a problem are `Odd.REFUSED` in it."""

    root: Place
    problems: tuple[Problem, ...] = ()
    known: _Keys = field(default_factory=dict, repr=False, compare=False)

    def way(self, location: Location) -> list[Place]:
        """What stands there and around it, from the top of the file; it ends early where nothing stands there."""
        places = [self.root]
        for step in location:
            place = places[-1].within(step, self.known)
            if place is None:
                break
            places.append(place)
        return places


def read(text: str) -> Document:
    """The document in the text; a text without any is an empty mapping. Raises UnreadableError."""
    if character := _FORBIDDEN_CHARACTER.search(text):
        at = character.start()
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        seen = f"the character U+{ord(character[0]):04X} at column {column} is not allowed in the file"
        hint = ", or save the file as UTF-8 if it is UTF-16" if character[0] == "\0" else ""
        raise _unreadable(line, f"{seen}; remove it{hint}")
    with collector_paused():  # 10,000 accounts are 700,000 objects, and no cycle among them
        try:
            root = yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError as error:
            raise _broken(error, text) from None  # the cause quotes the file, which may hold secrets
        if root is None or (isinstance(root, yaml.ScalarNode) and root.tag == "null"):
            return Document(Place(1, None, {}))
        values = _Values()
        return Document(Place(1, root, values.value(root, (), _line(root))), tuple(values.problems))


def _line(node: yaml.Node, at_least: int = 1) -> int:
    return max(node.start_mark.line + 1, at_least)


def _unreadable(line: int, message: str, location: Location = ()) -> UnreadableError:
    return UnreadableError(Problem(path_of(location), line, message))


def _too_deep(line: int) -> UnreadableError:
    return _unreadable(line, f"values are nested deeper than {MAX_DEPTH} levels; no key needs that")


def _broken(error: yaml.YAMLError, text: str) -> UnreadableError:
    breach = Breach(
        problem=getattr(error, "problem", None),
        at=_spot(getattr(error, "problem_mark", None)),
        context=getattr(error, "context", None),
        begun=_spot(getattr(error, "context_mark", None)),
    )
    return _unreadable(*explained(breach, text))


def _spot(mark: yaml.Mark | None) -> Spot | None:
    return None if mark is None else Spot(mark.line + 1, mark.column + 1)


class _Loader(SafeLoader):
    """Composes nodes, which recurses, to a depth that the stack can hold; a value without a tag has a short one."""

    depth = 0

    def descend_resolver(self, current_node: yaml.Node | None, current_index: object) -> None:
        """Called before each value, with the one around it."""
        super().descend_resolver(current_node, current_index)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _too_deep(_line(current_node) if current_node else 1)

    def ascend_resolver(self) -> None:
        """Called after each value."""
        super().ascend_resolver()
        self.depth -= 1

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: object) -> str:
        """The kind of value that one without a tag is."""
        tag: str = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call] # in the stubs
        return tag.removeprefix(_STANDARD)


class _Values:
    """Turns nodes into plain values, each list and mapping once: an alias is a second way to the same one."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.known: dict[yaml.Node, object] = {}
        """What lists and mappings are; _OPEN while they are read. Nodes compare by identity."""
        self.aliased = 0

    def value(self, node: yaml.Node, location: Location, line: int) -> object:
        """The plain value. Recurses to MAX_DEPTH, also where an alias stands for a part of a refused value."""
        if len(location) > MAX_DEPTH:
            raise _too_deep(line)
        if node in self.known:
            return self._aliased(self.known[node], location, line)
        if isinstance(node, yaml.ScalarNode):
            value = _plain(node)
            if value is None:
                return self._refuse(location, line, "this is empty; give it a value or remove it")
            return self._refuse(location, line, _TAGGED) if value is Odd.REFUSED else value
        if node.tag.removeprefix(_STANDARD) not in ("map", "seq"):
            return self._refuse(location, line, _TAGGED)
        self.known[node] = _OPEN
        if isinstance(node, yaml.MappingNode):
            self.known[node] = self._mapping(node, location, line)
        else:
            items = (self.value(item, (*location, n), _line(item, line)) for n, item in enumerate(node.value))
            self.known[node] = tuple(items)
        return self.known[node]

    def _aliased(self, value: object, location: Location, line: int) -> object:
        if value is _OPEN:
            return self._refuse(location, line, "this alias stands for a value that contains it; write the value out")
        self.aliased += _count(value, MAX_ALIASED_VALUES)
        if self.aliased > MAX_ALIASED_VALUES:
            raise _unreadable(
                line, f"aliases stand for more than {MAX_ALIASED_VALUES} values in all; use fewer", location
            )
        return value

    def _mapping(self, node: yaml.MappingNode, location: Location, line: int) -> dict[str, object]:
        values: dict[str, object] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key_line = _line(key_node, line)
            key = self._key(key_node, location, key_line)
            if key in lines:
                self._refuse((*location, key), key_line, f"this key is set on line {lines[key]} already; set it once")
            elif key is not None:
                lines[key] = key_line
                values[key] = self.value(value_node, (*location, key), key_line)
        return values

    def _key(self, node: yaml.Node, location: Location, line: int) -> str | None:
        if node.tag == "merge":
            self._refuse(location, line, "merge keys (<<) are not supported; write the keys out")
            return None
        key = _plain(node)
        if isinstance(key, str):
            return key
        tagged = key is Odd.REFUSED and isinstance(node, yaml.ScalarNode)
        words = _TAGGED if tagged else f"a key here is {_kind(node)}; keys are text, in quotes if need be"
        self._refuse(location, line, words)
        return None

    def _refuse(self, location: Location, line: int, message: str) -> Odd:
        self.problems.append(Problem(path_of(location), line, message))
        return Odd.REFUSED


def _count(value: object, at_most: int) -> int:
    """How many values this is, all inner ones counted; some number above `at_most` where there are more."""
    count, left = 0, [value]
    while left and count <= at_most:
        match left.pop():
            case dict(inner):
                left.extend(inner.values())
            case tuple(inner):
                left.extend(inner)
        count += 1
    return count


def _kind(node: yaml.Node | None) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.ScalarNode):
        return _KINDS.get(node.tag, "text")
    return "a mapping"


def _plain(node: yaml.Node) -> object:
    """The value of a scalar: None for null, Odd.REFUSED for one with a tag.

    Numbers have one spelling here: `010` (eight in YAML 1.1), `1:30` (ninety) and `1_000` are accepted nowhere.
    """
    text = node.value
    match node.tag:
        case "null":
            return None
        case "bool":
            return _BOOLEANS.get(text.lower(), Odd.REFUSED)
        case "int":
            return int(text) if _WHOLE_NUMBER.fullmatch(text) else Odd.NUMBER
        case "float":
            return float(text) if _DECIMAL_NUMBER.fullmatch(text) else Odd.NUMBER
        case "str" | "timestamp" | "merge" | "value" | "tag:yaml.org,2002:str":  # nothing here is a date
            # A copy: the node's text lies among nodes in memory, and would keep holes of 35 MB at 10,000 accounts.
            return str(text.encode("utf-8", "surrogatepass"), "utf-8", "surrogatepass")
        case _:
            return Odd.REFUSED


def to_yaml(document: object) -> str:
    """The text of a document that consists of dict, list and plain values, in their order."""
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=math.inf)
    return text
