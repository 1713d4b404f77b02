"""What is periodic, as named jobs of APScheduler. The one importer of APScheduler."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.pool import BasePoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from exporter.core.logger import Logger
from exporter.core.threads import FixedThreads, NoThread, start_thread

CLOCK_CHECK_S = 1.0
_CLOCK_STEP_S = 0.5
_THREADS = 2


class Jobs:
    """Calls functions again and again, in two threads; a call has to be short.

    APScheduler goes by the wall clock: when that is set back, nothing would run until it has caught up. So one thread
    compares it with the monotonic one every ``clock_check_s`` seconds, and sets the jobs anew.
    """

    def __init__(
        self,
        *,
        wall_clock: Callable[[], float],
        clock: Callable[[], float],
        clock_check_s: float = CLOCK_CHECK_S,
        log: Logger,
    ) -> None:
        self._wall_clock = wall_clock
        self._clock = clock
        self._clock_check_s = clock_check_s
        self._log = log
        self._started = False
        self._stopped = threading.Event()
        self._threads = FixedThreads(_THREADS, name="job")
        self._scheduler = BackgroundScheduler(
            executors={"default": _Executor(self._threads)},
            job_defaults={"coalesce": True, "misfire_grace_time": None},
            timezone=UTC,
        )

    def every(self, name: str, interval_s: float, call: Callable[[], object], *, at_a_time: int = 1) -> None:
        """Call this now and at every interval from now on, in place of what had the name.

        A call is left out that is due while so many are under way.
        """
        now = datetime.now(UTC)
        self._scheduler.add_job(
            call,
            EveryTrigger(now, interval_s),
            id=name,
            name=name,
            next_run_time=now,
            replace_existing=True,
            max_instances=at_a_time,
        )

    def start(self) -> None:
        """Begin to call the functions; raises NoThread. No call needs a thread that has not been started here."""
        self._threads.start()
        start_thread(self._watch_clock, name="clock")
        try:
            self._scheduler.start()
        except RuntimeError as error:
            raise NoThread from error
        self._started = True

    def stop(self) -> None:
        """Begin no further call; one that is under way is not waited for."""
        self._stopped.set()
        if self._started:
            self._started = False
            self._scheduler.shutdown(wait=False)

    def _watch_clock(self) -> None:
        ahead_s = self._wall_clock() - self._clock()
        while not self._stopped.wait(self._clock_check_s):
            before_s, ahead_s = ahead_s, self._wall_clock() - self._clock()
            if ahead_s - before_s < -_CLOCK_STEP_S:
                self._log.log(logging.WARNING, "clock was set back", seconds=round(before_s - ahead_s, 3))
                now = datetime.now(UTC)
                for job in self._scheduler.get_jobs():
                    self._scheduler.reschedule_job(job.id, trigger=EveryTrigger(now, job.trigger.interval_s))


class _Executor(BasePoolExecutor):  # type: ignore[misc] # APScheduler has no types
    """Runs jobs in these threads."""

    def __init__(self, threads: FixedThreads) -> None:
        super().__init__(threads)


class EveryTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fires at ``start`` plus whole intervals, and always after now.

    APScheduler's own interval trigger counts every run that was missed, one by one and under its lock: a clock that
    is set forward from 1970, as on machines without a battery, would keep it busy without end.
    """

    def __init__(self, start: datetime, interval_s: float) -> None:
        self._start = start
        self.interval_s = interval_s
        self._interval = timedelta(seconds=interval_s)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002
        """The first moment of the trigger after ``now``."""
        # In whole microseconds: with rounding it could be now itself, and APScheduler would run the job without end.
        return self._start + ((now - self._start) // self._interval + 1) * self._interval

    def __str__(self) -> str:
        return f"every {self.interval_s:g} s"

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("a job is not stored")
