"""Twenty minutes without STS, from the poll to the page, in simulated time: who goes on, who fails, and why."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import pytest

from exporter.accounts.inventory import Probe
from exporter.api.call import Caller
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, CredentialsProvider, Secret, StaticCredentials
from exporter.api.credentials.role import Role
from exporter.api.credentials.roles import RoleCredentials, Roles
from exporter.api.endpoints import Route, endpoints
from exporter.api.rate_limit import Budgets
from exporter.core.pool import Pool
from exporter.core.store import Store
from exporter.metrics.page import Exposition, ExpositionFormat
from exporter.metrics.self_metrics import SelfMetrics
from exporter.polling.poller import Polled, Poller
from exporter.probes.table import PROBES
from exporter.simulator import LIMITS, Account, Fault, Scenario, role_arn
from exporter.simulator import Role as SimulatedRole
from tests.end_to_end.page import Page
from tests.only_read import only_read
from tests.recording_log import RecordingLog
from tests.records import stale_after
from tests.waiting import PATIENCE_S, soon

KIND = PROBES[0]
STARTED_AT = 1_800_000_000.0
STALE_AFTER_S = 180.0
BASE = Account("key", "10", "LTAI5tBase", "base-secret", ram_user="exporter")
# How long the tokens of each account's role live.
LIVES_S = {"hour": 3600, "quarter": 900, "new": 3600, "revoked before": 3600, "revoked amid": 3600}
MINUTE = 60
# Another token is due after 39.6 minutes of an hour.
DOWN = range(40, 60)


def account_of(name: str, number: int) -> Account:
    role = SimulatedRole("reader", trusted=(BASE.account_id,), max_session_s=LIVES_S[name])
    return Account(name, str(2000 + number), f"LTAI5t{number}", "unused", roles=(role,))


ACCOUNTS = [account_of(name, number) for number, name in enumerate(LIVES_S)]


class World:
    """The simulator, all that is between it and the page, and one hand that moves the clocks of all."""

    def __init__(self) -> None:
        self.moved_s = 0.0
        self.log = RecordingLog()
        self.renewals: list[str] = []
        unlimited = dict.fromkeys(LIMITS, 1_000_000)
        self._running = ExitStack()
        self.simulator = self._running.enter_context(
            only_read(Scenario("roles", (BASE, *ACCOUNTS)), wall_clock=self.wall_clock, limits=unlimited)
        )
        self._own = SelfMetrics(version="0", actions=LIMITS, unknown_fields=[])
        self._client = Client(
            dict.fromkeys(endpoints("china"), Route(self.simulator.url)),
            budgets=Budgets(unlimited, clock=time.monotonic),
            observer=self._own,
            deadline_s=PATIENCE_S,
            pool_size=16,
            user_agent="tests",
            wall_clock=self.wall_clock,
        )
        self._pool = Pool(log=self.log)
        self.roles = Roles(
            self._client,
            pool=self._pool,
            log=self.log,
            wall_clock=self.wall_clock,
            clock=lambda: self.moved_s,
            jitter=lambda: 0.5,
        )
        self._providers = {account.name: self._role_of(account) for account in ACCOUNTS}
        self._exposition = Exposition(PROBES, own=self._own.registry, now=self.wall_clock, expiries=self._expiries)
        self._store = Store([], on_change=self._exposition.update)
        self._poller = Poller(
            self._client,
            self._store,
            count_unknown_value=self._own.unknown_value,
            log=self.log,
            wall_clock=self.wall_clock,
        )
        callers: dict[str, CredentialsProvider] = {BASE.name: self._base(), **self._providers}
        self._probes = {
            account.name: self._probe(Caller(callers[account.name], account_id=account.account_id), account.name)
            for account in (BASE, *ACCOUNTS)
        }
        self._store.configure([probe.key for probe in self._probes.values()])
        self._exposition.configure(
            [(probe.key, probe.kind) for probe in self._probes.values()], stale_after_of=stale_after(STALE_AFTER_S)
        )

    def wall_clock(self) -> float:
        return STARTED_AT + self.moved_s

    def close(self) -> None:
        self.roles.close()
        self._pool.close()
        self._client.close()
        self._running.close()

    def at(self, moment_s: float, *accounts: str) -> Page:
        """Have it be that moment, and poll these as the schedule would; returns the page then."""
        self.moved_s = moment_s
        assert soon(self._settled)  # what is due in the background comes first
        for account in accounts:
            assert isinstance(self._poller.poll(self._probes[account]), Polled)
        assert soon(self._settled)
        return Page.parse(b"".join(self._exposition.page(ExpositionFormat.TEXT)).decode())

    def events(self, account: str) -> list[str]:
        """What the log tells operators of an account's polls, in order."""
        return [event for event, fields in self.log.above_debug() if fields.get("account") == account]

    def _base(self) -> StaticCredentials:
        return StaticCredentials(Credentials(BASE.access_key_id, Secret(BASE.access_key_secret)))

    def _role_of(self, account: Account) -> RoleCredentials:
        source = Caller(self._base(), account_id=BASE.account_id)
        role = Role(role_arn(account.account_id, "reader"))
        return self.roles.provider(role, source, renewed=lambda: self.renewals.append(account.name))

    def _probe(self, caller: Caller, account: str) -> Probe:
        return Probe(key=KIND.key(account), kind=KIND, caller=lambda: caller)

    def _expiries(self) -> Iterable[tuple[str, float]]:
        for account, provider in self._providers.items():
            expiry = provider.expiry()
            if expiry is not None:
                yield account, expiry

    def _settled(self) -> bool:
        self.roles.renew_due()
        with self.roles.lock:
            return not any(
                assumed.attempt is not None
                or assumed.token.is_due(now=self.moved_s, wall_now=self.wall_clock(), used_at=assumed.used_at)
                for assumed in self.roles._roles.values()
            )


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


