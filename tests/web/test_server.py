import errno
import re
import socket
import threading
from contextlib import closing, suppress
from http.client import HTTPConnection

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.importer import ImportFromStringError

from exporter.web.server import WebServer, parse_listen_address
from tests.recording_log import RecordingLog

WAIT_S = 10


async def hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that greets."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def get(address: str) -> bytes:
    with closing(HTTPConnection(address, timeout=WAIT_S)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(":10520", (None, 10520), id="every-address"),
        pytest.param("127.0.0.1:0", ("127.0.0.1", 0), id="ipv4"),
        pytest.param("[::1]:9", ("::1", 9), id="ipv6"),
        pytest.param("[0:0::0]:65535", ("::", 65535), id="ipv6-in-its-short-form"),
        pytest.param("localhost:10520", ("localhost", 10520), id="name"),
        pytest.param("exporter-0.dcdn_exporter.svc.:80", ("exporter-0.dcdn_exporter.svc.", 80), id="long-name"),
    ],
)
def test_listen_address(text: str, expected: tuple[str | None, int]) -> None:
    """A listen address is a host, or none, and a port."""
    assert parse_listen_address(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "has no port", id="empty"),
        pytest.param("localhost", "has no port", id="no-port"),
        pytest.param("10520", "has no port", id="port-without-colon"),
        pytest.param("localhost:", "a number from 0 to 65535", id="empty-port"),
        pytest.param(":65536", "a number from 0 to 65535", id="port-too-high"),
        pytest.param(":-1", "a number from 0 to 65535", id="port-negative"),
        pytest.param(":http", "a number from 0 to 65535", id="port-by-name"),
        pytest.param(": 80", "a number from 0 to 65535", id="blank"),
        pytest.param(":\u0661\u0662", "a number from 0 to 65535", id="foreign-digits"),
        pytest.param(":80\n", "a number from 0 to 65535", id="newline"),
        pytest.param("::1:9", "in brackets", id="ipv6-without-brackets"),
        pytest.param("[::1:9", "in brackets", id="half-bracketed"),
        pytest.param("[::g]:9", "Only hex digits permitted", id="not-ipv6"),
        pytest.param("[127.0.0.1]:9", "At least 3 parts expected", id="ipv4-in-brackets"),
        pytest.param("256.0.0.1:9", "not permitted", id="not-ipv4"),
        pytest.param("http://localhost:9", "in brackets", id="url"),
        pytest.param("local host:9", "neither an IP address nor a host name", id="blank-in-name"),
        pytest.param("a..b:9", "neither an IP address nor a host name", id="empty-label"),
        pytest.param("a" * 64 + ":9", "neither an IP address nor a host name", id="label-too-long"),
    ],
)
def test_bad_listen_address(text: str, problem: str) -> None:
    """What is no listen address is refused in words that show it, before anything is opened."""
    with pytest.raises(ValueError, match=problem) as refused:
        WebServer(hello, listen_address=text, log=RecordingLog())
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("listen_address", ["127.0.0.1:0", "localhost:0"])
def test_serving(listen_address: str) -> None:
    """From start on the server answers at the address it tells, and after the end of the block no more."""
    with WebServer(hello, listen_address=listen_address, log=RecordingLog()) as server:
        assert re.fullmatch(r"(127\.0\.0\.1|\[::1\]):[1-9][0-9]*", server.address)
        assert get(server.address) == b"hello"
    with pytest.raises(ConnectionRefusedError):
        get(server.address)


def test_every_address() -> None:
    """`:PORT` listens on IPv4, and says that it listens on IPv6 too where the machine has it."""
    with WebServer(hello, listen_address=":0", log=RecordingLog()) as server:
        port = server.address.rpartition(":")[2]
        assert get(f"127.0.0.1:{port}") == b"hello"
        assert server.address == (f"[::]:{port}" if socket.has_dualstack_ipv6() else f"0.0.0.0:{port}")


