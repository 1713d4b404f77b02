"""Reads the body of a reply: up to a limit, unpacked, and as JSON or XML."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from xml.parsers import expat

import requests
from urllib3.exceptions import ProtocolError

from exporter.api.fields import read_json

ANSWERED = frozenset({HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION})
"""The statuses of answers: a proxy that has changed a 200, as by unpacking it, may say 203."""
REPLY_LIMIT = 1024 * 1024
_CHUNK = 64 * 1024
TOO_LARGE = f"the reply is larger than {REPLY_LIMIT} bytes"
_GZIP = b"\x1f\x8b"
_MOST_COMPRESSIONS = 3
DEEPEST = 8
"""So many levels of a document are looked at."""
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PROLOG_LENGTH = 200
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.ASCII | re.IGNORECASE)
_XML_CHARSET = re.compile(r"""\s*<\?xml\b[^>]*\bencoding\s*=\s*["']([\w.:-]{1,40})""", re.ASCII)
# What would end the reading of XML, and is none of its elements.
_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CODECS = ("utf-8", "utf-16", "utf-32", "gb", "big5", "euc", "iso", "cp", "shift", "ascii", "koi8")


def read(response: requests.Response) -> tuple[bytes, str | None]:
    """The whole body, unpacked where it is compressed; or nothing, and why it cannot be read.

    No more than REPLY_LIMIT bytes may come, or come out. Raises what requests and urllib3 raise, and of a refusal,
    whose status has come, only what has to do with time.
    """
    try:
        with response:  # closes the connection unless the body was read to its end
            return _unpacked(_whole(response), response.headers.get("Content-Encoding", "").lower()), None
    except _Unreadable as error:
        return b"", str(error)


def document_in(body: bytes, headers: Mapping[str, str]) -> tuple[object, bool]:
    """The value of JSON or the elements of XML, None for neither; and whether it is JSON.

    A mark of UTF-16 says more than a declaration. A letter that is none in its charset spoils itself alone.
    """
    document, is_json = json_value(body)
    if is_json:
        return document, True
    prolog = body[:_PROLOG_LENGTH].decode("latin-1")
    declared = _CHARSET.search(headers.get("Content-Type", "")) or _XML_CHARSET.search(prolog)
    codec = "utf-16" if body.startswith(_UTF_16_MARKS) else _codec(declared[1] if declared else "utf-8")
    text = body.decode(codec, errors="replace").strip("\ufeff \t\r\n")
    return (_elements(text), False) if text.startswith("<") else json_value(text)


def json_value(body: bytes | str) -> tuple[object, bool]:
    """The value of a JSON text, None for what is none; and whether it is JSON."""
    try:
        return read_json(body), True
    except (ValueError, RecursionError):  # a megabyte of brackets is too deep for the decoder
        return None, False


class _Unreadable(Exception):
    """The body makes no sense."""


def _whole(response: requests.Response) -> bytes:
    parts = []
    size = 0
    try:
        while chunk := response.raw.read(_CHUNK, decode_content=False):
            size += len(chunk)
            if size > REPLY_LIMIT:
                raise _Unreadable(TOO_LARGE)
            parts.append(chunk)
            if response.raw.length_remaining == 0:
                break  # another read, only to see the end, costs as much as this one
    except ValueError:  # http.client raises it for a chunk of negative size
        raise _Unreadable("the length of the reply makes no sense") from None
    except ProtocolError:
        if response.status_code in ANSWERED:
            raise
        raise _Unreadable("the reply is not whole") from None
    return b"".join(parts)


def _unpacked(body: bytes, encoding: str) -> bytes:
    """The body, once more where it was compressed twice; as it is where it was not, whatever its head says."""
    for _ in range(_MOST_COMPRESSIONS):
        if not body.startswith(_GZIP):
            break
        body = _gunzipped(body)
    return _inflated(body) if "deflate" in encoding or "gzip" in encoding else body


def _gunzipped(body: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            unpacked = file.read(REPLY_LIMIT + 1)
    except (OSError, EOFError, zlib.error):
        raise _Unreadable("the reply is compressed with gzip, and cut off or damaged") from None
    if len(unpacked) > REPLY_LIMIT:
        raise _Unreadable(TOO_LARGE)
    return unpacked


def _inflated(body: bytes) -> bytes:
    """What was compressed with deflate, also without the head of zlib, as some servers send it."""
    for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        unpacker = zlib.decompressobj(bits)
        try:
            unpacked = unpacker.decompress(body, REPLY_LIMIT + 1)
        except zlib.error:
            continue
        if len(unpacked) > REPLY_LIMIT:
            raise _Unreadable(TOO_LARGE)
        if unpacker.eof:
            return unpacked
    return body


def _codec(charset: str) -> str:
    """The codec of a charset; UTF-8 for what is none, or takes ever longer for a longer text, as punycode."""
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        return "utf-8"
    return name if name.startswith(_CODECS) else "utf-8"


def _elements(text: str) -> Mapping[str, Any]:
    """The elements of XML, nested, the first of each name, without those too deep; those before what is no XML.

    Only a document type can declare entities, which may expand without end: a text that has one is not read, nor is
    HTML.
    """
    opened: list[tuple[str, dict[str, Any]]] = [("", {})]
    words: list[str] = []
    depth = 0

    def begin(name: str, _attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth == 1 and name.casefold() == "html":
            refuse()
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

    text = _CONTROL.sub(" ", _AMPERSAND.sub("&amp;", text))
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = words.append, refuse
    try:
        parser.Parse(text, True)  # noqa: FBT003 — the standard library's own signature
    except expat.ExpatError:
        while len(opened) > 1:
            name, inside = opened.pop()
            opened[-1][1].setdefault(name, inside)
    except ValueError:
        return {}
    return opened[0][1]
