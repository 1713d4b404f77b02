"""Notices that the wall clock was set back.

APScheduler goes by the wall clock: when that is set back, nothing would run until it has caught up.
"""

import logging
import threading
from collections.abc import Callable

from exporter.core.logger import Logger

CLOCK_CHECK_S = 5.0
CLOCK_STEP_S = 1.0


class ClockWatch:
    """Compares the wall clock with the monotonic one every ``check_s`` seconds, in a thread of its own.

    ``set_back`` is told by how many seconds, which are negative, the wall clock was moved.
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
        """Begin to watch."""
        threading.Thread(target=self._watch, name="clock", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()

    def _watch(self) -> None:
        ahead_s = self._wall_clock() - self._clock()
        while not self._stopped.wait(self._check_s):
            before_s, ahead_s = ahead_s, self._wall_clock() - self._clock()
            if ahead_s - before_s < -CLOCK_STEP_S:
                self._log.log(logging.WARNING, "clock was set back", seconds=round(before_s - ahead_s, 3))
                self._set_back(ahead_s - before_s)
