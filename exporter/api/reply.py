"""Reads a reply: its body up to a limit, the object or the error in it, and the API's clock."""

import codecs
import math
import re
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from http import HTTPStatus
from itertools import chain, islice
from types import MappingProxyType
from typing import Any
from xml.parsers import expat

import requests

from exporter.api.errors import MalformedReply, Refused, meaning_of_code
from exporter.api.fields import read_json
from exporter.api.redaction import Redaction

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
REPLY_LIMIT = 1024 * 1024
_CHUNK = 64 * 1024
_TOO_LARGE = f"the reply is larger than {REPLY_LIMIT} bytes"
# https://www.iana.org/assignments/http-parameters/http-parameters.xhtml#content-coding
_UNPACKED = frozenset({"gzip", "x-gzip", "deflate"})
_OTHER_COMPRESSIONS = frozenset({"br", "zstd", "dcb", "dcz", "compress", "x-compress", "exi", "pack200-gzip"})
# gzip or zlib, by its head; then deflate without one, which some servers send.
_ZLIB_FORMATS = (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS)

_CODE = ("Code", "code", "ErrorCode", "errorCode")
_MESSAGE = ("Message", "message", "ErrorMessage", "errorMessage", "errorMsg")
_WRAPPERS = ("Error", "error")
_OF_ERRORS = frozenset({*_CODE, *_WRAPPERS, "Success"})
_REQUEST_ID = ("RequestId", "requestId")
# https://www.alibabacloud.com/help/en/ram/user-guide/how-do-i-troubleshoot-access-denied-errors
_DENIED = ("PolicyType", "NoPermissionType", "AuthAction")
_DEEPEST = 8
_MOST_LOOKED_AT = 100
_PROLOG_LENGTH = 200
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.ASCII | re.IGNORECASE)
_XML_CHARSET = re.compile(r"""\s*<\?xml\b[^>]*\bencoding\s*=\s*["']([\w.:-]{1,40})""", re.ASCII)
_NUMBER = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*(?:,|$)")  # of a header that comes twice the first
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


def decode(
    body: bytes,
    redaction: Redaction,
    *,
    http_status: int,
    request_id: str | None,
    headers: Mapping[str, str] = NO_HEADERS,
    came_at: float = 0.0,
    longest_wait_s: float = math.inf,
) -> tuple[Mapping[str, Any], str | None]:
    """The object and its request id, which is ``request_id``, that of the head, unless the body has one.

    ``came_at`` is Unix time. ``longest_wait_s`` is `poll.failing_interval`, which the explanation of a refusal names
    where the API asks for longer. Raises Refused when the status or the object is an error, MalformedReply when the
    body is no object.
    """
    document, is_json = _json(body)
    if not is_json:
        document, is_json = _in_declared_charset(body, headers.get("Content-Type", ""))
    fields = document if isinstance(document, dict) else {}
    is_answer = http_status == HTTPStatus.OK and is_json
    error = _error_in_answer(fields) if is_answer else _object_with_code(document)
    id_in_error = _text(error, *_REQUEST_ID) if error else None
    request_id = redaction.plain(id_in_error or _text(fields, *_REQUEST_ID)) or request_id
    if error is not None or http_status != HTTPStatus.OK:
        raise _refused(
            error or fields,
            redaction,
            http_status=http_status,
            request_id=request_id,
            retry_after_s=_retry_after_s(headers, came_at),
            longest_wait_s=longest_wait_s,
        )
    if not (is_json and isinstance(document, dict)):
        kind = "a JSON value that is no object" if is_json else "no JSON"
        media_type = redaction.sentence(None, headers.get("Content-Type", "").partition(";")[0])
        kind += f", its content type is {media_type}" if media_type else ""
        raise MalformedReply(f"the reply is {kind}", http_status=http_status, request_id=request_id)
    return document, request_id


