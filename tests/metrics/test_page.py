import math
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from exporter.core.model import (
    NOT_ACTIVATED,
    Answer,
    Balance,
    ChargeTypeChange,
    DebtState,
    Failure,
    FailureReason,
    Observation,
    ProbeKey,
    ServiceState,
    State,
    UnknownField,
)
from exporter.core.store import ProbeRecord
from exporter.metrics.page import Exposition, ExpositionFormat, label_text
from exporter.metrics.self_metrics import OwnMetrics
from exporter.probes.table import PROBE_KINDS, ProbeKind

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "metrics.md"
KIND = PROBE_KINDS[0]
DEBT_KIND = next(kind for kind in PROBE_KINDS if (kind.product, kind.probe) == (KIND.product, "debt_status"))
BALANCE_KIND = next(kind for kind in PROBE_KINDS if kind.probe == "balance")
STALE_AFTER_S = 600.0
MOMENT = datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)
START = MOMENT.timestamp() - 300
OPENED = datetime(2018, 3, 19, 11, 16, 11, tzinfo=UTC)
REMAINING = "dcdn_service_charge_type_change_remaining_seconds"
TIMESTAMP = "dcdn_service_charge_type_change_timestamp_seconds"

ACTIVE = ServiceState(charge_type="PayByTraffic", opening_time=OPENED, instance_id="1883927335936173")
LOCKED = ServiceState(
    charge_type="PayByTraffic",
    opening_time=OPENED,
    instance_id="1883927335936173",
    lock_reasons=("financial", "security"),
)
CHANGING = ServiceState(
    charge_type="PayByTraffic",
    opening_time=OPENED,
    instance_id="1883927335936173",
    change=ChargeTypeChange("PayByBandwidth", MOMENT),
)
IN_DEBT = DebtState(enabled=True, available=True, in_debt=True, in_debt_overdue=False)
BALANCE = Balance(-1234.5, "CNY")
TIMEOUT = Failure(FailureReason.TIMEOUT, "no reply within 10 s")

HOSTILE = [
    pytest.param('say "hi"', id="quotes"),
    pytest.param("back\\slash\\", id="backslashes"),
    pytest.param("line\nend", id="line end"),
    pytest.param('\\n\\"', id="what looks like an escape"),
    pytest.param('a",product="x"} 1', id="what looks like a label"),
    pytest.param("x{} 1\nx", id="what looks like a sample"),
    pytest.param("账户 😀 ü", id="other scripts"),
    pytest.param("  spaces\tand\u00a0tabs ", id="spaces"),
    pytest.param("\u2028\u0085", id="what some call line ends"),
    pytest.param("<b>&lt;\r</b>", id="markup"),
    pytest.param("\u202eacme\u2066\u200f", id="direction"),
]


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time that it was set to."""
        return self.now


class Families(Collector):
    """A registry of families that are there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """The families as they were given."""
        return self._families


def key(account: str = "prod") -> ProbeKey:
    return KIND.key(account)


def exposition(
    *accounts: str,
    clock: Clock,
    own: CollectorRegistry | None = None,
    kinds: Iterable[ProbeKind] = (KIND,),
    expiries: Iterable[tuple[str, float]] = (),
) -> Exposition:
    page = Exposition(own=own or CollectorRegistry(), now=clock, expiries=lambda: expiries)
    page.configure([(kind.key(account), kind) for account in accounts for kind in kinds], stale_after_s=STALE_AFTER_S)
    return page


def record(*outcomes: State | Failure, at: float = START) -> ProbeRecord:
    """The record of these polls; all lock reasons but financial are undocumented."""
    after = ProbeRecord()
    for outcome in outcomes:
        of_poll: Answer | Failure
        if isinstance(outcome, Failure):
            of_poll = outcome
        else:
            locks = outcome.lock_reasons if isinstance(outcome, ServiceState) else ()
            reasons = tuple(reason for reason in locks if reason != "financial")
            of_poll = Answer(outcome, unknown_values={UnknownField.LOCK_REASON: reasons})
        after = after.after(Observation(finished_at=at, duration_s=0.25, outcome=of_poll))
    return after