def ipv6_loopback() -> bool:
    """Whether ::1 is there; containers often have the protocol without the address."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not ipv6_loopback(), reason="this machine has no ::1")
def test_every_address_of_ipv6() -> None:
    """`:PORT` listens on IPv6 too."""
    with WebServer(hello, listen_address=":0", log=RecordingLog()) as server:
        port = server.address.rpartition(":")[2]
        assert get(f"[::1]:{port}") == b"hello"


def test_address_taken() -> None:
    """A taken address is an OSError that carries the address, and leaves its holder alone."""
    with WebServer(hello, listen_address="127.0.0.1:0", log=RecordingLog()) as holder:
        late = WebServer(hello, listen_address=holder.address, log=RecordingLog())
        with pytest.raises(OSError, match="cannot listen") as refused:
            late.start()
        assert (refused.value.errno, refused.value.filename) == (errno.EADDRINUSE, holder.address)
        late.stop()
        assert get(holder.address) == b"hello"


def test_address_of_another_machine() -> None:
    """An address that this machine does not have is an OSError that carries it."""
    # 192.0.2.0/24 is set aside for documentation, no machine has it.
    with pytest.raises(OSError, match="cannot listen") as refused:
        WebServer(hello, listen_address="192.0.2.1:0", log=RecordingLog()).start()
    assert (refused.value.errno, refused.value.filename) == (errno.EADDRNOTAVAIL, "192.0.2.1:0")


def test_no_address_before_start() -> None:
    """A server that was not started has no address and can be stopped."""
    server = WebServer(hello, listen_address="127.0.0.1:0", log=RecordingLog())
    server.stop()
    with pytest.raises(RuntimeError, match="no address"):
        _ = server.address


def test_once_only() -> None:
    """A server is started once; stopping it twice does no harm."""
    with WebServer(hello, listen_address="127.0.0.1:0", log=RecordingLog()) as server:
        with pytest.raises(RuntimeError, match="started before"):
            server.start()
        server.stop()
        server.stop()


def test_failure_in_the_thread() -> None:
    """What keeps the server from running is raised by start, and the address is free again."""

    class Misconfigured(WebServer):
        def _configuration(self) -> uvicorn.Config:
            return uvicorn.Config(hello, http="no_such_module:Protocol", log_config=None)

    server = Misconfigured(hello, listen_address="127.0.0.1:0", log=RecordingLog())
    with pytest.raises(ImportFromStringError, match="no_such_module"):
        server.start()
    with pytest.raises(ConnectionRefusedError):
        get(server.address)


@pytest.mark.parametrize("filler", [pytest.param(b"a: b\r\n", id="lines"), pytest.param(b"a" * 64, id="one value")])
def test_a_request_head_without_end_is_cut_off(filler: bytes) -> None:
    """A client that sends headers for ever is answered 400 and closed after 64 KiB; others are answered meanwhile."""
    with WebServer(hello, listen_address="127.0.0.1:0", log=RecordingLog()) as server:
        host, _, port = server.address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=WAIT_S) as endless:
            endless.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nlong: ")
            sent = 0
            with suppress(OSError):  # the server has closed
                while sent < 64 * 1024 * 1024:
                    sent += endless.send(filler * 100)
            assert sent < 16 * 1024 * 1024  # what the system's own buffers take
            assert get(server.address) == b"hello"


def test_large_heads_one_after_the_other_are_answered() -> None:
    """The limit is for each request, not for the connection."""
    with (
        WebServer(hello, listen_address="127.0.0.1:0", log=RecordingLog()) as server,
        closing(HTTPConnection(server.address, timeout=WAIT_S)) as connection,
    ):
        for _ in range(4):
            connection.request("GET", "/", headers={"long": "a" * 40_000})
            assert connection.getresponse().read() == b"hello"


def test_a_server_whose_loop_is_stuck_calls_nothing(release: threading.Event) -> None:
    """The caller does not wait for that; a server that has stopped calls nothing, too."""
    stuck, before, meanwhile, after = (threading.Event() for _ in range(4))

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        stuck.set()
        release.wait()

    with WebServer(app, listen_address="127.0.0.1:0", log=RecordingLog()) as server:
        server.call(before.set)
        assert before.wait(WAIT_S)
        with closing(HTTPConnection(server.address, timeout=WAIT_S)) as connection:
            connection.request("GET", "/")
            assert stuck.wait(WAIT_S)
            server.call(meanwhile.set)
            assert not meanwhile.wait(0.01)
            release.set()
            assert meanwhile.wait(WAIT_S)
    server.call(after.set)
    assert not after.is_set()
