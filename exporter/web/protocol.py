"""uvicorn's HTTP protocol, with limits to what one client can make it hold in memory."""

import asyncio
from asyncio import Transport
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from exporter.web.connections import Connection, Phase
from exporter.web.web_configuration import TlsSession, names_in

HEAD_LIMIT = 64 * 1024
HEADER_LINES_LIMIT = 100
BODY_LIMIT = 64 * 1024
_PIPELINE_LIMIT = 8
_UNSENT_LIMIT = 64 * 1024


class _RefusedError(Exception):
    """Makes the parser stop, after the client was answered."""


class _LostTransport:
    """Stands for a closed transport, for an answer that comes too late."""

    def is_closing(self) -> bool:
        return True


class LimitedProtocol(HttpToolsProtocol):
    """Reports its phase to the connection, and refuses requests that are larger than any page here needs.

    A head of more than HEAD_LIMIT bytes or HEADER_LINES_LIMIT lines, a body of more than BODY_LIMIT bytes and a
    request without one Host are answered 400 and end the connection, as does what is not HTTP. uvicorn's parser
    keeps all data until the head is complete, and takes ever longer to append to it.
    """

    def __init__(
        self, *args: Any, connection: Connection, names: frozenset[str] = frozenset(), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._connection = connection
        self._names = names
        self._head_bytes: int | None = 0  # None between the end of a head and the beginning of the next
        self._body_bytes = 0
        self._body_pending = False
        self._answered: RequestResponseCycle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """The connection is open, after the TLS handshake if there is one."""
        if not self._connection.opened(transport):
            self.transport = transport  # uvicorn's connection_lost needs it
            transport.abort()
            return
        # The default with TLS is half a megabyte, and as much in OpenSSL, for each client that stops reading.
        transport.set_write_buffer_limits(high=_UNSENT_LIMIT)
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if isinstance(tls, TlsSession):
            tls.ended = lambda: self.loop.call_soon(self._client_ended)
        if self._names and self._names.isdisjoint(names_in(transport.get_extra_info("peercert") or {})):
            self._connection.cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything: with TLS, each connection has 300 KB of buffers.

        Protocol, transport and request refer to each other, and would wait for the garbage collector.
        """
        self._connection.ended()
        # uvicorn tells the newest request only. Of several, another one is being answered, and each piece of its
        # answer would be logged as an error.
        self.cycle = cast("Any", self._answered)
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn does not after an error
        self.transport = cast("Transport", _LostTransport())
        self.pipeline.clear()
        self.cycle = self.flow = cast("Any", None)
        self._answered = None

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head before the parser keeps them."""
        if self._connection.phase is Phase.IDLE:
            self._connection.awaits_request()
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT:
                self.send_400_response("The head of the request is too large.")
                return
        super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more; returns whether the connection stays open until it has its answers."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        if cycle is None or cycle.response_complete:
            return False
        cycle.keep_alive = False  # of several requests, this is the last
        return True

    def _client_ended(self) -> None:
        """The same over TLS, where the transport cannot stay open for less than both sides."""
        if not self.transport.is_closing() and not self.eof_received():
            self.transport.close()

    def pause_writing(self) -> None:
        """The client does not read what it was sent."""
        self._connection.stalls()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has read it."""
        self._connection.flows()
        super().resume_writing()

    def on_message_begin(self) -> None:
        """A head begins, perhaps in the middle of the data."""
        self._head_bytes = self._head_bytes or 0
        self._body_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One more line of the head."""
        if len(self.headers) >= HEADER_LINES_LIMIT:
            self._refuse("The head of the request has too many lines.")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete; what follows is a body or another request."""
        self._head_bytes = None
        self._body_pending = True
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            self._refuse("The version of HTTP is 1.0 or 1.1.")  # uvicorn answers some others
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._refuse("A request has one Host header.")
        lengths = [value for name, value in self.headers if name == b"content-length"]
        if any(int(length) > BODY_LIMIT for length in lengths):  # the parser accepts digits only
            self._refuse("The body of the request is too large.")
        if len(self.pipeline) >= _PIPELINE_LIMIT:
            self._refuse("Too many requests wait for their answers.")
        super().on_headers_complete()
        if not self.pipeline:
            self._answered = self.cycle

    def on_body(self, body: bytes) -> None:
        """A part of the body, which may come in chunks without a length."""
        self._body_bytes += len(body)
        if self._body_bytes > BODY_LIMIT:
            self._refuse("The body of the request is too large.")
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete; the next bytes belong to another head."""
        self._head_bytes = 0
        self._body_pending = False
        super().on_message_complete()
        if self.cycle.response_complete:
            self._connection.idles()
        elif self._connection.phase is not Phase.ANSWER:
            self._connection.answers()

    def on_response_complete(self) -> None:
        """The answer was handed to the transport; the connection rests unless a body is still to come."""
        if self.pipeline:
            self._answered, _app = self.pipeline[-1]
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if self.cycle.response_complete and not self._body_pending:
            self._connection.idles()

    def send_400_response(self, msg: str) -> None:
        """Answer 400, unless that would end up in the middle of an answer, and end the connection."""
        if self.transport.is_closing():
            return
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        if cycle is not None and not cycle.response_complete:
            self._connection.cut()
            return
        super().send_400_response(msg)

    def _refuse(self, sentence: str) -> None:
        self.send_400_response(sentence)
        raise _RefusedError(sentence)


_PLAIN_HTTP = b"This port speaks HTTPS, and the request came in plain HTTP.\n"
_PLAIN_HTTP_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"x-content-type-options: nosniff\r\n"
    b"content-length: %d\r\n"
    b"connection: close\r\n\r\n%b" % (len(_PLAIN_HTTP), _PLAIN_HTTP)
)


class PlainHttp(asyncio.Protocol):
    """Answers 400 to a client that speaks HTTP to a port of HTTPS, and lets it close the connection.

    What it sends is read and dropped: a socket that closes with unread data resets the connection, and the answer may
    be lost.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dropped_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Answer before the request is there whole."""
        if not self._connection.opened(transport):
            transport.abort()
            return
        transport.write(_PLAIN_HTTP_ANSWER)
        transport.write_eof()

    def data_received(self, data: bytes) -> None:
        """Drop it, until it is more than a request can be."""
        self._dropped_bytes += len(data)
        if self._dropped_bytes > HEAD_LIMIT + BODY_LIMIT:
            self._connection.cut()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 — asyncio's way
        """The client has left, or its time is over."""
        self._connection.ended()
