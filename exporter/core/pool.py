"""One pool of worker threads for all work that may take long, with a limit for each kind of work.

concurrent.futures makes a future for each work and counts its idle threads with a semaphore: a twenty-fifth of what a
poll costs, for results that are not used. Its threads never end.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from functools import partial
from queue import Empty, SimpleQueue
from types import MappingProxyType

from exporter.core.logger import Logger, defect
from exporter.core.threads import NoThread, start_thread

IDLE_S = 30.0
_LOG_EVERY_S = 60.0


class Work(Enum):
    """A kind of work; where several wait for a thread, the earlier one here has it first, as polls wait for it."""

    RESOLVE = "resolve name"
    SOURCE = "credential source"
    ROLE = "assume role"
    ACCOUNT_ID = "account id"
    DIRECTORY = "directory"
    POLL = "poll"
    WAITING = "poll waiting for credentials"
    HANGING = "poll after timeout"


MOST: Mapping[Work, int] = MappingProxyType(
    {
        Work.RESOLVE: 4,
        Work.SOURCE: 8,
        Work.ROLE: 8,
        Work.ACCOUNT_ID: 2,
        Work.DIRECTORY: 2,
        Work.POLL: 128,
        Work.WAITING: 16,
        Work.HANGING: 16,
    }
)
"""How much of each kind may run at a time; ``poll.max_workers`` sets that of polls."""


def threads_for(polls: int) -> int:
    """The highest number of threads that is of use when so many polls may run at a time."""
    return polls + sum(most for work, most in MOST.items() if work is not Work.POLL)


def polls_in(threads: int) -> int:
    """How many polls can run at a time in so many threads at most, of which all other kinds of work keep one each."""
    return max(1, threads - (len(Work) - 1))


_WAITED_FOR = (Work.RESOLVE, Work.SOURCE, Work.ROLE)
_POLLS = (Work.POLL, Work.WAITING, Work.HANGING)

_Task = tuple[Work, Callable[[], object]]
_Waiting = tuple[int, Callable[[], object]]  # after how many calls of start_threads it came


class Pool:
    """Runs work of each kind in the order in which it was submitted; safe to use from any thread.

    Within the highest number of threads, which is one for each kind at least, one place is kept for each kind that
    has nothing under way, since a poll waits for names and credentials. Where the system has no more threads, those
    that there are count as the highest number, until ``start_threads`` gets one. The thread that was free last works
    next, so that others end after ``idle_s`` seconds; after ``start``, as many stay as there are kinds of work. It
    wakes the next one if there is more to do: threads that wake all at once fight for the interpreter (20 against
    30 µs for each of five).

    After ``start``, a poll starts a thread only once it has waited from one call of ``start_threads`` to the next:
    after a stall of 0.1 s, 50 polls are due, and 50 threads have their answers and are free within milliseconds.
    Other work starts a thread at once, since polls wait for it.
    """

    def __init__(self, *, log: Logger, idle_s: float = IDLE_S) -> None:
        self._log = log
        self._idle_s = idle_s
        self._most = dict(MOST)
        self._bound = threads_for(MOST[Work.POLL])
        self._lock = threading.Lock()
        self._waiting: dict[Work, deque[_Waiting]] = {work: deque() for work in Work}
        self._looks = 0
        self._running = dict.fromkeys(Work, 0)
        self._under_way = 0
        self._threads: set[threading.Thread] = set()
        self._kept = 0
        self._idle: list[SimpleQueue[_Task | None]] = []
        self._refused = False
        self._next_log_at = 0.0
        self._closed = False

    def start(self) -> None:
        """Start as many threads as there are kinds of work, which stay; raises NoThread."""
        self._kept = len(Work)
        for _ in Work:
            self._start_thread(None)

    def submit(self, work: Work, *runs: Callable[[], object]) -> None:
        """Run each as soon as there is a thread for it; never, once closed."""
        with self._lock:
            if self._closed:
                return
            self._waiting[work].extend([(self._looks, run) for run in runs])
            task = self._assign()
        self._start_for(task)

    def allow(self, polls: int, *, bound: int) -> None:
        """From now on let so many polls run at a time, and have so many threads at most."""
        with self._lock:
            self._most[Work.POLL] = polls
            self._bound = bound
            task = self._assign()
        self._start_for(task)

    def start_threads(self) -> None:
        """Start threads for polls that have waited since an earlier call; to be called some times a second.

        Asks the system again where it had no thread.
        """
        with self._lock:
            self._looks += 1
        if not any(self._waiting.values()):
            return
        if self._refused:
            with suppress(NoThread):
                self._start_thread(None)
                self._refused = False
        self._spread()

    def close(self) -> None:
        """Begin no more work, and forget what waits."""
        with self._lock:
            self._closed = True
            for waiting in self._waiting.values():
                waiting.clear()
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)

    def wait(self, *, within_s: float) -> None:
        """Return once the threads have ended, which they do when the pool is closed, or after so long."""
        until = time.monotonic() + within_s
        for thread in list(self._threads):
            thread.join(max(0.0, until - time.monotonic()))

    def _spread(self) -> None:
        """Give work that waits to one more thread, which does the same before its own."""
        with self._lock:
            task = self._assign()
        self._start_for(task)

    def _assign(self) -> _Task | None:
        """Give work that may begin to an idle thread; returns what needs a new one. The lock is held."""
        work = self._next(free=len(self._idle), starts=True)
        if work is None:
            return None
        task = self._begin(work)
        if len(self._idle) <= self._reserved():
            return task
        self._idle.pop().put(task)
        return None

    def _reserved(self) -> int:
        """How many threads have to stay idle, as the system may give none for what polls wait for."""
        if not self._kept:
            return 0
        return sum(not self._running[work] for work in _WAITED_FOR)

    def _start_for(self, task: _Task | None) -> None:
        """Start a thread for this work, if there is any; the lock is not held, as that takes time."""
        if task is None:
            return
        try:
            self._start_thread(task)
        except NoThread:
            self._put_back(*task)
        else:
            self._refused = False

    def _start_thread(self, task: _Task | None) -> None:
        inbox: SimpleQueue[_Task | None] = SimpleQueue()
        if task is not None:
            inbox.put(task)
        start_thread(partial(self._serve, inbox), name="worker")

    def _put_back(self, work: Work, run: Callable[[], object]) -> None:
        with self._lock:
            self._end(work)
            if not self._closed:
                self._waiting[work].appendleft((0, run))
            self._refused = True
            threads, now = len(self._threads), time.monotonic()
            if is_news := now >= self._next_log_at:
                self._next_log_at = now + _LOG_EVERY_S
        if is_news:
            self._log.log(logging.ERROR, "no thread to be had", work=work.value, threads=threads)

    def _next(self, *, free: int, starts: bool = False) -> Work | None:
        """The kind of work that may begin where so many threads are free, if any; the lock is held.

        With ``starts`` it may also be one that is worth a new thread.
        """
        for work, waiting in self._waiting.items():
            if not waiting or not self._may_begin(work):
                continue
            if work not in _POLLS or free > self._reserved() or (starts and self._has_waited(waiting)):
                return work
        return None

    def _has_waited(self, waiting: "deque[_Waiting]") -> bool:
        """Whether the earliest of these has waited as long as it must before it starts a thread."""
        return not self._kept or waiting[0][0] + 2 <= self._looks

    def _may_begin(self, work: Work) -> bool:
        running = self._running[work]
        if running >= self._most[work]:
            return False
        bound = min(self._bound, len(self._threads)) if self._refused else self._bound
        if running == 0 or self._under_way + len(Work) <= bound:
            return True
        return self._under_way + sum(not count for count in self._running.values()) < bound

    def _begin(self, work: Work) -> _Task:
        self._running[work] += 1
        self._under_way += 1
        return work, self._waiting[work].popleft()[1]

    def _end(self, work: Work) -> None:
        self._running[work] -= 1
        self._under_way -= 1

    def _serve(self, inbox: "SimpleQueue[_Task | None]") -> None:
        thread = threading.current_thread()
        with self._lock:
            self._threads.add(thread)
        task = self._take(inbox) if inbox.empty() else inbox.get()
        self._spread()
        while task is not None:
            work, run = task
            thread.name = work.value
            try:
                run()
            except BaseException as error:  # noqa: BLE001 — the thread goes on with other work
                self._log.log(logging.ERROR, "work hit a defect", work=work.value, **defect(error))
            del task, run  # a thread that waits keeps nothing alive
            task = self._take(inbox, after=work)
        self._threads.discard(thread)

    def _take(self, inbox: "SimpleQueue[_Task | None]", *, after: Work | None = None) -> _Task | None:
        """The next work of this thread, which has done ``after``; None when it is to end."""
        with self._lock:
            if after is not None:
                self._end(after)
            following = self._next(free=len(self._idle) + 1)
            if following is not None:
                return self._begin(following)
            if self._closed:
                return None
            self._idle.append(inbox)
        task = self._wait(inbox)
        if any(self._waiting.values()):
            self._spread()
        return task

    def _wait(self, inbox: "SimpleQueue[_Task | None]") -> _Task | None:
        """The work that this idle thread is given; None when it is to end."""
        thread = threading.current_thread()
        thread.name = "idle"
        while True:
            try:
                return inbox.get(timeout=self._idle_s)
            except Empty:
                with self._lock:
                    # Not if it was given work at this very moment.
                    if inbox in self._idle and len(self._threads) > self._kept:
                        self._idle.remove(inbox)
                        self._threads.discard(thread)
                        return None
