"""What is known of every probe: the only state that polls and scrapes share.

A record is an immutable value that pollers replace, so that a reader never sees half a poll.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from exporter.core.model import Answer, Failure, FailureReason, Observation, Outcome, ProbeKey, State

_NO_FAILURES: Mapping[FailureReason, int] = MappingProxyType(dict.fromkeys(FailureReason, 0))


Remember = Callable[[Any, Answer[Any], float], object]
"""Returns the new memory of a kind of probe, from the memory so far, an answer, and its Unix time."""


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """The history of one probe; every moment is Unix time, and 0 until there is one.

    ``state`` is that of the last answer, from ``last_success_at``; a failure never changes it. ``last_success_at`` is
    never later than a failure after it, so that an answer grows old also by a clock that was set back. ``memory`` is
    what the kind of probe remembers of its answers; None before the first. ``failures_in_row`` is 0 after an answer.
    ``calls`` are those that polls sent, of a kind whose polls may send many.
    """

    polls: int = 0
    failures: Mapping[FailureReason, int] = field(default_factory=lambda: _NO_FAILURES)
    skipped: int = 0
    last_poll_at: float = 0.0
    last_poll_duration_s: float = 0.0
    last_success_at: float = 0.0
    last_outcome: Outcome | None = None
    failures_in_row: int = 0
    state: State | None = None
    memory: object = None
    calls: int = 0

    def after(self, observation: Observation, *, remember: Remember) -> "ProbeRecord":
        """The record with one more poll in it; ``remember`` is that of the kind of probe."""
        outcome, at = _with_known_state(self.state, observation.outcome), observation.finished_at
        polled = partial(
            replace,
            self,
            polls=self.polls + 1,
            last_poll_at=at,
            last_poll_duration_s=observation.duration_s,
            last_outcome=outcome,
            calls=self.calls + observation.calls,
        )
        match outcome:
            case Failure(reason=reason):
                failures = MappingProxyType({**self.failures, reason: self.failures[reason] + 1})
                return polled(
                    failures=failures,
                    failures_in_row=self.failures_in_row + 1,
                    last_success_at=min(self.last_success_at, at),
                )
            case Answer():
                return polled(
                    last_success_at=at,
                    failures_in_row=0,
                    state=outcome.state,
                    memory=remember(self.memory, outcome, at),
                )

    def after_skips(self, runs: int) -> "ProbeRecord":
        """The record with so many more runs that were skipped, as the last one was still waiting or under way."""
        return replace(self, skipped=self.skipped + runs)

    def of_another_account(self) -> "ProbeRecord":
        """The record once its account's name stands for another account: counters, and no state."""
        return ProbeRecord(polls=self.polls, failures=self.failures, skipped=self.skipped, calls=self.calls)

    def current_state(self, now: float, stale_after_s: float) -> State | None:
        """The state of the last answer, unless that is older than ``stale_after_s``."""
        return self.state if now - self.last_success_at <= stale_after_s else None


class Store:
    """The records of the probes that are configured; safe to use from any thread.

    ``on_change`` is called with every new record, in the thread that caused it, one at a time; ``on_all_polled`` when
    the last of the configured probes has finished its first poll.
    """

    def __init__(
        self,
        probes: Iterable[ProbeKey],
        *,
        on_change: Callable[[ProbeKey, ProbeRecord], None],
        on_all_polled: Callable[[], None] = lambda: None,
    ) -> None:
        self._lock = threading.Lock()
        self._records = {key: ProbeRecord() for key in probes}
        self._account_ids: dict[str, str] = {}
        self._unpolled = len(self._records)
        self._on_change = on_change
        self._on_all_polled = on_all_polled

    @property
    def all_polled(self) -> bool:
        """Whether every probe has finished one poll, failed or not; takes no lock."""
        return self._unpolled == 0

    def configure(self, probes: Iterable[ProbeKey], *, account_ids: Mapping[str, str] = MappingProxyType({})) -> None:
        """Have records for exactly these probes; those that had one keep it.

        ``account_ids`` are the known ids of the accounts, by name; until an id is known, the one that the name had
        before holds. Where a name had another id, it stands for another account now, and only the counters are kept.
        """
        with self._lock:
            former = self._records
            self._records = {key: former.get(key) or ProbeRecord() for key in probes}
            self._unpolled = sum(record.polls == 0 for record in self._records.values())
            before = self._account_ids
            names = {key.account for key in self._records}
            self._account_ids = {name: before[name] for name in names if name in before} | dict(account_ids)
            others = {name for name, now in account_ids.items() if before.get(name, now) != now}
            # Not for new probes: nothing was known of them.
            self._forget(key for key in self._records.keys() & former.keys() if key.account in others)

    def know_account(self, account: str, account_id: str) -> str:
        """Let the name stand for the account of this id; what was known of another account is dropped.

        Returns the id that it had before, or the same one.
        """
        with self._lock:
            before = self._account_ids.get(account, account_id)
            self._account_ids[account] = account_id
            if before != account_id:
                self._forget([key for key in self._records if key.account == account])
        return before

    def record(
        self, key: ProbeKey, observation: Observation, *, remember: Remember, account_id: str | None = None
    ) -> tuple[ProbeRecord, ProbeRecord] | None:
        """Add a finished poll; returns the record before and after. ``remember`` is that of the kind of probe.

        Returns None for a probe that is not configured, and for the poll of an account that the name no longer stands
        for. ``account_id`` is the id of the account that was polled, None where it is not known.
        """
        return self._replace(key, lambda record: record.after(observation, remember=remember), account_id=account_id)

    def record_skips(self, key: ProbeKey, runs: int) -> None:
        """Count runs that were due while the last one had not finished, of a probe that is configured."""
        self._replace(key, lambda record: record.after_skips(runs))

    def get(self, key: ProbeKey) -> ProbeRecord:
        """The current record of a configured probe."""
        return self._records[key]

    def last_outcome(self, key: ProbeKey) -> Outcome | None:
        """What the last poll of a probe added; None before the first, and of a probe that is not configured."""
        record = self._records.get(key)
        return None if record is None else record.last_outcome

    def records(self) -> Mapping[ProbeKey, ProbeRecord]:
        """All current records, as of one moment."""
        with self._lock:
            return dict(self._records)

    def _forget(self, probes: Iterable[ProbeKey]) -> None:
        """Keep only the counters of these; the caller holds the lock."""
        for key in probes:
            self._records[key] = self._records[key].of_another_account()
            self._on_change(key, self._records[key])

    def _replace(
        self, key: ProbeKey, change: Callable[[ProbeRecord], ProbeRecord], *, account_id: str | None = None
    ) -> tuple[ProbeRecord, ProbeRecord] | None:
        with self._lock:
            before = self._records.get(key)
            if before is None or account_id not in (None, self._account_ids.get(key.account, account_id)):
                return None
            after = self._records[key] = change(before)
            first = before.polls == 0 < after.polls
            self._unpolled -= first
            was_last = first and self._unpolled == 0
            self._on_change(key, after)
        if was_last:
            self._on_all_polled()
        return before, after


def _with_known_state(known: State | None, outcome: Outcome) -> Outcome:
    """The outcome; an answer with an equal state gets the known state's object.

    That object lives as long as the service stays as it is, so the garbage collector need not look at a new one.
    """
    if isinstance(outcome, Answer) and outcome.state == known and outcome.state is not known:
        return replace(outcome, state=known)
    return outcome
