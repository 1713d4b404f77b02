import itertools
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
    ServiceState,
    State,
    UnknownField,
)
from exporter.core.store import ProbeRecord
from exporter.metrics.families import (
    HEALTH_FAMILIES,
    REMAINING,
    STATE_FAMILIES,
    Family,
    MetricType,
    Sample,
    Scope,
)
from exporter.metrics.visible_state import ShownService, shown
from exporter.probes.table import DCDN_CHARGE_TYPES

STATE_BY_NAME = {family.name: family for family in STATE_FAMILIES}
HEALTH_BY_NAME = {family.name: family for family in HEALTH_FAMILIES}

MOMENT = datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)
NOW = MOMENT.timestamp() - 60
CHANGE = ChargeTypeChange("PayByBandwidth", MOMENT)

# The public interface, written down a second time on purpose: name, own label, known values, words of the help text.
STATE_TABLE = [
    ("dcdn_service_status", "status", ("OperationLocks", "Exactly one is 1")),
    ("dcdn_service_lock", "reason", ("OperationLocks.LockReason",)),
    ("dcdn_service_charge_type", "charge_type", ("InternetChargeType",)),
    ("dcdn_service_next_charge_type", "charge_type", ("ChangingChargeType",)),
    ("dcdn_service_charge_type_change_timestamp_seconds", None, ("ChangingAffectTime", "Unix time")),
    ("dcdn_service_charge_type_change_remaining_seconds", None, ("ChangingAffectTime", "Seconds", "scrape time")),
    ("dcdn_service_opening_timestamp_seconds", None, ("OpeningTime", "Unix time")),
    ("dcdn_service_info", "instance_id", ("InstanceId",)),
    ("dcdn_service_enabled", None, ("Enabled", "debt_status")),
    ("dcdn_service_available", None, ("OnService", "debt_status")),
    ("dcdn_service_in_debt", None, ("InDebt", "debt_status")),
    ("dcdn_service_in_debt_overdue", None, ("InDebtOverdue", "debt_status")),
    ("dcdn_account_available_amount", "currency", ("AvailableAmount", "currency", "negative")),
]
HEALTH_TABLE = [
    ("dcdn_poll_success", "gauge", None),
    ("dcdn_last_poll_timestamp_seconds", "gauge", None),
    ("dcdn_last_success_timestamp_seconds", "gauge", None),
    ("dcdn_last_poll_duration_seconds", "gauge", None),
    ("dcdn_polls_total", "counter", None),
    ("dcdn_poll_failures_total", "counter", "reason"),
    ("dcdn_polls_skipped_total", "counter", None),
]


def answered(
    state: State,
    *,
    reasons: tuple[str, ...] = (),
    charge_types: tuple[str, ...] = (),
    record: ProbeRecord | None = None,
) -> ProbeRecord:
    unknown = {UnknownField.LOCK_REASON: reasons, UnknownField.CHARGE_TYPE: charge_types}
    return (record or ProbeRecord()).after(Observation(NOW, 0.25, Answer(state, unknown_values=unknown)))


def service(record: ProbeRecord, now: float = NOW) -> ShownService:
    seen = shown(record, now, stale_after_s=600, documented_charge_types=DCDN_CHARGE_TYPES)
    assert isinstance(seen, ShownService)
    return seen


def samples(name: str, record: ProbeRecord, now: float = NOW) -> list[Sample]:
    return list(STATE_BY_NAME[name].samples(service(record, now)))


def history(name: str, record: ProbeRecord) -> list[Sample]:
    return list(HEALTH_BY_NAME[name].samples(record))


def billed(charge_type: str | None) -> list[Sample]:
    return [(known, float(known == charge_type)) for known in DCDN_CHARGE_TYPES]


def test_every_state_family_is_there() -> None:
    """Names and labels are fixed: dashboards and rules of others are written with them."""
    assert [(family.name, family.label) for family in STATE_FAMILIES] == [row[:2] for row in STATE_TABLE]
    assert {family.metric_type for family in STATE_FAMILIES} == {MetricType.GAUGE}
    assert {family.name: family.scope for family in STATE_FAMILIES} == {
        row[0]: Scope.PRODUCT if row[0].startswith("dcdn_service_") else Scope.ACCOUNT for row in STATE_TABLE
    }


