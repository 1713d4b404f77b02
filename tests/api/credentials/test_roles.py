"""Assumed roles against the simulator: whatever becomes of STS, polls get what there is to have."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from exporter.api.call import Caller
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.credentials.role import Role
from exporter.api.credentials.roles import MOST_OF_SOURCE, RoleCredentials, Roles
from exporter.api.endpoints import Route
from exporter.api.errors import CallAborted, RoleNotAssumed
from exporter.api.operation import ASSUME_ROLE, Operation
from exporter.api.rate_limit import USE_OF_LIMIT, Budgets
from exporter.core.model import FailureReason
from exporter.core.pool import Pool
from exporter.simulator import Account, Fault, Scenario, Simulator
from exporter.simulator import Role as SimulatedRole
from tests.api.recording_observer import RecordingObserver
from tests.no_new_threads import no_new_threads
from tests.recording_log import RecordingLog
from tests.waiting import PATIENCE_S, soon

BASE_ID = "1000000000000001"
BASE_SECRET = "planted-base-secret"
EXTERNAL_ID = "planted-external-id"
STARTED_AT = 1_800_000_000.0
MEMBERS = 300
NO_LIMIT = 1_000_000


def member_id(number: int) -> str:
    return str(2_000_000_000_000_000 + number)


def arn(number: int) -> str:
    return f"acs:ram::{member_id(number)}:role/reader"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """A RAM user of a base account, and members whose role trusts it; the first one's demands an external id."""
    base = Account(
        name="base",
        account_id=BASE_ID,
        access_key_id="LTAI5tBase",
        access_key_secret=BASE_SECRET,
        ram_user="exporter",
    )
    members = [
        Account(
            name=f"m{number}",
            account_id=member_id(number),
            access_key_id=f"LTAI5tMember{number}",
            access_key_secret="unused",
            roles=(SimulatedRole("reader", (BASE_ID,), external_id=EXTERNAL_ID if number == 0 else None),),
        )
        for number in range(MEMBERS)
    ]
    return Scenario("a directory", (base, *members))


@dataclass
class World:
    """The simulator, the roles, and one hand that moves the clocks of both; real time only passes by."""

    scenario: Scenario
    log: RecordingLog = field(default_factory=RecordingLog)
    moved_s: float = 0.0
    renewals: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.simulator = Simulator(self.scenario, wall_clock=self.wall_clock, limits={"AssumeRole": NO_LIMIT})
        self.simulator.start()
        there = Route(self.simulator.url)
        self.client = Client(
            {"dcdn": there, "sts": there},
            budgets=Budgets({"AssumeRole": 50, "DescribeDcdnIpaService": 20}, clock=time.monotonic),
            observer=RecordingObserver(),
            deadline_s=PATIENCE_S,
            pool_size=16,
            user_agent="tests",
            wall_clock=self.wall_clock,
        )
        base = Credentials("LTAI5tBase", Secret(BASE_SECRET))
        self.source = Caller(StaticCredentials(base), account_id=BASE_ID)
        self.pool = Pool(log=self.log)
        self.roles = Roles(
            self.client,
            pool=self.pool,
            log=self.log,
            wall_clock=self.wall_clock,
            clock=lambda: self.moved_s,
            jitter=lambda: 0.5,
        )

    def wall_clock(self) -> float:
        return STARTED_AT + self.moved_s

    def close(self) -> None:
        self.roles.close()
        self.pool.close()
        self.client.close()
        self.simulator.stop()

    def provider(self, number: int = 0) -> RoleCredentials:
        role = Role(arn(number), external_id=EXTERNAL_ID if number == 0 else None)
        return self.roles.provider(role, self.source, renewed=lambda: self.renewals.append(number))

    def asked(self) -> int:
        """How many questions have come to STS."""
        return len(self.simulator.journal.entries(action="AssumeRole"))

    def fail(self, kind: Any = "error", **fields: Any) -> None:
        if kind == "error":
            fields = {"status": 503, "code": "ServiceUnavailable", **fields}
        self.simulator.set_fault("base", Fault(kind, action="AssumeRole", **fields))

    def recover(self) -> None:
        self.simulator.set_fault("base", None)

    def soon(self, holds: Callable[[], bool]) -> bool:
        """Whether it comes to hold while tokens are renewed, as a job of the daemon does."""

        def renewed() -> bool:
            self.roles.renew_due()
            return holds()

        return soon(renewed)

    def settle(self) -> None:
        """Wait until no question is under way or due."""
        assert soon(lambda: not self._busy())

    def _busy(self) -> bool:
        self.roles.renew_due()
        with self.roles.lock:
            return any(
                assumed.attempt is not None
                or assumed.token.is_due(now=self.moved_s, wall_now=self.wall_clock(), used_at=assumed.used_at)
                for assumed in self.roles._roles.values()
            )


