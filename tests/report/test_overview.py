from datetime import UTC, datetime

import pytest

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
)
from exporter.core.store import ProbeRecord
from exporter.report.overview import status_rows
from exporter.report.row import StatusRow

PROD = ProbeKey(account="prod", product="dcdn_ipa", probe="service")
DEBTS = ProbeKey(account="prod", product="dcdn_ipa", probe="debt_status")
BALANCE = ProbeKey(account="prod", product="bss", probe="balance")
SHOP = ProbeKey(account="shop", product="dcdn_ipa", probe="service")
MOMENT = datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)
NOW = MOMENT.timestamp() - 90
LOCKED = ServiceState(charge_type="PayByTraffic", lock_reasons=("financial",))
CHANGING = ServiceState(charge_type="PayByTraffic", change=ChargeTypeChange("PayByBandwidth", MOMENT))
TIMEOUT = Failure(FailureReason.TIMEOUT, "no reply within 10 s")


def record(*outcomes: State | Failure, age_s: float = 30) -> ProbeRecord:
    """The record of these polls, of which the last was so long ago."""
    after = ProbeRecord()
    for outcome in outcomes:
        of_poll = outcome if isinstance(outcome, Failure) else Answer(outcome)
        after = after.after(Observation(finished_at=NOW - age_s, duration_s=0.1, outcome=of_poll))
    return after


def row(
    *,
    status: str | None = None,
    lock_reasons: tuple[str, ...] = (),
    charge_type: str | None = None,
    next_charge_type: str | None = None,
    changes_in_s: float | None = None,
    age_s: float | None = None,
    poll_success: bool = False,
    failure: str | None = None,
    product: str = "dcdn_ipa",
    debts: tuple[str, ...] = (),
    balance: float | None = None,
    currency: str | None = None,
) -> StatusRow:
    return StatusRow(
        account="prod",
        product=product,
        status=status,
        lock_reasons=lock_reasons,
        charge_type=charge_type,
        next_charge_type=next_charge_type,
        changes_in_s=changes_in_s,
        age_s=age_s,
        poll_success=poll_success,
        failure=failure,
        debts=debts,
        balance=balance,
        currency=currency,
    )


@pytest.mark.parametrize(
    ("of_probe", "shown"),
    [
        pytest.param(ProbeRecord(), row(), id="never polled"),
        pytest.param(
            record(LOCKED),
            row(
                status="locked",
                lock_reasons=("financial",),
                charge_type="PayByTraffic",
                age_s=30,
                poll_success=True,
            ),
            id="locked",
        ),
        pytest.param(
            record(CHANGING),
            row(
                status="active",
                charge_type="PayByTraffic",
                next_charge_type="PayByBandwidth",
                changes_in_s=90,
                age_s=30,
                poll_success=True,
            ),
            id="changing",
        ),
        pytest.param(
            record(ServiceState(charge_type="PayByTraffic", change=ChargeTypeChange("PayByBandwidth", None))),
            row(
                status="active",
                charge_type="PayByTraffic",
                next_charge_type="PayByBandwidth",
                age_s=30,
                poll_success=True,
            ),
            id="changing some day",
        ),
        pytest.param(
            record(NOT_ACTIVATED), row(status="not_activated", age_s=30, poll_success=True), id="not activated"
        ),
        pytest.param(
            record(LOCKED, TIMEOUT),
            row(
                status="locked",
                lock_reasons=("financial",),
                charge_type="PayByTraffic",
                age_s=30,
                failure="timeout: no reply within 10 s",
            ),
            id="failing",
        ),
        pytest.param(record(TIMEOUT), row(failure="timeout: no reply within 10 s"), id="failing from the start"),
        pytest.param(record(LOCKED, age_s=601), row(age_s=601, poll_success=True), id="stale"),
        pytest.param(
            record(NOT_ACTIVATED, age_s=-5),
            row(status="not_activated", age_s=0, poll_success=True),
            id="a clock that was set back",
        ),
    ],
)
def test_a_row_says_what_metrics_say(of_probe: ProbeRecord, shown: StatusRow) -> None:
    """An old answer is not shown as the present, and a failure stands beside what is still known."""
    assert status_rows({PROD: of_probe}, now=NOW, stale_after_s=600) == (shown,)


