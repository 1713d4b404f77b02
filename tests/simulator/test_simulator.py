"""The simulator behaves as the gateway does, over real HTTP."""

import json
import socket
import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse
from itertools import islice
from typing import Any

import pytest

from exporter.simulator import (
    LIMITS,
    UNSET,
    Account,
    ChargeChange,
    Fault,
    PlannedChange,
    PlannedService,
    Scenario,
    ServiceState,
    Simulator,
    Step,
)

Simulate = Callable[..., Simulator]
Connect = Callable[[Simulator], socket.socket]
Signed = Callable[..., bytes]
Ask = Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]]

NOW = 1_800_000_000.0
IDENTITY = {"action": "GetCallerIdentity", "version": "2015-04-01"}


def test_an_answer_is_the_gateways(simulate: Simulate, connect: Connect, signed: Signed, ask: Ask) -> None:
    """Type, date of the server's clock, and a request id that header and body share."""
    simulator = simulate(wall_clock=lambda: NOW)
    response, body = ask(connect(simulator), signed(now=NOW))
    request_id = json.loads(body)["RequestId"]
    assert response.getheader("Content-Type") == "application/json;charset=utf-8"
    assert parsedate_to_datetime(response.getheader("Date", "")).timestamp() == NOW
    assert response.getheader("x-acs-request-id") == request_id
    assert request_id == request_id.upper()
    assert len(request_id) == 36


def test_caller_identity(simulate: Simulate, connect: Connect, signed: Signed, ask: Ask) -> None:
    """The key says which account calls, by GET as well as by POST."""
    connection = connect(simulate())
    for method in ("GET", "POST"):
        response, body = ask(connection, signed(method=method, **IDENTITY))
        assert response.status == 200
        assert json.loads(body) == {
            "IdentityType": "Account",
            "AccountId": "1000000000000001",
            "PrincipalId": "1000000000000001",
            "UserId": "1000000000000001",
            "Arn": "acs:ram::1000000000000001:root",
            "RequestId": response.getheader("x-acs-request-id"),
        }


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        pytest.param({"action": "OpenDcdnService"}, 404, "InvalidAction.NotFound", id="unknown action"),
        pytest.param(
            {**IDENTITY, "version": "2018-01-15"}, 404, "InvalidAction.NotFound", id="other version's action"
        ),
        pytest.param({"version": "1999-01-01"}, 400, "NoSuchVersion", id="unknown version"),
        pytest.param({"method": "PUT"}, 400, "UnsupportedHTTPMethod", id="other method"),
        pytest.param({"target": "/api"}, 404, "InvalidApi.NotFound", id="other path"),
        pytest.param({"secret": "guessed"}, 400, "SignatureDoesNotMatch", id="wrong secret"),
    ],
)
def test_a_call_that_the_gateway_refuses(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask, *, parts: dict[str, Any], status: int, code: str
) -> None:
    """Each refusal has its status and code, in the body and in the journal."""
    simulator = simulate()
    response, body = ask(connect(simulator), signed(**parts))
    assert (response.status, json.loads(body)["Code"]) == (status, code)
    [entry] = simulator.journal.entries()
    assert (entry.http_status, entry.code, entry.access_key_id) == (status, code, "LTAI5tAlice")


