"""Reads a reply: its body up to a limit, the object or the error in it, and the API's clock."""

import zlib
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

import requests

from exporter.api.errors import MalformedReply, Refused, meaning_of_code
from exporter.api.fields import read_json
from exporter.api.redaction import Redaction

REPLY_LIMIT = 1024 * 1024
_CHUNK = 64 * 1024
_TOO_LARGE = f"the reply is larger than {REPLY_LIMIT} bytes"
# https://www.iana.org/assignments/http-parameters/http-parameters.xhtml#content-coding
_UNPACKED = frozenset({"gzip", "x-gzip", "deflate"})
_OTHER_COMPRESSIONS = frozenset({"br", "zstd", "dcb", "dcz", "compress", "x-compress", "exi", "pack200-gzip"})
# gzip or zlib, by its head; then deflate without one, which some servers send.
_ZLIB_FORMATS = (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS)

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


def decode(
    body: bytes, redaction: Redaction, *, http_status: int, request_id: str | None
) -> tuple[Mapping[str, Any], str | None]:
    """The object and its request id, which is ``request_id``, that of the head, unless the body has one.

    Raises Refused when the status or the object is an error, MalformedReply when the body is no object.
    """
    document, is_json = _json(body)
    fields = document if isinstance(document, dict) else {}
    request_id = redaction.plain(_text(fields, "RequestId", "requestId")) or request_id
    code = _text(fields, "Code", "code")
    if http_status != HTTPStatus.OK or _is_error(code) or _says_failure(fields):
        safe_code = redaction.plain(code)
        sentence = redaction.sentence(safe_code, _text(fields, "Message", "message"))
        raise Refused(
            _refusal_in_words(http_status, safe_code, sentence),
            code=safe_code,
            http_status=http_status,
            request_id=request_id,
            message=sentence,
        )
    if not isinstance(document, dict):
        kind = "a JSON value that is no object" if is_json else "no JSON"
        raise MalformedReply(f"the reply is {kind}", http_status=http_status, request_id=request_id)
    return document, request_id


def clock_skew_s(date: str | None, came_at: float) -> float | None:
    """Seconds by which the Date header is ahead of the Unix time ``came_at``; None when it cannot be read."""
    theirs = _unix_time(date or "")
    # The header cuts fractions off: on average it was written half a second later than it says.
    return theirs + 0.5 - came_at if theirs is not None else None


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


def _json(body: bytes) -> tuple[object, bool]:
    try:
        return read_json(body), True
    except (ValueError, RecursionError):  # a megabyte of brackets is too deep for the decoder
        return None, False


def _text(fields: Mapping[str, object], *names: str) -> str | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def _is_error(code: str | None) -> bool:
    """Whether the code is one of an error; some products put "Code": "200" or "OK" into a good answer."""
    return code is not None and code.casefold() not in ("200", "ok", "success")


def _says_failure(fields: Mapping[str, object]) -> bool:
    """Whether "Success" is false, as in the errors that BssOpenApi answers with HTTP 200."""
    success = fields.get("Success")
    return success is False or (isinstance(success, str) and success.strip().casefold() == "false")


def _refusal_in_words(http_status: int, code: str | None, sentence: str | None) -> str:
    words = code or f"HTTP {http_status}"
    if sentence:
        words = f"{words}: {sentence}"
    meaning = meaning_of_code(code)
    return f"{words} ({meaning})" if meaning else words


@lru_cache(maxsize=4)  # hundreds of replies come within one second
def _unix_time(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
