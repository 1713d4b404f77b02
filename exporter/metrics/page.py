"""The /metrics page: blocks of pre-rendered lines, joined at scrape.

A probe's lines are rendered when its record changes, and again when time alone changes them: a billing change
falls due, data goes stale. Lines of its state are kept while polls find no change. A scrape joins the lines and
computes the seconds of countdowns. Lines of text and OpenMetrics are the same bytes; only the heads of families
differ.

    Exposition          the page
    └── _Block          neighbours in the schedule with the same families; few blocks change between two scrapes
        └── _Slot       one probe: its record and its lines, family by family
"""

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from itertools import compress
from operator import ne
from typing import Any

from prometheus_client import CollectorRegistry

from exporter.core.model import ProbeKey
from exporter.core.store import ProbeRecord
from exporter.metrics.families import (
    ACCOUNT_INFO_HELP,
    ACCOUNT_INFO_NAME,
    EXPIRY_HELP,
    EXPIRY_NAME,
    HEALTH_FAMILIES,
    POLL_CALLS,
    families_of_polls,
    head,
)
from exporter.metrics.lines import ExpiryLines, account_line, label_text, number_text
from exporter.metrics.registry_page import RegistryPage
from exporter.probes.kind import AnyKind, Family, MetricType, Scope, Visible

# The lines of a family with one line for each probe are one piece of what is sent at once: with 512 probes there are
# four times as many pieces, and a scrape of 10,000 accounts takes 8 % longer.
_BLOCK_PROBES = 2_048
_FEW_PROBES = 50


class ExpositionFormat(Enum):
    """A format in which the page can be written."""

    TEXT = "text"
    OPENMETRICS = "openmetrics"


