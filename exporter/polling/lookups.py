"""Lookups: functions that are called until they have returned True."""

import logging
import threading
from collections.abc import Callable, Hashable, Mapping

from exporter.api.errors import CallAborted
from exporter.core.logger import Logger, defect
from exporter.polling.workers import Workers

LOOKUP_WORKERS = 2


class Lookups:
    """Functions that are called until they have returned True, in a few threads that nothing else needs.

    Safe to use from any thread; ``name`` is that of the threads.
    """

    def __init__(self, name: str, *, log: Logger) -> None:
        self._log = log
        self._workers = Workers(_Lookup.run, most=LOOKUP_WORKERS, name=name)
        self._stopped = threading.Event()
        self._open: tuple[_Lookup, ...] = ()

    def replace(self, lookups: Mapping[Hashable, Callable[[], bool]]) -> None:
        """From now on these are asked; one that was there under the same key goes on as it was."""
        there = {lookup.key: lookup for lookup in self._open}
        self._open = tuple(there.get(key) or _Lookup(key, ask, self._log) for key, ask in lookups.items())
        for key in there.keys() - lookups.keys():
            there[key].drop()  # it may still wait for a thread

    def ask_all(self) -> None:
        """Ask what has no answer yet and is not being asked; returns at once."""
        for lookup in self._open:
            if lookup.begin():
                try:
                    self._workers.give(lookup)
                except RuntimeError as error:
                    lookup.put_back()
                    if not self._stopped.is_set():
                        self._log.log(logging.ERROR, "no thread for a lookup", explanation=str(error))

    def stop(self) -> None:
        """Ask nothing more; what is under way is left to whoever ends its calls."""
        self._stopped.set()
        self._workers.close()


class _Lookup:
    """A function that is called until it has returned True, one call at a time."""

    def __init__(self, key: Hashable, ask: Callable[[], bool], log: Logger) -> None:
        self.key = key
        self._log = log
        self._ask = ask
        self._idle = threading.Lock()
        self._answered = False

    def begin(self) -> bool:
        """Whether it has to be called now; ``run`` must follow, or ``put_back``."""
        return not self._answered and self._idle.acquire(blocking=False)

    def put_back(self) -> None:
        """It is not called this time."""
        self._idle.release()

    def drop(self) -> None:
        """From now on it is not called any more, and keeps nothing."""
        self._answered, self._ask = True, lambda: True

    def run(self) -> None:
        """Ask, if it is still to be asked; a call that the daemon's end aborts leaves it open."""
        try:
            self._answered = self._answered or self._ask()
        except CallAborted:
            return
        except Exception as error:  # noqa: BLE001 — it is asked again, and nobody else would hear of the defect
            self._log.log(logging.ERROR, "lookup hit a defect", **defect(error))
        finally:
            self._idle.release()
