"""The effects of faults: on the answer, which is pure, and on the wire, where each of them really happens."""

import json
from dataclasses import replace
from typing import Final

from exporter.simulator.errors import GatewayError
from exporter.simulator.faults import TRICKLE_INTERVAL_S, Fault
from exporter.simulator.http_messages import JSON_TYPE, Answer, Request
from exporter.simulator.http_server import Connection

# More than 1 MiB, far above any real answer.
_OVERSIZED_BYTES: Final = 1024 * 1024 + 64 * 1024
_NOT_HTTP: Final = b"\x00\x01\xfe\xff this is not HTTP\r\n\r\n"
_HTML_502: Final = b"""<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>gateway</center></body>
</html>
"""
# Port 9 is the discard service, which no machine runs today: a client that follows is refused.
_NOWHERE: Final = "http://127.0.0.1:9/"
_ECHO_STATUS: Final = 400


def fault_error(fault: Fault, request: Request) -> GatewayError | None:
    """Return the refusal that a fault plays, None if it plays no refusal."""
    if fault.kind == "error":
        message = "The request processing has failed." if fault.message is None else fault.message
        return GatewayError(fault.code or "", message, status=fault.status)
    if fault.kind == "echo":
        repeated = _credentials_in(request)
        code = repeated if fault.field == "code" else "InternalError"
        message = "The request processing has failed." if fault.field in ("code", "request_id") else repeated
        return GatewayError(code, message, status=fault.status or _ECHO_STATUS)
    return None


def fault_request_id(fault: Fault | None, request: Request, *, request_id: str) -> str:
    """Return the id that the answer bears: the request's own, unless a fault puts something else there."""
    if fault is not None and fault.kind == "echo" and fault.field == "request_id":
        return _credentials_in(request)
    return request_id


def fault_answer(fault: Fault, answer: Answer) -> Answer:
    """Return what is sent in place of the right answer, which stays if the fault only touches the sending."""
    headers, content_type = (*answer.headers, *(fault.headers or {}).items()), JSON_TYPE
    match fault.kind:
        case "html_502":
            status, body, content_type = 502, _HTML_502, "text/html"
        case "truncated_json":
            status, body, content_type = answer.status, answer.body[: len(answer.body) // 2], answer.content_type
        case "redirect_302":
            status, body, content_type = 302, b"", "text/html"
            headers = (*headers, ("Location", _NOWHERE))
        case "oversized":
            status, body = 200, json.dumps({"Padding": "x" * _OVERSIZED_BYTES}).encode()
        case "wrong_shape":
            status, body = 200, b'[{"LockReason": "financial"}, 1, null]'
        case "not_json":
            status, body = 200, b"everything is fine"
        case _:
            return replace(answer, headers=headers)
    return Answer(status, body, content_type, headers, chunked=bool(fault.chunked))


def send_with_fault(data: bytes, fault: Fault, connection: Connection) -> bool:
    """Send a whole answer in the fault's way; return whether the connection can go on.

    Ends early when the server stops; raises OSError when the client has gone.
    """
    head_starts = data.index(b"\r\n") + 2
    body_starts = data.index(b"\r\n\r\n") + 4
    match fault.kind:
        case "reset":
            connection.reset()
        case "close" | "close_reused":
            connection.close()
        case "hang":
            connection.wait_until_gone()
        case "not_http":
            connection.send(_NOT_HTTP)
        case "cut_body":
            connection.send(data[: (body_starts + len(data)) // 2])
        case "trickle_status":
            return _trickle(data, 0, head_starts, fault, connection)
        case "trickle_headers":
            return _trickle(data, head_starts, body_starts, fault, connection)
        case "trickle_body":
            return _trickle(data, body_starts, len(data), fault, connection)
        case "latency" if not connection.pause(fault.seconds or 0.0):
            pass  # The server stops.
        case _:
            connection.send(data)
            return True
    return False


def _trickle(data: bytes, begin: int, end: int, fault: Fault, connection: Connection) -> bool:
    interval_s = TRICKLE_INTERVAL_S if fault.interval is None else fault.interval
    connection.send(data[:begin])
    for at in range(begin, end):
        if not connection.pause(interval_s):
            return False
        connection.send(data[at : at + 1])
    connection.send(data[end:])
    return True


def _credentials_in(request: Request) -> str:
    in_headers = [request.header(name) for name in ("authorization", "x-acs-signature-nonce", "x-acs-security-token")]
    parameters = request.parameters()
    in_parameters = [parameters.get(name) for name in ("Signature", "SignatureNonce", "SecurityToken", "OIDCToken")]
    return " ".join(value for value in (*in_headers, *in_parameters) if value)