@pytest.fixture
def world(scenario: Scenario) -> Iterator[World]:
    world = World(scenario)
    yield world
    world.close()


def refusal(provider: RoleCredentials, patience_s: float = PATIENCE_S) -> RoleNotAssumed:
    with pytest.raises(RoleNotAssumed) as failure:
        provider.credentials(patience_s=patience_s)
    return failure.value


def test_a_role_is_assumed_once(world: World, operation: Operation) -> None:
    """A call gets the credentials of the role, which the API takes for those of its account; they are kept."""
    provider = world.provider()
    assert provider.expiry() is None
    caller = Caller(provider, account_id=member_id(0))
    for _ in range(3):
        world.client.call(operation, caller, world.client.reserve(operation, caller))

    polls = world.simulator.journal.entries(action=operation.action)
    assert [entry.account_id for entry in polls] == [member_id(0)] * 3
    assert (world.asked(), provider.expiry()) == (1, STARTED_AT + 3600)


def test_many_threads_share_one_question(world: World) -> None:
    """Threads that need a token at once, for one or two accounts that name one role, ask STS once."""
    world.fail("latency", seconds=0.1)
    providers = [world.provider(), world.provider()]
    with ThreadPoolExecutor(16) as pool:
        tokens = list(pool.map(lambda number: providers[number % 2].credentials(patience_s=PATIENCE_S), range(16)))

    assert (len(set(map(repr, tokens))), world.asked()) == (1, 1)


def test_a_token_is_refreshed_in_the_background(world: World) -> None:
    """At two thirds of its life it is replaced though nobody asks, and nobody ever waits for that."""
    provider = world.provider()
    first = provider.credentials(patience_s=PATIENCE_S)
    world.moved_s = 2000
    provider.credentials(patience_s=PATIENCE_S)
    world.settle()
    assert world.asked() == 1

    world.moved_s = 2400
    assert world.soon(lambda: provider.expiry() == STARTED_AT + 6000)
    assert (world.asked(), provider.credentials(patience_s=0) == first) == (2, False)


def test_twenty_minutes_without_sts(world: World) -> None:
    """While a token is valid no call fails; after its end each fails with STS's own reason, until STS is back."""
    provider = world.provider()
    first = provider.credentials(patience_s=PATIENCE_S)
    world.fail()
    for minute in range(41, 61):  # the refresh is due at 39.6 minutes
        world.moved_s = 60 * minute - 6
        assert provider.credentials(patience_s=PATIENCE_S) == first
        world.settle()
    assert (world.renewals, 15 < world.asked() < 40) == ([], True)

    world.moved_s = 3600
    failure = refusal(provider)
    assert (failure.reason, failure.code, failure.http_status) == (
        FailureReason.SERVER, "ServiceUnavailable", 503
    )  # fmt: skip
    assert failure.explanation.startswith(f"AssumeRole of {arn(0)}: ServiceUnavailable")
    assert failure.request_id in {entry.request_id for entry in world.simulator.journal.entries()}
    assert provider.expiry() == STARTED_AT + 3600

    world.settle()
    world.recover()
    world.moved_s += 80
    assert world.soon(lambda: world.renewals == [0])
    assert provider.credentials(patience_s=0).access_key_id != first.access_key_id


def test_the_end_of_an_idle_role_is_none(world: World) -> None:
    """Where polls are hours apart, its token ends between two of them, on purpose: that is no expiry to tell of."""
    provider = world.provider()
    provider.credentials(patience_s=PATIENCE_S)
    world.moved_s = 3600
    assert world.soon(lambda: provider.expiry() == STARTED_AT + 7200)
    world.moved_s = 3601
    ends = [provider.expiry()]
    world.moved_s = 7201
    world.settle()
    ends.append(provider.expiry())
    provider.credentials(patience_s=PATIENCE_S)

    assert (ends, provider.expiry(), world.asked()) == ([None, None], STARTED_AT + 10_801, 3)


