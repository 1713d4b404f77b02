"""An HTTP answer as a value, and the bytes it is on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

JSON_TYPE = "application/json;charset=utf-8"

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client is told, before any misbehaviour on the wire."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    """Sent in this order, after the usual ones."""
    chunked: bool = False
    """Sent in chunks, without a Content-Length."""


def to_wire(answer: Answer, *, now: float, keep_alive: bool) -> bytes:
    """Return the whole answer as bytes; `now` is the Unix time of its Date header."""
    lines = [
        f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, 'Unknown')}",
        f"Date: {formatdate(now, usegmt=True)}",
        f"Content-Type: {answer.content_type}",
        "Transfer-Encoding: chunked" if answer.chunked else f"Content-Length: {len(answer.body)}",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
    ]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head + (_in_chunks(answer.body) if answer.chunked else answer.body)


def _in_chunks(body: bytes) -> bytes:
    starts = range(0, len(body), _CHUNK_BYTES)
    chunks = [body[start : start + _CHUNK_BYTES] for start in starts]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
