"""How a service is logged and shown, and what its row is made of."""

import math
from datetime import UTC, datetime

import pytest

from exporter.api.errors import RefusalPattern, Refused
from exporter.api.operation import Operation
from exporter.core.model import Answer
from exporter.probes.kind import StateInRefusal
from exporter.probes.service import CHANGE_PENDING, attention, news, service, view
from exporter.probes.service_families import ServiceMemory, remember
from exporter.probes.service_state import (
    LOCKED_FOR_SECURITY,
    NOT_ACTIVATED,
    ChargeTypeChange,
    ServiceState,
)
from exporter.probes.view import Fragment, Severity

OPENED = datetime(2018, 3, 19, 11, 16, 11, tzinfo=UTC)
MOMENT = datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)
NOW = MOMENT.timestamp() - 90
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
SOME_DAY = ServiceState(charge_type="PayByTraffic", change=ChargeTypeChange("PayByBandwidth", None))
TO_NOTHING_KNOWN = ServiceState(change=ChargeTypeChange(None, MOMENT))
NEWS = news()
OPERATION = Operation(action="DescribeMoonService", version="2026-01-01", endpoint="dcdn", calls_per_second=1)


def told(state: ServiceState) -> dict[str, str]:
    return dict(NEWS.fields(state))


@pytest.mark.parametrize(
    ("state", "is_bad", "fields"),
    [
        pytest.param(ACTIVE, False, {"status": "active"}, id="active"),
        pytest.param(LOCKED, True, {"status": "locked", "lock_reasons": "financial,security"}, id="locked"),
        pytest.param(
            CHANGING,
            False,
            {"next_charge_type": "PayByBandwidth", "charge_type_change": "2018-03-31T16:00:00Z"},
            id="changing",
        ),
        pytest.param(
            NOT_ACTIVATED,
            False,
            {"status": "not_activated", "charge_type": "", "opening_time": "", "instance_id": ""},
            id="not activated",
        ),
        pytest.param(
            SOME_DAY,
            False,
            {"next_charge_type": "PayByBandwidth", "opening_time": "", "instance_id": ""},
            id="changing some day",
        ),
        pytest.param(
            TO_NOTHING_KNOWN,
            False,
            {"charge_type": "", "charge_type_change": "2018-03-31T16:00:00Z", "opening_time": "", "instance_id": ""},
            id="changing to an unknown method",
        ),
    ],
)
def test_the_log_tells_all_of_a_service(state: ServiceState, is_bad: bool, fields: dict[str, str]) -> None:  # noqa: FBT001 - a row's fact
    """Always the same fields, what is not known empty; only a lock is bad news at its first sight."""
    plain = {
        "status": "active",
        "lock_reasons": "",
        "charge_type": "PayByTraffic",
        "next_charge_type": "",
        "charge_type_change": "",
        "opening_time": "2018-03-19T11:16:11Z",
        "instance_id": "1",
    }

    assert NEWS.subject == "service state"
    assert told(state) == {**plain, **fields}
    assert list(told(state)) == list(plain)
    assert NEWS.is_bad(state) is is_bad


@pytest.mark.parametrize(
    ("state", "worse"),
    [
        pytest.param(ACTIVE, [], id="active"),
        pytest.param(LOCKED, ["status"], id="locked"),
        pytest.param(CHANGING, [], id="changing"),
        pytest.param(NOT_ACTIVATED, ["status"], id="not activated"),
    ],
)
def test_only_a_status_can_get_worse(state: ServiceState, worse: list[str]) -> None:
    """Locks and the end of a service are warnings, a new billing method is none; every difference has its line."""
    assert [field for field, value in told(state).items() if NEWS.is_worse(state, field, value)] == worse
    assert NEWS.is_worth_a_line(ACTIVE, state)


CELL_OF_ACTIVE = (Fragment("active"),)


@pytest.mark.parametrize(
    ("state", "status", "billing"),
    [
        pytest.param(None, (), (), id="not known"),
        pytest.param(ACTIVE, CELL_OF_ACTIVE, (Fragment("PayByTraffic", foreign=True),), id="active"),
        pytest.param(
            LOCKED,
            (
                Fragment(
                    "locked ({reasons})",
                    values={"reasons": "financial, security"},
                    runbook="DcdnServiceLockedFinancial",
                ),
            ),
            (Fragment("PayByTraffic", foreign=True),),
            id="locked",
        ),
        pytest.param(NOT_ACTIVATED, (Fragment("not activated"),), (Fragment("-"),), id="not activated"),
        pytest.param(
            CHANGING,
            CELL_OF_ACTIVE,
            (
                Fragment("PayByTraffic", foreign=True),
                Fragment("→"),
                Fragment("PayByBandwidth", foreign=True, runbook="DcdnChargeTypeChangeSoon"),
                Fragment("in {time}", values={"time": "1 min 30 s"}),
            ),
            id="changing",
        ),
        pytest.param(
            SOME_DAY,
            CELL_OF_ACTIVE,
            (
                Fragment("PayByTraffic", foreign=True),
                Fragment("→"),
                Fragment("PayByBandwidth", foreign=True, runbook="DcdnChargeTypeChangeScheduled"),
            ),
            id="changing some day",
        ),
        pytest.param(TO_NOTHING_KNOWN, CELL_OF_ACTIVE, (Fragment("-"),), id="changing to an unknown method"),
    ],
)
def test_people_are_shown_status_and_billing(
    state: ServiceState | None, status: tuple[Fragment, ...], billing: tuple[Fragment, ...]
) -> None:
    """A status with its locks, a billing method with the one that is to come; the vendor's words are marked."""
    seen = view(state, NOW)

    assert (seen.status, seen.notes, seen.billing) == (status, (), billing)