def clock_skew_s(date: str | None, came_at: float) -> float | None:
    """Seconds by which the Date header is ahead of the Unix time ``came_at``; None when it cannot be read."""
    theirs = _unix_time(date or "")
    # The header cuts fractions off: on average it was written half a second later than it says.
    return theirs + 0.5 - came_at if theirs is not None else None


def _retry_after_s(headers: Mapping[str, str], came_at: float) -> float | None:
    """Seconds after which the reply lets the operation be called again, 0 or more; None where it does not say.

    Retry-After is seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    The vendor's own header is milliseconds, as its SDKs read it: https://github.com/aliyun/darabonba-openapi
    """
    of_vendor, standard = headers.get("x-acs-retry-after", ""), headers.get("Retry-After", "")
    waits = [float(number[1]) / 1000 for number in [_NUMBER.match(of_vendor)] if number]
    if number := _NUMBER.match(standard):
        waits.append(float(number[1]))
    elif (moment := _unix_time(standard)) is not None:
        now = _unix_time(headers.get("Date", ""))  # by its own clock, where it has one
        waits.append(max(0.0, moment - (came_at if now is None else now)))
    return max(waits, default=None)


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
        if depth <= _DEEPEST:
            opened.append((name.rpartition(":")[2], {}))
            words.clear()

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1
        if depth >= _DEEPEST:
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


def _error_in_answer(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What describes the error in a reply of HTTP 200; None where it is none."""
    if _OF_ERRORS.isdisjoint(answer):
        return None
    if _is_error(_text(answer, *_CODE)):
        return answer
    wrapped = [answer[name] for name in _WRAPPERS if name in answer]
    return (wrapped and _object_with_code(wrapped)) or (answer if _says_failure(answer) else None)


def _object_with_code(document: object) -> Mapping[str, Any] | None:
    """The first object with the code of an error, the outermost one; errors are wrapped in several ways."""
    level = [document]
    for _ in range(_DEEPEST):
        for item in level:
            if isinstance(item, dict) and _is_error(_text(item, *_CODE)):
                return item
        inside = (
            item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)
        )
        level = list(islice(chain.from_iterable(inside), _MOST_LOOKED_AT))
    return None


def _refused(
    error: Mapping[str, Any],
    redaction: Redaction,
    *,
    http_status: int,
    request_id: str | None,
    retry_after_s: float | None,
    longest_wait_s: float,
) -> Refused:
    code = redaction.plain(_text(error, *_CODE))
    sentence = redaction.sentence(code, _text(error, *_MESSAGE))
    denied = error.get("AccessDeniedDetail")
    details = (
        []
        if not isinstance(denied, dict)
        else [f"{name} {value}" for name in _DENIED if (value := redaction.plain(_text(denied, name)))]
    )
    wait = f"the API asks to wait {retry_after_s:g} s" if retry_after_s else None
    if wait and retry_after_s and retry_after_s > longest_wait_s:
        wait += f", poll.failing_interval allows {longest_wait_s:g} s"
    remark = "; ".join(filter(None, [meaning_of_code(code), ", ".join(details), wait]))
    words = code or f"HTTP {http_status}"
    return Refused(
        words + (f": {sentence}" if sentence else "") + (f" ({remark})" if remark else ""),
        code=code,
        http_status=http_status,
        request_id=request_id,
        message=sentence,
        retry_after_s=retry_after_s,
    )


def _text(fields: Mapping[str, object], *names: str) -> str | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def _is_error(code: str | None) -> bool:
    """Whether the code is one of an error; some products put "Code": "200" or "OK" into a good answer."""
    return code is not None and code.casefold() not in ("200", "ok", "success", "0")


def _says_failure(fields: Mapping[str, object]) -> bool:
    """Whether "Success" is false, as in the errors that BssOpenApi answers with HTTP 200."""
    success = fields.get("Success")
    return success is False or (isinstance(success, str) and success.strip().casefold() == "false")


@lru_cache(maxsize=4)  # hundreds of replies come within one second
def _unix_time(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
