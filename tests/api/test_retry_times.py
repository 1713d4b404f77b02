"""What the client does when a reply says when to call again, or what is left of the limit."""

import json
import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from exporter.api.call import Caller, Reply
from exporter.api.client import Client
from exporter.api.errors import ApiError, Refused
from exporter.api.operation import Operation
from exporter.api.rate_limit import Budgets, Reservation
from exporter.api.reply import decode
from exporter.core.model import FailureReason
from tests.api.conftest import SECRET
from tests.api.raw_server import Peer, RawServer, always, reply
from tests.api.test_reply import REDACTION, WITHHELD
from tests.recording_log import RecordingLog

Serve = Callable[..., RawServer]
Connect = Callable[..., Client]
Ask = Callable[[Client], Reply]

CAME_AT = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"x-acs-retry-after": "30000"}, 30, id="the vendor's, milliseconds"),
        pytest.param({"x-acs-retry-after": "1.5"}, 0.0015, id="a fraction"),
        pytest.param({"Retry-After": "30"}, 30, id="the standard, seconds"),
        pytest.param({"Retry-After": "30, 30"}, 30, id="twice"),
        pytest.param({"Retry-After": " 7 "}, 7, id="spaces"),
        pytest.param({"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60, id="a date, by our clock"),
        pytest.param(
            {"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT", "Date": "Tue, 14 Nov 2023 22:14:00 GMT"}, 20,
            id="a date, by the server's clock",
        ),
        pytest.param({"x-acs-retry-after": "soon, 30000"}, 30, id="twice, the first makes no sense"),
        pytest.param({"Retry-After": "later,7,soon"}, 7, id="three times, one makes sense"),
        pytest.param({"Retry-After": "0, 7"}, 7, id="twice, the first asks for nothing"),
        pytest.param({"Retry-After": "9" * 40}, 1e40, id="for ever"),
        pytest.param({"x-acs-retry-after": "9" * 400}, math.inf, id="beyond all numbers"),
        pytest.param({"x-acs-retry-after": "0", "Retry-After": "30"}, 30, id="one of them asks for nothing"),
        pytest.param(
            {"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT", "Date": "Fri, 31 Dec 9999 23:59:59 GMT"}, 60,
            id="a date, the server's clock is none",
        ),
        pytest.param({"x-acs-retry-after": "2000", "Retry-After": "30"}, 30, id="both, the later one counts"),
        pytest.param({"x-acs-retry-after": "40000", "Retry-After": "soon"}, 40, id="one of them makes no sense"),
    ],
)  # fmt: skip
def test_a_refusal_that_says_when_to_call_again(headers: dict[str, str], seconds: float) -> None:
    """It is throttling, whatever its code, and says for how long."""
    with pytest.raises(Refused) as refusal:
        decode(
            b'{"Code":"NoPermission"}', REDACTION,
            http_status=403, request_id=None, headers=headers, came_at=CAME_AT,
        )  # fmt: skip

    assert (refusal.value.reason, refusal.value.code) == (FailureReason.THROTTLED, "NoPermission")
    assert refusal.value.retry_after_s == pytest.approx(seconds)


@pytest.mark.parametrize("name", ["x-acs-retry-after", "Retry-After"])
@pytest.mark.parametrize(
    "value",
    [
        "", "soon", "-1", "nan", "inf", "1e3", "0x10", "30s", "1 2", "\u0663\u0660", "Tue, 99 Nov 2023",
        "0", "0.000", "Tue, 14 Nov 2023 22:00:00 GMT",
    ],
)  # fmt: skip
def test_a_retry_time_that_asks_for_no_wait(name: str, value: str) -> None:
    """It makes no sense, is over or is 0: the code decides."""
    with pytest.raises(Refused) as refusal:
        decode(
            b'{"Code":"NoPermission"}', REDACTION,
            http_status=403, request_id=None, headers={name: value}, came_at=CAME_AT,
        )  # fmt: skip

    assert (refusal.value.reason, refusal.value.retry_after_s) == (FailureReason.PERMISSION, None)


def test_an_answer_with_a_retry_time_is_an_answer() -> None:
    """Nothing was refused."""
    assert decode(b"{}", REDACTION, http_status=200, request_id=None, headers={"Retry-After": "30"}) == ({}, None)


