"""Clients that end their side of the connection once they have sent their request, as `nc -N` does."""

import gzip
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import trustme
from starlette.types import Receive, Scope, Send

from exporter.metrics.page import ExpositionFormat
from exporter.web.connections import Limits
from exporter.web.protocol import LimitedProtocol
from exporter.web.server import WebServer
from tests.recording_log import RecordingLog
from tests.waiting import PATIENCE_S, soon
from tests.web.test_app import Held

LARGE = [bytes(range(256)) * 1024] * 20
GET = b"GET /metrics HTTP/1.1\r\nHost: a\r\n"

Connect = Callable[[WebServer], socket.socket]
Serve = Callable[..., WebServer]


class Page:
    """A page of these blocks."""

    def __init__(self, *blocks: bytes) -> None:
        self.blocks = blocks
        self.small = sum(map(len, blocks)) < 1000

    def page(self, _exposition_format: ExpositionFormat) -> tuple[bytes, ...]:
        """The blocks."""
        return self.blocks


@pytest.fixture(scope="module")
def tls_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A web configuration file that asks for TLS."""
    folder = tmp_path_factory.mktemp("tls")
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(str(folder / "server.crt"))
    certificate.private_key_pem.write_to_path(str(folder / "server.key"))
    (folder / "web.yaml").write_text("tls_server_config: {cert_file: server.crt, key_file: server.key}")
    return folder / "web.yaml"


class Tls:
    """A TLS client that can end its own side and read on, which the standard library's socket cannot."""

    def __init__(self, connection: socket.socket, version: ssl.TLSVersion) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = version
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing)
        self._until_done(self._session.do_handshake)

    def send(self, data: bytes) -> None:
        self._session.write(data)
        self._flush()

    def send_and_end(self, data: bytes) -> None:
        """The data and the end of this side, in one packet."""
        if data:
            self._session.write(data)
        with pytest.raises(ssl.SSLWantReadError):
            self._session.unwrap()
        self._flush()

    def receive_all(self) -> bytes:
        """Until the server has ended its side as well."""
        received = b""
        while piece := self._until_done(lambda: self._session.read(65536)):
            received += piece
        return received

    def _flush(self) -> None:
        self._connection.sendall(self._outgoing.read())

    def _until_done(self, step: Callable[[], bytes | None]) -> bytes:
        while True:
            try:
                return step() or b""
            except ssl.SSLWantReadError:
                self._flush()
                piece = self._connection.recv(65536)
                assert piece, "the server left without ending its side"
                self._incoming.write(piece)
            except ssl.SSLZeroReturnError:
                return b""
            finally:
                self._flush()