def test_every_health_family_is_there() -> None:
    """Names, types and labels are fixed here too; these are by probe."""
    rows = [(family.name, family.metric_type.value, family.label) for family in HEALTH_FAMILIES]

    assert rows == HEALTH_TABLE
    assert {(family.scope, family.of) for family in HEALTH_FAMILIES} == {(Scope.PROBE, ProbeRecord)}


@pytest.mark.parametrize(
    ("state", "shown_by"),
    [
        pytest.param(ServiceState(charge_type="PayByTraffic"), [row[0] for row in STATE_TABLE[:8]], id="service"),
        pytest.param(DebtState(in_debt=True), [row[0] for row in STATE_TABLE[8:12]], id="debts"),
        pytest.param(Balance(1.0, "CNY"), ["dcdn_account_available_amount"], id="balance"),
    ],
)
def test_a_family_shows_one_kind_of_state(state: State, shown_by: list[str]) -> None:
    """So that the probes of one product, or of one account, never make the same series twice."""
    seen = shown(answered(state), NOW, stale_after_s=600, documented_charge_types=())

    assert [family.name for family in STATE_FAMILIES if isinstance(seen, family.of)] == shown_by


@pytest.mark.parametrize("value", [True, False, None])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("dcdn_service_enabled", "enabled"),
        ("dcdn_service_available", "available"),
        ("dcdn_service_in_debt", "in_debt"),
        ("dcdn_service_in_debt_overdue", "in_debt_overdue"),
    ],
)
def test_a_debt_is_0_or_1_where_the_api_says_so(name: str, field: str, value: bool | None) -> None:  # noqa: FBT001 - a row's fact
    """What it leaves out is no series: neither answer would be known."""
    others = dict.fromkeys({"enabled", "available", "in_debt", "in_debt_overdue"} - {field}, value is not True)
    debts = DebtState(**{**others, field: value})

    assert list(STATE_BY_NAME[name].samples(debts)) == ([("", float(value))] if value is not None else [])


def test_an_amount_is_shown_under_its_currency() -> None:
    """Amounts of several currencies must not be added."""
    family = STATE_BY_NAME["dcdn_account_available_amount"]

    assert list(family.samples(Balance(-11.19, "USD"))) == [("USD", -11.19)]


@pytest.mark.parametrize(("name", "words"), [pytest.param(row[0], row[2], id=row[0]) for row in STATE_TABLE])
def test_help_names_the_vendors_field(name: str, words: tuple[str, ...]) -> None:
    """An operator finds the field in the vendor's documentation, and how old a value may be."""
    text = STATE_BY_NAME[name].help

    assert all(word in text for word in (*words, "As of the last successful poll"))


def test_help_is_one_line_without_escapes() -> None:
    """Heads are written as they are."""
    for text in (*(family.help for family in STATE_FAMILIES), *(family.help for family in HEALTH_FAMILIES)):
        assert text.isprintable()
        assert "\\" not in text


@pytest.mark.parametrize(
    ("name", "metric_type"),
    [pytest.param("x", MetricType.COUNTER, id="counter"), pytest.param("x_total", MetricType.GAUGE, id="gauge")],
)
def test_counters_and_only_counters_end_in_total(name: str, metric_type: MetricType) -> None:
    """A family that breaks this rule does not come into being."""
    with pytest.raises(ValueError, match="_total"):
        Family(name, "", ProbeRecord, HEALTH_FAMILIES[0].samples, metric_type=metric_type)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(ProbeRecord(), id="never polled"),
        pytest.param(
            ProbeRecord().after(Observation(NOW, 0.1, Failure(FailureReason.TIMEOUT, "no reply"))),
            id="never answered",
        ),
        pytest.param(
            ProbeRecord().after(Observation(NOW - 600.5, 0.1, Answer(ServiceState(charge_type="PayByTraffic")))),
            id="stale",
        ),
    ],
)
def test_nothing_is_shown_without_a_current_answer(record: ProbeRecord) -> None:
    """No state at all is better than an old or an invented one."""
    assert shown(record, NOW, stale_after_s=600, documented_charge_types=DCDN_CHARGE_TYPES) is None


