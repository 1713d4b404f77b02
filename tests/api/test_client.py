"""Calls over real sockets against the simulator: what is sent, learned and observed."""

import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.api.call import Caller, Reply
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.dns import Resolver
from exporter.api.errors import (
    ApiError,
    CallAborted,
    CallTimedOut,
    ConnectionFailed,
    CredentialsUnavailable,
    MalformedReply,
    Refused,
    ReplyTooLarge,
    WriteRefused,
)
from exporter.api.operation import ASSUME_ROLE, Operation
from exporter.api.rate_limit import Budgets, Reservation
from exporter.core.model import FailureReason
from exporter.simulator import Account, Fault, FaultKind, ServiceState, Simulator
from tests.api.conftest import SECRET
from tests.api.raw_server import RawServer, always, reply
from tests.api.recording_observer import RecordingObserver

Simulate = Callable[..., Simulator]
Serve = Callable[..., RawServer]
Connect = Callable[..., Client]
Ask = Callable[[Client], Reply]


def test_an_answer(simulate: Simulate, connect: Connect, ask: Ask, observer: RecordingObserver) -> None:
    """The simulator accepts the signature; the answer comes as it was sent, with its request id."""
    simulator = simulate()
    answer = ask(connect(simulator.url))

    (entry,) = simulator.journal.entries()
    assert answer.payload["OperationLocks"] == {"LockReason": []}
    assert answer.request_id == answer.payload["RequestId"] == entry.request_id
    assert (entry.method, entry.http_status, entry.access_key_id) == ("POST", 200, "LTAI5tAlice")
    assert [action for action, _ in observer.calls] == [action for action, _ in observer.waits] == [entry.action]
    assert 0 < answer.duration_s == pytest.approx(observer.calls[0][1], abs=5)


def test_temporary_credentials(simulate: Simulate, connect: Connect, operation: Operation) -> None:
    """A token is sent and signed."""
    account = Account(
        name="bob", account_id="7", access_key_id="STS.Bob", access_key_secret="s/+=", security_token="token+/=="
    )
    client = connect(simulate(account).url)
    caller = Caller(StaticCredentials(Credentials("STS.Bob", Secret("s/+="), Secret("token+/=="))))

    assert client.call(operation, caller, client.reserve(operation, caller)).payload["InstanceId"]


def test_parameters_are_signed_and_arrive(simulate: Simulate, connect: Connect, serve: Serve) -> None:
    """Parameters go out in the query as they were signed, whatever characters they have."""
    user = Account(name="carol", account_id="7", access_key_id="LTAI5tCarol", access_key_secret="c", ram_user="carol")
    simulator = simulate(user)
    parameters = {
        "RoleArn": "acs:ram::7:role/reader",
        "RoleSessionName": "a.b@c-d_e",
        "ExternalId": "~x y+z/*&=?%20#é",
        "DurationSeconds": "900",
    }
    caller = Caller(StaticCredentials(Credentials("LTAI5tCarol", Secret("c"))))
    client = connect(simulator.url)
    with pytest.raises(Refused, match=r"EntityNotExist\.Role"):
        client.call(ASSUME_ROLE, caller, client.reserve(ASSUME_ROLE, caller), parameters)

    server = serve(always(reply()))
    client = connect(server.url)
    client.call(ASSUME_ROLE, caller, client.reserve(ASSUME_ROLE, caller), parameters)
    assert server.heads[0].decode().splitlines()[0] == (
        "POST /?DurationSeconds=900&ExternalId=~x%20y%2Bz%2F%2A%26%3D%3F%2520%23%C3%A9"
        "&RoleArn=acs%3Aram%3A%3A7%3Arole%2Freader&RoleSessionName=a.b%40c-d_e HTTP/1.1"
    )


def test_what_is_sent(serve: Serve, connect: Connect, ask: Ask) -> None:
    """The request has the headers that the signature covers, no body, and asks for no compression."""
    server = serve(always(reply()))
    ask(connect(server.url, wall_clock=lambda: 1_767_323_045.9, nonce=lambda: "n1"))

    line, *headers = server.heads[0].decode().strip().splitlines()
    sent = {name.lower(): value for name, _, value in (header.partition(": ") for header in headers)}
    assert line == "POST / HTTP/1.1"
    assert sent.pop("authorization").startswith("ACS3-HMAC-SHA256 Credential=LTAI5tAlice,SignedHeaders=accept;host;")
    assert sent == {
        "host": server.url.removeprefix("http://"),
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-length": "0",
        "user-agent": "tests",
        "x-acs-action": "DescribeDcdnIpaService",
        "x-acs-version": "2018-01-15",
        "x-acs-date": "2026-01-02T03:04:05Z",
        "x-acs-signature-nonce": "n1",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }


