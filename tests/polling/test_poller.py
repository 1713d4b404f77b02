"""One poll at a time, by the real client against the simulator."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest

from exporter.accounts.inventory import Probe
from exporter.api.call import Caller
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, RereadCredentials, Secret, StaticCredentials
from exporter.api.endpoints import Route, endpoints
from exporter.api.errors import CallAborted, CredentialsUnavailable
from exporter.api.rate_limit import Budgets
from exporter.core.model import Answer, Failure, FailureReason, ProbeKey
from exporter.core.store import Store
from exporter.polling.poller import Polled, Poller, Postponed
from exporter.probes.service_families import ServiceMemory
from exporter.probes.service_state import ServiceState
from exporter.probes.table import PROBES, vendor_limits
from exporter.simulator import Fault, Simulator, load_scenario
from exporter.simulator import ServiceState as SimulatedService
from tests.recording_log import RecordingLog

KIND = PROBES[0]


class Silent:
    """An observer without effect."""

    def waited(self, action: str, seconds: float) -> None:
        """Nothing to do."""

    def called(self, action: str, duration_s: float) -> None:
        """Nothing to do."""

    def clock_skew(self, seconds: float) -> None:
        """Nothing to do."""


class World:
    """A simulator with one healthy account, and everything that polls it."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.scenario_account = load_scenario("healthy").accounts[0]
        self.client = Client(
            {name: Route(simulator.url) for name in endpoints("china")},
            budgets=Budgets(vendor_limits(), clock=time.monotonic),
            observer=Silent(),
            deadline_s=20,
            pool_size=4,
            user_agent="test",
        )
        account = self.scenario_account
        credentials = Credentials(account.access_key_id, Secret(account.access_key_secret))
        self.caller = Caller(StaticCredentials(credentials))
        self.probe = Probe(key=KIND.key("prod"), kind=KIND, caller=lambda: self.caller)
        self.store = Store([self.probe.key], on_change=lambda _key, _record: None)
        self.unknown: list[str] = []
        self.log = RecordingLog()
        self.failed: list[tuple[ProbeKey, FailureReason]] = []
        self.poller = Poller(
            self.client,
            self.store,
            log=self.log,
            count_unknown_value=self.unknown.append,
            count_failure=lambda key, reason: self.failed.append((key, reason)),
        )

    def poll(self) -> Polled:
        result = self.poller.poll(self.probe)
        assert isinstance(result, Polled)
        return result

    def set_service(self, **fields: Any) -> None:
        healthy = SimulatedService(activated=True, charge_type="PayByTraffic", instance_id="1", locks=())
        self.simulator.set_service(self.scenario_account.name, replace(healthy, **fields))

    def set_fault(self, fault: Fault | None) -> None:
        self.simulator.set_fault(self.scenario_account.name, fault)


@pytest.fixture
def world(play: Callable[..., Simulator]) -> Iterator[World]:
    world = World(play(load_scenario("healthy")))
    yield world
    world.client.close()


def test_an_answer_is_recorded_with_its_time(world: World) -> None:
    """After a poll the store holds the state, when it was learned and how long that took."""
    world.set_service(opening_time="2018-03-19T11:16:11Z")
    before = time.time()
    record = world.poll().record

    assert record == world.store.get(world.probe.key)
    assert record.state == ServiceState(
        charge_type="PayByTraffic", instance_id="1", opening_time=datetime(2018, 3, 19, 11, 16, 11, tzinfo=UTC)
    )
    assert before <= record.last_success_at == record.last_poll_at <= time.time()
    assert 0 < record.last_poll_duration_s < 10
    assert (record.polls, record.failures_in_row) == (1, 0)


def test_a_probe_that_left_the_configuration_is_not_spoken_of(world: World) -> None:
    """An answer that comes after its probe has left is no answer of anybody: nothing is kept, counted or logged."""
    world.set_service(locks=("new-reason",))
    world.store.configure([])

    assert world.poller.poll(world.probe) is None
    world.set_fault(Fault("error", status=500, code="InternalError", message="no"))
    assert world.poller.poll(world.probe) is None
    assert (world.store.records(), world.unknown, world.failed, world.log.lines) == ({}, [], [], [])


def test_a_poll_of_an_account_that_its_name_has_left_is_not_spoken_of(world: World) -> None:
    """What was asked for one account is never kept as an answer of the next one of that name."""
    world.caller = replace(world.caller, account_id="1")
    world.store.know_account("prod", "2")

    assert world.poller.poll(world.probe) is None
    assert (world.store.get(world.probe.key).polls, world.log.lines) == (0, [])


