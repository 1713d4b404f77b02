"""Flow control as the vendor words it: so many calls a second for each account and operation."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Throttle:
    """Admits at most N calls in any window of one second, per account and operation; a true sliding window.

    A call that is refused does not count: however hard a client hammers, N calls a second are served. Two calls
    exactly one window apart are not in one window. Not thread-safe, its owner holds the lock.
    """

    def __init__(self, limits: Mapping[str, int], *, window_s: float = 1.0) -> None:
        for action, limit in limits.items():
            if limit < 1:
                raise ValueError(f"the limit of {action} is {limit}; a limit is at least 1 call per second")
        self._limits = dict(limits)
        self._window_s = window_s
        self._admitted: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def admit(self, account_id: str, action: str, *, now: float) -> bool:
        """Return whether a call at this moment is served, and count it if so; `now` never goes back."""
        admitted = self._admitted[account_id, action]
        while admitted and now - admitted[0] >= self._window_s:
            admitted.popleft()
        if len(admitted) >= self._limits[action]:
            return False
        admitted.append(now)
        return True
