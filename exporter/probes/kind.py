"""What the file of a kind of probe has to define; a row of the table is a ``ProbeKind``.

The store, the page, the policy, the log and the report know these types and no kind.

ProbeKind            one operation polled for one product, and what its answers mean
├── StateInRefusal       an error that stands for a state
├── Family               a metric family, whose samples come from what is visible of a state
│   └── state_set            the samples of a family with a series of 0 or 1 for each known value
├── Visible              what is visible now, and until when
├── Attention            when a state is polled more often than at its interval
├── Interval             how often it is polled in good times
└── view                 what people are shown of a state
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import reduce
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from exporter.api.call import NO_PARAMETERS
from exporter.api.errors import RefusalPattern, Refused
from exporter.api.operation import Operation
from exporter.core.model import Answer, ProbeKey
from exporter.probes.view import Condition, View

AS_OF = "As of the last successful poll; gone when that is older than dcdn_exporter_probe_stale_after_seconds."
"""The end of the help of every family of a state."""

OTHER = "other"
"""The value of a state set that stands for all further ones."""
MOST_SEEN = 16
"""How many values that the vendor does not document are kept under their names."""
MISSING = "missing"
"""The unknown value of a number that an answer leaves out."""

S = TypeVar("S")
"""The state of a kind."""
M = TypeVar("M")
"""What it remembers between answers."""
V = TypeVar("V")
"""What the page shows of both."""


class MetricType(Enum):
    """The types of metric families; the value is what the exposition formats call them."""

    GAUGE = "gauge"
    COUNTER = "counter"


class Scope(IntEnum):
    """What a series is about: the labels that all series of its family have."""

    ACCOUNT = 0
    """account"""
    PRODUCT = 1
    """account and product"""
    PROBE = 2
    """account, product and probe"""


# The values of the labels that a family adds, in the order of the family's labels, and the sample's value.
Sample = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True, eq=False)
class Family(Generic[V]):
    """One metric family.

    ``labels`` are added to those of the scope. A sample of a ``countdown`` is a Unix time; the page shows the seconds
    until then, computed at each scrape. ``part`` is the part of a source that the samples depend on, where it seldom
    changes: while it is the same object, the lines are kept.
    """

    name: str
    help: str
    samples: Callable[[V], Iterable[Sample]]
    labels: tuple[str, ...] = ()
    metric_type: MetricType = MetricType.GAUGE
    scope: Scope = Scope.PRODUCT
    countdown: bool = False
    part: Callable[[V], object] | None = None

    def __post_init__(self) -> None:
        if self.name.endswith("_total") != (self.metric_type is MetricType.COUNTER):
            raise ValueError(f"counters, and nothing else, are named _total, not {self.name}")


def with_seen(already: tuple[str, ...], named: Iterable[str]) -> tuple[str, ...]:
    """The values seen so far and those named now, in the order of their first appearance; 16, then ``other``."""
    seen = dict.fromkeys((*already, *named))
    names = [name for name in seen if name != OTHER]
    return (*names[:MOST_SEEN], *((OTHER,) if OTHER in seen or len(names) > MOST_SEEN else ()))


def bounded(counts: Mapping[str, int], documented: Collection[str]) -> dict[str, int]:
    """The counts of documented values, of 16 others, the first by name, and of all the rest as ``other``."""
    others = sorted(counts.keys() - {*documented, OTHER})
    named = {value: counts[value] for value in (*documented, *others[:MOST_SEEN]) if value in counts}
    rest = sum(counts[value] for value in others[MOST_SEEN:]) + counts.get(OTHER, 0)
    return {**named, **({OTHER: rest} if rest else {})}


def all_unknown(values: Iterable[Mapping[str, tuple[str, ...]]]) -> Mapping[str, tuple[str, ...]]:
    """The unknown values of several rows or answers, by field: each once, and 16 of a field at most."""
    found: dict[str, dict[str, None]] = {}
    for each in values:
        for field, seen in each.items():
            found.setdefault(field, {}).update(dict.fromkeys(seen))
    return MappingProxyType({field: tuple(seen)[:MOST_SEEN] for field, seen in found.items()})


def state_set(values: tuple[str, ...], holding: AbstractSet[str | None]) -> Iterator[Sample]:
    """A sample of 0 or 1 for each value; what holds and is not among them holds as ``other``."""
    named = dict.fromkeys(values)
    unnamed = holding - named.keys() - {None}
    if unnamed:
        named[OTHER] = None
    for value in named:
        yield (value,), float(value in holding or (value == OTHER and bool(unnamed)))


@dataclass(frozen=True, slots=True)
class Visible(Generic[V]):
    """What the page shows of a state; equal ones have equal lines. Time alone changes it at ``until`` (Unix time)."""

    value: V
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class Attention:
    """When a probe is polled more often than at its interval; moments are Unix time.

    It is polled at ``poll.locked_interval`` before ``faster_until``, and once more at ``extra_run_at``.
    """

    faster_until: float = -math.inf
    extra_run_at: float | None = None


NO_ATTENTION = Attention()


class Interval(Enum):
    """How often a kind is polled in good times: the value is the key below ``poll`` in the configuration."""

    POLL = "interval"
    BALANCE = "balance_interval"
    INVENTORY = "inventory_interval"
    """Answers of such kinds are kept for three of these intervals, where that is longer than ``poll.stale_after``."""


@dataclass(frozen=True, slots=True)
class News(Generic[S]):
    """How a state is logged, and at which level.

    ``fields`` are the parts of a state under the names of their metrics and labels, always the same names.
    ``is_bad``: the state is a warning when seen first. ``is_worse``: a field that changed to this value is a warning.
    ``is_worth_a_line``: the second state differs from the first by more than what changes with every poll.
    """

    subject: str
    fields: Callable[[S], Mapping[str, str]]
    is_bad: Callable[[S], bool]
    is_worse: Callable[[S, str, str], bool]
    is_worth_a_line: Callable[[S, S], bool] = lambda _before, _after: True


@dataclass(frozen=True, slots=True)
class StateInRefusal(Generic[S]):
    """An error that stands for a state of the world."""

    pattern: RefusalPattern
    state: S


def _remembers_nothing(_before: Any, _answer: Answer[Any], _at: float) -> Any:
    return None


def _as_it_is(state: Any, _memory: Any, _now: float) -> Visible[Any]:
    return Visible(state)


def _only(answers: Sequence[Answer[Any]]) -> Answer[Any]:
    (answer,) = answers
    return answer


def _no_join(_one: Any, _other: Any) -> Any:
    raise TypeError("a kind that joins others says how")


def _no_attention(_state: Any, _memory: Any, _now: float) -> Attention:
    return NO_ATTENTION


@dataclass(frozen=True, slots=True, eq=False)
class ProbeKind(Generic[S, M, V]):
    """One operation that is polled for one product of every account that has it.

    ``parse`` turns a decoded answer and its request id into an Answer, or raises MalformedReply; an answer that comes
    in pages has the rows of all. ``calls`` are the request parameters of each call of one poll, in order, and
    ``combine`` makes one answer of those of all calls.
    ``states_in_refusals`` are the errors that are answers. ``remember`` returns the new memory, from the memory so
    far (None at first), an answer and its Unix time. ``visible`` is what the page shows now. ``view`` is what people
    are shown now; its state is None where none is known. ``unknown_fields`` are the fields, in the vendor's spelling,
    whose values the documentation lists and the API may extend. ``joins`` are the probes of the same account and
    product whose states are shown with this one's, as the one state that ``join`` makes of two. ``switch`` is the key
    of the configuration that turns the probe on, and ``switch_help`` a sentence for it; None: always polled. A kind
    ``of_account`` is polled once for an account with any products, and ``product`` is its label.
    """

    product: str
    probe: str
    operation: Operation
    parse: Callable[[Mapping[str, object], str | None], Answer[S]]
    families: tuple[Family[V], ...]
    news: News[S]
    view: Callable[[S | None, float], View]
    conditions: tuple[Condition, ...]
    calls: tuple[Mapping[str, str], ...] = (NO_PARAMETERS,)
    combine: Callable[[Sequence[Answer[S]]], Answer[S]] = _only
    states_in_refusals: tuple[StateInRefusal[S], ...] = ()
    remember: Callable[[M | None, Answer[S], float], M | None] = _remembers_nothing
    visible: Callable[[S, M | None, float], Visible[V]] = _as_it_is
    attention: Callable[[S, M | None, float], Attention] = _no_attention
    unknown_fields: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    join: Callable[[S, S], S] = _no_join
    interval: Interval = Interval.POLL
    switch: str | None = None
    switch_help: str = ""
    of_account: bool = False

    def __post_init__(self) -> None:
        if not self.calls or (len(self.calls) > 1 and self.combine is _only):
            raise ValueError(f"a poll has a call, and one answer of several, seen {self.calls!r} of {self.probe}")

    @property
    def takes_many_calls(self) -> bool:
        """Whether one poll may send more than one call, other than a second try."""
        return len(self.calls) > 1 or self.operation.pages is not None

    def joined(self, states: Mapping[str, S]) -> S | None:
        """The state to show, of those known by probe: this one's and those that it joins; None without any."""
        known = [state for probe in (self.probe, *self.joins) if (state := states.get(probe)) is not None]
        return reduce(self.join, known) if known else None

    def key(self, account: str) -> ProbeKey:
        """The key of this probe of an account."""
        return ProbeKey(account=account, product=self.product, probe=self.probe)

    def state_in_refusal(self, refusal: Refused) -> Answer[S] | None:
        """The state that an error stands for, or None when it stands for a failure."""
        for meaning in self.states_in_refusals:
            if meaning.pattern.matches(refusal):
                return Answer(state=meaning.state, request_id=refusal.request_id)
        return None


AnyKind = ProbeKind[Any, Any, Any]
