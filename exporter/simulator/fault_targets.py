"""What a fault can be for: the operations, and where credentials are handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.simulator.credential_services import CREDENTIALS_URI, ECS_METADATA
from exporter.simulator.operations import LIMITS

if TYPE_CHECKING:
    from exporter.simulator.faults import Fault

FAULT_TARGETS: Final[tuple[str, ...]] = (*LIMITS, CREDENTIALS_URI, ECS_METADATA)


def check_fault_target(fault: Fault) -> None:
    """Raise ValueError for a fault that would never be played, since nothing has the name of its action."""
    if fault.action is not None and fault.action not in FAULT_TARGETS:
        raise ValueError(f"the action of a fault is {fault.action!r}; accepted: {', '.join(FAULT_TARGETS)}")
