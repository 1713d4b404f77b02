"""What is worth a line in the log: the difference between two records of a probe."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from exporter.model import Answer, Failure, ServiceState, ServiceStatus
from exporter.store import ProbeRecord


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


def _answered(before: ServiceState | None, answer: Answer) -> Iterator[LogLine]:
    state = answer.state
    if before == state:
        yield LogLine(logging.DEBUG, "poll found no change", {"request_id": answer.request_id})
        return
    told = _told(state)
    if before is None:
        level = logging.WARNING if state.status is ServiceStatus.LOCKED else logging.INFO
        yield LogLine(level, "service state learned", {**told, "request_id": answer.request_id})
        return
    for (name, value), old in zip(told.items(), _told(before).values(), strict=True):
        if old != value:
            grave = name == "status" and state.status is not ServiceStatus.ACTIVE
            yield LogLine(
                logging.WARNING if grave else logging.INFO,
                "service state changed",
                {"what": name, "old": old, "new": value, "request_id": answer.request_id},
            )


def _told(state: ServiceState) -> dict[str, str]:
    """The parts of a state under the names of their metrics and labels."""
    change = state.change
    return {
        "status": state.status.value,
        "lock_reasons": ",".join(state.lock_reasons),
        "charge_type": state.charge_type or "",
        "next_charge_type": (change.charge_type or "") if change is not None else "",
        "charge_type_change": _written(change.takes_effect) if change is not None else "",
        "opening_time": _written(state.opening_time),
        "instance_id": state.instance_id or "",
    }


def _written(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
