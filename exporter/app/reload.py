"""Reloads that are requested while one runs are one."""

import itertools
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

_Outcome = TypeVar("_Outcome")


class Reloads(Generic[_Outcome]):
    """Runs `reload` in an executor of one thread, once for all requests that came before it began.

    For any thread. A request holds no thread while it waits.
    """

    def __init__(self, reload: Callable[[], _Outcome], *, executor: Executor) -> None:
        self._reload = reload
        self._executor = executor
        self._numbers = itertools.count()  # gives each number once, to whichever thread
        self._last: tuple[int, _Outcome] | None = None  # when it began, in numbers, and what came of it

    def request(self) -> Future[_Outcome]:
        """The outcome of a run that begins after this call."""
        return self._executor.submit(self._run, next(self._numbers))

    def _run(self, request: int) -> _Outcome:
        if self._last is None or self._last[0] < request:
            self._last = next(self._numbers), self._reload()
        return self._last[1]
