"""What polls learn: answers, the states in them, and failures.

Nothing here knows of HTTP, Prometheus or the configuration.
All dataclasses are frozen and refuse values that cannot be; every datetime is aware, every bare float of a
moment is Unix time in seconds.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Generic, TypeVar

LABEL_VALUE_LENGTH = 64


class FailureReason(StrEnum):
    """Why the state could not be learned; each is a series of ``dcdn_poll_failures_total``."""

    AUTH = "auth"
    PERMISSION = "permission"
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER = "server"
    REJECTED = "rejected"
    MALFORMED = "malformed"
    INTERNAL = "internal"


def require_aware(moment: datetime | None) -> None:
    """Raise ValueError for a datetime without a time zone."""
    if moment is not None and moment.tzinfo is None:
        raise ValueError(f"a moment needs its time zone, seen {moment!r}")


def require_label_value(text: str | None) -> None:
    """Raise ValueError for a text that is no label value: empty, too long, or not printable."""
    if text is not None and not (0 < len(text) <= LABEL_VALUE_LENGTH and text.isprintable()):
        raise ValueError(f"1 to {LABEL_VALUE_LENGTH} printable characters are accepted, seen {text!r}")


State = Hashable
"""What an answer says: an immutable value, compared by its content."""

S = TypeVar("S", bound=State)


@dataclass(frozen=True, slots=True, order=True)
class ProbeKey:
    """The name of a probe: what is polled for one account and product."""

    account: str
    product: str
    probe: str

    def __post_init__(self) -> None:
        if not (self.account and self.product and self.probe):
            raise ValueError(f"a probe has an account, a product and a name of its own, seen {self!s}")

    def __str__(self) -> str:
        return f"{self.account}/{self.product}/{self.probe}"


@dataclass(frozen=True, slots=True)
class Answer(Generic[S]):
    """The state was learned.

    ``unknown_values`` maps a field, in the vendor's spelling, to its values that the documentation does not name, or
    to a sentence about a value that makes no sense and is not in the state. ``fingerprint`` is that of the reply;
    None for a state in a refusal.
    """

    state: S
    request_id: str | None = None
    unknown_values: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    fingerprint: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """The state could not be learned.

    ``explanation`` is one sentence for people, free of secrets; ``code`` and ``request_id`` are the vendor's.
    ``of_credentials``: there were no credentials for the call; the other fields describe why their source gave none.
    """

    reason: FailureReason
    explanation: str
    code: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    of_credentials: bool = False


Outcome = Answer[Any] | Failure
"""The result of a poll."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One finished poll: an answer or a failure, never both.

    ``finished_at`` is Unix time; ``duration_s`` is without the wait for the budget. ``calls`` are those that it sent,
    of a kind of probe whose polls may send many.
    """

    finished_at: float
    duration_s: float
    outcome: Outcome
    calls: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.finished_at) and math.isfinite(self.duration_s) and self.duration_s >= 0):
            raise ValueError(f"a poll ends at a moment and takes no negative time, seen {self!r}")
