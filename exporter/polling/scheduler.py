"""What APScheduler gets from us: a trigger, an executor, and a watch over the wall clock that it goes by."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from apscheduler.executors.debug import DebugExecutor
from apscheduler.triggers.base import BaseTrigger

from exporter.core.logger import Logger

CLOCK_CHECK_S = 5.0
CLOCK_STEP_S = 1.0


class FixedPhaseTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fires at the anchor plus whole pauses, and always after now.

    APScheduler's own interval trigger counts every run that was missed, one by one and under its lock: a clock that
    is set forward by years would keep it busy without end.
    """

    def __init__(self, anchor: datetime, pause_s: float) -> None:
        self._anchor = anchor
        self._pause = timedelta(seconds=pause_s)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002
        """The first moment of the trigger after ``now``."""
        # In whole microseconds: with rounding it could be now itself, and APScheduler would run the job without end.
        return self._anchor + ((now - self._anchor) // self._pause + 1) * self._pause

    def __str__(self) -> str:
        return f"every {self._pause.total_seconds():g} s from {self._anchor}"

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("a schedule is not stored")


class Inline(DebugExecutor):  # type: ignore[misc] # APScheduler has no types
    """Runs each job in the scheduler's own thread, and forgets its id afterwards.

    APScheduler counts the runs under way by the ids of jobs. A run that ends before it is counted leaves its id there
    for good, and every probe has ids of its own.
    """

    def submit_job(self, job: Any, run_times: Sequence[datetime]) -> None:
        """Run it."""
        super().submit_job(job, run_times)
        self._instances.pop(job.id, None)


class ClockWatch:
    """Compares the wall clock with the monotonic one every ``check_s`` seconds, in a thread of its own.

    APScheduler goes by the wall clock: when that is set back, nothing would run until it has caught up.
    ``set_back`` is called with the seconds, negative, by which the wall clock was moved.
    """

    def __init__(
        self,
        set_back: Callable[[float], None],
        *,
        wall_clock: Callable[[], float],
        clock: Callable[[], float],
        check_s: float,
        log: Logger,
    ) -> None:
        self._set_back = set_back
        self._wall_clock = wall_clock
        self._clock = clock
        self._check_s = check_s
        self._log = log
        self._stopped = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._watch, name="clock", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def _watch(self) -> None:
        ahead_s = self._wall_clock() - self._clock()
        while not self._stopped.wait(self._check_s):
            before_s, ahead_s = ahead_s, self._wall_clock() - self._clock()
            if ahead_s - before_s < -CLOCK_STEP_S:
                self._log.log(logging.WARNING, "clock was set back", seconds=round(before_s - ahead_s, 3))
                self._set_back(ahead_s - before_s)
