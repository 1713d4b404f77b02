"""All probes of hundreds of accounts: the vendor's limits are kept, and no kind of probe delays another."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from exporter.probes.kind import Interval
from exporter.probes.table import PRODUCTS, SWITCHES, kinds_for
from exporter.simulator import (
    LIMITS,
    Certificates,
    Domains,
    EsaPlan,
    Fault,
    ResourcePackage,
    ServiceState,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.simulator import Account, JournalEntry, Simulator
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter

    Probe = tuple[str, str, str]

pytestmark = pytest.mark.rehearsal
ACCOUNTS = 200
LARGE = "account-000"
DOMAINS = 5_000
PREPAID, POSTPAID = 2_500, 2_000
INTERVALS_S = {Interval.POLL: 20, Interval.BALANCE: 30, Interval.INVENTORY: 30}
HANGS, NONSENSE = ("dcdn", "debt_status"), ("cdn", "certificates")
LATE_S = 5.0
"""By how much an answer may be older than the interval of its kind."""
CALLS_BETWEEN_LOOKS = 100
"""A page of so many accounts is not read more often than it changes."""
KINDS = {(kind.product, kind.probe): kind for kind in kinds_for(PRODUCTS, SWITCHES)}
_SERIES = re.compile(r'^(dcdn_\w+)\{account="([^"]+)",probe="([^"]+)",product="([^"]+)"\} (\S+)$', re.MULTILINE)


def inventories(*, large: bool) -> Iterator[tuple[str, str, object]]:
    """What an account has, each with its kind and product: one of everything, or thousands of what is listed."""
    for product in ("dcdn_ipa", "dcdn", "cdn"):
        yield "domains", product, Domains(online=DOMAINS if large else 1)
    for product in ("dcdn", "cdn"):
        yield "certificates", product, Certificates(expiring=1)
        yield "resource_packages", product, (ResourcePackage("package"),)
    prepaid, postpaid = (PREPAID, POSTPAID) if large else (1, 1)
    plans = [EsaPlan(f"sp-prepaid-{number}") for number in range(prepaid)]
    plans += [EsaPlan(f"sp-postpaid-{number}", billing_mode="POSTPAY") for number in range(postpaid)]
    yield "plans", "", tuple(plans)


def with_everything(simulator: Simulator, account: Account) -> None:
    """Every service of the account is activated, and it has some of everything."""
    for product in ("dcdn_ipa", "dcdn", "cdn", "dcdn_sec"):
        simulator.set_service(account.name, ServiceState(), product=product)
    for kind, product, state in inventories(large=account.name == LARGE):
        simulator.set_inventory(account.name, kind, state, product=product)


@pytest.fixture
def accounts(make_account: MakeAccount) -> list[Account]:
    """The first one is the large one."""
    return [make_account(f"account-{number:03}") for number in range(ACCOUNTS)]


@pytest.fixture
def simulator(accounts: list[Account], simulate: Simulate) -> Simulator:
    """Of each account one operation hangs, and another answers nonsense."""
    playing = simulate(*accounts)
    for account in accounts:
        with_everything(playing, account)
        playing.set_fault(account.name, Fault("hang", action=KINDS[HANGS].operation.action))
        playing.set_raw_answer(account.name, ["nonsense"], action=KINDS[NONSENSE].operation.action)
    return playing


@pytest.fixture
def exporter(accounts: list[Account], simulator: Simulator, configure: Configure, serve: Serve) -> Exporter:
    """A daemon with few threads, which polls everything: those that hang would take all of them."""
    intervals = {interval.value: f"{seconds}s" for interval, seconds in INTERVALS_S.items()}
    configuration = configure(simulator.url, *accounts, timeout="4s", max_workers=32, **intervals)
    configuration |= {"products": list(PRODUCTS), **dict.fromkeys(SWITCHES, True)}
    configuration["endpoints"] |= dict.fromkeys(("cdn", "bss", "esa"), simulator.url)
    return serve(configuration)


class Probes:
    """The probes' health as the page shows it now."""

    def __init__(self, exporter: Exporter) -> None:
        self.now = time.time()
        text = exporter.get("/metrics")[2].decode()
        self._families: dict[str, dict[Probe, float]] = defaultdict(dict)
        for name, account, probe, product, value in _SERIES.findall(text):
            self._families[name][account, product, probe] = float(value)

    def family(self, name: str) -> Mapping[Probe, float]:
        """The values of a family by probe."""
        return self._families[name]

    def late_s(self) -> float:
        """By how much the oldest answer of the kinds that work is older than its interval."""
        return max(
            self.now - at - INTERVALS_S[KINDS[product, probe].interval]
            for (_, product, probe), at in self.family("dcdn_last_success_timestamp_seconds").items()
            if (product, probe) not in (HANGS, NONSENSE)
        )


def above_the_limit(calls: Iterable[JournalEntry]) -> set[tuple[str | None, str | None]]:
    """The accounts and operations that had more calls in any second than the vendor allows."""
    moments: dict[tuple[str | None, str | None], list[float]] = defaultdict(list)
    for call in calls:
        moments[call.account_id, call.action].append(call.at_s)
    return {
        (account_id, action)
        for (account_id, action), at in moments.items()
        if any(later - earlier < 1 for earlier, later in zip(at, at[LIMITS[str(action)] :], strict=False))
    }


def test_every_limit_is_kept_and_no_kind_delays_another(
    simulator: Simulator, exporter: Exporter, eventually: Eventually
) -> None:
    """All answers of the kinds that work stay young for the longest interval, while one kind hangs and one fails.

    Five thousand domains of each product, and thousands of plans, are counted within the limits, too.
    """
    eventually("all were polled", lambda: exporter.status("/-/ready") == 200, within_s=120)
    young_since: list[float] = []

    def stay_young() -> bool:
        simulator.journal.wait_for_total(simulator.journal.total + CALLS_BETWEEN_LOOKS, timeout_s=LATE_S)
        seen = Probes(exporter)
        if seen.late_s() > LATE_S:
            young_since.clear()
        young_since.append(seen.now)
        return seen.now - young_since[0] > max(INTERVALS_S.values())

    eventually("all are young for the longest interval", stay_young, within_s=120)

    succeeded = Probes(exporter).family("dcdn_poll_success")
    assert len(succeeded) == ACCOUNTS * len(KINDS)
    assert {(product, probe) for (_, product, probe), value in succeeded.items() if value == 0} == {HANGS, NONSENSE}
    page = exporter.scrape()
    for product in ("dcdn_ipa", "dcdn", "cdn"):
        assert page.value("dcdn_domains", account=LARGE, product=product, status="online") == DOMAINS
    assert page.value("dcdn_esa_plans", account=LARGE, status="online") == PREPAID + POSTPAID
    assert exporter.stop() == 0

    calls = simulator.journal.entries()
    assert simulator.journal.total == len(calls)
    assert above_the_limit(calls) == set()
    assert {call.code for call in calls} == {None}
