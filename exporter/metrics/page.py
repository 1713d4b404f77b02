"""The /metrics page: blocks of pre-rendered lines, joined at scrape.

A probe's lines are rendered when its record changes, and again when time alone changes them: a billing change
falls due, data goes stale. Those about its state are kept while a poll finds nothing new. A scrape joins them, with
the seconds left of pending changes computed anew. Lines of text and OpenMetrics are the same bytes; only the heads
of families differ.

    Exposition          the page
    └── _Block          neighbours in the schedule: most blocks are untouched between two scrapes
        └── _Slot       one probe: its record and its lines, family by family
"""

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from itertools import compress
from operator import ne
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.core.model import ProbeKey
from exporter.core.store import ProbeRecord
from exporter.metrics.families import (
    ACCOUNT_INFO_HELP,
    ACCOUNT_INFO_NAME,
    EXPIRY_HELP,
    EXPIRY_NAME,
    HEALTH_FAMILIES,
    REMAINING,
    STATE_FAMILIES,
    Family,
    MetricType,
    Scope,
    Source,
)
from exporter.metrics.registry_page import RegistryPage
from exporter.metrics.visible_state import Shown, ShownService, shown

FAMILIES: tuple[Family[Any], ...] = (*STATE_FAMILIES, *HEALTH_FAMILIES)
# As many as make most blocks of a family longer than what is sent at once: those are sent without being copied.
_BLOCK_PROBES = 512
_FEW_PROBES = 50
_ALL_FAMILIES = range(len(FAMILIES))
_NO_STATE_LINES = (b"",) * len(STATE_FAMILIES)
_text_page: Callable[[Collector], bytes] = generate_latest
_number: Callable[[float], str] = floatToGoString


class ExpositionFormat(Enum):
    """A format in which the page can be written."""

    TEXT = "text"
    OPENMETRICS = "openmetrics"


class HasChargeTypes(Protocol):
    """What is needed of a probe kind: the documented billing methods of its product."""

    @property
    def charge_types(self) -> tuple[str, ...]:
        """Each is a series from the first answer on."""


def label_text(labels: Mapping[str, str]) -> str:
    """Labels as they stand between the braces of a sample line, escaped by the library."""
    family = GaugeMetricFamily("x", "", labels=list(labels))
    family.add_metric(list(labels.values()), 0)
    page = _text_page(_One(family)).decode()
    return page[page.rindex("\nx{") + 3 : page.rindex("}")]


