"""The answers that faults put in place of the right one; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from exporter.simulator.asked import asked_by
from exporter.simulator.error_bodies import GatewayError
from exporter.simulator.http_messages import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.simulator.faults import Fault
    from exporter.simulator.http_messages import Request

OVERSIZED_BYTES: Final = 1024 * 1024 + 64 * 1024
"""How much an `oversized` body holds: more than 1 MiB, which no honest answer comes near."""
NOT_HTTP: Final = b"\x00\x01\xfe\xff this is not HTTP\r\n\r\n"

_HTML_502: Final = b"""<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>gateway</center></body>
</html>
"""
# Port 9 is the discard service, which nobody runs: a client that follows finds the door closed.
_NOWHERE: Final = "http://127.0.0.1:9/"
_ECHO_STATUS: Final = 400


def fault_error(fault: Fault, request: Request) -> GatewayError | None:
    """Return the refusal that a fault plays, None if it plays no refusal."""
    if fault.kind == "error":
        message = "The request processing has failed." if fault.message is None else fault.message
        return GatewayError(fault.code or "", message, status=fault.status)
    if fault.kind == "echo":
        said = _said_by(request)
        code = said if fault.field == "code" else "InternalError"
        message = "The request processing has failed." if fault.field in ("code", "request_id") else said
        return GatewayError(code, message, status=fault.status or _ECHO_STATUS)
    return None


def fault_request_id(fault: Fault | None, request: Request, *, request_id: str) -> str:
    """Return the id that the answer bears: the request's own, unless a fault puts something else there."""
    if fault is not None and fault.kind == "echo" and fault.field == "request_id":
        return _said_by(request)
    return request_id


def fault_answer(fault: Fault, answer: Answer) -> Answer:
    """Return what is sent in place of the right answer; the same one if the fault only touches the sending."""
    replace = _REPLACED.get(fault.kind)
    return answer if replace is None else replace(fault, answer)


def _said_by(request: Request) -> str:
    in_headers = [request.header(name) for name in ("authorization", "x-acs-signature-nonce", "x-acs-security-token")]
    parameters = asked_by(request).parameters
    in_query = [parameters.get(name) for name in ("Signature", "SignatureNonce", "SecurityToken", "OIDCToken")]
    return " ".join(value for value in (*in_headers, *in_query) if value)


def _html_502(_fault: Fault, answer: Answer) -> Answer:
    return Answer(502, _HTML_502, content_type="text/html", headers=answer.headers)


def _truncated_json(_fault: Fault, answer: Answer) -> Answer:
    return Answer(answer.status, answer.body[: len(answer.body) // 2], headers=answer.headers)


def _redirect_302(_fault: Fault, answer: Answer) -> Answer:
    return Answer(302, b"", content_type="text/html", headers=(*answer.headers, ("Location", _NOWHERE)))


def _oversized(fault: Fault, answer: Answer) -> Answer:
    body = json.dumps({"Padding": "x" * OVERSIZED_BYTES}).encode()
    return Answer(200, body, headers=answer.headers, chunked=bool(fault.chunked))


def _wrong_shape(_fault: Fault, answer: Answer) -> Answer:
    return Answer(200, b'[{"LockReason": "financial"}, 1, null]', headers=answer.headers)


def _not_json(_fault: Fault, answer: Answer) -> Answer:
    return Answer(200, b"everything is fine", headers=answer.headers)


_REPLACED: Final[dict[str, Callable[[Fault, Answer], Answer]]] = {
    "html_502": _html_502,
    "truncated_json": _truncated_json,
    "redirect_302": _redirect_302,
    "oversized": _oversized,
    "wrong_shape": _wrong_shape,
    "not_json": _not_json,
}
