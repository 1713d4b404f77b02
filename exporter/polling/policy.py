"""When a probe runs next: pure decisions over its record.

- In good times every interval, each probe at a place of its own within it.
- While its kind demands attention, as in the first hour of a lock, every ``locked_interval_s``.
- While failing, pauses double from the third failure on, up to ``failing_interval_s``: two failures may be a
  coincidence, and an outage shorter than 1.5 intervals leaves no pause behind.
- When an endpoint answers after such an outage, the pauses of all its probes end.
- At a moment that its kind names, such as a billing change that falls due, an extra run.
"""

import math
from dataclasses import dataclass

from exporter.core.durations import backoff_s
from exporter.core.model import Answer, Failure, FailureReason, Outcome
from exporter.core.store import ProbeRecord
from exporter.probes.kind import NO_ATTENTION, AnyKind, Attention

LONGEST_WAIT_IN_THREAD_S = 1.0
STANDS_STILL_AFTER_S = 120.0
OUTAGE_INTERVALS = 1.5
TICK_S = 0.01
_FAILURES_AT_FULL_PACE = 2

_ENDPOINT_REASONS = frozenset({FailureReason.TIMEOUT, FailureReason.NETWORK, FailureReason.SERVER})


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of one kind of probe, in seconds."""

    interval_s: float
    locked_interval_s: float
    failing_interval_s: float

    def __post_init__(self) -> None:
        if not 0 < self.locked_interval_s <= self.interval_s <= self.failing_interval_s:
            raise ValueError(
                "0 < locked interval <= interval <= failing interval, seen "
                f"{self.locked_interval_s}, {self.interval_s}, {self.failing_interval_s}"
            )

    def pause_s(self, record: ProbeRecord, attention: Attention, now: float) -> float:
        """Seconds from one run to the next, by what is known now."""
        pause = self.interval_s if now >= attention.faster_until else self.locked_interval_s
        return backoff_s(pause, record.failures_in_row - _FAILURES_AT_FULL_PACE, longest_s=self.failing_interval_s)

    def at_interval(self, interval_s: float) -> "Intervals":
        """The same at another interval, which the two others give way to."""
        return Intervals(
            interval_s=interval_s,
            locked_interval_s=min(self.locked_interval_s, interval_s),
            failing_interval_s=max(self.failing_interval_s, interval_s),
        )

    def was_outage(self, silent_s: float) -> bool:
        """Whether an endpoint that was silent for so long, with failures in between, had an outage."""
        return silent_s > OUTAGE_INTERVALS * self.interval_s


def stands_still(late_s: float, *, interval_s: float, timeout_s: float) -> bool:
    """Whether polls that are late for so long, while none ended, show that something in the process keeps them.

    Calls end by their deadline, also while the API fails or hangs.
    """
    return late_s >= max(2 * interval_s + timeout_s, STANDS_STILL_AFTER_S)


def endpoint_answered(outcome: Outcome) -> bool | None:
    """Whether the endpoint behind a poll answered, or is in trouble; None when the poll says neither.

    A refusal is an answer. Missing credentials and defects of the exporter say neither: nothing was sent.
    """
    if isinstance(outcome, Answer):
        return True
    if outcome.of_credentials:
        return None
    if outcome.reason in _ENDPOINT_REASONS:
        return False
    return True if outcome.http_status is not None else None


def hangs(record: ProbeRecord) -> bool:
    """Whether the probe's last poll held its thread for long, so that the next may too.

    A call that timed out did. Missing credentials did only if the poll waited for them.
    """
    outcome = record.last_outcome
    if not isinstance(outcome, Failure):
        return False
    if outcome.of_credentials:
        return record.last_poll_duration_s > LONGEST_WAIT_IN_THREAD_S
    return outcome.reason is FailureReason.TIMEOUT


def attention_of(kind: AnyKind, record: ProbeRecord, now: float) -> Attention:
    """When to poll the probe more often than at its interval, by the last answer of any age."""
    return NO_ATTENTION if record.state is None else kind.attention(record.state, record.memory, now)


def place_s(index: int, count: int, interval_s: float) -> float:
    """The delay of the second run of the probe at this index: first runs are a burst, later ones are spread.

    Above 0 and at most one interval. A multiple of ``TICK_S``, unless that is more than the interval, so that one
    look at the plan finds many runs.
    """
    place = interval_s * (index + 1) / count
    return min(interval_s, math.ceil(round(place / TICK_S, 6)) * TICK_S)


def tick_at(moment: float) -> float:
    """The last multiple of ``TICK_S`` until then."""
    return math.floor(moment / TICK_S) * TICK_S
