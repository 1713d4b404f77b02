import asyncio
import gzip
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection, HTTPMessage
from itertools import repeat
from typing import Any, NoReturn

import pytest

from exporter.core.threads import FixedThreads
from exporter.metrics.page import ExpositionFormat
from exporter.web.app import create_app
from exporter.web.pieces import LARGE_PIECE_BYTES, PIECE_BYTES
from exporter.web.server import WebServer
from exporter.web.status_page import StatusPage
from tests.recording_log import RecordingLog
from tests.report.records import ACTIVE, record, report, service
from tests.waiting import soon
from tests.web.conftest import start

WAIT_S = 10
MANY = tuple(b'dcdn_poll_success{account="account-%05d"} 1\n' % number for number in range(5000))

Ask = Callable[..., tuple[int, HTTPMessage, bytes]]


class Blocks:
    """An exposition of the same blocks in both formats."""

    small = False

    def __init__(self, *blocks: bytes) -> None:
        self._blocks = blocks

    def page(self, _exposition_format: ExpositionFormat) -> tuple[bytes, ...]:
        """The blocks."""
        return self._blocks


@pytest.fixture(scope="module")
def large() -> Iterator[WebServer]:
    """A server whose page is streamed."""
    with ExitStack() as running:
        yield start(running, exposition=Blocks(*MANY))


class Failing:
    """An exposition that breaks after its first block."""

    small = False

    def page(self, _exposition_format: ExpositionFormat) -> Iterator[bytes]:
        """One block and an error."""
        yield b"# the first block\n"
        raise LookupError("the second block is lost")


class Held:
    """An exposition whose page is made only once it is let go."""

    small = False

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def page(self, _exposition_format: ExpositionFormat) -> list[bytes]:
        """Blocks until `let_go` is set."""
        self.begun.set()
        self.let_go.wait()
        return [b"at last\n"]


def told(headers: HTTPMessage) -> dict[str, str]:
    """The headers without the date, which no test can know."""
    return {name.lower(): value for name, value in headers.items() if name.lower() != "date"}


def test_metrics(site: WebServer, ask: Ask) -> None:
    """The metrics come as text, whole and not to be stored."""
    status, headers, body = ask(site, "/metrics")
    assert (status, body) == (200, b"# a page as text\n")
    assert told(headers) == {
        "cache-control": "no-store",
        "content-length": "17",
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
        "vary": "Accept, Accept-Encoding",
        "x-content-type-options": "nosniff",
    }


def test_openmetrics(site: WebServer, ask: Ask) -> None:
    """A client that names OpenMetrics gets it, and the content type says so."""
    status, headers, body = ask(site, "/metrics", headers={"Accept": "application/openmetrics-text;version=0.0.1"})
    assert (status, body) == (200, b"# a page as openmetrics\n")
    assert headers["Content-Type"] == "application/openmetrics-text; version=0.0.1; charset=utf-8"


def test_accept_in_two_lines(site: WebServer, exchange: Callable[[WebServer, bytes], bytes]) -> None:
    """Header lines of the same name are one list."""
    reply = exchange(
        site,
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        b"Accept: text/plain;q=0.5\r\nAccept: application/openmetrics-text\r\n"
        b"Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n",
    )
    assert b"content-type: application/openmetrics-text; version=1.0.0" in reply
    assert b"content-encoding: gzip" in reply


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param((), id="empty"),
        pytest.param((b"one\n", b"two\n"), id="small"),
        pytest.param(MANY, id="many-small-blocks"),
        pytest.param((b"a" * 3_000_000, b"b" * 70_000, b"c"), id="large-blocks"),
    ],
)
def test_same_page_either_way(serve: Callable[..., WebServer], blocks: tuple[bytes, ...]) -> None:
    """The page is its blocks end to end, compressed or not, and one connection serves scrape after scrape."""
    page = b"".join(blocks)
    with closing(HTTPConnection(serve(exposition=Blocks(*blocks)).address, timeout=WAIT_S)) as connection:
        for accept_encoding in ("identity", "gzip", "gzip", "identity"):
            connection.request("GET", "/metrics", headers={"Accept-Encoding": accept_encoding})
            response = connection.getresponse()
            body = response.read()
            if accept_encoding == "gzip":
                assert response.headers["Content-Encoding"] == "gzip"
                assert gzip.decompress(body) == page
            else:
                assert response.headers["Content-Encoding"] is None
                assert response.headers["Content-Length"] == str(len(page))
                assert body == page


