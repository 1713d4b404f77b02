"""Finds the object or the error in a reply, and the API's clock."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

from exporter.api.body import ANSWERED, DEEPEST, TOO_LARGE, document_in, json_value
from exporter.api.errors import (
    MalformedReply,
    Refused,
    ReplyTooLarge,
    meaning_of_code,
    reason_of_refusal,
    speaks_of_error,
)
from exporter.api.redaction import Redaction

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def _spellings(*words: str) -> tuple[str, ...]:
    """A name as it is written: ErrorCode, errorCode, errorcode, ERRORCODE, error_code and ERROR_CODE."""
    titled = [word.capitalize() for word in words]
    snake = "_".join(words)
    joined = "".join(words)
    names = ("".join(titled), "".join([words[0], *titled[1:]]), joined, joined.upper(), snake, snake.upper())
    return tuple(dict.fromkeys(names))


_ERROR = (*_spellings("error"), *_spellings("errors"))
_CODE = (*_spellings("code"), *_spellings("error", "code"), *_spellings("err", "code"))
_MESSAGE = (
    *_spellings("message"), *_spellings("error", "message"), *_spellings("error", "msg"), *_spellings("err", "msg"),
    *_spellings("error", "description"), *_spellings("msg"),
)  # fmt: skip
_SUCCESS = _spellings("success")
_REQUEST_ID = _spellings("request", "id")
_BESIDE_CODE = frozenset({*_CODE, *_MESSAGE, *_ERROR, *_SUCCESS, *_REQUEST_ID, "HostId", "Recommend"})
_OF_ERRORS = frozenset({*_CODE, *_ERROR, *_SUCCESS})
_WRAPPERS = frozenset(_ERROR)
# https://www.alibabacloud.com/help/en/ram/user-guide/how-do-i-troubleshoot-access-denied-errors
_DENIED = (_spellings("policy", "type"), _spellings("no", "permission", "type"), _spellings("auth", "action"))
_ONE_WORD = re.compile(r"[\w.:/-]+", re.ASCII)
_OF_SUCCESS = re.compile(r"(?:0+|20\d|ok|succe\w*)[.!]?", re.ASCII)
_MOST_LOOKED_AT = 100
_YEAR_S = 365 * 24 * 3600.0
_HOST = re.compile(r"\A\w+://(?:[^/?#]*@)?([\w.-]+)", re.ASCII)
_NUMBERS = re.compile(r"(?:^|,)\s*([0-9]+(?:\.[0-9]+)?)\s*(?=,|$)")  # a header that comes twice has commas


def decode(
    body: bytes,
    redaction: Redaction,
    *,
    http_status: int,
    request_id: str | None,
    headers: Mapping[str, str] = NO_HEADERS,
    came_at: float = 0.0,
    longest_wait_s: float = math.inf,
    problem: str | None = None,
) -> tuple[Mapping[str, Any], str | None]:
    """The object and its request id, which is ``request_id``, that of the head, unless the body has one.

    ``came_at`` is Unix time. ``longest_wait_s`` is `poll.failing_interval`, which the explanation of a refusal names
    where the API asks for longer, and ``problem`` is why the body cannot be read. Raises Refused when the status or
    the object is an error, ReplyTooLarge when the body was, and MalformedReply when it is no object.
    """
    document, is_json = document_in(body, headers)
    fields = document if isinstance(document, dict) else {}
    if http_status in ANSWERED:
        error = _error_in_answer(fields) if is_json and fields else _first(document, _refuses)
    else:
        error = _first(document, _has_code) or fields
    id_in_error = _text(error, *_REQUEST_ID) if error else None
    request_id = redaction.plain(id_in_error or _text(fields, *_REQUEST_ID)) or request_id
    if error is not None:
        said, message = _code(error), _text(error, *_MESSAGE, *_ERROR)
        code = redaction.in_brief(said)
        sentence = redaction.sentence(code, message if message != said else None)
        retry_after_s = _retry_after_s(headers, came_at)
        remarks = [
            meaning_of_code(code),
            _why_denied(document, redaction),
            problem,
            _wait(retry_after_s, longest_wait_s),
        ]
        if not (code or sentence):
            remarks[:0] = _said_in_head(headers, redaction)
        remark = "; ".join(filter(None, remarks))
        raise Refused(
            (code or f"HTTP {http_status}")
            + (f": {sentence}" if sentence else "")
            + (f" ({remark})" if remark else ""),
            code=code,
            http_status=http_status,
            request_id=request_id,
            message=sentence,
            retry_after_s=retry_after_s,
            reason=reason_of_refusal(said, http_status, sentence),
        )
    if not (is_json and isinstance(document, dict)):
        kind = "a JSON value that is no object" if is_json else "no JSON" if body.strip() else "empty"
        explanation = problem or ", ".join([f"the reply is {kind}", *_said_in_head(headers, redaction)])
        malformed = ReplyTooLarge if problem == TOO_LARGE else MalformedReply
        raise malformed(explanation, http_status=http_status, request_id=request_id)
    return document, request_id


def _said_in_head(headers: Mapping[str, str], redaction: Redaction) -> list[str]:
    """What the head says of a body that says nothing, and the host that a redirect leads to."""
    said = {
        "its content type is": headers.get("Content-Type", "").partition(";")[0],
        "its content encoding is": headers.get("Content-Encoding"),
        "it redirects to": next(iter(_HOST.findall(headers.get("Location", ""))), None),
    }
    return [f"{words} {value}" for words, text in said.items() if (value := redaction.sentence(None, text))]


def clock_skew_s(date: str | None, came_at: float) -> float | None:
    """Seconds by which the Date header is ahead of the Unix time ``came_at``; None when it is no time of a clock."""
    theirs = _server_time(date or "", came_at)
    # The header cuts fractions off: on average it was written half a second later than it says.
    return theirs + 0.5 - came_at if theirs is not None else None


def _retry_after_s(headers: Mapping[str, str], came_at: float) -> float | None:
    """Seconds after which the reply lets the operation be called again; None where it asks for no wait.

    Retry-After is seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    The vendor's own header is milliseconds, as its SDKs read it: https://github.com/aliyun/darabonba-openapi
    """
    of_vendor, standard = headers.get("x-acs-retry-after", ""), headers.get("Retry-After", "")
    waits = [float(number) / 1000 for number in _NUMBERS.findall(of_vendor)]
    waits.extend(map(float, _NUMBERS.findall(standard)))
    if (moment := _unix_time(standard)) is not None:
        now = _server_time(headers.get("Date", ""), came_at)  # by its own clock, where it has one
        waits.append(moment - (came_at if now is None else now))
    return max((wait for wait in waits if wait > 0), default=None)


def _error_in_answer(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What describes the error in a reply of HTTP 200; None where it is none. BssOpenApi says "Success": false."""
    data = answer.get("Data")
    inner = data if isinstance(data, dict) else {}
    if _OF_ERRORS.isdisjoint(answer) and _WRAPPERS.isdisjoint(inner):
        return None
    if _refuses(answer):
        return answer
    wrapped = [fields[name] for fields in (answer, inner) for name in _ERROR if name in fields]
    no_success = any(str(answer.get(name)).strip().casefold() == "false" for name in _SUCCESS)
    return _first(wrapped, _has_code) or (answer if no_success else None)


