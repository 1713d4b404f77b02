"""What polls log: the difference between two records of a probe."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from exporter.core.model import Answer, Failure, Outcome, State
from exporter.core.store import ProbeRecord
from exporter.probes.kind import News


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a probe, its level (of ``logging``) and its fields."""

    level: int
    event: str
    fields: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


def changes(news: News[Any], before: ProbeRecord, after: ProbeRecord) -> Iterator[LogLine]:
    """The lines for one poll; none above debug when its result is that of the poll before."""
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
            yield from _answered(news, before.state, answer)
        case None:
            return


def _failed(before: Outcome | None, failure: Failure) -> LogLine:
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


def _answered(news: News[Any], before: State | None, answer: Answer[Any]) -> Iterator[LogLine]:
    state = answer.state
    request_id = {"request_id": answer.request_id}
    if before == state:
        yield LogLine(logging.DEBUG, "poll found no change", request_id)
        return
    fields = news.fields(state)
    if before is None:
        level = logging.WARNING if news.is_bad(state) else logging.INFO
        yield LogLine(level, f"{news.subject} learned", {**fields, **request_id})
        return
    if not news.is_worth_a_line(before, state):
        yield LogLine(logging.DEBUG, f"{news.subject} moved", {**fields, **request_id})
        return
    former = news.fields(before)
    for name, value in fields.items():
        if former[name] != value:
            yield LogLine(
                logging.WARNING if news.is_worse(state, name, value) else logging.INFO,
                f"{news.subject} changed",
                {"what": name, "old": former[name], "new": value, **request_id},
            )