def test_the_end_of_a_role_that_is_used_in_vain_is_told(world: World) -> None:
    """Then its token is missed."""
    provider = world.provider()
    provider.credentials(patience_s=PATIENCE_S)
    world.fail()
    world.moved_s = 7200
    refusal(provider)

    assert provider.expiry() == STARTED_AT + 3600


FAILURES = [
    pytest.param({"status": 403, "code": "NoPermission"}, FailureReason.PERMISSION, id="permission"),
    pytest.param({"status": 404, "code": "InvalidAccessKeyId.NotFound"}, FailureReason.AUTH, id="auth"),
    pytest.param({"status": 400, "code": "Throttling.User"}, FailureReason.THROTTLED, id="throttled"),
    pytest.param({"kind": "redirect_302"}, FailureReason.THROTTLED, id="throttled by 302"),
    pytest.param({"kind": "close"}, FailureReason.NETWORK, id="network"),
    pytest.param({"kind": "html_502"}, FailureReason.SERVER, id="server"),
    pytest.param({"status": 404, "code": "EntityNotExist.Role"}, FailureReason.REJECTED, id="rejected"),
    pytest.param({"kind": "wrong_shape"}, FailureReason.MALFORMED, id="malformed"),
]


@pytest.mark.parametrize(("fault", "reason"), FAILURES)
def test_the_reason_is_that_of_sts(world: World, fault: dict[str, Any], reason: FailureReason) -> None:
    """What went wrong at STS is why the poll fails, and for which role; before the next attempt nobody waits."""
    world.fail(**fault)
    provider = world.provider()
    failures = [refusal(provider) for _ in range(3)]

    assert {failure.reason for failure in failures} == {reason}
    assert all(arn(0) in failure.explanation for failure in failures)
    assert world.asked() == 1


def test_an_answer_without_credentials_is_malformed(world: World) -> None:
    """What STS gives is looked at before it is used."""
    world.simulator.set_raw_answer("base", {"Credentials": {"AccessKeyId": "planted"}}, action="AssumeRole")

    failure = refusal(world.provider())
    assert (failure.reason, "planted" in str(failure)) == (FailureReason.MALFORMED, False)


def test_a_token_that_ended_before_it_came(world: World) -> None:
    """Credentials that are of no use are a failure with its pause, not a loop of questions."""
    answer = {
        "AccessKeyId": "STS.x",
        "AccessKeySecret": "x",
        "SecurityToken": "x",
        "Expiration": "2027-01-15T08:00:04Z",
    }
    world.simulator.set_raw_answer("base", {"Credentials": answer}, action="AssumeRole")
    provider = world.provider()

    assert "clock" in refusal(provider).explanation
    assert (refusal(provider).reason, world.asked()) == (FailureReason.MALFORMED, 1)


def test_a_silent_sts_costs_calls_their_patience_once(world: World) -> None:
    """A call waits for a question until that is as old as its patience; later ones fail at once."""
    world.fail("hang")
    provider = world.provider()
    began = time.monotonic()
    first = refusal(provider, 0.05)
    waited_s = time.monotonic() - began
    world.moved_s = PATIENCE_S
    second = refusal(provider, PATIENCE_S)

    assert (first.reason, second.reason) == (FailureReason.TIMEOUT, FailureReason.TIMEOUT)
    assert waited_s >= 0.05
    assert time.monotonic() - began < PATIENCE_S / 2
    assert world.asked() <= 1


def test_credentials_that_come_after_a_failure_are_told_of(world: World) -> None:
    """Each account whose calls went without credentials is called back once; one that never asked is not."""
    world.fail(times=1)
    met, unaware = world.provider(1), world.provider(2)
    refusal(met)
    unaware.credentials(patience_s=PATIENCE_S)
    world.settle()
    world.moved_s = 5
    assert world.soon(lambda: world.renewals == [1])
    met.credentials(patience_s=0)
    world.moved_s = 2500
    assert world.soon(lambda: world.asked() == 5)
    world.settle()

    assert world.renewals == [1]


