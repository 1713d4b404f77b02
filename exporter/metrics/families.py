"""The metric families about accounts and probes: names, help, labels, and the samples of one probe.

Everything here is pure. The names and labels are the project's public interface.
The samples of a family come from a function, so that a family stands in one row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, Generic, TypeVar

from exporter.core.model import Balance, DebtState, ServiceStatus
from exporter.core.store import OTHER, ProbeRecord
from exporter.metrics.visible_state import ShownService

_AS_OF = "As of the last successful poll; gone when that is older than dcdn_exporter_poll_stale_after_seconds."


class MetricType(Enum):
    """The types of the families here; the value is what the exposition formats call them."""

    GAUGE = "gauge"
    COUNTER = "counter"


class Scope(IntEnum):
    """What a series is about, by the labels that all of its family have."""

    ACCOUNT = 0
    """account"""
    PRODUCT = 1
    """account and product"""
    PROBE = 2
    """account, product and probe"""


# The value of the one label that a family adds ("" where it adds none), and the sample's value.
Sample = tuple[str, float]
Source = TypeVar("Source", ShownService, DebtState, Balance, ProbeRecord)


@dataclass(frozen=True, slots=True)
class Family(Generic[Source]):
    """One metric family, whose samples come from what is shown of a state or from a probe's history.

    ``of`` is what it has samples of, and of nothing else. ``label`` is the label that it adds to those of its scope,
    or None. ``part`` is what of a source the samples depend on, where that seldom changes: as long as it is the same
    object, the lines are the same.
    """

    name: str
    help: str
    of: type[Source]
    samples: Callable[[Source], Iterator[Sample]]
    label: str | None = None
    metric_type: MetricType = MetricType.GAUGE
    scope: Scope = Scope.PRODUCT
    part: Callable[[Source], object] | None = None

    def __post_init__(self) -> None:
        if self.name.endswith("_total") != (self.metric_type is MetricType.COUNTER):
            raise ValueError(f"counters, and nothing else, are named _total, not {self.name}")


def _status(service: ShownService) -> Iterator[Sample]:
    for status in ServiceStatus:
        yield status.value, float(service.state.status is status)


def _locks(service: ShownService) -> Iterator[Sample]:
    return _state_set(service.lock_reasons, set(service.state.lock_reasons))


def _charge_type(service: ShownService) -> Iterator[Sample]:
    return _state_set(service.charge_types, {service.state.charge_type} - {None})


def _next_charge_type(service: ShownService) -> Iterator[Sample]:
    coming = service.pending.charge_type if service.pending is not None else None
    return _state_set(service.charge_types, {coming} - {None})


def _change_timestamp(service: ShownService) -> Iterator[Sample]:
    if service.pending is not None and service.pending.takes_effect is not None:
        yield "", service.pending.takes_effect.timestamp()


def _at_scrape(_: ShownService) -> Iterator[Sample]:
    """Nothing: what changes with every scrape is written at every scrape."""
    return iter(())


def _opening_timestamp(service: ShownService) -> Iterator[Sample]:
    if service.state.opening_time is not None:
        yield "", service.state.opening_time.timestamp()


def _info(service: ShownService) -> Iterator[Sample]:
    if service.state.instance_id is not None:
        yield service.state.instance_id, 1.0


def _flag(name: str) -> Callable[[DebtState], Iterator[Sample]]:
    """Samples of a field that the API may leave out."""

    def samples(debt: DebtState) -> Iterator[Sample]:
        value = getattr(debt, name)
        if value is not None:
            yield "", float(value)

    return samples


def _available_amount(balance: Balance) -> Iterator[Sample]:
    yield balance.currency, balance.available_amount


def _poll_success(record: ProbeRecord) -> Iterator[Sample]:
    yield "", float(record.polls > 0 and record.failures_in_row == 0)


def _last_poll(record: ProbeRecord) -> Iterator[Sample]:
    yield "", record.last_poll_at


def _last_success(record: ProbeRecord) -> Iterator[Sample]:
    yield "", record.last_success_at


def _last_duration(record: ProbeRecord) -> Iterator[Sample]:
    yield "", record.last_poll_duration_s


def _polls(record: ProbeRecord) -> Iterator[Sample]:
    yield "", float(record.polls)


def _failures(record: ProbeRecord) -> Iterator[Sample]:
    for reason, count in record.failures.items():
        yield reason.value, float(count)


def _skipped(record: ProbeRecord) -> Iterator[Sample]:
    yield "", float(record.skipped)


def _state_set(named: tuple[str, ...], holding: set[str] | set[str | None]) -> Iterator[Sample]:
    """Every named value as 0 or 1, each once; what holds and has no name of its own holds as ``other``."""
    names = dict.fromkeys(named)
    unnamed = holding - names.keys()
    if unnamed:
        names[OTHER] = None
    for name in names:
        yield name, float(name in holding or (name == OTHER and bool(unnamed)))


REMAINING = Family(
    "dcdn_service_charge_type_change_remaining_seconds",
    "Seconds until the pending change of the billing method takes effect (ChangingAffectTime minus now, computed at "
    f"scrape time); absent when no change lies ahead. {_AS_OF}",
    ShownService,
    _at_scrape,
)

STATE_FAMILIES: tuple[Family[Any], ...] = (
    Family(
        "dcdn_service_status",
        "Whether the service has this status: locked when OperationLocks names any lock, not_activated when the API "
        f"says that the service was never opened, else active. Exactly one is 1. {_AS_OF}",
        ShownService,
        _status,
        label="status",
    ),
    Family(
        "dcdn_service_lock",
        "Whether the service is locked for this reason (OperationLocks.LockReason); financial is an overdue payment, "
        f"unspecified a lock that names no reason. {_AS_OF}",
        ShownService,
        _locks,
        label="reason",
    ),
    Family(
        "dcdn_service_charge_type",
        f"Whether this is the current billing method (InternetChargeType). {_AS_OF}",
        ShownService,
        _charge_type,
        label="charge_type",
    ),
    Family(
        "dcdn_service_next_charge_type",
        "Whether this is the billing method to come (ChangingChargeType); all 0 when no change is pending at the "
        f"moment of the scrape. {_AS_OF}",
        ShownService,
        _next_charge_type,
        label="charge_type",
    ),
    Family(
        "dcdn_service_charge_type_change_timestamp_seconds",
        "Unix time at which the pending change of the billing method takes effect (ChangingAffectTime); absent when "
        f"no change lies ahead. {_AS_OF}",
        ShownService,
        _change_timestamp,
    ),
    REMAINING,
    Family(
        "dcdn_service_opening_timestamp_seconds",
        f"Unix time at which the service was activated (OpeningTime). {_AS_OF}",
        ShownService,
        _opening_timestamp,
    ),
    Family(
        "dcdn_service_info",
        f"Always 1; the label names the service's instance (InstanceId). {_AS_OF}",
        ShownService,
        _info,
        label="instance_id",
    ),
    Family(
        "dcdn_service_enabled",
        f"1 when the service is activated, else 0 (Enabled of the probe debt_status). {_AS_OF}",
        DebtState,
        _flag("enabled"),
    ),
    Family(
        "dcdn_service_available",
        f"1 when the service can be used, else 0 (OnService of the probe debt_status). {_AS_OF}",
        DebtState,
        _flag("available"),
    ),
    Family(
        "dcdn_service_in_debt",
        f"1 when the account has overdue payments, else 0 (InDebt of the probe debt_status). {_AS_OF}",
        DebtState,
        _flag("in_debt"),
    ),
    Family(
        "dcdn_service_in_debt_overdue",
        "1 when the time to make up for an overdue payment is over too, else 0 (InDebtOverdue of the probe "
        f"debt_status). {_AS_OF}",
        DebtState,
        _flag("in_debt_overdue"),
    ),
    Family(
        "dcdn_account_available_amount",
        "What the account can still spend, credit included, in the currency that the label names; negative in debt "
        f"(AvailableAmount). {_AS_OF}",
        Balance,
        _available_amount,
        label="currency",
        scope=Scope.ACCOUNT,
    ),
)

HEALTH_FAMILIES: tuple[Family[ProbeRecord], ...] = (
    Family(
        "dcdn_poll_success",
        "1 when the last poll got an answer (a locked or not activated service is one), 0 when it failed or none "
        "has finished yet. The API is polled on a schedule, not when scraped.",
        ProbeRecord,
        _poll_success,
        scope=Scope.PROBE,
    ),
    Family(
        "dcdn_last_poll_timestamp_seconds",
        "Unix time at which the last poll ended, be it answered or failed; 0 until the first.",
        ProbeRecord,
        _last_poll,
        scope=Scope.PROBE,
    ),
    Family(
        "dcdn_last_success_timestamp_seconds",
        "Unix time of the last poll that got an answer, as of which everything is known that the probe tells; 0 "
        "until the first. A failure never moves it.",
        ProbeRecord,
        _last_success,
        scope=Scope.PROBE,
    ),
    Family(
        "dcdn_last_poll_duration_seconds",
        "Seconds that the last poll took, without its wait for the budget.",
        ProbeRecord,
        _last_duration,
        scope=Scope.PROBE,
    ),
    Family(
        "dcdn_polls_total",
        "Polls that have ended, failed ones included.",
        ProbeRecord,
        _polls,
        metric_type=MetricType.COUNTER,
        scope=Scope.PROBE,
    ),
    Family(
        "dcdn_poll_failures_total",
        "Polls that ended without knowing the state, by reason.",
        ProbeRecord,
        _failures,
        label="reason",
        metric_type=MetricType.COUNTER,
        scope=Scope.PROBE,
        part=lambda record: record.failures,
    ),
    Family(
        "dcdn_polls_skipped_total",
        "Runs that were due while the last one was still waiting for a thread or under way.",
        ProbeRecord,
        _skipped,
        metric_type=MetricType.COUNTER,
        scope=Scope.PROBE,
    ),
)

ACCOUNT_INFO_NAME = "dcdn_account_info"
ACCOUNT_INFO_HELP = (
    "Always 1 while the account is configured: its id (empty until known), its name in the resource directory, its "
    "site (china or international) and the labels that the configuration gives it."
)

EXPIRY_NAME = "dcdn_exporter_credential_expiry_timestamp_seconds"
EXPIRY_HELP = "Unix time at which the credentials in hand end; absent where they do not, or nobody says when."
