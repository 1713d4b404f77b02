"""Polls of several calls, by the real client against the simulator."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from exporter.accounts.inventory import Probe
from exporter.api.call import NO_PARAMETERS, Caller, Permit, Reply, Unobserved
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.endpoints import Route, endpoints
from exporter.api.errors import RefusalPattern
from exporter.api.operation import Operation
from exporter.api.rate_limit import Budgets
from exporter.core.model import Answer, Failure, FailureReason
from exporter.core.store import Store
from exporter.polling.poller import Polled, Poller
from exporter.probes.kind import News, ProbeKind, StateInRefusal
from exporter.probes.table import PROBES, vendor_limits
from exporter.probes.view import View
from exporter.simulator import Fault, ServiceState, Simulator, load_scenario
from tests.recording_log import RecordingLog

ACCOUNT = load_scenario("healthy").accounts[0]
OPERATION = PROBES[0].operation
HALVES: tuple[Mapping[str, str], ...] = ({"Half": "first"}, {"Half": "second"})


def pair(answers: Sequence[Answer[tuple[str, ...]]]) -> Answer[tuple[str, ...]]:
    return Answer(tuple(text for answer in answers for text in answer.state), request_id=answers[-1].request_id)


# What a service is billed by, asked for twice.
BILLED: ProbeKind[tuple[str, ...], None, tuple[str, ...]] = ProbeKind(
    product="dcdn_ipa",
    probe="billed",
    operation=OPERATION,
    parse=lambda payload, request_id: Answer((str(payload["InternetChargeType"]),), request_id=request_id),
    calls=HALVES,
    combine=pair,
    families=(),
    news=News("billing", fields=lambda _: {}, is_bad=lambda _: False, is_worse=lambda *_: False),
    view=lambda _state, _now: View(),
    conditions=(),
)


class Asked(Client):
    """A client that keeps the parameters of each call, and does something before each second one."""

    def __init__(self, url: str) -> None:
        super().__init__(
            {name: Route(url) for name in endpoints("china")},
            budgets=Budgets(vendor_limits(), clock=time.monotonic),
            observer=Unobserved(),
            deadline_s=20,
            pool_size=4,
            user_agent="test",
        )
        self.parameters: list[Mapping[str, str]] = []
        self.before_second: Callable[[], None] = lambda: None

    def call(
        self, operation: Operation, caller: Caller, permit: Permit, parameters: Mapping[str, str] = NO_PARAMETERS
    ) -> Reply:
        if len(self.parameters) % 2:
            self.before_second()
        self.parameters.append(parameters)
        return super().call(operation, caller, permit, parameters)


class World:
    """A simulator with one healthy account, and what polls it."""

    def __init__(self, simulator: Simulator, kind: ProbeKind[Any, Any, Any] = BILLED) -> None:
        self.simulator = simulator
        self.client = Asked(simulator.url)
        self.caller = Caller(StaticCredentials(Credentials(ACCOUNT.access_key_id, Secret(ACCOUNT.access_key_secret))))
        self.kind = kind
        self.store = Store([kind.key("prod")], on_change=lambda _key, _record: None)
        self.poller = Poller(self.client, self.store, log=RecordingLog())

    def poll(self, permit: Permit | None = None) -> Polled:
        result = self.poller.poll(Probe(self.kind.key("prod"), self.kind, lambda: self.caller), permit)
        assert isinstance(result, Polled)
        return result

    def bill(self, charge_type: str) -> None:
        self.simulator.set_service(
            ACCOUNT.name, ServiceState(activated=True, charge_type=charge_type, instance_id="1", locks=())
        )


@pytest.fixture
def world(play: Callable[..., Simulator]) -> Iterator[World]:
    world = World(play(load_scenario("healthy")))
    yield world
    world.client.close()


def test_a_poll_makes_each_call_of_its_kind(world: World) -> None:
    """In their order, each with its parameters; one answer is made of all, with the request id of the last."""
    world.bill("PayByTraffic")
    world.client.before_second = lambda: world.bill("PayByBandwidth")
    outcome = world.poll().outcome

    assert world.client.parameters == list(HALVES)
    assert isinstance(outcome, Answer)
    assert outcome.state == ("PayByTraffic", "PayByBandwidth")
    assert outcome.request_id == world.simulator.journal.entries()[-1].request_id


def test_replies_that_all_say_the_same_are_parsed_once(world: World) -> None:
    """Another text of any of them is read."""
    parsed: list[object] = []

    def parse(payload: Mapping[str, object], request_id: str | None) -> Answer[tuple[str, ...]]:
        parsed.append(payload)
        return BILLED.parse(payload, request_id)

    world.kind = replace(BILLED, parse=parse)
    world.bill("PayByTraffic")
    for _ in range(2):
        world.poll()
    assert len(parsed) == len(HALVES)

    world.client.before_second = lambda: world.bill("PayByBandwidth")
    assert world.poll().record.state == ("PayByTraffic", "PayByBandwidth")


def test_the_calls_of_polls_are_counted(world: World) -> None:
    """Those that failed, too; a poll that fails at its first call sends no second."""
    assert world.poll().record.calls == 2
    world.simulator.set_fault(ACCOUNT.name, Fault("error", status=503, code="ServiceUnavailable", message="later"))
    record = world.poll().record
    assert (record.calls, record.polls) == (3, 2)
    assert record.calls == len(world.simulator.journal.entries())


def test_a_call_on_a_permit_of_before_is_counted_where_it_is_sent(world: World) -> None:
    """A poll that was put off has sent nothing; the run that has the permit counts the call."""
    before: list[float] = []
    permit = world.client.reserve(OPERATION, replace(world.caller, sent=before.append))

    assert (world.poll(permit).record.calls, before) == (2, [])


def test_the_waits_of_all_calls_are_no_part_of_the_duration(world: World) -> None:
    """A second call that had to wait for its permit makes the poll no longer."""
    permit, *_ = (world.client.reserve(OPERATION, world.caller) for _ in range(5))
    began = time.monotonic()
    record = world.poll(permit).record

    assert record.last_poll_duration_s <= time.monotonic() - began - 4 / 20


def test_a_failure_of_any_call_is_that_of_the_poll(world: World) -> None:
    """Half an answer is none."""
    fault = Fault("error", status=503, code="ServiceUnavailable", message="later")
    world.client.before_second = lambda: world.simulator.set_fault(ACCOUNT.name, fault)
    result = world.poll()

    assert isinstance(result.outcome, Failure)
    assert (result.outcome.reason, result.record.state) == (FailureReason.SERVER, None)
    assert result.record.calls == 2


def test_a_refusal_that_is_a_state_counts_only_as_the_first_reply(world: World) -> None:
    """After an answer it contradicts that answer: the poll fails, and the state before it stays."""
    absent: StateInRefusal[tuple[str, ...]] = StateInRefusal(RefusalPattern(code="dcdnservicenotfound"), ())
    world.kind = replace(BILLED, states_in_refusals=(absent,))
    world.bill("PayByTraffic")
    known = world.poll().record.state
    fault = Fault("error", status=404, code="DcdnServiceNotFound", message="not activated")
    world.client.before_second = lambda: world.simulator.set_fault(ACCOUNT.name, fault)
    after_first = world.poll()
    world.client.parameters.clear()
    at_first = world.poll()

    assert isinstance(after_first.outcome, Failure)
    assert (after_first.outcome.code, after_first.record.state) == (fault.code, known)
    assert (at_first.record.state, known) == ((), ("PayByTraffic", "PayByTraffic"))


def test_polls_of_one_call_are_not_counted_by_calls(play: Callable[..., Simulator]) -> None:
    """For those, polls say the same."""
    world = World(play(load_scenario("healthy")), PROBES[0])
    try:
        assert world.poll().record.calls == 0
    finally:
        world.client.close()