class Exposition:
    """The page of one process, empty until configured; safe to use from any thread.

    ``own`` is the registry of the exporter's own metrics. ``expiries`` says, at each scrape and without waiting, the
    accounts whose credentials end, and when.
    """

    def __init__(
        self,
        *,
        own: CollectorRegistry,
        now: Callable[[], float],
        expiries: Callable[[], Iterable[tuple[str, float]]] = tuple,
    ) -> None:
        self._lock = threading.Lock()
        self._expiries = _Expiries(expiries)
        self._own = RegistryPage(own)
        self._stale_after_s = math.inf
        self._now = now
        # Few values are many probes' own. Bounded, since the API chooses some: an instance's id is one probe's.
        self._label = lru_cache(maxsize=1_024)(lambda name, value: label_text({name: value}))
        self._account_lines: dict[str, bytes] = {}
        self._account_block = b""
        self._slots: dict[ProbeKey, _Slot] = {}
        self._blocks: list[_Block] = []

    def configure(self, probes: Iterable[tuple[ProbeKey, HasChargeTypes]], *, stale_after_s: float) -> None:
        """From the next scrape on, exactly these probes are on the page, and answers go stale after so long.

        The probes are in the order of their turns in the schedule; those that were there keep their records. For
        one thread at a time.
        """
        wanted = dict(probes)
        # Thousands of new ones are rendered before the page is held up.
        new = {key: self._slot(key, kind) for key, kind in wanted.items() if key not in self._slots}
        for slot in new.values():
            self._render(slot)
        with self._lock:
            stale_after_changed = stale_after_s != self._stale_after_s
            self._stale_after_s = stale_after_s
            self._slots = {key: new.get(key) or self._slots[key] for key in wanted}
            slots = list(self._slots.values())
            self._blocks = [_Block(slots[at : at + _BLOCK_PROBES]) for at in range(0, len(slots), _BLOCK_PROBES)]
            for block in self._blocks:
                for slot in block.slots:
                    slot.block = block
                    if stale_after_changed:
                        self._render(slot)
                block.renders_until = min(slot.renders_until for slot in block.slots)

    def update(self, key: ProbeKey, record: ProbeRecord) -> None:
        """From the next scrape on, the probe's lines are those of this record; one not on the page is left out."""
        with self._lock:
            slot = self._slots.get(key)
            if slot is not None:  # else it has left while its poll was under way
                slot.record = record
                self._render(slot)

    def set_account(self, account: str, labels: Mapping[str, str]) -> None:
        """From the next scrape on, ``dcdn_account_info`` of an account on the page has these labels and its name."""
        line = _account_line(account, labels)
        with self._lock:
            if account in self._account_lines:
                self._account_lines[account] = line
                self._account_block = b""

    def set_accounts(self, accounts: Mapping[str, Mapping[str, str]]) -> None:
        """From the next scrape on, exactly these accounts have a ``dcdn_account_info``, with these labels."""
        lines = {account: _account_line(account, labels) for account, labels in accounts.items()}
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
        page = [_head(ACCOUNT_INFO_NAME, ACCOUNT_INFO_HELP, MetricType.GAUGE, openmetrics=openmetrics)]
        with self._lock:
            now = self._now()
            for block in self._blocks:
                self._refresh(block, now)
            self._account_block = self._account_block or b"".join(self._account_lines.values())
            page.append(self._account_block)
            for index, family in enumerate(FAMILIES):
                page.append(_head(family.name, family.help, family.metric_type, openmetrics=openmetrics))
                if family is REMAINING:
                    page += [block.countdown(now) for block in self._blocks]
                else:
                    page += [block.lines[index] for block in self._blocks]
            page.append(_head(EXPIRY_NAME, EXPIRY_HELP, MetricType.GAUGE, openmetrics=openmetrics))
            page.append(self._expiries.lines())
        page.append(own)
        return page

    def _slot(self, key: ProbeKey, kind: HasChargeTypes) -> "_Slot":
        account, product = label_text({"account": key.account}), self._label("product", key.product)
        return _Slot(
            key=key,
            charge_types=kind.charge_types,
            labels=((account,), (account, product), (account, self._label("probe", key.probe), product)),
        )

    def _refresh(self, block: "_Block", now: float) -> None:
        if now >= block.renders_until:
            for slot in block.slots:
                if now >= slot.renders_until:
                    self._render(slot)
            block.renders_until = min(slot.renders_until for slot in block.slots)
        if block.changed:
            block.join()

    def _render(self, slot: "_Slot") -> None:
        now = self._now()
        state = shown(slot.record, now, stale_after_s=self._stale_after_s, documented_charge_types=slot.charge_types)
        if state != slot.shown:
            slot.state_lines = tuple(
                self._lines(family, state, slot) if isinstance(state, family.of) else b"" for family in STATE_FAMILIES
            )
            slot.shown = state
            slot.countdown = _countdown(state, slot.labels)
        former, slot.lines = slot.lines, (*slot.state_lines, *self._health_lines(slot))
        slot.rendered = slot.record
        slot.renders_until = math.inf
        if state is not None:
            slot.renders_until = math.nextafter(slot.record.last_success_at + self._stale_after_s, math.inf)
            if slot.countdown is not None:
                slot.renders_until = min(slot.renders_until, slot.countdown[1])
        if slot.block is not None:
            slot.block.changed.update(compress(_ALL_FAMILIES, map(ne, former, slot.lines)))
            # May be too early, which costs a look at the block when it has come, and never too late.
            slot.block.renders_until = min(slot.block.renders_until, slot.renders_until)

    def _health_lines(self, slot: "_Slot") -> Iterator[bytes]:
        former = slot.lines[len(STATE_FAMILIES) :] or (b"",) * len(HEALTH_FAMILIES)
        for family, lines in zip(HEALTH_FAMILIES, former, strict=True):
            same = family.part is not None and lines and family.part(slot.record) is family.part(slot.rendered)
            yield lines if same else self._lines(family, slot.record, slot)

    def _lines(self, family: Family[Source], source: Source, slot: "_Slot") -> bytes:
        start, end = _around(slot.labels[family.scope], family)
        if family.label is None:
            lines = [f"{start}{end} {_number(number)}\n" for _, number in family.samples(source)]
        else:
            lines = [
                f"{start}{self._label(family.label, value)}{end} {_number(number)}\n"
                for value, number in family.samples(source)
            ]
        return "".join(lines).encode()


