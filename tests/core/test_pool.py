"""The pool of threads: what runs when, in how many threads, and what happens where there is none."""

import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from exporter.core.pool import MOST, Pool, Work, polls_in
from exporter.core.threads import NoThread
from tests.no_new_threads import no_new_threads
from tests.recording_log import RecordingLog
from tests.waiting import PATIENCE_S, soon


class Held:
    """Work that notes that it has begun, and lasts until it is let go."""

    def __init__(self) -> None:
        self.begun: list[Work] = []
        self.threads: set[threading.Thread] = set()
        self.let_go = threading.Event()

    def of(self, work: Work) -> Callable[[], None]:
        def run() -> None:
            self.begun.append(work)
            self.threads.add(threading.current_thread())
            assert self.let_go.wait(PATIENCE_S)

        return run

    def has_begun(self, number: int) -> bool:
        """Whether so many have begun by now."""
        return len(self.begun) == number

    def begins_more(self) -> bool:
        """Whether any begins within a moment that has not."""
        before = len(self.begun)
        time.sleep(0.02)
        return len(self.begun) > before


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.let_go.set()


@pytest.fixture
def log() -> RecordingLog:
    return RecordingLog()


@pytest.fixture
def pool(log: RecordingLog) -> Iterator[Pool]:
    pool = Pool(log=log)
    yield pool
    pool.close()


WAITED_FOR = (Work.RESOLVE, Work.SOURCE, Work.ROLE)
FREE = len(Work) - len(WAITED_FOR)


def threads_of(pool: Pool) -> int:
    return len(pool._threads)


def look_twice(pool: Pool) -> None:
    """Let what waits now have a thread."""
    for _ in range(2):
        pool.start_threads()


def test_work_of_a_kind_runs_in_its_order(pool: Pool) -> None:
    """With one thread for it, one after the other."""
    pool.allow(1, bound=100)
    done: list[int] = []
    for number in range(100):
        pool.submit(Work.POLL, partial(done.append, number))

    assert soon(lambda: len(done) == 100)
    assert done == list(range(100))


@pytest.mark.parametrize("work", Work, ids=lambda work: work.value)
def test_every_kind_has_its_limit(pool: Pool, held: Held, work: Work) -> None:
    """What is more than that waits, takes no thread from other kinds, and runs later."""
    others = [other for other in Work if other is not work]
    for _ in range(MOST[work] + 2):
        pool.submit(work, held.of(work))
    assert soon(lambda: len(held.begun) == MOST[work])
    assert not held.begins_more()

    ran: list[Work] = []
    for other in others:
        pool.submit(other, partial(ran.append, other))
    assert soon(lambda: set(ran) == set(others))
    held.let_go.set()
    assert soon(lambda: len(held.begun) == MOST[work] + 2)


def test_a_place_is_kept_for_every_other_kind(pool: Pool, held: Held) -> None:
    """Polls wait for names and tokens: they never fill the pool, however small it is."""
    bound = len(Work) + 2
    pool.allow(128, bound=bound)
    for _ in range(50):
        pool.submit(Work.POLL, held.of(Work.POLL))
    assert soon(lambda: len(held.begun) == 3)
    assert not held.begins_more()
    for work in Work:
        for _ in range(2):
            pool.submit(work, held.of(work))

    assert soon(lambda: Counter(held.begun) == {work: 3 if work is Work.POLL else 1 for work in Work})
    assert not held.begins_more()
    assert threads_of(pool) == bound
    held.let_go.set()
    assert soon(lambda: len(held.begun) == 50 + 2 * len(Work))


def test_what_polls_wait_for_has_a_free_thread_first(pool: Pool, held: Held) -> None:
    """Where several kinds wait for a thread, names and credentials go before polls."""
    pool.allow(128, bound=len(Work))
    ran: list[Work] = []
    for work in Work:
        pool.submit(work, held.of(work))
    assert soon(lambda: len(held.begun) == len(Work))
    for work in reversed(Work):
        pool.submit(work, partial(ran.append, work))
    assert ran == []
    pool.allow(128, bound=len(Work) + 1)

    assert soon(lambda: len(ran) == len(Work) or held.begins_more())
    assert ran[0] is Work.RESOLVE


