"""What is known of every probe: the only state that polls and scrapes share.

A record is a value: pollers replace it whole, so that a reader never sees half a poll.
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
"""What a kind of probe remembers, from what it remembered before, an answer, and the Unix time of that."""


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """The history of one probe, as far as it is needed; every moment is Unix time.

    ``state`` is that of the last answer, which a failure never touches; it is from ``last_success_at``. The moments
    are 0 until there is one. ``memory`` is what the kind of probe remembers of its answers; None before the first.
    ``failures_in_row`` is 0 after an answer.
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

    def after(self, observation: Observation, *, remember: Remember) -> "ProbeRecord":
        """The record with one more poll in it; ``remember`` is that of the kind of probe."""
        outcome, at = _told_again(self.state, observation.outcome), observation.finished_at
        polled = partial(
            replace,
            self,
            polls=self.polls + 1,
            last_poll_at=at,
            last_poll_duration_s=observation.duration_s,
            last_outcome=outcome,
        )
        match outcome:
            case Failure(reason=reason):
                failures = MappingProxyType({**self.failures, reason: self.failures[reason] + 1})
                return polled(failures=failures, failures_in_row=self.failures_in_row + 1)
            case Answer():
                return polled(
                    last_success_at=at,
                    failures_in_row=0,
                    state=outcome.state,
                    memory=remember(self.memory, outcome, at),
                )

    def after_skip(self) -> "ProbeRecord":
        """The record with one more run that found the last one still waiting or under way."""
        return replace(self, skipped=self.skipped + 1)

    def of_another_account(self) -> "ProbeRecord":
        """The record when its account's name has come to stand for another account: counters, and no state."""
        return ProbeRecord(polls=self.polls, failures=self.failures, skipped=self.skipped)

    def current_state(self, now: float, stale_after_s: float) -> State | None:
        """The state of the last answer, unless that is older than ``stale_after_s``."""
        return self.state if now - self.last_success_at <= stale_after_s else None


class Store:
    """The records of the probes that are configured; safe to use from any thread.

    ``on_change`` is called with every new record, in the thread that caused it, one at a time; ``on_all_polled`` when
    the last of the probes that are configured has finished its first poll.
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
        """From now on exactly these probes have records; those that had one keep it.

        ``account_ids`` are those of the accounts, by name, as far as they are known. Where a name had another one,
        only the counters are kept: it stands for another account now.
        """
        with self._lock:
            former = self._records
            self._records = {key: former.get(key) or ProbeRecord() for key in probes}
            self._unpolled = sum(record.polls == 0 for record in self._records.values())
            before, self._account_ids = self._account_ids, dict(account_ids)
            others = {name for name, now in account_ids.items() if before.get(name, now) != now}
            # Not of new probes: nothing was known of them, and whoever is told has not heard of them yet.
            self._forget(key for key in self._records.keys() & former.keys() if key.account in others)

    def know_account(self, account: str, account_id: str) -> None:
        """From now on the name stands for the account of this id; what was known of another one is forgotten."""
        with self._lock:
            before = self._account_ids.get(account, account_id)
            self._account_ids[account] = account_id
            if before != account_id:
                self._forget([key for key in self._records if key.account == account])

    def record(
        self, key: ProbeKey, observation: Observation, *, remember: Remember, account_id: str | None = None
    ) -> tuple[ProbeRecord, ProbeRecord] | None:
        """Add a finished poll; returns the record before and after. ``remember`` is that of the kind of probe.

        Returns None for a probe that is not configured, and for the poll of another account than its name stands for
        by now. ``account_id`` is that of whoever polled, as far as it is known.
        """
        return self._replace(key, lambda record: record.after(observation, remember=remember), account_id=account_id)

    def record_skip(self, key: ProbeKey) -> None:
        """Count a run that was due while the last one had not finished, of a probe that is configured."""
        self._replace(key, ProbeRecord.after_skip)

    def get(self, key: ProbeKey) -> ProbeRecord:
        """The current record of a configured probe."""
        return self._records[key]

    def records(self) -> Mapping[ProbeKey, ProbeRecord]:
        """All current records, as of one moment."""
        with self._lock:
            return dict(self._records)

    def _forget(self, probes: Iterable[ProbeKey]) -> None:
        """Leave only the counters of these; the lock is held."""
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


def _told_again(known: State | None, outcome: Outcome) -> Outcome:
    """The outcome; one that tells what is known already has that very object.

    It lives as long as the service stays as it is, and the garbage collector need not look at it anew.
    """
    if isinstance(outcome, Answer) and outcome.state == known and outcome.state is not known:
        return replace(outcome, state=known)
    return outcome
