"""Finds the object or the error in a reply, and the API's clock."""

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

from exporter.api.body import DEEPEST, document_in
from exporter.api.errors import MalformedReply, Refused, meaning_of_code, reason_of_refusal
from exporter.api.redaction import Redaction

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

_CODE = ("Code", "code", "ErrorCode", "errorCode")
_MESSAGE = ("Message", "message", "ErrorMessage", "errorMessage", "errorMsg")
_WRAPPERS = ("Error", "error")
_OF_ERRORS = frozenset({*_CODE, *_WRAPPERS, "Success"})
_REQUEST_ID = ("RequestId", "requestId")
# https://www.alibabacloud.com/help/en/ram/user-guide/how-do-i-troubleshoot-access-denied-errors
_DENIED = ("PolicyType", "NoPermissionType", "AuthAction")
_MOST_LOOKED_AT = 100
_YEAR_S = 365 * 24 * 3600.0
_OF_BODY = ("Content-Type", "Content-Encoding")
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
    the object is an error, MalformedReply when the body is no object.
    """
    document, is_json = document_in(body, headers)
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
            problem=problem,
        )
    if not (is_json and isinstance(document, dict)):
        kind = "a JSON value that is no object" if is_json else "no JSON"
        explanation = problem or ", ".join([f"the reply is {kind}", *_declared(headers, redaction)])
        raise MalformedReply(explanation, http_status=http_status, request_id=request_id)
    return document, request_id


def _declared(headers: Mapping[str, str], redaction: Redaction) -> list[str]:
    """What the head says of a body that it is, in words."""
    said = {name: redaction.sentence(None, headers.get(name, "").partition(";")[0]) for name in _OF_BODY}
    return [f"its {name.lower().replace('-', ' ')} is {value}" for name, value in said.items() if value]


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
    for _ in range(DEEPEST):
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
    problem: str | None,
) -> Refused:
    said = _text(error, *_CODE)
    code = redaction.code(said)
    sentence = redaction.sentence(code, _text(error, *_MESSAGE))
    denied = error.get("AccessDeniedDetail")
    details = (
        []
        if not isinstance(denied, dict)
        else [f"{name} {value}" for name in _DENIED if (value := redaction.plain(_text(denied, name)))]
    )
    wait = None
    if retry_after_s is not None:
        asked = "more than a year" if retry_after_s > _YEAR_S else f"{math.ceil(retry_after_s)} s"
        allowed = f", poll.failing_interval allows {longest_wait_s:g} s" if retry_after_s > longest_wait_s else ""
        wait = f"the API asks to wait {asked}{allowed}"
    remark = "; ".join(filter(None, [meaning_of_code(said), ", ".join(details), problem, wait]))
    words = code or f"HTTP {http_status}"
    return Refused(
        words + (f": {sentence}" if sentence else "") + (f" ({remark})" if remark else ""),
        code=code,
        http_status=http_status,
        request_id=request_id,
        message=sentence,
        retry_after_s=retry_after_s,
        reason=reason_of_refusal(said, http_status, sentence),
    )


def _text(fields: Mapping[str, object], *names: str) -> str | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and (text := value.strip()):
            return text
    return None


def _is_error(code: str | None) -> bool:
    """Whether the code is one of an error; some products put "Code": "200" or "OK" into a good answer."""
    return code is not None and code.casefold() not in ("200", "ok", "success", "0")


def _says_failure(fields: Mapping[str, object]) -> bool:
    """Whether "Success" is false, as in the errors that BssOpenApi answers with HTTP 200."""
    success = fields.get("Success")
    return success is False or (isinstance(success, str) and success.strip().casefold() == "false")


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
