"""What the status page shows of each probe, from its record."""

from collections.abc import Mapping

from exporter.model import Failure, ProbeKey, ServiceState
from exporter.store import ProbeRecord
from exporter.web.status_page import StatusRow


def status_rows(
    records: Mapping[ProbeKey, ProbeRecord], *, now: float, stale_after_s: float
) -> tuple[StatusRow, ...]:
    """One row for each account and product, as of ``now``."""
    return tuple(_row(key, record, now, stale_after_s) for key, record in records.items())


def _row(key: ProbeKey, record: ProbeRecord, now: float, stale_after_s: float) -> StatusRow:
    current = record.current_state(now, stale_after_s)
    state = current if isinstance(current, ServiceState) else None
    pending = state.pending_change(now) if state is not None else None
    changes_in_s = None
    if pending is not None and pending.takes_effect is not None:
        changes_in_s = pending.takes_effect.timestamp() - now
    failure = record.last_outcome if isinstance(record.last_outcome, Failure) else None
    return StatusRow(
        account=key.account,
        product=key.product,
        status=state.status.value if state is not None else None,
        lock_reasons=state.lock_reasons if state is not None else (),
        charge_type=state.charge_type if state is not None else None,
        next_charge_type=pending.charge_type if pending is not None else None,
        changes_in_s=changes_in_s,
        age_s=max(0.0, now - record.last_success_at) if record.last_success_at else None,
        poll_success=record.polls > 0 and failure is None,
        failure=f"{failure.reason.value}: {failure.explanation}" if failure is not None else None,
    )
