"""What clients that mean harm can make the server hold, and for how long."""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import trustme
from starlette.types import Receive, Scope, Send

from exporter.web.connections import _LOOKS, Connection, Connections, Limits, Phase, least_needed
from exporter.web.protocol import BODY_LIMIT, HEAD_LIMIT, HEADER_LINES_LIMIT
from exporter.web.server import _KEEP_ALIVE_S, WebServer, _Server
from tests.no_new_files import no_new_files
from tests.recording_log import RecordingLog
from tests.waiting import soon

WAIT_S = 10
SOON_S = 0.1
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "web.md"
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
PIECE = bytes(256 * 1024)
WHOLE = bytes(32 * 1024 * 1024)

Start = Callable[..., WebServer]


async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers hello, and to /large and /whole with more than all buffers on the way hold: in pieces, and in one."""
    pieces = {"/large": [PIECE] * 256, "/whole": [WHOLE]}.get(scope["path"], [])
    length = str(sum(map(len, pieces)) or 5).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"" if pieces else b"hello"})


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server with limits; they are long unless given."""
    with ExitStack() as running:

        def begin(*, tls: bool = False, **limits: Any) -> WebServer:
            file = None
            if tls:
                certificate = trustme.CA().issue_cert("localhost")
                certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "server.crt"))
                certificate.private_key_pem.write_to_path(str(tmp_path / "server.key"))
                file = tmp_path / "web.yaml"
                file.write_text("tls_server_config: {cert_file: server.crt, key_file: server.key}")
            server = WebServer(
                answer, listen_address="127.0.0.1:0", config_file=file, limits=Limits(**limits), log=RecordingLog()
            )
            return running.enter_context(server)

        yield begin


@pytest.fixture
def dial() -> Iterator[Callable[[WebServer], socket.socket]]:
    """Opens a connection, which is closed at the end."""
    with ExitStack() as opened:

        def connect(server: WebServer) -> socket.socket:
            host, _, port = server.address.rpartition(":")
            return opened.enter_context(socket.create_connection((host, int(port)), timeout=WAIT_S))

        yield connect


