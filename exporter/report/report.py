"""What is known of every account and product now: ordered rows and counts, for table, JSON and status page.

records -> Report -> an exit code, JSON (``json_document``), a table (``terminal``), or the status page (``web``)
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from exporter.core.counts import counted
from exporter.core.model import Failure, ProbeKey
from exporter.core.store import ProbeRecord
from exporter.probes.kind import AnyKind
from exporter.probes.table import PROBES
from exporter.probes.view import Condition, Fragment, Note, Severity, View

EXIT_WELL = 0
EXIT_STOPPED = 3
EXIT_POLL_FAILED = 4

_FAILING = "failing"
FAILING = Condition(_FAILING, Severity.FAILING, alarm=_FAILING)
WAITING = Condition("waiting", Severity.WAITING)
_UNKNOWN = "unknown"
_PROBE_UNKNOWN = "{probe} unknown"
_RUNBOOK_OF_STALE = "DcdnDataStale"
_NO_IDENTITY = ("", "")
# What a summary counts beside conditions.
_OTHERS_COUNTED = MappingProxyType(
    {"failed": ("failed", "failed"), "directories_unlisted": ("directory unlisted", "directories unlisted")}
)
_BY_SEVERITY = attrgetter("severity")


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one product of one account; its balance is a row of its own, of the product ``bss``."""

    account: str
    product: str
    product_in_words: str
    """As people are shown it: the balance is no product."""
    conditions: tuple[Condition, ...]
    """Those that hold, the worst first; WAITING is one of them where a probe's state is not known."""
    numbers: Mapping[Condition, int]
    """How many domains, plans or sites have one of these, where that is more than the service itself."""
    status: tuple[Fragment, ...]
    status_conditions: tuple[Condition, ...]
    """Those of the view that has the status."""
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
    def worst_severity(self) -> Severity:
        """How bad the worst of conditions and notes is."""
        severity = self.worst.severity
        return min(severity, self.notes[0].severity) if self.notes else severity

    @property
    def severity(self) -> Severity:
        """The same, but that what is known to come makes a state no worse."""
        severity = self.worst_severity
        return severity if severity < Severity.UPCOMING else self.condition.severity

    @property
    def status_severity(self) -> Severity:
        """How bad the status is by itself, whatever the notes say."""
        return min((each.severity for each in self.status_conditions if each.state), default=Severity.WAITING)

    @property
    def is_changing(self) -> bool:
        """Whether a change is known to come."""
        return any(condition.severity is Severity.UPCOMING for condition in self.conditions)

    @property
    def alarms(self) -> frozenset[str]:
        """The alarms of its conditions, by their words."""
        return frozenset(condition.alarm for condition in self.conditions if condition.alarm is not None)

    @property
    def poll_success(self) -> bool:
        """Whether every last poll got an answer; False before the first have finished."""
        return self.polled and not self.failures

    def has_long_notes(self, most: int) -> bool:
        """Whether the status with its notes has more characters: the notes have lines of their own below the row."""
        said = [" ".join(each.text for each in self.status), *(note.text for note in self.notes)]
        return bool(self.notes) and len(", ".join(said)) > most

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
    polled_for: frozenset[Condition] = frozenset()
    """Those that a probe of a row can find: a 0 of any other would say that all is well."""
    unlisted: tuple[str, ...] = ()
    """Resource directories whose members could not be listed: accounts may be missing."""

    def __post_init__(self) -> None:
        if self.probes < len(self.rows):
            raise ValueError(f"each row has a probe at least, seen {self.probes} for {len(self.rows)} rows")

    def counts(self) -> dict[str, int]:
        """Counts for the summary: of failed probes, and of domains, plans, sites or rows that have a condition."""
        holding = dict.fromkeys(self.conditions, 0)
        for row in self.rows:
            for condition in row.conditions:
                holding[condition] += row.numbers.get(condition, 1)
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
        """How many rows have each alarm that is polled for, by its word, also at 0; ``failing`` comes last."""
        alarms = [each.alarm for each in self.conditions if each.alarm is not None and each in self.polled_for]
        counts = Counter(alarm for row in self.rows for alarm in row.alarms)
        return {alarm: counts[alarm] for alarm in [*alarms, _FAILING]}

    def has_stopped(self) -> bool:
        """Whether delivery has stopped somewhere, also where it has in part only."""
        return any(row.severity <= Severity.SERIOUS for row in self.rows)


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
    kinds = tuple(kinds)
    by_product: dict[str, list[tuple[AnyKind, float]]] = defaultdict(list)
    for kind in kinds:
        by_product[kind.product].append((kind, stale_after_of(kind)))
    unknown = [kind.view(None, now) for kind in {kind.probe: kind for kind in kinds}.values()]
    nothing_known = _with_keys({}, unknown)
    conditions = (*(each for kind in kinds for each in kind.conditions), FAILING, WAITING)
    ranked = sorted(dict.fromkeys(conditions), key=_BY_SEVERITY)
    rank = {condition: place for place, condition in enumerate(ranked)}
    of_rows: dict[tuple[str, str], dict[str, ProbeRecord]] = defaultdict(dict)
    for key, record in records.items():
        of_rows[key.account, key.product][key.probe] = record
    rows = []
    for (account, product), probes in of_rows.items():
        polled = [each for each in by_product.get(product, ()) if each[0].probe in probes]
        states, without, title = {}, [], product
        for kind, stale_after_s in polled:
            state = probes[kind.probe].current_state(now, stale_after_s)
            if state is None:
                without.append(kind.probe)
            else:
                states[kind.probe] = state
            if kind.of_account:
                title = kind.probe
        known = [kind.view(kind.joined(states), now) for kind, _ in polled]
        of_status = next((view for view in known if view.status), None)
        if without or of_status is None:
            known.append(_of_unknown(probes, without, status_known=of_status is not None))
        identity = (account, product, title, *identities.get(account, _NO_IDENTITY))
        rows.append(
            _row(identity, known, probes, of_status=of_status or known[-1], keys=dict(nothing_known), now=now)
        )
    rows.sort(key=lambda row: (row.worst_severity, rank[row.worst], row.account, row.product))
    asked = {(key.product, key.probe) for key in records}
    return Report(
        at=now,
        rows=tuple(rows),
        probes=len(records),
        conditions=tuple(ranked),
        polled_for=frozenset(
            each for kind in kinds if (kind.product, kind.probe) in asked for each in kind.conditions
        ),
        unlisted=unlisted,
    )


