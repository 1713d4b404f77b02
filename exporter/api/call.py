"""The caller, permit and reply of a call, and the interfaces of client and observer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from exporter.api.credentials.base import Credentials, CredentialsProvider
from exporter.api.endpoints import Route
from exporter.api.operation import Operation
from exporter.api.rate_limit import Reservation

NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


def _uncounted(_waited_s: float) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The account for which a call is made.

    While ``account_id`` is None, as it is not known yet, calls count in a budget of the access key id. ``routes`` are
    those of the account's site; None: the client's own. ``sent`` is called for each call that is
    sent, with the seconds that it has waited for its budget.
    """

    credentials: CredentialsProvider
    account_id: str | None = None
    routes: Mapping[str, Route] | None = None
    sent: Callable[[float], object] = _uncounted


@dataclass(frozen=True, slots=True)
class Permit:
    """Lets a call be made at ``reservation.moment``; ``credentials`` reserved it at ``reserved_at``.

    Both moments are on the client's clock. ``sent`` is called when the call is sent, with the
    seconds that it has waited.
    """

    credentials: Credentials
    reservation: Reservation
    reserved_at: float
    sent: Callable[[float], object] = _uncounted


@dataclass(frozen=True, slots=True)
class Reply:
    """The decoded object of a reply that is no error.

    ``duration_s`` does not include the wait for the budget. ``access_key_id`` names the key that signed the request.
    ``fingerprint`` is a hash of the text but for the request id, of a list of the texts of all pages.
    """

    payload: Mapping[str, Any]
    request_id: str | None
    duration_s: float
    access_key_id: str
    fingerprint: int


class Api(Protocol):
    """The part of the client that most callers need."""

    def ask(self, operation: Operation, caller: Caller, parameters: Mapping[str, str] = NO_PARAMETERS) -> Reply:
        """Call an operation as soon as its budget allows, and return the reply."""


class CallObserver(Protocol):
    """Counts calls; called from worker threads."""

    def waited(self, action: str, seconds: float) -> None:
        """A call has waited so long for its budget, in a thread or in the plan."""

    def called(self, action: str, duration_s: float) -> None:
        """A call was sent and has ended, successful or not."""

    def clock_skew(self, seconds: float) -> None:
        """The API's clock is so many seconds ahead of ours."""


class Unobserved:
    """An observer that counts nothing."""

    def waited(self, action: str, seconds: float) -> None:
        """Do nothing."""

    def called(self, action: str, duration_s: float) -> None:
        """Do nothing."""

    def clock_skew(self, seconds: float) -> None:
        """Do nothing."""