def test_a_revoked_token_costs_one_question_and_no_poll(world: World, operation: Operation) -> None:
    """Polls that find their token revoked ask for one other token between them, and none fails."""
    caller = Caller(world.provider(), account_id=member_id(0))
    turns = [world.client.reserve(operation, caller) for _ in range(4)]
    world.simulator.revoke_tokens("m0")
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda permit: world.client.call(operation, caller, permit), turns))

    assert len(replies) == 4
    assert world.asked() == 2


def test_a_token_that_is_always_refused_makes_no_loop(world: World) -> None:
    """A role's token is thrown away at most every ten seconds, and an older one never takes a newer with it."""
    provider = world.provider()
    first = provider.credentials(patience_s=PATIENCE_S)
    assert provider.renew(first)
    second = provider.credentials(patience_s=PATIENCE_S)

    assert provider.renew(first)
    assert provider.credentials(patience_s=0) == second
    assert not provider.renew(second)
    assert provider.credentials(patience_s=0) == second
    world.moved_s = 10
    assert provider.renew(second)
    world.settle()
    assert world.asked() == 3


def has_at_once(provider: RoleCredentials) -> bool:
    try:
        provider.credentials(patience_s=0)
    except RoleNotAssumed:
        return False
    return True


@pytest.mark.rehearsal
def test_three_hundred_roles(world: World) -> None:
    """Roles cost no threads, and STS is asked less than 50 times a second however many are missing."""
    began = time.monotonic()
    threads = threading.active_count()
    providers = [world.provider(number) for number in range(MEMBERS)]
    missed = [number for number, provider in enumerate(providers) if not has_at_once(provider)]
    assert len(missed) > MEMBERS / 2  # STS may answer a first few before they are looked for
    # The simulator has a thread for each connection, of which there are as many as calls at a time.
    assert threading.active_count() - threads <= 2 * MOST_OF_SOURCE + 2
    assert soon(lambda: sorted(world.renewals) == missed)

    assert world.asked() == MEMBERS
    entries = world.simulator.journal.entries(action="AssumeRole")
    assert {entry.account_id for entry in entries} == {BASE_ID}
    # A machine under load may deliver calls late and together, never before the moments that the budget gave them.
    pace = 50 * USE_OF_LIMIT
    assert [entry.at_s for number, entry in enumerate(entries) if entry.at_s < began + number / pace] == []
    assert len({provider.credentials(patience_s=0).access_key_id for provider in providers}) == MEMBERS


def test_a_closed_provider_is_forgotten(world: World) -> None:
    """The token outlives one account where another has it too, and goes with the last."""
    first, second = world.provider(), world.provider()
    token = first.credentials(patience_s=PATIENCE_S)
    first.close()
    first.close()
    with pytest.raises(CallAborted):
        first.credentials(patience_s=0)
    assert not first.renew(token)
    assert second.credentials(patience_s=0) == token
    second.close()
    assert len(world.roles._roles) == 0

    world.provider().credentials(patience_s=PATIENCE_S)
    assert world.asked() == 2


@pytest.mark.parametrize("end", ["provider", "roles", "client"])
def test_a_close_ends_waits_at_once(world: World, end: str) -> None:
    """When the account, all accounts or the client is closed, calls that wait for STS are aborted."""
    world.fail("hang")
    provider = world.provider()
    with ThreadPoolExecutor(2) as pool:
        waiting: list[Future[Credentials]] = [pool.submit(provider.credentials, patience_s=60) for _ in range(2)]
        assert soon(lambda: world.asked() == 1)
        {"provider": provider.close, "roles": world.roles.close, "client": world.client.close}[end]()
        for future in waiting:
            with pytest.raises(CallAborted):
                future.result(PATIENCE_S)


def test_a_role_outlives_a_moment_without_threads(world: World) -> None:
    """A call that finds no thread waits in vain, and the attempt begins once there is one."""
    provider = world.provider()
    with no_new_threads(), pytest.raises(RoleNotAssumed, match="no answer within"):
        provider.credentials(patience_s=0.05)
    world.pool.start_threads()

    assert provider.credentials(patience_s=PATIENCE_S).security_token is not None
    assert world.asked() == 1


def test_closed_roles_give_nothing(world: World) -> None:
    """After the stop nothing is asked, by old providers or new ones."""
    provider = world.provider()
    world.roles.close()
    for closed in (provider, world.provider()):
        with pytest.raises(CallAborted):
            closed.credentials(patience_s=PATIENCE_S)

    assert world.asked() == 0


