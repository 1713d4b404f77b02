import threading
from collections.abc import Callable

from exporter.polling.lookups import Lookups
from tests.no_new_threads import no_new_threads
from tests.recording_log import RecordingLog
from tests.waiting import PATIENCE_S, soon


def asker(asked: list[str]) -> Callable[[], bool]:
    """What asks once, and notes it."""

    def ask() -> bool:
        asked.append("who")
        return True

    return ask


def test_a_question_without_a_thread_is_asked_the_next_time() -> None:
    """Where none can be started that is told, and nothing is lost but the one time."""
    log = RecordingLog()
    lookups = Lookups("look up test", log=log)
    asked: list[str] = []
    lookups.replace({"who": asker(asked)})
    try:
        with no_new_threads():
            lookups.call_all()
        assert [event for event, _ in log.above_debug()] == ["no thread for a lookup"]
        lookups.call_all()

        assert soon(lambda: asked == ["who"])
    finally:
        lookups.stop()


def test_nothing_is_asked_after_the_stop() -> None:
    """Nor told: a moment that was due then is no news."""
    log = RecordingLog()
    lookups = Lookups("look up test", log=log)
    asked: list[str] = []
    lookups.replace({"who": asker(asked)})
    lookups.stop()
    lookups.call_all()

    assert (asked, log.lines) == ([], [])


def test_a_question_that_left_is_not_asked_any_more() -> None:
    """Nor if it was waiting for a thread when others took its place."""
    lookups = Lookups("look up test", log=RecordingLog())
    hanging, go_on = threading.Semaphore(0), threading.Event()
    asked: list[str] = []

    def hang() -> bool:
        hanging.release()
        return go_on.wait(PATIENCE_S)

    lookups.replace({"one": hang, "two": hang, "left": asker(asked)})
    try:
        lookups.call_all()
        assert all(hanging.acquire(timeout=PATIENCE_S) for _ in range(2))
        came: list[str] = []
        lookups.replace({"came": asker(came)})
        lookups.call_all()
        go_on.set()

        assert soon(lambda: came == ["who"])
        assert asked == []
    finally:
        go_on.set()
        lookups.stop()
