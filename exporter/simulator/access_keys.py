"""Key pairs, and whether one may be used at all, whatever is signed with it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.simulator.error_bodies import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair that requests may be signed with."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    """Set for temporary credentials: a request must then carry it."""
    expires_at: float | None = None
    """Unix time from which on it is refused; None: never."""


def usable_key(
    access_key_id: str, token: str | None, *, find_key: Callable[[str], AccessKey | None], now: float
) -> AccessKey:
    """Return the key that a request names if it comes with the right token and has not expired.

    `token` is the security token that came with it, `now` Unix time. Raises GatewayError.
    """
    key = find_key(access_key_id)
    temporary = access_key_id.startswith("STS.") or (key is not None and key.security_token)
    if temporary and not token:
        raise GatewayError("MissingSecurityToken", "SecurityToken is mandatory for this action.")
    if key is None:
        raise GatewayError("InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    if token and key.security_token is None:
        message = "Specified SecurityToken mismatch with the AccessKey."
        raise GatewayError("InvalidSecurityToken.MismatchWithAccessKey", message)
    if token and key.security_token is not None and not same(token, key.security_token):
        raise GatewayError("InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
    if key.expires_at is not None and now >= key.expires_at:
        raise GatewayError("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
    return key


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in constant time."""
    return hmac.compare_digest(one.encode(errors="surrogateescape"), other.encode(errors="surrogateescape"))
