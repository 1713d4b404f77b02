"""Connections for calls: where they lead, and whom they trust.

CallAdapter         the requests adapter, whose timeout is a call
├── CaBundle            who is trusted at the other end
└── connections         each belongs to one call at a time
"""

import errno
import logging
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import ALPN_PROTOCOLS, create_urllib3_context

from exporter.api.deadline import KEPT_UNUSED_S, Call, CallSocket, Step, TlsCallSocket
from exporter.api.dns import Resolver

_MOST_INFORMATIONAL = 10
POOLS = 16
"""So many endpoints have connections that are kept."""
# These have no body: what a server sends after them stays on the connection.
_UNFRAMED = frozenset([*range(100, 200), HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED])


class CaBundle:
    """The authorities whose certificates are accepted, in one TLS context: a new one costs 17 ms of CPU.

    ``verify`` is as in requests: the path of a file or directory, or True for the packaged file.
    """

    def __init__(self, verify: bool | str) -> None:  # noqa: FBT001 — as in requests
        self._path = Path(verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH)
        self._loaded: dict[object, Future[ssl.SSLContext]] = {}

    def context(self) -> ssl.SSLContext:
        """The context of the bundle as it is now; raises OSError, with the bundle's name when it is not there."""
        if not self._path.exists():
            raise FileNotFoundError(errno.ENOENT, f"there is no CA bundle {self._path}")
        seen = self._path.stat()
        version = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
        new: Future[ssl.SSLContext] = Future()
        context = self._loaded.setdefault(version, new)
        if context is new:  # of hundreds of first connections one loads it
            try:
                new.set_result(self._new_context())
                self._loaded = {version: new}
            except BaseException as error:  # noqa: BLE001 — each waiting caller raises it
                self._loaded = {}
                new.set_exception(error)
        return context.result()

    def _new_context(self) -> ssl.SSLContext:
        context = create_urllib3_context()
        try:
            context.load_verify_locations(**{"capath" if self._path.is_dir() else "cafile": str(self._path)})
        except OSError as error:
            reason = getattr(error, "reason", None) or error.strerror
            raise OSError(errno.EINVAL, f"the CA bundle {self._path} cannot be used: {reason}") from None
        context.sslsocket_class = TlsCallSocket
        context.set_alpn_protocols(ALPN_PROTOCOLS)
        # urllib3 sets them for each connection, while OpenSSL may read them for another one.
        context.set_alpn_protocols = lambda _: None  # type: ignore[assignment, method-assign]
        return context


class CallAdapter(HTTPAdapter):
    """Sends the requests of calls; never retries.

    It keeps ``pool_size`` connections to each endpoint; with ``single_use`` none, so that no request goes out on one
    that has died in the pool. All that it overrides is documented for that, and percents are of a call's CPU.
    """

    def __init__(self, bundle: CaBundle, *, resolver: Resolver, pool_size: int, single_use: bool) -> None:
        # They repeat header lines that cannot be parsed, which may repeat our request, log the whole query of every
        # request at debug, and warn of each reply with two lengths, which says nothing to an operator.
        for name in ("connection", "connectionpool", "response"):
            logging.getLogger(f"urllib3.{name}").disabled = True
        self._single_use = single_use
        parts: dict[str, Any] = {"bundle": bundle, "resolver": resolver, "single_use": single_use}
        self._connections = {"http": partial(_CallConnection, **parts), "https": partial(_TlsCallConnection, **parts)}
        self._chosen: dict[tuple[str, str], Any] = {}
        super().__init__(pool_connections=POOLS, pool_maxsize=1 if single_use else pool_size)

    def send_within(
        self, call: Call, request: requests.PreparedRequest, *, proxies: Mapping[str, str]
    ) -> requests.Response:
        """Send the request of a call, and return the reply, whose body comes under the call's deadline too."""
        call.sockets.close_unused()
        timeout: Any = call  # requests hands a timeout of urllib3 on as it is
        return self.send(request, stream=True, timeout=timeout, proxies=dict(proxies))

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Mapping[str, str] | None = None, cert: Any = None
    ) -> Any:
        """The pool of our connections to a request's destination; remembered, as it takes 10 % to find it."""
        way = (request.url[: _path_begins(request.url)], str(proxies))
        pool: Any = self._chosen.get(way)
        if pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            pool.ConnectionCls = self._connections[pool.scheme]
            if len(self._chosen) >= POOLS:
                self._chosen.clear()
            self._chosen[way] = pool
        return pool

    def request_url(self, request: Any, proxies: Mapping[str, str] | None) -> str:
        """The target in the request line; what requests does to find it, 6 %, is of use to a proxy alone."""
        if proxies:
            return str(super().request_url(request, proxies))
        return str(request.url[_path_begins(request.url) :])

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """The response without cookies and without a guess at its encoding, which are 9 %."""
        response = requests.Response()
        response.status_code = resp.status
        response.headers = resp.headers  # urllib3's own dictionary knows no case either
        response.raw = resp
        response.url = req.url
        response.request = req
        return response

    def add_headers(self, request: Any, **_: Any) -> None:
        """Say to the server when its connection will not be used again."""
        if self._single_use:
            request.headers["connection"] = "close"

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Do nothing: each connection gets the bundle's context, and what requests sets here would be loaded anew."""