def test_not_activated_is_an_answer(world: World) -> None:
    """The error code of a service that was never opened is a state of the world, and no failure."""
    world.set_service(activated=False)
    result = world.poll()

    assert isinstance(result.outcome, Answer)
    assert result.record.state == ServiceState(activated=False)
    assert result.outcome.request_id is not None


def test_a_code_with_two_meanings_is_read_by_its_message(world: World) -> None:
    """The message comes all the way from the wire: one is a lock with a series of its own, another a failure."""
    world.set_fault(
        Fault("error", status=403, code="OperationDenied", message="The resource is locked for security reasons.")
    )
    locked = world.poll()
    world.set_fault(Fault("error", status=403, code="OperationDenied", message="Not today."))
    refused = world.poll()

    assert isinstance(locked.outcome, Answer)
    assert (locked.record.state, locked.record.memory) == (
        ServiceState(lock_reasons=("security",)),
        ServiceMemory(locked_since=locked.record.last_success_at, lock_reasons=("security",)),
    )
    assert isinstance(refused.outcome, Failure)
    assert refused.outcome.reason is FailureReason.REJECTED
    assert world.unknown == []


def test_a_failure_leaves_what_was_known(world: World) -> None:
    """After a failed poll the last good state and its time are as they were."""
    known = world.poll().record
    world.set_fault(Fault("error", status=503, code="ServiceUnavailable", message="later"))
    result = world.poll()

    assert isinstance(result.outcome, Failure)
    assert (result.outcome.reason, result.outcome.code) == (FailureReason.SERVER, "ServiceUnavailable")
    assert (result.record.state, result.record.last_success_at) == (known.state, known.last_success_at)
    assert result.record.failures[FailureReason.SERVER] == 1
    assert world.failed == [(world.probe.key, FailureReason.SERVER)]


def test_an_answer_that_makes_no_sense_is_malformed(world: World) -> None:
    """An answer that the parser refuses is a failure with the field, what was seen and what would be accepted."""
    world.simulator.set_raw_answer(world.scenario_account.name, {"InstanceId": "1", "OperationLocks": 7})
    outcome = world.poll().outcome

    assert isinstance(outcome, Failure)
    assert outcome.reason is FailureReason.MALFORMED
    assert outcome.explanation.startswith("OperationLocks: seen int 7; accepted: ")


def test_undocumented_values_are_counted_by_field(world: World) -> None:
    """Each answer counts once for each field whose value the documentation does not name."""
    world.set_service(locks=("financial", "audit"), charge_type="PayByMood")
    world.poll()

    assert sorted(world.unknown) == ["InternetChargeType", "LockReason"]


def test_an_answer_that_says_the_same_is_parsed_once(world: World) -> None:
    """The next answer has its own request id and counts its unknown values; any other text is parsed."""
    parsed: list[object] = []

    def parse(payload: Mapping[str, object], request_id: str | None) -> Answer[Any]:
        parsed.append(payload)
        return KIND.parse(payload, request_id)

    world.probe = Probe(key=world.probe.key, kind=replace(KIND, parse=parse), caller=world.probe.caller)
    world.set_service(charge_type="PayByMood")
    first, second = world.poll(), world.poll()
    assert isinstance(first.outcome, Answer)
    assert isinstance(second.outcome, Answer)
    assert isinstance(first.record.state, ServiceState)
    assert first.record.state.charge_type == "PayByMood"
    assert second.record.state == first.record.state
    assert first.outcome.request_id != second.outcome.request_id
    assert world.unknown == ["InternetChargeType"] * 2
    assert len(parsed) == 1

    world.set_service(charge_type="PayByMood", locks=("financial",))
    assert world.poll().record.state == replace(first.record.state, lock_reasons=("financial",))
    world.set_fault(Fault("error", status=503, code="ServiceUnavailable", message="later"))
    world.poll()
    world.set_fault(None)
    assert isinstance(world.poll().outcome, Answer)
    assert len(parsed) == 3


