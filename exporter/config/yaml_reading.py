"""YAML into plain values that remember where they stood, stricter than YAML itself. The one home of PyYAML.

YAML is read as events, not through PyYAML's own composer: that one recurses (a file of brackets ends it), keeps the
last of two equal keys, and resolves merge keys and tags that this format has no use for.

    read -> Document(root: Node, problems)      Node.value: scalar, {key: Entry} or [Entry]; Entry: line and Node
"""

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from exporter.config.problems import Location, Problem, path_of, shown

MAX_DEPTH = 32
MAX_ALIASED_VALUES = 100_000

# libyaml is several times as fast, which a file of 10,000 accounts needs; the wheels have it, some builds do not.
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
# What YAML 1.1 does not allow, and three more that it takes for line ends where no editor does.
_FORBIDDEN_CHARACTER = re.compile("[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAB_INDENT = re.compile(r" *\t")
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")


class Odd(enum.Enum):
    """Values that no field accepts."""

    NUMBER = "a number that YAML 1.1 reads in another base, or that is not finite"
    REFUSED = "a value already named in the document's problems"


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the file."""

    value: "str | int | float | bool | Odd | dict[str, Entry] | list[Entry]"
    text: str = ""
    """A scalar as it was written."""
    size: int = 1
    """How many values this is, all inner ones counted."""

    def child(self, step: str | int) -> "Entry | None":
        """The inner value of that key or position; None when there is none."""
        match self.value, step:
            case dict(), str():
                return self.value.get(step)
            case list(), int() if step < len(self.value):
                return self.value[step]
            case _:
                return None

    def plain(self) -> object:
        """The value as dict, tuple and scalars."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return tuple(entry.node.plain() for entry in self.value)
        return self.value

    def kind(self) -> str:
        """What this is, in words, without its content."""
        match self.value:
            case dict():
                return "a mapping"
            case list():
                return "a list"
            case bool():
                return "a boolean"
            case str():
                return "text"
            case _:
                return "a number"

    def described(self) -> str:
        """What this is, with its content where that is one word or number."""
        if isinstance(self.value, dict | list):
            return self.kind() if self.value else self.kind().replace("a ", "an empty ")
        if isinstance(self.value, str):
            return shown(self.value)
        return f"{self.text[:40]} ({self.kind()})"


@dataclass(frozen=True, slots=True)
class Entry:
    """A value at its place."""

    line: int
    """Of the key, or of the start of the list item; from 1."""
    node: Node


@dataclass(frozen=True, slots=True)
class Document:
    """The whole file and what was wrong with its YAML; values with a problem are `Odd.REFUSED` in it."""

    root: Node
    problems: tuple[Problem, ...]

    def entry(self, location: Location) -> Entry | None:
        """What stands at the location; None when nothing does."""
        entry = Entry(1, self.root)
        for part in location:
            child = entry.node.child(part)
            if child is None:
                return None
            entry = child
        return entry

    def line_of(self, location: Location) -> int:
        """The line of what stands at the location, or of the nearest thing around it."""
        known = next((at for at in _upwards(location) if self.entry(at) is not None), ())
        entry = self.entry(known)
        return entry.line if entry else 1


class UnreadableError(Exception):
    """The text cannot be read any further; `problem` says why."""

    problem: Problem

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def read(text: str) -> Document:
    """The document in the text; a text without any is an empty mapping. Raises UnreadableError."""
    if character := _FORBIDDEN_CHARACTER.search(text):
        line = text.count("\n", 0, character.start()) + 1
        raise _unreadable((), line, f"the character U+{ord(character[0]):04X}", "printable text")
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except yaml.YAMLError as error:
        raise _broken(error, text) from None  # the cause quotes the file, which may hold secrets
    return Document(composer.root, tuple(composer.problems))


def _broken(error: yaml.YAMLError, text: str) -> UnreadableError:
    lines = text.splitlines()
    mark = getattr(error, "problem_mark", None)
    line = min(mark.line + 1, max(len(lines), 1)) if mark else 1
    if lines and _TAB_INDENT.match(lines[line - 1]):
        return _unreadable((), line, "a tab in the indentation", "spaces")
    # Words in quotes come from the file (the name of a tag, an alias): they might be part of a secret.
    reason = re.sub(r"""(['"]).*\1""", "(not shown)", getattr(error, "problem", None) or "unreadable")
    return _unreadable((), line, f"broken YAML ({reason})", "YAML; text with special characters in quotes")


def _unreadable(location: Location, line: int, seen: str, accepted: str) -> UnreadableError:
    return UnreadableError(Problem(path_of(location), line, seen, accepted))


def _upwards(location: Location) -> Iterator[Location]:
    return (location[:length] for length in range(len(location), -1, -1))


@dataclass(slots=True)
class _Frame:
    """A mapping or list whose end has not been seen yet."""

    location: Location
    line: int
    anchor: str | None
    children: dict[str, Entry] | list[Entry]
    size: int = 1
    key: str | None = None
    """The key whose value comes next; in a mapping without one, a key comes next."""
    key_line: int = 1
    refused: bool = False
    """The whole value was refused."""
    skip_value: bool = False
    """The next value belongs to a key that was refused."""

    def next_location(self) -> Location:
        if isinstance(self.children, list):
            return (*self.location, len(self.children))
        return self.location if self.key is None else (*self.location, self.key)


@dataclass(slots=True)
class _Composer:
    """Builds nodes from YAML events, one at a time."""

    root: Node = field(default_factory=lambda: Node({}))
    problems: list[Problem] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    aliased: int = 0
    documents: int = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise _unreadable((), line, "a second document", "one document a file")
            case yaml.ScalarEvent():
                node = self._scalar(event, line)
                self._remember(event.anchor, node)
                self._place(node, line)
            case yaml.AliasEvent():
                self._place(self._aliased(event.anchor or "", line), line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(event, line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()

    def _here(self) -> Location:
        return self.frames[-1].next_location() if self.frames else ()

    def _report(self, location: Location, line: int, *, seen: str, accepted: str) -> None:
        # A place inside a value that will be thrown away has had its problem.
        if not any(frame.refused or frame.skip_value for frame in self.frames):
            self.problems.append(Problem(path_of(location), line, seen, accepted))

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self.anchors[anchor] = node

    def _aliased(self, anchor: str, line: int) -> Node:
        node = self.anchors.get(anchor)
        if node is None:
            self._report(
                self._here(),
                line,
                seen="an alias of nothing above it",
                accepted="a value, in quotes if it begins with *",
            )
            return Node(Odd.REFUSED)
        self.aliased += node.size
        if self.aliased > MAX_ALIASED_VALUES:
            raise _unreadable(
                self._here(), line, "aliases that stand for too many values", f"{MAX_ALIASED_VALUES} in all"
            )
        return node

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int) -> None:
        if len(self.frames) >= MAX_DEPTH:
            raise _unreadable((), line, "deeper nesting than any key has", f"at most {MAX_DEPTH} levels")
        tagged = event.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
        if tagged:
            self._report(self._here(), line, seen="a YAML tag", accepted="a value without a tag")
        children: dict[str, Entry] | list[Entry] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.frames.append(_Frame(self._here(), line, event.anchor, children, refused=tagged))

    def _close(self) -> None:
        frame = self.frames.pop()
        node = Node(Odd.REFUSED if frame.refused else frame.children, size=frame.size)
        self._remember(frame.anchor, node)
        self._place(node, frame.line)

    def _place(self, node: Node, line: int) -> None:
        if not self.frames:
            self.root = node
            return
        frame = self.frames[-1]
        frame.size += node.size
        if isinstance(frame.children, list):
            frame.children.append(Entry(line, node))
        elif frame.skip_value:
            frame.skip_value = False
        elif frame.key is None:
            frame.key, frame.key_line = self._key(node, line, among=frame.children), line
            frame.skip_value = frame.key is None
        else:
            frame.children[frame.key] = Entry(frame.key_line, node)
            frame.key = None

    def _key(self, node: Node, line: int, *, among: dict[str, Entry]) -> str | None:
        location = self.frames[-1].location
        if node.value is Odd.REFUSED:
            return None
        if not isinstance(node.value, str):
            self._report(
                location, line, seen=f"{node.kind()} as a key", accepted="a word as a key, in quotes if need be"
            )
        elif node.value == "<<":
            self._report(location, line, seen="the merge key <<", accepted="the keys themselves, written out")
        elif (first := among.get(node.value)) is not None:
            seen = f"the key again (first on line {first.line})"
            self._report((*location, node.value), line, seen=seen, accepted="each key once")
        else:
            return node.value
        return None

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Node:
        text = event.value
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            self._report(self._here(), line, seen="a YAML tag", accepted="a value without a tag")
            return Node(Odd.REFUSED)
        if event.tag is not None or not event.implicit[0]:
            return Node(text, text)
        value = _plain_scalar(text)
        if value is None:
            self._report(self._here(), line, seen="nothing", accepted="a value, or no such key")
            return Node(Odd.REFUSED)
        return Node(value, text)


def _plain_scalar(text: str) -> str | float | bool | Odd | None:
    """The value of a scalar without quotes; None for null.

    Numbers have one spelling here: `010` (eight in YAML 1.1), `1:30` (ninety) and `1_000` are accepted nowhere.
    """
    tag: str = yaml.resolver.Resolver().resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    match tag.removeprefix("tag:yaml.org,2002:"):
        case "null":
            return None
        case "bool":
            return text.lower() in {"yes", "true", "on"}
        case "int":
            return int(text) if _WHOLE_NUMBER.fullmatch(text) else Odd.NUMBER
        case "float":
            return float(text) if _DECIMAL_NUMBER.fullmatch(text) else Odd.NUMBER
        case _:  # dates are text as well: nothing here is a date
            return text
