"""The record of every request that arrived, for tests and for people."""

import threading
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One request, as the server saw it."""

    at_s: float
    """When it had arrived whole, in seconds on the machine's monotonic clock, which no correction of time moves."""
    at_unix: float
    """The same as Unix time."""
    action: str | None = None
    """The operation it named, known or not."""
    account_id: str | None = None
    """The account that it is counted for; None if it is not signed, or not rightly."""
    access_key_id: str | None = None
    """The key that it names, unverified."""
    method: str | None = None
    """None for what was no HTTP request."""
    http_status: int | None
    """None if it got no answer, or one that is no HTTP."""
    code: str | None = None
    """The error code of the answer, whatever a fault did to it on the way."""
    request_id: str
    fault: str | None = None
    """The kind of the fault that was played."""
    connection: int
    """The number of its connection, from 1."""


class Journal:
    """The last requests in order of arrival; every method may be called from any thread."""

    def __init__(self, *, capacity: int = 100_000) -> None:
        self._entries: deque[JournalEntry] = deque(maxlen=capacity)
        self._total = 0
        self._changed = threading.Condition()

    @property
    def total(self) -> int:
        """How many requests arrived in all, those no longer kept included."""
        with self._changed:
            return self._total

    def append(self, entry: JournalEntry) -> None:
        """Add a request; beyond the capacity the oldest one goes."""
        with self._changed:
            self._entries.append(entry)
            self._total += 1
            self._changed.notify_all()

    def entries(self, *, action: str | None = None, account_id: str | None = None) -> tuple[JournalEntry, ...]:
        """Return the requests still kept, oldest first; narrowed to an operation and an account if named."""
        with self._changed:
            kept = tuple(self._entries)
        if action is None and account_id is None:
            return kept
        return tuple(
            entry for entry in kept if action in (None, entry.action) and account_id in (None, entry.account_id)
        )

    def wait_for_total(self, total: int, *, timeout_s: float) -> bool:
        """Return True as soon as so many requests have arrived in all, False if they have not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._total >= total, timeout_s)

    def busiest_window(
        self, window_s: float = 1.0, *, action: str | None = None, account_id: str | None = None
    ) -> int:
        """Return the most calls that arrived in any window of that length, refused ones included.

        Two calls exactly one window apart are not in one window.
        """
        window: deque[float] = deque()
        most = 0
        for entry in self.entries(action=action, account_id=account_id):
            while window and entry.at_s - window[0] >= window_s:
                window.popleft()
            window.append(entry.at_s)
            most = max(most, len(window))
        return most
