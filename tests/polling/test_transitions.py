import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.core.model import Answer, Failure, FailureReason, State
from exporter.core.store import ProbeRecord
from exporter.polling.transitions import LogLine, changes
from exporter.probes import balance, debt_status, service
from exporter.probes.balance import Balance
from exporter.probes.debt_status import DebtState
from exporter.probes.kind import News
from exporter.probes.service_state import NOT_ACTIVATED, ChargeTypeChange, ServiceState
from tests.records import record_of

OPENED = datetime(2018, 3, 19, 11, 16, 11, tzinfo=UTC)
MOMENT = datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)
ACTIVE = ServiceState(charge_type="PayByTraffic", opening_time=OPENED, instance_id="1")
LOCKED = ServiceState(
    charge_type="PayByTraffic", opening_time=OPENED, instance_id="1", lock_reasons=("financial", "security")
)
CHANGING = ServiceState(
    charge_type="PayByTraffic",
    opening_time=OPENED,
    instance_id="1",
    change=ChargeTypeChange("PayByBandwidth", MOMENT),
)
THROTTLED = Failure(
    FailureReason.THROTTLED, "too many calls", code="Throttling.User", http_status=400, request_id="request-2"
)
TOLD = {
    "lock_reasons": "",
    "charge_type": "PayByTraffic",
    "next_charge_type": "",
    "charge_type_change": "",
    "opening_time": "2018-03-19T11:16:11Z",
    "instance_id": "1",
}


def lines(*outcomes: State | Failure) -> list[LogLine]:
    """What is logged of the last of these polls."""
    of_polls = [
        outcome if isinstance(outcome, Failure) else Answer(outcome, request_id="request-1") for outcome in outcomes
    ]
    before = record_of(*of_polls[:-1])
    return list(changes(news_of(outcomes), before, record_of(*of_polls[-1:], since=before)))


def news_of(outcomes: Iterable[State | Failure]) -> News[Any]:
    """What the kind of probe has to say whose states these are."""
    of_service = service.news()
    by_state: dict[type, News[Any]] = {ServiceState: of_service, DebtState: debt_status.NEWS, Balance: balance.NEWS}
    return next((by_state[type(outcome)] for outcome in outcomes if type(outcome) in by_state), of_service)


def changed(level: int, what: str, old: str, new: str, *, subject: str = "service state") -> LogLine:
    fields = {"what": what, "old": old, "new": new, "request_id": "request-1"}
    return LogLine(level, f"{subject} changed", fields)


@pytest.mark.parametrize(
    ("state", "level", "told"),
    [
        pytest.param(ACTIVE, logging.INFO, {"status": "active", **TOLD}, id="active"),
        pytest.param(
            LOCKED,
            logging.WARNING,
            {"status": "locked", **TOLD, "lock_reasons": "financial,security"},
            id="locked",
        ),
        pytest.param(
            CHANGING,
            logging.INFO,
            {
                "status": "active",
                **TOLD,
                "next_charge_type": "PayByBandwidth",
                "charge_type_change": "2018-03-31T16:00:00Z",
            },
            id="changing",
        ),
        pytest.param(
            NOT_ACTIVATED, logging.INFO, {"status": "not_activated", **dict.fromkeys(TOLD, "")}, id="not activated"
        ),
    ],
)
def test_the_first_answer_is_told_whole(state: ServiceState, level: int, told: dict[str, str]) -> None:
    """A lock found at the start is as grave as one that comes later."""
    assert lines(state) == [LogLine(level, "service state learned", {**told, "request_id": "request-1"})]


def test_the_same_answer_again_is_no_news() -> None:
    """A line for those who debug, with the request id, and nothing above."""
    assert lines(LOCKED, LOCKED) == [LogLine(logging.DEBUG, "poll found no change", {"request_id": "request-1"})]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(
            ACTIVE,
            LOCKED,
            [
                changed(logging.WARNING, "status", "active", "locked"),
                changed(logging.INFO, "lock_reasons", "", "financial,security"),
            ],
            id="locked",
        ),
        pytest.param(
            LOCKED,
            ACTIVE,
            [
                changed(logging.INFO, "status", "locked", "active"),
                changed(logging.INFO, "lock_reasons", "financial,security", ""),
            ],
            id="released",
        ),
        pytest.param(
            ACTIVE,
            CHANGING,
            [
                changed(logging.INFO, "next_charge_type", "", "PayByBandwidth"),
                changed(logging.INFO, "charge_type_change", "", "2018-03-31T16:00:00Z"),
            ],
            id="change announced",
        ),
        pytest.param(
            ACTIVE,
            NOT_ACTIVATED,
            [
                changed(logging.WARNING, "status", "active", "not_activated"),
                changed(logging.INFO, "charge_type", "PayByTraffic", ""),
                changed(logging.INFO, "opening_time", "2018-03-19T11:16:11Z", ""),
                changed(logging.INFO, "instance_id", "1", ""),
            ],
            id="gone",
        ),
    ],
)
def test_only_what_changed_is_told(before: ServiceState, after: ServiceState, told: list[LogLine]) -> None:
    """One line for each part, with what it was; a turn for the worse is a warning."""
    assert lines(before, after) == told


SOLVENT = DebtState(enabled=True, available=True, in_debt=False, in_debt_overdue=False)
IN_DEBT = DebtState(enabled=True, available=True, in_debt=True, in_debt_overdue=False)
OVERDUE = DebtState(enabled=True, available=False, in_debt=True, in_debt_overdue=True)


