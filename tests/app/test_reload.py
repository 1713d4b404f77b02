"""How many reloads become of many requests."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from itertools import count
from typing import Any

import pytest

from exporter.app.reload import Reloads, logging_defects
from tests.recording_log import RecordingLog


class ByHand(Executor):
    """Runs what was submitted when the test says so."""

    def __init__(self) -> None:
        self._submitted: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._submitted.append((future, lambda: fn(*args, **kwargs)))
        return future

    def run_all(self) -> None:
        """In order, also what is submitted meanwhile."""
        for future, work in self._submitted:
            assert future.set_running_or_notify_cancel()
            try:
                future.set_result(work())
            except LookupError as error:
                future.set_exception(error)
        self._submitted.clear()


def test_requests_that_come_before_a_reload_begins_are_one() -> None:
    """Sixty at once are one reload, and all have its outcome; the next sixty are another one."""
    executor = ByHand()
    reloads = Reloads(count(1).__next__, executor=executor)
    for number in (1, 2):
        outcomes = [reloads.request() for _ in range(60)]
        executor.run_all()

        assert [outcome.result(0) for outcome in outcomes] == [number] * 60


def test_requests_that_come_while_a_reload_runs_have_the_next_one() -> None:
    """The one that runs may have read the files before they were changed."""
    executor, numbers = ByHand(), count(1)
    later: list[Future[int]] = []

    def reload() -> int:
        number = next(numbers)
        if number == 1:  # sixty requests come while it runs
            later.extend(reloads.request() for _ in range(60))
        return number

    reloads = Reloads(reload, executor=executor)
    first = reloads.request()
    executor.run_all()

    assert first.result(0) == 1
    assert [outcome.result(0) for outcome in later] == [2] * 60


def test_a_reload_that_fails_is_not_the_last() -> None:
    """Who requests the next one gets its outcome, not a former one."""
    executor, numbers = ByHand(), count(1)

    def reload() -> int:
        number = next(numbers)
        if number == 1:
            raise LookupError("a defect")
        return number

    reloads = Reloads(reload, executor=executor)
    first, second = reloads.request(), reloads.request()
    executor.run_all()

    with pytest.raises(LookupError, match="a defect"):
        first.result(0)
    assert second.result(0) == 2


def test_a_change_that_fails_is_logged() -> None:
    """With type and place, as no caller looks at its outcome; one that does not fail logs nothing."""
    log, done = RecordingLog(), []

    def fail() -> None:
        raise LookupError("a defect")

    logging_defects(fail, log)()
    logging_defects(lambda: done.append("changed"), log)()

    [(level, event, fields)] = log.lines
    assert (level, event, fields["error"]) == (logging.ERROR, "change of the inventory hit a defect", "LookupError")
    assert "test_reload.py:" in fields["where"]
    assert done == ["changed"]
