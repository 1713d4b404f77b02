"""The nonces that were used lately, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict


class NonceStore:
    """Remembers each nonce for a while; not thread-safe, its owner holds the lock."""

    def __init__(self, *, window_s: float, capacity: int = 500_000) -> None:
        self._window_s = window_s
        self._capacity = capacity
        self._used: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._used)

    def claim(self, access_key_id: str, nonce: str, *, now: float) -> bool:
        """Mark a nonce as used by this key at this moment; return False if it had been used within the window.

        Nonces older than the window are forgotten on the way; beyond the capacity, the oldest are.
        """
        self._forget(now)
        key = (access_key_id, nonce)
        if key in self._used:
            return False
        self._used[key] = now
        return True

    def _forget(self, now: float) -> None:
        while self._used:
            key, used_at = next(iter(self._used.items()))
            if now - used_at <= self._window_s and len(self._used) < self._capacity:
                return
            del self._used[key]