@pytest.mark.parametrize(
    ("state", "status"),
    [
        pytest.param(ServiceState(charge_type="PayByTraffic"), "active", id="active"),
        pytest.param(ServiceState(lock_reasons=("security",)), "locked", id="locked"),
        pytest.param(NOT_ACTIVATED, "not_activated", id="not activated"),
    ],
)
def test_exactly_one_status_is_1(state: ServiceState, status: str) -> None:
    """All three are there from the first answer on."""
    assert samples("dcdn_service_status", answered(state)) == [
        (known, float(known == status)) for known in ("active", "locked", "not_activated")
    ]


def test_what_is_not_activated_has_nothing_else() -> None:
    """Locks and charge types are 0, and there is neither a change nor an opening time nor an instance."""
    assert {
        family.name: list(family.samples(service(answered(NOT_ACTIVATED)))) for family in STATE_FAMILIES[1:8]
    } == {
        "dcdn_service_lock": [("financial", 0.0)],
        "dcdn_service_charge_type": billed(None),
        "dcdn_service_next_charge_type": billed(None),
        "dcdn_service_charge_type_change_timestamp_seconds": [],
        "dcdn_service_charge_type_change_remaining_seconds": [],
        "dcdn_service_opening_timestamp_seconds": [],
        "dcdn_service_info": [],
    }


def test_a_lock_reason_once_seen_stays_at_0() -> None:
    """A series that vanished could not resolve an alert by its value."""
    locked = answered(ServiceState(lock_reasons=("financial", "security")), reasons=("security",))
    released = answered(ServiceState(charge_type="PayByTraffic"), record=locked)

    assert samples("dcdn_service_lock", locked) == [("financial", 1.0), ("security", 1.0)]
    assert samples("dcdn_service_lock", released) == [("financial", 0.0), ("security", 0.0)]


def test_the_17th_reason_is_other() -> None:
    """And all after it; when they are gone, `other` stays at 0 like any reason once seen."""
    reasons = tuple(f"reason {number:02}" for number in range(18))
    locked = answered(ServiceState(lock_reasons=reasons), reasons=reasons)
    released = answered(ServiceState(lock_reasons=reasons[:1]), reasons=reasons[:1], record=locked)

    assert samples("dcdn_service_lock", locked) == [
        ("financial", 0.0),
        *((reason, 1.0) for reason in reasons[:16]),
        ("other", 1.0),
    ]
    assert samples("dcdn_service_lock", released) == [
        ("financial", 0.0),
        (reasons[0], 1.0),
        *((reason, 0.0) for reason in reasons[1:16]),
        ("other", 0.0),
    ]


def test_a_reason_that_is_called_other_is_one_series() -> None:
    """It holds when the API says so, and when a reason without a place of its own does."""
    reasons = ("other", *(f"reason {number:02}" for number in range(17)))
    record = answered(ServiceState(lock_reasons=reasons), reasons=reasons)
    names = [name for name, _ in samples("dcdn_service_lock", record)]

    assert names.count("other") == 1
    assert dict(samples("dcdn_service_lock", record))["other"] == 1.0


def test_a_value_that_has_no_series_of_its_own_is_other() -> None:
    """A state set has its 1 in any case."""
    record = answered(ServiceState(charge_type="PayByMoon"))

    assert samples("dcdn_service_charge_type", record) == [*billed(None), ("other", 1.0)]


def test_an_undocumented_charge_type_is_a_series_of_both_families() -> None:
    """It comes after the documented ones, and stays."""
    state = ServiceState(charge_type="PayByMoon", change=CHANGE)
    record = answered(state, charge_types=("PayByMoon",))

    assert samples("dcdn_service_charge_type", record) == [*billed(None), ("PayByMoon", 1.0)]
    assert samples("dcdn_service_next_charge_type", record) == [*billed("PayByBandwidth"), ("PayByMoon", 0.0)]


@pytest.mark.parametrize(
    ("change", "now", "coming", "moment"),
    [
        pytest.param(None, NOW, None, [], id="none"),
        pytest.param(CHANGE, NOW, "PayByBandwidth", [("", MOMENT.timestamp())], id="ahead"),
        pytest.param(CHANGE, MOMENT.timestamp(), None, [], id="at its moment"),
        pytest.param(ChargeTypeChange(None, MOMENT), NOW, None, [("", MOMENT.timestamp())], id="without a type"),
        pytest.param(ChargeTypeChange("PayByBandwidth", None), NOW, "PayByBandwidth", [], id="without a moment"),
    ],
)
def test_a_change_shows_while_it_lies_ahead(
    change: ChargeTypeChange | None, now: float, coming: str | None, moment: list[Sample]
) -> None:
    """What the API left out is left out; at its moment all of it goes."""
    record = answered(ServiceState(charge_type="PayByTraffic", change=change))

    assert samples("dcdn_service_next_charge_type", record, now) == billed(coming)
    assert samples("dcdn_service_charge_type_change_timestamp_seconds", record, now) == moment
    assert samples("dcdn_service_charge_type", record, now) == billed("PayByTraffic")


