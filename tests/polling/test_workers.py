"""Threads that run what they are given."""

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exporter.polling.workers import Workers
from tests.no_new_threads import no_new_threads
from tests.waiting import PATIENCE_S, soon


class Held:
    """Work that notes itself, and lasts until it is let go."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.threads: set[threading.Thread] = set()
        self.let_go = threading.Event()

    def __call__(self, work: object) -> None:
        """Begin, and wait."""
        self.begun.append(work)
        self.threads.add(threading.current_thread())
        assert self.let_go.wait(PATIENCE_S)

    def begins_more(self) -> bool:
        """Whether anything begins that has not, within a moment."""
        before = len(self.begun)
        time.sleep(0.02)
        return len(self.begun) > before


@pytest.fixture
def held() -> Iterator[Held]:
    work = Held()
    yield work
    work.let_go.set()


@pytest.fixture
def make() -> Iterator[Callable[..., Workers[Any]]]:
    made: list[Workers[Any]] = []

    def make_workers(run: Callable[[Any], None], *, most: int, name: str = "test") -> Workers[Any]:
        made.append(Workers(run, most=most, name=name))
        return made[-1]

    yield make_workers
    for workers in made:
        workers.close()


Make = Callable[..., Workers[Any]]


def test_what_is_given_runs_in_its_order(make: Make) -> None:
    """One thread runs one after the other."""
    done: list[object] = []
    workers = make(done.append, most=1)
    for number in range(100):
        workers.give(number)

    assert soon(lambda: len(done) == 100)
    assert done == list(range(100))


def test_there_are_as_many_threads_as_are_allowed(make: Make, held: Held) -> None:
    """What is more than that waits, and runs later."""
    workers = make(held, most=3)
    for number in range(5):
        workers.give(number)

    assert soon(lambda: len(held.begun) == 3)
    assert not held.begins_more()
    held.let_go.set()
    assert soon(lambda: len(held.begun) == 5)
    assert len(held.threads) == 3


def test_a_thread_that_is_free_is_used_again(make: Make) -> None:
    """One thread is enough for what comes one by one."""
    threads: list[threading.Thread] = []
    workers = make(lambda _work: threads.append(threading.current_thread()), most=8)
    for number in range(20):
        workers.give(number)
        assert soon(lambda: not workers._unfinished)

    assert threads == [threads[0]] * 20


def test_more_threads_may_be_allowed(make: Make, held: Held) -> None:
    """What waits has them at once, and what comes then."""
    held.let_go.set()
    workers = make(held, most=1)
    for number in range(-20, 0):
        workers.give(number)  # a backlog, whose end leaves nothing behind
    assert soon(lambda: len(held.begun) == 20 and not workers._unfinished)
    held.begun.clear()
    held.let_go.clear()
    workers.give(0)
    workers.give(1)
    workers.allow(3)

    assert soon(lambda: sorted(held.begun) == [0, 1])
    workers.give(2)
    assert soon(lambda: held.begun[2:] == [2])


@pytest.mark.parametrize("allowed", [[1], [1, 3, 1], [1, 3, 1, 3, 1], [2, 1]], ids=str)
def test_fewer_threads_may_be_allowed(make: Make, held: Held, allowed: list[int]) -> None:
    """Those that are too many end, however often it is said; what waited is run before, and the rest runs on."""
    workers = make(held, most=3)
    for number in range(5):
        workers.give(number)
    assert soon(lambda: len(held.begun) == 3)
    for most in allowed:
        workers.allow(most)
    held.let_go.set()

    assert soon(lambda: len(workers._threads) == 1)
    assert sorted(held.begun) == list(range(5))
    workers.give(5)
    assert soon(lambda: held.begun[5:] == [5])


def test_a_close_ends_the_threads(make: Make, held: Held) -> None:
    """What waits is forgotten, and nothing more is taken."""
    workers = make(held, most=1)
    for number in range(3):
        workers.give(number)
    assert soon(lambda: held.begun)
    workers.close()
    with pytest.raises(RuntimeError, match=r"^these workers are closed$"):
        workers.give(3)
    began = time.monotonic()
    workers.wait(until=began + 0.05)
    assert time.monotonic() - began >= 0.05  # the one that holds on was waited for
    held.let_go.set()
    workers.wait(until=time.monotonic() + PATIENCE_S)

    workers.allow(2)  # a reload may be under way

    assert (workers._threads, held.begun) == ([], [0])


def test_what_was_run_is_kept_by_nobody(make: Make) -> None:
    """A thread that waits for more holds nothing of what it had."""

    class Thing:
        """Something that can be gone."""

    workers = make(lambda _thing: None, most=1)
    thing = Thing()
    gone = weakref.ref(thing)
    workers.give(thing)
    del thing

    assert soon(lambda: gone() is None)


def test_a_defect_costs_one_thread_and_not_its_place(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as Python tells what ends a thread, and what comes after it is run."""
    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda of: told.append(of.exc_type))
    done: list[float] = []
    workers = make(lambda divisor: done.append(1 / divisor), most=1)
    workers.give(0)
    workers.give(1)
    assert soon(lambda: done == [1.0])
    workers.give(2)

    assert soon(lambda: done == [1.0, 0.5])
    assert told == [ZeroDivisionError]


def test_no_thread_at_all_is_an_error(make: Make, held: Held) -> None:
    """As long as there is one, it comes to what is given; where there is none, whoever gives must know."""
    without = make(held, most=2)
    with_one = make(held, most=2)
    with_one.give("first")
    with no_new_threads():
        with pytest.raises(RuntimeError, match="can't start new thread"):
            without.give("never")
        with_one.give("second")
    held.let_go.set()

    assert soon(lambda: len(held.begun) == 2)
    assert held.begun == ["first", "second"]
