"""Connections for requests that live under one total deadline, and end at once when the process stops.

ExchangeAdapter     the requests adapter whose connections belong to exchanges
└── pools           never hand a connection on that an exchange's end has shut down
    └── connections     each with the lifeline by which its exchange is ended
"""

import errno
import logging
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidProxyURL, RequestException
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import wait_for_write

from exporter.api.deadline import Exchange, Exchanges
from exporter.api.dns import Resolver

# These have no body: what a server sends after them, such as the reply after an informational one, stays on the
# connection.
_UNFRAMED = frozenset([*range(100, 200), HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED])

POOLS = 16
"""So many endpoints have connections that are kept."""
KEPT_UNUSED_S = 120.0
"""Unused connections are closed after this time or a little later; most servers close them earlier."""
_LOOK_EVERY_S = 10.0
_PROXY_REFUSAL = re.compile(r"Tunnel connection failed: (?P<status>\d{3})\b")  # http.client has no error type for it


class ExchangeAdapter(HTTPAdapter):
    """Sends requests over connections that end with their exchange; never retries, keeps ``pool_size`` open."""

    def __init__(
        self,
        exchanges: Exchanges,
        *,
        resolver: Resolver,
        pool_size: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pools = {
            "http": partial(_HTTPPool, exchanges=exchanges, resolver=resolver, clock=clock),
            "https": partial(_HTTPSPool, exchanges=exchanges, resolver=resolver, clock=clock),
        }
        # One repeats header lines that it cannot parse, and they may repeat our request; the other logs the whole
        # query of every request at debug.
        logging.getLogger("urllib3.connection").disabled = True
        logging.getLogger("urllib3.connectionpool").disabled = True
        self._chosen: dict[tuple[str, object, str], Any] = {}
        super().__init__(pool_connections=POOLS, pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Direct connections come from our pools."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Connections through a proxy come from our pools too; raises InvalidProxyURL for one of SOCKS."""
        if proxy.lower().startswith("socks"):
            raise InvalidProxyURL("SOCKS is not supported")
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Mapping[str, str] | None = None, cert: Any = None
    ) -> Any:
        """The pool for a request's destination, remembered: to find it costs more than to sign."""
        way = (request.url[: _path_begins(request.url)], verify, str(proxies))
        pool = self._chosen.get(way)
        if pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            if len(self._chosen) >= POOLS:
                self._chosen.clear()
            self._chosen[way] = pool
        return pool

    def request_url(self, request: Any, proxies: Mapping[str, str] | None) -> str:
        """The target in the request line; requests computes it only for a proxy, which may need the whole URL."""
        if proxies:
            return str(super().request_url(request, proxies))
        return str(request.url[_path_begins(request.url) :])

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """The response without cookies and without a guess at its encoding."""
        response = requests.Response()
        response.status_code = resp.status
        response.headers = resp.headers  # urllib3's own dictionary knows no case either
        response.raw = resp
        response.url = req.url
        response.request = req
        return response

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """As in requests; raises FileNotFoundError, which names the file, for a CA bundle that is not there."""
        if isinstance(verify, str) and not Path(verify).exists():
            raise FileNotFoundError(errno.ENOENT, f"there is no CA bundle {verify}")
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


class _ExchangeConnection(HTTPConnection):
    """A connection with a lifeline; what it does belongs to the exchange of the calling thread."""

    exchanges: Exchanges
    resolver: Resolver
    used_at = 0.0
    _lifeline: socket.socket | None = None
    _served = 0

    def _new_conn(self) -> socket.socket:
        exchange = self._exchange()
        try:
            addresses = self.resolver.addresses(self._dns_host, self.port or 0, exchange)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"the name {self.host} was not resolved in time") from error
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: OSError | None = None
        for tried, (family, kind, protocol, _, address) in enumerate(addresses):
            if exchange.ended is not None:
                break
            # An address that never answers, as IPv6 ones may here, must leave time for those after it.
            patience_s = exchange.remaining_s() / (len(addresses) - tried)
            try:
                return self._connected(_Socket(family, kind, protocol), address, patience_s=patience_s)
            except OSError as error:
                failure = error
        raise NewConnectionError(self, f"no connection to {self.host}:{self.port}: {failure}") from failure

    def _connected(self, sock: socket.socket, address: Any, *, patience_s: float) -> socket.socket:
        exchange = self._exchange()
        lifeline = None
        try:
            lifeline = sock.dup()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)  # noqa: FBT003 — the standard library's own signature
            problem = sock.connect_ex(address)
            exchange.hold(lifeline)
            _wait_until_connected(sock, problem, patience_s=patience_s)
            sock.setblocking(True)  # noqa: FBT003
        except BaseException:
            if lifeline is not None:
                exchange.discard(lifeline)
            sock.close()
            raise
        self._lifeline = lifeline
        self._served = 0
        exchange.reused = False
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        exchange = self._exchange()
        if self.sock is None:
            self.connect()  # so that nothing slow comes between the budget and the send
        exchange.reused = self._served > 0
        if self._lifeline is not None:
            exchange.hold(self._lifeline)
        exchange.before_send()
        if exchange.ended is not None:  # TLS takes a socket that was shut down for one not connected yet
            raise TimeoutError
        exchange.sent = True
        super().request(*args, **kwargs)

    def getresponse(self) -> Any:
        response = super().getresponse()
        self._served += 1
        self._exchange().answered = True
        if response.status in _UNFRAMED:
            # What follows such a head would be read as the answer to the next request, of another account.
            self.close()
        return response

    def close(self) -> None:
        super().close()
        lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            exchange = self.exchanges.current()
            if exchange is None or not exchange.adopt(lifeline):
                lifeline.close()

    def _exchange(self) -> Exchange:
        exchange = self.exchanges.current()
        if exchange is None:
            raise RuntimeError("a connection is used outside of an exchange")
        return exchange


