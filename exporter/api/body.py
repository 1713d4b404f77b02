"""Reads the body of a reply: up to a limit, unpacked, and as JSON or XML."""

import codecs
import re
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from xml.parsers import expat

import requests

from exporter.api.errors import MalformedReply
from exporter.api.fields import read_json

REPLY_LIMIT = 1024 * 1024
_CHUNK = 64 * 1024
_TOO_LARGE = f"the reply is larger than {REPLY_LIMIT} bytes"
# https://www.iana.org/assignments/http-parameters/http-parameters.xhtml#content-coding
_UNPACKED = frozenset({"gzip", "x-gzip", "deflate"})
_OTHER_COMPRESSIONS = frozenset({"br", "zstd", "dcb", "dcz", "compress", "x-compress", "exi", "pack200-gzip"})
# gzip or zlib, by its head; then deflate without one, which some servers send.
_ZLIB_FORMATS = (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS)

DEEPEST = 8
"""So many levels of a document are looked at."""
_PROLOG_LENGTH = 200
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.ASCII | re.IGNORECASE)
_XML_CHARSET = re.compile(r"""\s*<\?xml\b[^>]*\bencoding\s*=\s*["']([\w.:-]{1,40})""", re.ASCII)
_CODECS = ("utf-8", "utf-16", "utf-32", "gb", "big5", "euc", "iso", "cp", "shift", "ascii", "koi8")

_Malformed = Callable[[str], MalformedReply]


def read(response: requests.Response, request_id: str | None) -> bytes:
    """The whole body, unpacked where it is compressed.

    Raises MalformedReply when more than REPLY_LIMIT bytes come, or come out, or when it cannot be unpacked.
    """
    with response:  # closes the connection unless the body was read to its end
        malformed = partial(MalformedReply, http_status=response.status_code, request_id=request_id)
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        codings = [] if encoding in ("", "identity") else _compressions(encoding, malformed)
        parts = []
        size = 0
        while chunk := _next_chunk(response, request_id):
            size += len(chunk)
            if size > REPLY_LIMIT:
                raise malformed(_TOO_LARGE)
            parts.append(chunk)
            if response.raw.length_remaining == 0:
                break  # another read, only to see the end, costs as much as this one
    body = b"".join(parts)
    for _ in codings:
        body = _unpacked(body, malformed)
    return body


def document_in(body: bytes, headers: Mapping[str, str]) -> tuple[object, bool]:
    """The value of JSON or the elements of XML, None for neither; and whether it is JSON."""
    document, is_json = _json(body)
    if not is_json:
        document, is_json = _in_declared_charset(body, headers.get("Content-Type", ""))
    return document, is_json


def _next_chunk(response: requests.Response, request_id: str | None) -> bytes:
    try:
        return response.raw.read(_CHUNK, decode_content=False)
    except ValueError:  # http.client raises it for a chunk of negative size
        raise MalformedReply(
            "the length of the reply makes no sense", http_status=response.status_code, request_id=request_id
        ) from None


def _compressions(encoding: str, malformed: _Malformed) -> list[str]:
    """The compressions among the codings that a head names; what is none, such as a charset, changes nothing."""
    codings = [coding.strip() for coding in encoding.split(",")]
    compressions = [coding for coding in codings if coding in _UNPACKED or coding in _OTHER_COMPRESSIONS]
    if len(compressions) > 1 or not _UNPACKED.issuperset(compressions):
        raise malformed("the reply is compressed in a way that is not read, though it was asked not to be compressed")
    return compressions


def _unpacked(body: bytes, malformed: _Malformed) -> bytes:
    """What gzip or deflate has made of the body; the body itself where that was undone, and the head not changed."""
    if _is_text(body):
        return body
    for bits in _ZLIB_FORMATS:
        unpacker = zlib.decompressobj(bits)
        try:
            unpacked = unpacker.decompress(body, REPLY_LIMIT + 1)
        except zlib.error:
            continue
        if len(unpacked) > REPLY_LIMIT:
            raise malformed(_TOO_LARGE)
        if unpacker.eof:
            return unpacked
    raise malformed("the reply is not whole, or not compressed as its head says")


def _is_text(body: bytes) -> bool:
    try:
        return body.decode()[:1] in ("", "{", "[", "<")
    except UnicodeDecodeError:
        return False


def _json(body: bytes | str) -> tuple[object, bool]:
    try:
        return read_json(body), True
    except (ValueError, RecursionError):  # a megabyte of brackets is too deep for the decoder
        return None, False


def _in_declared_charset(body: bytes, content_type: str) -> tuple[object, bool]:
    """JSON in another charset than UTF-8, or the elements of XML; and whether it is JSON.

    A letter that is none in its charset spoils itself alone.
    """
    declared = _CHARSET.search(content_type) or _XML_CHARSET.search(body[:_PROLOG_LENGTH].decode("latin-1"))
    text = body.decode(_codec(declared[1]) if declared else "utf-8", errors="replace").strip("\ufeff \t\r\n")
    return (_elements(text), False) if text.startswith("<") else _json(text)


def _codec(charset: str) -> str:
    """The codec of a charset; UTF-8 for what is none, or takes ever longer for a longer text, as punycode."""
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        return "utf-8"
    return name if name.startswith(_CODECS) else "utf-8"


def _elements(text: str) -> Mapping[str, Any]:
    """The elements of XML, nested, the first of each name, without those too deep; none for what is no XML.

    Only a document type can declare entities, which may expand without end: a text that has one is not read.
    """
    opened: list[tuple[str, dict[str, Any]]] = [("", {})]
    words: list[str] = []
    depth = 0

    def begin(name: str, _attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth <= DEEPEST:
            opened.append((name.rpartition(":")[2], {}))
            words.clear()

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1
        if depth >= DEEPEST:
            return
        name, inside = opened.pop()
        opened[-1][1].setdefault(name, inside or "".join(words).strip())
        words.clear()

    def refuse(*_parts: object) -> None:
        raise ValueError

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = words.append, refuse
    try:
        parser.Parse(text, True)  # noqa: FBT003 — the standard library's own signature
    except (expat.ExpatError, ValueError):
        return {}
    return opened[0][1]