def _first(document: object, described: Callable[[dict[str, Any]], bool]) -> Mapping[str, Any] | None:
    """The first such object, the outermost one; errors are wrapped in several ways, also as JSON in a text."""
    level = [document]
    for _ in range(DEEPEST):
        level = [json_value(item)[0] if isinstance(item, str) else item for item in level]
        objects = [item for item in level if isinstance(item, dict)]
        if found := next(filter(described, objects), None):
            return found
        inside = [*(item.values() for item in objects), *(item for item in level if isinstance(item, list))]
        level = list(islice(chain.from_iterable(inside), _MOST_LOOKED_AT))
    return None


def _has_code(fields: Mapping[str, Any]) -> bool:
    return _is_error(_code(fields))


def _refuses(fields: Mapping[str, Any]) -> bool:
    """Whether an object with HTTP 200 is an error: its code or message says so, or there is nothing else in it."""
    code = _code(fields)
    return _is_error(code) and (
        speaks_of_error(code)
        or _is_error(_text(fields, *_MESSAGE))
        or not any(value for name, value in fields.items() if name not in _BESIDE_CODE)
    )


def _code(fields: Mapping[str, object]) -> str | None:
    """The code that says most: one of an error before one of success, a word before a number."""
    texts = [text for name in _CODE if (text := _text(fields, name))]
    texts += [text for name in _ERROR if (text := _text(fields, name)) and _ONE_WORD.fullmatch(text)]
    return max(texts, key=lambda code: (_is_error(code), not code.isdigit()), default=None)


def _is_error(said: str | None) -> bool:
    """Whether a code or message is one of an error; some products put "Code": "200" or "OK" into a good answer."""
    return said is not None and _OF_SUCCESS.fullmatch(said.casefold()) is None


def _text(fields: Mapping[str, object], *names: str) -> str | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and (text := value.strip()):
            return text
    return None


def _why_denied(document: object, redaction: Redaction) -> str:
    """What AccessDeniedDetail says of a missing right, wherever it stands."""
    detail = _first(document, lambda fields: any(_text(fields, *names) for names in _DENIED)) or {}
    told = ((names[0], redaction.in_brief(_text(detail, *names))) for names in _DENIED)
    return ", ".join(f"{name} {value}" for name, value in told if value)


def _wait(retry_after_s: float | None, longest_wait_s: float) -> str | None:
    if retry_after_s is None:
        return None
    asked = "more than a year" if retry_after_s > _YEAR_S else f"{math.ceil(retry_after_s)} s"
    allowed = f", poll.failing_interval allows {longest_wait_s:g} s" if retry_after_s > longest_wait_s else ""
    return f"the API asks to wait {asked}{allowed}"


def _server_time(date: str, came_at: float) -> float | None:
    """The Unix time of a Date header; None when it cannot be read, or is more than a year from ``came_at``."""
    theirs = _unix_time(date)
    return theirs if theirs is not None and -_YEAR_S < theirs - came_at < _YEAR_S else None


@lru_cache(maxsize=4)  # hundreds of replies come within one second
def _unix_time(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