@dataclass(slots=True, eq=False)
class _Slot:
    """One probe on the page: ``renders_until`` is when time alone makes its lines wrong.

    ``rendered`` is the record that the lines are of. ``labels`` are those of each scope, in the library's order.
    ``countdown`` is the start of the line that is written at each scrape, and the moment that it counts down to.
    """

    key: ProbeKey
    charge_types: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    record: ProbeRecord = field(default_factory=ProbeRecord)
    rendered: ProbeRecord = field(default_factory=ProbeRecord)
    shown: Shown | None = None
    state_lines: tuple[bytes, ...] = _NO_STATE_LINES
    lines: tuple[bytes, ...] = ()
    countdown: tuple[str, float] | None = None
    renders_until: float = math.inf
    block: "_Block | None" = None


@dataclass(slots=True, eq=False)
class _Block:
    """The lines of neighbouring probes, joined family by family.

    ``changed`` are the families, by their place in FAMILIES, whose lines are to be joined anew. Before
    ``renders_until``, time alone changes no line.
    """

    slots: list[_Slot]
    changed: set[int] = field(default_factory=lambda: set(_ALL_FAMILIES))
    lines: list[bytes] = field(default_factory=lambda: [b""] * len(FAMILIES))
    renders_until: float = math.inf
    counting: list[tuple[str, float]] = field(default_factory=list)

    def join(self) -> None:
        """Join anew the lines that have changed: those of a few families, as most polls find what was known."""
        for index in self.changed:
            self.lines[index] = b"".join([slot.lines[index] for slot in self.slots])
        self.changed.clear()
        # A countdown that is another one has another line of its moment, too.
        self.counting = [slot.countdown for slot in self.slots if slot.countdown is not None]

    def countdown(self, now: float) -> bytes:
        """The lines of the seconds left, which are true at ``now`` only."""
        return "".join(f"{prefix} {_number(due - now)}\n" for prefix, due in self.counting).encode()


class _Expiries:
    """The lines of when credentials end; each is kept while that does not change. For one thread at a time."""

    def __init__(self, read: Callable[[], Iterable[tuple[str, float]]]) -> None:
        self._read = read
        self._known: Mapping[str, float] = {}
        self._lines: Mapping[str, bytes] = {}
        self._block = b""

    def lines(self) -> bytes:
        """The lines as of now."""
        known = dict(self._read())
        if known != self._known:
            self._lines = {
                account: self._lines[account] if self._known.get(account) == at else _expiry_line(account, at)
                for account, at in known.items()
            }
            self._known, self._block = known, b"".join(self._lines.values())
        return self._block


def _countdown(state: Shown | None, labels: tuple[tuple[str, ...], ...]) -> tuple[str, float] | None:
    """The start of the line that counts down to a billing change, and when the change falls due."""
    if not isinstance(state, ShownService) or state.pending is None or state.pending.takes_effect is None:
        return None
    return "".join(_around(labels[Scope.PRODUCT], REMAINING)), state.pending.takes_effect.timestamp()


def _around(labels: tuple[str, ...], family: Family[Any]) -> tuple[str, str]:
    """What stands before and after the family's own label in a sample line; labels are ordered as the library's."""
    if family.label is None:
        return f"{family.name}{{{','.join(labels)}", "}"
    before = "".join(f"{label}," for label in labels if label < family.label)
    after = "".join(f",{label}" for label in labels if label > family.label)
    return f"{family.name}{{{before}", f"{after}}}"


def _account_line(account: str, labels: Mapping[str, str]) -> bytes:
    return f"{ACCOUNT_INFO_NAME}{{{label_text({'account': account, **labels})}}} 1.0\n".encode()


def _expiry_line(account: str, at: float) -> bytes:
    return f"{EXPIRY_NAME}{{{label_text({'account': account})}}} {_number(at)}\n".encode()


class _One(Collector):
    """A registry of one family, as the library's writers take it."""

    def __init__(self, family: GaugeMetricFamily) -> None:
        self._family = family

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return [self._family]


def _head(name: str, text: str, metric_type: MetricType, *, openmetrics: bool) -> bytes:
    """The HELP and TYPE lines; OpenMetrics names a counter's family without its suffix."""
    family = name.removesuffix("_total") if openmetrics and metric_type is MetricType.COUNTER else name
    return f"# HELP {family} {text}\n# TYPE {family} {metric_type.value}\n".encode()