OUTAGES = [
    pytest.param(
        Fault("error", status=503, code="ServiceUnavailable", action="AssumeRole"), "server", id="unavailable"
    ),
    pytest.param(Fault("error", status=400, code="Throttling", action="AssumeRole"), "throttled", id="throttled"),
    pytest.param(Fault("close", action="AssumeRole"), "network", id="unreachable"),
]


@pytest.mark.parametrize(("fault", "reason"), OUTAGES)
def test_twenty_minutes_without_sts(world: World, fault: Fault, reason: str) -> None:
    """No poll fails while its token is good; one that has none fails for STS's reason, and until STS is back."""
    always = ("key", "hour", "quarter", "revoked before", "revoked amid")
    failing: dict[str, list[int]] = defaultdict(list)
    stateless: dict[str, list[int]] = defaultdict(list)
    for minute in (0, 10, 20, 30, 39):
        if minute == 20:
            world.simulator.revoke_tokens("revoked before")
        page = world.at(minute * MINUTE, *always)
        assert page.by("account", "dcdn_poll_success") == {**dict.fromkeys(always, 1), "new": 0}
    world.simulator.set_fault(BASE.name, fault)
    pages: dict[int, Page] = {}
    for minute in DOWN:
        if minute == 50:
            world.simulator.revoke_tokens("revoked amid")
        pages[minute] = world.at(minute * MINUTE, *always, "new")
    world.simulator.set_fault(BASE.name, None)
    page = pages[DOWN.stop] = world.at(DOWN.stop * MINUTE, *always, "new")
    for minute, seen in pages.items():
        for account, success in seen.by("account", "dcdn_poll_success").items():
            if not success:
                failing[account].append(minute)
            if seen.status(account) is None:
                stateless[account].append(minute)

    # The last token for a quarter of an hour is of minute 30; the answer of minute 44 is old after three minutes.
    assert failing == {
        "quarter": [*DOWN[5:]],
        "revoked amid": [*DOWN[10:]],
        "new": [*DOWN],
    }
    assert stateless == {
        "quarter": [*DOWN[8:]],
        "revoked amid": [*DOWN[13:]],
        "new": [*DOWN],
    }
    failures = {
        (account, dict(rest)["reason"]): value
        for account in (*always, "new")
        for rest, value in page.find("dcdn_poll_failures_total", account=account).items()
        if value
    }
    assert failures == {(account, reason): len(minutes) for account, minutes in failing.items()}
    assert soon(lambda: world._settled() and sorted(world.renewals) == sorted(failing))
    ends = page.by("account", "dcdn_exporter_credential_expiry_timestamp_seconds")
    assert ends.keys() == set(LIVES_S)
    assert min(ends.values()) > world.wall_clock()
    learned = ["service state learned"]
    assert {account: world.events(account) for account in (*always, "new")} == {
        "key": learned,
        "hour": learned,
        "revoked before": learned,
        "quarter": [*learned, "poll failed", "poll recovered"],
        "revoked amid": [*learned, "poll failed", "poll recovered"],
        "new": ["poll failed", "poll recovered", *learned],
    }


def test_the_end_of_a_token_stays_on_the_page(world: World) -> None:
    """While STS is down the page says when each token ends, and for one that has ended when it did."""
    for minute in (0, 10, 20, 30, 39):
        world.at(minute * MINUTE, "hour", "quarter")
    world.simulator.set_fault(BASE.name, Fault("close", action="AssumeRole"))
    page = world.at(50 * MINUTE, "hour", "quarter")

    assert page.by("account", "dcdn_exporter_credential_expiry_timestamp_seconds") == {
        "hour": STARTED_AT + 60 * MINUTE,
        "quarter": STARTED_AT + 45 * MINUTE,
    }