def test_the_log_tells_changes(world: World) -> None:
    """One line when a role is assumed, one when it no longer is, and repeats below what operators see."""
    provider = world.provider()
    provider.credentials(patience_s=PATIENCE_S)
    world.fail(status=403, code="NoPermission", message="no")
    for moved_s in (2500, 2600, 2700):
        world.moved_s = moved_s
        assert world.soon(lambda: world.asked() > 1)
        world.settle()
    asked = world.asked()
    request_ids = [entry.request_id for entry in world.simulator.journal.entries(action="AssumeRole")]

    names = {"account_id": member_id(0), "role_arn": arn(0)}
    assert asked > 2
    assert world.log.above_debug() == [
        ("role assumed", {**names, "request_id": request_ids[0]}),
        (
            "role not assumed",
            {
                **names,
                "reason": "permission",
                "code": "NoPermission",
                "explanation": "NoPermission: no",
                "request_id": request_ids[1],
            },
        ),
    ]
    assert len(world.log.lines) == asked


@pytest.mark.parametrize("where", ["message", "code", "request_id"])
def test_no_secret_is_told(world: World, caplog: pytest.LogCaptureFixture, where: Any) -> None:
    """Neither the tokens nor what they are asked with stand in a log, an error or a repr, at any level."""
    caplog.set_level(logging.DEBUG)
    provider = world.provider()
    provider.credentials(patience_s=PATIENCE_S)
    world.fail("echo", field=where)
    world.moved_s = 3600
    failure = refusal(provider)
    said = (
        f"{failure!r} {vars(failure)} {world.log.lines} {caplog.text} {provider!r} {vars(provider)} {world.roles!r}"
    )

    secrets = [BASE_SECRET, EXTERNAL_ID]
    for token in world.simulator.issued_tokens():
        secrets += [token.key.access_key_secret, token.key.security_token or ""]
    assert len(secrets) == 4
    assert [secret for secret in secrets if secret in said] == []


def test_the_source_may_be_a_role(world: World) -> None:
    """A role can be assumed with the credentials of another one, and fails for what that one fails for."""
    world.simulator.set_denied("base", ["AssumeRole"])
    via = Caller(world.provider(1), account_id=member_id(1))
    provider = world.roles.provider(Role(arn(2)), via, renewed=lambda: None)

    failure = refusal(provider)
    assert failure.reason is FailureReason.PERMISSION
    assert (arn(2) in failure.explanation, arn(1) in failure.explanation) == (True, True)


def test_a_source_of_another_site_has_its_own_token(world: World) -> None:
    """The same role by way of another STS is another question."""
    world.provider(1).credentials(patience_s=PATIENCE_S)
    elsewhere = Caller(
        world.source.credentials, account_id=BASE_ID, routes={ASSUME_ROLE.endpoint: Route(world.simulator.url)}
    )
    world.roles.provider(Role(arn(1)), elsewhere, renewed=lambda: None).credentials(patience_s=PATIENCE_S)

    assert world.asked() == 2


def test_a_defect_is_a_failure_without_text(world: World) -> None:
    """Whatever is raised in a worker reaches who waits, as a defect; its own text is shown nowhere."""

    class Broken(StaticCredentials):
        def credentials(self, *, patience_s: float) -> Credentials:  # noqa: ARG002 — it fails at once
            raise KeyError("planted")

    source = Caller(Broken(Credentials("x", Secret("x"))))
    failure = refusal(world.roles.provider(Role(arn(1)), source, renewed=lambda: None))

    assert failure.reason is FailureReason.INTERNAL
    assert "KeyError" in failure.explanation
    assert "planted" not in f"{failure}{world.log.lines}"


def test_a_listeners_defect_is_logged(world: World) -> None:
    """An error in one callback for new credentials does not keep the others from being called."""

    def broken() -> None:
        raise KeyError("planted")

    world.fail(times=1)
    provider = world.roles.provider(Role(arn(1)), world.source, renewed=broken)
    other = world.provider(1)
    refusal(provider)
    refusal(other)
    world.moved_s = 10
    assert world.soon(lambda: world.renewals == [1])
    assert soon(lambda: any(level == logging.ERROR for level, _, _ in world.log.lines))

    assert "planted" not in str(world.log.lines)