class _FinalResponse(HTTPResponse):
    """The reply after informational ones such as 103; the standard library skips 100 alone."""

    def begin(self) -> None:
        super().begin()
        for _ in range(_MOST_INFORMATIONAL):
            if not HTTPStatus.PROCESSING <= self.status < HTTPStatus.OK:  # after 101 there is another protocol
                break
            self.headers = None  # type: ignore[assignment] # as at first: else nothing more would be read
            super().begin()


class _CallConnection(HTTPConnection):
    """A connection whose timeout is the call that it belongs to."""

    response_class = _FinalResponse

    def __init__(self, *args: Any, bundle: CaBundle, resolver: Resolver, single_use: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bundle = bundle
        self._resolver = resolver
        self._single_use = single_use
        self._served = False

    @property
    def is_connected(self) -> bool:
        """Whether it can serve another call; urllib3 asks when it takes a connection from the pool."""
        call = self._call()
        too_old = call.deadline + KEPT_UNUSED_S < call.sockets.clock()
        return not self._single_use and not too_old and super().is_connected

    def _new_conn(self) -> socket.socket:  # urllib3 has no public way to be given a socket
        call = self._call()
        call.step = Step.RESOLVE
        self._served = False
        failure: OSError = socket.gaierror(socket.EAI_NONAME, "the name has no address")
        host = self._dns_host.strip("[]")  # a proxy's IPv6 address keeps the brackets of its URL
        addresses = self._resolver.addresses(host, self.port or 0, within_s=call.left_s())
        if addresses:
            call.step = Step.CONNECT
        for tried, address in enumerate(addresses):
            # An address that never answers, as IPv6 ones may here, must leave time for those after it.
            patience_s = call.left_s() / (len(addresses) - tried)
            try:
                connected = CallSocket.connected(call, address, patience_s=patience_s)
            except OSError as error:
                failure = error
            else:
                call.step = self._next_step()
                return connected
        raise failure

    def _next_step(self) -> Step:
        """What follows the connection to the other end of the socket."""
        if self.proxy is None:
            return Step.TLS
        return Step.PROXY_TLS if self.proxy.scheme == "https" else Step.TUNNEL

    def connect(self) -> None:
        super().connect()
        self._call().step = None

    def close(self) -> None:
        sock = self.sock
        super().close()
        if isinstance(sock, CallSocket) and self._call().step is not None:
            # Before Python 3.11.4 a proxy's reply to CONNECT would hold it until the next garbage collection.
            sock.close_at_once()

    def request(self, *args: Any, **kwargs: Any) -> None:
        call = self._call()
        if self.sock is None:
            self.connect()  # so that nothing slow comes between the budget and the send
        self.sock.settimeout(self.timeout)  # from now on it is not unused
        call.reused, self._served = self._served, True
        call.admit()
        call.sent = True
        super().request(*args, **kwargs)

    def getresponse(self) -> Any:
        response = super().getresponse()
        self._call().answered = True
        if response.status in _UNFRAMED:
            # What follows such a head would be read as the answer to the next request, of another account.
            self.close()
        return response

    def _call(self) -> Call:
        if not isinstance(self.timeout, Call):
            raise TypeError("a request whose timeout is not a call")
        return self.timeout


class _TlsCallConnection(_CallConnection, HTTPSConnection):
    """The same over TLS, to the server or to a proxy."""

    def connect(self) -> None:
        self._call().step = Step.CONNECT
        self.ssl_context = self._bundle.context()
        if self.proxy_config is not None:
            self.proxy_config = self.proxy_config._replace(ssl_context=self.ssl_context)
        super().connect()


def _path_begins(url: str) -> int:
    return url.index("/", len("https://"))
