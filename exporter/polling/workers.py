"""Threads for polls and lookups.

concurrent.futures makes a future for each call and counts its idle threads with a semaphore of the standard library:
a twenty-fifth of what a poll costs, for results that are not used.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Work = TypeVar("Work")


class Workers(Generic[Work]):
    """Runs work in the order in which it was given, in as many threads as that takes, ``most`` at most.

    Where ``run`` raises, the thread ends, and another takes its place. The threads are daemons: the process can end
    while they run. Safe to use from any thread.
    """

    def __init__(self, run: Callable[[Work], None], *, most: int, name: str) -> None:
        self._run = run
        self._most = most
        self._name = name
        self._waiting: SimpleQueue[Work | None] = SimpleQueue()  # None: a thread checks whether to end
        self._unfinished: deque[None] = deque()  # one for each work that waits or runs; takes no lock
        self._changing = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def give(self, work: Work) -> None:
        """Run it as soon as a thread is free; raises RuntimeError once closed, or when no thread can be started."""
        with self._changing:
            if self._closed:
                raise RuntimeError("these workers are closed")
            if len(self._unfinished) >= len(self._threads):
                self._start_another()
            self._unfinished.append(None)
            self._waiting.put(work)

    def allow(self, most: int) -> None:
        """Change the number of threads; those above it end when the work that waits now has been run."""
        with self._changing:
            if self._closed:
                return
            self._most = most
            for _ in range(len(self._unfinished) - len(self._threads)):
                self._start_another()
            for _ in self._threads[most:]:
                self._waiting.put(None)

    def close(self) -> None:
        """Take no more work, and drop what waits for a thread."""
        with self._changing:
            self._closed = True
            while not self._waiting.empty():
                with suppress(Empty):  # a thread was faster
                    self._waiting.get_nowait()
            self._most = 0
            for _ in self._threads:
                self._waiting.put(None)

    def wait(self, *, until: float) -> None:
        """Return when the threads have ended, which they do once closed, or at this moment of ``time.monotonic``."""
        for thread in list(self._threads):
            thread.join(max(0.0, until - time.monotonic()))

    def _start_another(self) -> None:
        if len(self._threads) >= self._most:
            return
        thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise  # with other threads, one of them takes the work
        else:
            self._threads.append(thread)

    def _serve(self) -> None:
        try:
            while (work := self._waiting.get()) is not None or self._may_stay():
                if work is not None:
                    self._run(work)
                    self._unfinished.pop()
                del work  # a waiting thread holds no reference to it
        except BaseException:
            self._unfinished.pop()
            with self._changing:
                self._threads.remove(threading.current_thread())
                if len(self._unfinished) > len(self._threads):
                    self._start_another()
            raise

    def _may_stay(self) -> bool:
        with self._changing:
            if len(self._threads) <= self._most:
                return True
            self._threads.remove(threading.current_thread())
            return False
