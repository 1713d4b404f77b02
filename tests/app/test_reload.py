"""How many reloads become of many requests."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from itertools import count
from typing import Any

import pytest

from exporter.app.reload import Reloads


class ByHand(Executor):
    """Runs what was submitted when the test says so."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.submitted.append((future, lambda: fn(*args, **kwargs)))
        return future

    def run_next(self) -> None:
        future, work = self.submitted.pop(0)
        assert future.set_running_or_notify_cancel()
        try:
            future.set_result(work())
        except LookupError as error:
            future.set_exception(error)


def test_requests_that_come_before_a_reload_begins_are_one() -> None:
    """Sixty at once are one reload, and all have its outcome."""
    executor = ByHand()
    reloads = Reloads(count(1).__next__, executor=executor)
    outcomes = [reloads.request() for _ in range(60)]
    executor.run_next()

    assert [outcome.result(0) for outcome in outcomes] == [1] * 60
    assert executor.submitted == []


def test_requests_that_come_while_a_reload_runs_have_the_next_one() -> None:
    """The one that runs may have read the files before they were changed."""
    executor = ByHand()
    later: list[Future[str]] = []

    def reload() -> str:
        if not later:  # the first one: sixty requests come while it runs
            later.extend(reloads.request() for _ in range(60))
            return "first"
        return "second"

    reloads = Reloads(reload, executor=executor)
    first = reloads.request()
    executor.run_next()
    assert first.result(0) == "first"
    assert len(executor.submitted) == 1
    assert not any(outcome.done() for outcome in later)
    executor.run_next()
    assert [outcome.result(0) for outcome in later] == ["second"] * 60


def test_a_reload_that_fails_is_not_the_last() -> None:
    """Who shares it gets its error; the next request begins another."""
    executor = ByHand()

    def reload() -> None:
        raise LookupError("a defect")

    reloads = Reloads(reload, executor=executor)
    for _ in range(2):
        outcomes = [reloads.request(), reloads.request()]
        executor.run_next()
        for outcome in outcomes:
            with pytest.raises(LookupError, match="a defect"):
                outcome.result(0)
