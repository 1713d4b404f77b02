"""What faults do: to the answer, which is pure, and to its way onto the wire, where each fault really happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from exporter.simulator.asked import asked_by
from exporter.simulator.errors import GatewayError
from exporter.simulator.faults import TRICKLE_INTERVAL_S
from exporter.simulator.http_messages import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.simulator.faults import Fault
    from exporter.simulator.http_messages import Request
    from exporter.simulator.http_server import Connection

OVERSIZED_BYTES: Final = 1024 * 1024 + 64 * 1024
"""How much an `oversized` body holds: more than 1 MiB, which no honest answer comes near."""
NOT_HTTP: Final = b"\x00\x01\xfe\xff this is not HTTP\r\n\r\n"
UNANSWERED: Final = frozenset({"reset", "close", "close_reused", "hang", "not_http"})
"""The kinds after which a client has seen no HTTP status."""

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


def send_with_fault(data: bytes, fault: Fault, connection: Connection) -> bool:
    """Send a whole answer in the fault's way; return whether the connection can go on.

    Ends early when the server stops; raises OSError when the client has gone.
    """
    act = _ACTS.get(fault.kind)
    if act is None:
        connection.send(data)
        return True
    return act(data, fault, connection)


def _latency(data: bytes, fault: Fault, connection: Connection) -> bool:
    if not connection.pause(fault.seconds or 0.0):
        return False
    connection.send(data)
    return True


def _reset(_data: bytes, _fault: Fault, connection: Connection) -> bool:
    connection.reset()
    return False


def _close(_data: bytes, _fault: Fault, connection: Connection) -> bool:
    connection.close()
    return False


def _hang(_data: bytes, _fault: Fault, connection: Connection) -> bool:
    connection.wait_until_gone()
    return False


def _not_http(_data: bytes, _fault: Fault, connection: Connection) -> bool:
    connection.send(NOT_HTTP)
    return False


def _cut_body(data: bytes, _fault: Fault, connection: Connection) -> bool:
    head_ends = data.index(b"\r\n\r\n") + 4
    body_bytes = len(data) - head_ends
    connection.send(data[: head_ends + body_bytes // 2])
    return False


def _trickle_status(data: bytes, fault: Fault, connection: Connection) -> bool:
    return _trickle(data, 0, data.index(b"\r\n") + 2, fault, connection)


def _trickle_headers(data: bytes, fault: Fault, connection: Connection) -> bool:
    return _trickle(data, data.index(b"\r\n") + 2, data.index(b"\r\n\r\n") + 4, fault, connection)


def _trickle_body(data: bytes, fault: Fault, connection: Connection) -> bool:
    return _trickle(data, data.index(b"\r\n\r\n") + 4, len(data), fault, connection)


def _trickle(data: bytes, begin: int, end: int, fault: Fault, connection: Connection) -> bool:
    interval_s = TRICKLE_INTERVAL_S if fault.interval is None else fault.interval
    if begin:
        connection.send(data[:begin])
    for at in range(begin, end):
        if not connection.pause(interval_s):
            return False
        connection.send(data[at : at + 1])
    if end < len(data):
        connection.send(data[end:])
    return True


_ACTS: Final[dict[str, Callable[[bytes, Fault, Connection], bool]]] = {
    "latency": _latency,
    "reset": _reset,
    "close": _close,
    "close_reused": _close,
    "hang": _hang,
    "not_http": _not_http,
    "cut_body": _cut_body,
    "trickle_status": _trickle_status,
    "trickle_headers": _trickle_headers,
    "trickle_body": _trickle_body,
}
