"""Attempts over real sockets against the simulator: what is sent, and what is known in the end."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from exporter.activation import Outcome, Result, Subject, planned
from exporter.api.call import Caller, Permit, Reply
from exporter.api.client import Client
from exporter.api.operation import Operation
from exporter.api.rate_limit import USE_OF_LIMIT
from exporter.probes.service_state import ServiceStatus
from exporter.simulator import WRITES, Account, Fault, FaultKind, Opening, ServiceState, Simulator
from tests.activation.conftest import Clock

Attempt = Callable[..., Any]

WRITE = "OpenCdnService"


def actions(simulator: Simulator) -> list[str | None]:
    return [entry.action for entry in simulator.journal.entries()]


def writes(simulator: Simulator) -> int:
    return len([action for action in actions(simulator) if action in WRITES])


def run(attempt: Attempt, *, sure: bool = True, **parts: Any) -> Outcome:
    with attempt(**parts) as activation:
        activation.run(lambda _: None if sure else planned())
    assert isinstance(activation.outcome, Outcome)
    return activation.outcome


def test_cdn_is_activated(simulator: Simulator, attempt: Attempt, clock: Clock) -> None:
    """Account and state come first, then one call, then a look at the state; the outcome has the answer's id."""
    outcome = run(attempt)

    assert actions(simulator) == ["GetCallerIdentity", "DescribeCdnService", WRITE, "DescribeCdnService"]
    request_id = simulator.journal.entries(action=WRITE)[0].request_id
    assert outcome == Outcome(Result.ACTIVATED, "CDN is active.", status=ServiceStatus.ACTIVE, request_id=request_id)
    assert clock.pauses == []


def test_whom_it_is_for_is_the_apis_word(simulator: Simulator, attempt: Attempt, shop: Account) -> None:
    """The account id that is shown is the one that the credentials belong to."""
    with attempt() as activation:
        activation.run(lambda shown: planned() if shown.account_id == shop.account_id else None)

    assert activation.subject.account_id == shop.account_id
    assert writes(simulator) == 0


def test_without_being_sure_nothing_is_changed(simulator: Simulator, attempt: Attempt) -> None:
    """A dry run asks who and what, no more."""
    outcome = run(attempt, sure=False)

    assert actions(simulator) == ["GetCallerIdentity", "DescribeCdnService"]
    assert (outcome.result, outcome.status) == (Result.PLANNED, ServiceStatus.NOT_ACTIVATED)


@pytest.mark.parametrize(
    ("service", "status", "words"),
    [
        pytest.param(ServiceState(), ServiceStatus.ACTIVE, "already active for this account;", id="active"),
        pytest.param(ServiceState(locks=("financial",)), ServiceStatus.LOCKED, "locked (financial)", id="locked"),
        pytest.param(
            ServiceState(denied_for_security=True), ServiceStatus.LOCKED, "locked (security)", id="locked away"
        ),
    ],
)
def test_what_is_active_is_left_alone(
    simulator: Simulator, attempt: Attempt, service: ServiceState, status: ServiceStatus, words: str
) -> None:
    """An account that has CDN is not asked to get it again, and the operator is not asked either."""
    simulator.set_service("shop", service, product="cdn")
    with attempt() as activation:
        activation.run(lambda _: pytest.fail("asked whether to activate what is active"))

    outcome = activation.outcome
    assert (outcome.result, outcome.status) == (Result.ALREADY_ACTIVE, status)
    assert words in outcome.sentence
    assert writes(simulator) == 0


def test_another_accounts_credentials_are_refused(simulator: Simulator, attempt: Attempt) -> None:
    """Where the file names an account id, no other account is activated by mistake."""
    outcome = run(attempt, account_id="1999")

    assert outcome.result is Result.NOT_SENT
    assert "account id 1000000000000007, the configuration says 1999" in outcome.sentence
    assert actions(simulator) == ["GetCallerIdentity"]


@pytest.mark.parametrize("asked", ["GetCallerIdentity", "DescribeCdnService"])
def test_what_cannot_be_looked_at_is_not_touched(simulator: Simulator, attempt: Attempt, asked: str) -> None:
    """While it is not known who it is and what is there, nothing is changed."""
    fault = Fault("error", status=503, code="ServiceUnavailable", message="later", action=asked)
    simulator.set_fault("shop", fault)
    outcome = run(attempt)

    assert (outcome.result, outcome.code) == (Result.NOT_SENT, "ServiceUnavailable")
    assert f"{asked} failed (ServiceUnavailable: later)" in outcome.sentence
    assert outcome.request_id == simulator.journal.entries(action=asked)[0].request_id
    assert writes(simulator) == 0


