"""What is known of every account and product now: ordered rows and counts, for table, JSON and status page.

records -> Report -> an exit code, JSON (``json_document``), a table (``terminal``), or the status page (``web``)
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from exporter.core.model import Failure, ProbeKey
from exporter.core.store import ProbeRecord
from exporter.probes.kind import AnyKind, Condition, Fragment, Note, Severity, View
from exporter.probes.table import PROBES

EXIT_WELL = 0
EXIT_LOCKED = 3
EXIT_POLL_FAILED = 4

FAILING = Condition("failing", Severity.FAILING, alarm="failing")
WAITING = Condition("waiting", Severity.WAITING)
_UNKNOWN = (Fragment("unknown"),)


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one product of one account; its balance is a row of its own, of the product ``bss``."""

    account: str
    product: str
    conditions: tuple[Condition, ...]
    """Those that hold, the worst first; empty before the first answer."""
    status: tuple[Fragment, ...]
    notes: tuple[Note, ...]
    """The worst first."""
    billing: tuple[Fragment, ...]
    keys: Mapping[str, Any]
    """What the kinds of probes add to the row's JSON object."""
    ahead_s: float | None
    """Seconds until the next known change; None: none is known."""
    answered_at: float | None
    """The Unix time of the oldest answer in the row; None before the first."""
    age_s: float | None
    """Seconds since then."""
    failures: Mapping[str, Failure]
    """Failures of the last polls, by the name of the probe."""
    polled: bool
    """Every probe has finished a poll."""
    probes: int = 1
    account_id: str = ""
    """Empty until it is known."""
    account_name: str = ""
    """In the resource directory, for a member of one."""

    def __post_init__(self) -> None:
        if not self.account or not self.product:
            raise ValueError(f"account and product must be named: {self.account!r}, {self.product!r}")
        if self.answered_at is not None and not math.isfinite(self.answered_at):
            raise ValueError(f"a moment must be finite, seen {self.answered_at!r}")
        for seconds in (self.ahead_s, self.age_s):
            if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
                raise ValueError(f"seconds must be finite and not negative: {seconds!r}")
        if self.failures and FAILING not in self.conditions:
            raise ValueError(f"a row whose poll failed is failing, seen {self.conditions!r}")

    @property
    def account_in_full(self) -> tuple[Fragment, ...]:
        """The account, and in parentheses its name in the directory and its id, where these are others."""
        others = ", ".join(name for name in (self.account_name, self.account_id) if name not in ("", self.account))
        return tuple(Fragment(text, foreign=True) for text in (self.account, others and f"({others})") if text)

    @property
    def condition(self) -> Condition:
        """The worst condition that is a state; WAITING where no state is known."""
        return next((condition for condition in self.conditions if condition.state), WAITING)

    @property
    def worst(self) -> Condition:
        """The worst condition, also one that is no state, such as a pending change."""
        return self.conditions[0] if self.conditions else WAITING

    @property
    def is_changing(self) -> bool:
        """Whether a change is known to come."""
        return any(condition.severity is Severity.UPCOMING for condition in self.conditions)

    @property
    def poll_success(self) -> bool:
        """Whether every last poll got an answer; False before the first have finished."""
        return self.polled and not self.failures

    @property
    def failure(self) -> str | None:
        """Why the last polls failed, in words, with the probe where there are several; None: none failed."""
        return (
            "; ".join(
                f"{f'{probe}: ' if self.probes > 1 else ''}{failure.reason.value}: {failure.explanation}"
                for probe, failure in self.failures.items()
            )
            or None
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What was known at a moment; every row has at least one of the ``probes``."""

    at: float
    """Unix time."""
    rows: tuple[Row, ...]
    """The worst first."""
    probes: int
    conditions: tuple[Condition, ...]
    """All conditions that a row can have, the worst first."""
    unlisted: tuple[str, ...] = ()
    """Resource directories whose members could not be listed: accounts may be missing."""

    def __post_init__(self) -> None:
        if self.probes < len(self.rows):
            raise ValueError(f"each row has a probe at least, seen {self.probes} for {len(self.rows)} rows")

    def counts(self) -> dict[str, int]:
        """Counts for the summary; ``failed`` counts probes, conditions count rows."""
        holding = dict.fromkeys(self.conditions, 0)
        for row in self.rows:
            for condition in row.conditions:
                holding[condition] += 1
        before = {each.word: count for each, count in holding.items() if each.severity < Severity.FAILING}
        after = {
            each.word: count for each, count in holding.items() if Severity.FAILING < each.severity < Severity.GOOD
        }
        after.pop(WAITING.word)
        return {
            "accounts": len({row.account for row in self.rows}),
            "probes": self.probes,
            **before,
            "failed": sum(len(row.failures) for row in self.rows),
            "directories_unlisted": len(self.unlisted),
            **after,
            WAITING.word: sum(row.condition is WAITING for row in self.rows),
        }

    def alarms(self) -> dict[str, int]:
        """How many rows have each alarm, by its word, also at 0; ``failing`` comes last."""
        alarms = {each.alarm: each for each in self.conditions if each.alarm is not None and each is not FAILING}
        return {
            word: sum(condition in row.conditions for row in self.rows)
            for word, condition in {**alarms, FAILING.word: FAILING}.items()
        }

    def has_critical(self) -> bool:
        """Whether delivery has stopped somewhere."""
        return any(row.worst.severity is Severity.CRITICAL for row in self.rows)


def build_report(
    records: Mapping[ProbeKey, ProbeRecord],
    *,
    now: float,
    stale_after_of: Callable[[AnyKind], float],
    identities: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    unlisted: tuple[str, ...] = (),
    kinds: Iterable[AnyKind] = PROBES,
) -> Report:
    """The report as of ``now``.

    States of answers that are older than ``stale_after_of`` gives for their kind, in seconds, are not in it.

    ``identities`` are the id and the directory's name of each account, empty where there is none.
    """
    by_name = {(kind.product, kind.probe): kind for kind in kinds}
    stale_after_s = {kind: stale_after_of(kind) for kind in by_name.values()}
    unknown = {kind.probe: kind.view(None, now) for kind in by_name.values()}
    conditions = (*(each for kind in by_name.values() for each in kind.conditions), FAILING, WAITING)
    ranked = sorted(dict.fromkeys(conditions), key=lambda condition: condition.severity)
    rank = {condition: place for place, condition in enumerate(ranked)}
    by_product: dict[tuple[str, str], dict[str, ProbeRecord]] = defaultdict(dict)
    for key, record in records.items():
        by_product[key.account, key.product][key.probe] = record
    rows = []
    for (account, product), probes in by_product.items():
        polled = {probe: by_name[product, probe] for probe in probes if (product, probe) in by_name}
        states = {
            probe: state
            for probe, kind in polled.items()
            if (state := probes[probe].current_state(now, stale_after_s[kind])) is not None
        }
        views = unknown | {probe: kind.view(kind.joined(states), now) for probe, kind in polled.items()}
        identity = identities.get(account, ("", ""))
        rows.append(_row(account, product, views.values(), probes, identity=identity, now=now))
    rows.sort(key=lambda row: (rank[row.worst], row.account, row.product))
    return Report(at=now, rows=tuple(rows), probes=len(records), conditions=tuple(ranked), unlisted=unlisted)


def _row(
    account: str,
    product: str,
    views: Iterable[View],
    probes: Mapping[str, ProbeRecord],
    *,
    identity: tuple[str, str],
    now: float,
) -> Row:
    views = tuple(views)
    account_id, account_name = identity
    outcomes = {probe: record.last_outcome for probe, record in probes.items()}
    failures = {probe: outcome for probe, outcome in outcomes.items() if isinstance(outcome, Failure)}
    holding = [condition for view in views for condition in view.conditions] + ([FAILING] if failures else [])
    answered_at = min((record.last_success_at for record in probes.values() if record.last_success_at), default=None)
    return Row(
        account=account,
        product=product,
        conditions=tuple(sorted(holding, key=lambda condition: condition.severity)),
        status=next((view.status for view in views if view.status), _UNKNOWN),
        notes=tuple(sorted((note for view in views for note in view.notes), key=lambda note: note.severity)),
        billing=next((view.billing for view in views if view.billing), ()),
        keys={
            **{name: value for view in views for name, value in view.status_json.items()},
            **{name: value for view in views for name, value in view.billing_json.items()},
        },
        ahead_s=min((view.ahead_s for view in views if view.ahead_s is not None), default=None),
        answered_at=answered_at,
        age_s=None if answered_at is None else max(0.0, now - answered_at),
        failures=failures,
        polled=all(record.polls for record in probes.values()),
        probes=len(probes),
        account_id=account_id,
        account_name=account_name,
    )


def exit_code(report: Report) -> int:
    """3 when something is locked, overdue or stopped, else 4 when a poll or the listing of members failed, else 0."""
    if report.has_critical():
        return EXIT_LOCKED
    return EXIT_POLL_FAILED if report.unlisted or any(row.failures for row in report.rows) else EXIT_WELL


def summary_line(report: Report) -> str:
    """A summary in one line, such as ``12 accounts, 18 probes: 1 locked, 2 failed``."""
    counts = report.counts()
    accounts, probes = counts.pop("accounts"), counts.pop("probes")
    found = ", ".join(f"{count} {_in_words(name, count)}" for name, count in counts.items() if count)
    return f"{_counted(accounts, 'account')}, {_counted(probes, 'probe')}: {found or 'all is well'}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else noun + 's'}"


def _in_words(key: str, count: int) -> str:
    words = key.replace("_", " ")
    return words.replace("directories", "directory") if count == 1 else words
