"""The records that polls leave, and how long they are shown."""

from collections.abc import Callable
from typing import Any

from exporter.core.model import Answer, Failure, Observation, State
from exporter.core.store import ProbeRecord, Remember
from exporter.probes.kind import AnyKind


def nothing(_memory: object, _answer: Answer[Any], _at: float) -> None:
    """What a kind of probe remembers that remembers nothing."""


def stale_after(seconds: float) -> Callable[[AnyKind], float]:
    """The same age for all kinds."""
    return lambda _kind: seconds


def record_of(
    *outcomes: State | Answer[Any] | Failure,
    since: ProbeRecord | None = None,
    at: float = 1000.0,
    duration_s: float = 0.1,
    calls: int = 0,
    remember: Remember = nothing,
) -> ProbeRecord:
    """The record after these polls, one after the other and all at this moment; ``since`` is the one before them.

    A state stands for an answer with nothing else in it.
    """
    record = since or ProbeRecord()
    for outcome in outcomes:
        of_poll = outcome if isinstance(outcome, Answer | Failure) else Answer(outcome)
        record = record.after(Observation(at, duration_s, of_poll, calls=calls), remember=remember)
    return record
