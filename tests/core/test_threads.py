"""Threads that are there before the work."""

import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from exporter.core.threads import FixedThreads
from tests.no_new_threads import no_new_threads
from tests.waiting import PATIENCE_S, soon


@pytest.fixture
def threads() -> Iterator[FixedThreads]:
    """Two, which end with the test."""
    made = FixedThreads(2, name="test")
    made.start()
    yield made
    made.stop()
    made.wait(within_s=PATIENCE_S)


def test_all_threads_work_at_once(threads: FixedThreads) -> None:
    """Two works that wait for each other end, though no thread can be started any more."""
    met = threading.Barrier(2)
    with no_new_threads():
        futures = [threads.submit(lambda: (met.wait(PATIENCE_S), threading.current_thread().name)) for _ in range(2)]
        names = {future.result(PATIENCE_S)[1] for future in futures}

    assert names == {"test-0", "test-1"}


def test_an_error_is_the_outcome(threads: FixedThreads) -> None:
    """It reaches who waits for it, and the thread works on."""

    def fail() -> None:
        raise LookupError("lost")

    for _ in range(4):
        with pytest.raises(LookupError, match="lost"):
            threads.submit(fail).result(PATIENCE_S)
    assert threads.submit(int, "7").result(PATIENCE_S) == 7


def test_work_that_is_cancelled_before_its_turn_is_not_done(threads: FixedThreads) -> None:
    """Who asked for it may be gone by then."""
    let_go = threading.Event()
    done: list[int] = []
    for _ in range(2):
        threads.submit(let_go.wait, PATIENCE_S)
    cancelled, other = threads.submit(done.append, 1), threads.submit(done.append, 2)
    assert cancelled.cancel()
    let_go.set()
    assert other.result(PATIENCE_S) is None

    assert done == [2]
    with pytest.raises(CancelledError):
        cancelled.result(0)


def test_a_thread_without_work_keeps_nothing(threads: FixedThreads) -> None:
    """Neither the last page that it made nor what it was made of; both can be large."""

    class Page:
        pass

    page = threads.submit(Page).result(PATIENCE_S)
    gone = weakref.ref(page)
    assert threads.submit(lambda it: it is not None, page).result(PATIENCE_S)
    del page

    assert soon(lambda: gc.collect() >= 0 and gone() is None)


def test_a_stop_breaks_off_what_runs_and_cancels_what_waits(threads: FixedThreads) -> None:
    """A reload of thousands of accounts holds up no end; the threads are gone soon."""
    begun = threading.Barrier(3)

    def work() -> None:
        begun.wait(PATIENCE_S)
        while True:
            pass

    running = [threads.submit(work) for _ in range(2)]
    waiting = threads.submit(print)
    begun.wait(PATIENCE_S)
    threads.stop()
    threads.stop()  # does no more
    threads.wait(within_s=PATIENCE_S)

    for future in (*running, waiting):
        with pytest.raises(CancelledError):
            future.result(PATIENCE_S)
    assert waiting.cancelled()
    assert threads.submit(print).cancelled()
    assert not any(thread.is_alive() for thread in threads._running)


def test_a_stop_waits_no_longer_than_it_may(threads: FixedThreads) -> None:
    """A long call outside of Python cannot be broken off."""
    let_go = threading.Event()
    future = threads.submit(let_go.wait, PATIENCE_S)
    assert soon(future.running)
    threads.stop()
    threads.wait(within_s=0.01)

    assert not future.done()
    let_go.set()
    with pytest.raises(CancelledError):
        future.result(PATIENCE_S)


def test_threads_that_were_not_started_are_stopped(caplog: pytest.LogCaptureFixture) -> None:
    """As those of a server whose address was taken."""
    made = FixedThreads(2, name="test")
    future = made.submit(int)
    made.stop()
    made.wait(within_s=PATIENCE_S)

    assert future.cancelled()
    assert caplog.records == []


def test_work_that_never_ends_does_not_hold_up_the_process() -> None:
    """A page or a reload may be under way at the end."""
    program = (
        "import threading; from exporter.core.threads import FixedThreads; threads = FixedThreads(1, name='test'); "
        "threads.start(); begun = threading.Event(); "
        "threads.submit(lambda: (begun.set(), threading.Event().wait())); begun.wait()"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", program], env=environ, timeout=PATIENCE_S, check=True)  # noqa: S603 — our own interpreter