@pytest.fixture
def half_closed(connect: Connect) -> Callable[[WebServer, bytes], bytes]:
    """Sends these bytes and ends its side; returns every byte that comes until the server closes."""

    def send(server: WebServer, request: bytes) -> bytes:
        with connect(server) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    return send


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("blocks", [[b"small\n"], LARGE], ids=["small", "large"])
def test_it_has_its_answer(serve: Serve, connect: Connect, blocks: list[bytes], encoding: str) -> None:
    """Whole, be it made at once or in another thread, sent plain or compressed; then the connection ends."""
    server = serve(exposition=Page(*blocks))
    with connect(server) as connection:
        connection.sendall(GET + f"Accept-Encoding: {encoding}\r\n\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        response = HTTPResponse(connection)
        response.begin()
        body = response.read()
        assert connection.recv(1) == b""
    assert response.headers["Content-Encoding"] == (None if encoding == "identity" else "gzip")
    assert (body if encoding == "identity" else gzip.decompress(body)) == b"".join(blocks)
    assert soon(lambda: len(server._connections) == 0)


@pytest.mark.parametrize("path", [b"/", b"/api/v1/status", b"/-/healthy", b"/-/ready", b"/nowhere"])
def test_every_page_has_an_answer(
    site: WebServer, half_closed: Callable[[WebServer, bytes], bytes], path: bytes
) -> None:
    """As health checkers of load balancers want it."""
    reply = half_closed(site, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 404 " if path == b"/nowhere" else b"HTTP/1.1 200 ")


def test_an_answer_that_takes_its_time(serve: Serve, connect: Connect) -> None:
    """The client has it when it is made, however long it has ended its side by then."""
    held = Held()
    server = serve(exposition=held)
    with connect(server) as connection:
        connection.sendall(GET + b"\r\n")
        connection.shutdown(socket.SHUT_WR)
        try:
            assert held.begun.wait(PATIENCE_S)
            (there,) = server._connections._all
            assert server._server is not None
            (protocol,) = server._server.server_state.connections
            assert isinstance(protocol, LimitedProtocol)
            assert soon(lambda: not protocol.cycle.keep_alive)
        finally:
            held.let_go.set()
        assert b"".join(iter(lambda: connection.recv(65536), b"")).endswith(b"at last\n")
    assert soon(lambda: there not in server._connections._all)


def test_requests_that_wait_are_answered_too(
    site: WebServer, half_closed: Callable[[WebServer, bytes], bytes]
) -> None:
    """Of several that were sent at once each has its answer, in their order, and the last one ends it."""
    heads = [b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n" for path in (b"/-/healthy", b"/nowhere", b"/metrics")]
    reply = half_closed(site, b"".join(heads))
    assert [line.split()[1] for line in reply.splitlines() if line.startswith(b"HTTP/1.1 ")] == [
        b"200",
        b"404",
        b"200",
    ]


@pytest.mark.parametrize("answered", [False, True], ids=["first", "after another"])
@pytest.mark.parametrize("sent", [pytest.param(b"", id="nothing"), pytest.param(GET, id="half a head")])
def test_without_a_whole_request_it_ends(site: WebServer, connect: Connect, sent: bytes, *, answered: bool) -> None:
    """At once, also when an earlier request was answered on it."""
    with connect(site) as connection:
        if answered:
            connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.recv(65536).endswith(b"healthy.\n")
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert soon(lambda: len(site._connections) == 0)


@pytest.fixture
def limited(tls_file: Path) -> Iterator[Callable[..., WebServer]]:
    """Starts a server of a page that no buffer holds, with limits."""
    with ExitStack() as running:

        async def endless(_scope: Scope, _receive: Receive, send: Send) -> None:
            headers = [(b"content-length", b"%d" % 2**30)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for _ in range(1024):
                await send({"type": "http.response.body", "body": bytes(1024 * 1024), "more_body": True})

        def begin(*, tls: bool, **limits: Any) -> WebServer:
            server = WebServer(
                endless,
                listen_address="127.0.0.1:0",
                config_file=tls_file if tls else None,
                limits=Limits(**limits),
                log=RecordingLog(),
            )
            return running.enter_context(server)

        yield begin


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("limit", ["stalled_s", "answer_s"])
def test_a_client_that_does_not_read_is_not_kept(
    limited: Callable[..., WebServer], connect: Connect, *, limit: str, tls: bool
) -> None:
    """The limits of an answer hold for it as for others."""
    server = limited(tls=tls, **{limit: 0.1})
    with connect(server) as connection:
        if tls:
            Tls(connection, ssl.TLSVersion.TLSv1_3).send_and_end(GET + b"\r\n")
        else:
            connection.sendall(GET + b"\r\n")
            connection.shutdown(socket.SHUT_WR)
        assert soon(lambda: len(server._connections) == 1)
        assert soon(lambda: len(server._connections) == 0)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
@pytest.mark.parametrize("blocks", [[b"small\n"], LARGE], ids=["small", "large"])
def test_over_tls_it_has_its_answer(
    serve: Serve, connect: Connect, tls_file: Path, *, blocks: list[bytes], at_once: bool, version: ssl.TLSVersion
) -> None:
    """Whether the end of its side comes in the packet of the request or in one of its own; both sides then end."""
    server = serve(exposition=Page(*blocks), config_file=tls_file)
    with connect(server) as connection:
        client = Tls(connection, version)
        if at_once:
            client.send_and_end(GET + b"\r\n")
        else:
            client.send(GET + b"\r\n")
            client.send_and_end(b"")
        assert client.receive_all().partition(b"\r\n\r\n")[2] == b"".join(blocks)
    assert soon(lambda: len(server._connections) == 0)


def test_over_tls_a_client_that_ends_without_a_request_has_its_end(
    serve: Serve, connect: Connect, tls_file: Path
) -> None:
    """It need not wait until an idle connection is closed."""
    server = serve(config_file=tls_file)
    with connect(server) as connection:
        client = Tls(connection, ssl.TLSVersion.TLSv1_3)
        client.send_and_end(b"")
        assert client.receive_all() == b""
    assert soon(lambda: len(server._connections) == 0)
