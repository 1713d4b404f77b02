"""Lookups: functions that are called until they have returned True."""

import logging
import threading
from collections.abc import Callable, Hashable, Mapping

from exporter.api.errors import CallAborted
from exporter.core.logger import Logger, defect
from exporter.polling.workers import Workers

LOOKUP_WORKERS = 2


class Lookups:
    """Functions that are called until they have returned True, in a few threads of their own.

    Safe to use from any thread; ``name`` is that of the threads.
    """

    def __init__(self, name: str, *, log: Logger) -> None:
        self._log = log
        self._workers = Workers(_Lookup.run, most=LOOKUP_WORKERS, name=name)
        self._stopped = threading.Event()
        self._open: tuple[_Lookup, ...] = ()

    def replace(self, lookups: Mapping[Hashable, Callable[[], bool]]) -> None:
        """Call these from now on; one that was there under the same key goes on as it was."""
        there = {lookup.key: lookup for lookup in self._open}
        self._open = tuple(there.get(key) or _Lookup(key, call, self._log) for key, call in lookups.items())
        for key in there.keys() - lookups.keys():
            there[key].drop()  # it may still wait for a thread

    def call_all(self) -> None:
        """Call each that has no answer yet and is not under way; returns at once."""
        for lookup in self._open:
            if lookup.begin():
                try:
                    self._workers.give(lookup)
                except RuntimeError as error:
                    lookup.put_back()
                    if not self._stopped.is_set():
                        self._log.log(logging.ERROR, "no thread for a lookup", explanation=str(error))

    def stop(self) -> None:
        """Begin no further call; a call under way ends when the client is closed."""
        self._stopped.set()
        self._workers.close()


class _Lookup:
    """A function that is called until it has returned True, one call at a time."""

    def __init__(self, key: Hashable, call: Callable[[], bool], log: Logger) -> None:
        self.key = key
        self._log = log
        self._call = call
        self._idle = threading.Lock()
        self._answered = False

    def begin(self) -> bool:
        """Whether to call it now; ``run`` or ``put_back`` must follow."""
        return not self._answered and self._idle.acquire(blocking=False)

    def put_back(self) -> None:
        """Undo ``begin`` without a call."""
        self._idle.release()

    def drop(self) -> None:
        """Never call it again, and keep no reference to it."""
        self._answered, self._call = True, lambda: True

    def run(self) -> None:
        """Call it unless it has an answer; a call that is aborted leaves it open."""
        try:
            self._answered = self._answered or self._call()
        except CallAborted:
            return
        except Exception as error:  # noqa: BLE001 — it is called again, and the log is the only place for the defect
            self._log.log(logging.ERROR, "lookup hit a defect", **defect(error))
        finally:
            self._idle.release()
