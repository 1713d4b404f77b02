"""The status page at `/`: what is known of every account and product, the worst first.

Filter and order travel in the address and apply to all rows before the page is cut to size: so they work without
JavaScript, in a bookmark, and with 10,000 accounts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter import PROJECT_URL

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS_SHOWN = 200
"""A browser copes with so many; the page counts the rest, and /metrics has them all."""

_STATUSES = ("active", "locked", "not_activated")
_DEBTS = ("overdue", "unavailable", "in_debt")  # the worst first
_WORST_FIRST = (
    "locked",
    "overdue",
    "unavailable",
    "failing",
    "in_debt",
    "spent",
    "waiting",
    "change ahead",
    "not_activated",
    "active",
    "in_credit",
)
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class StatusRow:
    """What is known of one product of one account. ValueError when the fields contradict each other."""

    account: str
    product: str
    """That of a service, or `bss` for the balance of the account."""
    status: str | None
    """`active`, `locked` or `not_activated`; None when there is no answer young enough to be trusted."""
    lock_reasons: tuple[str, ...]
    """Of the locks that hold; empty unless locked."""
    charge_type: str | None
    next_charge_type: str | None
    changes_in_s: float | None
    """Seconds until the next charge type holds, at least 0; None when none is pending or its time is not known."""
    age_s: float | None
    """Seconds since the last good answer, at least 0; None before the first one."""
    poll_success: bool
    """The last poll got an answer. False also before the first poll has finished."""
    failure: str | None
    """In words, what the last poll failed of; None when it did not fail."""
    debts: tuple[str, ...] = ()
    """What is owed: `overdue`, `unavailable` and `in_debt`, as far as they hold; empty also when it is not known."""
    balance: float | None = None
    """What the account can still spend; None but for a balance that is young enough to be trusted."""
    currency: str | None = None

    def __post_init__(self) -> None:
        if not self.account or not self.product:
            raise ValueError(f"account and product must be named: {self.account!r}, {self.product!r}")
        if self.status not in (None, *_STATUSES):
            raise ValueError(f"status must be one of {_STATUSES} or None: {self.status!r}")
        if self.lock_reasons and self.status != "locked":
            raise ValueError(f"only what is locked has lock reasons: {self.status!r}, {self.lock_reasons!r}")
        if any(debt not in _DEBTS for debt in self.debts):
            raise ValueError(f"debts must be among {_DEBTS}: {self.debts!r}")
        if (self.balance is None) != (self.currency is None):
            raise ValueError(f"a balance must have a currency: {self.balance!r}, {self.currency!r}")
        if self.poll_success and self.failure is not None:
            raise ValueError(f"a poll cannot have succeeded and failed: {self.failure!r}")
        for seconds in (self.changes_in_s, self.age_s):
            if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
                raise ValueError(f"seconds must be finite and not negative: {seconds!r}")

    @property
    def condition(self) -> str:
        """The state in one word: the worst of what is known, `failing`, or `waiting` for a first answer."""
        known = {*self.debts, self.status, self.credit, "failing" if self.failure is not None else None}
        return next((word for word in _WORST_FIRST if word in known), "waiting")

    @property
    def is_changing(self) -> bool:
        """Whether the charge type is going to change."""
        return self.next_charge_type is not None or self.changes_in_s is not None

    @property
    def credit(self) -> str | None:
        """Whether anything can be spent: `spent` or `in_credit`; None when there is no balance."""
        if self.balance is None:
            return None
        return "spent" if self.balance <= 0 else "in_credit"


@dataclass(frozen=True, slots=True)
class StatusPage:
    """Everything that the page shows."""

    version: str
    telemetry_path: str
    accounts: tuple[StatusRow, ...]
    """In any order; an account with three products has three rows, and one more with a balance."""
    ready: bool
    """As `/-/ready` has it."""


ORDERS = ("worst", "account", "product", "change", "age")
_FILTER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class View:
    """Which rows are shown, and in which order. ValueError for an order that there is not."""

    filter: str = ""
    """Words that a row must all have somewhere; in any case."""
    order: str = "worst"
    """`worst`, `account` or `product` first to last, `change`: the soonest first, `age`: the oldest answer first."""

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ValueError(f"order must be one of {ORDERS}: {self.order!r}")


def view_of(query: Mapping[str, str]) -> View:
    """The view that an address asks for; what makes no sense in it counts as not asked."""
    order = query.get("sort", "")
    return View(
        filter=" ".join(query.get("filter", "")[:_FILTER_LENGTH].split()), order=order if order in ORDERS else "worst"
    )


def rows_in_view(rows: tuple[StatusRow, ...], view: View) -> list[StatusRow]:
    """The rows that the view wants, in its order; equals stand the worst first."""
    words = view.filter.casefold().split()
    found = [row for row in worst_first(rows) if all(word in _text_of(row) for word in words)]
    match view.order:
        case "account":
            found.sort(key=lambda row: (row.account.casefold(), row.product))
        case "product":
            found.sort(key=lambda row: row.product)
        case "change":
            found.sort(
                key=lambda row: (not row.is_changing, row.changes_in_s if row.changes_in_s is not None else math.inf)
            )
        case "age":
            found.sort(key=lambda row: -row.age_s if row.age_s is not None else -math.inf)
    return found


def _text_of(row: StatusRow) -> str:
    """All that a filter can find in a row; the words of the counts are among it."""
    known = (
        row.account,
        row.product,
        row.status,
        row.condition,
        *row.lock_reasons,
        *row.debts,
        row.charge_type,
        row.next_charge_type,
        row.currency,
        row.failure,
        "changing" if row.is_changing else None,
        "failing" if row.failure is not None else None,
    )
    return "\n".join(text.replace("_", " ") + "\n" + text for text in known if text).casefold()


def worst_first(rows: tuple[StatusRow, ...]) -> list[StatusRow]:
    """The rows as somebody wants to hear of them: locked and overdue ones first, fine ones last."""

    def place(row: StatusRow) -> tuple[int, str, str]:
        change_ahead = row.condition == "active" and row.next_charge_type is not None
        return (_WORST_FIRST.index("change ahead" if change_ahead else row.condition), row.account, row.product)

    return sorted(rows, key=place)


def in_words(seconds: float) -> str:
    """A duration in its two largest units, as in `3 d 4 h`; rounded down."""
    rest = int(seconds)
    parts: list[tuple[int, str]] = []
    for unit, length in _UNITS:
        count, rest = divmod(rest, length)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count) or "0 s"


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
    rows = rows_in_view(page.accounts, view)
    conditions = [row.condition for row in worst_first(page.accounts)]
    return environment.get_template("status.html").render(
        page=page,
        view=view,
        rows=rows[:ROWS_SHOWN],
        found=len(rows),
        hidden=max(0, len(rows) - ROWS_SHOWN),
        counts={name: conditions.count(name) for name in dict.fromkeys(conditions)},
        alarms={
            "locked": sum(row.status == "locked" for row in page.accounts),
            "overdue": sum("overdue" in row.debts for row in page.accounts),
            "changing": sum(row.is_changing for row in page.accounts),
            "failing": sum(row.failure is not None for row in page.accounts),
        },
        project_url=PROJECT_URL,
    )
