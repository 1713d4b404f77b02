"""Secrets that never print themselves, credentials, and their providers."""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol

from exporter.api.errors import CredentialsUnavailable

_HEADER_SAFE = re.compile(r"[!-~]+")


class Secret:
    """A value that no repr, str, format, log or pickle shows; only ``reveal`` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, only for a signature or header."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(**********)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys that can sign a call; temporary ones have a security token.

    ``expires_at`` is the Unix time at which they end; None when they do not, or the source does not say. Each value
    is printable ASCII without spaces, as it goes into an HTTP header. Raises CredentialsUnavailable, which names the
    part that is wrong and never its value.
    """

    access_key_id: str
    access_key_secret: Secret
    security_token: Secret | None = None
    expires_at: float | None = None

    def __post_init__(self) -> None:
        _require_header_safe("access key id", Secret(self.access_key_id))
        _require_header_safe("access key secret", self.access_key_secret)
        if self.security_token is not None:
            _require_header_safe("security token", self.security_token)


class CredentialsProvider(Protocol):
    """Gives the credentials of an account; called before every poll, from worker threads."""

    def credentials(self, *, patience_s: float) -> Credentials:
        """Return current credentials within about ``patience_s``, or raise CredentialsUnavailable."""

    def renew(self, refused: Credentials) -> bool:
        """Forget these, whose token the API refuses; returns whether others may be had."""

    def in_hand(self) -> bool:
        """Whether ``credentials`` returns at once. Never waits."""

    def expiry(self) -> float | None:
        """The Unix time at which the current credentials end; None when it is not known. Never waits."""

    def close(self) -> None:
        """End every wait for credentials with CallAborted, also later ones."""


class StaticCredentials:
    """Credentials that never change."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def credentials(self, *, patience_s: float) -> Credentials:  # noqa: ARG002 — nothing to wait for
        """Return them."""
        return self._credentials

    def renew(self, refused: Credentials) -> bool:  # noqa: ARG002 — there are no others
        """Return False: there are no others."""
        return False

    def in_hand(self) -> bool:
        """Always."""
        return True

    def expiry(self) -> float | None:
        """Return when they end."""
        return self._credentials.expires_at

    def close(self) -> None:
        """Nothing waits here."""


class RereadCredentials:
    """Credentials read from files for every call, so that the next poll uses rotated ones.

    When a file cannot be read, ``read`` raises CredentialsUnavailable, or an error whose text says why without the
    content.
    """

    def __init__(self, read: Callable[[], Credentials]) -> None:
        self._read = read

    def credentials(self, *, patience_s: float) -> Credentials:  # noqa: ARG002 — a local file
        """Return what the files hold now."""
        try:
            return self._read()
        except CredentialsUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 — each means that there are none
            raise CredentialsUnavailable(f"the credential files cannot be read: {error}") from None

    def renew(self, refused: Credentials) -> bool:
        """Return whether the files hold others by now."""
        try:
            return self.credentials(patience_s=0) != refused
        except CredentialsUnavailable:
            return False

    def in_hand(self) -> bool:
        """Always: local files are read at once."""
        return True

    def expiry(self) -> float | None:
        """Return None: files do not say."""
        return None

    def close(self) -> None:
        """Nothing waits here."""


def _require_header_safe(what: str, value: Secret) -> None:
    if not value.reveal():
        raise CredentialsUnavailable(f"the {what} is empty")
    if _HEADER_SAFE.fullmatch(value.reveal()) is None:
        raise CredentialsUnavailable(f"the {what} holds a space or a character outside printable ASCII")
