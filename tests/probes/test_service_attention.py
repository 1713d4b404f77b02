"""When a service is polled besides its interval."""

import math
from datetime import UTC, datetime

import pytest

from exporter.probes.kind import NO_ATTENTION
from exporter.probes.service import attention
from exporter.probes.service_families import ServiceMemory
from exporter.probes.service_state import ChargeTypeChange, ServiceState

LOCKED = ServiceState(charge_type="PayByTraffic", lock_reasons=("financial",))
DUE = datetime(2026, 12, 1, 16, tzinfo=UTC)


def changing(charge_type: str = "PayByTraffic", *, takes_effect: datetime | None = DUE) -> ServiceState:
    return ServiceState(
        charge_type=charge_type, change=ChargeTypeChange(charge_type="PayByBandwidth", takes_effect=takes_effect)
    )


def extra_run(state: ServiceState, *, now: float) -> float | None:
    return attention(state, ServiceMemory(), now).extra_run_at


def test_the_first_hour_of_a_lock_is_watched_closely() -> None:
    """It counts from the first sight of the lock, not from the last."""
    assert attention(LOCKED, ServiceMemory(locked_since=1000.0), 9000.0).faster_until == 1000.0 + 3600
    assert attention(LOCKED, ServiceMemory(locked_since=0.0), 9000.0).faster_until == 3600
    assert attention(ServiceState(charge_type="PayByTraffic"), ServiceMemory(), 1000.0) == NO_ATTENTION
    assert NO_ATTENTION.faster_until == -math.inf


@pytest.mark.parametrize(
    ("seconds_after", "run_after"),
    [
        pytest.param(-86_400, 1, id="a day before"),
        pytest.param(0, 1, id="at its moment"),
        pytest.param(1, 3, id="after the first run"),
        pytest.param(2.5, 3, id="on the way to the second"),
        pytest.param(3, 7, id="after the second"),
        pytest.param(15, 31, id="after the fourth"),
        pytest.param(31, None, id="after the last"),
        pytest.param(86_400 * 365, None, id="a year later"),
    ],
)
def test_a_dated_change_has_runs_just_after_its_moment(seconds_after: float, run_after: float | None) -> None:
    """While the API tells of the change and of the old method, it is asked again, ever later, for half a minute."""
    moment = extra_run(changing(), now=DUE.timestamp() + seconds_after)

    assert moment == (None if run_after is None else DUE.timestamp() + run_after)


def test_a_change_that_has_come_needs_no_further_run() -> None:
    """An answer with the new method ends the extra runs, be the change still told of or not."""
    now = DUE.timestamp() + 1
    assert extra_run(changing("PayByBandwidth"), now=now) is None
    assert extra_run(ServiceState(charge_type="PayByBandwidth"), now=now) is None


def test_a_change_to_the_same_method_has_its_run() -> None:
    """Before its moment it is a change like others: what the API says afterwards is not known yet."""
    assert extra_run(changing("PayByBandwidth"), now=DUE.timestamp() - 60) == DUE.timestamp() + 1
    assert extra_run(changing("PayByBandwidth"), now=DUE.timestamp()) is None


def test_a_change_far_ahead_is_planned_when_it_is_near() -> None:
    """A change in more than a week has no run yet, be it in the last year that a calendar knows."""
    moment = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

    assert extra_run(changing(takes_effect=moment), now=1000.0) is None
    assert extra_run(changing(takes_effect=moment), now=moment.timestamp() - 7 * 86_400 - 1) is None
    assert extra_run(changing(takes_effect=moment), now=moment.timestamp() - 7 * 86_400) == moment.timestamp() + 1


def test_a_change_without_a_date_has_no_run_of_its_own() -> None:
    """A pending change that names no moment is seen by the plain interval."""
    assert extra_run(changing(takes_effect=None), now=1001.0) is None