def test_a_change_leaves_the_page_at_its_moment() -> None:
    """No poll is needed for that."""
    (shown,) = status_rows({PROD: record(CHANGING)}, now=MOMENT.timestamp(), stale_after_s=600)

    assert shown.next_charge_type is None
    assert shown.changes_in_s is None


@pytest.mark.parametrize(
    ("debt", "words"),
    [
        pytest.param(DebtState(enabled=True, available=True, in_debt=False, in_debt_overdue=False), (), id="none"),
        pytest.param(DebtState(in_debt=True), ("in_debt",), id="in debt"),
        pytest.param(DebtState(in_debt=True, in_debt_overdue=True), ("overdue",), id="overdue"),
        pytest.param(
            DebtState(enabled=True, available=False, in_debt=True), ("unavailable", "in_debt"), id="unavailable"
        ),
        pytest.param(DebtState(available=False, in_debt_overdue=True), ("overdue", "unavailable"), id="both"),
        pytest.param(DebtState(enabled=False, available=False), (), id="never enabled"),
    ],
)
def test_debts_stand_beside_the_service(debt: DebtState, words: tuple[str, ...]) -> None:
    """One row for both probes of a product, as old as the older of the two answers."""
    records = {PROD: record(LOCKED, age_s=10), DEBTS: record(debt, age_s=40)}

    assert status_rows(records, now=NOW, stale_after_s=600) == (
        row(
            status="locked",
            lock_reasons=("financial",),
            charge_type="PayByTraffic",
            age_s=40,
            poll_success=True,
            debts=words,
        ),
    )


@pytest.mark.parametrize(
    ("service", "debt", "shown"),
    [
        pytest.param(
            record(NOT_ACTIVATED),
            record(TIMEOUT),
            row(status="not_activated", age_s=30, failure="debt_status: timeout: no reply within 10 s"),
            id="the debts",
        ),
        pytest.param(
            record(TIMEOUT),
            record(DebtState(in_debt=True), TIMEOUT),
            row(
                age_s=30,
                debts=("in_debt",),
                failure="service: timeout: no reply within 10 s; debt_status: timeout: no reply within 10 s",
            ),
            id="both",
        ),
        pytest.param(
            record(NOT_ACTIVATED), ProbeRecord(), row(status="not_activated", age_s=30), id="not yet polled"
        ),
        pytest.param(
            record(NOT_ACTIVATED),
            record(DebtState(in_debt=True), age_s=601),
            row(status="not_activated", age_s=601, poll_success=True),
            id="stale debts",
        ),
    ],
)
def test_a_row_says_which_probe_failed(service: ProbeRecord, debt: ProbeRecord, shown: StatusRow) -> None:
    """What is known stands beside it, and a poll has succeeded only where all have."""
    assert status_rows({PROD: service, DEBTS: debt}, now=NOW, stale_after_s=600) == (shown,)


def test_a_balance_has_a_row_of_its_own() -> None:
    """It belongs to the account and to none of its products."""
    rows = status_rows(
        {PROD: record(NOT_ACTIVATED), BALANCE: record(Balance(-5.0, "CNY"))}, now=NOW, stale_after_s=600
    )

    assert rows[1] == row(product="bss", age_s=30, poll_success=True, balance=-5.0, currency="CNY")
    assert rows[0] == row(status="not_activated", age_s=30, poll_success=True)


def test_every_product_has_a_row() -> None:
    """In the order of the records."""
    rows = status_rows({SHOP: ProbeRecord(), PROD: ProbeRecord()}, now=NOW, stale_after_s=600)

    assert [row.account for row in rows] == ["shop", "prod"]