def test_the_thread_that_was_free_last_works_next(pool: Pool, held: Held) -> None:
    """So the others have nothing to do for long, and end."""
    for _ in range(5):
        pool.submit(Work.POLL, held.of(Work.POLL))
    assert soon(lambda: len(held.begun) == 5)
    held.let_go.set()
    assert soon(lambda: len(pool._idle) == 5)
    threads: list[threading.Thread] = []

    def rests(runs: int) -> bool:
        return len(threads) == runs and len(pool._idle) == 5

    for number in range(1, 21):
        pool.submit(Work.POLL, lambda: threads.append(threading.current_thread()))
        assert soon(partial(rests, number))

    assert len(set(threads)) == 1


def test_idle_threads_wake_one_another(pool: Pool, held: Held) -> None:
    """Much work at once wakes one thread, which wakes the next: none of it waits while a thread is idle."""
    pool.start()
    assert soon(lambda: len(pool._idle) == len(Work))
    free = len(Work) - 3  # three are kept for names and credentials
    with no_new_threads():
        for turn in range(1, 4):
            pool.submit(Work.POLL, *(held.of(Work.POLL) for _ in range(free)))
            assert soon(partial(held.has_begun, turn * free))
            held.let_go.set()
            assert soon(lambda: len(pool._idle) == len(Work))
            held.let_go.clear()


def test_threads_are_for_polls_and_one_of_each_other_kind() -> None:
    """How many polls fit into so many threads, of which one at least is theirs."""
    others = len(Work) - 1

    assert [polls_in(threads) for threads in (1, others, others + 1, others + 2, others + 128)] == [1, 1, 1, 2, 128]


def test_a_thread_without_work_ends(log: RecordingLog) -> None:
    """After its time all threads are gone, and work that comes later has new ones."""
    pool = Pool(log=log, idle_s=0.01)
    done: list[str] = []
    for _ in range(3):
        pool.submit(Work.POLL, partial(done.append, "ran"))
        assert soon(lambda: threads_of(pool) == 0)
    assert len(done) == 3
    pool.close()


def test_work_that_meets_the_end_of_a_thread_runs(log: RecordingLog) -> None:
    """However often a thread's time ends at the very moment at which it is given work."""
    pool = Pool(log=log, idle_s=0.0005)
    done: list[int] = []
    for number in range(500):
        pool.submit(Work.POLL, partial(done.append, number))
        time.sleep(0.0005)

    assert soon(lambda: sorted(done) == list(range(500)))
    pool.close()


@pytest.mark.parametrize("allowed", [[1], [1, 3, 1], [2, 1]], ids=str)
def test_fewer_polls_may_be_allowed(pool: Pool, held: Held, allowed: list[int]) -> None:
    """What is under way goes on; what waits begins when so few are under way."""
    pool.allow(3, bound=100)
    for _ in range(5):
        pool.submit(Work.POLL, held.of(Work.POLL))
    assert soon(lambda: len(held.begun) == 3)
    for most in allowed:
        pool.allow(most, bound=100)
    assert not held.begins_more()
    held.let_go.set()

    assert soon(lambda: len(held.begun) == 5)
    held.let_go.clear()
    for _ in range(3):
        pool.submit(Work.POLL, held.of(Work.POLL))
    assert soon(lambda: len(held.begun) == 6)
    assert not held.begins_more()


def test_more_polls_may_be_allowed(pool: Pool, held: Held) -> None:
    """What waits begins at once."""
    pool.allow(1, bound=100)
    for _ in range(3):
        pool.submit(Work.POLL, held.of(Work.POLL))
    assert soon(lambda: len(held.begun) == 1)
    pool.allow(3, bound=100)

    assert soon(lambda: len(held.begun) == 3)


def test_a_close_forgets_what_waits(pool: Pool, held: Held) -> None:
    """What is under way ends by itself and is waited for; nothing begins any more, also not by another limit."""
    pool.allow(1, bound=100)
    for _ in range(3):
        pool.submit(Work.POLL, held.of(Work.POLL))
    assert soon(lambda: held.begun)
    pool.close()
    pool.submit(Work.POLL, held.of(Work.POLL))
    pool.allow(5, bound=100)
    began = time.monotonic()
    pool.wait(within_s=0.05)
    assert time.monotonic() - began >= 0.05  # the one under way was waited for
    held.let_go.set()
    pool.wait(within_s=PATIENCE_S)

    assert (threads_of(pool), len(held.begun)) == (0, 1)


def test_a_close_ends_idle_threads(pool: Pool) -> None:
    """Long before they would end by themselves."""
    done: list[str] = []
    pool.submit(Work.POLL, lambda: done.append("ran"))
    assert soon(lambda: done and len(pool._idle) == 1)
    pool.close()
    pool.wait(within_s=PATIENCE_S)

    assert threads_of(pool) == 0


