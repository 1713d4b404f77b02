"""The status page at `/`: the state of every account and product, the worst first.

Filter and order stand in the address and apply to all rows before the page is cut to size, so they work without
JavaScript, in a bookmark, and with 10,000 accounts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.core.moments import Moment
from exporter.probes.view import Severity
from exporter.web.runbooks import document_address, runbook_of_failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.probes.view import Condition, Fragment, Note
    from exporter.report.report import Report, Row
    from exporter.web.texts import Texts

ROWS_SHOWN = 200
"""A browser can show so many; the page counts the rest, and /metrics has them all."""
MOST_BESIDE = 60
"""How many characters of status and notes have room in a column; longer notes stand below the row, as wide as it."""


@dataclass(frozen=True, slots=True)
class StatusPage:
    """Everything that the page shows."""

    version: str
    telemetry_path: str
    report: Report
    """An account with three products has three rows, and one more with a balance."""
    ready: bool
    """As `/-/ready` has it."""
    documentation_url: str = ""
    """Where the folder docs is published, for links to it and to runbooks; without it there are none."""


ORDERS = ("worst", "account", "product", "change", "age")
_FILTER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class View:
    """Which rows are shown, and in which order; ValueError for an unknown order."""

    filter: str = ""
    """Words that a row must all contain, in upper or lower case."""
    alarm: str = ""
    """The alarm that a row must have, by its word; empty: any row."""
    order: str = "worst"
    """`worst`, `account` or `product` first to last, `change`: the soonest first, `age`: the oldest answer first."""

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ValueError(f"order must be one of {ORDERS}: {self.order!r}")


def view_of(query: Mapping[str, str], report: Report) -> View:
    """The view of the report that an address asks for; parameters that make no sense are ignored."""
    alarm, order = query.get("alarm", ""), query.get("sort", "")
    return View(
        filter=" ".join(query.get("filter", "")[:_FILTER_LENGTH].split()),
        alarm=alarm if any(alarm == each.alarm for each in report.conditions) else "",
        order=order if order in ORDERS else "worst",
    )


def rows_in_view(report: Report, view: View, texts: Texts) -> list[Row]:
    """The rows of the view in its order; equal ones stand the worst first."""
    words = view.filter.casefold().split()
    found = [row for row in report.rows if not view.alarm or view.alarm in row.alarms]
    if words:
        found = [row for row in found if _has_all(words, _text_of(row, texts))]
    match view.order:
        case "account":
            found.sort(key=lambda row: (row.account.casefold(), row.product))
        case "product":
            found.sort(key=lambda row: row.product)
        case "change":
            found.sort(key=lambda row: (not row.is_changing, row.ahead_s if row.ahead_s is not None else math.inf))
        case "age":
            found.sort(key=lambda row: -row.age_s if row.age_s is not None else -math.inf)
    return found


def _has_all(words: list[str], text: str) -> bool:
    return all(word in text for word in words)


def _text_of(row: Row, texts: Texts) -> str:
    """The text that a filter searches in a row, the words of the counts included; in English and as it is shown."""
    words = [
        row.condition.word,
        *(word for condition in row.conditions for word in (condition.word, condition.of_rows)),
        *(condition.alarm for condition in row.conditions if condition.alarm),
    ]
    foreign = (fragment for fragment in row.billing if fragment.foreign)
    parts: list[Fragment | Note] = [*row.status, *row.notes, *foreign]
    known = [
        row.account,
        row.account_id,
        row.account_name,
        row.product,
        texts.products.get(row.product, ""),
        *words,
        *(part.text for part in parts),
        row.failure,
    ]
    if row.product_in_words != row.product:
        words.append(row.product_in_words)
        known.append(row.product_in_words)
    if texts.states:
        words += (failure.reason for failure in row.failures.values())
        known += (texts.of(word.replace("_", " ")) for word in words)
        known += ("".join(piece for piece, _ in texts.said(part)) for part in parts)
    return "\n".join(text.replace("_", " ") + "\n" + text for text in known if text).casefold()


def _counted_as(row: Row) -> Condition:
    """The condition that a row counts as: the worst, but for what is only to come."""
    return row.worst if row.worst.severity < Severity.UPCOMING else row.condition


def build_environment() -> Environment:
    """The templates of this package, every value escaped and every unknown name an error."""
    return Environment(
        loader=PackageLoader("exporter.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(page: StatusPage, environment: Environment, texts: Texts, view: View | None = None) -> str:
    """The page as HTML, in the language of the texts."""
    view = view or View()
    rows = rows_in_view(page.report, view, texts)
    conditions = [_counted_as(row) for row in page.report.rows]
    return environment.get_template("status.html").render(
        page=page,
        texts=texts,
        text=texts.page,
        signs=texts.signs,
        view=view,
        rows=rows[:ROWS_SHOWN],
        found=len(rows),
        most_beside=MOST_BESIDE,
        hidden=max(0, len(rows) - ROWS_SHOWN),
        counts={condition.of_rows: conditions.count(condition) for condition in dict.fromkeys(conditions)},
        alarms=page.report.alarms(),
        at=texts.moment(Moment(datetime.fromtimestamp(page.report.at, UTC))),
        css={severity: severity.name.lower() for severity in Severity},
        severities={each.alarm: each.severity for each in page.report.conditions},
        runbook_of_failure=runbook_of_failure,
        runbook_address=cache(lambda name: document_address(page.documentation_url, texts.runbook(name))),
    )
