"""What people are shown of a state: in the table, on the status page, and as JSON.

View
├── Condition    one thing that can be true of a service
│   └── Severity     how bad it is
├── Fragment     a part of a table cell
├── Note         what is said beside the status
└── Terms        words of the API in either
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from string import Formatter
from types import MappingProxyType
from typing import Any, Self

from exporter.core.counts import counted

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_NO_NUMBERS: "Mapping[Condition, int]" = MappingProxyType({})


class Severity(IntEnum):
    """How bad a condition is, the worst first."""

    CRITICAL = 0
    """Delivery has stopped: the command ``status`` exits with 3."""
    SERIOUS = 1
    """Delivery has stopped in part, or the vendor says that it has: the command exits with 3, too."""
    FAILING = 2
    """The last poll failed: the state may have changed since."""
    WARNING = 3
    WAITING = 4
    """There is no answer that is young enough to be trusted."""
    UPCOMING = 5
    """Something known will change."""
    INACTIVE = 6
    GOOD = 7


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One thing that can be true of a service.

    ``word`` names it in JSON, in counts and in filters; ``alarm`` is its word above the status page's table, where
    the rows that have it are counted and listed, also at 0 while it is polled for. One that is no ``state`` of the
    service is counted, and is never the row's condition. ``one`` and ``many`` are the words behind the number of what
    has it, and ``rows`` those behind the number of rows that have it; empty: those of ``word``.
    """

    word: str
    severity: Severity
    alarm: str | None = None
    state: bool = True
    one: str = ""
    many: str = ""
    rows: str = ""

    @property
    def of_rows(self) -> str:
        """The words behind the number of rows that have it."""
        return self.rows or (self.alarm or self.word).replace("_", " ")

    def counted(self, number: int) -> str:
        """The number and what has it, such as ``2 domains offline``."""
        words = self.word.replace("_", " ")
        return counted(number, self.one or words, self.many or words)


class Terms(str):
    """Words of the API, such as lock reasons; another language has words of its own beside them."""

    __slots__ = ("words",)
    words: tuple[str, ...]

    def __new__(cls, words: tuple[str, ...]) -> Self:
        """These words, with commas between them."""
        terms = super().__new__(cls, ", ".join(words))
        terms.words = words
        return terms


Values = Mapping[str, str | int]
"""What stands in the places that a template names; a Duration, Moment or Terms is shown in the reader's language."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a table cell; ``foreign`` text is the vendor's or the operator's, in any script.

    ``template`` is the text. Where there are ``values``, it has their names in braces. ``runbook`` is the alert whose
    runbook says what to do about it.
    """

    template: str
    foreign: bool = False
    values: Values = field(default_factory=lambda: _NOTHING)
    runbook: str = ""

    @property
    def text(self) -> str:
        """The template with the values in it."""
        return self.template.format_map(self.values) if self.values else self.template


@dataclass(frozen=True, slots=True)
class Note:
    """A note beside the status of a service.

    ``template`` is the sentence with the names of the ``values`` in braces; it is the same for all values, so that a
    translation can be found by it. ``runbook`` is the alert whose runbook says what to do about it.
    """

    severity: Severity
    template: str
    values: Values = field(default_factory=lambda: _NOTHING)
    runbook: str = ""

    def __post_init__(self) -> None:
        named = {name for _, name, _, _ in Formatter().parse(self.template) if name is not None}
        if named != self.values.keys():
            raise ValueError(f"a note has the values that its template names, seen {self!r}")

    @property
    def text(self) -> str:
        """The template with the values in it."""
        return self.template.format_map(self.values)


@dataclass(frozen=True, slots=True)
class View:
    """What people are shown of a state: in the table, on the status page, and as JSON.

    ``conditions`` hold now; ``numbers`` are how many domains, plans or sites have one of these, where that is more
    than the service itself. ``status`` and ``billing`` are the cells of these columns, or empty; ``notes`` stand
    behind the status. ``status_json`` and ``billing_json`` are keys of a row's JSON object; values are plain or
    datetimes. ``ahead_s`` are the seconds until the next known change; None: none is known.
    """

    conditions: tuple[Condition, ...] = ()
    numbers: Mapping[Condition, int] = field(default_factory=lambda: _NO_NUMBERS)
    status: tuple[Fragment, ...] = ()
    notes: tuple[Note, ...] = ()
    billing: tuple[Fragment, ...] = ()
    status_json: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    billing_json: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    ahead_s: float | None = None

    def __post_init__(self) -> None:
        if self.ahead_s is not None and not (math.isfinite(self.ahead_s) and self.ahead_s >= 0):
            raise ValueError(f"seconds must be finite and not negative: {self.ahead_s!r}")
