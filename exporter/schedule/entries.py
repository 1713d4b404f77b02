"""What the schedule knows of one probe, and of the endpoint behind it."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from exporter.aliyun.client import Turn
from exporter.cadence import Cadence
from exporter.poller import Probe


class Phase(Enum):
    """Where a probe is between being due and being done; a probe that is GONE is not configured any more."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"
    POSTPONED = "postponed"
    GONE = "gone"


@dataclass(slots=True, eq=False)
class Endpoint:
    """What is known of the server behind some probes; moments are monotonic.

    ``cadence`` is that of the probes that run most often: their pauses are the first to grow in an outage.
    """

    cadence: Cadence
    last_answer_at: float
    recovered_at: float = float("-inf")


@dataclass(slots=True, eq=False)
class Entry:
    """One probe in the schedule: ``anchor`` is a moment of its place in the interval, which it keeps."""

    probe: Probe
    cadence: Cadence
    endpoint: Endpoint
    anchor: datetime
    pause_s: float
    phase: Phase = Phase.IDLE
    follow_up: bool = False
    failed: bool = False
    hanging: bool = False
    turn: Turn | None = None
    started_at: float = 0.0
    change_at: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


def address(probe: Probe) -> str:
    """What tells the server behind a probe from others: sites have the same endpoints at different addresses."""
    endpoint, routes = probe.kind.operation.endpoint, probe.caller().routes
    return endpoint if routes is None else routes[endpoint].url