def text(page: Exposition) -> str:
    return b"".join(page.page(ExpositionFormat.TEXT)).decode()


def lines(page: Exposition, name: str) -> list[str]:
    return [line for line in text(page).splitlines() if line.startswith(f"{name}{{")]


def services(page: Exposition) -> set[str]:
    """The names of all families about services that have a sample."""
    return {
        family.name for family in parse_text(text(page)) if family.name.startswith("dcdn_service_") and family.samples
    }


CASES = [
    pytest.param("locked", record(LOCKED), START + 30, id="locked"),
    pytest.param("changing", record(CHANGING), START + 30, id="changing"),
    pytest.param("not_activated", record(NOT_ACTIVATED), START + 30, id="not activated"),
    pytest.param("never_polled", ProbeRecord(), START + 30, id="never polled"),
    pytest.param("stale", record(LOCKED), START + 601, id="stale"),
    pytest.param("failing", record(ACTIVE, TIMEOUT, TIMEOUT).after_skip(), START + 30, id="failing"),
]


@pytest.mark.parametrize(("name", "of_probe", "now"), CASES)
def test_a_page_is_as_written_down(
    name: str, of_probe: ProbeRecord, now: float, *, golden: Callable[[str, bytes], bytes]
) -> None:
    """Every byte of the page about one account, in both formats."""
    clock = Clock()
    page = exposition("prod", clock=clock)
    labels = {"account_id": "1883927335936173", "account_name": "", "site": "china", "team": "video"}
    page.set_accounts({"prod": labels})
    page.update(key(), of_probe)
    clock.now = now

    for exposition_format, suffix in ((ExpositionFormat.TEXT, "txt"), (ExpositionFormat.OPENMETRICS, "om")):
        seen = b"".join(page.page(exposition_format))
        assert seen.decode() == golden(f"{name}.{suffix}", seen).decode()


def test_a_page_of_several_probes_is_as_written_down(*, golden: Callable[[str, bytes], bytes]) -> None:
    """Service, debts and balance of one account: each has its own families, and all have their health."""
    page = exposition("prod", clock=Clock(), kinds=(KIND, DEBT_KIND, BALANCE_KIND))
    for kind, state in ((KIND, ACTIVE), (DEBT_KIND, IN_DEBT), (BALANCE_KIND, BALANCE)):
        page.update(kind.key("prod"), record(state))

    for exposition_format, suffix in ((ExpositionFormat.TEXT, "txt"), (ExpositionFormat.OPENMETRICS, "om")):
        seen = b"".join(page.page(exposition_format))
        assert seen.decode() == golden(f"in_debt.{suffix}", seen).decode()


@pytest.mark.parametrize(
    ("kind", "state", "series"),
    [
        pytest.param(
            DEBT_KIND,
            IN_DEBT,
            [
                'dcdn_service_enabled{account="prod",product="dcdn_ipa"} 1.0',
                'dcdn_service_available{account="prod",product="dcdn_ipa"} 1.0',
                'dcdn_service_in_debt{account="prod",product="dcdn_ipa"} 1.0',
                'dcdn_service_in_debt_overdue{account="prod",product="dcdn_ipa"} 0.0',
            ],
            id="debts",
        ),
        pytest.param(
            DEBT_KIND,
            DebtState(in_debt=False),
            ['dcdn_service_in_debt{account="prod",product="dcdn_ipa"} 0.0'],
            id="one debt",
        ),
        pytest.param(
            BALANCE_KIND,
            BALANCE,
            ['dcdn_account_available_amount{account="prod",currency="CNY"} -1234.5'],
            id="balance",
        ),
    ],
)
def test_every_kind_of_state_is_shown_until_it_is_stale(kind: ProbeKind, state: State, series: list[str]) -> None:
    """Past the age allowed only the health of its probe is left, and the next answer brings it back."""
    clock = Clock()
    page = exposition("prod", clock=clock, kinds=[kind])

    def shown() -> list[str]:
        about = ("dcdn_service_", "dcdn_account_")
        return [line for line in text(page).splitlines() if line.startswith(about)]

    assert shown() == []
    page.update(kind.key("prod"), record(state))
    clock.now = START + STALE_AFTER_S
    assert shown() == series
    clock.now += 0.001
    assert shown() == []
    assert len(lines(page, "dcdn_poll_success")) == 1
    page.update(kind.key("prod"), record(state, at=clock.now))
    assert shown() == series


