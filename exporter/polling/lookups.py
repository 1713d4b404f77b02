"""Lookups beside the polls: account ids, and the members of directories."""

import threading
from collections.abc import Callable, Hashable

from exporter.api.errors import CallAborted
from exporter.core.pool import Pool, Work


class Lookups:
    """Runs lookups in the pool, none twice at a time; safe to use from any thread."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._under_way: set[Hashable] = set()

    def begin(self, work: Work, key: Hashable, look_up: Callable[[], object]) -> None:
        """Run it as soon as there is a thread, unless one with the same key waits or runs; returns at once."""
        with self._lock:
            if key in self._under_way:
                return
            self._under_way.add(key)

        def run() -> None:
            try:
                look_up()
            except CallAborted:
                return
            finally:
                with self._lock:
                    self._under_way.discard(key)

        self._pool.submit(work, run)
