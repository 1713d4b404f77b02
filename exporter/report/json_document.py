"""The report as JSON, for programs: what ``status --output=json`` and /api/v1/status answer (docs/commands.md)."""

import json
from datetime import UTC, datetime
from typing import Any

from exporter.core.model import require_aware
from exporter.report.report import Report, Row


def to_json(report: Report) -> str:
    """The report as a JSON document in ASCII; its keys stand in docs/commands.md and only ever grow in number."""
    document = {
        "at": _written(report.at),
        "summary": report.counts(),
        "unlisted_directories": list(report.unlisted),
        "services": [_service(row) for row in report.rows],
    }
    return json.dumps(document, indent=2, allow_nan=False, default=_of_moment)


def _service(row: Row) -> dict[str, Any]:
    return {
        "account": row.account,
        "account_id": row.account_id or None,
        "account_name": row.account_name or None,
        "product": row.product,
        "condition": row.condition.word,
        "notes": [note.text for note in row.notes],
        **row.keys,
        "poll_success": row.poll_success,
        "answered_at": _written(row.answered_at) if row.answered_at is not None else None,
        "answer_age_seconds": None if row.age_s is None else round(row.age_s, 3),
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


def _of_moment(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"JSON of a row is made of plain values and moments, seen {type(value).__name__}")
    require_aware(value)
    return _written(value.timestamp())


def _written(moment: float) -> str:
    """RFC 3339 in UTC, cut off at the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