def test_http_1_0(large: WebServer, exchange: Callable[[WebServer, bytes], bytes]) -> None:
    """A client of HTTP/1.0, which knows no chunks, gets a large page plain and with its length."""
    reply = exchange(large, b"GET /metrics HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head
    assert b"chunked" not in head
    assert body == b"".join(MANY)


@pytest.mark.parametrize(
    "path",
    ["/", "/metrics", "/api/v1/status", "/-/healthy", "/-/ready", "/static/status.css", "/nowhere", "large page"],
)
def test_head(
    site: WebServer, large: WebServer, ask: Ask, exchange: Callable[[WebServer, bytes], bytes], path: str
) -> None:
    """HEAD has the status and the headers of GET, and nothing after them."""
    server, path = (large, "/metrics") if path == "large page" else (site, path)
    for encoding in ("identity", "gzip"):
        status, headers, _ = ask(server, path, headers={"Accept-Encoding": encoding})
        head_status, head_headers, _ = ask(server, path, "HEAD", headers={"Accept-Encoding": encoding})
        expected = told(headers)
        expected.pop("transfer-encoding", None)
        assert (head_status, told(head_headers)) == (status, expected)
        head = f"HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept-Encoding: {encoding}\r\n\r\n"
        reply = exchange(server, head.encode())
        assert reply.endswith(b"\r\n\r\n")
        assert reply.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metrics",
        "/api/v1/status",
        "/-/healthy",
        "/-/ready",
        "/static/status.css",
        "/static/status.js",
        "/static/icon.svg",
    ],
)
def test_other_methods(site: WebServer, ask: Ask, path: str) -> None:
    """Only GET and HEAD are possible, and the refusal says so."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        status, headers, body = ask(site, path, method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        assert body.decode() == f"{method} is not possible here, GET or HEAD is.\n"
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_unknown_path(serve: Callable[..., WebServer], ask: Ask) -> None:
    """The answer for an unknown path lists those that exist, in plain text and without a redirect."""
    server = serve(telemetry_path="/probe")
    for path in (
        "/metrics",
        "/probe/",
        "/-/ready/",
        "/-/healthy/x",
        "/static/",
        "/static/../app.py",
        "//probe",
        "/PROBE",
    ):
        status, headers, body = ask(server, path)
        assert (status, body) == (404, b"There is nothing here. Try /, /probe, /-/healthy or /-/ready.\n")
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v1/status", "/-/healthy", "/-/ready"])
def test_query_is_ignored(site: WebServer, ask: Ask, path: str) -> None:
    """A query changes nothing."""
    assert ask(site, f"{path}?name[]=up&%00")[::2] == ask(site, path)[::2]


def test_health_and_readiness(serve: Callable[..., WebServer], ask: Ask) -> None:
    """The process is healthy from the start, and ready from when it says so."""
    polled = threading.Event()
    server = serve(ready=polled.is_set)
    assert ask(server, "/-/healthy")[::2] == (200, b"dcdn-exporter is healthy.\n")
    assert ask(server, "/-/ready")[::2] == (503, b"dcdn-exporter is not ready: the first polls have not finished.\n")
    polled.set()
    assert ask(server, "/-/ready")[::2] == (200, b"dcdn-exporter is ready.\n")


def test_reload(serve: Callable[..., WebServer], ask: Ask) -> None:
    """A POST or a PUT reloads, and says what came of it."""
    outcomes: list[str | None] = [None, "config.yaml:3: poll.interval: seen soon"]
    server = serve(reload=lambda: outcomes.pop(0))
    assert ask(server, "/-/reload", "POST")[::2] == (200, b"The configuration was reloaded.\n")
    status, headers, body = ask(server, "/-/reload", "PUT")
    assert (status, headers["Content-Type"]) == (500, "text/plain; charset=utf-8")
    assert body == b"The configuration was not reloaded: config.yaml:3: poll.interval: seen soon\n"
    assert outcomes == []


def test_reload_is_forbidden_unless_allowed(site: WebServer, serve: Callable[..., WebServer], ask: Ask) -> None:
    """Without the lifecycle a POST or PUT is a 403; nothing else reloads either way."""
    for method in ("POST", "PUT"):
        status, _, body = ask(site, "/-/reload", method)
        assert (status, b"--web.enable-lifecycle" in body) == (403, True)
    for server in (site, serve(reload=lambda: pytest.fail("reloaded"))):
        for method in ("GET", "HEAD", "DELETE"):
            status, headers, _ = ask(server, "/-/reload", method)
            assert (status, headers["Allow"]) == (405, "POST, PUT")


def test_status_page(serve: Callable[..., WebServer], ask: Ask) -> None:
    """The page is HTML that may load its stylesheet, script and icon and nothing else, and they are there."""
    shown = report({service("<i>\ud800", "cdn"): record(ACTIVE)})
    page = StatusPage(version="1.2.3", telemetry_path="/metrics", report=shown, ready=True)
    server = serve(status=lambda: page)
    status, headers, body = ask(server, "/")
    assert status == 200
    assert "<bdi>&lt;i&gt;?</bdi>" in body.decode()
    assert told(headers) == {
        "cache-control": "no-store",
        "content-language": "en",
        "content-length": str(len(body)),
        "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        "content-type": "text/html; charset=utf-8",
        "referrer-policy": "no-referrer",
        "vary": "Accept-Language",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
    links = re.findall(r'(?:href|src)="\.(/[^"]*)"', body.decode())
    assert [ask(server, link)[0] for link in links] == [200] * 7
    assert ask(server, links[1])[1]["Content-Type"] == "text/css; charset=utf-8"
    assert ask(server, links[2])[1]["Content-Type"] == "text/javascript; charset=utf-8"
    assert b"<bdi>" not in ask(server, "/?filter=nobody&sort=age")[2].partition(b"<tbody")[2]


@pytest.mark.parametrize(
    ("header", "language", "word"),
    [
        pytest.param({}, "en", "Billing", id="none"),
        pytest.param({"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}, "zh-CN", "计费", id="Chinese"),
        pytest.param({"Accept-Language": "en-US,en;q=0.9,zh;q=0.8"}, "en", "Billing", id="English"),
    ],
)
def test_the_status_page_is_in_the_language_of_the_browser(
    serve: Callable[..., WebServer], ask: Ask, header: dict[str, str], language: str, word: str
) -> None:
    """It says so where programs read it: in a header and in the document."""
    page = StatusPage("1.2.3", "/metrics", report({service("prod"): record(ACTIVE)}), ready=True)
    _, headers, body = ask(serve(status=lambda: page), "/", headers=header)

    assert (headers["Content-Language"], headers["Vary"]) == (language, "Accept-Language")
    assert f'<html lang="{language}">' in body.decode()
    assert word in body.decode()


def test_only_the_status_page_is_in_another_language(site: WebServer, ask: Ask) -> None:
    """Programs read the rest."""
    paths = ("/metrics", "/api/v1/status", "/-/healthy", "/-/ready", "/nowhere")
    chinese = {"Accept-Language": "zh"}

    assert [ask(site, path)[2] for path in paths] == [ask(site, path, headers=chinese)[2] for path in paths]


def test_status_document(serve: Callable[..., WebServer], ask: Ask) -> None:
    """The status as JSON comes as it is now, and is not to be stored."""
    server = serve(status_json=iter(['{"at": 1}', '{"at": 2}']).__next__)
    assert ask(server, "/api/v1/status")[2] == b'{"at": 1}'
    status, headers, body = ask(server, "/api/v1/status")
    assert (status, body) == (200, b'{"at": 2}')
    assert told(headers) == {
        "cache-control": "no-store",
        "content-length": "9",
        "content-type": "application/json",
        "x-content-type-options": "nosniff",
    }


def test_telemetry_path(serve: Callable[..., WebServer], ask: Ask) -> None:
    """The metrics are where the user wants them, even in place of the page."""
    assert ask(serve(telemetry_path="/a/b-c.d"), "/a/b-c.d")[2] == b"# a page as text\n"


@pytest.mark.parametrize(
    "telemetry_path",
    ["", "metrics", "/{name:no}", "/m?x", "/m#x", "/%6d", "/a b", "/", "/-/ready", "/static/x", "/api/v1/status"],
)
def test_bad_telemetry_path(telemetry_path: str) -> None:
    """A telemetry path that no request could meet, or where something else is, is refused."""
    page = StatusPage(version="1.2.3", telemetry_path="/metrics", report=report({}), ready=True)
    with pytest.raises(ValueError, match="telemetry path") as refused:
        create_app(
            exposition=Blocks(),
            telemetry_path=telemetry_path,
            ready=bool,
            status=lambda: page,
            status_json=str,
            pages=FixedThreads(2, name="page"),
            log=RecordingLog(),
        )
    assert repr(telemetry_path) in str(refused.value)


def test_polls_that_stand_still_are_not_healthy(serve: Callable[..., WebServer], ask: Ask) -> None:
    """Then a restart may help; once they go on, all is well again. Other pages do not change."""
    seconds: list[float | None] = [None, 312.4, None]
    server = serve(standstill_s=lambda: seconds[0])
    seen = []
    while seconds:
        seen.append(ask(server, "/-/healthy")[::2])
        assert ask(server, "/metrics")[0] == 200
        seconds.pop(0)

    healthy = (200, b"dcdn-exporter is healthy.\n")
    unhealthy = (503, b"dcdn-exporter is not healthy: polls are due, and none has ended for 312 s.\n")
    assert seen == [healthy, unhealthy, healthy]


def test_broken_exposition(serve: Callable[..., WebServer], ask: Ask) -> None:
    """A page that breaks while it is made is a clean 500, and the log says what happened."""
    log = RecordingLog()
    server = serve(exposition=Failing(), log=log)
    for encoding in ("identity", "gzip"):
        status, headers, body = ask(server, "/metrics", headers={"Accept-Encoding": encoding})
        assert (status, body) == (500, b"This page could not be written; the log of dcdn-exporter says why.\n")
        assert told(headers) == {
            "content-length": str(len(body)),
            "content-type": "text/plain; charset=utf-8",
            "x-content-type-options": "nosniff",
        }
        level, event, fields = log.lines.pop()
        assert (level, event, fields["path"], log.lines) == (logging.ERROR, "page failed", "/metrics", [])
        assert fields["error"] == "LookupError"


def test_broken_status(serve: Callable[..., WebServer], ask: Ask) -> None:
    """A status that cannot be told leaves the metrics alone."""

    def status() -> NoReturn:
        raise LookupError("no status")

    log = RecordingLog()
    server = serve(status=status, log=log)
    assert ask(server, "/")[0] == 500
    assert [(event, fields["path"]) for event, fields in log.above_debug()] == [("page failed", "/")]
    assert ask(server, "/metrics")[0] == 200


async def sent(exposition: Any, *, scheme: str = "http", path: str = "/metrics") -> list[int]:
    """The application's answer, as the sizes of the pieces that it hands to the server."""
    names = {service(f"{number}" + "a" * 30_000): record(ACTIVE) for number in range(100)}
    app = create_app(
        exposition=exposition,
        telemetry_path="/metrics",
        ready=lambda: True,
        status=lambda: StatusPage(version="1", telemetry_path="/metrics", report=report(names), ready=True),
        status_json=lambda: f'"{"a" * 2_000_000}"',
        pages=ThreadPoolExecutor(2),
        log=RecordingLog(),
    )
    sizes: list[int] = []

    async def send(message: Any) -> None:
        sizes.append(len(message.get("body", b"")))

    async def stay() -> Any:
        await asyncio.Event().wait()

    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": path, "query_string": b""}
    await app({**scope, "headers": [], "scheme": scheme}, stay, send)
    return sizes