def test_the_seconds_left_are_no_part_of_what_is_kept() -> None:
    """They change with every scrape and are written then."""
    record = answered(ServiceState(charge_type="PayByTraffic", change=CHANGE))

    assert list(REMAINING.samples(service(record))) == []


def test_opening_time_and_instance_are_shown() -> None:
    """As Unix time, and as a label."""
    record = answered(ServiceState(opening_time=MOMENT, instance_id="1883927335936173"))

    assert samples("dcdn_service_opening_timestamp_seconds", record) == [("", MOMENT.timestamp())]
    assert samples("dcdn_service_info", record) == [("1883927335936173", 1.0)]


@pytest.mark.parametrize(
    ("outcomes", "success"),
    [
        pytest.param([], 0.0, id="none has finished"),
        pytest.param([Answer(NOT_ACTIVATED)], 1.0, id="not activated is an answer"),
        pytest.param([Failure(FailureReason.AUTH, "no")], 0.0, id="failed"),
        pytest.param([Answer(NOT_ACTIVATED), Failure(FailureReason.AUTH, "no")], 0.0, id="failed after an answer"),
        pytest.param([Failure(FailureReason.AUTH, "no"), Answer(NOT_ACTIVATED)], 1.0, id="recovered"),
    ],
)
def test_success_is_that_of_the_last_poll(outcomes: list[Answer | Failure], success: float) -> None:
    """Whatever came before it."""
    record = ProbeRecord()
    for outcome in outcomes:
        record = record.after(Observation(NOW, 0.1, outcome))

    assert history("dcdn_poll_success", record) == [("", success)]


def test_every_reason_of_failure_is_a_series_from_0() -> None:
    """In a fixed order, so that rates work from the first failure on."""
    record = ProbeRecord().after(Observation(NOW, 0.1, Failure(FailureReason.TIMEOUT, "no reply")))
    names = ["auth", "permission", "throttled", "timeout", "network", "server", "rejected", "malformed", "internal"]

    assert history("dcdn_poll_failures_total", ProbeRecord()) == [(name, 0.0) for name in names]
    assert history("dcdn_poll_failures_total", record) == [(name, float(name == "timeout")) for name in names]


def test_health_is_shown_without_any_answer() -> None:
    """Zeros, and what the polls that failed have left."""
    record = ProbeRecord().after(Observation(NOW, 0.25, Failure(FailureReason.TIMEOUT, "no reply"))).after_skip()
    singles = [family.name for family in HEALTH_FAMILIES if family.label is None]

    assert {name: history(name, ProbeRecord()) for name in singles} == {name: [("", 0.0)] for name in singles}
    assert {name: history(name, record)[0][1] for name in singles} == {
        "dcdn_poll_success": 0.0,
        "dcdn_last_poll_timestamp_seconds": NOW,
        "dcdn_last_success_timestamp_seconds": 0.0,
        "dcdn_last_poll_duration_seconds": 0.25,
        "dcdn_polls_total": 1.0,
        "dcdn_polls_skipped_total": 1.0,
    }


def test_samples_are_the_same_as_long_as_their_part_is() -> None:
    """Lines are kept for the same part: one that stays while the samples change would leave the page behind."""
    failed = Observation(NOW, 0.1, Failure(FailureReason.TIMEOUT, "no reply"))
    records = [ProbeRecord(), answered(ServiceState(charge_type="PayByTraffic"))]
    records += [records[-1].after(failed), records[-1].after_skip(), records[-1].of_another_account()]
    parted = [(family, family.part) for family in HEALTH_FAMILIES if family.part is not None]

    for family, part in parted:
        pairs = [(one, other) for one, other in itertools.combinations(records, 2) if part(one) is part(other)]
        assert [list(family.samples(one)) for one, _ in pairs] == [list(family.samples(other)) for _, other in pairs]
    assert [family.name for family, _ in parted] == ["dcdn_poll_failures_total"]