def get(server: WebServer) -> bytes:
    with closing(HTTPConnection(server.address, timeout=WAIT_S)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


def ask_on(connection: socket.socket) -> None:
    """One request on a connection that stays open, and its whole answer."""
    connection.sendall(HEAD + b"\r\n")
    answered = b""
    while not answered.endswith(b"hello"):
        piece = connection.recv(1024)
        assert piece, answered
        answered += piece


def trusting() -> ssl.SSLContext:
    """Of a client that accepts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def get_over_tls(server: WebServer) -> bytes:
    host, _, port = server.address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=WAIT_S) as plain,
        trusting().wrap_socket(plain) as connection,
    ):
        connection.sendall(HEAD + b"Connection: close\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b"")).rpartition(b"\r\n\r\n")[2]


def is_closed(connection: socket.socket) -> bool:
    """Waits for the end of the connection, whatever comes before it."""
    with suppress(ConnectionResetError):
        while connection.recv(1024 * 1024):
            pass
    return True


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="silent"),
        pytest.param(HEAD, id="half a head"),
        pytest.param(b"\r\n\r\n", id="empty lines"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", id="half a body"),
    ],
)
def test_a_request_that_does_not_arrive(
    start: Start, dial: Callable[[WebServer], socket.socket], sent: bytes
) -> None:
    """The connection ends when the time for a request is over, whatever has come by then."""
    connection = dial(start(request_s=SOON_S))
    connection.sendall(sent)
    assert is_closed(connection)


def test_a_handshake_that_does_not_arrive(start: Start, dial: Callable[[WebServer], socket.socket]) -> None:
    """The time for a request begins at accept: a client that is silent before TLS has no more of it."""
    server = start(tls=True, request_s=SOON_S)
    silent, halfway = dial(server), dial(server)
    halfway.sendall(b"\x16\x03\x01\x02\x00\x01")
    assert is_closed(silent)
    assert is_closed(halfway)
    assert soon(lambda: len(server._connections) == 0)


def test_dripping_does_not_help(start: Start, dial: Callable[[WebServer], socket.socket]) -> None:
    """The time for a request is that for all of it, not that between two bytes."""
    connection = dial(start(request_s=SOON_S))
    connection.sendall(HEAD)
    with suppress(OSError):  # closed
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            connection.sendall(b"a: b\r\n")
            time.sleep(0.01)
        pytest.fail("still open")


def test_the_next_request_has_its_own_time(start: Start, dial: Callable[[WebServer], socket.socket]) -> None:
    """A connection rests for long between two requests; the second one has to arrive in time again."""
    server = start(request_s=0.5)
    connection = dial(server)
    ask_on(connection)
    (held,) = server._connections._all
    assert soon(lambda: held.phase is Phase.IDLE)
    assert held._deadline is not None
    assert held._deadline.when() - held.since == pytest.approx(Limits().idle_s, abs=0.1)
    connection.sendall(HEAD)
    assert is_closed(connection)


def test_rest_has_an_end(start: Start, dial: Callable[[WebServer], socket.socket]) -> None:
    """A connection that is not used any more ends."""
    connection = dial(start(idle_s=SOON_S))
    connection.sendall(HEAD + b"\r\n")
    assert is_closed(connection)


@pytest.mark.parametrize("limit", ["stalled_s", "answer_s"])
def test_an_answer_that_is_not_taken(start: Start, dial: Callable[[WebServer], socket.socket], limit: str) -> None:
    """A reader that stops is cut off, and nothing is kept for it."""
    server = start(**{limit: SOON_S})
    connection = dial(server)
    connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert connection.recv(1) == b"H"
    assert soon(lambda: len(server._connections) == 0)
    assert is_closed(connection)
    assert get(server) == b"hello"


def test_a_reader_that_takes_a_part_of_a_piece_has_not_stopped(
    start: Start, dial: Callable[[WebServer], socket.socket]
) -> None:
    """The time in which a client takes nothing ends with the next byte that it takes, however large the piece is."""
    stalled_s = 0.7
    connection = dial(start(stalled_s=stalled_s))
    connection.sendall(b"GET /whole HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    began, taken = time.monotonic(), 0
    while piece := connection.recv(1024 * 1024, socket.MSG_WAITALL):
        taken += len(piece)
        time.sleep(0.05)  # as slow as its line
    assert taken > len(WHOLE)
    assert time.monotonic() - began > 2 * stalled_s


def test_what_the_kernel_takes_no_more_of_is_not_what_the_reader_takes(
    start: Start, dial: Callable[[WebServer], socket.socket]
) -> None:
    """A slow reader has not stopped while the kernel still sends what it holds, which is megabytes."""
    stalled_s = 0.8
    server = start(stalled_s=stalled_s)
    connection = dial(server)
    connection.sendall(b"GET /whole HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    began, taken = time.monotonic(), 0
    while time.monotonic() - began < 3 * stalled_s:
        taken += len(connection.recv(16 * 1024, socket.MSG_WAITALL))
        time.sleep(0.05)  # as slow as its line
    assert taken < 1024 * 1024
    assert len(server._connections) == 1


@pytest.mark.parametrize("tls", [False, True])
def test_a_reader_that_leaves_while_requests_wait_is_not_logged(
    start: Start, dial: Callable[[WebServer], socket.socket], caplog: pytest.LogCaptureFixture, *, tls: bool
) -> None:
    """Clients come and go, and one that asked twice before it left fills no log either."""
    server = start(tls=tls)
    reader = dial(server)
    if tls:
        reader = trusting().wrap_socket(reader)
    with closing(reader):
        reader.sendall(2 * b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reader.recv(1) == b"H"
        (held,) = server._connections._all
        assert soon(lambda: held._stalled is not None)
    assert soon(lambda: len(server._connections) == 0)
    assert (get_over_tls(server) if tls else get(server)) == b"hello"  # after the answer in the event loop's queue
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_what_a_reader_that_stops_holds(start: Start, dial: Callable[[WebServer], socket.socket]) -> None:
    """With TLS it is no more than without: a piece and what was left of the one before."""
    server = start(tls=True)
    with trusting().wrap_socket(dial(server)) as reader:
        reader.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reader.recv(1) == b"H"
        (held,) = server._connections._all
        assert soon(lambda: held._stalled is not None)
        assert held._transport is not None
        assert held._transport.get_write_buffer_size() < len(PIECE) + 128 * 1024


def test_the_oldest_without_a_request_goes(start: Start, dial: Callable[[WebServer], socket.socket]) -> None:
    """When there are too many, the one that has been silent for longest goes, and the new one is answered."""
    server = start(connections=3)
    kept = dial(server)
    ask_on(kept)
    first = dial(server)
    assert soon(lambda: len(server._connections) == 2)
    second = dial(server)
    assert soon(lambda: len(server._connections) == 3)
    assert get(server) == b"hello"
    assert is_closed(first)
    for connection in (kept, second):
        ask_on(connection)


def test_silent_tls_clients_go_too(start: Start, dial: Callable[[WebServer], socket.socket]) -> None:
    """The number of connections is counted from accept on: silence in the handshake keeps nobody out."""
    server = start(tls=True, connections=4)
    silent = [dial(server) for _ in range(20)]
    assert soon(lambda: len(server._connections) == 4)
    assert get_over_tls(server) == b"hello"
    assert all(is_closed(connection) for connection in silent[:16])


def test_a_full_house_of_readers_lets_one_in(start: Start, dial: Callable[[WebServer], socket.socket]) -> None:
    """Where all others are answered right now, the one that has been read for longest goes."""
    server = start(connections=2)
    readers = [dial(server) for _ in range(2)]
    for reader in readers:
        reader.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reader.recv(1) == b"H"
    assert get(server) == b"hello"
    assert is_closed(readers[0])


def test_who_goes_first() -> None:
    """Without a request before idle before answered, and the longest among equals."""

    async def story() -> None:
        connections = Connections(Limits())
        made: list[Connection] = []
        for phase, since in ((2, 1.0), (1, 3.0), (1, 2.0), (0, 9.0), (0, 8.0)):
            connection = connections.admit(socket.socket())
            connection.phase, connection.since = Phase(phase), since
            made.append(connection)
        order = []
        while (gone := least_needed(connections._all)) is not None:
            order.append(made.index(gone))
            gone.cut()
            gone._sock.close()
        assert order == [4, 3, 2, 1, 0]
        assert connections.shed() is False

    asyncio.run(story())


def test_readers_that_do_not_read_are_few(start: Start, dial: Callable[[WebServer], socket.socket]) -> None:
    """One more cuts the first, whose page is the oldest; the others keep theirs, and anyone else is answered."""
    server = start(stalled=2)
    readers = []
    for number in range(1, 4):
        readers.append(dial(server))
        readers[-1].sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        assert readers[-1].recv(1) == b"H"
        *_, held = server._connections._all
        assert soon(lambda held=held: held._stalled is not None)  # type: ignore[misc]
        assert len(server._connections) == min(number, 2)
    assert is_closed(readers[0])
    assert get(server) == b"hello"
    assert len(server._connections._stalled) == 2


def test_who_reads_again_and_again_is_not_cut_for_those_who_do_not() -> None:
    """Of too many that do not read, the one goes that has read nothing for longest; the end of one makes room."""

    async def story() -> None:
        connections = Connections(Limits(stalled=3))
        sockets = [socket.socket() for _ in range(6)]
        first, second, third, reading, fifth, last = map(connections.admit, sockets)
        for connection in (reading, first, second):
            connection.stalls()
        reading.flows()
        reading.stalls()
        third.stalls()
        assert list(connections._all) == [second, third, reading, fifth, last]
        second.ended()
        fifth.stalls()
        assert list(connections._stalled) == [reading, third, fifth]
        reading.flows()
        last.stalls()
        assert list(connections._all) == [third, reading, fifth, last]
        connections.cut_all()
        assert list(connections._stalled) == []
        for sock in sockets:
            sock.close()

    asyncio.run(story())


class Transport(asyncio.Transport):
    """Holds bytes that the client has not taken."""

    def __init__(self) -> None:
        super().__init__()
        self.untaken_bytes = 1000
        self.looked_at = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        self.looked_at.set()
        return self.untaken_bytes

    def abort(self) -> None:
        pass


def test_who_takes_a_little_is_not_cut_for_who_takes_nothing() -> None:
    """Of too many that read slowly, the one goes that has taken nothing for longest, though it began later."""

    async def story() -> None:
        connections = Connections(Limits(stalled=2, stalled_s=WAIT_S / 50))
        sockets = [socket.socket() for _ in range(3)]
        slow, dead, last = map(connections.admit, sockets)
        transport = Transport()
        slow.opened(transport)
        slow.stalls()
        dead.stalls()
        assert list(connections._stalled) == [slow, dead]
        transport.untaken_bytes -= 1
        transport.looked_at.clear()
        await transport.looked_at.wait()
        last.stalls()
        assert list(connections._stalled) == [slow, last]
        connections.cut_all()
        for sock in sockets:
            sock.close()

    asyncio.run(asyncio.wait_for(story(), WAIT_S))


def test_memory_is_given_back_when_many_have_gone() -> None:
    """Once for each storm, when three of four have gone; the coming and going of a few is no storm."""

    async def story() -> None:
        calmed: list[int] = []
        connections = Connections(Limits(), drained=lambda: calmed.append(len(connections)))
        for number in (8, 100, 63):
            sockets = [socket.socket() for _ in range(number)]
            for connection in [connections.admit(sock) for sock in sockets]:
                connection.cut()
            for sock in sockets:
                sock.close()
        assert calmed == [25]

    asyncio.run(story())


@pytest.mark.parametrize("limits", [{"connections": 0}, {"request_s": 0.0}, {"stalled_s": -1.0}, {"stalled": 0}])
def test_limits_that_let_nobody_in(limits: dict[str, Any]) -> None:
    """A limit that cannot be kept cannot exist."""
    with pytest.raises(ValueError, match="above zero"):
        Limits(**limits)


def test_the_limits_are_documented() -> None:
    """With their numbers; of the two times for rest, the one that ends it."""
    text = DOCUMENTATION.read_text(encoding="utf-8")
    limits = Limits()

    assert f"| {limits.connections} connections |" in text
    assert f"| {limits.request_s:g} s from accept, or from the first byte of a further request," in text
    assert f"| {_KEEP_ALIVE_S} s between two requests |" in text
    assert limits.idle_s > _KEEP_ALIVE_S
    at_most_s = limits.stalled_s * (1 + 1 / _LOOKS)
    assert f"| {limits.stalled_s:g} to {at_most_s:g} s in which a client takes nothing of its answer," in text
    assert f" answer, {limits.answer_s:g} s for all of it |" in text
    assert f"| {limits.stalled} clients at a time that do not read their answers |" in text
    assert (
        f"| {HEAD_LIMIT // 1024} KiB or {HEADER_LINES_LIMIT} lines of head, {BODY_LIMIT // 1024} KiB of body," in text
    )


def test_hundreds_of_clients_at_once(start: Start, dial: Callable[[WebServer], socket.socket]) -> None:
    """Silent ones, slow ones and readers that stop keep nobody from an answer, and leave nothing behind."""
    server = start(connections=64, request_s=1.0, stalled_s=1.0)
    openings = (b"", HEAD, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    for number in range(300):
        with suppress(OSError):  # shed already
            dial(server).sendall(openings[number % 3])
    for _ in range(20):
        assert get(server) == b"hello"
    assert soon(lambda: len(server._connections) == 0)
    assert server._server is not None
    assert soon(lambda: not server._server.server_state.connections)  # type: ignore[union-attr]


def get_on(connection: socket.socket, address: str, path: str) -> bytes:
    """What a socket is answered that was made before: there may be no file left for another one."""
    host, _, port = address.rpartition(":")
    connection.settimeout(WAIT_S)
    connection.connect((host, int(port)))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    return b"".join(iter(lambda: connection.recv(1024), b""))


def test_without_a_file_left_an_idle_client_makes_room(
    start: Start, dial: Callable[[WebServer], socket.socket]
) -> None:
    """The one that is missed least goes, and who waits is answered on the file that it had."""
    server = start()
    idle = dial(server)
    ask_on(idle)
    with socket.socket() as waiting, no_new_files():
        assert get_on(waiting, server.address, "/").endswith(b"hello")
        assert is_closed(idle)


def test_a_server_without_files_answers_again(serve: Callable[..., WebServer]) -> None:
    """Where there is nobody to go, who waits is answered as soon as the system has files again."""
    server = serve()
    with ThreadPoolExecutor(1) as pool, socket.socket() as waiting:
        pool.submit(int).result()  # the thread is there
        with no_new_files():
            answer = pool.submit(get_on, waiting, server.address, "/-/healthy")
            assert isinstance(server._server, _Server)
            (acceptor,) = server._server._acceptors
            assert soon(lambda: acceptor._pause is not None)
        assert answer.result(WAIT_S).endswith(b"dcdn-exporter is healthy.\n")