def refusing(header: str, *, status: str = "400 Bad Request", code: str = "Throttling.User") -> bytes:
    return reply(json.dumps({"Code": code}).encode(), status=status, headers=(header,))


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(refusing("x-acs-retry-after: 30000"), id="the vendor's header"),
        pytest.param(
            refusing("Retry-After: 30", status="503 Service Unavailable", code="ServiceUnavailable"),
            id="the standard header",
        ),
        pytest.param(
            reply(b"<html>busy</html>", status="503 Service Unavailable", headers=("retry-after: 30",)), id="a page"
        ),
        pytest.param(
            reply(b"\x0b\x02", status="429 Too Many Requests", headers=("Content-Encoding: br", "Retry-After: 30")),
            id="a body that cannot be read",
        ),
    ],
)
def test_the_budget_is_held(
    serve: Serve, connect: Connect, operation: Operation, caller: Caller, *, refusal: bytes
) -> None:
    """The next permit of that account and operation comes then; those of another account come as before."""
    now = [1000.0]
    budgets = Budgets({operation.action: 20}, clock=lambda: now[0])
    client = connect(serve(always(refusal)).url, budgets=budgets)
    with pytest.raises(Refused) as refused:
        client.ask(operation, caller)
    now[0] += 1

    assert refused.value.reason is FailureReason.THROTTLED
    assert refused.value.explanation.endswith("the API asks to wait 30 s)")
    assert client.seconds_to(client.reserve(operation, caller)) == pytest.approx(29)
    assert client.seconds_to(client.reserve(operation, replace(caller, account_id="2"))) == 0


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param("x-acs-retry-after: 60000", "60 s, poll.failing_interval allows 40 s", id="too long"),
        pytest.param("Retry-After: 40", "40 s", id="the longest wait"),
        pytest.param("x-acs-retry-after: 30000.5", "31 s", id="a fraction, rounded up"),
        pytest.param(
            f"Retry-After: {'9' * 400}", "more than a year, poll.failing_interval allows 40 s", id="for ever"
        ),
    ],
)
def test_how_long_is_waited(
    serve: Serve, connect: Connect, operation: Operation, caller: Caller, *, asked: str, told: str
) -> None:
    """The explanation has what the API asks for and what is kept, and the next call comes then."""
    budgets = Budgets({operation.action: 20}, clock=lambda: 0.0, longest_hold_s=40)
    client = connect(serve(always(refusing(asked))).url, budgets=budgets)
    with pytest.raises(Refused) as refused:
        client.ask(operation, caller)

    assert refused.value.explanation == f"Throttling.User (the API asks to wait {told})"
    assert client.seconds_to(client.reserve(operation, caller)) == pytest.approx(40 if "40" in told else 30.0005)


def test_no_thread_waits_for_a_retry_time(
    serve: Serve, connect: Connect, ask: Ask, operation: Operation, caller: Caller
) -> None:
    """A call that would wait in a thread fails at once as throttled, and sends nothing."""
    server = serve(always(refusing("x-acs-retry-after: 60000")))
    client = connect(server.url)
    with pytest.raises(Refused):
        ask(client)
    began = time.monotonic()
    with pytest.raises(ApiError, match="not sent: the API has asked to wait before the next call") as failure:
        client.ask(operation, caller)

    assert (failure.value.reason, failure.value.sent) == (FailureReason.THROTTLED, False)
    assert time.monotonic() - began < 5
    assert len(server.heads) == 1


def test_who_waits_for_a_moment_learns_of_a_hold(
    serve: Serve, connect: Connect, operation: Operation, caller: Caller
) -> None:
    """A call that was promised a moment is not sent then if the API has asked to wait meanwhile."""
    now = [1000.0]
    budgets = Budgets({operation.action: 20}, clock=lambda: now[0])
    server = serve(always(reply()))
    client = connect(server.url, budgets=budgets)
    permits = [client.reserve(operation, caller) for _ in range(2)]
    failures: list[FailureReason] = []

    def call() -> None:
        try:
            client.call(operation, caller, permits[1])
        except ApiError as error:
            failures.append(error.reason)

    thread = threading.Thread(target=call)
    budgets.hold(permits[0].reservation, 60.0)
    thread.start()
    thread.join(10)

    assert (failures, server.heads) == ([FailureReason.THROTTLED], [])


def test_a_call_that_is_about_to_be_sent_learns_of_a_hold(
    serve: Serve, connect: Connect, operation: Operation, caller: Caller
) -> None:
    """A retry time that another thread received while this one opened its connection holds for it too."""

    class Held(Budgets):
        """Another call is refused just before this one is admitted."""

        def admit(self, reservation: Reservation) -> float:
            self.hold(reservation, 60.0)
            return super().admit(reservation)

    server = serve(always(reply()))
    client = connect(server.url, budgets=Held({operation.action: 20}, clock=time.monotonic))
    with pytest.raises(ApiError, match="not sent") as failure:
        client.ask(operation, caller)

    assert (failure.value.reason, server.heads) == (FailureReason.THROTTLED, [])


def test_a_short_retry_time(serve: Serve, connect: Connect, operation: Operation, caller: Caller) -> None:
    """Up to a second a thread waits, as for any permit."""
    answers = iter((refusing("x-acs-retry-after: 150"), reply(b'{"a":1}')))

    def act(peer: Peer) -> None:
        while peer.read_head():
            peer.send(next(answers))

    client = connect(serve(act).url)
    with pytest.raises(Refused):
        client.ask(operation, caller)
    began = time.monotonic()

    assert client.ask(operation, caller).payload == {"a": 1}
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda header: reply(headers=(header, "x-acs-request-id: R-1")), id="an answer"),
        pytest.param(
            lambda header: reply(b"{}", status="400 Bad Request", headers=(header, "x-acs-request-id: R-1")),
            id="a refusal",
        ),
    ],
)
def test_what_is_left_of_the_vendors_limit(
    serve: Serve, connect: Connect, operation: Operation, caller: Caller, *, answer: Callable[[str], bytes]
) -> None:
    """It is shown at debug where a reply says it, without what it may repeat of the request."""
    left = "Limit:20,Remain:19,TimeLeft:1000,Reset:0"
    for said, shown in [(left, left), (f"Limit:{SECRET}", WITHHELD)]:
        log = RecordingLog()
        client = connect(serve(always(answer(f"X-RateLimit-User-API: {said}"))).url, log=log)
        with suppress(Refused):
            client.ask(operation, caller)

        fields = {"operation": operation.action, "rate_limit": shown, "request_id": "R-1"}
        assert log.lines == [(logging.DEBUG, "rate limit", fields)]