class Exposition:
    """The page of one process, empty until configured; safe to use from any thread.

    ``kinds`` are the kinds of probes that can be on it: their families always are, in this order. ``own`` is the
    registry of the exporter's own metrics. ``expiries`` returns, at each scrape and without waiting, the accounts
    whose credentials expire, and when.
    """

    def __init__(
        self,
        kinds: Iterable[AnyKind],
        *,
        own: CollectorRegistry,
        now: Callable[[], float],
        expiries: Callable[[], Iterable[tuple[str, float]]] = tuple,
    ) -> None:
        self._lock = threading.Lock()
        self._families = tuple(
            dict.fromkeys((*(family for kind in kinds for family in kind.families), *HEALTH_FAMILIES, POLL_CALLS))
        )
        self._read_expiries = expiries
        self._expiries = ExpiryLines()
        self._own = RegistryPage(own)
        self._now = now
        # Many probes share few values. Bounded, since the API chooses some: an instance id has one probe.
        self._label = lru_cache(maxsize=1_024)(lambda name, value: label_text({name: value}))
        self._account_lines: dict[str, bytes] = {}
        self._account_block = b""
        self._slots: dict[ProbeKey, _Slot] = {}
        self._blocks: list[_Block] = []

    def configure(
        self, probes: Iterable[tuple[ProbeKey, AnyKind]], *, stale_after_of: Callable[[AnyKind], float]
    ) -> None:
        """Have exactly these probes on the page, whose answers go stale after the seconds of their kind.

        The probes are in the order of the schedule; those that were there keep their records. For one thread at a
        time.
        """
        wanted = dict(probes)
        stale_after_s = {kind: stale_after_of(kind) for kind in set(wanted.values())}
        # Rendered without the lock: a scrape must not wait for thousands of new ones.
        new = {
            key: self._slot(key, kind, stale_after_s[kind]) for key, kind in wanted.items() if key not in self._slots
        }
        for slot in new.values():
            self._render(slot)
        with self._lock:
            self._slots = {key: new.get(key) or self._slots[key] for key in wanted}
            _join(self._slots)
            self._blocks = _blocks(self._slots.values())
            for block in self._blocks:
                for slot in block.slots:
                    slot.block = block
                    if slot.stale_after_s != stale_after_s[slot.kind]:
                        slot.stale_after_s = stale_after_s[slot.kind]
                        self._render_with_joined(slot)
                block.renders_until = min(slot.renders_until for slot in block.slots)

    def update(self, key: ProbeKey, record: ProbeRecord) -> None:
        """Render the probe's lines from this record; a probe that is not on the page is left out."""
        with self._lock:
            slot = self._slots.get(key)
            if slot is not None:  # else it left while its poll was under way
                slot.record = record
                self._render_with_joined(slot)

    def set_account(self, account: str, labels: Mapping[str, str]) -> None:
        """Give ``dcdn_account_info`` of an account on the page these labels beside its name."""
        line = account_line(account, labels)
        with self._lock:
            if account in self._account_lines:
                self._account_lines[account] = line
                self._account_block = b""

    def set_accounts(self, accounts: Mapping[str, Mapping[str, str]]) -> None:
        """Have a ``dcdn_account_info`` for exactly these accounts, with these labels."""
        lines = {account: account_line(account, labels) for account, labels in accounts.items()}
        with self._lock:
            self._account_lines = lines
            self._account_block = b""

    @property
    def small(self) -> bool:
        """Whether there are so few probes that the page takes less than a millisecond."""
        return len(self._slots) <= _FEW_PROBES

    def page(self, exposition_format: ExpositionFormat) -> list[bytes]:
        """The page as it is now, in blocks of bytes that are shared between scrapes."""
        openmetrics = exposition_format is ExpositionFormat.OPENMETRICS
        own = self._own.write(openmetrics=openmetrics)
        expiries = dict(self._read_expiries())
        page = [head(ACCOUNT_INFO_NAME, ACCOUNT_INFO_HELP, MetricType.GAUGE, openmetrics=openmetrics)]
        with self._lock:
            now = self._now()
            for block in self._blocks:
                self._refresh(block, now)
            self._account_block = self._account_block or b"".join(self._account_lines.values())
            page.append(self._account_block)
            for family in self._families:
                page.append(head(family.name, family.help, family.metric_type, openmetrics=openmetrics))
                page += [lines for block in self._blocks if (lines := block.of(family, now))]
            page.append(head(EXPIRY_NAME, EXPIRY_HELP, MetricType.GAUGE, openmetrics=openmetrics))
            page.append(self._expiries.lines(expiries))
        page.append(own)
        return page

    def _slot(self, key: ProbeKey, kind: AnyKind, stale_after_s: float) -> "_Slot":
        return _Slot(
            kind=kind,
            stale_after_s=stale_after_s,
            poll_families=families_of_polls(kind),
            account=label_text({"account": key.account}),
            product=self._label("product", key.product),
            probe=self._label("probe", key.probe),
        )

    def _refresh(self, block: "_Block", now: float) -> None:
        if now >= block.renders_until:
            for slot in block.slots:
                if now >= slot.renders_until:
                    self._render(slot)
            block.renders_until = min(slot.renders_until for slot in block.slots)
        if block.changed:
            block.join()

    def _render_with_joined(self, slot: "_Slot") -> None:
        self._render(slot)
        if slot.shown_by is not None:
            self._render(slot.shown_by)

    def _render(self, slot: "_Slot") -> None:
        now, kind, record = self._now(), slot.kind, slot.record
        state, young_until = _known(slot, now)
        shown = None if state is None else kind.visible(state, record.memory, now)
        if shown == slot.shown:
            state_lines = slot.lines[: len(kind.families)]
        else:
            state_lines = () if shown is None else tuple(self._state_lines(slot, shown.value))
            slot.shown = shown
        former, slot.lines = slot.lines, (*(state_lines or (b"",) * len(kind.families)), *self._health_lines(slot))
        slot.rendered = record
        slot.renders_until = math.inf if shown is None else min(young_until, shown.until)
        if slot.block is not None:
            slot.block.changed.update(compress(range(len(slot.lines)), map(ne, former, slot.lines)))
            # It may be too early, which costs a needless look at the block, and is never too late.
            slot.block.renders_until = min(slot.block.renders_until, slot.renders_until)

    def _state_lines(self, slot: "_Slot", value: Any) -> "Iterator[_Lines]":
        for family in slot.kind.families:
            if family.countdown:
                yield tuple(self._samples(family, value, slot))
            else:
                yield self._lines(family, value, slot)

    def _health_lines(self, slot: "_Slot") -> "Iterator[_Lines]":
        former = slot.lines[len(slot.kind.families) :] or (b"",) * len(slot.poll_families)
        for family, lines in zip(slot.poll_families, former, strict=True):
            same = family.part is not None and lines and family.part(slot.record) is family.part(slot.rendered)
            yield lines if same else self._lines(family, slot.record, slot)

    def _lines(self, family: Family[Any], source: Any, slot: "_Slot") -> bytes:
        if not family.labels:  # the fast path: most families that every poll changes
            start = f"{family.name}{{{','.join(slot.labels(family.scope))}}}"
            return "".join([f"{start} {number_text(number)}\n" for _, number in family.samples(source)]).encode()
        lines = [f"{start} {number_text(number)}\n" for start, number in self._samples(family, source, slot)]
        return "".join(lines).encode()

    def _samples(self, family: Family[Any], source: Any, slot: "_Slot") -> Iterator[tuple[str, float]]:
        """Name and labels of each sample as written, labels in the library's order, and its number."""
        labels = slot.labels(family.scope)
        if not family.labels:
            start = f"{family.name}{{{','.join(labels)}}}"
            for _, number in family.samples(source):
                yield start, number
        elif len(family.labels) == 1:
            name = family.labels[0]
            before = f"{family.name}{{{''.join(f'{label},' for label in labels if _name(label) < name)}"
            after = f"{''.join(f',{label}' for label in labels if _name(label) > name)}}}"
            for (value,), number in family.samples(source):
                yield f"{before}{self._label(name, value)}{after}", number
        else:
            for values, number in family.samples(source):
                own = map(self._label, family.labels, values)
                yield f"{family.name}{{{','.join(sorted((*labels, *own), key=_name))}}}", number


