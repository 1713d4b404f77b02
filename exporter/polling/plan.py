"""When each probe runs: a heap of moments on the monotonic clock, under one lock.

    in the heap --due--> taken (it waits for a thread) --begin--> under way --finish or postpone--> in the heap

A probe is in the heap or taken, never both; what took it puts it back with its next moment. A probe that left the
configuration is not put back, and a permit leaves with the caller that reserved it.
"""

import heapq
import itertools
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from exporter.accounts.inventory import Probe
from exporter.api.call import Permit
from exporter.core.model import Failure, Outcome, ProbeKey
from exporter.polling.policy import Intervals, attention_of, endpoint_answered, hangs, place_s, tick_at
from exporter.polling.poller import Polled, Postponed
from exporter.probes.kind import NO_ATTENTION, AnyKind

# Of a pause: a point that was computed from the anchor and a number is not missed when it is computed back.
_ROUNDING = 1e-6
_FEW_RUNS = 64


@dataclass(slots=True, eq=False)
class _Endpoint:
    """What is known of the server that some probes call.

    ``intervals`` are those of the probes that run most often: their pauses are the first to grow in an outage.
    """

    intervals: Intervals
    last_answer_at: float
    recovered_at: float = -math.inf


@dataclass(slots=True, eq=False)
class Run:
    """One probe in the plan; it runs at ``anchor`` plus whole pauses. Moments are monotonic; for the plan alone.

    ``number`` is that of its place in the heap, None while it is taken. ``began_at`` is None until it has a thread.
    """

    probe: Probe
    intervals: Intervals
    endpoint: _Endpoint
    anchor: float
    pause_s: float
    number: int | None = None
    permit: Permit | None = None
    taken_at: float = 0.0
    began_at: float | None = None
    extra: bool = False
    failed: bool = False
    hanging: bool = False
    gone: bool = False

    def points_until(self, moment: float) -> int:
        """How many points of its grid, from the anchor on, have come by then."""
        return math.floor((moment - self.anchor) / self.pause_s + _ROUNDING)


@dataclass(frozen=True, slots=True)
class Finished:
    """What the end of a run means for others.

    ``skipped`` of its runs were due meanwhile. ``freed`` wait for a thread of those that hang, and may have any, as
    their endpoint answers again.
    """

    skipped: int = 0
    freed: Sequence[Run] = ()


