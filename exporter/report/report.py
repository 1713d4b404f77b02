"""What is known of every account and product now: the rows of the status page, counted, explained and as JSON.

records -> Report -> an exit code, JSON (docs/commands.md), or a table (``status_display``)
"""

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from exporter.core.model import Failure, ProbeKey, ServiceState
from exporter.core.store import ProbeRecord
from exporter.report.overview import status_rows
from exporter.report.row import StatusRow, worst_first

EXIT_WELL = 0
EXIT_LOCKED = 3
EXIT_POLL_FAILED = 4


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One product of one account. ValueError for a moment that no calendar has."""

    shown: StatusRow
    """As the status page has it."""
    changes_at: datetime | None
    """When the next charge type holds, if that is known."""
    answered_at: float | None
    """The Unix time of the oldest of the last good answers; None before the first one."""
    failures: Mapping[str, Failure]
    """Of the last polls, by the name of the probe."""

    def __post_init__(self) -> None:
        if self.changes_at is not None and self.changes_at.tzinfo is None:
            raise ValueError(f"a moment needs its time zone, seen {self.changes_at!r}")
        if self.answered_at is not None and not math.isfinite(self.answered_at):
            raise ValueError(f"a moment must be finite, seen {self.answered_at!r}")

    @property
    def change_pending(self) -> bool:
        """Whether the charge type is going to change."""
        return self.shown.next_charge_type is not None or self.shown.changes_in_s is not None


@dataclass(frozen=True, slots=True)
class Report:
    """What was known at a moment, the worst first. ValueError when fewer probes than rows are counted."""

    at: float
    """Unix time."""
    rows: tuple[ReportRow, ...]
    probes: int
    unlisted: tuple[str, ...] = ()
    """Resource directories whose members could not be listed: accounts may be missing."""

    def __post_init__(self) -> None:
        if self.probes < len(self.rows):
            raise ValueError(f"each row has a probe at least, seen {self.probes} for {len(self.rows)} rows")

    def counts(self) -> dict[str, int]:
        """How many there are of everything; ``failed`` counts probes, and what a row can be is counted in rows."""
        rows = [row.shown for row in self.rows]
        return {
            "accounts": len({row.account for row in rows}),
            "probes": self.probes,
            "locked": sum(row.status == "locked" for row in rows),
            "overdue": sum("overdue" in row.debts for row in rows),
            "unavailable": sum("unavailable" in row.debts for row in rows),
            "failed": sum(len(row.failures) for row in self.rows),
            "directories_unlisted": len(self.unlisted),
            "in_debt": sum("in_debt" in row.debts for row in rows),
            "spent": sum(row.credit == "spent" for row in rows),
            "change_pending": sum(row.change_pending for row in self.rows),
            "not_activated": sum(row.status == "not_activated" for row in rows),
            "waiting": sum(row.condition == "waiting" for row in rows),
        }


def build_report(
    records: Mapping[ProbeKey, ProbeRecord], *, now: float, stale_after_s: float, unlisted: tuple[str, ...] = ()
) -> Report:
    """The report as of ``now``; states of answers older than ``stale_after_s`` are not in it."""
    by_product: dict[tuple[str, str], dict[str, ProbeRecord]] = defaultdict(dict)
    for key, record in records.items():
        by_product[key.account, key.product][key.probe] = record
    return Report(
        at=now,
        rows=tuple(
            _row(shown, by_product[shown.account, shown.product], now=now, stale_after_s=stale_after_s)
            for shown in worst_first(status_rows(records, now=now, stale_after_s=stale_after_s))
        ),
        probes=len(records),
        unlisted=unlisted,
    )


def exit_code(report: Report) -> int:
    """3 when something is locked or overdue, else 4 when a poll or the listing of members failed, else 0."""
    counts = report.counts()
    if counts["locked"] or counts["overdue"]:
        return EXIT_LOCKED
    return EXIT_POLL_FAILED if counts["failed"] or report.unlisted else EXIT_WELL


def summary_line(report: Report) -> str:
    """All of it in one line, such as ``12 accounts, 18 probes: 1 locked, 2 failed``."""
    counts = report.counts()
    accounts, probes = counts.pop("accounts"), counts.pop("probes")
    found = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    return f"{_counted(accounts, 'account')}, {_counted(probes, 'probe')}: {found or 'all is well'}"


def to_json(report: Report) -> str:
    """The report as a JSON document in ASCII; its keys stand in docs/commands.md and only ever grow in number."""
    document = {
        "at": _written(report.at),
        "summary": report.counts(),
        "unlisted_directories": list(report.unlisted),
        "services": [_service(row) for row in report.rows],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _row(shown: StatusRow, probes: Mapping[str, ProbeRecord], *, now: float, stale_after_s: float) -> ReportRow:
    states = [record.current_state(now, stale_after_s) for record in probes.values()]
    pending = next((state.pending_change(now) for state in states if isinstance(state, ServiceState)), None)
    outcomes = {probe: record.last_outcome for probe, record in probes.items()}
    return ReportRow(
        shown=shown,
        changes_at=pending.takes_effect if pending is not None else None,
        answered_at=min(
            (record.last_success_at for record in probes.values() if record.last_success_at), default=None
        ),
        failures={probe: outcome for probe, outcome in outcomes.items() if isinstance(outcome, Failure)},
    )


def _service(row: ReportRow) -> dict[str, Any]:
    shown = row.shown
    return {
        "account": shown.account,
        "product": shown.product,
        "condition": shown.condition,
        "status": shown.status,
        "lock_reasons": list(shown.lock_reasons),
        "debts": list(shown.debts),
        "charge_type": shown.charge_type,
        "change_pending": row.change_pending,
        "next_charge_type": shown.next_charge_type,
        "changes_at": _written(row.changes_at.timestamp()) if row.changes_at is not None else None,
        "changes_in_seconds": _rounded(shown.changes_in_s),
        "balance": None if shown.balance is None else {"amount": shown.balance, "currency": shown.currency},
        "poll_success": shown.poll_success,
        "answered_at": _written(row.answered_at) if row.answered_at is not None else None,
        "answer_age_seconds": _rounded(shown.age_s),
        "failures": [
            {
                "probe": probe,
                "reason": failure.reason.value,
                "explanation": failure.explanation,
                "code": failure.code,
                "http_status": failure.http_status,
                "request_id": failure.request_id,
            }
            for probe, failure in row.failures.items()
        ],
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _written(moment: float) -> str:
    """RFC 3339 in UTC, cut off at the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else noun + 's'}"
