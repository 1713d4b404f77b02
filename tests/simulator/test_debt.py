"""What is owed follows from the service, unless it is said."""

import pytest

from exporter.simulator import Debt, ServiceState
from exporter.simulator.debt import describe_status

ACTIVE = ServiceState()
OVERDUE = ServiceState(locks=(" Financial",))
LOCKED = ServiceState(locks=("security",))
DORMANT = ServiceState(activated=False, locks=("financial",))


@pytest.mark.parametrize(
    ("service", "debt", "answer"),
    [
        pytest.param(ACTIVE, Debt(), (True, True, False, False), id="active"),
        pytest.param(OVERDUE, Debt(), (True, False, True, True), id="locked for financial"),
        pytest.param(LOCKED, Debt(), (True, False, False, False), id="locked for something else"),
        pytest.param(DORMANT, Debt(), (False, False, False, False), id="not activated"),
        pytest.param(ACTIVE, Debt(in_debt=True), (True, True, True, False), id="the warning before the lock"),
        pytest.param(ACTIVE, Debt(in_debt_overdue=True), (True, False, True, True), id="overdue without a lock"),
        pytest.param(OVERDUE, Debt(in_debt=True), (True, False, True, True), id="the warning came true"),
        pytest.param(OVERDUE, Debt(in_debt=False), (True, False, False, False), id="paid, and still locked"),
        pytest.param(OVERDUE, Debt(in_debt_overdue=False), (True, False, False, False), id="locked, not overdue"),
        pytest.param(ACTIVE, Debt(on_service=False), (True, False, False, False), id="off service"),
        pytest.param(ACTIVE, Debt(enabled=False), (False, False, False, False), id="not enabled"),
    ],
)
def test_what_is_not_said_follows(service: ServiceState, debt: Debt, answer: tuple[bool, ...]) -> None:
    """Each of the four booleans follows from the rest and the service where it is not said."""
    names = ("Enabled", "OnService", "InDebt", "InDebtOverdue")
    assert describe_status(service, debt) == dict(zip(names, answer, strict=True))


def test_an_overdue_debt_is_a_debt() -> None:
    """Overdue without any debt is refused."""
    with pytest.raises(ValueError, match="what is overdue is in debt"):
        Debt(in_debt=False, in_debt_overdue=True)