@dataclass(slots=True, eq=False)
class _Slot:
    """One probe on the page: its lines are right until ``renders_until``, unless its record changes.

    ``rendered`` is the record that was rendered. ``account``, ``product`` and ``probe`` are labels as written.
    ``lines`` are those of the kind's families, then those of its polls. ``joined`` are the slots whose states are
    shown at this one, ``shown_by`` is the one that shows this one's.
    """

    kind: AnyKind
    stale_after_s: float
    poll_families: tuple[Family[ProbeRecord], ...]
    account: str
    product: str
    probe: str
    record: ProbeRecord = field(default_factory=ProbeRecord)
    rendered: ProbeRecord = field(default_factory=ProbeRecord)
    shown: Visible[Any] | None = None
    lines: "tuple[_Lines, ...]" = ()
    renders_until: float = math.inf
    block: "_Block | None" = None
    joined: "tuple[_Slot, ...]" = ()
    shown_by: "_Slot | None" = None

    def labels(self, scope: Scope) -> tuple[str, ...]:
        """The labels of this scope, in the library's order."""
        if scope is Scope.ACCOUNT:
            return (self.account,)
        return (self.account, self.product) if scope is Scope.PRODUCT else (self.account, self.probe, self.product)


# Lines of one family and probe; for a countdown, the start of each line and its moment.
_Lines = bytes | tuple[tuple[str, float], ...]


@dataclass(slots=True, eq=False)
class _Block:
    """The lines of neighbouring probes with the same families, joined family by family.

    ``changed`` are the places of the families whose lines have to be joined anew. Before ``renders_until``, time
    alone changes no line.
    """

    slots: Sequence[_Slot]
    changed: set[int] = field(default_factory=set)
    lines: list[Any] = field(default_factory=list)
    renders_until: float = math.inf
    places: Mapping[Family[Any], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        families = (*self.slots[0].kind.families, *self.slots[0].poll_families)
        self.places = {family: place for place, family in enumerate(families)}
        self.changed = set(range(len(families)))
        self.lines = [b""] * len(families)

    def join(self) -> None:
        """Join the lines of families that have changed: few, as most polls find no change."""
        for family, place in self.places.items():
            if place in self.changed:
                parts: list[Any] = [slot.lines[place] for slot in self.slots]
                self.lines[place] = [one for part in parts for one in part] if family.countdown else b"".join(parts)
        self.changed.clear()

    def of(self, family: Family[Any], now: float) -> bytes:
        """The lines of a family; the seconds of a countdown are true at ``now`` only."""
        place = self.places.get(family)
        if place is None:
            return b""
        if family.countdown:
            return "".join(f"{start} {number_text(moment - now)}\n" for start, moment in self.lines[place]).encode()
        return self.lines[place]  # type: ignore[no-any-return]


def _name(label: str) -> str:
    """The name in a label's text: the library orders labels by it."""
    return label.partition("=")[0]


def _join(slots: Mapping[ProbeKey, _Slot]) -> None:
    """Let slots whose states are shown together know each other."""
    for key, slot in slots.items():
        if slot.kind.joins:
            others = (replace(key, probe=probe) for probe in slot.kind.joins)
            slot.joined = tuple(slots[other] for other in others if other in slots)
            for other in slot.joined:
                other.shown_by = slot


def _known(slot: _Slot, now: float) -> tuple[Any, float]:
    """The state that is shown at a slot, None without any, and the Unix time until which it is young enough."""
    states, young_until = {}, math.inf
    for each in (slot, *slot.joined):
        state = each.record.current_state(now, each.stale_after_s)
        if state is not None:
            states[each.kind.probe] = state
            stale_at = math.nextafter(each.record.last_success_at + each.stale_after_s, math.inf)
            young_until = min(young_until, stale_at)
    return slot.kind.joined(states), young_until


def _blocks(slots: Iterable[_Slot]) -> list[_Block]:
    """Blocks of neighbours in the schedule whose kinds have the same families."""
    alike: dict[tuple[int, int], list[_Slot]] = defaultdict(list)
    for slot in slots:
        alike[id(slot.kind.families), id(slot.poll_families)].append(slot)
    return [
        _Block(each[at : at + _BLOCK_PROBES]) for each in alike.values() for at in range(0, len(each), _BLOCK_PROBES)
    ]
