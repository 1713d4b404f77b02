"""What the page shows of a service."""

import math
from datetime import UTC, datetime

import pytest

from exporter.core.model import Answer
from exporter.probes.kind import MetricType, Sample, Scope
from exporter.probes.service_families import (
    FAMILIES,
    ServiceMemory,
    VisibleService,
    remember,
    visible,
)
from exporter.probes.service_state import CHARGE_TYPES, NOT_ACTIVATED, ChargeTypeChange, ServiceState
from exporter.probes.table import PROBES

KINDS = {kind.product: kind for kind in PROBES if kind.probe == "service"}
BY_NAME = {family.name: family for family in FAMILIES}
TIMESTAMP = "dcdn_service_charge_type_change_timestamp_seconds"
REMAINING = "dcdn_service_charge_type_change_remaining_seconds"

MOMENT = datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)
NOW = MOMENT.timestamp() - 60
CHANGE = ChargeTypeChange("PayByBandwidth", MOMENT)

# The public interface, written down a second time on purpose: name, labels of its own, words of the help text.
TABLE = [
    ("dcdn_service_status", ("status",), ("OperationLocks", "Exactly one is 1")),
    ("dcdn_service_lock", ("reason",), ("OperationLocks.LockReason",)),
    ("dcdn_service_charge_type", ("charge_type",), ("InternetChargeType",)),
    ("dcdn_service_next_charge_type", ("charge_type",), ("ChangingChargeType",)),
    (TIMESTAMP, (), ("ChangingAffectTime", "Unix time")),
    (REMAINING, (), ("ChangingAffectTime", "Seconds", "scrape time")),
    ("dcdn_service_opening_timestamp_seconds", (), ("OpeningTime", "Unix time")),
    ("dcdn_service_info", ("instance_id",), ("InstanceId",)),
]


def after(*answers: Answer[ServiceState]) -> ServiceMemory | None:
    """What is remembered of these answers."""
    memory = None
    for answer in answers:
        memory = remember(memory, answer, NOW)
    return memory


def shown(state: ServiceState, memory: ServiceMemory | None = None, now: float = NOW) -> VisibleService:
    return visible(state, memory or after(Answer(state)), now).value


def samples(name: str, service: VisibleService) -> list[Sample]:
    return list(BY_NAME[name].samples(service))


def one_of(values: tuple[str, ...], holding: str | None) -> list[Sample]:
    return [((value,), float(value == holding)) for value in values]


def billed(charge_type: str | None) -> list[Sample]:
    return one_of(CHARGE_TYPES, charge_type)


def test_every_family_is_there() -> None:
    """Names and labels are fixed: dashboards and rules of others are written with them."""
    assert [(family.name, family.labels) for family in FAMILIES] == [row[:2] for row in TABLE]
    assert {(family.metric_type, family.scope) for family in FAMILIES} == {(MetricType.GAUGE, Scope.PRODUCT)}
    assert [family.name for family in FAMILIES if family.countdown] == [REMAINING]


@pytest.mark.parametrize(("name", "words"), [pytest.param(row[0], row[2], id=row[0]) for row in TABLE])
def test_help_names_the_vendors_field(name: str, words: tuple[str, ...]) -> None:
    """An operator finds the field in the vendor's documentation, and how old a value may be."""
    text = BY_NAME[name].help

    assert all(word in text for word in (*words, "As of the last successful poll"))


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
    assert samples("dcdn_service_status", shown(state)) == one_of(("active", "locked", "not_activated"), status)


def test_what_is_not_activated_has_nothing_else() -> None:
    """Locks and charge types are 0, and there is neither a change nor an opening time nor an instance."""
    service = shown(NOT_ACTIVATED)

    assert {name: samples(name, service) for name in BY_NAME if name != "dcdn_service_status"} == {
        "dcdn_service_lock": [(("financial",), 0.0)],
        "dcdn_service_charge_type": billed(None),
        "dcdn_service_next_charge_type": billed(None),
        TIMESTAMP: [],
        REMAINING: [],
        "dcdn_service_opening_timestamp_seconds": [],
        "dcdn_service_info": [],
    }


def test_a_service_of_which_nothing_is_remembered_has_its_documented_values() -> None:
    """They are series from the first answer on."""
    service = visible(NOT_ACTIVATED, None, NOW).value

    assert samples("dcdn_service_lock", service) == [(("financial",), 0.0)]
    assert samples("dcdn_service_charge_type", service) == billed(None)


def test_a_lock_reason_once_seen_stays_at_0() -> None:
    """A series that vanished could not resolve an alert by its value."""
    locked, released = ServiceState(lock_reasons=("financial", "security")), ServiceState(charge_type="PayByTraffic")
    memory = after(Answer(locked), Answer(released))

    assert samples("dcdn_service_lock", shown(locked)) == [(("financial",), 1.0), (("security",), 1.0)]
    assert samples("dcdn_service_lock", shown(released, memory)) == [(("financial",), 0.0), (("security",), 0.0)]


