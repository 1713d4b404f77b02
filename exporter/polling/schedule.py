"""Runs every probe when it is due. With ``scheduler``, the one importer of APScheduler.

APScheduler only keeps time: its jobs run inline in its own thread and hand the probe to one of three sets of
workers. The mark that a probe is in flight, and the decision to skip, are ours and made before a run takes a thread.

    IDLE --due--> QUEUED --a thread is free--> RUNNING --> IDLE
                    ^                             |
                    +------- its permit came -- POSTPONED (the budget has no room within a second)

Probes whose last poll timed out run in a few threads of their own, and so do probes whose credentials have yet to be
fetched. So accounts that hang, or thousands of roles at the start, take no thread from the other probes.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers import SchedulerNotRunningError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger

from exporter.api.errors import CallAborted
from exporter.core.logger import Logger, defect
from exporter.core.model import Failure, ProbeKey
from exporter.polling.entries import Endpoint, Entries, Entry, Phase
from exporter.polling.lookups import Lookups
from exporter.polling.policy import Intervals, attention_of, endpoint_answered, hangs
from exporter.polling.poller import Poll, Polled, Postponed, Probe
from exporter.polling.scheduler import CLOCK_CHECK_S, ClockWatch, FixedPhaseTrigger, Inline
from exporter.polling.workers import Workers
from exporter.probes.kind import AnyKind

HANGING_WORKERS = 16
WAITING_WORKERS = 16


class Schedule:
    """Runs every probe that it is configured for at once, then each at its place in the interval of its kind.

    ``skipped`` is called for each run that was due while the last one had not finished, or that got no thread.
    """

    def __init__(
        self,
        *,
        poll: Poll,
        skipped: Callable[[ProbeKey], object],
        log: Logger,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        clock_check_s: float = CLOCK_CHECK_S,
    ) -> None:
        self._poll = poll
        self._skipped = skipped
        self._log = log
        self._wall_clock = wall_clock
        self._clock = clock
        self._clock_watch = ClockWatch(
            self._shift, wall_clock=wall_clock, clock=clock, check_s=clock_check_s, log=log
        )
        self._lookups: dict[str, tuple[Lookups, float]] = {}
        self._planning = threading.Lock()
        self._started = False
        self._entries = Entries(wall_clock=wall_clock, clock=clock)
        self._workers = Workers(self._run, most=1, name="poll")
        self._hanging_workers = Workers(self._run, most=HANGING_WORKERS, name="hanging")
        self._waiting_workers = Workers(self._run, most=WAITING_WORKERS, name="waiting")
        self._stopped = threading.Event()
        self._scheduler = BackgroundScheduler(
            executors={"default": Inline()},  # they only dispatch
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
            timezone=UTC,
        )

    def configure(
        self, probes: Sequence[Probe], *, intervals_of: Callable[[AnyKind], Intervals], max_workers: int
    ) -> None:
        """From now on exactly these probes run, new ones at once.

        A probe that was there keeps its place in the interval, unless that is another one now; when its caller is
        another one, it runs at once. A run under way of a probe that leaves is not waited for.
        """
        with self._planning:
            self._workers.allow(max_workers)
            changes = self._entries.configure(probes, intervals_of)
            for entry in changes.gone:
                self._drop(entry)
            if self._started:
                self._plan_all([*changes.new, *changes.changed])

    def start(self) -> None:
        """Run every probe now, and from then on when it is due; returns at once.

        To plan thousands of probes takes seconds, in which the process must still react to signals.
        """
        self._scheduler.start(paused=True)
        threading.Thread(target=self._begin, name="first polls", daemon=True).start()
        self._clock_watch.start()

    def responds(self, *, within_s: float) -> bool:
        """Whether the scheduler runs a job that is due now in time; not for the scheduler's own thread."""
        begun = threading.Event()
        plan = partial(self._scheduler.add_job, begun.set)
        # add_job waits for the scheduler's lock, which the scheduler's thread holds while it hangs.
        threading.Thread(target=plan, args=(DateTrigger(datetime.now(UTC)),), name="responds", daemon=True).start()
        return begun.wait(within_s)

    def run_now(self, keys: Iterable[ProbeKey]) -> None:
        """Run these probes now, or right after a run that is under way; those not configured are left out."""
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None:
                self._due(entry, extra=True)

    def look_up(self, group: str, lookups: Mapping[Hashable, Callable[[], bool]], *, interval_s: float) -> None:
        """Call each function in a worker thread, now and after each interval, until it has returned True.

        They replace the functions that the group had; one with the same key goes on as it was. A function is not
        called again while it waits or runs. A group has its own threads, apart from polls and other groups.
        """
        open_lookups, _ = self._lookups.get(group) or (Lookups(f"look up {group}", log=self._log), 0.0)
        open_lookups.replace(lookups)
        self._lookups[group] = (open_lookups, interval_s)
        self._scheduler.add_job(
            open_lookups.call_all,
            FixedPhaseTrigger(datetime.now(UTC), interval_s),
            id=f"look up {group}",
            next_run_time=datetime.now(UTC),
            replace_existing=True,
        )

    def stop(self) -> None:
        """Begin no further run; a run under way ends when the client's calls are closed."""
        self._stopped.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._clock_watch.stop()
        for workers in (self._workers, self._hanging_workers, self._waiting_workers):
            workers.close()
        for open_lookups, _ in self._lookups.values():
            open_lookups.stop()

    def wait(self, *, within_s: float) -> None:
        """Return when the runs that were under way at the stop have ended, or after so long."""
        until = time.monotonic() + within_s
        for workers in (self._workers, self._hanging_workers, self._waiting_workers):
            workers.wait(until=until)

    def _shift(self, seconds: float) -> None:
        """Plan every run anew, for a wall clock that was set forward by so much."""
        for entry in self._entries:
            entry.anchor += timedelta(seconds=seconds)
            self._set_pause(entry, entry.pause_s)
            if entry.phase is Phase.POSTPONED:
                self._run_at("permit", self._wall_clock(), self._permit_came, entry)
        for group, (_, interval_s) in self._lookups.items():
            self._scheduler.reschedule_job(
                f"look up {group}", trigger=FixedPhaseTrigger(datetime.now(UTC), interval_s)
            )

    def _begin(self) -> None:
        with self._planning:
            self._started = True
            self._plan_all(list(self._entries))

    def _plan_all(self, entries: Iterable[Entry]) -> None:
        """Run these now, and from then on when they are due."""
        with suppress(SchedulerNotRunningError):  # stopped at this very moment
            self._scheduler.pause()  # it would wake up for each of many new jobs
            for entry in entries:
                if self._stopped.is_set():
                    return
                self._set_pause(entry, entry.pause_s)
                self._due(entry, extra=True)
            self._scheduler.resume()

    def _drop(self, entry: Entry) -> None:
        with entry.lock:
            entry.phase = Phase.GONE
        for job in ("probe", "permit", "extra"):
            self._remove(entry.job_id(job))

    def _due(self, entry: Entry, *, extra: bool = False) -> None:
        """Hand a run that is due to a thread, unless the last one has not finished."""
        with entry.lock:
            phase = entry.phase
            if phase is Phase.IDLE:
                entry.phase = Phase.QUEUED
            elif extra and phase is Phase.RUNNING:
                entry.follow_up = True  # a run that is still queued does for both
        if phase is Phase.IDLE:
            self._hand_over(entry)
        elif not extra and phase in (Phase.QUEUED, Phase.RUNNING):
            self._skipped(entry.probe.key)

    def _permit_came(self, entry: Entry) -> None:
        with entry.lock:
            if entry.phase is not Phase.POSTPONED:
                return
            entry.phase = Phase.QUEUED
        self._hand_over(entry)

    def _workers_for(self, entry: Entry) -> Workers[Entry]:
        if entry.hanging:
            return self._hanging_workers
        return self._workers if entry.probe.caller().credentials.in_hand() else self._waiting_workers

    def _hand_over(self, entry: Entry) -> None:
        try:
            self._workers_for(entry).give(entry)
        except RuntimeError as error:
            if self._stopped.is_set():
                return
            self._log.log(logging.ERROR, "no thread for a poll", probe=str(entry.probe.key), explanation=str(error))
            with entry.lock:
                entry.phase = Phase.IDLE if entry.phase is Phase.QUEUED else entry.phase
            self._skipped(entry.probe.key)

    def _run(self, entry: Entry) -> None:
        with entry.lock:
            if entry.phase is not Phase.QUEUED:
                return
            entry.phase = Phase.RUNNING
            permit, entry.permit = entry.permit, None
            probe = entry.probe
        entry.started_at = self._clock()
        try:
            result = self._poll(probe, permit)
            if isinstance(result, Postponed):
                self._postpone(entry, probe, result)
                return
            if result is not None:
                self._plan(entry, result)
        except CallAborted:
            if self._stopped.is_set():
                return  # else its credentials were replaced by a reload
        except Exception as error:  # noqa: BLE001 — the probe must run again after any error around its poll
            self._log.log(logging.ERROR, "schedule hit a defect", probe=str(entry.probe.key), **defect(error))
        self._finish(entry)

    def _postpone(self, entry: Entry, probe: Probe, postponed: Postponed) -> None:
        with entry.lock:
            if entry.phase is Phase.GONE:
                return
            entry.phase = Phase.POSTPONED
            entry.permit = postponed.permit if entry.probe == probe else None  # a permit belongs to its caller
        self._run_at("permit", self._wall_clock() + postponed.wait_s, self._permit_came, entry)

    def _finish(self, entry: Entry) -> None:
        with entry.lock:
            if entry.phase is Phase.GONE:
                return
            entry.phase = Phase.IDLE
            follow_up, entry.follow_up = entry.follow_up, False
        if follow_up:
            self._due(entry, extra=True)

    def _plan(self, entry: Entry, polled: Polled) -> None:
        """Decide from what was seen when the probe runs next."""
        now = self._wall_clock()
        self._note_endpoint(entry, polled)
        entry.hanging = hangs(polled.record)
        attention = attention_of(entry.probe.kind, polled.record, now)
        pause_s = entry.intervals.pause_s(polled.record, attention, now)
        if isinstance(polled.outcome, Failure) and entry.endpoint.recovered_at >= entry.started_at:
            # It failed in an outage that has ended since.
            pause_s = min(pause_s, entry.intervals.interval_s)
            entry.hanging = False
            with entry.lock:
                entry.follow_up = True
        if pause_s != entry.pause_s:
            self._set_pause(entry, pause_s)
        self._plan_extra(entry, attention.extra_run_at)

    def _plan_extra(self, entry: Entry, moment: float | None) -> None:
        if moment == entry.extra_run_at:
            return
        entry.extra_run_at = moment
        if moment is None:
            self._remove(entry.job_id("extra"))
        else:
            self._run_at("extra", moment, self._extra_run, entry)

    def _extra_run(self, entry: Entry) -> None:
        self._due(entry, extra=True)

    def _note_endpoint(self, entry: Entry, polled: Polled) -> None:
        answered = endpoint_answered(polled.outcome)
        if answered is None:
            return
        now, endpoint = self._clock(), entry.endpoint
        failed_before, entry.failed = entry.failed, not answered
        if not answered:
            return
        silent_s, endpoint.last_answer_at = now - endpoint.last_answer_at, now
        # A probe that had not failed may be late because it waited for a thread: that is no sign of an outage.
        if failed_before and endpoint.intervals.was_outage(silent_s):
            endpoint.recovered_at = now
            self._end_pauses(endpoint)

    def _end_pauses(self, endpoint: Endpoint) -> None:
        """Let every paused probe of the endpoint run at its place within one interval, and free those that hang."""
        for entry in self._entries:
            if entry.endpoint is endpoint:
                hung, entry.hanging = entry.hanging, False
                if hung and entry.phase is Phase.QUEUED:
                    self._hand_over(entry)  # a thread for hanging probes finds it done later
                if entry.pause_s > entry.intervals.interval_s:
                    self._set_pause(entry, entry.intervals.interval_s)

    def _set_pause(self, entry: Entry, pause_s: float) -> None:
        entry.pause_s = pause_s
        self._add_job("probe", self._due, FixedPhaseTrigger(entry.anchor, pause_s), entry)

    def _run_at(self, job: str, moment: float, function: Callable[..., None], entry: Entry) -> None:
        trigger = DateTrigger(run_date=datetime.fromtimestamp(moment, UTC), timezone=UTC)
        self._add_job(job, function, trigger, entry)

    def _add_job(
        self, job: str, function: Callable[..., None], trigger: FixedPhaseTrigger | DateTrigger, entry: Entry
    ) -> None:
        job_id = entry.job_id(job)
        self._scheduler.add_job(function, trigger, args=(entry,), id=job_id, replace_existing=True)
        # Checked afterwards: jobs take the entry's lock, so the scheduler's lock must not be taken while holding it.
        if entry.phase is Phase.GONE:
            self._remove(job_id)

    def _remove(self, job_id: str) -> None:
        with suppress(JobLookupError):  # it ran at this very moment
            self._scheduler.remove_job(job_id)
