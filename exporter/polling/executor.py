"""Where APScheduler runs its jobs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from apscheduler.executors.debug import DebugExecutor


class Inline(DebugExecutor):  # type: ignore[misc] # APScheduler has no types
    """Runs each job in the scheduler's own thread, and keeps nothing of one that has run.

    APScheduler counts the runs under way by the ids of jobs. A run that has ended before it is counted leaves the id
    there for good, and every probe has ids of its own.
    """

    def submit_job(self, job: Any, run_times: Sequence[datetime]) -> None:
        """Run it."""
        super().submit_job(job, run_times)
        self._instances.pop(job.id, None)