def test_the_17th_reason_is_other() -> None:
    """And all after it; when they are gone, `other` stays at 0 like any reason once seen."""
    reasons = tuple(f"reason {number:02}" for number in range(18))
    locked, released = ServiceState(lock_reasons=reasons), ServiceState(lock_reasons=reasons[:1])
    memory = after(Answer(locked), Answer(released))

    assert samples("dcdn_service_lock", shown(locked)) == [
        (("financial",), 0.0),
        *(((reason,), 1.0) for reason in reasons[:16]),
        (("other",), 1.0),
    ]
    assert samples("dcdn_service_lock", shown(released, memory)) == one_of(
        ("financial", *reasons[:16], "other"), reasons[0]
    )


def test_a_reason_that_is_called_other_is_one_series() -> None:
    """It holds when the API says so, and when a reason without a place of its own does."""
    reasons = ("other", *(f"reason {number:02}" for number in range(17)))
    locks = samples("dcdn_service_lock", shown(ServiceState(lock_reasons=tuple(sorted(reasons)))))

    assert [number for (reason,), number in locks if reason == "other"] == [1.0]


def test_a_value_that_has_no_series_of_its_own_is_other() -> None:
    """A state set has its 1 in any case."""
    service = shown(ServiceState(charge_type="PayByMoon"), ServiceMemory())

    assert samples("dcdn_service_charge_type", service) == [*billed(None), (("other",), 1.0)]


def test_an_undocumented_charge_type_is_a_series_of_both_families() -> None:
    """It comes after the documented ones, and stays."""
    state = ServiceState(charge_type="PayByMoon", change=CHANGE)
    service = shown(state, after(Answer(state)))

    assert samples("dcdn_service_charge_type", service) == [*billed(None), (("PayByMoon",), 1.0)]
    assert samples("dcdn_service_next_charge_type", service) == [*billed("PayByBandwidth"), (("PayByMoon",), 0.0)]


@pytest.mark.parametrize(
    ("change", "now", "coming", "moment"),
    [
        pytest.param(None, NOW, None, None, id="none"),
        pytest.param(CHANGE, NOW, "PayByBandwidth", MOMENT.timestamp(), id="ahead"),
        pytest.param(CHANGE, MOMENT.timestamp(), None, None, id="at its moment"),
        pytest.param(ChargeTypeChange(None, MOMENT), NOW, None, MOMENT.timestamp(), id="without a type"),
        pytest.param(ChargeTypeChange("PayByBandwidth", None), NOW, "PayByBandwidth", None, id="without a moment"),
    ],
)
def test_a_change_shows_while_it_lies_ahead(
    change: ChargeTypeChange | None, now: float, coming: str | None, moment: float | None
) -> None:
    """What the API left out is left out; at its moment all of it goes, and until then nothing has to be looked at."""
    state = ServiceState(charge_type="PayByTraffic", change=change)
    seen = visible(state, None, now)
    of_moment = [((), moment)] if moment is not None else []

    assert seen.until == (math.inf if moment is None else moment)
    assert samples("dcdn_service_next_charge_type", seen.value) == billed(coming)
    assert samples(TIMESTAMP, seen.value) == of_moment
    assert samples(REMAINING, seen.value) == of_moment  # a countdown names the moment, and the page what is left
    assert samples("dcdn_service_charge_type", seen.value) == billed("PayByTraffic")


def test_what_is_shown_is_the_same_until_a_change_falls_due() -> None:
    """So that lines are kept from poll to poll: what a change leaves at every moment is no part of them."""
    state = ServiceState(charge_type="PayByTraffic", change=CHANGE)

    assert visible(state, None, NOW) == visible(state, None, NOW + 59.9)
    assert visible(state, None, NOW) != visible(state, None, NOW + 60)


def test_opening_time_and_instance_are_shown() -> None:
    """As Unix time, and as a label."""
    service = shown(ServiceState(opening_time=MOMENT, instance_id="1883927335936173"))

    assert samples("dcdn_service_opening_timestamp_seconds", service) == [((), MOMENT.timestamp())]
    assert samples("dcdn_service_info", service) == [(("1883927335936173",), 1.0)]


@pytest.mark.parametrize(
    ("family", "products"),
    [
        pytest.param("dcdn_service_info", ["dcdn_ipa", "dcdn", "cdn", "dcdn_sec"], id="those of every service"),
        pytest.param("dcdn_service_component_charge_type", ["dcdn", "cdn"], id="components"),
        pytest.param("dcdn_service_end_timestamp_seconds", ["dcdn_sec"], id="an end"),
    ],
)
def test_some_families_are_of_some_products(family: str, products: list[str]) -> None:
    """They cost nothing where there are none; products that are alike share theirs."""
    having = [kind for kind in PROBES if family in {each.name for each in kind.families}]

    assert [kind.product for kind in having] == products
    assert KINDS["dcdn"].families is KINDS["cdn"].families
