"""What the page says of a probe's answer: nothing before the first, and nothing once the last one is stale; pure."""

from dataclasses import dataclass

from exporter.core.model import KNOWN_LOCK_REASONS, Balance, ChargeTypeChange, DebtState, ServiceState
from exporter.core.store import ProbeRecord


@dataclass(frozen=True, slots=True)
class ShownService:
    """What the page says of a service: all that its samples depend on, so that equal ones have equal lines.

    ``pending`` is the billing change that lies ahead. ``lock_reasons`` and ``charge_types`` are the values that are
    series, be it at 0: the documented ones, and those ever seen beyond.
    """

    state: ServiceState
    pending: ChargeTypeChange | None
    lock_reasons: tuple[str, ...]
    charge_types: tuple[str, ...]


# What the page says of a probe's answer; each kind has its families. Debts and balances are shown as they are.
Shown = ShownService | DebtState | Balance


def shown(
    record: ProbeRecord, now: float, *, stale_after_s: float, documented_charge_types: tuple[str, ...]
) -> Shown | None:
    """What the page says of a probe at ``now``; None before the first answer and once the last one is stale."""
    state = record.current_state(now, stale_after_s)
    if not isinstance(state, ServiceState):
        return state
    return ShownService(
        state=state,
        pending=state.pending_change(now),
        lock_reasons=(*sorted(KNOWN_LOCK_REASONS), *record.lock_reasons_seen),
        charge_types=(*documented_charge_types, *record.charge_types_seen),
    )
