"""Something that is asked until it is answered."""

import threading
from collections.abc import Callable

from exporter.aliyun.errors import CallAborted


class Question:
    """A function that is called until it has returned True, one call at a time; safe to use from any thread."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._idle = threading.Lock()
        self._answered = False

    def begin(self) -> bool:
        """Whether it has to be called now; ``run`` must follow."""
        return not self._answered and self._idle.acquire(blocking=False)

    def run(self) -> None:
        """Ask; a call that the daemon's end aborts leaves it open."""
        try:
            self._answered = self._ask()
        except CallAborted:
            return
        finally:
            self._idle.release()
