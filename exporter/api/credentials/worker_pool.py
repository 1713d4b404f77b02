"""A few threads for work that may hang: whoever hangs leaves some of them to the others."""

import threading
from collections import deque
from collections.abc import Callable, Hashable

# Of all threads, what the work of one lane may take.
_SHARE = 0.75


class Lanes:
    """Runs what is submitted in its lane, each lane in order; the lane with the fewest threads is served first.

    The threads are daemons, started when there is work: a stop waits for none of them. What is submitted raises
    nothing.
    """

    def __init__(self, workers: int, *, name: str) -> None:
        if workers < 1:
            raise ValueError(f"there is one worker at least, seen {workers}")
        self._workers = workers
        self._most_in_lane = max(1, int(workers * _SHARE))
        self._name = name
        self._changed = threading.Condition()
        self._waiting: dict[Hashable, deque[Callable[[], None]]] = {}
        self._running: dict[Hashable, int] = {}
        self._idle = 0
        self._started = 0
        self._closed = False

    def submit(self, lane: Hashable, work: Callable[[], None]) -> None:
        """Have it run as soon as a thread is free for its lane; never, once closed.

        Raises RuntimeError for want of any thread: it is not run then.
        """
        with self._changed:
            if self._closed:
                return
            self._waiting.setdefault(lane, deque()).append(work)
            queued = sum(map(len, self._waiting.values())) if self._idle < self._workers else 0
            if self._started < self._workers and queued > self._idle:
                self._start_another(lane)
            self._changed.notify()

    def close(self) -> None:
        """Begin nothing any more; threads end when their work does."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _start_another(self, lane: Hashable) -> None:
        thread = threading.Thread(target=self._serve, name=f"{self._name} {self._started + 1}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._started:  # else those that there are come to it
                del self._waiting[lane]
                raise
        else:
            self._started += 1

    def _serve(self) -> None:
        while (taken := self._take()) is not None:
            lane, work = taken
            try:
                work()
            finally:
                self._give_back(lane)
            del taken, lane, work  # while the thread waits, it keeps nothing

    def _take(self) -> tuple[Hashable, Callable[[], None]] | None:
        with self._changed:
            while not self._closed:
                lane = self._next_lane()
                if lane is not None:
                    work = self._waiting[lane].popleft()
                    if not self._waiting[lane]:
                        del self._waiting[lane]
                    self._running[lane] = self._running.get(lane, 0) + 1
                    return lane, work
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return None

    def _next_lane(self) -> Hashable | None:
        free = [lane for lane in self._waiting if self._running.get(lane, 0) < self._most_in_lane]
        return min(free, key=lambda lane: self._running.get(lane, 0), default=None)

    def _give_back(self, lane: Hashable) -> None:
        with self._changed:
            self._running[lane] -= 1
            if not self._running[lane]:
                del self._running[lane]
            self._changed.notify()