@pytest.mark.parametrize("path", ["/metrics", "/", "/api/v1/status"])
@pytest.mark.parametrize(("scheme", "largest"), [("http", LARGE_PIECE_BYTES), ("https", PIECE_BYTES)])
def test_pieces_of_a_large_page(scheme: str, largest: int, path: str) -> None:
    """Each costs its way, and with TLS memory in several copies for a reader that stops."""
    assert max(asyncio.run(sent(Blocks(bytes(2 * 1024 * 1024)), scheme=scheme, path=path))) == largest


def test_the_time_to_read_begins_anew_with_each_piece(
    serve: Callable[..., WebServer], connect: Callable[[WebServer], socket.socket]
) -> None:
    """A slow client that reads all the time gets the whole document, however large that is."""
    size = 32 * 1024 * 1024  # far more than the system keeps for a connection
    server = serve(status_json=lambda: "a" * size)
    with connect(server) as reader:
        reader.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        taken = len(reader.recv(1))
        (held,) = server._connections._all
        assert soon(lambda: held._stalled is not None)
        times, before = 0, held._stalled
        while piece := reader.recv(65536):
            taken += len(piece)
            times, before = times + (held._stalled is not before), held._stalled
    assert taken > size
    assert times > 4


@pytest.mark.parametrize("small", [True, False])
def test_only_a_small_page_is_made_on_the_event_loop(small: bool) -> None:  # noqa: FBT001 - a row's fact
    """The way to another thread costs more than a small page, and a large one would hold up everybody else."""

    class Noted(Blocks):
        def page(self, exposition_format: ExpositionFormat) -> tuple[bytes, ...]:
            threads.append(threading.current_thread())
            return super().page(exposition_format)

    threads: list[threading.Thread] = []
    exposition = Noted(b"page\n")
    exposition.small = small
    asyncio.run(sent(exposition))

    assert [thread is threading.current_thread() for thread in threads] == [small]