def test_threads_hold_no_process(pool: Pool, held: Held) -> None:
    """All are daemons, named after what they do."""
    pool.submit(Work.SOURCE, held.of(Work.SOURCE))
    assert soon(lambda: held.begun)

    assert [(thread.daemon, thread.name) for thread in held.threads] == [(True, "credential source")]


def test_what_has_run_is_not_kept(pool: Pool) -> None:
    """A thread that waits for more holds nothing of what it did."""

    class Thing:
        """Something that can be gone."""

        def __call__(self) -> None:
            pass

    thing = Thing()
    gone = weakref.ref(thing)
    pool.submit(Work.POLL, thing)
    del thing

    assert soon(lambda: gone() is None)


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit], ids=lambda error: error.__name__)
def test_a_defect_costs_no_place(pool: Pool, log: RecordingLog, error: type[BaseException]) -> None:
    """It is logged without its text, and what comes after it is run."""
    pool.allow(1, bound=100)
    done: list[str] = []

    def fail() -> None:
        raise error("with a secret")

    for _ in range(3):
        pool.submit(Work.POLL, fail)
        pool.submit(Work.POLL, lambda: done.append("ran"))

    assert soon(lambda: len(done) == 3)
    assert {(event, fields["error"]) for event, fields in log.above_debug()} == {
        ("work hit a defect", error.__name__)
    }
    assert "secret" not in str(log.lines)


def test_work_without_a_thread_waits_for_one(pool: Pool, held: Held, log: RecordingLog) -> None:
    """Where the system has none, nothing is lost: it begins once there is one. The log says it once a minute."""
    for turn in range(1, 3):
        before = len(held.begun)
        with no_new_threads():
            for _ in range(3):
                pool.submit(Work.POLL, held.of(Work.POLL))
            pool.start_threads()
        assert len(held.begun) == before
        pool.start_threads()
        assert soon(partial(held.has_begun, 3 * turn))

    assert [(event, fields["work"]) for event, fields in log.above_debug()] == [("no thread to be had", "poll")]


def test_work_without_a_thread_has_the_next_free_one(pool: Pool, held: Held) -> None:
    """The threads that there are do all work, of whichever kind."""
    pool.submit(Work.POLL, held.of(Work.POLL))
    assert soon(lambda: held.begun)
    done: list[Work] = []
    with no_new_threads():
        for work in Work:
            pool.submit(work, partial(done.append, work))
        held.let_go.set()
        assert soon(lambda: set(done) == set(Work))


def test_as_many_threads_as_kinds_stay(log: RecordingLog) -> None:
    """From the start on, however long there is no work; others end."""
    pool = Pool(log=log, idle_s=0.01)
    pool.start()
    let_go = threading.Event()
    for _ in range(len(Work) + 3):
        pool.submit(Work.POLL, let_go.wait)
    look_twice(pool)
    assert soon(lambda: threads_of(pool) > len(Work))
    let_go.set()
    assert soon(lambda: threads_of(pool) == len(Work))
    time.sleep(0.05)
    assert threads_of(pool) == len(Work)
    pool.close()
    pool.wait(within_s=PATIENCE_S)

    assert threads_of(pool) == 0


def test_a_start_without_threads_fails(pool: Pool) -> None:
    """What has no thread for each kind of work cannot keep a place for each."""
    with no_new_threads(), pytest.raises(NoThread):
        pool.start()


def test_polls_leave_threads_to_what_they_wait_for(pool: Pool, held: Held) -> None:
    """Where the system has none left, names and credentials have one, also when they had one before."""
    pool.start()
    assert soon(lambda: len(pool._idle) == len(Work))
    done: list[Work] = []
    with no_new_threads():
        for turn in range(1, 4):
            for _ in range(len(Work)):
                pool.submit(Work.POLL, held.of(Work.POLL))
            for work in WAITED_FOR:
                pool.submit(work, partial(done.append, work))
            assert soon(partial(lambda count: len(done) == count, turn * len(WAITED_FOR)))
        assert soon(lambda: held.has_begun(FREE))
        assert not held.begins_more()
    look_twice(pool)

    assert soon(lambda: len(held.begun) == 3 * len(Work))


