"""Which rules can have a result where only some series exist.

Most rules are about metrics that a case of their tests does not have. Promtool would read and evaluate each of them
anew for every minute, and find nothing.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
    |(?P<labels>\{(?:[^{}"'`]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)*\})
    |(?P<range>\[[^\]]*\])
    |(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+|[a-z]\w*)?)
    |(?P<name>[a-zA-Z_:][\w:]*)
    |(?P<mark>==|!=|<=|>=|[-+*/%^<>(),@])""",
    re.VERBOSE,
)
_OPERATORS: Final = frozenset(["==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "^", "atan2"])
_GROUPING: Final = frozenset(["on", "ignoring", "group_left", "group_right", "by", "without"])
_NUMBERS: Final = frozenset(["nan", "inf"])
_OF_NOTHING: Final = frozenset(["absent", "absent_over_time", "scalar", "vector", "time"])
"""Functions that have a result without any series."""


def reachable(groups: Iterable[dict[str, Any]], series: Iterable[str]) -> list[dict[str, Any]]:
    """The groups, less the rules whose result is empty at any moment when no other metrics than these exist.

    Rules find what others of them record or fire, so one that stays may keep another.
    """
    every = list(groups)
    names, before = set(series), None
    while before != len(names):
        before = len(names)
        names |= {
            rule.get("record", "ALERTS")
            for group in every
            for rule in group["rules"]
            if can_have_result(rule["expr"], names)
        }
    return [
        {**group, "rules": [rule for rule in group["rules"] if can_have_result(rule["expr"], names)]}
        for group in every
    ]


def can_have_result(expression: str, names: Collection[str]) -> bool:
    """False only where the expression has no result, whatever the samples of metrics with these names.

    ValueError when it has something that is not understood.
    """
    reader = _Reader(expression, names)
    result = reader.any_of()
    reader.expect_end()
    return result


class _Reader:
    """Reads an expression of PromQL from left to right, and says of each part whether it can have a result."""

    def __init__(self, expression: str, names: Collection[str]) -> None:
        self._tokens = [*_tokens(expression), ("end", "")]
        self._names = names

    def any_of(self) -> bool:
        """Parts between `or`."""
        return any(self._each(self._first_of, {"or"}))

    def expect_end(self) -> None:
        """Nothing is left."""
        if self._kind != "end":
            raise ValueError(f"not understood: {self._tokens}")

    def _first_of(self) -> bool:
        """Parts between `and` and `unless`; what is on the right of either has no result of its own."""
        result = self._all_of()
        while self._word in {"and", "unless"}:
            needed = self._take() == "and"
            self._pass_grouping()
            result &= self._all_of() or not needed
        return result

    def _all_of(self) -> bool:
        """Operands of what reckons or compares; a number is one as well."""
        return all(self._each(self._operand, _OPERATORS))

    def _each(self, part: Callable[[], bool], between: Collection[str]) -> list[bool]:
        results = [part()]
        while self._kind in {"name", "mark"} and self._word in between:
            self._take()
            self._pass_grouping()
            results.append(part())
        return results

    def _operand(self) -> bool:
        if self._word in {"-", "+"}:
            self._take()
        result = self._value()
        while True:
            if self._kind == "range":
                self._take()
            elif self._word in {"offset", "@"}:
                self._take()
                if self._word == "-":
                    self._take()
                self._value()
            else:
                return result

    def _value(self) -> bool:
        kind, word = self._kind, self._take()
        if kind in {"number", "text"} or word.lower() in _NUMBERS:
            return True
        if kind == "labels":
            return True  # of any name
        if word == "(":
            return all(self._inside())
        if kind != "name":
            raise ValueError(f"not understood: {word} before {self._tokens}")
        self._pass_grouping()
        if self._word == "(":
            self._take()
            results = self._inside()
            self._pass_grouping()
            return word in _OF_NOTHING or all(results)
        if self._kind == "labels":
            self._take()
        return word in self._names

    def _inside(self) -> list[bool]:
        """What stands between parentheses, of which the first was taken, with commas between."""
        if self._word == ")":
            self._take()
            return []
        results = self._each(self.any_of, {","})
        if self._take() != ")":
            raise ValueError(f"not understood: what is before {self._tokens}")
        return results

    def _pass_grouping(self) -> None:
        """Past `bool`, and past words such as `by`, with the labels that they name."""
        while self._word in _GROUPING or self._word == "bool":
            if self._take() != "bool" and self._word == "(":
                while self._take() != ")":
                    pass

    @property
    def _kind(self) -> str:
        return self._tokens[0][0]

    @property
    def _word(self) -> str:
        return self._tokens[0][1]

    def _take(self) -> str:
        return self._tokens.pop(0)[1] if len(self._tokens) > 1 else self._word


@cache
def _tokens(expression: str) -> tuple[tuple[str, str], ...]:
    tokens, at = [], 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        if found is None or found.lastgroup is None:
            raise ValueError(f"not understood: {expression[at:]}")
        if found.lastgroup != "space":
            tokens.append((found.lastgroup, found[0]))
        at = found.end()
    return tuple(tokens)
