"""What the status page shows of each account and product, from the records of its probes."""

from collections import defaultdict
from collections.abc import Mapping

from exporter.core.model import Balance, DebtState, Failure, ProbeKey, ServiceState
from exporter.core.store import ProbeRecord
from exporter.report.row import StatusRow


def status_rows(
    records: Mapping[ProbeKey, ProbeRecord], *, now: float, stale_after_s: float
) -> tuple[StatusRow, ...]:
    """One row for each account and product, as of ``now``, which merges all that its probes have learned."""
    by_product: dict[tuple[str, str], dict[str, ProbeRecord]] = defaultdict(dict)
    for key, record in records.items():
        by_product[key.account, key.product][key.probe] = record
    return tuple(
        _row(account, product, probes, now=now, stale_after_s=stale_after_s)
        for (account, product), probes in by_product.items()
    )


def _row(
    account: str, product: str, probes: Mapping[str, ProbeRecord], *, now: float, stale_after_s: float
) -> StatusRow:
    states = [record.current_state(now, stale_after_s) for record in probes.values()]
    service = next((state for state in states if isinstance(state, ServiceState)), None)
    balance = next((state for state in states if isinstance(state, Balance)), None)
    pending = service.pending_change(now) if service is not None else None
    changes_in_s = None
    if pending is not None and pending.takes_effect is not None:
        changes_in_s = pending.takes_effect.timestamp() - now
    failure = "; ".join(_failures(probes)) or None
    return StatusRow(
        account=account,
        product=product,
        status=service.status.value if service is not None else None,
        lock_reasons=service.lock_reasons if service is not None else (),
        charge_type=service.charge_type if service is not None else None,
        next_charge_type=pending.charge_type if pending is not None else None,
        changes_in_s=changes_in_s,
        age_s=_age_s(probes, now),
        poll_success=failure is None and all(record.polls for record in probes.values()),
        failure=failure,
        debts=tuple(word for state in states if isinstance(state, DebtState) for word in _debts(state)),
        balance=balance.available_amount if balance is not None else None,
        currency=balance.currency if balance is not None else None,
    )


def _age_s(probes: Mapping[str, ProbeRecord], now: float) -> float | None:
    """The age of the oldest answer, which holds for all of the row."""
    answered = [record.last_success_at for record in probes.values() if record.last_success_at]
    return max(0.0, now - min(answered)) if answered else None


def _failures(probes: Mapping[str, ProbeRecord]) -> list[str]:
    """What the last polls failed of; where there are several probes, which of them."""
    outcomes = {probe: record.last_outcome for probe, record in probes.items()}
    return [
        f"{f'{probe}: ' if len(probes) > 1 else ''}{failure.reason.value}: {failure.explanation}"
        for probe, failure in outcomes.items()
        if isinstance(failure, Failure)
    ]


def _debts(state: DebtState) -> list[str]:
    """What is owed, in the words of the page; a service that was never enabled cannot be unavailable."""
    words = []
    if state.in_debt_overdue:
        words.append("overdue")
    if state.available is False and state.enabled is not False:
        words.append("unavailable")
    if state.in_debt and not state.in_debt_overdue:
        words.append("in_debt")
    return words