def test_a_balance_in_another_currency_leaves_none_behind() -> None:
    """The series of the currency before is gone with it."""
    page = exposition("prod", clock=Clock(), kinds=[BALANCE_KIND])
    page.update(BALANCE_KIND.key("prod"), record(Balance(5.0, "CNY")))
    page.update(BALANCE_KIND.key("prod"), record(Balance(5.0, "USD")))

    assert lines(page, "dcdn_account_available_amount") == [
        'dcdn_account_available_amount{account="prod",currency="USD"} 5.0'
    ]


@pytest.fixture
def everything() -> Exposition:
    """A page with an account in each state, hostile names, and the exporter's own metrics."""
    own = OwnMetrics(version="1.2.3", actions=[KIND.operation.action])
    own.describe_schedule(interval_s=60, stale_after_s=STALE_AFTER_S, accounts=2, probes=2)
    own.describe_probes([(KIND.product, KIND.probe, KIND.operation.action)])
    own.describe_budgets({KIND.operation.action: 20})
    own.config_loaded(START)
    own.clock_skew(0.25)
    stories = {
        "locked": record(LOCKED),
        "changing": record(CHANGING),
        "not activated": record(NOT_ACTIVATED),
        "never polled": ProbeRecord(),
        "stale": record(LOCKED, at=START - 601),
        "failing": record(ACTIVE, TIMEOUT, TIMEOUT),
        **{str(hostile.values[0]): record(CHANGING) for hostile in HOSTILE},
    }
    own.describe_discovery({"main": 0.0})
    page = exposition(
        *stories,
        clock=Clock(),
        own=own.registry,
        kinds=(KIND, DEBT_KIND, BALANCE_KIND),
        expiries=[(account, START + 3600) for account in stories],
    )
    for account, of_probe in stories.items():
        page.update(key(account), of_probe)
        page.update(DEBT_KIND.key(account), record(IN_DEBT))
        page.update(BALANCE_KIND.key(account), record(BALANCE))
    page.set_accounts({name: {"account_id": "", "account_name": name, "site": "china"} for name in stories})
    return page


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of every metric that has a row in the documentation; each has one row."""
    rows = re.findall(
        r"^\| `(dcdn_\w+)` \| (\w+) \| ([^|]*)\|", DOCUMENTATION.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len({name for name, _, _ in rows}) == len(rows)
    return {name: (metric_type, frozenset(re.findall(r"`(\w+)`", labels))) for name, metric_type, labels in rows}


def test_every_metric_is_documented_and_no_other(everything: Exposition) -> None:
    """With its type and all of its labels; those of the client library are documented there."""
    page = {
        f"{family.name}_total" if family.type == "counter" else family.name: (
            family.type,
            frozenset(label for sample in family.samples for label in sample.labels) - {"le"},
        )
        for family in parse_text(text(everything))
        if not family.name.startswith(("process_", "python_"))
    }

    assert page == documented()


@pytest.mark.parametrize("reason", FailureReason)
def test_every_reason_of_failure_is_documented(reason: FailureReason) -> None:
    """It has a row that says what went wrong."""
    assert f"\n| `{reason.value}` | " in DOCUMENTATION.read_text(encoding="utf-8")


def test_a_page_in_text_is_what_the_library_would_write(everything: Exposition) -> None:
    """Read and written again by prometheus_client, it is the same to the byte."""
    page = text(everything)

    assert generate_latest(Families(parse_text(page))).decode() == page


def test_a_page_in_openmetrics_is_what_the_library_would_write(everything: Exposition) -> None:
    """Its parser for OpenMetrics is strict, and its writer agrees with every byte of ours."""
    page = b"".join(everything.page(ExpositionFormat.OPENMETRICS)).decode()

    assert generate_openmetrics(Families(parse_openmetrics(page))).decode() == page


def test_both_formats_have_the_same_samples(everything: Exposition) -> None:
    """Only heads differ, so that one set of lines serves both."""
    pages = [
        [line for line in b"".join(everything.page(each)).decode().split("\n") if line.startswith("dcdn_")]
        for each in ExpositionFormat
    ]

    assert pages[0] == pages[1]


def test_no_series_is_there_twice(everything: Exposition) -> None:
    """A page with a repeated series would be refused as a whole."""
    series = Counter(
        (sample.name, tuple(sample.labels.items()))
        for family in parse_text(text(everything))
        for sample in family.samples
    )

    assert series.most_common(1)[0][1] == 1


def test_promtool_finds_nothing_to_say(everything: Exposition, tool: Callable[[str], str]) -> None:
    """Neither about the syntax nor about names and help texts."""
    checked = subprocess.run(  # noqa: S603 - the program is the one that `tool` found
        [tool("promtool"), "check", "metrics"], input=text(everything).encode(), capture_output=True, check=False
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_no_label_clashes_with_those_of_targets(everything: Exposition) -> None:
    """Prometheus would rename them, and no rule would find them."""
    names = {label for family in parse_text(text(everything)) for sample in family.samples for label in sample.labels}

    assert names.isdisjoint(
        {"service", "job", "instance", "namespace", "pod", "container", "endpoint", "type", "region"}
    )


def test_no_series_tells_when_it_was_created(everything: Exposition) -> None:
    """In neither format."""
    for each in ExpositionFormat:
        assert b"_created" not in b"".join(everything.page(each))


@pytest.mark.parametrize("account", HOSTILE)
def test_hostile_names_come_back_whole(account: str) -> None:
    """Whatever an account is called, a parser reads that name from every one of its series."""
    page = exposition(account, clock=Clock())
    page.update(key(account), record(CHANGING))
    page.set_accounts({account: {"site": "china", "team": account}})
    families = list(parse_text(text(page)))

    assert {sample.labels["account"] for family in families for sample in family.samples} == {account}
    assert families[0].samples[0].labels == {"account": account, "site": "china", "team": account}


@pytest.mark.parametrize(
    "number",
    [0.0, 1.0, 0.1, 1e-9, 123456.0, 1234567.0, 1522512000.0, 1522512000.123456, 1e15, 1e21, 1e22, math.inf, math.nan],
)
def test_numbers_are_written_as_the_library_writes_them(number: float) -> None:
    """Short ones and long ones, and those that are none."""
    registry = CollectorRegistry()
    family = Metric("dcdn_last_poll_timestamp_seconds", "", "gauge")
    family.add_sample(family.name, {"account": "prod", "probe": "service", "product": "dcdn_ipa"}, number)
    registry.register(Families([family]))
    clock = Clock()
    page = exposition("prod", clock=clock)
    page.update(key(), ProbeRecord(last_poll_at=number))

    assert lines(page, family.name) == generate_latest(registry).decode().splitlines()[-1:]


def test_labels_are_escaped_in_the_order_of_their_names() -> None:
    """As the library does it."""
    assert label_text({"b": 'x"y', "a": "1\n2"}) == 'a="1\\n2",b="x\\"y"'


def test_before_the_first_answer_there_is_health_only() -> None:
    """A service of which nothing is known has no series, and its probe has all of them."""
    page = exposition("prod", clock=Clock())
    fresh = {family.name: len(family.samples) for family in parse_text(text(page)) if family.samples}
    page.update(key(), record(TIMEOUT))
    failed = {family.name: len(family.samples) for family in parse_text(text(page)) if family.samples}

    assert fresh == {
        "dcdn_poll_success": 1,
        "dcdn_last_poll_timestamp_seconds": 1,
        "dcdn_last_success_timestamp_seconds": 1,
        "dcdn_last_poll_duration_seconds": 1,
        "dcdn_polls": 1,
        "dcdn_poll_failures": 9,
        "dcdn_polls_skipped": 1,
    }
    assert failed == fresh


def test_known_values_are_series_from_the_first_answer_on() -> None:
    """So that an alert on one of them has a past."""
    page = exposition("prod", clock=Clock())
    page.update(key(), record(NOT_ACTIVATED))

    assert len(lines(page, "dcdn_service_status")) == 3
    assert lines(page, "dcdn_service_lock") == [
        'dcdn_service_lock{account="prod",product="dcdn_ipa",reason="financial"} 0.0'
    ]
    assert len(lines(page, "dcdn_service_charge_type")) == 7
    assert len(lines(page, "dcdn_service_next_charge_type")) == 7


@pytest.mark.parametrize("scraped_before", [True, False], ids=["scraped before", "first scraped then"])
def test_a_change_leaves_at_its_moment_without_a_poll(scraped_before: bool) -> None:  # noqa: FBT001 - a row's fact
    """Until then the seconds left are those of the scrape; afterwards nothing says that a change lies ahead."""
    clock = Clock()
    page = exposition("prod", clock=clock)
    page.update(key(), record(ACTIVE))
    text(page)
    page.update(key(), record(CHANGING))
    coming = 'dcdn_service_next_charge_type{account="prod",charge_type="PayByBandwidth",product="dcdn_ipa"}'
    if scraped_before:
        for seconds in (300.0, 0.5):
            clock.now = MOMENT.timestamp() - seconds
            assert lines(page, REMAINING) == [f'{REMAINING}{{account="prod",product="dcdn_ipa"}} {seconds}']
            assert lines(page, TIMESTAMP) == [f'{TIMESTAMP}{{account="prod",product="dcdn_ipa"}} 1.522512e+09']
            assert f"{coming} 1.0" in lines(page, "dcdn_service_next_charge_type")
    clock.now = MOMENT.timestamp()

    assert lines(page, REMAINING) == []
    assert lines(page, TIMESTAMP) == []
    assert f"{coming} 0.0" in lines(page, "dcdn_service_next_charge_type")


def test_a_change_without_a_moment_has_no_time_left() -> None:
    """It is pending all the same."""
    page = exposition("prod", clock=Clock())
    page.update(
        key(), record(ServiceState(charge_type="PayByTraffic", change=ChargeTypeChange("PayByBandwidth", None)))
    )

    assert lines(page, REMAINING) == lines(page, TIMESTAMP) == []
    assert [line[-3:] for line in lines(page, "dcdn_service_next_charge_type")].count("1.0") == 1


@pytest.mark.parametrize("scraped_before", [True, False], ids=["scraped before", "first scraped then"])
def test_an_answer_is_shown_until_it_is_stale(scraped_before: bool) -> None:  # noqa: FBT001 - a row's fact
    """At exactly the age allowed it is still there; past it only health is, and the next answer brings it back."""
    clock = Clock()
    page = exposition("prod", clock=clock)
    text(page)
    page.update(key(), record(LOCKED))
    health = text(page) if scraped_before else ""
    clock.now = START + STALE_AFTER_S
    if scraped_before:
        assert lines(page, "dcdn_service_status") != []
        assert text(page) == health
    clock.now = START + STALE_AFTER_S + 0.001

    assert services(page) == set()
    assert lines(page, "dcdn_poll_success") == [
        'dcdn_poll_success{account="prod",probe="service",product="dcdn_ipa"} 1.0'
    ]
    page.update(key(), record(LOCKED, at=clock.now))
    assert len(lines(page, "dcdn_service_lock")) == 2


def test_a_change_far_ahead_does_not_keep_an_answer_fresh() -> None:
    """An answer goes stale at its age, though the change that it tells of lies beyond that."""
    clock = Clock()
    page = exposition("prod", clock=clock)
    far = ChargeTypeChange("PayByBandwidth", datetime.fromtimestamp(START + 10 * STALE_AFTER_S, UTC))
    page.update(key(), record(ServiceState(charge_type="PayByTraffic", change=far)))
    assert lines(page, REMAINING) != []
    clock.now = START + STALE_AFTER_S + 1

    assert services(page) == set()


def test_failures_do_not_make_an_answer_younger() -> None:
    """It goes when it would have gone without them."""
    clock = Clock()
    page = exposition("prod", clock=clock)
    page.update(key(), record(LOCKED))
    for age_s in (200.0, 400.0, 599.0):
        clock.now = START + age_s
        page.update(key(), record(LOCKED).after(Observation(clock.now, 10.0, TIMEOUT)))
        assert services(page) != set()
    clock.now = START + 601

    assert services(page) == set()


def test_the_17th_reason_is_other() -> None:
    """The API cannot make more than 18 series of this family for a probe."""
    page = exposition("prod", clock=Clock())
    reasons = tuple(f"reason {number:02}" for number in range(30))
    page.update(key(), record(ServiceState(lock_reasons=reasons)))

    assert len(lines(page, "dcdn_service_lock")) == 18
    assert lines(page, "dcdn_service_lock")[-1] == (
        'dcdn_service_lock{account="prod",product="dcdn_ipa",reason="other"} 1.0'
    )


def test_one_update_changes_one_account_of_many() -> None:
    """The page has three blocks here; the lines of all others stay as they were."""
    clock = Clock()
    accounts = [f"account {number:04}" for number in range(1100)]
    page = exposition(*accounts, clock=clock)
    for account in accounts:
        page.update(key(account), record(ACTIVE))
    before = text(page).splitlines()
    page.update(key("account 0700"), record(LOCKED))
    after = text(page).splitlines()

    assert len(before) > 1100 * 30
    assert {line.partition('"')[2].partition('"')[0] for line in set(before) ^ set(after)} == {"account 0700"}
    assert [line.rpartition(" ")[0] for line in after if "security" not in line] == [
        line.rpartition(" ")[0] for line in before
    ]


def test_blocks_are_shared_between_scrapes() -> None:
    """What did not change is not written again, whoever reads."""
    page = exposition(*(f"account {number:04}" for number in range(1100)), clock=Clock())
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
    before = {id(block) for block in page.page(ExpositionFormat.TEXT) if len(block) > 1000}
    clock.now += 60
    page.update(key(accounts[7]), record(LOCKED).after(Observation(clock.now, 0.25, Answer(LOCKED))))
    after = [block for block in page.page(ExpositionFormat.TEXT) if len(block) > 1000]

    assert {block.partition(b"{")[0].decode() for block in after if id(block) not in before} == {
        "dcdn_last_poll_timestamp_seconds",
        "dcdn_last_success_timestamp_seconds",
        "dcdn_polls_total",
    }


def test_expiries_are_those_of_the_moment() -> None:
    """Each scrape has the accounts whose credentials end, and when they do now; none other, nor an old moment."""
    known: dict[str, float] = {}
    page = Exposition(own=CollectorRegistry(), now=Clock(), expiries=known.items)
    seen = []
    for expiries in ({}, {"prod": 1.8e9, 'sh"op': 1.8e9}, {"prod": 1.8e9 + 0.5, 'sh"op': 1.8e9}, {"prod": 1.9e9}):
        known.clear()
        known.update(expiries)
        seen.append(lines(page, "dcdn_exporter_credential_expiry_timestamp_seconds"))

    name = "dcdn_exporter_credential_expiry_timestamp_seconds"
    assert seen == [
        [],
        [f'{name}{{account="prod"}} 1.8e+09', f'{name}{{account="sh\\"op"}} 1.8e+09'],
        [f'{name}{{account="prod"}} 1.8000000005e+09', f'{name}{{account="sh\\"op"}} 1.8e+09'],
        [f'{name}{{account="prod"}} 1.9e+09'],
    ]


def test_account_info_follows_the_account() -> None:
    """One line an account, with the labels given last, and none for an account that is not on the page."""
    page = exposition("prod", "shop", clock=Clock())
    page.set_accounts(
        {"prod": {"account_id": "", "site": "china"}, "shop": {"account_id": "2", "site": "international"}}
    )
    text(page)
    page.set_account("prod", {"account_id": "1", "site": "china"})
    page.set_account("stranger", {"account_id": "3", "site": "china"})

    assert lines(page, "dcdn_account_info") == [
        'dcdn_account_info{account="prod",account_id="1",site="china"} 1.0',
        'dcdn_account_info{account="shop",account_id="2",site="international"} 1.0',
    ]


def test_a_probe_that_has_left_changes_nothing_on_the_page() -> None:
    """Its last poll may end when the page has others already."""
    page = exposition("prod", clock=Clock())
    before = text(page)
    page.update(key("nobody"), record(LOCKED))

    assert text(page) == before


def test_another_configuration_keeps_what_is_known() -> None:
    """Probes that stay keep their lines, new ones have their health from 0, those that leave take all with them."""
    page = exposition("prod", "shop", clock=Clock())
    page.set_accounts({"prod": {"site": "china"}, "shop": {"site": "china"}})
    page.update(key(), record(LOCKED))
    page.update(key("shop"), record(ACTIVE))
    kept = [line for line in text(page).splitlines() if 'account="prod"' in line]
    page.configure([(key("new"), KIND), (key(), KIND)], stale_after_s=STALE_AFTER_S)
    page.set_accounts({"new": {"site": "china"}, "prod": {"site": "china"}})
    after = text(page).splitlines()

    assert [line for line in after if 'account="prod"' in line] == kept
    assert not any('account="shop"' in line for line in after)
    assert 'dcdn_polls_total{account="new",probe="service",product="dcdn_ipa"} 0.0' in after


def test_answers_go_stale_by_the_configuration_of_now() -> None:
    """An answer that another configuration calls stale is gone from the next scrape on, and the other way round."""
    clock = Clock()
    page = exposition("prod", clock=clock)
    page.update(key(), record(ACTIVE))
    clock.now += STALE_AFTER_S / 2
    seen = []
    for stale_after_s in (STALE_AFTER_S / 4, STALE_AFTER_S):
        page.configure([(key(), KIND)], stale_after_s=stale_after_s)
        seen.append(bool(services(page)))

    assert seen == [False, True]


def test_a_page_of_few_probes_is_small() -> None:
    """Whoever has more must not have it written on an event loop."""
    accounts = [f"account {number}" for number in range(51)]

    assert exposition(*accounts[:50], clock=Clock()).small
    assert not exposition(*accounts, clock=Clock()).small


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
        page = Exposition(own=CollectorRegistry(), now=now)
        page.configure([(key(), KIND)], stale_after_s=STALE_AFTER_S)
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


STATES = st.sampled_from(
    [
        ACTIVE,
        LOCKED,
        NOT_ACTIVATED,
        CHANGING,
        ServiceState(
            charge_type="PayByTraffic", change=ChargeTypeChange("PayBySun", MOMENT + timedelta(seconds=200))
        ),
        ServiceState(charge_type="PayByMoon", lock_reasons=("unspecified",)),
    ]
)
ACCOUNTS = st.sampled_from(["prod", "shop"])
STEPS = st.one_of(
    st.tuples(ACCOUNTS, STATES | st.just(TIMEOUT)),
    st.sampled_from([0.0, 0.5, 100.0, 300.0, STALE_AFTER_S, math.nextafter(STALE_AFTER_S, math.inf)]),
    st.sets(ACCOUNTS).map(lambda accounts: tuple(sorted(accounts))),
    st.none(),
)


def play(steps: list[object]) -> Iterator[tuple[Exposition, Exposition]]:
    """At every scrape of the story (a None), the page, and one that was made only now from the same records."""
    clock = Clock()
    page = exposition("prod", "shop", clock=clock)
    records = {"prod": ProbeRecord(), "shop": ProbeRecord()}
    for step in (*steps, None):
        match step:
            case (str() as account, (ServiceState() | Failure()) as outcome):
                if account not in records:
                    continue
                of_poll = outcome if isinstance(outcome, Failure) else record(outcome).last_outcome
                assert of_poll is not None
                records[account] = records[account].after(Observation(clock.now, 0.25, of_poll))
                page.update(key(account), records[account])
            case float():
                clock.now += step
            case tuple() as accounts:
                records = {account: records.get(account, ProbeRecord()) for account in accounts}
                page.configure([(key(account), KIND) for account in records], stale_after_s=STALE_AFTER_S)
            case None:
                new = exposition(*records, clock=clock)
                for account, of_probe in records.items():
                    new.update(key(account), of_probe)
                yield page, new


@given(steps=st.lists(STEPS, max_size=12))
def test_a_page_depends_on_records_and_time_only(steps: list[object]) -> None:
    """However it came to be, by polls, scrapes, waiting or reloads, it is the page that new parts would make."""
    for page, new in play(steps):
        assert text(page) == text(new)
