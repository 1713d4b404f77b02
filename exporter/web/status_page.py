"""The status page at `/`: the state of every account and product, the worst first.

Filter and order stand in the address and apply to all rows before the page is cut to size, so they work without
JavaScript, in a bookmark, and with 10,000 accounts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.core.durations import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.report.report import Report, Row

ROWS_SHOWN = 200
"""A browser can show so many; the page counts the rest, and /metrics has them all."""


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
    """Where the link to the documentation leads; without it there is none."""


ORDERS = ("worst", "account", "product", "change", "age")
_FILTER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class View:
    """Which rows are shown, and in which order; ValueError for an unknown order."""

    filter: str = ""
    """Words that a row must all contain, in upper or lower case."""
    order: str = "worst"
    """`worst`, `account` or `product` first to last, `change`: the soonest first, `age`: the oldest answer first."""

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ValueError(f"order must be one of {ORDERS}: {self.order!r}")


def view_of(query: Mapping[str, str]) -> View:
    """The view that an address asks for; parameters that make no sense are ignored."""
    order = query.get("sort", "")
    return View(
        filter=" ".join(query.get("filter", "")[:_FILTER_LENGTH].split()), order=order if order in ORDERS else "worst"
    )


def rows_in_view(report: Report, view: View) -> list[Row]:
    """The rows of the view in its order; equal ones stand the worst first."""
    words = view.filter.casefold().split()
    found = [row for row in report.rows if all(word in _text_of(row) for word in words)]
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


def _text_of(row: Row) -> str:
    """The text that a filter searches in a row, the words of the counts included."""
    known = (
        row.account,
        row.account_id,
        row.account_name,
        row.product,
        row.condition.word,
        *(condition.word for condition in row.conditions if condition.state),
        *(condition.alarm for condition in row.conditions),
        *(note.text for note in row.notes),
        *(fragment.text for fragment in (*row.status, *row.billing) if fragment.foreign),
        row.failure,
    )
    return "\n".join(text.replace("_", " ") + "\n" + text for text in known if text).casefold()


def build_environment() -> Environment:
    """The templates of this package, every value escaped and every unknown name an error."""
    environment = Environment(
        loader=PackageLoader("exporter.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["in_words"] = in_words
    return environment


def render(page: StatusPage, environment: Environment, view: View | None = None) -> str:
    """The page as HTML."""
    view = view or View()
    rows = rows_in_view(page.report, view)
    conditions = [row.condition for row in page.report.rows]
    return environment.get_template("status.html").render(
        page=page,
        view=view,
        rows=rows[:ROWS_SHOWN],
        found=len(rows),
        hidden=max(0, len(rows) - ROWS_SHOWN),
        counts={condition.word: conditions.count(condition) for condition in dict.fromkeys(conditions)},
        alarms=page.report.alarms(),
    )