def test_polls_leave_threads_to_other_polls(pool: Pool) -> None:
    """Where the system has refused one, polls that wait do not keep those from threads that have few places."""
    pool.start()
    assert soon(lambda: len(pool._idle) == len(Work))
    may_end, begun = threading.Semaphore(0), list[Work]()

    def poll() -> None:
        begun.append(Work.POLL)
        may_end.acquire()

    with no_new_threads():
        for _ in range(4 * len(Work)):
            pool.submit(Work.POLL, poll)
        for work in (Work.WAITING, Work.HANGING):
            pool.submit(work, partial(begun.append, work))
        look_twice(pool)
        at_once = len(Work) - 3
        assert soon(lambda: len(begun) == at_once)
        may_end.release(at_once)
        assert soon(lambda: {Work.WAITING, Work.HANGING} <= set(begun))
        assert soon(lambda: len(begun) == at_once + 3)
    may_end.release(4 * len(Work))


def test_a_pool_without_a_start_uses_what_it_has(pool: Pool) -> None:
    """A command that ends by itself keeps no thread for other work: the one that is idle does all."""
    done: list[Work] = []

    def rests(runs: int) -> bool:
        return len(done) == runs and len(pool._idle) == 1

    pool.submit(Work.POLL, partial(done.append, Work.POLL))
    assert soon(partial(rests, 1))
    with no_new_threads():
        for number, work in enumerate(Work, 2):
            pool.submit(work, partial(done.append, work))
            assert soon(partial(rests, number))


@pytest.fixture
def started(pool: Pool) -> Pool:
    """A pool with its first threads, all idle; some are kept for names and credentials."""
    pool.start()
    assert soon(lambda: len(pool._idle) == len(Work))
    return pool


@pytest.mark.parametrize("work", [Work.POLL, Work.WAITING, Work.HANGING], ids=lambda work: work.value)
def test_polls_that_busy_threads_can_do_start_no_thread(started: Pool, held: Held, work: Work) -> None:
    """They wait for a free one until the second look, and have it."""
    started.submit(work, *(held.of(work) for _ in range(FREE)))
    assert soon(lambda: held.has_begun(FREE))
    started.submit(work, *(held.of(work) for _ in range(FREE)))
    started.start_threads()
    assert not held.begins_more()
    held.let_go.set()

    assert soon(lambda: held.has_begun(2 * FREE))
    assert soon(lambda: len(started._idle) == len(Work))
    look_twice(started)
    assert threads_of(started) == len(Work)


def test_a_new_poll_starts_no_thread_beside_one_that_has_waited(started: Pool, held: Held) -> None:
    """Only those start threads that were there at an earlier look, whichever kind of poll they are."""
    started.submit(Work.POLL, *(held.of(Work.POLL) for _ in range(FREE)))
    assert soon(lambda: held.has_begun(FREE))
    started.submit(Work.HANGING, held.of(Work.HANGING))
    started.start_threads()
    started.submit(Work.POLL, held.of(Work.POLL))
    started.start_threads()

    assert soon(lambda: held.has_begun(FREE + 1))
    assert not held.begins_more()
    assert held.begun[-1] is Work.HANGING
    started.start_threads()
    assert soon(lambda: held.has_begun(FREE + 2))


def test_polls_that_wait_for_long_start_threads(started: Pool, held: Held) -> None:
    """At the second look there is one for each, up to the limit."""
    started.allow(20, bound=100)
    started.submit(Work.POLL, *(held.of(Work.POLL) for _ in range(30)))
    assert soon(lambda: held.has_begun(FREE))
    started.start_threads()
    assert not held.begins_more()
    started.start_threads()

    assert soon(lambda: held.has_begun(20))
    assert not held.begins_more()


@pytest.mark.parametrize(
    "work",
    [Work.RESOLVE, Work.SOURCE, Work.ROLE, Work.ACCOUNT_ID, Work.DIRECTORY],
    ids=lambda work: work.value,
)
def test_what_polls_wait_for_starts_a_thread_at_once(started: Pool, held: Held, work: Work) -> None:
    """However many polls are under way, and wait."""
    started.submit(Work.POLL, *(held.of(Work.POLL) for _ in range(2 * FREE)))
    assert soon(lambda: held.has_begun(FREE))
    for _ in range(MOST[work]):
        started.submit(work, held.of(work))

    assert soon(lambda: Counter(held.begun) == {Work.POLL: FREE, work: MOST[work]})


def test_a_pool_without_a_start_starts_a_thread_for_each_poll(pool: Pool, held: Held) -> None:
    """A command that polls once waits for no look."""
    pool.submit(Work.POLL, *(held.of(Work.POLL) for _ in range(5)))

    assert soon(lambda: held.has_begun(5))
