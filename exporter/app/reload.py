"""What changes the daemon while it runs: reloads, of which those that are requested while one runs are one."""

import itertools
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

from exporter.accounts.inventory import Watched
from exporter.core.logger import Logger, defect

_REMOVED_NAMED = 20

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


def logging_defects(change: Callable[[], None], log: Logger) -> Callable[[], None]:
    """The change, which logs an error of its own: for an executor of whose outcomes no one learns."""

    def run() -> None:
        try:
            change()
        except Exception as error:  # noqa: BLE001 — the daemon stays up after any error
            log.log(logging.ERROR, "change of the inventory hit a defect", **defect(error))

    return run


def log_removed(before: Iterable[Watched], now: Iterable[Watched], *, log: Logger) -> None:
    """Log how many accounts are not there any more, and the first of them, if there are any."""
    there = {watched.account.name for watched in now}
    removed = [watched.account.name for watched in before if watched.account.name not in there]
    if removed:
        log.log(logging.WARNING, "accounts removed", accounts=len(removed), names=", ".join(removed[:_REMOVED_NAMED]))
