"""Polls of many pages, by the real client and poller against the simulator, within the limits that it keeps."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest

from exporter.accounts.inventory import Probe
from exporter.api.call import Caller, Unobserved
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.endpoints import Route, endpoints
from exporter.api.rate_limit import USE_OF_LIMIT, Budgets
from exporter.core.model import Answer, Failure, FailureReason
from exporter.core.store import Store
from exporter.polling.poller import Polled, Poller
from exporter.probes.domains import NO_DOMAINS, STATUSES, Domains
from exporter.probes.kind import AnyKind
from exporter.probes.table import PROBES, vendor_limits
from exporter.simulator import LIMITS, Account, Fault, JournalEntry, Scenario, ServiceState, Simulator
from exporter.simulator import Domains as SimulatedDomains
from tests.recording_log import RecordingLog

KINDS = {kind.product: kind for kind in PROBES if kind.probe == "domains"}
PRODUCTS = tuple(KINDS)
ACCOUNT = Account("shop", "1000000000000001", "LTAI5tShop", "made-up")
each_product = pytest.mark.parametrize("product", PRODUCTS)


class World:
    """An account with all three products, and what polls the domains of one; ``limit`` is in calls per second."""

    def __init__(self, simulator: Simulator, kind: AnyKind, limit: int) -> None:
        self.simulator = simulator
        self.kind = kind
        self.action = kind.operation.action
        for each in PRODUCTS:
            simulator.set_service("shop", ServiceState(), product=each)
        self.client = Client(
            {name: Route(simulator.url) for name in endpoints("china")},
            budgets=Budgets({**vendor_limits(), self.action: limit}, clock=time.monotonic),
            observer=Unobserved(),
            deadline_s=20,
            pool_size=4,
            user_agent="test",
        )
        keys = StaticCredentials(Credentials(ACCOUNT.access_key_id, Secret(ACCOUNT.access_key_secret)))
        caller = Caller(keys, account_id=ACCOUNT.account_id)
        self.probe = Probe(key=kind.key("shop"), kind=kind, caller=lambda: caller)
        self.store = Store([self.probe.key], on_change=lambda _key, _record: None)
        self.log = RecordingLog()
        self.unknown: list[str] = []
        self.poller = Poller(self.client, self.store, log=self.log, count_unknown_value=self.unknown.append)

    def set_domains(self, **parts: Any) -> None:
        self.simulator.set_inventory("shop", "domains", SimulatedDomains(**parts), product=self.kind.product)

    def poll(self) -> Any:
        """The state of an answer, or a failure."""
        polled = self.poller.poll(self.probe)
        assert isinstance(polled, Polled)
        return polled.outcome.state if isinstance(polled.outcome, Answer) else polled.outcome

    def calls(self) -> tuple[JournalEntry, ...]:
        return self.simulator.journal.entries(action=self.action)


@pytest.fixture
def world(play: Callable[..., Simulator]) -> Iterator[Callable[..., World]]:
    """Starts one; both sides keep to a limit of calls per second, the vendor's unless one is given."""
    with ExitStack() as running:

        def start(product: str, limit: int | None = None) -> World:
            kind = KINDS[product]
            limit = limit or kind.operation.calls_per_second
            simulator = play(Scenario("domains", (ACCOUNT,)), limits={**LIMITS, kind.operation.action: limit})
            made = World(simulator, kind, limit)
            running.callback(made.client.close)
            return made

        yield start


@each_product
def test_five_thousand_domains_are_counted(world: Callable[..., World], product: str) -> None:
    """In pages of 500, of which the last is the one that is not full; what is said again changes nothing."""
    shop = world(product)
    offline = {f"shop-{number}.example.com": "offline" for number in range(25)}
    shop.set_domains(online=4975, statuses=offline)
    state = shop.poll()

    assert state.counts == (("offline", 25), ("online", 4975))
    assert [name for name, _ in state.not_online] == sorted(offline)[:20]
    assert len(shop.calls()) == 11
    assert {entry.code for entry in shop.calls()} == {None}
    assert shop.poll() is state
    assert shop.store.get(shop.probe.key).calls == 22