@pytest.mark.parametrize(
    ("state", "words", "ahead_s", "keys"),
    [
        pytest.param(None, [], None, {"status": None, "charge_type": None}, id="not known"),
        pytest.param(ACTIVE, ["active"], None, {}, id="active"),
        pytest.param(
            LOCKED, ["locked"], None, {"status": "locked", "lock_reasons": ["financial", "security"]}, id="locked"
        ),
        pytest.param(
            NOT_ACTIVATED,
            ["not_activated"],
            None,
            {"status": "not_activated", "charge_type": None},
            id="not activated",
        ),
        pytest.param(
            CHANGING,
            ["active", "change_pending"],
            90.0,
            {
                "change_pending": True,
                "next_charge_type": "PayByBandwidth",
                "changes_at": MOMENT,
                "changes_in_seconds": 90.0,
            },
            id="changing",
        ),
        pytest.param(
            SOME_DAY,
            ["active", "change_pending"],
            None,
            {"change_pending": True, "next_charge_type": "PayByBandwidth"},
            id="changing some day",
        ),
        pytest.param(
            TO_NOTHING_KNOWN,
            ["active", "change_pending"],
            90.0,
            {"charge_type": None, "change_pending": True, "changes_at": MOMENT, "changes_in_seconds": 90.0},
            id="changing to an unknown method",
        ),
    ],
)
def test_programs_are_told_all_of_a_service(
    state: ServiceState | None, words: list[str], ahead_s: float | None, keys: dict[str, object]
) -> None:
    """Always the same keys, in the same order, and a word for everything that is true of it."""
    seen = view(state, NOW)
    plain = {
        "status": "active",
        "lock_reasons": [],
        "charge_type": "PayByTraffic",
        "change_pending": False,
        "next_charge_type": None,
        "changes_at": None,
        "changes_in_seconds": None,
        "components": [],
        "ends_at": None,
    }

    assert [condition.word for condition in seen.conditions] == words
    assert seen.ahead_s == ahead_s
    assert list({**seen.status_json, **seen.billing_json}.items()) == list({**plain, **keys}.items())
    assert list(seen.status_json) == ["status", "lock_reasons"]


def test_a_change_leaves_at_its_moment() -> None:
    """No answer is needed for that."""
    assert view(CHANGING, MOMENT.timestamp()) == view(ACTIVE, MOMENT.timestamp())


def test_seconds_to_a_change_are_rounded_for_programs_only() -> None:
    """To milliseconds; what orders the rows is exact."""
    seen = view(CHANGING, MOMENT.timestamp() - 1.23456)

    assert seen.billing_json["changes_in_seconds"] == 1.235
    assert seen.ahead_s == pytest.approx(1.23456, abs=1e-6)


def test_a_lock_is_critical_and_a_change_no_state() -> None:
    """A lock stops delivery; what is to come is counted, and never says how a service is."""
    row = service("moon", OPERATION)

    assert [(condition.word, condition.severity, condition.alarm) for condition in row.conditions] == [
        ("locked", Severity.CRITICAL, "locked"),
        ("not_activated", Severity.INACTIVE, None),
        ("active", Severity.GOOD, None),
        ("change_pending", Severity.UPCOMING, "changing"),
    ]
    assert [condition for condition in row.conditions if not condition.state] == [CHANGE_PENDING]


def test_a_lock_that_returns_is_watched_closely_again() -> None:
    """A release ends the hour; the next lock has one of its own."""
    memory: ServiceMemory | None = None
    seen = []
    for state, at in ((LOCKED, 1000.0), (LOCKED, 4000.0), (ACTIVE, 9000.0), (LOCKED, 10_000.0)):
        memory = remember(memory, Answer(state), at)
        seen.append(attention(state, memory, at).faster_until)

    assert seen == [4600.0, 4600.0, -math.inf, 13_600.0]


def test_a_row_brings_its_refusals_and_the_lock_that_all_have() -> None:
    """One code has several meanings, which the message tells apart; the row's own count first."""
    row = service(
        "moon", OPERATION, StateInRefusal(RefusalPattern("operationdenied", words="no moon"), NOT_ACTIVATED)
    )

    def meant(message: str) -> object:
        return row.state_in_refusal(Refused("no", code="OperationDenied", http_status=403, message=message))

    assert meant("You have no moon.") == Answer(NOT_ACTIVATED)
    assert meant("Your account is locked for security reasons.") == Answer(LOCKED_FOR_SECURITY)
    assert meant("No moon: it is locked for security reasons.") == Answer(NOT_ACTIVATED)
    assert meant("In arrears.") is None
    assert row.switch is None
