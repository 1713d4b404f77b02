"""Many who load the page of all accounts at once."""

import select
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPMessage

import pytest

from exporter.metrics.page import ExpositionFormat
from exporter.web.server import WebServer
from exporter.web.status_page import StatusPage
from tests.report.records import report
from tests.waiting import soon
from tests.web.test_pieces import BLOCK_BYTES, Block

WAIT_S = 10
AT_ONCE = 45  # more than there are threads
TAKEN = 33  # one is made, and 32 wait

Ask = Callable[..., tuple[int, HTTPMessage, bytes]]


def status_code(connection: socket.socket) -> int:
    with connection.makefile("rb") as answer:
        return int(answer.readline().split()[1])


@pytest.mark.parametrize("path", ["/", "/api/v1/status"])
def test_scrapes_do_not_wait_for_those_who_load_the_page(
    serve: Callable[..., WebServer], ask: Ask, connect: Callable[[WebServer], socket.socket], path: str
) -> None:
    """One page is made at a time, 32 wait, and the others get 503; all the while a scrape is answered."""
    let_go = threading.Event()
    begun: list[str] = []
    one_is_made = threading.Event()
    page = StatusPage(version="1.2.3", telemetry_path="/metrics", report=report({}), ready=True)

    def made(document: object) -> object:
        begun.append(path)
        one_is_made.set()
        assert let_go.wait(2 * WAIT_S)
        return document

    server = serve(status=lambda: made(page), status_json=lambda: made("{}"))
    with ExitStack() as opened:
        opened.callback(let_go.set)
        readers = [opened.enter_context(connect(server)) for _ in range(AT_ONCE)]
        for reader in readers:
            reader.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        refused: set[socket.socket] = set()
        while len(refused) < AT_ONCE - TAKEN:
            answered, _, _ = select.select([each for each in readers if each not in refused], (), (), WAIT_S)
            assert answered
            refused |= set(answered)
        assert ask(server, "/metrics")[0] == 200
        assert one_is_made.wait(WAIT_S)
        assert begun == [path]
        assert {status_code(reader) for reader in refused} == {503}
        let_go.set()
        codes = Counter(status_code(reader) for reader in readers if reader not in refused)
    assert codes == {200: TAKEN}


class NewEachTime:
    """An exposition whose pages have no block in common, as polls change all; none is drawn before it may be."""

    small = False

    def __init__(self) -> None:
        self.may_draw = threading.Event()
        self.alive: list[int] = []

    def page(self, _exposition_format: ExpositionFormat) -> list[bytes]:
        """A page of one block."""
        assert self.may_draw.wait(WAIT_S)
        self.alive.append(Block.alive)
        return [Block(bytes(BLOCK_BYTES))]


def test_pages_that_are_asked_for_together_are_not_in_memory_together(
    serve: Callable[..., WebServer], connect: Callable[[WebServer], socket.socket]
) -> None:
    """Each is compressed and sent before most of the others are drawn."""
    exposition = NewEachTime()
    server = serve(exposition=exposition)
    assert server._server is not None
    state = server._server.server_state
    with ExitStack() as opened:
        opened.callback(exposition.may_draw.set)
        scrapers = [opened.enter_context(connect(server)) for _ in range(AT_ONCE)]
        for scraper in scrapers:
            scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n")
        assert soon(lambda: len(state.tasks) == AT_ONCE)
        exposition.may_draw.set()
        assert {status_code(scraper) for scraper in scrapers} == {200}
        assert soon(lambda: not state.tasks)

    assert len(exposition.alive) == AT_ONCE
    assert max(exposition.alive) < AT_ONCE // 2
    assert Block.alive == 0