def test_not_activated(simulate: Simulate, connect: Connect, ask: Ask) -> None:
    """An error code comes with its status and request id, so that a probe can find a state in it."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(activated=False))

    with pytest.raises(Refused) as refusal:
        ask(connect(simulator.url))

    (entry,) = simulator.journal.entries()
    assert (refusal.value.code, refusal.value.http_status) == (entry.code, entry.http_status)
    assert (refusal.value.code or "").casefold() == "dcdnipaservicenotfound"
    assert refusal.value.request_id == entry.request_id
    assert refusal.value.reason is FailureReason.REJECTED


FAULTS: list[tuple[Fault, type[ApiError], FailureReason, int | None]] = [
    (Fault("reset"), ConnectionFailed, FailureReason.NETWORK, None),
    (Fault("close"), ConnectionFailed, FailureReason.NETWORK, None),
    (Fault("cut_body"), ConnectionFailed, FailureReason.NETWORK, None),
    (Fault("not_http"), ConnectionFailed, FailureReason.NETWORK, None),
    (Fault("html_502"), Refused, FailureReason.SERVER, 502),
    (Fault("redirect_302"), Refused, FailureReason.THROTTLED, 302),
    (Fault("error", status=400, code="Throttling.User"), Refused, FailureReason.THROTTLED, 400),
    (Fault("error", status=403, code="Forbidden.RAM"), Refused, FailureReason.PERMISSION, 403),
    (Fault("error", status=200, code="InternalError"), Refused, FailureReason.SERVER, 200),
    (Fault("truncated_json"), MalformedReply, FailureReason.MALFORMED, 200),
    (Fault("wrong_shape"), MalformedReply, FailureReason.MALFORMED, 200),
    (Fault("not_json"), MalformedReply, FailureReason.MALFORMED, 200),
    (Fault("oversized"), ReplyTooLarge, FailureReason.MALFORMED, 200),
    (Fault("oversized", chunked=True), ReplyTooLarge, FailureReason.MALFORMED, 200),
]


@pytest.mark.parametrize(
    ("fault", "kind", "reason", "http_status"),
    [pytest.param(*row, id=f"{row[0].kind}-{row[0].code or row[0].chunked or ''}".rstrip("-")) for row in FAULTS],
)
def test_faults(  # noqa: PLR0917 — a row of the table, and what it is tried with
    simulate: Simulate,
    connect: Connect,
    ask: Ask,
    fault: Fault,
    kind: type[ApiError],
    reason: FailureReason,
    http_status: int | None,
) -> None:
    """Each way to misbehave has its error; the call after it gets its answer, from one request."""
    simulator = simulate()
    simulator.set_fault("alice", fault)
    client = connect(simulator.url)

    with pytest.raises(ApiError) as failure:
        ask(client)
    simulator.set_fault("alice", None)
    ask(client)

    assert (type(failure.value), failure.value.reason, failure.value.http_status) == (kind, reason, http_status)
    assert simulator.journal.total == 2


@pytest.mark.parametrize("kind", ["hang", "trickle_status", "trickle_headers", "trickle_body"])
def test_slow_faults(simulate: Simulate, connect: Connect, ask: Ask, kind: FaultKind) -> None:
    """A server that is slow costs a call its deadline."""
    simulator = simulate()
    simulator.set_fault("alice", Fault(kind))

    with pytest.raises(CallTimedOut, match=rf"^no whole reply from {simulator.url[7:]} within 0\.1 s$"):
        ask(connect(simulator.url, deadline_s=0.1))


@pytest.mark.parametrize("field", ["message", "code", "request_id"])
def test_an_echo_of_the_request(simulate: Simulate, connect: Connect, operation: Operation, field: Any) -> None:
    """An error that repeats the request's secrets leaves none of them in the exception."""
    account = Account(
        name="bob",
        account_id="7",
        access_key_id="STS.Bob",
        access_key_secret="planted",
        security_token="t0ken-planted",
    )
    simulator = simulate(account)
    simulator.set_fault("bob", Fault("echo", field=field))
    client = connect(simulator.url)
    caller = Caller(StaticCredentials(Credentials("STS.Bob", Secret("planted"), Secret("t0ken-planted"))))

    with pytest.raises(Refused) as refusal:
        client.call(operation, caller, client.reserve(operation, caller))

    said = repr((refusal.value, vars(refusal.value), refusal.value.__cause__))
    assert "planted" not in said
    assert "Signature=" not in said


