"""The end of the server, whatever it is in the middle of."""

import base64
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import bcrypt
import pytest

from exporter.web.connections import Phase
from exporter.web.server import WebServer
from tests.recording_log import RecordingLog
from tests.waiting import soon
from tests.web.test_server import get, hello

WAIT_S = 10


def stop_within_limit(server: WebServer, log: RecordingLog, caplog: pytest.LogCaptureFixture) -> None:
    """Stops the server, which has nothing to log; a stop that hangs fails the test instead of the run."""
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    stopping.join(WAIT_S)
    assert not stopping.is_alive()
    assert (log.lines, caplog.records) == ([], [])
    with pytest.raises(ConnectionRefusedError):
        get(server.address)


def test_stop_with_idle_clients(caplog: pytest.LogCaptureFixture) -> None:
    """Clients that said nothing, half a request, or are between two requests do not hold up the stop."""
    log = RecordingLog()
    server = WebServer(hello, listen_address="127.0.0.1:0", log=log)
    server.start()
    with (
        socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as silent,
        socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as halfway,
        closing(HTTPConnection(server.address, timeout=WAIT_S)) as waiting,
    ):
        silent.settimeout(WAIT_S)
        halfway.settimeout(WAIT_S)
        halfway.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nAcc")
        waiting.request("GET", "/")
        assert waiting.getresponse().read() == b"hello"
        stop_within_limit(server, log, caplog)
        assert (silent.recv(1), halfway.recv(1)) == (b"", b"")


def test_stop_while_a_page_is_made(
    serve: Callable[..., WebServer], release: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    """A page whose making hangs does not hold up the stop."""
    begun = threading.Event()

    class Hanging:
        small = False

        def page(self, _exposition_format: object) -> list[bytes]:
            begun.set()
            release.wait()
            return []

    log = RecordingLog()
    server = serve(exposition=Hanging(), log=log)
    with closing(HTTPConnection(server.address, timeout=WAIT_S)) as connection:
        connection.request("GET", "/metrics")
        assert begun.wait(WAIT_S)
        stop_within_limit(server, log, caplog)


def test_stop_while_a_page_is_sent(serve: Callable[..., WebServer], caplog: pytest.LogCaptureFixture) -> None:
    """A reader that stopped reading in the middle of the page does not hold up the stop."""
    block = bytes(256 * 1024)

    class Endless:
        small = False

        def page(self, _exposition_format: object) -> list[bytes]:
            return [block] * 400

    log = RecordingLog()
    server = serve(exposition=Endless(), log=log)
    with closing(HTTPConnection(server.address, timeout=WAIT_S)) as connection:
        connection.request("GET", "/metrics")
        assert connection.getresponse().read(1) == b"\0"
        stop_within_limit(server, log, caplog)


def test_stop_in_a_reload(serve: Callable[..., WebServer], caplog: pytest.LogCaptureFixture) -> None:
    """It is broken off; requests that wait for it, or for the one behind it, get 503."""
    begun = threading.Event()

    def reload() -> None:
        begun.set()
        while True:
            pass

    log = RecordingLog()
    server = serve(reload=reload, log=log)
    with ExitStack() as opened:
        waiting = [opened.enter_context(closing(HTTPConnection(server.address, timeout=WAIT_S))) for _ in range(2)]
        for connection in waiting:
            connection.request("POST", "/-/reload")
            assert begun.wait(WAIT_S)
        assert soon(lambda: [each.phase for each in server._connections._all] == [Phase.ANSWER] * 2)
        stop_within_limit(server, log, caplog)
        for connection in waiting:
            response = connection.getresponse()
            assert (response.status, response.read()) == (503, b"dcdn-exporter is stopping.\n")


def test_stop_while_a_password_is_checked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It holds up nothing, though it cannot be broken off."""
    file = tmp_path / "web.yaml"
    file.write_text(f"basic_auth_users: {{alice: {bcrypt.hashpw(b'one', bcrypt.gensalt(12)).decode()}}}")
    log = RecordingLog()
    server = WebServer(hello, listen_address="127.0.0.1:0", config_file=file, log=log)
    server.start()
    with closing(HTTPConnection(server.address, timeout=WAIT_S)) as connection:
        for number in range(2):
            login = base64.b64encode(b"alice:%d" % number).decode()
            connection.request("GET", "/", headers={"Authorization": f"Basic {login}"})
            connection.close()
        connection.request("GET", "/", headers={"Authorization": "Basic YWxpY2U6b25l"})
        assert soon(lambda: len(server._connections) == 1)
        stop_within_limit(server, log, caplog)


def test_stop_lets_an_answer_finish(serve: Callable[..., WebServer], release: threading.Event) -> None:
    """An answer that is ready within the second of grace still arrives whole."""
    begun = threading.Event()

    class Slow:
        small = False

        def page(self, _exposition_format: object) -> list[bytes]:
            begun.set()
            release.wait()
            return [b"the page\n"]

    log = RecordingLog()
    server = serve(exposition=Slow(), log=log)
    with closing(HTTPConnection(server.address, timeout=WAIT_S)) as connection:
        connection.request("GET", "/metrics")
        assert begun.wait(WAIT_S)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        release.set()
        assert connection.getresponse().read() == b"the page\n"
        stopping.join(WAIT_S)
        assert not stopping.is_alive()
