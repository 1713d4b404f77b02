"""Servers on 127.0.0.1, and ways to talk to them."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from http.client import HTTPConnection, HTTPMessage
from typing import Any

import pytest

from exporter.metrics.page import ExpositionFormat
from exporter.web.app import create_app
from exporter.web.server import WebServer
from exporter.web.status_page import StatusPage
from exporter.web.threads import WebThreads
from tests.recording_log import RecordingLog
from tests.report.records import report
from tests.web.browser import Browser, chromium

WAIT_S = 10


class Pages:
    """An exposition with a fixed page for each format."""

    small = False

    def page(self, exposition_format: ExpositionFormat) -> Iterator[bytes]:
        """The format by its name."""
        yield b"# a page as "
        yield exposition_format.value.encode()
        yield b"\n"


def start(running: ExitStack, **parts: Any) -> WebServer:
    page = StatusPage(version="1.2.3", telemetry_path="/metrics", report=report({}), ready=True)
    plain = {
        "exposition": Pages(),
        "telemetry_path": "/metrics",
        "ready": lambda: True,
        "status": lambda: page,
        "status_json": lambda: '{"services": []}',
        "log": RecordingLog(),
    }
    config_file = parts.pop("config_file", None)
    threads = WebThreads()
    if reload := parts.pop("reload", None):
        parts["reload"] = partial(threads.reloads.submit, reload)
    app = create_app(**{**plain, "pages": threads.pages, **parts})
    server = WebServer(
        app,
        listen_address="127.0.0.1:0",
        config_file=config_file,
        threads=threads,
        log=parts.get("log", RecordingLog()),
    )
    return running.enter_context(server)


@pytest.fixture
def serve() -> Iterator[Callable[..., WebServer]]:
    """Starts a server whose application has the given parts, and plain ones for those not given."""
    with ExitStack() as running:
        yield partial(start, running)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Set at the end, so that no worker thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(scope="session")
def browser(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all tests."""
    with chromium(tool("chromium"), tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture(scope="session")
def site() -> Iterator[WebServer]:
    """A server of plain parts, for every test that leaves it as it was."""
    with ExitStack() as running:
        yield start(running)


@pytest.fixture(scope="session")
def ask() -> Callable[..., tuple[int, HTTPMessage, bytes]]:
    """Sends one request on a connection of its own; status, headers and body come back."""

    def send(
        server: WebServer, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, HTTPMessage, bytes]:
        with closing(HTTPConnection(server.address, timeout=WAIT_S)) as connection:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    return send


@pytest.fixture(scope="session")
def connect() -> Callable[[WebServer], socket.socket]:
    """Opens a plain connection; the caller closes it."""

    def dial(server: WebServer) -> socket.socket:
        host, _, port = server.address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=WAIT_S)

    return dial


@pytest.fixture(scope="session")
def exchange(connect: Callable[[WebServer], socket.socket]) -> Callable[[WebServer, bytes], bytes]:
    """Sends these bytes and returns every byte that comes until the server closes."""

    def send(server: WebServer, request: bytes) -> bytes:
        with connect(server) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    return send
