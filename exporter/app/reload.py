"""Reloads that are requested while one runs are one."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

_Outcome = TypeVar("_Outcome")


class Reloads(Generic[_Outcome]):
    """Runs `reload` in an executor of one thread; requests that come before a run begins share it.

    For any thread. A request holds no thread while it waits. Who cancels a future cancels it for all who share it.
    """

    def __init__(self, reload: Callable[[], _Outcome], *, executor: Executor) -> None:
        self._reload = reload
        self._executor = executor
        self._lock = threading.Lock()
        self._next: Future[_Outcome] | None = None

    def request(self) -> Future[_Outcome]:
        """The outcome of a run that begins after this call."""
        with self._lock:
            if self._next is None:
                self._next = self._executor.submit(self._run)
            return self._next

    def _run(self) -> _Outcome:
        with self._lock:
            self._next = None
        return self._reload()
