"""A place in the interval, as APScheduler takes it."""

from datetime import datetime, timedelta
from typing import Any

from apscheduler.triggers.base import BaseTrigger


class FixedPhaseTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fires at the anchor plus whole pauses, and always after now.

    APScheduler's own interval trigger is asked for every run that was missed, one by one and under its lock: a clock
    that is set forward by years would keep it busy for ever.
    """

    def __init__(self, anchor: datetime, pause_s: float) -> None:
        self._anchor = anchor
        self._pause = timedelta(seconds=pause_s)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002
        """The first point of the grid after ``now``."""
        # In whole microseconds: rounded, the point after now can be now itself, which APScheduler asks for for ever.
        return self._anchor + ((now - self._anchor) // self._pause + 1) * self._pause

    def __str__(self) -> str:
        return f"every {self._pause.total_seconds():g} s from {self._anchor}"

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("a schedule is not stored")
