"""Reads YAML strictly: every problem names its path of keys, what was seen and what is accepted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Value = TypeVar("Value")

_DEPTH = 20
_DURATION = re.compile(r"(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m)?(?:(?P<s>[0-9]+)s)?(?:(?P<ms>[0-9]+)ms)?", re.ASCII)
_SECONDS_OF = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class ScenarioError(ValueError):
    """A scenario cannot be played."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        """One sentence each, beginning with the path of keys."""
        super().__init__("\n".join(self.problems))


def read_yaml(text: str) -> object:
    """Return the only document of a YAML text as plain values; raises ScenarioError, also for a repeated key."""
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            return None if node is None else _plain(loader, node, "", 0)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ScenarioError([f"the file is no YAML: {error}"]) from error


def _plain(loader: yaml.SafeLoader, node: yaml.Node, path: str, depth: int) -> object:
    # An alias to a node that holds it would go on for ever.
    if depth > _DEPTH:
        raise ScenarioError([f"{path}: nested deeper than {_DEPTH} levels"])
    if isinstance(node, yaml.MappingNode):
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in values:
                raise ScenarioError([f"{_join(path, key)}: the key is there twice; accepted: once"])
            values[key] = _plain(loader, value_node, _join(path, key), depth + 1)
        return values
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, f"{path}[{index}]", depth + 1) for index, item in enumerate(node.value)]
    value: object = loader.construct_object(node)
    return value


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


class Section:
    """A mapping of the file whose values are taken out by key and checked on the way; raises ScenarioError."""

    def __init__(self, value: object, path: str, *, accepted: Iterable[str]) -> None:
        keys = tuple(accepted)
        if not isinstance(value, dict):
            raise self.problem(path, value, f"a mapping of {', '.join(keys)}")
        self.path = path
        self._values = value
        if unknown := [key for key in value if key not in keys]:
            raise ScenarioError(
                f"{_join(path, key)}: the key is not known; accepted: {', '.join(keys)}" for key in unknown
            )

    @staticmethod
    def problem(path: str, seen: object, accepted: str) -> ScenarioError:
        """Return the error for a value that is not what is accepted."""
        return ScenarioError([f"{path or 'the file'}: is {seen!r}; accepted: {accepted}"])

    def has(self, key: str) -> bool:
        """Whether the key is there, null included."""
        return key in self._values

    def is_null(self, key: str) -> bool:
        """Whether the key is there and says null."""
        return self.has(key) and self._values[key] is None

    def at(self, key: str) -> str:
        """Return the path of a key."""
        return _join(self.path, key)

    def value(self, key: str) -> object:
        """Return a value that must be there, unchecked."""
        if key not in self._values:
            raise ScenarioError([f"{self.at(key)}: is missing"])
        return self._values[key]

    def text(self, key: str, *, secret: bool = False) -> str:
        """Return a text that must be there and not be empty; a secret one is not shown in an error."""
        value = self.value(key)
        if isinstance(value, str) and value:
            return value
        raise self.problem(
            self.at(key), "..." if secret else value, "a text, in quotes if it looks like something else"
        )

    def flag(self, key: str) -> bool:
        """Return a truth value that must be there."""
        value = self.value(key)
        if isinstance(value, bool):
            return value
        raise self.problem(self.at(key), value, "true or false")

    def number(self, key: str) -> float:
        """Return a number that must be there."""
        value = self.value(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        raise self.problem(self.at(key), value, "a number")

    def whole(self, key: str) -> int:
        """Return a whole number that must be there."""
        value = self.value(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise self.problem(self.at(key), value, "a whole number")

    def duration_s(self, key: str) -> float:
        """Return a duration that must be there, in seconds."""
        value = self.value(key)
        match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if match is None:
            raise self.problem(self.at(key), value, "a duration such as 90s, 1m30s or 500ms")
        return sum(int(count) * _SECONDS_OF[unit] for unit, count in match.groupdict().items() if count)

    def items(self, key: str) -> list[tuple[str, object]]:
        """Return the entries of a list that must be there, each with its path."""
        value = self.value(key)
        if not isinstance(value, list):
            raise self.problem(self.at(key), value, "a list")
        return [(f"{self.at(key)}[{index}]", item) for index, item in enumerate(value)]


def read_each(items: Iterable[tuple[str, object]], read: Callable[[object, str], Value]) -> list[Value]:
    """Return what every item was read as; raises one ScenarioError with the problems of all of them."""
    values: list[Value] = []
    problems: list[str] = []
    for path, item in items:
        try:
            values.append(read(item, path))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return values
