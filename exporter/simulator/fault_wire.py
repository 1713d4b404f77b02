"""Sends an answer the way a fault wants it sent; each fault is really on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.simulator.fault_answers import NOT_HTTP
from exporter.simulator.faults import TRICKLE_INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.simulator.faults import Fault
    from exporter.simulator.http_server import Connection

UNANSWERED: Final = frozenset({"reset", "close", "close_reused", "hang", "not_http"})
"""The kinds after which a client has seen no HTTP status."""


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