def test_a_secret_parameter_is_nowhere(
    simulate: Simulate, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an error that repeats an external id nor a library's log at its lowest level shows it."""
    caplog.set_level(logging.DEBUG)
    simulator = simulate()
    said = "The external id is planted-external-id."
    simulator.set_fault("alice", Fault("error", status=403, code="NoPermission", message=said))
    caller = Caller(StaticCredentials(Credentials("LTAI5tAlice", Secret(SECRET))))
    client = connect(simulator.url)

    with pytest.raises(Refused) as refusal:
        client.call(ASSUME_ROLE, caller, client.reserve(ASSUME_ROLE, caller), {"ExternalId": "planted-external-id"})

    assert refusal.value.code == "NoPermission"
    assert "planted" not in repr((refusal.value, vars(refusal.value)))
    assert "planted" not in caplog.text


def test_a_write_is_refused_to_a_client_for_reads(
    simulate: Simulate, connect: Connect, caller: Caller, operation: Operation, write: Operation
) -> None:
    """Neither a place in the queue nor a request is given to an operation that changes something."""
    simulator = simulate()
    client = connect(simulator.url)
    permit = client.reserve(operation, caller)

    with pytest.raises(WriteRefused, match="OpenCdnService"):
        client.reserve(write, caller)
    with pytest.raises(WriteRefused, match="OpenCdnService"):
        client.call(write, caller, permit)
    assert simulator.journal.total == 0


def test_a_write_is_sent_by_a_client_made_for_it(
    serve: Serve, connect: Connect, caller: Caller, write: Operation
) -> None:
    """A client that may write does."""
    server = serve(always(reply()))
    client = connect(server.url, writes=frozenset({"OpenCdnService"}))
    client.call(write, caller, client.reserve(write, caller))

    assert b"x-acs-action: OpenCdnService" in server.heads[0]


def test_the_clock_skew(simulate: Simulate, connect: Connect, ask: Ask, observer: RecordingObserver) -> None:
    """Every answer gives how far the API's clock is ahead, half a second added for the cut-off fraction."""
    simulator = simulate(wall_clock=lambda: 1_767_323_165.0)
    ask(connect(simulator.url, wall_clock=lambda: 1_767_323_045.0))

    assert observer.skews == [120.5]


@pytest.mark.parametrize(
    "date",
    [
        pytest.param("", id="empty"),
        pytest.param("yesterday", id="words"),
        pytest.param("Mon, 99 Foo 2026 99:99:99 GMT", id="out-of-range"),
        pytest.param("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", id="year-without-end"),
        pytest.param("Mon, 01 Jan 2026 00:00:00 +999999", id="zone-out-of-range"),
        pytest.param(",", id="comma"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", id="no-time-of-a-clock"),
        pytest.param("Thu, 01 Jan 1970 00:00:00 GMT", id="a-clock-that-was-never-set"),
    ],
)
def test_a_date_that_is_none(
    serve: Serve, connect: Connect, ask: Ask, observer: RecordingObserver, date: str
) -> None:
    """A Date header that cannot be read, or cannot be, says nothing of the clock, and does not spoil the answer."""
    answer = ask(connect(serve(always(reply(b'{"a":1}', headers=(f"Date: {date}",)))).url))

    assert (answer.payload, observer.skews) == ({"a": 1}, [])


def test_the_date_is_taken_after_the_wait(serve: Serve, connect: Connect, ask: Ask) -> None:
    """A request is signed when the budget lets it go, so that a long wait does not make its date old."""
    server = serve(always(reply()))
    began = time.monotonic()
    client = connect(  # on a wall clock that runs ten thousand times as fast
        server.url, permitted=10, wall_clock=lambda: 1_767_000_000.0 + 10_000 * (time.monotonic() - began)
    )
    for _ in range(2):
        ask(client)

    first, second = (
        datetime.strptime(date_of(head), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for head in server.heads
    )
    assert (second - first).total_seconds() >= 10_000 / 10


def date_of(head: bytes) -> str:
    (date,) = (line.partition(": ")[2] for line in head.decode().splitlines() if line.startswith("x-acs-date"))
    return date


def test_credentials_are_renewed_while_a_turn_waits(
    simulate: Simulate, connect: Connect, operation: Operation, credentials: Credentials
) -> None:
    """A permit that waited for long is signed with the credentials of now, or with its own when there are none."""
    found: list[Credentials | None] = [
        Credentials("LTAI5tOld", Secret("old")), credentials,  # reserved, and renewed until the call
        credentials, None,  # reserved, and none to be had at the call
    ]  # fmt: skip

    class Renewed(StaticCredentials):
        def credentials(self, *, patience_s: float) -> Credentials:
            assert patience_s == 20.0
            if (now := found.pop(0)) is None:
                raise CredentialsUnavailable("none")
            return now

    simulator = simulate()
    client = connect(simulator.url)
    caller = Caller(Renewed(credentials))
    for _ in range(2):
        client.call(operation, caller, client.reserve(operation, caller))

    assert [entry.access_key_id for entry in simulator.journal.entries()] == ["LTAI5tAlice"] * 2


@pytest.mark.parametrize(
    ("account_id", "identity"),
    [pytest.param("42", "42", id="account"), pytest.param(None, "LTAI5tAlice", id="key")],
)
def test_whose_budget(
    connect: Connect, operation: Operation, credentials: Credentials, account_id: str | None, identity: str
) -> None:
    """A call spends the account's budget, and the access key's as long as the account is not known."""
    client = connect("http://127.0.0.1:1")
    permit = client.reserve(operation, Caller(StaticCredentials(credentials), account_id=account_id))

    assert (permit.reservation.identity, permit.credentials) == (identity, credentials)


def test_seconds_to_a_turn(connect: Connect, operation: Operation, caller: Caller) -> None:
    """The time until a permit goes by the client's clock and is never below zero."""
    now = [1000.0]
    client = connect(
        "http://127.0.0.1:1",
        budgets=Budgets({"DescribeDcdnIpaService": 1}, clock=lambda: now[0]),
        clock=lambda: now[0],
    )
    permits = [client.reserve(operation, caller) for _ in range(2)]
    before = [client.seconds_to(permit) for permit in permits]
    now[0] += 10

    assert before == pytest.approx([0, 1 / 0.925])
    assert [client.seconds_to(permit) for permit in permits] == [0, 0]


def test_the_wait_for_the_budget_is_told(
    simulate: Simulate, connect: Connect, operation: Operation, caller: Caller, observer: RecordingObserver
) -> None:
    """It is as long as the call's moment was away when it was reserved, however late the call then is."""
    now = [1000.0]
    client = connect(
        simulate().url, budgets=Budgets({operation.action: 2}, clock=lambda: now[0]), clock=lambda: now[0]
    )
    permits = [client.reserve(operation, caller) for _ in range(2)]
    client.call(operation, caller, permits[0])
    now[0] += 10
    client.call(operation, caller, permits[1])

    assert observer.waits == [(operation.action, 0.0), (operation.action, pytest.approx(1 / 1.85))]


def test_the_wait_of_a_late_call_for_room_is_told(
    simulate: Simulate, connect: Connect, ask: Ask, operation: Operation, observer: RecordingObserver
) -> None:
    """A call for which the window has no room when its moment has come waits for the budget, too."""
    now = [1000.0]

    class Crowded(Budgets):
        """Has room when it is asked for the second time, and every time takes two seconds."""

        def admit(self, reservation: Reservation) -> float:
            now[0] += 2
            return 0.01 if now[0] == 1002.0 else super().admit(reservation)

    budgets = Crowded({operation.action: 2}, clock=lambda: now[0])
    ask(connect(simulate().url, budgets=budgets, clock=lambda: now[0]))

    assert observer.waits == [(operation.action, 4.0)]


def test_what_opens_a_connection_is_no_wait_for_the_budget(
    serve: Serve, connect: Connect, ask: Ask, operation: Operation, observer: RecordingObserver
) -> None:
    """A name that is looked up for long does not look like a budget without room."""
    now = [1000.5]  # the budget read its clock a little before

    def look_up(*_: Any, **__: Any) -> list[Any]:
        now[0] += 5
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", server.port))]

    server = serve(always(reply()))
    budgets = Budgets({operation.action: 2}, clock=lambda: 1000.0)
    ask(connect("http://api.example", budgets=budgets, clock=lambda: now[0], resolver=Resolver(look_up)))

    assert observer.waits == [(operation.action, 0.0)]


def test_many_threads(simulate: Simulate, connect: Connect, ask: Ask) -> None:
    """Eight threads and four hundred calls need eight connections at most."""
    simulator = simulate()
    client = connect(simulator.url)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(client), range(400)))

    assert len({answer.request_id for answer in answers}) == simulator.journal.total == 400
    assert len({entry.connection for entry in simulator.journal.entries()}) <= 8


def test_the_environment_of_the_process_is_not_read(
    simulate: Simulate, connect: Connect, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither proxies nor CA bundles nor netrc files of the environment make a difference."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    monkeypatch.delenv("no_proxy", raising=False)
    simulator = simulate()

    assert ask(connect(simulator.url)).payload


def test_a_closed_client_calls_nobody(simulate: Simulate, connect: Connect, ask: Ask) -> None:
    """After a close, and a second one, no request is sent."""
    simulator = simulate()
    client = connect(simulator.url)
    ask(client)
    client.close()
    client.close()

    with pytest.raises(CallAborted):
        ask(client)
    assert simulator.journal.total == 1
