"""Whether a service is paid for, and the answer that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from exporter.simulator.service_state import ServiceState

_UNPAID: Final = "financial"


@dataclass(frozen=True, slots=True)
class Debt:
    """What is said of one product's debt; None, for each of the four, follows from the rest and the service."""

    enabled: bool | None = None
    """Else: the service is activated."""
    on_service: bool | None = None
    """Else: it is activated, not locked, and nothing is overdue."""
    in_debt: bool | None = None
    """Else: something is overdue. To say True is the warning before the lock."""
    in_debt_overdue: bool | None = None
    """Else: the service is locked for financial."""

    def __post_init__(self) -> None:
        if self.in_debt is False and self.in_debt_overdue:
            raise ValueError("in_debt is false and in_debt_overdue true; what is overdue is in debt")


def describe_status(service: ServiceState, debt: Debt) -> dict[str, object]:
    """Return the answer of the DescribeUser...Status operations, less its RequestId.

    ```json
    {"Enabled": true, "OnService": true, "InDebt": false, "InDebtOverdue": false}
    ```
    How a lock and the debt hang together is not documented; that a financial lock means overdue and off service is
    our reading. A service that was never activated is answered too, as not enabled.
    https://help.aliyun.com/document_detail/130616.html (read 2026-11-22).
    """
    enabled = service.activated if debt.enabled is None else debt.enabled
    locked_unpaid = enabled and any(reason.strip().lower() == _UNPAID for reason in service.locks)
    overdue = locked_unpaid and debt.in_debt is not False if debt.in_debt_overdue is None else debt.in_debt_overdue
    in_debt = overdue if debt.in_debt is None else debt.in_debt
    in_service = enabled and not service.locks and not overdue
    return {
        "Enabled": enabled,
        "OnService": in_service if debt.on_service is None else debt.on_service,
        "InDebt": in_debt,
        "InDebtOverdue": overdue,
    }
