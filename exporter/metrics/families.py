"""The metric families of a probe's polls, which all kinds have, and of accounts; pure.

The names and labels are the project's public interface.
"""

from functools import cache

from exporter.core.store import ProbeRecord
from exporter.probes.kind import AnyKind, Family, MetricType, Scope

_UNITS = frozenset({"seconds", "bytes", "ratio"})


def unit_of(family: str) -> str:
    """The unit at the end of a family's name, which is without `_total`; empty when there is none."""
    end = family.rpartition("_")[2]
    return end if end in _UNITS else ""


@cache
def head(name: str, text: str, metric_type: MetricType, *, openmetrics: bool) -> bytes:
    """HELP and TYPE, in OpenMetrics also UNIT; that names a counter's family without its suffix."""
    family = name.removesuffix("_total") if openmetrics and metric_type is MetricType.COUNTER else name
    unit = f"# UNIT {family} {unit_of(family)}\n" if openmetrics and unit_of(family) else ""
    return f"# HELP {family} {text}\n# TYPE {family} {metric_type.value}\n{unit}".encode()


HEALTH_FAMILIES: tuple[Family[ProbeRecord], ...] = (
    Family(
        "dcdn_poll_success",
        "1 when the last poll got an answer (a locked or not activated service is one), 0 when it failed or none "
        "has finished yet. The API is polled on a schedule, not when scraped.",
        lambda record: [((), float(record.polls > 0 and record.failures_in_row == 0))],
        scope=Scope.PROBE,
    ),
    Family(
        "dcdn_last_poll_timestamp_seconds",
        "Unix time at which the last poll ended, answered or failed; 0 until the first.",
        lambda record: [((), record.last_poll_at)],
        scope=Scope.PROBE,
    ),
    Family(
        "dcdn_last_success_timestamp_seconds",
        "Unix time of the last poll that got an answer; 0 until the first. The metrics of this probe are as of this "
        "time. A failed poll does not change it.",
        lambda record: [((), record.last_success_at)],
        scope=Scope.PROBE,
    ),
    Family(
        "dcdn_last_poll_duration_seconds",
        "Seconds that the last poll took, without the wait for the budget.",
        lambda record: [((), record.last_poll_duration_s)],
        scope=Scope.PROBE,
    ),
    Family(
        "dcdn_polls_total",
        "Polls that have ended, answered or failed.",
        lambda record: [((), float(record.polls))],
        metric_type=MetricType.COUNTER,
        scope=Scope.PROBE,
    ),
    Family(
        "dcdn_poll_failures_total",
        "Polls that failed, by reason.",
        lambda record: [((reason.value,), float(count)) for reason, count in record.failures.items()],
        labels=("reason",),
        metric_type=MetricType.COUNTER,
        scope=Scope.PROBE,
        part=lambda record: record.failures,
    ),
    Family(
        "dcdn_polls_skipped_total",
        "Polls that were skipped, because the poll before was still running or waiting for a thread.",
        lambda record: [((), float(record.skipped))],
        metric_type=MetricType.COUNTER,
        scope=Scope.PROBE,
    ),
)

POLL_CALLS: Family[ProbeRecord] = Family(
    "dcdn_poll_calls_total",
    "Calls that the polls have sent, retries included; absent for probes that need one call for each poll.",
    lambda record: [((), float(record.calls))],
    metric_type=MetricType.COUNTER,
    scope=Scope.PROBE,
)
_OF_MANY_CALLS = (*HEALTH_FAMILIES, POLL_CALLS)


def families_of_polls(kind: AnyKind) -> tuple[Family[ProbeRecord], ...]:
    """The families of the polls of such probes."""
    return _OF_MANY_CALLS if kind.takes_many_calls else HEALTH_FAMILIES


ACCOUNT_INFO_NAME = "dcdn_account_info"
ACCOUNT_INFO_LABELS = ("account", "account_id", "account_name", "site")
# Prometheus sets these on targets, and renames our labels of the same name.
TARGET_LABELS = frozenset(
    {"service", "job", "instance", "namespace", "pod", "container", "endpoint", "type", "region"}
)
ACCOUNT_INFO_HELP = (
    "Always 1 while the account is configured. The labels are its id (empty until known), its name in the resource "
    "directory, its site (china or international) and the labels of the configuration."
)

EXPIRY_NAME = "dcdn_exporter_credential_expiry_timestamp_seconds"
EXPIRY_HELP = (
    "Unix time at which the current credentials expire; absent if they do not expire, or their end is not known."
)
