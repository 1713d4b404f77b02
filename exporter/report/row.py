"""What is known of one product of one account, as table, JSON and status page show it."""

import math
from dataclasses import dataclass

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