def test_a_right_to_look_that_lacks_is_told_with_the_policy(simulator: Simulator, attempt: Attempt) -> None:
    """Who has no policy yet fails at the first look, and learns there which one it is."""
    simulator.set_denied("shop", ["DescribeCdnService", WRITE])
    outcome = run(attempt)

    assert (outcome.result, outcome.code) == (Result.NOT_SENT, "Forbidden.RAM")
    assert "deploy/ram/open-cdn.json" in outcome.next_step
    assert writes(simulator) == 0


LOST: list[FaultKind] = [
    "reset",
    "close",
    "html_502",
    "truncated_json",
    "cut_body",
    "redirect_302",
    "oversized",
    "wrong_shape",
    "not_json",
    "not_http",
]


@pytest.mark.parametrize("kind", LOST)
def test_an_answer_that_is_lost_is_looked_for(simulator: Simulator, attempt: Attempt, kind: FaultKind) -> None:
    """The call is not repeated; DescribeCdnService tells that it took effect."""
    simulator.set_fault("shop", Fault(kind, action=WRITE))
    outcome = run(attempt)

    assert (outcome.result, outcome.status) == (Result.ACTIVATED, ServiceStatus.ACTIVE)
    assert "was lost (" in outcome.sentence
    assert "DescribeCdnService shows that CDN is active now" in outcome.sentence
    assert writes(simulator) == 1


def test_an_answer_that_does_not_come_in_time_is_lost(
    simulator: Simulator, document: dict[str, Any], attempt: Attempt
) -> None:
    """A call that hangs is given up at the deadline, sent once, and what became of it is looked for."""
    document["poll"]["timeout"] = "1s"
    simulator.set_fault("shop", Fault("hang", action=WRITE))
    outcome = run(attempt)

    assert outcome.result is Result.ACTIVATED
    assert f"no whole reply from {simulator.url[7:]} within 1 s" in outcome.sentence
    assert writes(simulator) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_the_server_is_no_answer(simulator: Simulator, attempt: Attempt, status: int) -> None:
    """It may come after the order was carried out: what is true is looked for, here that it was not."""
    simulator.set_fault("shop", Fault("error", status=status, code="InternalError", message="oops", action=WRITE))
    outcome = run(attempt)

    assert (outcome.result, outcome.status) == (Result.UNKNOWN, ServiceStatus.NOT_ACTIVATED)
    assert "lost (InternalError: oops), and DescribeCdnService does not show CDN 30 s after it" in outcome.sentence
    assert outcome.request_id == simulator.journal.entries(action=WRITE)[0].request_id
    assert writes(simulator) == 1


def test_a_lost_refusal_is_not_taken_for_success(simulator: Simulator, attempt: Attempt, clock: Clock) -> None:
    """Looked for as long as the patience lasts, and sent once all the same."""
    simulator.set_opening("shop", Opening("insufficient_balance"))
    simulator.set_fault("shop", Fault("reset", action=WRITE))
    outcome = run(attempt)

    assert (outcome.result, outcome.status) == (Result.UNKNOWN, ServiceStatus.NOT_ACTIVATED)
    assert "without --yes" in outcome.next_step
    assert writes(simulator) == 1
    assert clock.pauses == [1.0] * 30


def test_an_answer_that_is_lost_and_a_look_that_fails(simulator: Simulator, attempt: Attempt, clock: Clock) -> None:
    """Where the API cannot be asked any more, the command says that it does not know."""
    simulator.set_raw_answer("shop", "not what was asked for", action=WRITE)
    simulator.set_raw_answer("shop", ["neither"], action="DescribeCdnService")
    with attempt() as activation:
        activation.carry_out()

    outcome = activation.outcome
    assert (outcome.result, outcome.status) == (Result.UNKNOWN, None)
    assert (
        "DescribeCdnService could not be asked either (the reply is a JSON value that is no obj" in outcome.sentence
    )
    assert len(clock.pauses) == 30


def test_it_is_waited_for_until_it_shows(simulator: Simulator, attempt: Attempt, clock: Clock) -> None:
    """While another code says that it is not there yet, it is asked every second."""
    simulator.set_opening("shop", Opening(shows_after_s=600))
    clock.steps = [lambda: None, lambda: simulator.set_service("shop", ServiceState(), product="cdn")]
    outcome = run(attempt)

    assert (outcome.result, outcome.sentence) == (Result.ACTIVATED, "CDN is active.")
    assert clock.pauses == [1.0, 1.0]
    assert actions(simulator)[2:] == [WRITE, *["DescribeCdnService"] * 3]


def test_what_does_not_show_in_time_is_told(simulator: Simulator, attempt: Attempt) -> None:
    """The API's word that it has activated CDN counts; that it does not show yet is said."""
    simulator.set_opening("shop", Opening(shows_after_s=600))
    outcome = run(attempt)

    assert (outcome.result, outcome.status) == (Result.ACTIVATED, ServiceStatus.NOT_ACTIVATED)
    assert "DescribeCdnService does not show it yet, 30 s after that" in outcome.sentence
    assert outcome.request_id == simulator.journal.entries(action=WRITE)[0].request_id


