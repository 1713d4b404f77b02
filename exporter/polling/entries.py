"""What the schedule knows of its probes, and of the endpoints that they call."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum

from exporter.api.call import Permit
from exporter.core.model import ProbeKey
from exporter.polling.policy import TICK_S, Intervals, place_s
from exporter.polling.poller import Probe
from exporter.probes.kind import AnyKind


class Phase(Enum):
    """Where a probe is between being due and being done; GONE: no longer configured."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"
    POSTPONED = "postponed"
    GONE = "gone"


@dataclass(slots=True, eq=False)
class Endpoint:
    """What is known of the server that some probes call; moments are monotonic.

    ``intervals`` are those of the probes that run most often: their pauses are the first to grow in an outage.
    """

    intervals: Intervals
    last_answer_at: float
    recovered_at: float = float("-inf")


@dataclass(slots=True, eq=False)
class Entry:
    """One probe in the schedule; it runs at ``anchor`` plus whole pauses."""

    probe: Probe
    intervals: Intervals
    endpoint: Endpoint
    anchor: datetime
    pause_s: float
    phase: Phase = Phase.IDLE
    follow_up: bool = False
    failed: bool = False
    hanging: bool = False
    permit: Permit | None = None
    started_at: float = 0.0
    extra_run_at: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def job_id(self, job: str) -> str:
        """The name of a job of this entry; a probe that left and came back has others."""
        return f"{job} {self.probe.key} {id(self)}"


@dataclass(frozen=True, slots=True)
class Changes:
    """What another configuration changed; ``changed`` have another interval or caller than before."""

    new: Sequence[Entry]
    changed: Sequence[Entry]
    gone: Sequence[Entry]


class Entries:
    """The probes that are scheduled, in the order of their configuration.

    Read from any thread, configured by one at a time.
    """

    def __init__(self, *, wall_clock: Callable[[], float], clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._clock = clock
        self._entries: Mapping[ProbeKey, Entry] = {}
        self._endpoints: dict[str, Endpoint] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def get(self, key: ProbeKey) -> Entry | None:
        """The entry of a probe, or None when it is not scheduled."""
        return self._entries.get(key)

    def configure(self, probes: Sequence[Probe], intervals_of: Callable[[AnyKind], Intervals]) -> Changes:
        """Have an entry for exactly these probes; those that were there are kept."""
        before = self._entries
        new = self._placed([probe for probe in probes if probe.key not in before], intervals_of)
        kept = [(before[probe.key], probe) for probe in probes if probe.key in before]
        changed = self._adopted(kept, intervals_of)
        self._entries = {probe.key: new.get(probe.key) or before[probe.key] for probe in probes}
        self._settle_endpoints()
        gone = [before[key] for key in before.keys() - self._entries.keys()]
        return Changes(new=list(new.values()), changed=changed, gone=gone)

    def _placed(self, probes: Sequence[Probe], intervals_of: Callable[[AnyKind], Intervals]) -> dict[ProbeKey, Entry]:
        """New probes, spread over their intervals."""
        entries = {}
        for index, probe in enumerate(probes):
            intervals = intervals_of(probe.kind)
            anchor = self._place(index, len(probes), intervals)
            entries[probe.key] = Entry(
                probe, intervals, self._endpoint(probe, intervals), anchor, intervals.interval_s
            )
        return entries

    def _adopted(
        self, kept: Sequence[tuple[Entry, Probe]], intervals_of: Callable[[AnyKind], Intervals]
    ) -> list[Entry]:
        """Give entries their probe as it is now; one at the same interval keeps its place and its pause."""
        changed = []
        for index, (entry, probe) in enumerate(kept):
            intervals = intervals_of(probe.kind)
            if intervals != entry.intervals:
                entry.anchor = self._place(index, len(kept), intervals)
                entry.pause_s = intervals.interval_s
            if intervals != entry.intervals or probe != entry.probe:
                changed.append(entry)
            if probe != entry.probe:
                with entry.lock:
                    entry.permit, entry.probe = None, probe  # a permit belongs to its caller
            entry.intervals = intervals
            entry.endpoint = self._endpoint(probe, intervals)
        return changed

    def _place(self, index: int, count: int, intervals: Intervals) -> datetime:
        """The anchor, an interval early: when a shorter pause begins, its next run is near.

        On whole ticks of the wall clock, so that probes configured at other times run at the same ticks.
        """
        now = datetime.fromtimestamp(math.floor(self._wall_clock() / TICK_S) * TICK_S, UTC)
        return now + timedelta(seconds=place_s(index, count, intervals.interval_s) - intervals.interval_s)

    def _endpoint(self, probe: Probe, intervals: Intervals) -> Endpoint:
        return self._endpoints.setdefault(_address(probe), Endpoint(intervals, last_answer_at=self._clock()))

    def _settle_endpoints(self) -> None:
        """Forget those without probes; each has the intervals of its most frequent probes."""
        self._endpoints = {_address(entry.probe): entry.endpoint for entry in self}
        for entry in self:
            entry.endpoint.intervals = entry.intervals
        for entry in self:
            if entry.intervals.interval_s < entry.endpoint.intervals.interval_s:
                entry.endpoint.intervals = entry.intervals


def _address(probe: Probe) -> str:
    """The URL of the endpoint on the caller's site, or its name where the caller has no routes."""
    endpoint, routes = probe.kind.operation.endpoint, probe.caller().routes
    return endpoint if routes is None else routes[endpoint].url
