"""Work that hangs keeps its own key waiting, and no other."""

import threading
import weakref
from collections.abc import Iterator

import pytest

from exporter.api.credentials.worker_pool import KeyedWorkers
from tests.no_new_threads import no_new_threads
from tests.waiting import PATIENCE_S, soon


@pytest.fixture
def workers() -> Iterator[KeyedWorkers]:
    workers = KeyedWorkers(4, name="test key")
    yield workers
    workers.close()


def test_a_hanging_lane_leaves_threads_to_the_others(workers: KeyedWorkers) -> None:
    """Three of four threads hang in one key; the others' work gets done, and the key's goes on when it can."""
    go_on = threading.Event()
    running = threading.Semaphore(0)
    done = threading.Semaphore(0)

    def hang() -> None:
        running.release()
        go_on.wait(PATIENCE_S)
        done.release()

    for _ in range(10):
        workers.submit("hanging", hang)
    others = threading.Semaphore(0)
    for key in range(20):
        workers.submit(key, others.release)

    assert all(others.acquire(timeout=PATIENCE_S) for _ in range(20))
    assert all(running.acquire(timeout=PATIENCE_S) for _ in range(3))
    assert not running.acquire(blocking=False)
    go_on.set()
    assert all(done.acquire(timeout=PATIENCE_S) for _ in range(10))


def test_threads_are_few_and_hold_no_process(workers: KeyedWorkers) -> None:
    """However much is submitted, there are as many threads as were asked for, all of them daemons."""
    done = threading.Semaphore(0)
    for number in range(1000):
        workers.submit(number % 7, done.release)
    assert all(done.acquire(timeout=PATIENCE_S) for _ in range(1000))

    threads = [thread for thread in threading.enumerate() if thread.name.startswith("test key ")]
    assert 1 <= len(threads) <= 4
    assert all(thread.daemon for thread in threads)


def test_threads_end_with_the_close() -> None:
    """A close ends idle threads and begins nothing any more."""
    workers = KeyedWorkers(2, name="closing key")
    done = threading.Semaphore(0)
    workers.submit("a", done.release)
    assert done.acquire(timeout=PATIENCE_S)
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("closing key ")]
    workers.close()
    workers.submit("a", done.release)
    for thread in threads:
        thread.join(PATIENCE_S)

    assert not any(thread.is_alive() for thread in threads)
    assert not done.acquire(blocking=False)


def test_no_thread_at_all_is_an_error(workers: KeyedWorkers) -> None:
    """Where there is none whoever submits must know, and nothing is left; where there is one, it comes to it."""
    done: list[str] = []
    ran = threading.Semaphore(0)
    with no_new_threads(), pytest.raises(RuntimeError, match="can't start new thread"):
        workers.submit("a", lambda: done.append("never"))
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait(PATIENCE_S)

    workers.submit("a", hold)
    assert begun.wait(PATIENCE_S)
    with no_new_threads():
        workers.submit("a", ran.release)
    go_on.set()

    assert ran.acquire(timeout=PATIENCE_S)
    assert done == []


def test_what_has_run_is_kept_by_nobody(workers: KeyedWorkers) -> None:
    """A thread that waits for more holds nothing of what it did."""

    class Thing:
        """Something that can be gone."""

        def __call__(self) -> None:
            pass

    thing = Thing()
    gone = weakref.ref(thing)
    workers.submit("a", thing)
    del thing

    assert soon(lambda: gone() is None)


def test_there_is_a_worker() -> None:
    """Without one nothing would ever run."""
    with pytest.raises(ValueError, match="seen 0"):
        KeyedWorkers(0, name="none")
