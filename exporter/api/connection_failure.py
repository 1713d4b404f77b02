"""What became of a connection, from the errors that libraries wrap in each other."""

import re
import ssl
from collections.abc import Iterator

from requests.exceptions import InvalidProxyURL, RequestException

_PROXY_REFUSAL = re.compile(r"Tunnel connection failed: (?P<status>\d{3})\b")  # http.client has no type for it


def died(error: Exception) -> bool:
    """Whether the other side ended the connection, as it does with one that was idle for long."""
    return any(
        isinstance(cause, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)) for cause in _causes(error)
    )


def in_words(error: Exception) -> str:
    """What happened to the connection, from the innermost cause, without the text of the request."""
    causes = list(_causes(error))
    for cause in reversed(causes):
        if isinstance(cause, InvalidProxyURL):
            return "the proxy that the environment names cannot be used; accepted: http or https, not SOCKS"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate was not accepted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason or type(cause).__name__}"
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, RequestException):
            return f"the connection failed: {cause.strerror}"
        if isinstance(cause, OSError) and (refusal := _PROXY_REFUSAL.match(str(cause))):
            return f"the proxy refused to connect: HTTP {refusal['status']}"
    return f"the connection failed: {type(causes[-1]).__name__}"


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
        queue.extend([*item.args, getattr(item, "reason", None), item.__cause__, item.__context__])
