"""What is remembered of a service between answers."""

import pytest

from exporter.core.model import Answer
from exporter.probes.service_families import ServiceMemory, remember
from exporter.probes.service_state import NOT_ACTIVATED, ChargeTypeChange, ServiceState

ACTIVE = ServiceState(charge_type="PayByTraffic")
LOCKED = ServiceState(charge_type="PayByTraffic", lock_reasons=("financial",))


def answered(state: ServiceState = ACTIVE) -> Answer[ServiceState]:
    return Answer(state=state)


def after(*answers: Answer[ServiceState]) -> ServiceMemory:
    """What is remembered of these, which came at 1, 2, 3 … in Unix time."""
    memory: ServiceMemory | None = None
    for at, answer in enumerate(answers, start=1):
        memory = remember(memory, answer, at)
    assert memory is not None
    return memory


def locked(*reasons: str) -> Answer[ServiceState]:
    return answered(ServiceState(lock_reasons=reasons))


@pytest.mark.parametrize(
    ("states", "locked_since"),
    [
        pytest.param([ACTIVE], None, id="never locked"),
        pytest.param([LOCKED], 1, id="from the first answer on"),
        pytest.param([ACTIVE, LOCKED, LOCKED], 2, id="since it was first seen"),
        pytest.param([LOCKED, ServiceState(lock_reasons=("security",))], 1, id="for another reason"),
        pytest.param([LOCKED, ACTIVE], None, id="released"),
        pytest.param([LOCKED, NOT_ACTIVATED], None, id="gone altogether"),
        pytest.param([LOCKED, ACTIVE, LOCKED], 3, id="locked again"),
    ],
)
def test_a_lock_is_dated_from_its_first_sight(states: list[ServiceState], locked_since: float | None) -> None:
    """An answer without a lock ends it."""
    assert after(*map(answered, states)).locked_since == locked_since


def test_a_lock_that_was_seen_at_the_beginning_of_time_stays_dated() -> None:
    """A clock that says 0 is a clock like others."""
    first = remember(None, locked("financial"), 0.0)

    assert remember(first, locked("financial"), 60.0).locked_since == 0.0


def test_seen_values_are_kept_in_order_of_appearance() -> None:
    """Each once, those of the next charge type beside those of the current one."""
    memory = after(
        answered(ServiceState(charge_type="PayByMoon", lock_reasons=("security", "unspecified"))),
        answered(
            ServiceState(
                charge_type="PayByMoon",
                change=ChargeTypeChange("PayBySun", None),
                lock_reasons=("financial", "lapsed"),
            )
        ),
        answered(),
    )

    assert memory.lock_reasons == ("security", "unspecified", "lapsed")
    assert memory.charge_types == ("PayByMoon", "PayBySun")


def test_sixteen_values_are_kept_and_then_other() -> None:
    """The API cannot make more series than that: the 17th and all after it share one name, once and for good."""
    reasons = tuple(f"reason {number:02}" for number in range(20))
    full = after(locked(*reasons[:16]))
    over = after(locked(*reasons[:16]), locked(*reasons[16:]), answered())

    assert full.lock_reasons == reasons[:16]
    assert over.lock_reasons == (*reasons[:16], "other")
    assert remember(over, locked("one more"), 4).lock_reasons == (*reasons[:16], "other")
    methods = after(*(answered(ServiceState(charge_type=name)) for name in reasons))
    assert methods.charge_types == (*reasons[:16], "other")
