"""One pool of worker threads for all work that may take long, with a limit for each kind of work.

concurrent.futures makes a future for each work and counts its idle threads with a semaphore: a twenty-fifth of what a
poll costs, for results that are not used. Its threads never end.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from queue import Empty, SimpleQueue
from types import MappingProxyType

from exporter.core.logger import Logger, defect

IDLE_S = 30.0


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


_Task = tuple[Work, Callable[[], object]]
_Started = tuple[threading.Thread, _Task]


class Pool:
    """Runs work of each kind in the order in which it was submitted; safe to use from any thread.

    Within the highest number of threads, which is one for each kind at least, one place is kept for each kind that
    has nothing under way, since a poll waits for names and credentials. The thread that was free last works next, so
    that the others end after ``idle_s`` seconds. It wakes the next one if there is more to do: threads that wake all
    at once fight for the interpreter (20 against 30 µs for each of five). Work for which the system has no thread
    waits for one of the pool's, or for ``start_threads``. The threads are daemons, so that the process can end while
    they run.
    """

    def __init__(self, *, log: Logger, idle_s: float = IDLE_S) -> None:
        self._log = log
        self._idle_s = idle_s
        self._most = dict(MOST)
        self._bound = threads_for(MOST[Work.POLL])
        self._lock = threading.Lock()
        self._waiting: dict[Work, deque[Callable[[], object]]] = {work: deque() for work in Work}
        self._running = dict.fromkeys(Work, 0)
        self._under_way = 0
        self._threads: set[threading.Thread] = set()
        self._idle: list[SimpleQueue[_Task | None]] = []
        self._refused = False
        self._closed = False

    def submit(self, work: Work, *runs: Callable[[], object]) -> None:
        """Run each as soon as there is a thread for it; never, once closed."""
        with self._lock:
            if self._closed:
                return
            self._waiting[work].extend(runs)
            started = self._assign()
        self._start(started)

    def allow(self, polls: int, *, bound: int) -> None:
        """From now on let so many polls run at a time, and have so many threads at most."""
        with self._lock:
            self._most[Work.POLL] = polls
            self._bound = bound
            started = self._assign()
        self._start(started)

    def start_threads(self) -> None:
        """Try again to start threads for what waits, after the system had none; to be called now and then."""
        if self._refused:
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
            started = self._assign()
        self._start(started)

    def _assign(self) -> _Started | None:
        """Give work that may begin to one idle thread, or to a new one that has to be started; the lock is held."""
        work = self._next()
        if work is None:
            return None
        task = self._begin(work)
        if self._idle:
            self._idle.pop().put(task)
            return None
        inbox: SimpleQueue[_Task | None] = SimpleQueue()
        inbox.put(task)
        thread = threading.Thread(target=self._serve, args=(inbox,), name="worker", daemon=True)
        self._threads.add(thread)
        return thread, task

    def _start(self, started: _Started | None) -> None:
        """Start a new thread, if there is one; the lock is not held, as that takes time."""
        if started is None:
            return
        thread, task = started
        try:
            thread.start()
        except RuntimeError:  # the system has no thread
            self._put_back(task, thread)
        else:
            self._refused = False

    def _put_back(self, task: _Task, thread: threading.Thread) -> None:
        work, run = task
        with self._lock:
            self._threads.discard(thread)
            self._end(work)
            if not self._closed:
                self._waiting[work].appendleft(run)
            reported, self._refused = self._refused, True
            threads = len(self._threads)
        if not reported:
            self._log.log(logging.ERROR, "no thread to be had", work=work.value, threads=threads)

    def _next(self) -> Work | None:
        """The kind of work that may begin, if any; the lock is held."""
        for work, waiting in self._waiting.items():
            if waiting and self._may_begin(work):
                return work
        return None

    def _may_begin(self, work: Work) -> bool:
        running = self._running[work]
        if running >= self._most[work]:
            return False
        under_way = self._under_way
        if running == 0 or under_way + len(Work) <= self._bound:
            return True
        return under_way + sum(not count for count in self._running.values()) < self._bound

    def _begin(self, work: Work) -> _Task:
        self._running[work] += 1
        self._under_way += 1
        return work, self._waiting[work].popleft()

    def _end(self, work: Work) -> None:
        self._running[work] -= 1
        self._under_way -= 1

    def _serve(self, inbox: "SimpleQueue[_Task | None]") -> None:
        thread = threading.current_thread()
        task = inbox.get()
        self._spread()
        while task is not None:
            work, run = task
            thread.name = work.value
            try:
                run()
            except BaseException as error:  # noqa: BLE001 — the thread goes on with other work
                self._log.log(logging.ERROR, "work hit a defect", work=work.value, **defect(error))
            del task, run  # a thread that waits keeps nothing alive
            with self._lock:
                self._end(work)
                following = self._next()
                if following is not None:
                    task = self._begin(following)
                    continue
                if self._closed:
                    break
                self._idle.append(inbox)
            task = self._wait(inbox)
            if any(self._waiting.values()):
                self._spread()
        self._threads.discard(thread)

    def _wait(self, inbox: "SimpleQueue[_Task | None]") -> _Task | None:
        """The work that this idle thread is given; None when there is none for long, or the pool is closed."""
        threading.current_thread().name = "idle"
        try:
            return inbox.get(timeout=self._idle_s)
        except Empty:
            with self._lock:
                if inbox in self._idle:
                    self._idle.remove(inbox)
                    return None
            return inbox.get()  # it was given at this very moment
