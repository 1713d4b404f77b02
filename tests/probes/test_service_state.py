import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from exporter.probes.service_state import NOT_ACTIVATED, ChargeTypeChange, ServiceState, ServiceStatus

MOMENT = datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)
NAIVE = MOMENT.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        pytest.param(ServiceState(), ServiceStatus.ACTIVE, id="nothing known but that it is there"),
        pytest.param(ServiceState(charge_type="PayByTraffic"), ServiceStatus.ACTIVE, id="billed"),
        pytest.param(ServiceState(lock_reasons=("financial",)), ServiceStatus.LOCKED, id="one lock"),
        pytest.param(ServiceState(lock_reasons=("financial", "security")), ServiceStatus.LOCKED, id="two locks"),
        pytest.param(NOT_ACTIVATED, ServiceStatus.NOT_ACTIVATED, id="not activated"),
    ],
)
def test_one_status_holds(state: ServiceState, status: ServiceStatus) -> None:
    """Any lock means locked, and what is not activated is neither locked nor active."""
    assert state.status is status


@pytest.mark.parametrize(
    ("seconds_to_go", "pending"),
    [
        pytest.param(1, True, id="ahead"),
        pytest.param(0, False, id="at this moment"),
        pytest.param(-1, False, id="past"),
    ],
)
def test_a_change_is_pending_until_its_moment(seconds_to_go: int, pending: bool) -> None:  # noqa: FBT001 - a row's fact
    """At its moment a change is done, and the API may go on repeating it."""
    change = ChargeTypeChange(charge_type="PayByTraffic", takes_effect=MOMENT)
    state = ServiceState(change=change)

    assert state.pending_change(MOMENT.timestamp() - seconds_to_go) == (change if pending else None)


def test_a_change_without_a_moment_is_pending_for_ever() -> None:
    """The API says that it will come and not when, so that no moment ends it."""
    assert ChargeTypeChange(charge_type="PayByTraffic", takes_effect=None).is_pending(math.inf)


def test_no_change_is_not_pending() -> None:
    """A state without a change has none ahead at any time."""
    assert ServiceState().pending_change(0.0) is None


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        pytest.param(
            lambda: ChargeTypeChange(charge_type=None, takes_effect=None), "names its charge type", id="empty change"
        ),
        pytest.param(
            lambda: ChargeTypeChange(charge_type="PayByTraffic", takes_effect=NAIVE), "time zone", id="naive change"
        ),
        pytest.param(lambda: ServiceState(opening_time=NAIVE), "time zone", id="naive opening time"),
        pytest.param(lambda: ServiceState(lock_reasons=("b", "a")), "sorted and unique", id="unsorted locks"),
        pytest.param(lambda: ServiceState(lock_reasons=("a", "a")), "sorted and unique", id="repeated locks"),
        pytest.param(lambda: ServiceState(lock_reasons=("Financial",)), "lower case", id="capital letters in a lock"),
        pytest.param(lambda: ServiceState(lock_reasons=("",)), "1 to 64 printable", id="empty lock reason"),
        pytest.param(lambda: ServiceState(lock_reasons=("a" * 65,)), "1 to 64 printable", id="long lock reason"),
        pytest.param(lambda: ServiceState(charge_type="Pay\nBy"), "1 to 64 printable", id="line end"),
        pytest.param(lambda: ServiceState(instance_id="\ud800"), "1 to 64 printable", id="lone surrogate"),
        pytest.param(
            lambda: ChargeTypeChange(charge_type="", takes_effect=MOMENT), "1 to 64 printable", id="empty next type"
        ),
        pytest.param(
            lambda: ServiceState(activated=False, lock_reasons=("financial",)), "not activated", id="locked nothing"
        ),
        pytest.param(
            lambda: ServiceState(activated=False, charge_type="PayByTraffic"), "not activated", id="billed nothing"
        ),
        pytest.param(
            lambda: ServiceState(activated=False, change=ChargeTypeChange("PayByTraffic", MOMENT)),
            "not activated",
            id="nothing changes",
        ),
        pytest.param(
            lambda: ServiceState(activated=False, opening_time=MOMENT), "not activated", id="opened but not activated"
        ),
        pytest.param(lambda: ServiceState(activated=False, instance_id="1"), "not activated", id="no such instance"),
    ],
)
def test_what_cannot_be_is_refused(build: Callable[[], object], complaint: str) -> None:
    """A state that contradicts itself does not come into being, so that no reader has to check."""
    with pytest.raises(ValueError, match=complaint):
        build()


def test_values_do_not_change() -> None:
    """What a reader was given stays as it was."""
    with pytest.raises(FrozenInstanceError):
        NOT_ACTIVATED.activated = True  # type: ignore[misc]
