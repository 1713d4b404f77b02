"""The records that polls leave."""

from typing import Any

from exporter.core.model import Answer, Failure, Observation, State
from exporter.core.store import ProbeRecord, Remember


def nothing(_memory: object, _answer: Answer[Any], _at: float) -> None:
    """What a kind of probe remembers that remembers nothing."""


def record_of(
    *outcomes: State | Answer[Any] | Failure,
    since: ProbeRecord | None = None,
    at: float = 1000.0,
    duration_s: float = 0.1,
    remember: Remember = nothing,
) -> ProbeRecord:
    """The record after these polls, one after the other and all at this moment; ``since`` is the one before them.

    A state stands for an answer with nothing else in it.
    """
    record = since or ProbeRecord()
    for outcome in outcomes:
        of_poll = outcome if isinstance(outcome, Answer | Failure) else Answer(outcome)
        record = record.after(Observation(finished_at=at, duration_s=duration_s, outcome=of_poll), remember=remember)
    return record