class _ExchangeHTTPSConnection(_ExchangeConnection, HTTPSConnection):
    """The same over TLS: the handshake happens between ``_new_conn`` and ``request``."""


class _ExchangePool(HTTPConnectionPool):
    """A pool whose connections know the exchanges; an exchange can demand a new connection.

    It hands out the connection used last, so a busy moment leaves unused ones behind: those are closed.
    """

    def __init__(
        self, *args: Any, exchanges: Exchanges, resolver: Resolver, clock: Callable[[], float], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._clock = clock
        self._looks_at = clock() + _LOOK_EVERY_S
        self._exchanges = exchanges
        self._resolver = resolver

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.exchanges = self._exchanges
        connection.resolver = self._resolver
        return connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        exchange = self._exchanges.current()
        if exchange is not None and exchange.only_new_connection:
            connection.close()  # urllib3 opens a closed connection anew
        return connection

    def _put_conn(self, conn: Any) -> None:
        # This exchange must release the connection before another one can get it.
        exchange = self._exchanges.current()
        if conn is not None and exchange is not None and not exchange.let_go():
            conn.close()
        now = self._clock()
        if conn is not None:
            conn.used_at = now
        super()._put_conn(conn)
        if now >= self._looks_at:
            self._looks_at = now + _LOOK_EVERY_S
            self._close_unused(before=now - KEPT_UNUSED_S)

    def _close_unused(self, *, before: float) -> None:
        waiting = self.pool
        if waiting is None:  # it was closed
            return
        with waiting.mutex:
            unused = [place for place, conn in enumerate(waiting.queue) if conn is not None and conn.used_at < before]
            closed = [waiting.queue[place] for place in unused]
            for place in unused:
                waiting.queue[place] = None  # urllib3's mark for a connection to be made
        for conn in closed:
            conn.close()


class _Socket(socket.socket):
    """A socket that makes no system call when its timeout stays the same: urllib3 sets it twice in a call."""

    def settimeout(self, value: float | None) -> None:
        if value != self.gettimeout():
            super().settimeout(value)


class _HTTPPool(_ExchangePool):
    ConnectionCls = _ExchangeConnection


class _HTTPSPool(_ExchangePool, HTTPSConnectionPool):
    ConnectionCls = _ExchangeHTTPSConnection


def _path_begins(url: str) -> int:
    return url.index("/", len("https://"))


def _wait_until_connected(sock: socket.socket, problem: int, *, patience_s: float) -> None:
    """Finish what ``connect_ex`` began, ``problem`` being what it returned; raises OSError."""
    if problem == errno.EINPROGRESS:
        in_time = wait_for_write(sock, timeout=patience_s)
        problem = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if in_time else errno.ETIMEDOUT
    if problem:
        raise OSError(problem, os.strerror(problem))


def died(error: Exception) -> bool:
    """Whether the other side closed the connection, as it does after a long time without use."""
    return any(
        isinstance(cause, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)) for cause in _causes(error)
    )


def in_words(error: Exception) -> str:
    """What happened to the connection, by the innermost cause that explains it, without text of the request."""
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
