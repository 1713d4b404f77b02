"""What is worth a line in the log: the difference between two records of a probe."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from exporter.core.model import Answer, Balance, DebtState, Failure, ServiceState, ServiceStatus, State
from exporter.core.store import ProbeRecord

_YES_OR_NO = MappingProxyType({True: "true", False: "false", None: ""})
_WORSE = frozenset(
    {
        ("status", ServiceStatus.LOCKED.value),
        ("status", ServiceStatus.NOT_ACTIVATED.value),
        ("enabled", "false"),
        ("available", "false"),
        ("in_debt", "true"),
        ("in_debt_overdue", "true"),
    }
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a probe, with its level (of ``logging``) and what is known of it."""

    level: int
    event: str
    fields: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


def changes(before: ProbeRecord, after: ProbeRecord) -> Iterator[LogLine]:
    """The lines for one poll: nothing above debug when it found what the poll before it had found."""
    match after.last_outcome:
        case Failure() as failure:
            yield _failed(before.last_outcome, failure)
        case Answer() as answer:
            if before.failures_in_row:
                yield LogLine(
                    logging.INFO,
                    "poll recovered",
                    {"failures": before.failures_in_row, "request_id": answer.request_id},
                )
            yield from _answered(before.state, answer)
        case None:
            return


def _failed(before: Answer | Failure | None, failure: Failure) -> LogLine:
    repeated = isinstance(before, Failure) and (before.reason, before.code) == (failure.reason, failure.code)
    return LogLine(
        logging.DEBUG if repeated else logging.WARNING,
        "poll failed",
        {
            "reason": failure.reason.value,
            "code": failure.code,
            "explanation": failure.explanation,
            "http_status": failure.http_status,
            "request_id": failure.request_id,
        },
    )


def _answered(before: State | None, answer: Answer) -> Iterator[LogLine]:
    state = answer.state
    request_id = {"request_id": answer.request_id}
    if before == state:
        yield LogLine(logging.DEBUG, "poll found no change", request_id)
        return
    told = _told(state)
    if before is None:
        level = logging.WARNING if _is_grave(state) else logging.INFO
        yield LogLine(level, f"{_subject(state)} learned", {**told, **request_id})
        return
    if isinstance(state, Balance) and not _crossed(before, state):
        yield LogLine(logging.DEBUG, "balance moved", {**told, **request_id})
        return
    for (name, value), old in zip(told.items(), _told(before).values(), strict=True):
        if old != value:
            yield LogLine(
                logging.WARNING if _is_worse(state, name, value) else logging.INFO,
                f"{_subject(state)} changed",
                {"what": name, "old": old, "new": value, **request_id},
            )


def _crossed(before: State, balance: Balance) -> bool:
    """Whether the balance is spent, or no longer, or in another currency: it may move with every poll."""
    return not isinstance(before, Balance) or (before.spent, before.currency) != (balance.spent, balance.currency)


def _subject(state: State) -> str:
    match state:
        case ServiceState():
            return "service state"
        case DebtState():
            return "debt state"
        case Balance():
            return "balance"


def _is_grave(state: State) -> bool:
    """Whether it is a warning even at the first sight, when nothing can have got worse."""
    match state:
        case ServiceState():
            return state.status is ServiceStatus.LOCKED
        case DebtState():
            return bool(state.in_debt or state.in_debt_overdue)
        case Balance():
            return state.spent


def _is_worse(state: State, name: str, value: str) -> bool:
    """Whether it is a warning that a part of the state came to have this value."""
    if isinstance(state, Balance):
        return name == "available_amount" and state.spent
    return (name, value) in _WORSE


def _told(state: State) -> dict[str, str]:
    """The parts of a state under the names of their metrics and labels."""
    match state:
        case ServiceState(change=change):
            return {
                "status": state.status.value,
                "lock_reasons": ",".join(state.lock_reasons),
                "charge_type": state.charge_type or "",
                "next_charge_type": (change.charge_type or "") if change is not None else "",
                "charge_type_change": _written(change.takes_effect) if change is not None else "",
                "opening_time": _written(state.opening_time),
                "instance_id": state.instance_id or "",
            }
        case DebtState():
            return {
                "enabled": _YES_OR_NO[state.enabled],
                "available": _YES_OR_NO[state.available],
                "in_debt": _YES_OR_NO[state.in_debt],
                "in_debt_overdue": _YES_OR_NO[state.in_debt_overdue],
            }
        case Balance():
            return {"available_amount": f"{state.available_amount:.2f}", "currency": state.currency}


def _written(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
