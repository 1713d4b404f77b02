"""Runs every probe when it is due.

    Plan --due--> Schedule --submit--> Pool --begin--> poll --finish or postpone--> Plan

A job hands out what is due, each tenth of a second. Probes whose last poll timed out have few
threads, and so have probes whose credentials have yet to be fetched: accounts that hang, or thousands of roles at the
start, take no thread from the other probes.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from exporter.accounts.inventory import Probe
from exporter.api.errors import CallAborted
from exporter.core.logger import Logger, defect
from exporter.core.model import ProbeKey
from exporter.core.pool import Pool, Work
from exporter.polling.plan import Plan, Run
from exporter.polling.policy import Intervals
from exporter.polling.poller import Poll, Polled, Postponed
from exporter.probes.kind import AnyKind

HAND_OUT_EVERY_S = 0.1
# One job hands out what falls due meanwhile, too: at 500 polls a second, runs that all began on the tenth would need
# twice as many threads. What is left of the tenth is for a job that ends late.
_AHEAD_S = 0.08
# Polls that begin together find the caches warm: eight at a time cost a quarter less CPU each than one at a time (two
# daemons beside each other, 150 polls a second).
# The steps are steady: with pauses one after the other, a call often lasted longer than a tenth and cost the next,
# so that 46 runs in place of 13 began at once, each second.
_PAUSE_S = 0.025


class Schedule:
    """Runs every probe that it is configured for at once, then each at its place in the interval of its kind.

    ``hand_out`` has to be called every ``HAND_OUT_EVERY_S`` seconds. ``skipped`` is called with a probe and how many
    of its runs were due while the last one had not finished.
    """

    def __init__(
        self,
        *,
        poll: Poll,
        skipped: Callable[[ProbeKey, int], object],
        pool: Pool,
        log: Logger,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self._poll = poll
        self._skipped = skipped
        self._pool = pool
        self._log = log
        self._clock = clock
        self._wait = wait
        self._stopped = threading.Event()
        self._plan = Plan(clock=clock, wall_clock=wall_clock)

    def configure(self, probes: Sequence[Probe], *, intervals_of: Callable[[AnyKind], Intervals]) -> None:
        """From now on exactly these probes run, new ones at once.

        A probe that was there keeps its place in the interval, unless that is another one now; when its caller is
        another one, it runs at once. A run under way of a probe that leaves is not waited for.
        """
        self._plan.configure(probes, intervals_of)

    def run_now(self, keys: Iterable[ProbeKey]) -> None:
        """Run these probes now, or right after a run that is under way; those not configured are left out."""
        self._plan.run_now(keys)

    def late_since(self, *, timeout_s: float) -> float | None:
        """Since when polls should have gone on, on the monotonic clock, and none has ended; see Plan.late_since."""
        return self._plan.late_since(timeout_s=timeout_s)

    def stop(self) -> None:
        """Begin no further run; a run under way ends when the client's calls are closed."""
        self._stopped.set()

    def hand_out(self) -> None:
        """Give the pool the runs that are due, and soon after their moments those due before the next call.

        A call that lasts until the next one begins does no harm: a run is handed out once.
        """
        at = self._clock()
        until = at + _AHEAD_S
        while not self._stopped.is_set():
            self._pool.start_threads()
            due = defaultdict[Work, list[Callable[[], None]]](list)
            for run in self._plan.due():
                due[self._work_of(run)].append(partial(self._run, run))
            for work, runs in due.items():
                self._pool.submit(work, *runs)
            at = max(at + _PAUSE_S, self._plan.next_moment())
            if at > until:
                return
            self._wait(self._stopped, at - self._clock())

    def _work_of(self, run: Run) -> Work:
        if run.hanging:
            return Work.HANGING
        try:
            return Work.POLL if run.probe.caller().credentials.in_hand() else Work.WAITING
        except CallAborted:  # the account has left, or has other credentials, at this moment
            return Work.POLL
        except Exception as error:  # noqa: BLE001 — all runs that were taken must be handed out, or none runs again
            self._log_defect(run.probe, error)
            return Work.POLL

    def _run(self, run: Run) -> None:
        begun = self._plan.begin(run)
        if begun is None or self._stopped.is_set():
            return
        probe, permit = begun
        polled: Polled | None = None
        try:
            result = self._poll(probe, permit)
            if isinstance(result, Postponed):
                self._plan.postpone(run, probe, result)
                return
            polled = result
        except CallAborted:
            if self._stopped.is_set():
                return  # else its credentials were replaced by a reload
        except Exception as error:  # noqa: BLE001 — the probe must run again after any error around its poll
            self._log_defect(probe, error)
        finished = self._plan.finish(run, polled)
        if finished.skipped:
            self._skipped(probe.key, finished.skipped)
        for freed in finished.freed:
            self._pool.submit(Work.POLL, partial(self._run, freed))  # a thread for those that hang finds it begun

    def _log_defect(self, probe: Probe, error: Exception) -> None:
        self._log.log(logging.ERROR, "schedule hit a defect", probe=str(probe.key), **defect(error))