def _row(
    identity: tuple[str, str, str, str, str],
    views: Sequence[View],
    probes: Mapping[str, ProbeRecord],
    *,
    of_status: View,
    keys: dict[str, Any],
    now: float,
) -> Row:
    """The row of these probes; ``keys`` are those of the JSON object where nothing is known."""
    account, product, product_in_words, account_id, account_name = identity
    failures = {
        probe: record.last_outcome for probe, record in probes.items() if isinstance(record.last_outcome, Failure)
    }
    holding = [condition for view in views for condition in view.conditions] + [FAILING] * bool(failures)
    answered_at = min((record.last_success_at for record in probes.values() if record.last_success_at), default=None)
    return Row(
        account=account,
        product=product,
        product_in_words=product_in_words,
        conditions=tuple(sorted(holding, key=_BY_SEVERITY)),
        numbers={condition: number for view in views for condition, number in view.numbers.items()},
        status=of_status.status,
        status_conditions=of_status.conditions,
        notes=tuple(sorted([note for view in views for note in view.notes], key=_BY_SEVERITY)),
        billing=next((view.billing for view in views if view.billing), ()),
        keys=_with_keys(keys, views),
        ahead_s=min([view.ahead_s for view in views if view.ahead_s is not None], default=None),
        answered_at=answered_at,
        age_s=None if answered_at is None else max(0.0, now - answered_at),
        failures=failures,
        polled=all(record.polls for record in probes.values()),
        probes=len(probes),
        account_id=account_id,
        account_name=account_name,
    )


def _with_keys(keys: dict[str, Any], views: Iterable[View]) -> dict[str, Any]:
    """The keys of a row's JSON object with those of the views, billing last."""
    for view in views:
        keys.update(view.status_json)
    for view in views:
        keys.update(view.billing_json)
    return keys


def _of_unknown(probes: Mapping[str, ProbeRecord], without: Sequence[str], *, status_known: bool) -> View:
    """What people are shown of probes whose state is not known: had there been an answer, it is too old."""
    runbooks = {probe: _RUNBOOK_OF_STALE if probes[probe].last_success_at else "" for probe in without}
    if not status_known:
        return View((WAITING,), status=(Fragment(_UNKNOWN, runbook=max(runbooks.values(), default="")),))
    notes = (Note(Severity.WAITING, _PROBE_UNKNOWN, {"probe": probe}, runbooks[probe]) for probe in without)
    return View((WAITING,), notes=tuple(notes))


def exit_code(report: Report) -> int:
    """3 when delivery has stopped somewhere, else 4 when a poll or the listing of members failed, else 0."""
    if report.has_stopped():
        return EXIT_STOPPED
    return EXIT_POLL_FAILED if report.unlisted or any(row.failures for row in report.rows) else EXIT_WELL


def summary_line(report: Report) -> str:
    """A summary in one line, such as ``12 accounts, 18 probes: 1 locked, 2 failed``."""
    counts = report.counts()
    accounts, probes = counts.pop("accounts"), counts.pop("probes")
    conditions = {condition.word: condition for condition in report.conditions}
    found = ", ".join(
        conditions[word].counted(count) if word in conditions else counted(count, *_OTHERS_COUNTED[word])
        for word, count in counts.items()
        if count
    )
    polled = f"{counted(accounts, 'account', 'accounts')}, {counted(probes, 'probe', 'probes')}"
    return f"{polled}: {found or 'all is well'}"
