"""How the page follows what is learned: blocks, other configurations, many threads."""

import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.core.model import Failure, State
from exporter.core.store import ProbeRecord
from exporter.metrics.page import Exposition, ExpositionFormat
from exporter.probes.kind import AnyKind
from exporter.probes.service_state import NOT_ACTIVATED, ChargeTypeChange, ServiceState
from exporter.probes.table import PROBES
from tests.certificates import CERTIFICATES, Certificate
from tests.metrics.pages import (
    ACTIVE,
    CHANGING,
    DEBT_KIND,
    IN_DEBT,
    KIND,
    LOCKED,
    MOMENT,
    STALE_AFTER_S,
    START,
    TIMEOUT,
    Clock,
    exposition,
    key,
    lines,
    record,
    services,
    text,
)
from tests.records import stale_after


def test_one_update_changes_one_account_of_many() -> None:
    """The page has three blocks here; the lines of all others stay as they were."""
    clock = Clock()
    accounts = [f"account {number:04}" for number in range(4200)]
    page = exposition(*accounts, clock=clock)
    for account in accounts:
        page.update(key(account), record(ACTIVE))
    before = text(page).splitlines()
    page.update(key("account 2700"), record(LOCKED))
    after = text(page).splitlines()

    assert len(before) > 4200 * 30
    assert {line.partition('"')[2].partition('"')[0] for line in set(before) ^ set(after)} == {"account 2700"}
    assert [line.rpartition(" ")[0] for line in after if "security" not in line] == [
        line.rpartition(" ")[0] for line in before
    ]


def test_each_change_of_neighbours_leaves_at_its_own_moment() -> None:
    """They stand in one block, which is looked at again for the second change after the first has left."""
    clock = Clock()
    page = exposition("first", "second", clock=clock)
    for account, change_in_s in (("first", 60), ("second", 300)):
        change = ChargeTypeChange("PayByBandwidth", datetime.fromtimestamp(START + change_in_s, UTC))
        page.update(key(account), record(replace(CHANGING, change=change)))

    remaining = []
    for seconds in (0, 60, 300):
        clock.now = START + seconds
        shown = lines(page, "dcdn_service_charge_type_change_remaining_seconds")
        remaining.append([float(line.rpartition(" ")[2]) for line in shown])
    assert remaining == [[60, 300], [240], []]


def test_blocks_are_shared_between_scrapes() -> None:
    """What did not change is not written again, in whichever format it is read."""
    page = exposition(*(f"account {number:04}" for number in range(4200)), clock=Clock())
    first, second = page.page(ExpositionFormat.TEXT), page.page(ExpositionFormat.OPENMETRICS)
    blocks = {id(block) for block in first if len(block) > 1000}

    assert len(blocks) == 3 * 7
    assert blocks <= {id(block) for block in second}


def test_a_poll_that_finds_what_was_known_changes_few_blocks() -> None:
    """Of a page that was read, only the families whose lines have changed are joined anew."""
    clock = Clock()
    accounts = [f"account {number:04}" for number in range(512)]
    page = exposition(*accounts, clock=clock)
    for account in accounts:
        page.update(key(account), record(LOCKED))
    before = page.page(ExpositionFormat.TEXT)  # kept, so that no new block takes the place of one in memory
    clock.now += 60
    page.update(key(accounts[7]), record(LOCKED, since=record(LOCKED), at=clock.now))
    kept = {id(block) for block in before}
    after = [block for block in page.page(ExpositionFormat.TEXT) if len(block) > 1000]

    assert {block.partition(b"{")[0].decode() for block in after if id(block) not in kept} == {
        "dcdn_last_poll_timestamp_seconds",
        "dcdn_last_success_timestamp_seconds",
        "dcdn_polls_total",
    }


def test_a_probe_that_has_left_changes_nothing_on_the_page() -> None:
    """Its last poll may end when the page has others already."""
    page = exposition("prod", clock=Clock())
    before = text(page)
    page.update(key("stranger"), record(LOCKED))

    assert text(page) == before


def test_another_configuration_keeps_what_is_known() -> None:
    """Probes that stay keep their lines, new ones have their health from 0, those that leave take all with them."""
    page = exposition("prod", "shop", clock=Clock())
    page.set_accounts({"prod": {"site": "china"}, "shop": {"site": "china"}})
    page.update(key(), record(LOCKED))
    page.update(key("shop"), record(ACTIVE))
    kept = [line for line in text(page).splitlines() if 'account="prod"' in line]
    page.configure([(key("new"), KIND), (key(), KIND)], stale_after_of=stale_after(STALE_AFTER_S))
    page.set_accounts({"new": {"site": "china"}, "prod": {"site": "china"}})
    after = text(page).splitlines()

    assert [line for line in after if 'account="prod"' in line] == kept
    assert not any('account="shop"' in line for line in after)
    assert 'dcdn_polls_total{account="new",probe="service",product="dcdn_ipa"} 0.0' in after