def test_health_while_a_page_is_made(serve: Callable[..., WebServer], ask: Ask) -> None:
    """A page that takes long holds up nobody else."""
    held = Held()
    server = serve(exposition=held)
    with closing(HTTPConnection(server.address, timeout=WAIT_S)) as connection:
        connection.request("GET", "/metrics")
        try:
            assert held.begun.wait(WAIT_S)
            assert ask(server, "/-/healthy")[0] == 200
        finally:
            held.let_go.set()
        assert connection.getresponse().read() == b"at last\n"


def test_slow_and_idle_clients(
    serve: Callable[..., WebServer], ask: Ask, connect: Callable[[WebServer], socket.socket]
) -> None:
    """Fifty clients that are slow to ask, silent, or slow to read do not keep the fifty-first from its page."""
    server = serve(exposition=Blocks(*MANY))
    openings = (b"", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Slow: ", b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    with ExitStack() as connections:
        for number in range(50):
            connection = connections.enter_context(connect(server))
            connection.sendall(openings[number % len(openings)])
        assert ask(server, "/metrics")[::2] == (200, b"".join(MANY))


def test_reader_that_stops(
    serve: Callable[..., WebServer], ask: Ask, connect: Callable[[WebServer], socket.socket]
) -> None:
    """For a reader that stopped reading the server holds a piece of the page, not the page."""
    server = serve(exposition=Blocks(*repeat(bytes(256 * 1024), 200)))
    with connect(server) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(1) == b"H"
        for _ in range(5):
            assert ask(server, "/-/healthy")[0] == 200  # the event loop had its turns meanwhile
        assert server._server is not None
        held = [reader.transport.get_write_buffer_size() for reader in server._server.server_state.connections]
        assert 0 < max(held) < 1024 * 1024


def test_reader_that_leaves(
    serve: Callable[..., WebServer],
    ask: Ask,
    connect: Callable[[WebServer], socket.socket],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A client that leaves in the middle of its page disturbs nobody, and leaves nothing in the log."""
    log = RecordingLog()
    server = serve(exposition=Blocks(*repeat(bytes(256 * 1024), 200)), log=log)
    for header in (b"", b"Accept-Encoding: gzip\r\n"):
        with connect(server) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n")
            assert connection.recv(1) == b"H"
    assert len(ask(server, "/metrics")[2]) == 200 * 256 * 1024
    server.stop()
    assert (log.lines, caplog.records) == ([], [])


GET = b"GET /metrics HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /-/reload HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"garbage\r\n\r\n", id="garbage"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="tls"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="http-2"),
        pytest.param(b"GET /metrics HTTP/9.9\r\nHost: a\r\n\r\n", id="version"),
        pytest.param(b"GET /metrics HTTX/1.1\r\nHost: a\r\n\r\n", id="protocol"),
        pytest.param(b"GET /metrics\r\n\r\n", id="http-0.9"),
        pytest.param(b"GET  HTTP/1.1\r\nHost: a\r\n\r\n", id="no-path"),
        pytest.param(b"GET metrics HTTP/1.1\r\nHost: a\r\n\r\n", id="path-without-slash"),
        pytest.param(b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", id="blank-in-path"),
        pytest.param(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", id="path-not-ascii"),
        pytest.param(b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", id="nul-in-path"),
        pytest.param(b"GET http:///metrics HTTP/1.1\r\nHost: a\r\n\r\n", id="url-without-host"),
        pytest.param(b"G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n", id="nul-in-method"),
        pytest.param(b"DANCE / HTTP/1.1\r\nHost: a\r\n\r\n", id="unknown-method"),
        pytest.param(b"get / HTTP/1.1\r\nHost: a\r\n\r\n", id="method-in-small-letters"),
        pytest.param(b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", id="connect"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", id="asterisk"),
        pytest.param(b"GET /metrics HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(GET + b"Host: b\r\n\r\n", id="two-hosts"),
        pytest.param(GET + b"A\x00b: c\r\n\r\n", id="nul-in-a-name"),
        pytest.param(GET + b"A: b\x00c\r\n\r\n", id="nul-in-a-value"),
        pytest.param(GET + b"A : b\r\n\r\n", id="blank-before-the-colon"),
        pytest.param(GET + b": b\r\n\r\n", id="no-name"),
        pytest.param(GET + b"no colon\r\n\r\n", id="no-colon"),
        pytest.param(GET + b"A: b\r\n folded\r\n\r\n", id="folded-line"),
        pytest.param(GET + b"A: b\rC: d\r\n\r\n", id="carriage-return-alone"),
        pytest.param(GET + b"A: " + b"b" * 70_000 + b"\r\n\r\n", id="large-head"),
        pytest.param(GET + b"A: b\r\n" * 101 + b"\r\n", id="many-lines"),
        pytest.param(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", id="large-path"),
        pytest.param(GET + b"Content-Length: -1\r\n\r\n", id="negative-length"),
        pytest.param(GET + b"Content-Length: 1e3\r\n\r\n", id="length-no-number"),
        pytest.param(GET + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", id="astronomical-length"),
        pytest.param(POST + b"Content-Length: 70000\r\n\r\n", id="large-body"),
        pytest.param(GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", id="two-lengths"),
        pytest.param(GET + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="both"),
        pytest.param(GET + b"Transfer-Encoding: gzip\r\n\r\n", id="unknown-coding"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", id="chunk-size"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 20 + b"\r\n", id="huge-chunk"),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"a" * 4096 + b"\r\n" * 1 + b"10000\r\n"
            + b"a" * 65536 + b"\r\n0\r\n\r\n",
            id="large-body-in-chunks",
        ),
    ],
)  # fmt: skip
def test_malformed_request(
    site: WebServer,
    ask: Ask,
    connect: Callable[[WebServer], socket.socket],
    caplog: pytest.LogCaptureFixture,
    request_bytes: bytes,
) -> None:
    """What is no request is refused or its connection closed, without a word in the log; the next one is answered."""
    reply = b""
    with connect(site) as connection, suppress(OSError):  # reset, where more comes than is read
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            reply += piece
    assert re.match(rb"HTTP/1\.1 4\d\d |$", reply)
    assert not reply or b"x-content-type-options: nosniff" in reply.lower()
    assert ask(site, "/metrics")[0] == 200
    assert caplog.records == []


def test_a_flood_of_requests_on_one_connection(
    site: WebServer, ask: Ask, connect: Callable[[WebServer], socket.socket]
) -> None:
    """Requests that wait for the answers before theirs are few: more of them end the connection."""
    with connect(site) as connection, suppress(OSError):  # it may be gone at any point
        connection.sendall((GET + b"\r\n") * 5000)
        connection.shutdown(socket.SHUT_WR)
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
        assert reply.count(b"HTTP/1.1 200 ") < 5000
    assert ask(site, "/metrics")[0] == 200


def test_a_few_requests_at_once(site: WebServer, exchange: Callable[[WebServer, bytes], bytes]) -> None:
    """Requests sent without waiting for answers are answered in their order."""
    paths = (b"/-/healthy", b"/metrics", b"/nowhere")
    heads = [b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" for path in paths]
    reply = exchange(site, heads[0] + b"\r\n" + heads[1] + b"\r\n" + heads[2] + b"Connection: close\r\n\r\n")
    assert [line.split()[1] for line in reply.splitlines() if line.startswith(b"HTTP/1.1 ")] == [
        b"200",
        b"200",
        b"404",
    ]


@pytest.mark.parametrize("name", ["Accept", "Accept-Encoding"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("a/b;q=" + "9" * 10_000, id="10-kB"),
        pytest.param("," * 10_000, id="commas"),
        pytest.param(";=" * 5_000, id="parameters"),
        pytest.param("\xff\xfe*/*;q=\xb2", id="latin-1"),
    ],
)
def test_hostile_header(site: WebServer, ask: Ask, name: str, value: str) -> None:
    """A header that means nothing gets the plain text."""
    status, headers, body = ask(site, "/metrics", headers={name: value})
    assert (status, body) == (200, b"# a page as text\n")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
