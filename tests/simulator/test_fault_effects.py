"""Every fault is really on the wire, seen from a plain socket."""

import json
import socket
import time
from collections.abc import Callable
from http.client import HTTPResponse, IncompleteRead
from typing import Any

import pytest

from exporter.simulator import Account, Fault, Simulator
from exporter.simulator.faults import ECHO_FIELDS, EchoField, FaultKind

Simulate = Callable[..., Simulator]
Connect = Callable[[Simulator], socket.socket]
Signed = Callable[..., bytes]
Ask = Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]]
ReadToEnd = Callable[[socket.socket], bytes]


@pytest.fixture
def faulty(simulate: Simulate, connect: Connect) -> Callable[..., tuple[Simulator, socket.socket]]:
    """Starts a simulator whose account has a fault, and opens a connection to it."""

    def start(kind: FaultKind, *, of: str = "alice", **parts: Any) -> tuple[Simulator, socket.socket]:
        simulator = simulate()
        simulator.set_fault(of, Fault(kind, **parts))
        return simulator, connect(simulator)

    return start


Faulty = Callable[..., tuple[Simulator, socket.socket]]


def test_latency_delays_the_right_answer(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """The answer is the right one and comes late."""
    _, connection = faulty("latency", seconds=0.1)
    began = time.monotonic()
    response, body = ask(connection, signed())
    assert time.monotonic() - began >= 0.1
    assert (response.status, json.loads(body)["InternetChargeType"]) == (200, "PayByTraffic")


def test_reset_is_a_reset(faulty: Faulty, signed: Signed) -> None:
    """The client sees RST, not an end."""
    _, connection = faulty("reset")
    connection.sendall(signed())
    with pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_close_is_an_end_before_the_first_byte(faulty: Faulty, signed: Signed, read_to_end: ReadToEnd) -> None:
    """The client sees FIN and nothing before it."""
    _, connection = faulty("close")
    connection.sendall(signed())
    assert read_to_end(connection) == b""


def test_close_reused_hits_only_connections_that_served_before(
    faulty: Faulty, connect: Connect, signed: Signed, ask: Ask, read_to_end: ReadToEnd
) -> None:
    """The first request of a connection is answered, the second finds it closed, a new connection is well."""
    simulator, connection = faulty("close_reused", times=1)
    assert ask(connection, signed())[0].status == 200
    connection.sendall(signed())
    assert read_to_end(connection) == b""
    assert ask(connect(simulator), signed())[0].status == 200
    assert [entry.fault for entry in simulator.journal.entries()] == [None, "close_reused", None]


def test_hang_answers_nothing_until_the_client_leaves(faulty: Faulty, signed: Signed) -> None:
    """The request arrives, nothing comes back, and the server lets go when the client does."""
    simulator, connection = faulty("hang")
    connection.sendall(signed())
    assert simulator.journal.wait_for_total(1, timeout_s=10)
    connection.settimeout(0.05)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(10)
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("kind", "arrives_at_once"),
    [
        pytest.param("trickle_status", b"", id="status"),
        pytest.param("trickle_headers", b"HTTP/1.1 200 OK\r\n", id="headers"),
        pytest.param("trickle_body", b"\r\n\r\n", id="body"),
    ],
)
def test_what_comes_before_a_trickle_comes_at_once(
    faulty: Faulty, signed: Signed, kind: FaultKind, arrives_at_once: bytes
) -> None:
    """A trickle begins with its own part of the answer."""
    _, connection = faulty(kind, interval=3600.0)
    connection.sendall(signed())
    received = b""
    while not received.endswith(arrives_at_once):
        received += connection.recv(65536)
    connection.settimeout(0.05)
    with pytest.raises(TimeoutError):
        connection.recv(1)


@pytest.mark.parametrize("kind", ["trickle_status", "trickle_headers", "trickle_body"])
def test_a_trickle_is_the_right_answer_in_the_end(faulty: Faulty, signed: Signed, ask: Ask, kind: FaultKind) -> None:
    """Byte by byte the whole answer comes, and the connection goes on."""
    simulator, connection = faulty(kind, interval=0.0002)
    simulator.set_raw_answer("alice", b"0123456789")
    for _ in range(2):
        response, body = ask(connection, signed())
        assert (response.status, response.getheader("Content-Length"), body) == (200, "10", b"0123456789")


