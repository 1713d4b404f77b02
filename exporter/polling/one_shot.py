"""Every probe polled exactly once, as fast as threads and budgets allow.

due now -> a thread polls it -> done
              ^        |
              +-- its permit came -- POSTPONED (the budget has no room within a second)
"""

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable, Sequence

from exporter.api.call import Permit
from exporter.polling.poller import Poll, Postponed, Probe


def poll_once(
    probes: Sequence[Probe],
    *,
    poll: Poll,
    max_workers: int,
    done: Callable[[Probe], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Poll every probe to its end; ``done`` is called for each, in the calling thread.

    The threads are daemons, so that the process can end while one waits for a reply. After this has returned or
    raised, no thread begins another poll. Raises CallAborted when the client is closed meanwhile, and what a poll
    raises.
    """
    finished: queue.SimpleQueue[Probe | BaseException] = queue.SimpleQueue()
    runs = _Runs(probes, clock=clock)
    try:
        for number in range(min(max_workers, len(probes))):
            worker = threading.Thread(target=_work, args=(runs, poll, finished), name=f"once-{number}", daemon=True)
            worker.start()
        for _ in probes:
            result = finished.get()
            if isinstance(result, BaseException):
                raise result
            done(result)
    finally:
        runs.end()


class _Runs:
    """The polls that have yet to begin, the earliest first; safe to use from any thread."""

    def __init__(self, probes: Sequence[Probe], *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        # The moment, a number that orders those of the same moment, the probe and its permit.
        self._waiting: list[tuple[float, int, Probe, Permit | None]] = []
        self._left = len(probes)
        self._ended = False
        for probe in probes:
            self.add(probe, permit=None, wait_s=0.0)

    def add(self, probe: Probe, *, permit: Permit | None, wait_s: float) -> None:
        """Let the probe be taken once so many seconds have passed."""
        with self._changed:
            heapq.heappush(self._waiting, (self._clock() + wait_s, next(self._numbers), probe, permit))
            self._changed.notify()

    def take(self) -> tuple[Probe, Permit | None] | None:
        """Wait for the next probe whose moment has come; None when no more will come."""
        with self._changed:
            while not self._ended and self._left:
                wait_s = self._waiting[0][0] - self._clock() if self._waiting else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._waiting)[2:]
                self._changed.wait(wait_s)
            return None

    def count_done(self) -> None:
        """Count a probe that is done."""
        with self._changed:
            self._left -= 1
            if not self._left:
                self._changed.notify_all()

    def end(self) -> None:
        """Let no more probes be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _work(runs: _Runs, poll: Poll, finished: "queue.SimpleQueue[Probe | BaseException]") -> None:
    while (taken := runs.take()) is not None:
        probe, permit = taken
        try:
            result = poll(probe, permit)
        except BaseException as error:  # noqa: BLE001 — the calling thread raises it
            finished.put(error)
            return
        if isinstance(result, Postponed):
            runs.add(probe, permit=result.permit, wait_s=result.wait_s)
        else:
            runs.count_done()
            finished.put(probe)