@pytest.mark.parametrize(
    ("state", "level", "told"),
    [
        pytest.param(SOLVENT, logging.INFO, ("true", "true", "false", "false"), id="solvent"),
        pytest.param(IN_DEBT, logging.WARNING, ("true", "true", "true", "false"), id="in debt"),
        pytest.param(DebtState(in_debt_overdue=True), logging.WARNING, ("", "", "", "true"), id="overdue"),
        pytest.param(
            DebtState(enabled=False, available=False), logging.INFO, ("false", "false", "", ""), id="never enabled"
        ),
    ],
)
def test_debts_are_told_whole_at_first(state: DebtState, level: int, told: tuple[str, ...]) -> None:
    """What the API left out is empty; a debt found at the start is as grave as one that comes later."""
    fields = dict(zip(("enabled", "available", "in_debt", "in_debt_overdue"), told, strict=True))

    assert lines(state) == [LogLine(level, "debt state learned", {**fields, "request_id": "request-1"})]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(SOLVENT, IN_DEBT, [(logging.WARNING, "in_debt", "false", "true")], id="in debt"),
        pytest.param(
            IN_DEBT,
            OVERDUE,
            [(logging.WARNING, "available", "true", "false"), (logging.WARNING, "in_debt_overdue", "false", "true")],
            id="overdue",
        ),
        pytest.param(
            OVERDUE,
            SOLVENT,
            [
                (logging.INFO, "available", "false", "true"),
                (logging.INFO, "in_debt", "true", "false"),
                (logging.INFO, "in_debt_overdue", "true", "false"),
            ],
            id="paid",
        ),
        pytest.param(IN_DEBT, THROTTLED, None, id="failed"),
    ],
)
def test_a_debt_that_changes_is_told_once(
    before: DebtState, after: DebtState | Failure, told: list[tuple[int, str, str, str]] | None
) -> None:
    """One line for each part, as with a service; the same answer again is none."""
    if told is None:
        assert [line.event for line in lines(before, after, before)] == ["poll recovered", "poll found no change"]
        return
    assert lines(before, after) == [changed(*row, subject="debt state") for row in told]
    assert [line.level for line in lines(before, after, after)] == [logging.DEBUG]


@pytest.mark.parametrize(
    ("amount", "level"),
    [pytest.param(12.5, logging.INFO, id="in credit"), pytest.param(0.0, logging.WARNING, id="spent")],
)
def test_a_balance_is_told_at_first(amount: float, level: int) -> None:
    """With its currency; one that is spent is a warning."""
    fields = {"available_amount": f"{amount:.2f}", "currency": "CNY", "request_id": "request-1"}

    assert lines(Balance(amount, "CNY")) == [LogLine(level, "balance learned", fields)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(
            Balance(0.5, "CNY"),
            Balance(-0.004, "CNY"),
            [(logging.WARNING, "available_amount", "0.50", "-0.00")],
            id="spent",
        ),
        pytest.param(
            Balance(-3.0, "CNY"),
            Balance(0.004, "CNY"),
            [(logging.INFO, "available_amount", "-3.00", "0.00")],
            id="paid in",
        ),
        pytest.param(
            Balance(5.0, "CNY"),
            Balance(5.0, "USD"),
            [(logging.INFO, "currency", "CNY", "USD")],
            id="another currency",
        ),
    ],
)
def test_a_balance_that_turns_is_told(before: Balance, after: Balance, told: list[tuple[int, str, str, str]]) -> None:
    """When it is spent, or no longer, or in another currency."""
    assert lines(before, after) == [changed(*row, subject="balance") for row in told]


@pytest.mark.parametrize(("before", "after"), [(100.0, 1.0), (-1.0, -100.0), (0.0, -1.0)])
def test_a_balance_that_merely_moves_is_no_news(before: float, after: float) -> None:
    """It may do so with every poll: a line for those who debug, and nothing above."""
    fields = {"available_amount": f"{after:.2f}", "currency": "CNY", "request_id": "request-1"}

    assert lines(Balance(before, "CNY"), Balance(after, "CNY")) == [LogLine(logging.DEBUG, "balance moved", fields)]


def test_a_failure_is_a_warning_once() -> None:
    """Its code, reason and request id are fields; the same one again is for those who debug."""
    fields = {
        "reason": "throttled",
        "code": "Throttling.User",
        "explanation": "too many calls",
        "http_status": 400,
        "request_id": "request-2",
    }

    assert lines(ACTIVE, THROTTLED) == [LogLine(logging.WARNING, "poll failed", fields)]
    assert lines(ACTIVE, THROTTLED, THROTTLED) == [LogLine(logging.DEBUG, "poll failed", fields)]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Failure(FailureReason.TIMEOUT, "no reply"), id="another reason"),
        pytest.param(Failure(FailureReason.THROTTLED, "too many calls", code="ServiceBusy"), id="another code"),
    ],
)
def test_another_failure_is_a_warning_again(other: Failure) -> None:
    """It may need another hand."""
    assert [line.level for line in lines(THROTTLED, other)] == [logging.WARNING]


def test_recovery_is_told_with_how_many_failed() -> None:
    """Also when the state is the one from before."""
    recovered = LogLine(logging.INFO, "poll recovered", {"failures": 2, "request_id": "request-1"})

    assert lines(ACTIVE, THROTTLED, THROTTLED, ACTIVE)[0] == recovered
    assert [line.event for line in lines(ACTIVE, THROTTLED, ACTIVE)] == ["poll recovered", "poll found no change"]


def test_a_change_behind_a_failure_is_told() -> None:
    """What was known before the failure is what the answer is compared with."""
    assert [line.event for line in lines(ACTIVE, THROTTLED, LOCKED)] == [
        "poll recovered",
        "service state changed",
        "service state changed",
    ]


def test_no_poll_is_nothing_to_tell() -> None:
    """A record that only counted a skip has no lines."""
    assert list(changes(service.news(), ProbeRecord(), ProbeRecord().after_skips(1))) == []
