"""Work that hangs keeps its own lane waiting, and no other."""

import threading
from collections.abc import Iterator

import pytest

from exporter.aliyun.lanes import Lanes

PATIENCE_S = 10.0


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    lanes = Lanes(4, name="test lane")
    yield lanes
    lanes.close()


def test_a_hanging_lane_leaves_threads_to_the_others(lanes: Lanes) -> None:
    """Three of four threads hang in one lane; the others' work gets done, and the lane's goes on when it can."""
    go_on = threading.Event()
    running = threading.Semaphore(0)
    done = threading.Semaphore(0)

    def hang() -> None:
        running.release()
        go_on.wait(PATIENCE_S)
        done.release()

    for _ in range(10):
        lanes.submit("hanging", hang)
    others = threading.Semaphore(0)
    for lane in range(20):
        lanes.submit(lane, others.release)

    assert all(others.acquire(timeout=PATIENCE_S) for _ in range(20))
    assert all(running.acquire(timeout=PATIENCE_S) for _ in range(3))
    assert not running.acquire(blocking=False)
    go_on.set()
    assert all(done.acquire(timeout=PATIENCE_S) for _ in range(10))


def test_threads_are_few_and_hold_no_process(lanes: Lanes) -> None:
    """However much is submitted, there are as many threads as were asked for, all of them daemons."""
    done = threading.Semaphore(0)
    for number in range(1000):
        lanes.submit(number % 7, done.release)
    assert all(done.acquire(timeout=PATIENCE_S) for _ in range(1000))

    threads = [thread for thread in threading.enumerate() if thread.name.startswith("test lane ")]
    assert 1 <= len(threads) <= 4
    assert all(thread.daemon for thread in threads)


def test_threads_end_with_the_close() -> None:
    """A close ends idle threads and begins nothing any more."""
    lanes = Lanes(2, name="closing lane")
    done = threading.Semaphore(0)
    lanes.submit("a", done.release)
    assert done.acquire(timeout=PATIENCE_S)
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("closing lane ")]
    lanes.close()
    lanes.submit("a", done.release)
    for thread in threads:
        thread.join(PATIENCE_S)

    assert not any(thread.is_alive() for thread in threads)
    assert not done.acquire(blocking=False)


def test_there_is_a_worker() -> None:
    """Without one nothing would ever run."""
    with pytest.raises(ValueError, match="seen 0"):
        Lanes(0, name="none")
