"""What became of a connection, in words: where it leads, how far it came, and why it ended."""

import re
import ssl
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected, UnknownProtocol
from urllib.parse import urlsplit

from requests.exceptions import RequestException
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from exporter.api.deadline import Step
from exporter.api.endpoints import Route

_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (?P<status>\d{3})\b")  # http.client has no error type for it
# The first row that fits; what http.client raises has no words for people, and may repeat what the other side sent.
_IN_WORDS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((RemoteDisconnected,), "closed by the other side"),
    ((BadStatusLine, UnknownProtocol, InvalidHeader), "the reply is no HTTP"),
    ((IncompleteRead,), "the reply is not whole"),
    ((HTTPException,), "the head of the reply cannot be read"),
)


class StaleConnection(Exception):
    """A reused connection ended before the head of a reply."""


def died(error: Exception) -> bool:
    """Whether the other side closed the connection, as it does after a long time without use."""
    return any(
        isinstance(cause, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)) for cause in _causes(error)
    )


def failed(error: Exception, route: Route, step: Step | None) -> str:
    """Why there is no connection, which came to this step, or why one failed that was there (None).

    Of the error's text, which can hold our request, only the words of the system and of OpenSSL are repeated.
    """
    reason = _reason(error, route, step)
    return f"the connection to {_way(route)} failed: {reason}" if step is None else _unreachable(route, reason)


def timed_out(route: Route, step: Step | None, seconds: float) -> str:
    """What a call waited for until its time was over; None: for the reply."""
    if step is None:
        return f"no whole reply from {_way(route)} within {seconds:g} s"
    missing = {
        Step.RESOLVE: f"no address of {_peer(route)}",
        Step.CONNECT: "no connection",
        Step.PROXY_TLS: "no end of the TLS handshake with the proxy",
        Step.TUNNEL: "no TLS tunnel",
        Step.TLS: "no end of the TLS handshake",
    }
    return _unreachable(route, f"{missing[step]} within {seconds:g} s")


def closed_early(route: Route) -> str:
    """That a connection ended before a reply came."""
    return f"the connection to {_way(route)} was closed before a reply came"


def failed_elsewhere(error: Exception) -> str:
    """The same as ``failed``, for an error of somebody else's requests."""
    url, proxy, step = "", None, None
    for cause in _causes(error):
        if isinstance(cause, RequestException) and cause.request is not None:
            url = str(cause.request.url)
        if isinstance(cause, MaxRetryError):
            proxy, step = getattr(cause.pool, "proxy", None), Step.CONNECT
    route = Route(url, {urlsplit(url).scheme: str(proxy)} if proxy else {})
    return failed(error, route, step) if url else f"the connection failed: {_reason(error, route, step)}"


def _reason(error: Exception, route: Route, step: Step | None) -> str:
    """Why it ended, by the innermost cause that explains it."""
    causes = list(_causes(error))
    reasons = (_reason_in(cause, route, step) for cause in reversed(causes))
    return next((reason for reason in reasons if reason), type(causes[-1]).__name__)


def _reason_in(cause: BaseException, route: Route, step: Step | None) -> str | None:
    whose = f"the proxy {route.proxy_address}" if step is Step.PROXY_TLS else route.address
    reason = None
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = f"the certificate of {whose} was not accepted: {cause.verify_message}"
    elif isinstance(cause, ssl.SSLError):
        reason = f"TLS with {whose} failed: {cause.reason or type(cause).__name__}"
    elif words := next((words for kinds, words in _IN_WORDS if isinstance(cause, kinds)), None):
        reason = words
    elif isinstance(cause, OSError) and cause.strerror and not isinstance(cause, RequestException):
        reason = f"{_peer(route)} cannot be resolved: {cause.strerror}" if step is Step.RESOLVE else cause.strerror
    elif isinstance(cause, OSError) and (refusal := _TUNNEL_REFUSED.match(str(cause))):
        reason = f"the proxy refused to connect: HTTP {refusal['status']}"
    elif isinstance(cause, TimeoutError | Urllib3TimeoutError):
        reason = "timed out"
    return reason


def _way(route: Route) -> str:
    proxy = route.proxy_address
    return route.address if proxy is None else f"{route.address} through the proxy {proxy}"


def _peer(route: Route) -> str:
    """The host whose address is needed."""
    return (route.proxy_address or route.address).rpartition(":")[0]


def _unreachable(route: Route, why: str) -> str:
    return f"cannot reach {_way(route)}: {why}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: requests and urllib3 keep causes in args, reason and __cause__."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        item = queue.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        context = None if item.__suppress_context__ else item.__context__
        queue.extend([*item.args, getattr(item, "reason", None), item.__cause__, context])
