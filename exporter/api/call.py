"""What goes into a call and what comes out of it, for all who make calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from exporter.api.credentials.base import Credentials, CredentialsProvider
from exporter.api.endpoints import Route
from exporter.api.operation import Operation
from exporter.api.rate_limit import Reservation

NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a call is made.

    ``account_id`` is None as long as it is not known; the access key id is then the key of the budget. ``routes``
    are where this caller's endpoints are, None being the client's own: accounts of another site have others.
    """

    credentials: CredentialsProvider
    account_id: str | None = None
    routes: Mapping[str, Route] | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """A call that may be made at ``reservation.moment``, with the credentials that reserved it at ``reserved_at``.

    Both moments are on the client's clock.
    """

    credentials: Credentials
    reservation: Reservation
    reserved_at: float


@dataclass(frozen=True, slots=True)
class Reply:
    """The decoded object of a reply that is no error.

    ``duration_s`` leaves the wait for the budget out. ``access_key_id`` is that of the key that signed the request.
    """

    payload: Mapping[str, Any]
    request_id: str | None
    duration_s: float
    access_key_id: str


class Api(Protocol):
    """What most parts need of the client."""

    def ask(self, operation: Operation, caller: Caller, parameters: Mapping[str, str] = NO_PARAMETERS) -> Reply:
        """Call an operation as soon as its budget allows, and return the reply."""


class CallObserver(Protocol):
    """What is told of calls, from worker threads."""

    def waited(self, action: str, seconds: float) -> None:
        """A call has waited so long for its budget, in a thread or put off."""

    def called(self, action: str, duration_s: float) -> None:
        """A call was sent and has ended, with whatever outcome."""

    def clock_skew(self, seconds: float) -> None:
        """The API's clock is so far ahead of ours."""


class Unobserved:
    """An observer of calls for whoever keeps no count of them."""

    def waited(self, action: str, seconds: float) -> None:
        """Forget it."""

    def called(self, action: str, duration_s: float) -> None:
        """Forget it."""

    def clock_skew(self, seconds: float) -> None:
        """Forget it."""
