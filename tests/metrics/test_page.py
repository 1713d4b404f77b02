"""What the page says, and for how long."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.core.model import State
from exporter.core.store import ProbeRecord
from exporter.metrics.page import Exposition, ExpositionFormat
from exporter.probes.balance import Balance
from exporter.probes.debt_status import DebtState
from exporter.probes.kind import AnyKind
from exporter.probes.service_state import NOT_ACTIVATED, ChargeTypeChange, ServiceState
from exporter.probes.table import PROBES
from tests.metrics.pages import (
    ACTIVE,
    BALANCE,
    BALANCE_KIND,
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
from tests.waiting import PATIENCE_S

REMAINING = "dcdn_service_charge_type_change_remaining_seconds"
TIMESTAMP = "dcdn_service_charge_type_change_timestamp_seconds"


CASES = [
    pytest.param("locked", record(LOCKED), START + 30, id="locked"),
    pytest.param("changing", record(CHANGING), START + 30, id="changing"),
    pytest.param("not_activated", record(NOT_ACTIVATED), START + 30, id="not activated"),
    pytest.param("never_polled", ProbeRecord(), START + 30, id="never polled"),
    pytest.param("stale", record(LOCKED), START + 601, id="stale"),
    pytest.param("failing", record(ACTIVE, TIMEOUT, TIMEOUT).after_skips(1), START + 30, id="failing"),
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
        page.update(kind.key("prod"), record(state, kind=kind))

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
def test_every_kind_of_state_is_shown_until_it_is_stale(kind: AnyKind, state: State, series: list[str]) -> None:
    """Past the age allowed only the health of its probe is left, and the next answer brings it back."""
    clock = Clock()
    page = exposition("prod", clock=clock, kinds=[kind])

    def shown() -> list[str]:
        about = ("dcdn_service_", "dcdn_account_")
        return [line for line in text(page).splitlines() if line.startswith(about)]

    assert shown() == []
    page.update(kind.key("prod"), record(state, kind=kind))
    clock.now = START + STALE_AFTER_S
    assert shown() == series
    clock.now += 0.001
    assert shown() == []
    assert len(lines(page, "dcdn_poll_success")) == 1
    page.update(kind.key("prod"), record(state, at=clock.now, kind=kind))
    assert shown() == series


def test_a_balance_in_another_currency_leaves_none_behind() -> None:
    """The series of the currency before is gone with it."""
    page = exposition("prod", clock=Clock(), kinds=[BALANCE_KIND])
    page.update(BALANCE_KIND.key("prod"), record(Balance(5.0, "CNY"), kind=BALANCE_KIND))
    page.update(BALANCE_KIND.key("prod"), record(Balance(5.0, "USD"), kind=BALANCE_KIND))

    assert lines(page, "dcdn_account_available_amount") == [
        'dcdn_account_available_amount{account="prod",currency="USD"} 5.0'
    ]


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


@pytest.mark.parametrize(
    "of_probe",
    [
        pytest.param(ProbeRecord(), id="never polled"),
        pytest.param(record(TIMEOUT), id="never answered"),
        pytest.param(record(ACTIVE, at=START - STALE_AFTER_S - 0.5), id="stale"),
    ],
)
def test_nothing_is_shown_without_a_current_answer(of_probe: ProbeRecord) -> None:
    """No state at all is better than an old or an invented one."""
    page = exposition("prod", clock=Clock())
    page.update(key(), of_probe)

    assert services(page) == set()


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


def test_an_answer_goes_stale_though_the_clock_was_set_back() -> None:
    """Its age counts from the first poll that failed after that: not from a moment that is to come again."""
    clock = Clock(START + 86_400)
    page = exposition("prod", clock=clock)
    answered = record(ACTIVE, at=clock.now)
    page.update(key(), answered)
    shown = services(page)
    assert "dcdn_service_status" in shown
    clock.now = START
    page.update(key(), record(TIMEOUT, since=answered, at=clock.now))
    assert services(page) == shown
    clock.now = START + STALE_AFTER_S + 1

    assert services(page) == set()


def test_failures_do_not_make_an_answer_younger() -> None:
    """It goes when it would have gone without them."""
    clock = Clock()
    page = exposition("prod", clock=clock)
    page.update(key(), record(LOCKED))
    for age_s in (200.0, 400.0, 599.0):
        clock.now = START + age_s
        page.update(key(), record(TIMEOUT, since=record(LOCKED), at=clock.now))
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


def test_expiries_are_those_of_the_moment() -> None:
    """Each scrape has the accounts whose credentials end, and when they do now; none other, nor an old moment."""
    known: dict[str, float] = {}
    page = Exposition(PROBES, own=CollectorRegistry(), now=Clock(), expiries=known.items)
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


def test_nobody_waits_while_expiries_are_read() -> None:
    """A poll can put its record on the page meanwhile."""

    def expiries() -> Iterator[tuple[str, float]]:
        another_thread = threading.Thread(target=page.update, args=(key(), record(ACTIVE)), daemon=True)
        another_thread.start()
        another_thread.join(PATIENCE_S)
        assert not another_thread.is_alive()
        yield "prod", 1.9e9

    page = Exposition(PROBES, own=CollectorRegistry(), now=Clock(), expiries=expiries)

    assert lines(page, "dcdn_exporter_credential_expiry_timestamp_seconds") != []


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


def test_answers_go_stale_by_the_configuration_of_now() -> None:
    """An answer that another configuration calls stale is gone from the next scrape on, and the other way round."""
    clock = Clock()
    page = exposition("prod", clock=clock)
    page.update(key(), record(ACTIVE))
    clock.now += STALE_AFTER_S / 2
    seen = []
    for stale_after_s in (STALE_AFTER_S / 4, STALE_AFTER_S):
        page.configure([(key(), KIND)], stale_after_of=stale_after(stale_after_s))
        seen.append(bool(services(page)))

    assert seen == [False, True]


def test_answers_of_each_kind_go_stale_by_its_own_age() -> None:
    """Inventories are polled seldom, and their answers are shown for longer."""
    clock = Clock()
    page = exposition("prod", clock=clock, kinds=(KIND, BALANCE_KIND))
    page.configure(
        [(kind.key("prod"), kind) for kind in (KIND, BALANCE_KIND)],
        stale_after_of=lambda kind: 2 * STALE_AFTER_S if kind is BALANCE_KIND else STALE_AFTER_S,
    )
    page.update(key(), record(ACTIVE))
    page.update(BALANCE_KIND.key("prod"), record(BALANCE, kind=BALANCE_KIND))
    seen = []
    for _ in range(2):
        clock.now += STALE_AFTER_S + 1
        seen.append((bool(services(page)), bool(lines(page, "dcdn_account_available_amount"))))

    assert seen == [(False, True), (False, False)]


def test_a_page_of_few_probes_is_small() -> None:
    """A larger one must not be written on an event loop."""
    accounts = [f"account {number}" for number in range(51)]

    assert exposition(*accounts[:50], clock=Clock()).small
    assert not exposition(*accounts, clock=Clock()).small