def test_an_update_waits_for_the_page_that_is_being_put_together() -> None:
    """A page never has half of its families from before an update and half from after it."""
    updated = threading.Event()
    seen_meanwhile: list[bool] = []
    with ThreadPoolExecutor(1) as thread:

        def update() -> None:
            page.update(key(), record(LOCKED))
            updated.set()

        def now() -> float:
            if scraping.is_set() and not seen_meanwhile:
                seen_meanwhile.append(False)
                thread.submit(update)
                seen_meanwhile[0] = updated.wait(0.05)
            return START

        scraping = threading.Event()
        page = Exposition(PROBES, own=CollectorRegistry(), now=now)
        page.configure([(key(), KIND)], stale_after_of=stale_after(STALE_AFTER_S))
        scraping.set()
        during = services(page)

    assert seen_meanwhile == [False]
    assert during == set()
    assert updated.is_set()
    assert services(page) != set()


def test_a_page_stays_whole_while_threads_update_it() -> None:
    """Every page that is read meanwhile parses, and has each probe once in every family of health."""
    accounts = [f"account {number}" for number in range(20)]
    page = exposition(*accounts, clock=Clock())
    stories = [record(ACTIVE), record(LOCKED), record(CHANGING), record(NOT_ACTIVATED), record(TIMEOUT)]
    stop = threading.Event()

    def update(thread: int) -> int:
        rounds = 0
        while not stop.is_set() or not rounds:
            for number, account in enumerate(accounts):
                page.update(key(account), stories[(number + thread + rounds) % len(stories)])
            rounds += 1
        return rounds

    with ThreadPoolExecutor(8) as threads:
        updates = [threads.submit(update, thread) for thread in range(8)]
        try:
            for _ in range(10):
                samples = {family.name: family.samples for family in parse_text(text(page))}
                assert [sample.labels["account"] for sample in samples["dcdn_polls"]] == accounts
                assert len(samples["dcdn_service_lock"]) == len(
                    {str(sample) for sample in samples["dcdn_service_lock"]}
                )
        finally:
            stop.set()
        assert all(update.result() for update in updates)


KINDS: dict[str, AnyKind] = {kind.probe: kind for kind in (KIND, DEBT_KIND, CERTIFICATES)}
SUNNY = ServiceState(charge_type="PayByTraffic", change=ChargeTypeChange("PayBySun", MOMENT + timedelta(seconds=200)))
MOONLIT = ServiceState(charge_type="PayByMoon", lock_reasons=("unspecified",))
SHORT, LONG = Certificate("a.example", "moon", START + 60), Certificate("b.example", "sun", START + 300)
OUTCOMES = st.one_of(
    st.tuples(
        st.just("service"), st.sampled_from([ACTIVE, LOCKED, NOT_ACTIVATED, CHANGING, SUNNY, MOONLIT, TIMEOUT])
    ),
    st.tuples(st.just("debt_status"), st.sampled_from([IN_DEBT, TIMEOUT])),
    st.tuples(st.just("certificates"), st.sampled_from([(), (SHORT,), (SHORT, LONG), TIMEOUT])),
)
ACCOUNTS = st.sampled_from(["prod", "shop"])
PROBES_OF_ACCOUNTS = st.lists(st.tuples(ACCOUNTS, st.sampled_from(list(KINDS))), unique=True)


@dataclass(frozen=True)
class Poll:
    """A poll of this probe ends so."""

    account: str
    probe: str
    outcome: State | Failure


@dataclass(frozen=True)
class Reload:
    """From now on these probes are polled, by the names of account and probe."""

    probes: list[tuple[str, str]]


STEPS = st.one_of(
    st.builds(lambda account, poll: Poll(account, *poll), ACCOUNTS, OUTCOMES),
    st.sampled_from([0.0, 0.5, 60.0, 100.0, 300.0, STALE_AFTER_S, math.nextafter(STALE_AFTER_S, math.inf)]),
    st.builds(Reload, PROBES_OF_ACCOUNTS),
    st.none(),
)


def play(steps: list[object]) -> Iterator[tuple[Exposition, Exposition]]:
    """At every scrape of the story (a None), the page, and one that was made only now from the same records."""
    clock = Clock()
    records = {(account, probe): ProbeRecord() for account in ("prod", "shop") for probe in KINDS}
    page = page_of(records, clock)
    for step in (*steps, None):
        match step:
            case Poll(account, probe, outcome) if (account, probe) in records:
                after = record(outcome, since=records[account, probe], at=clock.now, kind=KINDS[probe])
                records[account, probe] = after
                page.update(KINDS[probe].key(account), after)
            case float():
                clock.now += step
            case Reload(probes):
                records = {name: records.get(name, ProbeRecord()) for name in probes}
                configure(page, records)
            case None:
                yield page, page_of(records, clock)


def page_of(records: Mapping[tuple[str, str], ProbeRecord], clock: Clock) -> Exposition:
    page = Exposition(KINDS.values(), own=CollectorRegistry(), now=clock)
    configure(page, records)
    for (account, probe), of_probe in records.items():
        page.update(KINDS[probe].key(account), of_probe)
    return page


def configure(page: Exposition, probes: Iterable[tuple[str, str]]) -> None:
    page.configure(
        [(KINDS[probe].key(account), KINDS[probe]) for account, probe in probes],
        stale_after_of=stale_after(STALE_AFTER_S),
    )


@given(steps=st.lists(STEPS, max_size=12))
def test_a_page_depends_on_records_and_time_only(steps: list[object]) -> None:
    """However it came to be, by polls, scrapes, waiting or reloads, it is the page that new parts would make.

    Whatever kinds of probes there are: one of them is none of ours.
    """
    for page, new in play(steps):
        assert text(page) == text(new)