@pytest.mark.parametrize("limit", [10, 30])
def test_pages_are_never_refused_for_their_pace(world: Callable[..., World], limit: int) -> None:
    """Two polls one after the other, on a machine that has nothing else to do: no call is above the limit.

    Within a poll no two pages arrive closer than calls may be sent, whatever held up the one before.
    """
    shop = world("dcdn_ipa", limit)
    shop.set_domains(online=7000)
    for _ in range(2):
        assert shop.poll() == Domains((("online", 7000),))
    calls = shop.calls()

    assert len(calls) == 30
    assert {entry.code for entry in calls} == {None}
    assert shop.simulator.journal.busiest_window(action=shop.action) <= limit
    within = [later.at_s - earlier.at_s for earlier, later in (*pairwise(calls[:15]), *pairwise(calls[15:]))]
    assert min(within) >= 1 / (limit * USE_OF_LIMIT)


def test_a_late_page_does_not_squeeze_those_behind_it(world: Callable[..., World]) -> None:
    """The server may be slow with the first page, as it is when many connections are made at once."""
    shop = world("cdn", 4)
    shop.set_domains(online=2500)
    shop.simulator.set_fault("shop", Fault("latency", seconds=0.3, times=1, action=shop.action))
    assert shop.poll() == Domains((("online", 2500),))
    calls = shop.calls()

    assert {entry.code for entry in calls} == {None}
    # Its answer left 0.3 s after it had come, and the next page waited for that, and then for its turn.
    assert calls[1].at_s - calls[0].at_s >= 0.3 + 1 / (4 * USE_OF_LIMIT)


def test_pages_over_one_mebibyte_are_asked_again_smaller(world: Callable[..., World]) -> None:
    """Once, and then all of them; no domain is lost."""
    shop = world("cdn")
    shop.set_domains(online=1234, origins=20)

    assert shop.poll() == Domains((("online", 1234),))
    assert len(shop.calls()) == 1 + 13


@pytest.mark.parametrize("count", [0, 1, 3, 500, 999, 1000])
def test_a_count_that_is_too_low_hides_no_domain(world: Callable[..., World], count: int) -> None:
    """A full page is followed by another one, whatever TotalCount says."""
    shop = world("cdn")
    shop.set_domains(online=1200, statuses={"shop.example.com": "offline"}, total_count=count)

    assert shop.poll() == Domains((("offline", 1), ("online", 1200)), (("shop.example.com", "offline"),))


def test_a_count_that_is_too_high_is_no_answer(world: Callable[..., World]) -> None:
    """Domains that are counted and not listed may be the ones that matter; the last answer stays what it was."""
    shop = world("cdn")
    shop.set_domains(online=3)
    known = shop.poll()
    shop.set_domains(online=2, total_count=3)
    failure = shop.poll()

    assert isinstance(failure, Failure)
    assert (failure.reason, failure.explanation) == (
        FailureReason.MALFORMED,
        "TotalCount: seen 3 with 2 rows; accepted: the whole list",
    )
    assert shop.store.get(shop.probe.key).state == known


@each_product
def test_an_empty_fleet_and_no_service_have_no_domains(world: Callable[..., World], product: str) -> None:
    """Both are answers of one call."""
    shop = world(product)
    assert shop.poll() == NO_DOMAINS
    shop.simulator.set_service("shop", ServiceState(activated=False), product=product)
    assert shop.poll() == NO_DOMAINS
    assert [entry.code is None for entry in shop.calls()] == [True, False]


@each_product
def test_a_right_that_lacks_is_a_failure(world: Callable[..., World], product: str) -> None:
    """Its explanation names the right."""
    shop = world(product)
    shop.simulator.set_denied("shop", [shop.action])
    failure = shop.poll()

    assert isinstance(failure, Failure)
    assert (failure.reason, failure.code) == (FailureReason.PERMISSION, "Forbidden.RAM")
    assert str(shop.kind.operation.ram_action) in failure.explanation


def test_statuses_that_are_new_are_counted_and_logged(world: Callable[..., World]) -> None:
    """Each answer with one counts once for its field."""
    shop = world("cdn")
    shop.set_domains(statuses={"a.example.com": "Frozen", "b.example.com": "thawing", "c.example.com": "offline"})
    state = shop.poll()

    assert state.counts == (("frozen", 1), ("offline", 1), ("thawing", 1))
    assert shop.unknown == ["DomainStatus"]
    lines = json.dumps(shop.log.lines, default=str)
    assert "domains learned" in lines
    assert "c.example.com (offline), a.example.com (frozen), b.example.com (thawing)" in lines


def test_all_statuses_are_read(world: Callable[..., World]) -> None:
    """Also those that the API shows only when it is asked to."""
    shop = world("dcdn")
    shop.set_domains(statuses={f"{status}.example.com": status for status in STATUSES})

    assert dict(shop.poll().counts) == dict.fromkeys(STATUSES, 1)
    assert shop.unknown == []
