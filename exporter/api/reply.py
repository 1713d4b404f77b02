"""What an HTTP reply says: a decoded object, or the error that it is; pure."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from exporter.api.errors import MalformedReply, Refused
from exporter.api.redaction import Redaction


def decode(
    body: bytes, redaction: Redaction, *, http_status: int, request_id: str | None
) -> tuple[Mapping[str, Any], str | None]:
    """The object and its request id; ``request_id`` is the one of the head, where the body names none.

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


def _json(body: bytes) -> tuple[object, bool]:
    try:
        return json.loads(body), True
    except (ValueError, RecursionError):  # a megabyte of brackets is deeper than the decoder goes
        return None, False


def _text(fields: Mapping[str, object], *names: str) -> str | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def _is_error(code: str | None) -> bool:
    """Some products put "Code": "200" or "OK" beside a good answer."""
    return code is not None and code.casefold() not in ("200", "ok", "success")


def _says_failure(fields: Mapping[str, object]) -> bool:
    """BssOpenApi puts its errors into a 200, beside a "Success": false."""
    success = fields.get("Success")
    return success is False or (isinstance(success, str) and success.strip().casefold() == "false")


def _refusal_in_words(http_status: int, code: str | None, sentence: str | None) -> str:
    what = code or f"HTTP {http_status}"
    return f"{what}: {sentence}" if sentence else what