def test_an_unsigned_request_is_refused(simulate: Simulate, connect: Connect, ask: Ask) -> None:
    """A person with a browser sees the gateway's error."""
    response, body = ask(connect(simulate()), b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    assert response.status == 400
    assert (json.loads(body)["Code"], json.loads(body)["HostId"]) == ("IncompleteSignature", "here")


def test_a_replayed_request_is_refused(simulate: Simulate, connect: Connect, signed: Signed, ask: Ask) -> None:
    """The same bytes a second time are a used nonce, on a new connection too."""
    simulator = simulate()
    captured = signed()
    assert ask(connect(simulator), captured)[0].status == 200
    response, body = ask(connect(simulator), captured)
    assert (response.status, json.loads(body)["Code"]) == (400, "SignatureNonceUsed")


def test_the_limit_slides(simulate: Simulate, connect: Connect, signed: Signed, ask: Ask) -> None:
    """Of a burst the limit is served, the rest is throttled until the time that the answer names."""
    monotonic = [100.0]
    simulator = simulate(monotonic=lambda: monotonic[0])
    connection = connect(simulator)
    statuses = [ask(connection, signed())[0].status for _ in range(LIMITS["DescribeDcdnIpaService"] + 1)]
    assert statuses == [200] * 20 + [400]
    monotonic[0] += 0.25
    assert ask(connection, signed())[0].getheader("x-acs-retry-after") == "750"
    assert simulator.journal.entries()[-1].code == "Throttling.User"
    assert ask(connection, signed(**IDENTITY))[0].status == 200
    monotonic[0] += 0.7499
    assert ask(connection, signed())[0].getheader("x-acs-retry-after") == "1"
    monotonic[0] = 101.0
    response, _ = ask(connection, signed())
    assert (response.status, response.getheader("x-acs-retry-after")) == (200, None)
    assert simulator.journal.busiest_window(action="DescribeDcdnIpaService", account_id="1000000000000001") == 23


def test_limits_can_be_set(simulate: Simulate, connect: Connect, signed: Signed, ask: Ask) -> None:
    """A limit that is given takes the vendor's place, those not given stay, and unknown operations are refused."""
    simulator = simulate(limits={"DescribeDcdnIpaService": 1}, monotonic=lambda: 0.0)
    connection = connect(simulator)
    assert [ask(connection, signed())[0].status for _ in range(2)] == [200, 400]
    assert [ask(connection, signed(**IDENTITY))[0].status for _ in range(2)] == [200, 200]
    with pytest.raises(ValueError, match="limits for \\['OpenDcdnService'\\]"):
        simulate(limits={"OpenDcdnService": 1})


def test_threads_never_get_more_than_the_limit(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask
) -> None:
    """Eight connections that hammer at once share one limit, and every request is in the journal in order."""
    simulator = simulate(limits={"DescribeDcdnIpaService": 50}, monotonic=lambda: 0.0)
    statuses: list[int] = []

    def hammer(connection: socket.socket) -> None:
        statuses.extend(ask(connection, signed())[0].status for _ in range(20))

    hammers = [threading.Thread(target=hammer, args=(connect(simulator),)) for _ in range(8)]
    for thread in hammers:
        thread.start()
    for thread in hammers:
        thread.join()
    assert (statuses.count(200), statuses.count(400)) == (50, 110)
    assert [entry.code for entry in simulator.journal.entries()] == [None] * 50 + ["Throttling.User"] * 110


def test_a_timeline_is_played(simulate: Simulate, connect: Connect, signed: Signed, ask: Ask) -> None:
    """What is answered follows the clock: pending change, change carried out, lock, fault, not activated."""
    pending = PlannedService(ServiceState(), PlannedChange("PayByBandwidth", 45))
    locked = PlannedService(ServiceState(locks=("financial",)))
    account = Account(
        name="carol",
        account_id="3",
        access_key_id="LTAI5tCarol",
        access_key_secret="s",
        timeline=(
            Step(services={"dcdn_ipa": pending}),
            Step(at_s=60, services={"dcdn_ipa": locked}),
            Step(at_s=90, fault=Fault("html_502", times=1)),
        ),
    )
    elapsed = [0.0]
    simulator = simulate(
        Scenario("", (account,)), wall_clock=lambda: NOW + elapsed[0], monotonic=lambda: 5000 + elapsed[0]
    )
    connection = connect(simulator)

    def answer_at(elapsed_s: float) -> tuple[int, Any]:
        elapsed[0] = elapsed_s
        response, body = ask(connection, signed(account, now=NOW + elapsed_s))
        return response.status, json.loads(body) if body.startswith(b"{") else body[:6]

    assert answer_at(44)[1]["ChangingAffectTime"] == "2027-01-15T08:00:45Z"
    assert answer_at(44)[1]["ChangingChargeType"] == "PayByBandwidth"
    assert answer_at(45)[1]["InternetChargeType"] == "PayByBandwidth"
    assert "ChangingChargeType" not in answer_at(45)[1]
    assert answer_at(60)[1]["OperationLocks"] == {"LockReason": [{"LockReason": "financial"}]}
    assert answer_at(90) == (502, b"<html>")
    status, payload = answer_at(90)
    assert (status, payload["Code"]) == (403, "DcdnIpaServiceNotFound")
    assert simulator.elapsed_s == 90


def test_a_service_set_by_hand_is_above_the_timeline(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask
) -> None:
    """A set service is answered until it is given back to the timeline."""
    simulator = simulate(wall_clock=lambda: NOW)
    connection = connect(simulator)

    def charge_type() -> object:
        return json.loads(ask(connection, signed(now=NOW))[1]).get("InternetChargeType")

    simulator.set_service("alice", ServiceState(change=ChargeChange("PayByBandwidth95", int(NOW))))
    assert charge_type() == "PayByBandwidth95"
    simulator.set_service("alice", ServiceState(activated=False))
    assert charge_type() is None
    simulator.set_service("alice", None)
    assert charge_type() == "PayByTraffic"


def test_a_fault_set_by_hand_is_above_the_timeline(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask
) -> None:
    """A set fault takes the place of the timeline's, which comes back when the fault is taken away."""
    account = Account(
        name="dave",
        account_id="4",
        access_key_id="LTAI5tDave",
        access_key_secret="s",
        timeline=(Step(fault=Fault("html_502")),),
    )
    simulator = simulate(Scenario("", (account,)))
    connection = connect(simulator)
    assert ask(connection, signed(account))[0].status == 502
    simulator.set_fault("dave", Fault("redirect_302"))
    assert ask(connection, signed(account))[0].status == 302
    simulator.set_fault("dave", None)
    assert ask(connection, signed(account))[0].status == 502


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param({"OperationLocks": None}, b'{"OperationLocks": null}', id="object"),
        pytest.param([1, "a"], b'[1, "a"]', id="list"),
        pytest.param(None, b"null", id="null"),
        pytest.param(b"\xff\x00", b"\xff\x00", id="bytes"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_any_answer_can_be_served(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask, *, answer: object, body: bytes
) -> None:
    """A raw answer goes out as it is with status 200, for the described service alone, until it is unset."""
    simulator = simulate()
    connection = connect(simulator)
    simulator.set_service("alice", ServiceState(activated=False))
    simulator.set_raw_answer("alice", answer)
    response, received = ask(connection, signed())
    assert (response.status, received) == (200, body)
    assert b"AccountId" in ask(connection, signed(**IDENTITY))[1]
    simulator.set_raw_answer("alice", UNSET)
    assert ask(connection, signed())[0].status == 403


def test_what_cannot_be_set_is_refused(simulate: Simulate) -> None:
    """Unknown accounts and products, and answers that are no JSON, are errors of the caller that sets them."""
    simulator = simulate()
    with pytest.raises(ValueError, match="no account is named 'mallory'; the scenario has alice, bob"):
        simulator.set_fault("mallory", None)
    with pytest.raises(ValueError, match="product is 'oss'; accepted: dcdn_ipa"):
        simulator.set_service("alice", None, product="oss")
    with pytest.raises(TypeError, match="not JSON serializable"):
        simulator.set_raw_answer("alice", {1, 2})


def test_the_journal_can_be_read_by_people(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask, account: Account
) -> None:
    """An unsigned GET shows the requests, itself not among them, and no secrets."""
    simulator = simulate(monotonic=lambda: 7.0, wall_clock=lambda: 1_800_000_000.5)
    connection = connect(simulator)
    request_id = json.loads(ask(connection, signed(now=1_800_000_000.0))[1])["RequestId"]
    for _ in range(2):
        _, body = ask(connection, b"GET /_journal HTTP/1.1\r\nHost: here\r\n\r\n")
        assert account.access_key_secret.encode() not in body
        assert json.loads(body) == {
            "total": 1,
            "entries": [
                {
                    "at_s": 7.0,
                    "at_unix": 1_800_000_000.5,
                    "action": "DescribeDcdnIpaService",
                    "account_id": "1000000000000001",
                    "access_key_id": "LTAI5tAlice",
                    "method": "POST",
                    "http_status": 200,
                    "code": None,
                    "request_id": request_id,
                    "fault": None,
                    "connection": 1,
                }
            ],
        }


def test_nothing_is_printed(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever happens, the simulator says it over HTTP or not at all."""
    simulator = simulate()
    for data in (signed(), signed(secret="guessed"), b"garbage\r\n\r\n"):
        ask(connect(simulator), data)
    simulator.stop()
    assert capfd.readouterr() == ("", "")


def test_events_are_the_scenarios(simulate: Simulate, account: Account) -> None:
    """The narration comes from the timelines, from any moment on."""
    steps = (Step(announce="up"), Step(at_s=5, announce="down"))
    narrated = Account(
        name="erin",
        account_id=account.account_id,
        access_key_id="LTAI5tErin",
        access_key_secret="s",
        timeline=steps,
        repeat_every_s=10,
    )
    simulator = simulate(Scenario("", (account, narrated)))
    assert list(islice(simulator.events(), 3)) == [(0.0, "erin", "up"), (5.0, "erin", "down"), (10.0, "erin", "up")]
    assert next(simulator.events(since_s=12.0)) == (15.0, "erin", "down")


def test_timelines_begin_with_the_start(account: Account) -> None:
    """The time between making a simulator and starting it is not played."""
    monotonic = [100.0]
    simulator = Simulator(Scenario("", (account,)), monotonic=lambda: monotonic[0])
    monotonic[0] = 160.0
    with simulator:
        assert simulator.elapsed_s == 0.0


def test_time_passes_by_the_real_clocks(simulate: Simulate) -> None:
    """Without clocks of a test, the timelines go by the machine's."""
    before = time.monotonic()
    simulator = simulate()
    elapsed_s = simulator.elapsed_s
    assert 0 <= elapsed_s <= time.monotonic() - before


def test_a_simulator_that_has_not_started_has_no_address(account: Account) -> None:
    """Its port is not known before it listens; stopping it is no error."""
    simulator = Simulator(Scenario("", (account,)))
    with pytest.raises(RuntimeError, match="no port before it starts"):
        _ = simulator.url
    simulator.stop()
