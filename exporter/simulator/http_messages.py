"""HTTP/1.1 messages as values: a request read off a socket within limits, and the bytes of an answer."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

JSON_TYPE = "application/json;charset=utf-8"
XML_TYPE = "text/xml;charset=utf-8"
MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 1024 * 1024

_RECEIVE_BYTES = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSIONS = ("HTTP/1.1", "HTTP/1.0")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_CHUNK_BYTES = 64 * 1024
_NOT_IN_HEADERS = re.compile(r"[^\t\x20-\x7e\xa0-\xff]")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;.*)?")
_LONGEST_LINE_BYTES = 4096
_ORIGIN = re.compile(r"https?://[^/?#]+", re.IGNORECASE)
_ONCE = {"host": "Host", "content-length": "Content-Length"}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FORM_TYPE = "application/x-www-form-urlencoded"


class MalformedRequestError(Exception):
    """What arrived is no request that the gateway accepts; the connection ends after the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    """The target up to the question mark."""
    query: str
    """The target after it, still encoded; empty without one."""
    headers: Mapping[str, str]
    """Names in lower case, values trimmed; values of a repeated name are sorted and joined with a comma."""
    body: bytes
    keep_alive: bool
    """Whether the client wants the connection kept."""

    def header(self, name: str) -> str:
        """Return the value of a header, or an empty string if it did not come."""
        return self.headers.get(name, "")

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the query and of a form in the body, decoded; of a repeated one the last."""
        return dict(parse_qsl(self.encoded_parameters(), keep_blank_values=True, errors="surrogateescape"))

    def encoded_parameters(self) -> str:
        """Return the query and a form in the body as one, still encoded."""
        form = self.body.decode("latin-1") if self.header("content-type").lower().startswith(_FORM_TYPE) else ""
        return "&".join(filter(None, (self.query, form)))


class _ClientGoneError(Exception):
    """The client has gone in the middle of a request, or before it."""


class RequestReader:
    """Reads the requests of one connection, one after the other; bytes that came early are kept for the next.

    `send` asks a client for the body that it holds back (`Expect: 100-continue`).
    """

    def __init__(self, receive: Callable[[int], bytes], send: Callable[[bytes], None]) -> None:
        self._receive = receive
        self._send = send
        self._buffer = b""

    def read(self) -> Request | None:
        """Return the next request, or None once the client has gone; raises MalformedRequestError."""
        try:
            head = parse_head(self._take(self._fill_until_head_ends())[: -len(_END_OF_HEAD)])
            length = body_length(head)
            if length != 0 and _waits_to_continue(head):
                self._send(_CONTINUE)
            return replace(head, body=self._chunks() if length is None else self._take(length))
        except _ClientGoneError:
            return None

    def _fill(self) -> None:
        received = self._receive(_RECEIVE_BYTES)
        if not received:
            raise _ClientGoneError
        self._buffer += received

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _LONGEST_LINE_BYTES:
                raise MalformedRequestError(400, "a line of the chunked body is longer than 4 KiB")
            self._fill()
        return self._take(end + 2)[:-2]

    def _chunks(self) -> bytes:
        body = b""
        while size := self._chunk_size():
            if len(body) + size > MAX_BODY_BYTES:
                raise _too_long()
            body += self._take(size)
            if self._take(2) != b"\r\n":
                raise MalformedRequestError(400, "a chunk is longer than its size says")
        while self._line():
            pass  # trailers: they mean nothing here
        return body

    def _chunk_size(self) -> int:
        match = _CHUNK_SIZE.fullmatch(self._line())
        if match is None:
            raise MalformedRequestError(400, "the size of a chunk is no number")
        return int(match[1], 16)

    def _fill_until_head_ends(self) -> int:
        self._buffer = self._buffer.lstrip(b"\r\n")
        searched = 0
        while (end := self._buffer.find(_END_OF_HEAD, searched)) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise MalformedRequestError(431, "the request's head is longer than 64 KiB")
            searched = max(0, len(self._buffer) - len(_END_OF_HEAD) + 1)
            self._fill()
        if end > MAX_HEAD_BYTES:
            raise MalformedRequestError(431, "the request's head is longer than 64 KiB")
        return end + len(_END_OF_HEAD)


def parse_head(head: bytes) -> Request:
    """Return the request that a head announces, its body still empty; raises MalformedRequestError."""
    request_line, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = _parse_request_line(request_line)
    headers = _parse_headers(lines)
    if version == "HTTP/1.1" and not headers.get("host"):
        raise MalformedRequestError(400, "the Host header is missing")
    if version == "HTTP/1.0":
        headers.pop("expect", None)  # which it does not know
    path, _, query = target.partition("?")
    connection = headers.get("connection", "").lower()
    keep_alive = connection != "close" if version == "HTTP/1.1" else connection == "keep-alive"
    return Request(method, path, query, headers, b"", keep_alive)


def _waits_to_continue(head: Request) -> bool:
    # https://www.rfc-editor.org/rfc/rfc9110#field.expect
    expected = head.header("expect").lower()
    if expected not in ("", "100-continue"):
        raise MalformedRequestError(417, "the Expect header is not 100-continue")
    return bool(expected)


def body_length(head: Request) -> int | None:
    """Return how many bytes of body follow a head, None if it comes in chunks; raises MalformedRequestError."""
    if "transfer-encoding" in head.headers:
        if head.headers["transfer-encoding"].lower() != "chunked":
            raise MalformedRequestError(501, "a Transfer-Encoding other than chunked is not implemented")
        if "content-length" in head.headers:
            raise MalformedRequestError(400, "the body has both a Content-Length and a Transfer-Encoding")
        return None
    declared = head.headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()):
        raise MalformedRequestError(400, "the Content-Length header is no number")
    # The digits are counted first: int() itself refuses thousands of them.
    if len(declared) > len(str(MAX_BODY_BYTES)) or int(declared) > MAX_BODY_BYTES:
        raise _too_long()
    return int(declared)


def _too_long() -> MalformedRequestError:
    return MalformedRequestError(413, "the request's body is longer than 1 MiB")


def _parse_request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != len(("method", "target", "version")):
        raise MalformedRequestError(400, "the request line is not METHOD TARGET VERSION")
    method, target, version = parts
    # A client that takes the server for its proxy names the host, too.
    if origin := _ORIGIN.match(target):
        target = f"/{target[origin.end() :].removeprefix('/')}"
    asks_of_server = (method, target) == ("OPTIONS", "*")
    if not _TOKEN.fullmatch(method) or not (target.startswith("/") or asks_of_server):
        raise MalformedRequestError(400, "the request line is not METHOD TARGET VERSION")
    if version not in _VERSIONS:
        raise MalformedRequestError(505, "the protocol is neither HTTP/1.1 nor HTTP/1.0")
    return method, target, version


def _parse_headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or "\r" in value or "\n" in value or "\0" in value:
            raise MalformedRequestError(400, "a header line is not NAME: VALUE")
        name = name.lower()
        value = value.strip(" \t")
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(value)
        headers[name] = value
    for name, values in repeated.items():
        if name in _ONCE:
            raise MalformedRequestError(400, f"the {_ONCE[name]} header came more than once")
        headers[name] = ",".join(sorted(values))
    return headers


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, before any fault on the wire."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    """Sent in this order, after the usual ones, and in place of one of the same name."""
    chunked: bool = False
    """Sent in chunks, without a Content-Length."""


def json_of(payload: Mapping[str, object]) -> Answer:
    """Return an answer with status 200 and the payload in JSON."""
    return Answer(200, json.dumps(payload).encode())


def xml_of(payload: Mapping[str, object], *, root: str) -> Answer:
    """Return an answer with status 200 and the payload in XML, an element for each key and each item of a list."""
    text = ET.tostring(_element(root, payload), encoding="unicode", short_empty_elements=False)
    written = _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return Answer(200, f"<?xml version='1.0' encoding='UTF-8'?>{written}".encode(), content_type=XML_TYPE)


def _element(name: str, value: object) -> ET.Element:
    element = ET.Element(name)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            element.extend(_element(key, each) for each in (inner if isinstance(inner, list) else [inner]))
    else:
        element.text = str(value).lower() if isinstance(value, bool) else str("" if value is None else value)
    return element


def to_wire(answer: Answer, *, now: float, keep_alive: bool, head_only: bool = False) -> bytes:
    """Return the whole answer as bytes, without its body if HEAD asked; `now` is the Unix time of its Date header.

    An answer may repeat what a client sent: what no header can hold is a question mark in it.
    """
    usual = (
        ("Date", formatdate(now, usegmt=True)),
        ("Content-Type", answer.content_type),
        ("Transfer-Encoding", "chunked") if answer.chunked else ("Content-Length", str(len(answer.body))),
        ("Connection", "keep-alive" if keep_alive else "close"),
    )
    replaced = {name.lower() for name, _ in answer.headers}
    headers = [*(header for header in usual if header[0].lower() not in replaced), *answer.headers]
    lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, 'Unknown')}"]
    lines += [_NOT_IN_HEADERS.sub("?", f"{name}: {value}") for name, value in headers]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if head_only:
        return head
    return head + (_in_chunks(answer.body) if answer.chunked else answer.body)


def _in_chunks(body: bytes) -> bytes:
    starts = range(0, len(body), _CHUNK_BYTES)
    chunks = [body[start : start + _CHUNK_BYTES] for start in starts]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