def test_a_field_that_makes_no_sense_is_counted_and_logged(world: World) -> None:
    """The answer is read without it; the log has what was there at debug, for each answer."""
    world.simulator.set_raw_answer(
        world.scenario_account.name, {"InstanceId": "1", "OpeningTime": "yesterday", "OperationLocks": ["financial"]}
    )
    outcome = world.poll().outcome

    assert isinstance(outcome, Answer)
    assert outcome.state == ServiceState(instance_id="1", lock_reasons=("financial",))
    assert world.unknown == ["OpeningTime"]
    (line,) = [fields for _, event, fields in world.log.lines if event == "unknown value"]
    assert (line["field"], line["value"]) == (
        "OpeningTime",
        "OpeningTime: seen str 'yesterday'; accepted: a date such as 2018-03-31T16:00:00Z",
    )


def test_without_room_in_the_budget_the_poll_is_postponed(world: World) -> None:
    """A probe whose permit is more than a second away gives its thread back, and nothing is sent or recorded."""
    for _ in range(40):
        world.client.reserve(KIND.operation, world.caller)
    sent = len(world.simulator.journal.entries())
    result = world.poller.poll(world.probe)

    assert isinstance(result, Postponed)
    assert 1 < result.wait_s < 3
    assert world.store.get(world.probe.key).polls == 0
    assert len(world.simulator.journal.entries()) == sent


def test_the_wait_for_the_budget_is_no_part_of_the_duration(world: World) -> None:
    """A call that had to wait for its permit took only as long as its exchange."""
    began = time.monotonic()
    for _ in range(4):
        world.client.reserve(KIND.operation, world.caller)
    record = world.poll().record

    assert record.last_poll_duration_s <= time.monotonic() - began - 4 / 20


def test_a_defect_is_a_failure_that_shows_no_text(world: World) -> None:
    """An exception of ours counts as internal; its own text, which may hold anything, is shown nowhere."""

    def broken(_payload: Mapping[str, object], _request_id: str | None) -> NoReturn:
        raise KeyError("PlantedSecret")

    probe = replace(world.probe, kind=replace(KIND, parse=broken))
    result = world.poller.poll(probe)

    assert isinstance(result, Polled)
    assert isinstance(result.outcome, Failure)
    assert result.outcome.reason is FailureReason.INTERNAL
    assert "KeyError" in result.outcome.explanation
    assert "PlantedSecret" not in f"{result}{world.log.lines}"


def test_the_end_of_the_daemon_is_no_failure(world: World) -> None:
    """A poll that the stop ends records nothing."""
    world.client.close()

    with pytest.raises(CallAborted):
        world.poller.poll(world.probe)
    assert world.store.get(world.probe.key).polls == 0


def test_a_change_is_logged_once_with_old_and_new_value(world: World) -> None:
    """A lock is one line for each thing that changed, with the request id; unchanged polls are below info."""
    world.set_service()
    world.poll()
    world.poll()
    assert [event for event, _ in world.log.above_debug()] == ["service state learned"]

    world.log.lines.clear()
    world.set_service(locks=("financial",))
    world.poll()
    request_id = world.simulator.journal.entries()[-1].request_id
    world.poll()

    names = {"account": "prod", "product": "dcdn_ipa", "probe": "service", "request_id": request_id}
    assert world.log.above_debug() == [
        ("service state changed", {"what": "status", "old": "active", "new": "locked", **names}),
        ("service state changed", {"what": "lock_reasons", "old": "", "new": "financial", **names}),
    ]


def test_a_failure_for_want_of_credentials_says_so(world: World) -> None:
    """A refusal of the credentials is no answer about the service."""

    def unreadable() -> NoReturn:
        raise CredentialsUnavailable("the file is gone")

    world.caller = Caller(RereadCredentials(unreadable))
    wanting = world.poll().outcome
    world.caller = Caller(StaticCredentials(Credentials("LTAI5tNobody", Secret("x"))))
    refused = world.poll().outcome

    assert wanting == Failure(FailureReason.AUTH, "the file is gone", of_credentials=True)
    assert isinstance(refused, Failure)
    assert (refused.reason, refused.of_credentials) == (FailureReason.AUTH, False)


def test_a_failure_is_one_line_until_it_changes(world: World) -> None:
    """The same failure again is not logged above debug; another one is, and so is the recovery."""
    world.poll()
    world.log.lines.clear()
    world.set_fault(Fault("error", status=503, code="ServiceUnavailable", message="later"))
    world.poll()
    world.poll()
    world.set_fault(Fault("error", status=403, code="NoPermission", message="no"))
    world.poll()
    world.set_fault(None)
    world.poll()

    assert [(event, fields.get("reason")) for event, fields in world.log.above_debug()] == [
        ("poll failed", "server"),
        ("poll failed", "permission"),
        ("poll recovered", None),
    ]
