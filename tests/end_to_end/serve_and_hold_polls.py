"""The command, whose polls stand still from SIGUSR1 to SIGUSR2: no worker can begin or end any work meanwhile."""

from __future__ import annotations

import signal
import sys
import threading

from exporter.__main__ import run
from exporter.core.pool import Pool


def hold_polls_when_asked() -> None:
    while True:
        signal.sigwait({signal.SIGUSR1})
        pool = next(found for frame in sys._current_frames().values() if (found := pool_in(frame)) is not None)
        with pool._lock:
            signal.sigwait({signal.SIGUSR2})


def pool_in(frame: object) -> Pool | None:
    """The pool in one of whose methods a thread is."""
    while frame is not None:
        found = frame.f_locals.get("self")  # type: ignore[attr-defined]
        if isinstance(found, Pool):
            return found
        frame = frame.f_back  # type: ignore[attr-defined]
    return None


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGUSR2})  # in all threads: one waits for them
    threading.Thread(target=hold_polls_when_asked, daemon=True).start()
    run()