def test_a_trickle_takes_its_time(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """Ten bytes of body take ten intervals."""
    simulator, connection = faulty("trickle_body", interval=0.01)
    simulator.set_raw_answer("alice", b"0123456789")
    began = time.monotonic()
    ask(connection, signed())
    assert time.monotonic() - began >= 0.1


def test_a_fault_that_answers_ends_no_connection_but_one_that_is_unwanted(
    faulty: Faulty, signed: Signed, ask: Ask, read_to_end: ReadToEnd
) -> None:
    """After a whole answer the connection goes on, unless the client wanted it closed."""
    _, connection = faulty("latency", seconds=0.001)
    assert ask(connection, signed())[0].status == 200
    connection.sendall(signed(unsigned={"Connection": "close"}))
    assert read_to_end(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_html_502(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """A proxy's page is no JSON and says so."""
    response, body = ask(faulty("html_502")[1], signed())
    assert (response.status, response.getheader("Content-Type")) == (502, "text/html")
    assert body.startswith(b"<html>")


def test_truncated_json_is_whole_by_its_length(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """HTTP finds nothing wrong, JSON does."""
    response, body = ask(faulty("truncated_json")[1], signed())
    assert response.getheader("Content-Length") == str(len(body))
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_cut_body_ends_before_its_length(faulty: Faulty, signed: Signed) -> None:
    """HTTP finds fewer bytes than were promised."""
    _, connection = faulty("cut_body")
    connection.sendall(signed())
    response = HTTPResponse(connection)
    response.begin()
    with pytest.raises(IncompleteRead) as caught:
        response.read()
    assert caught.value.partial
    assert caught.value.expected


def test_redirect_302_points_to_where_nobody_listens(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """A client that follows it finds a closed port on this machine."""
    response, _ = ask(faulty("redirect_302")[1], signed())
    assert (response.status, response.getheader("Location")) == (302, "http://127.0.0.1:9/")


@pytest.mark.parametrize("chunked", [False, True])
def test_oversized_is_more_than_1_mib(faulty: Faulty, signed: Signed, ask: Ask, *, chunked: bool) -> None:
    """The body is JSON of more than 1 MiB, with its length told beforehand or not."""
    response, body = ask(faulty("oversized", chunked=chunked)[1], signed())
    assert (response.getheader("Content-Length") is None) is chunked
    assert len(body) > 1024 * 1024
    assert isinstance(json.loads(body), dict)


def test_wrong_shape_is_a_list(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """JSON, status 200, and no object."""
    response, body = ask(faulty("wrong_shape")[1], signed())
    assert response.status == 200
    assert isinstance(json.loads(body), list)


def test_not_json_is_plain_text(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """Status 200 and a body that says it is JSON and is not."""
    response, body = ask(faulty("not_json")[1], signed())
    assert response.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_not_http_is_garbage(faulty: Faulty, signed: Signed, read_to_end: ReadToEnd) -> None:
    """What comes begins with no status line, and then the connection ends."""
    _, connection = faulty("not_http")
    connection.sendall(signed())
    assert read_to_end(connection).startswith(b"\x00\x01\xfe\xff")


def test_an_error_is_any_error(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """Status, code and message are what the fault says, in the gateway's body."""
    simulator, connection = faulty("error", status=403, code="Forbidden.RAM", message="Not for you.")
    response, body = ask(connection, signed())
    request_id = response.getheader("x-acs-request-id")
    assert response.status == 403
    assert json.loads(body) == {
        "RequestId": request_id,
        "HostId": "127.0.0.1",
        "Code": "Forbidden.RAM",
        "Message": "Not for you.",
        "Recommend": f"https://api.aliyun.com/troubleshoot?q=Forbidden.RAM&product=dcdn&requestId={request_id}",
    }
    assert simulator.journal.entries()[0].code == "Forbidden.RAM"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        pytest.param({"kind": "error", "status": 400, "code": "Throttling"}, 400, id="error"),
        pytest.param({"kind": "html_502"}, 502, id="in place of the answer"),
        pytest.param({"kind": "latency", "seconds": 0.01}, 200, id="beside the right answer"),
    ],
)
def test_a_fault_sets_headers(faulty: Faulty, signed: Signed, ask: Ask, fault: dict[str, Any], status: int) -> None:
    """The headers come with the answer, and replace the usual ones of the same name."""
    headers = {"x-acs-retry-after": "60000", "content-type": "text/xml; charset=GBK"}
    response, _ = ask(faulty(**fault, headers=headers)[1], signed())
    assert (response.status, response.getheader("x-acs-retry-after")) == (status, "60000")
    assert response.headers.get_all("Content-Type") == ["text/xml; charset=GBK"]
    assert response.getheader("x-acs-request-id")


@pytest.mark.parametrize(
    ("field", "key"),
    [
        pytest.param("message", "Message", id="message"),
        pytest.param("code", "Code", id="code"),
        pytest.param("request_id", "RequestId", id="request id"),
    ],
)
def test_an_echo_repeats_secrets_where_it_is_told_to(
    faulty: Faulty, signed: Signed, ask: Ask, temporary_account: Account, *, field: EchoField, key: str
) -> None:
    """Authorization, nonce and security token come back in that field, and are not in the journal."""
    simulator, connection = faulty("echo", of="bob", field=field)
    _, body = ask(connection, signed(temporary_account, changed={"x-acs-signature-nonce": "planted-nonce"}))
    payload = json.loads(body)
    for secret in ("ACS3-HMAC-SHA256 Credential=STS.NBob", "planted-nonce", "bob-token+/=="):
        assert secret in payload[key]
    for other in {"Message", "Code", "RequestId"} - {key}:
        assert "bob-token" not in payload[other]
    assert "bob-token" not in repr(simulator.journal.entries())


@pytest.mark.parametrize(
    ("nonce", "shown"),
    [
        pytest.param("a\r\nSet-Cookie: b=c", "a??Set-Cookie: b=c", id="another header"),
        pytest.param("a\0b\x1b\x7f\x85\tc", "a?b???\tc", id="control characters"),
        pytest.param("中é文", "?é?", id="other letters"),
        pytest.param(b"a\xffb", "a?b", id="no text"),
    ],
)
@pytest.mark.parametrize("field", ECHO_FIELDS)
def test_an_echo_adds_no_header(
    faulty: Faulty, signed_v1: Signed, ask: Ask, *, nonce: str | bytes, shown: str, field: EchoField
) -> None:
    """What no header can hold is a question mark there, and the body has it as it came."""
    _, connection = faulty("echo", field=field)
    response, body = ask(connection, signed_v1(parameters={"SignatureNonce": nonce}))
    assert [name for name, _ in response.getheaders() if name == "Set-Cookie"] == []
    repeated = {"message": "Message", "code": "Code", "request_id": "RequestId"}[field]
    came = nonce if isinstance(nonce, str) else nonce.decode(errors="surrogateescape")
    assert json.loads(body)[repeated].endswith(f" {came}")
    if field == "request_id":
        assert str(response.getheader("x-acs-request-id")).endswith(f" {shown}")


def test_a_fault_lasts_as_many_requests_as_it_says(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """Two requests fail, the third is well; a fault that is set again starts anew."""
    simulator, connection = faulty("html_502", times=2)
    assert [ask(connection, signed())[0].status for _ in range(3)] == [502, 502, 200]
    simulator.set_fault("alice", Fault("html_502", times=1))
    assert [ask(connection, signed())[0].status for _ in range(2)] == [502, 200]


def test_a_fault_of_one_operation_spares_the_others(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """Only the operation it names is hit, and only its calls are counted."""
    _, connection = faulty("html_502", action="GetCallerIdentity", times=1)
    assert ask(connection, signed())[0].status == 200
    identity = {"action": "GetCallerIdentity", "version": "2015-04-01"}
    assert [ask(connection, signed(**identity))[0].status for _ in range(2)] == [502, 200]


def test_a_fault_hits_only_its_account(faulty: Faulty, signed: Signed, ask: Ask, temporary_account: Account) -> None:
    """Another account, on the same connection too, is well."""
    _, connection = faulty("html_502")
    assert ask(connection, signed(temporary_account))[0].status == 200
    assert ask(connection, signed())[0].status == 502


def test_a_fault_hits_only_requests_that_are_signed_rightly(faulty: Faulty, signed: Signed, ask: Ask) -> None:
    """Who signs wrongly is refused as ever."""
    _, connection = faulty("html_502")
    assert ask(connection, signed(secret="guessed"))[0].status == 400


@pytest.mark.parametrize(
    ("kind", "parts", "status"),
    [
        pytest.param("reset", {}, None, id="reset"),
        pytest.param("hang", {}, None, id="hang"),
        pytest.param("not_http", {}, None, id="not HTTP"),
        pytest.param("cut_body", {}, 200, id="cut body"),
        pytest.param("html_502", {}, 502, id="502"),
        pytest.param("redirect_302", {}, 302, id="redirect"),
        pytest.param("latency", {"seconds": 0.01}, 200, id="latency"),
    ],
)
def test_the_journal_notes_the_fault_and_the_status_seen(
    faulty: Faulty, signed: Signed, kind: FaultKind, parts: dict[str, Any], status: int | None
) -> None:
    """The status is that of the answer, none where the client has seen none."""
    simulator, connection = faulty(kind, **parts)
    connection.sendall(signed())
    assert simulator.journal.wait_for_total(1, timeout_s=10)
    [entry] = simulator.journal.entries()
    assert (entry.fault, entry.http_status) == (kind, status)
