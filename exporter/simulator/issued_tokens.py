"""The temporary credentials that were handed out."""

from __future__ import annotations

import base64
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from exporter.simulator.state import AccessKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.simulator.caller import Caller


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """One set of temporary credentials."""

    key: AccessKey
    caller: Caller
    """Who calls with it."""


class IssuedTokens:
    """All that were handed out, in bounded memory; not thread-safe, its owner holds the lock."""

    def __init__(self, *, random_bytes: Callable[[int], bytes], capacity: int = 100_000) -> None:
        self._random_bytes = random_bytes
        self._capacity = capacity
        self._issued: OrderedDict[str, IssuedToken] = OrderedDict()

    def issue(self, caller: Caller, *, now: float, lasts_s: int) -> IssuedToken:
        """Return new credentials, good from `now` (Unix time) on; beyond the capacity the oldest are forgotten."""
        key = AccessKey(
            f"STS.N{self._random_text(15, altchars=b'xy')}",
            self._random_text(30, altchars=b"xy"),
            # Plus, slash and equals signs: whoever carries the token on must encode it.
            f"CAIS+/{self._random_text(160)}==",
            expires_at=int(now) + lasts_s,
        )
        token = IssuedToken(key, caller)
        self._issued[key.access_key_id] = token
        if len(self._issued) > self._capacity:
            self._issued.popitem(last=False)
        return token

    def find(self, access_key_id: str) -> IssuedToken | None:
        """Return the credentials of that key, expired or not."""
        return self._issued.get(access_key_id)

    def all(self) -> tuple[IssuedToken, ...]:
        """Return all that are remembered, oldest first."""
        return tuple(self._issued.values())

    def revoke(self, account_name: str, *, now: float) -> None:
        """Have all of an account's credentials expire at this moment."""
        for access_key_id, token in self._issued.items():
            expires_at = token.key.expires_at
            if token.caller.account.name == account_name and (expires_at is None or expires_at > now):
                self._issued[access_key_id] = replace(token, key=replace(token.key, expires_at=now))

    def _random_text(self, size: int, *, altchars: bytes | None = None) -> str:
        return base64.b64encode(self._random_bytes(size), altchars).decode()


def expiration(token: IssuedToken) -> str:
    """Return when credentials expire, as the API writes it."""
    return datetime.fromtimestamp(token.key.expires_at or 0, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