class Plan:
    """The runs of the probes that are configured; safe to use from any thread.

    ``clock`` is monotonic, ``wall_clock`` gives Unix time: billing changes fall due by it.
    """

    def __init__(self, *, clock: Callable[[], float], wall_clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._runs: dict[ProbeKey, Run] = {}
        self._endpoints: dict[str, _Endpoint] = {}
        self._heap: list[tuple[float, int, Run]] = []
        self._numbers = itertools.count()
        self._taken: dict[Run, None] = {}
        self._last_end_at = -math.inf

    def configure(self, probes: Sequence[Probe], intervals_of: Callable[[AnyKind], Intervals]) -> None:
        """Have a run of exactly these probes: new ones, and those with another caller or interval, are due now.

        A probe that was there keeps its place in the interval, and its pause, unless its interval is another one.
        """
        configured = [(probe, intervals_of(probe.kind), _address(probe)) for probe in probes]
        with self._lock:
            now, former = self._clock(), self._runs
            new = sum(probe.key not in former for probe in probes)
            places = {True: itertools.count(), False: itertools.count()}
            endpoints = self._endpoints_of(configured, now)
            self._runs = {}
            for probe, intervals, address in configured:
                run = former.get(probe.key)
                count = new if run is None else len(probes) - new
                # An interval early: when a shorter pause begins, its next run is near.
                place = place_s(next(places[run is None]), count, intervals.interval_s) - intervals.interval_s
                if run is None:
                    run = Run(probe, intervals, endpoints[address], tick_at(now) + place, intervals.interval_s)
                    self._put(run, now)
                elif intervals != run.intervals or probe != run.probe:
                    self._adopt(run, probe, intervals, tick_at(now) + place)
                    self._now(run, now)
                run.endpoint = endpoints[address]
                self._runs[probe.key] = run
            for key in former.keys() - self._runs.keys():
                former[key].gone = True
                self._taken.pop(former[key], None)
            self._compact()  # what has left is not kept until its moment: it holds credentials

    def due(self) -> list[Run]:
        """Take the runs whose moment has come, the earliest first; ``begin`` must follow."""
        taken = []
        with self._lock:
            now = self._clock()
            while self._heap and self._heap[0][0] <= now:
                moment, number, run = heapq.heappop(self._heap)
                if run.number == number and not run.gone:
                    run.number, run.taken_at, run.began_at = None, moment, None
                    self._taken[run] = None
                    taken.append(run)
        return taken

    def next_moment(self) -> float:
        """The moment of the next run, or an earlier one; infinite without any."""
        with self._lock:
            return self._heap[0][0] if self._heap else math.inf

    def begin(self, run: Run) -> tuple[Probe, Permit | None] | None:
        """Begin a run that has a thread; None when it has begun already, or left meanwhile."""
        with self._lock:
            if run.gone or run.number is not None or run.began_at is not None:
                return None
            run.began_at = self._clock()
            permit, run.permit = run.permit, None
            return run.probe, permit

    def postpone(self, run: Run, probe: Probe, postponed: Postponed) -> None:
        """Put the run back for the moment of its permit; ``probe`` is what ``begin`` returned."""
        with self._lock:
            if run.gone:
                return
            now = self._clock()
            if run.probe == probe:
                run.permit = postponed.permit
                self._put(run, now + postponed.wait_s)
            else:
                run.extra = False
                self._put(run, now)

    def finish(self, run: Run, polled: Polled | None) -> Finished:
        """Put a run back that has ended; without ``polled``, nothing is known of how."""
        wall_now = self._wall_clock()
        attention = NO_ATTENTION
        if polled is not None:
            attention = attention_of(run.probe.kind, polled.record, wall_now)
        with self._lock:
            now = self._last_end_at = self._clock()
            if run.gone:
                return Finished()
            skipped = run.points_until(now) - run.points_until(max(run.taken_at, run.anchor))
            freed: list[Run] = []
            if polled is not None:
                freed = self._note_endpoint(run, polled.outcome, now)
                run.pause_s = run.intervals.pause_s(polled.record, attention, wall_now)
                run.hanging = hangs(polled.record)
                self._note_recovery(run, polled.outcome)
            moment = self._next_point(run, now)
            if run.extra:
                run.extra, moment = False, now
            elif attention.extra_run_at is not None and attention.extra_run_at > wall_now:
                moment = min(moment, now + attention.extra_run_at - wall_now)
            self._put(run, moment)
            return Finished(max(0, skipped), freed)

    def run_now(self, keys: Iterable[ProbeKey]) -> None:
        """Let these run now, or right after a run that is under way; those not configured are left out."""
        with self._lock:
            now = self._clock()
            for key in keys:
                run = self._runs.get(key)
                if run is not None:
                    self._now(run, now)

    def late_since(self, *, timeout_s: float) -> float | None:
        """Since when polls should have been going on and none has ended; None when none is due or late.

        A poll is late that has had no thread since its moment, or that is under way for longer than ``timeout_s``.
        """
        with self._lock:
            now = self._clock()
            late = [run.taken_at if run.began_at is None else run.began_at + timeout_s for run in self._taken]
            late += [self._heap[0][0]] if self._heap else []
            since = min(late, default=math.inf)
            return max(since, self._last_end_at) if since < now else None

    def _adopt(self, run: Run, probe: Probe, intervals: Intervals, anchor: float) -> None:
        """Give a run its probe and intervals as they are now; a permit belongs to its caller."""
        if intervals != run.intervals:
            run.anchor, run.pause_s, run.intervals = anchor, intervals.interval_s, intervals
        if probe != run.probe:
            run.probe, run.permit = probe, None

    def _now(self, run: Run, now: float) -> None:
        if run.number is None:
            run.extra = run.began_at is not None  # one that waits for a thread does for both
        elif run.permit is None:
            self._put(run, now)

    def _put(self, run: Run, moment: float) -> None:
        """Give the run this place in the heap, and no other."""
        self._taken.pop(run, None)
        run.number = next(self._numbers)
        heapq.heappush(self._heap, (moment, run.number, run))
        if len(self._heap) > 2 * len(self._runs) + _FEW_RUNS:
            self._compact()

    def _compact(self) -> None:
        """Drop the places in the heap that runs no longer have."""
        self._heap = [item for item in self._heap if item[2].number == item[1] and not item[2].gone]
        heapq.heapify(self._heap)

    def _next_point(self, run: Run, now: float) -> float:
        return run.anchor + (run.points_until(now) + 1) * run.pause_s

    def _note_endpoint(self, run: Run, outcome: Outcome, now: float) -> list[Run]:
        answered = endpoint_answered(outcome)
        if answered is None:
            return []
        endpoint = run.endpoint
        failed_before, run.failed = run.failed, not answered
        if not answered:
            return []
        silent_s, endpoint.last_answer_at = now - endpoint.last_answer_at, now
        # A probe that had not failed may be late because it waited for a thread: that is no sign of an outage.
        if not failed_before or not endpoint.intervals.was_outage(silent_s):
            return []
        endpoint.recovered_at = now
        return self._end_pauses(endpoint, now)

    def _end_pauses(self, endpoint: _Endpoint, now: float) -> list[Run]:
        """Let every paused probe of the endpoint run at its place within one interval, and free those that hang."""
        freed = []
        for run in self._runs.values():
            if run.endpoint is endpoint:
                if run.hanging and run.number is None and run.began_at is None:
                    freed.append(run)
                run.hanging = False
                if run.pause_s > run.intervals.interval_s:
                    run.pause_s = run.intervals.interval_s
                    if run.number is not None and run.permit is None:
                        self._put(run, self._next_point(run, now))
        return freed

    def _note_recovery(self, run: Run, outcome: Outcome) -> None:
        """Let a probe that failed in an outage that has ended since run again at once."""
        if isinstance(outcome, Failure) and run.began_at is not None and run.endpoint.recovered_at >= run.began_at:
            run.pause_s = min(run.pause_s, run.intervals.interval_s)
            run.hanging, run.extra = False, True

    def _endpoints_of(
        self, configured: Iterable[tuple[Probe, Intervals, str]], now: float
    ) -> Mapping[str, _Endpoint]:
        """The endpoints of these probes; those without probes are forgotten."""
        former, self._endpoints = self._endpoints, {}
        for _, intervals, address in configured:
            endpoint = self._endpoints.get(address)
            if endpoint is None:
                endpoint = self._endpoints[address] = former.get(address) or _Endpoint(intervals, last_answer_at=now)
                endpoint.intervals = intervals
            if intervals.interval_s < endpoint.intervals.interval_s:
                endpoint.intervals = intervals
        return self._endpoints


def _address(probe: Probe) -> str:
    """The URL of the endpoint on the caller's site, or its name where the caller has no routes."""
    endpoint, routes = probe.kind.operation.endpoint, probe.caller().routes
    return endpoint if routes is None else routes[endpoint].url
