"""A pool of threads for work that may hang, with a limit for each key, so that other keys keep threads."""

import threading
from collections import deque
from collections.abc import Callable, Hashable

# The part of all threads that the work of one key may take.
_SHARE = 0.75


class KeyedWorkers:
    """Runs the work of each key in its order; the key with the fewest threads is served first.

    The threads are daemons, so a stop waits for none, and start when there is work. The work must not raise.
    """

    def __init__(self, workers: int, *, name: str) -> None:
        if workers < 1:
            raise ValueError(f"there is one worker at least, seen {workers}")
        self._workers = workers
        self._most_of_key = max(1, int(workers * _SHARE))
        self._name = name
        self._changed = threading.Condition()
        self._waiting: dict[Hashable, deque[Callable[[], None]]] = {}
        self._running: dict[Hashable, int] = {}
        self._idle = 0
        self._started = 0
        self._closed = False

    def submit(self, key: Hashable, work: Callable[[], None]) -> None:
        """Run the work as soon as a thread is free for its key; never, once closed.

        Raises RuntimeError, and does not run it, when no thread at all can be had.
        """
        with self._changed:
            if self._closed:
                return
            self._waiting.setdefault(key, deque()).append(work)
            queued = sum(map(len, self._waiting.values())) if self._idle < self._workers else 0
            if self._started < self._workers and queued > self._idle:
                self._start_another(key)
            self._changed.notify()

    def close(self) -> None:
        """Begin no more work; threads end when their work does."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _start_another(self, key: Hashable) -> None:
        thread = threading.Thread(target=self._serve, name=f"{self._name} {self._started + 1}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._started:  # else the running threads do it later
                del self._waiting[key]
                raise
        else:
            self._started += 1

    def _serve(self) -> None:
        while (taken := self._take()) is not None:
            key, work = taken
            try:
                work()
            finally:
                self._give_back(key)
            del taken, key, work  # a waiting thread keeps nothing alive

    def _take(self) -> tuple[Hashable, Callable[[], None]] | None:
        with self._changed:
            while not self._closed:
                key = self._next_key()
                if key is not None:
                    work = self._waiting[key].popleft()
                    if not self._waiting[key]:
                        del self._waiting[key]
                    self._running[key] = self._running.get(key, 0) + 1
                    return key, work
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return None

    def _next_key(self) -> Hashable | None:
        free = [key for key in self._waiting if self._running.get(key, 0) < self._most_of_key]
        return min(free, key=lambda key: self._running.get(key, 0), default=None)

    def _give_back(self, key: Hashable) -> None:
        with self._changed:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]
            self._changed.notify()
