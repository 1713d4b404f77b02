"""Asks for a page as Prometheus does, on a connection that is kept where the server keeps it, at little cost.

Nothing of the answer is decoded while it comes: what is measured is who sends.
"""

from __future__ import annotations

import gzip
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

TEXT = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
OPENMETRICS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
_BUFFER_BYTES = 1024 * 1024
_TIMEOUT_S = 60.0
_END_OF_HEAD = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Form:
    """In which form a page is asked for."""

    openmetrics: bool = False
    gzip: bool = False

    def __str__(self) -> str:
        return f"{'OpenMetrics' if self.openmetrics else 'text'}, {'gzip' if self.gzip else 'plain'}"


FORMS = tuple(Form(openmetrics=openmetrics, gzip=gzip) for openmetrics in (False, True) for gzip in (False, True))


@dataclass(frozen=True, slots=True)
class Scrape:
    """One answer: seconds from the request to its first byte and to its last, and its size as sent."""

    status: int
    first_byte_s: float
    total_s: float
    size: int


class Scraper:
    """Asks one server, from `with` to the end of it."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = host, int(port)
        self._socket: socket.socket | None = None
        self._buffer = bytearray(_BUFFER_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def scrape(self, form: Form | None = None, *, path: str = "/metrics") -> Scrape:
        """Ask, and forget what comes; ConnectionError unless it has come."""
        return _fine(self._ask(path, form or Form(), kept=None))

    def status(self, path: str) -> int:
        """The status of what is there, be it fine or not."""
        return self._ask(path, Form(), kept=None).status

    def page(self, form: Form | None = None, *, path: str = "/metrics") -> bytes:
        """Return the body as it was sent, out of its chunks."""
        kept = bytearray()
        _fine(self._ask(path, form or Form(), kept=kept))
        head, _, body = bytes(kept).partition(_END_OF_HEAD)
        return _joined(body) if _chunked(head) else body

    def text(self, form: Form | None = None, *, path: str = "/metrics") -> str:
        """Return the body as text."""
        body = self.page(form, path=path)
        return (gzip.decompress(body) if form is not None and form.gzip else body).decode()

    def _ask(self, path: str, form: Form, *, kept: bytearray | None) -> Scrape:
        accept = OPENMETRICS if form.openmetrics else TEXT
        encoding = "Accept-Encoding: gzip\r\n" if form.gzip else ""
        request = f"GET {path} HTTP/1.1\r\nHost: benchmark\r\nAccept: {accept}\r\n{encoding}\r\n".encode()
        head = b""
        began = time.perf_counter()
        if self._socket is not None:
            with suppress(ConnectionError):
                self._socket.sendall(request)
                head = bytes(self._receive())
        if not head:
            # There was no connection, or the server has closed it: it was not used for long.
            self._close()
            began = time.perf_counter()
            self._socket = socket.create_connection(self._address, timeout=_TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(request)
            head = bytes(self._receive())
        first_byte = time.perf_counter()
        while _END_OF_HEAD not in head:
            piece = self._receive()
            if not piece:
                message = f"the server closed before it answered {path}: {head!r}"
                raise ConnectionError(message)
            head += piece
        size = self._rest(head, kept)
        status = int(head.split(maxsplit=2)[1])
        return Scrape(status, first_byte - began, time.perf_counter() - began, size)

    def _rest(self, begun: bytes, kept: bytearray | None) -> int:
        """Read to the end of the answer; returns the bytes of its body, as they were sent."""
        if kept is not None:
            kept += begun
        head, _, body = begun.partition(_END_OF_HEAD)
        headers = _headers(head)
        length = headers.get(b"content-length")
        size, tail = len(body), body[-len(_LAST_CHUNK) :]
        closes = head.startswith(b"HTTP/1.0") or headers.get(b"connection", b"").lower() == b"close"
        while not (size >= int(length) if length is not None else _chunked(head) and tail == _LAST_CHUNK):
            piece = self._receive()
            if not piece:
                if length is None and not _chunked(head):
                    break
                message = f"the server closed in the middle of the answer, after {size} bytes"
                raise ConnectionError(message)
            size += len(piece)
            tail = (tail + bytes(piece[-len(_LAST_CHUNK) :]))[-len(_LAST_CHUNK) :]
            if kept is not None:
                kept += piece
        if closes:
            self._close()
        return size

    def _receive(self) -> memoryview:
        assert self._socket is not None
        count = self._socket.recv_into(self._buffer)
        return memoryview(self._buffer)[:count]

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _fine(scrape: Scrape) -> Scrape:
    if scrape.status != 200:
        message = f"the server answered {scrape.status}"
        raise ConnectionError(message)
    return scrape


def _headers(head: bytes) -> dict[bytes, bytes]:
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def _chunked(head: bytes) -> bool:
    return _headers(head).get(b"transfer-encoding", b"").lower() == b"chunked"


def _joined(body: bytes) -> bytes:
    """The content of the chunks."""
    pieces: list[bytes] = []
    at = 0
    while True:
        line_end = body.index(b"\r\n", at)
        size = int(body[at:line_end].partition(b";")[0], 16)
        if size == 0:
            return b"".join(pieces)
        pieces.append(body[line_end + 2 : line_end + 2 + size])
        at = line_end + 2 + size + 2
