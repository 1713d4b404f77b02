"""What a rule is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

_ALERT_NAME = re.compile(r"Dcdn([A-Z][a-z]+)+")
_RECORD_NAME = re.compile(r"[a-z_]+:[a-z_]+:[a-z_]+")


class Severity(Enum):
    """Who has to hear of it, and when."""

    CRITICAL = "critical"
    """Customers are affected, are about to be, or we would not know it: wakes somebody."""
    WARNING = "warning"
    """Will become critical, or a part of the watch is lost: within the working day."""
    INFO = "info"
    """Worth knowing, nothing to mend at once."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A `for` or `keep_firing_for`, and why it is that long."""

    seconds: int
    why: str

    def __post_init__(self) -> None:
        if self.seconds < 0 or not self.why:
            raise ValueError(f"a pause of {self.seconds} s because of {self.why!r}")


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that Prometheus keeps, computed from others."""

    record: str
    expression: str
    why: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """What every series of it carries; several may have one name, and labels of their own."""

    def __post_init__(self) -> None:
        if not _RECORD_NAME.fullmatch(self.record):
            raise ValueError(f"{self.record!r} is no level:metric:operation")


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert, and what a reader of the table wants to know of it."""

    name: str
    severity: Severity
    expression: str
    fires_when: str
    """One clause, for the table."""
    learned_after_s: int
    """The longest from the event until the exporter shows it: a poll, or an age that has to be reached."""
    waits: Pause
    """`for`; of 0 seconds, the first evaluation fires."""
    summary: str
    description: str
    summary_zh: str
    description_zh: str
    keeps: Pause | None = None
    """`keep_firing_for`."""
    unnamed: tuple[str, ...] = ()
    """Labels of the expression that the texts name, and that an alert lacks: one of which they change is the same."""

    @property
    def is_about_an_account(self) -> bool:
        """Whether the summary names one."""
        return "{{ $labels.account }}" in self.summary

    def __post_init__(self) -> None:
        if not _ALERT_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no DcdnNameInCapitals")
        if self.learned_after_s < 0:
            raise ValueError(f"{self.name} is learned {self.learned_after_s} s after it happened")


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after another, at one moment."""

    name: str
    interval_s: int
    rules: tuple[Recording | Alert, ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Those that alert."""
        return tuple(rule for rule in self.rules if isinstance(rule, Alert))