def test_an_answer_without_a_request_id_is_none(simulator: Simulator, attempt: Attempt) -> None:
    """Any page could be a JSON object: without the one field that the answer has it is not believed."""
    simulator.set_raw_answer("shop", {"hello": "world"}, action=WRITE)
    outcome = run(attempt)

    assert outcome.result is Result.UNKNOWN
    assert "the reply has no RequestId" in outcome.sentence


class UnreachableApi:
    """The client, and a simulator that is gone as soon as the write is about to be sent."""

    def __init__(self, client: Client, simulator: Simulator) -> None:
        self._client = client
        self._simulator = simulator

    def reserve(self, operation: Operation, caller: Caller) -> Permit:
        return self._client.reserve(operation, caller)

    def call(self, operation: Operation, caller: Caller, permit: Permit, *parameters: Any) -> Reply:
        if operation.action == WRITE:
            self._simulator.stop()
        return self._client.call(operation, caller, permit, *parameters)

    def ask(self, operation: Operation, caller: Caller, *parameters: Any) -> Reply:
        return self._client.ask(operation, caller, *parameters)


def test_a_call_that_was_not_sent_changed_nothing(simulator: Simulator, attempt: Attempt, clock: Clock) -> None:
    """Where no connection came about it is known that nothing happened: there is nothing to look for."""
    outcome = run(attempt, through=lambda client: UnreachableApi(client, simulator))

    assert outcome.result is Result.NOT_SENT
    why = f"cannot reach {simulator.url[7:]}: Connection refused"
    assert f"could not be sent ({why}), so nothing was changed" in outcome.sentence
    assert clock.pauses == []
    assert writes(simulator) == 0


class InterruptedApi:
    """The client, and somebody who presses Ctrl-C as soon as an action was answered."""

    def __init__(self, client: Client, action: str) -> None:
        self._client = client
        self._action = action

    def reserve(self, operation: Operation, caller: Caller) -> Permit:
        return self._client.reserve(operation, caller)

    def call(self, operation: Operation, caller: Caller, permit: Permit, *parameters: Any) -> Reply:
        return self._unless_interrupted(operation, self._client.call(operation, caller, permit, *parameters))

    def ask(self, operation: Operation, caller: Caller, *parameters: Any) -> Reply:
        return self._unless_interrupted(operation, self._client.ask(operation, caller, *parameters))

    def _unless_interrupted(self, operation: Operation, reply: Reply) -> Reply:
        if operation.action == self._action:
            raise KeyboardInterrupt
        return reply


@pytest.mark.parametrize(
    ("action", "result"),
    [
        pytest.param(WRITE, Result.UNKNOWN, id="before the answer was seen"),
        pytest.param("DescribeCdnService", Result.ACTIVATED, id="while waiting for it to show"),
    ],
)
def test_an_interrupt_says_how_far_it_was(
    simulator: Simulator, attempt: Attempt, action: str, result: Result
) -> None:
    """Ctrl-C after the call was sent leaves no doubt about what is known."""
    api = partial(InterruptedApi, action=action)
    with attempt(through=api) as activation, pytest.raises(KeyboardInterrupt):
        activation.carry_out()

    outcome = activation.outcome
    assert outcome.result is result
    assert "interrupted" in outcome.sentence
    assert writes(simulator) == 1


def test_an_early_interrupt_says_that_nothing_was_changed(simulator: Simulator, attempt: Attempt) -> None:
    """Ctrl-C before the call is an outcome as well, so that a program gets its object."""

    def leave(_subject: Subject) -> Outcome | None:
        raise KeyboardInterrupt

    with attempt(through=lambda client: InterruptedApi(client, "GetCallerIdentity")) as activation:
        with pytest.raises(KeyboardInterrupt):
            activation.run(lambda _: None)
        while_asking = activation.outcome
    with attempt() as activation:
        with pytest.raises(KeyboardInterrupt):
            activation.run(leave)
        subject, while_asked = activation.subject, activation.outcome

    assert while_asking == while_asked
    assert (while_asked.result, while_asked.status) == (Result.NOT_SENT, None)
    assert "OpenCdnService was not called and nothing was changed" in while_asked.sentence
    assert subject.account_id == "1000000000000007"
    assert writes(simulator) == 0


def test_the_pace_is_the_vendors(simulator: Simulator, attempt: Attempt) -> None:
    """Its calls are spaced as for five a second, however many are due."""
    simulator.set_opening("shop", Opening("order_failed"))
    began = time.monotonic()
    with attempt() as activation:
        for _ in range(6):
            activation.carry_out()
    calls = simulator.journal.entries(action=WRITE)

    # What any second holds at most is proven of the budget itself; a busy machine makes calls late, never early.
    assert [call.at_s for number, call in enumerate(calls) if call.at_s < began + number / (5 * USE_OF_LIMIT)] == []
    assert [call.code for call in calls] == ["CreateOrderFailed"] * 6
