"""The exporter's metrics about itself, which the client library counts and writes.

They are in a registry of their own, never in the library's global one.
"""

import itertools
import math
import platform
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.core.log_writer import lines_dropped
from exporter.core.model import FailureReason, ProbeKey
from exporter.probes.kind import AnyKind

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

_DURATION_BUCKETS_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, math.inf)


class SelfMetrics:
    """What the exporter measures of itself; safe to use from any thread.

    The API client calls ``waited``, ``called`` and ``clock_skew``.
    """

    def __init__(self, *, version: str, actions: Iterable[str], unknown_fields: Iterable[str]) -> None:
        disable_created_metrics()  # the library knows this setting only for the whole process
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._gauge(
            "build_info",
            "Always 1; the version of the exporter and of Python.",
            {"version": version, "python_version": platform.python_version()},
        ).set(1)
        self._durations = _Durations(actions := list(actions))
        self.registry.register(self._durations)
        self._waits = Counter(
            "dcdn_exporter_api_budget_wait_seconds",
            "Seconds that calls have waited for their account's budget.",
            ["operation"],
            registry=self.registry,
        )
        self._unknown_values = Counter(
            "dcdn_exporter_unknown_values",
            "Answers with a value that the vendor's documentation does not name, or that makes no sense, by the "
            "vendor's field.",
            ["field"],
            registry=self.registry,
        )
        for action in actions:
            self._waits.labels(action)
        for field in unknown_fields:
            self._unknown_values.labels(field)
        self._interval = self._gauge(
            "poll_interval_seconds", "Seconds between two polls of a probe, without failures and locks."
        )
        self._stale_after = self._gauge(
            "poll_stale_after_seconds", "Age in seconds past which an answer is no longer shown."
        )
        self._accounts = self._gauge(
            "configured_accounts", "Accounts in the configuration and from discovery, before sharding."
        )
        self._probes = self._gauge("probes", "Probes that this process polls.")
        self._shard_ordinal = self._gauge(
            "shard_ordinal", "Which shard this process is, counted from 0; 0 when unsharded."
        )
        self._total_shards = self._gauge("total_shards", "How many shards there are; 1 when unsharded.")
        self.describe_shard(ordinal=0, total=1)
        self._polled = _Polled()
        self.registry.register(self._polled)
        self._budgets = Gauge(
            "dcdn_exporter_api_budget_calls_per_second",
            "Calls per second that this process makes of an operation at most, per account (STS: per base account).",
            ["operation"],
            registry=self.registry,
        )
        self._reload_successful = self._gauge(
            "config_last_reload_successful", "1 when the last attempt to read the configuration succeeded."
        )
        self._reload_success_at = self._gauge(
            "config_last_reload_success_timestamp_seconds", "Unix time at which the configuration in use was read."
        )
        self._discovery = Gauge(
            "dcdn_exporter_discovery_last_success_timestamp_seconds",
            "Unix time of the last complete list of a resource directory's members; 0 until the first.",
            ["directory"],
            registry=self.registry,
        )
        self._directories: set[tuple[str, ...]] = set()
        self._skew = _ClockSkew()
        self.registry.register(self._skew)
        self.registry.register(_LogLinesDropped())

    def waited(self, action: str, seconds: float) -> None:
        """Add to the wait for the budget of an operation."""
        self._waits.labels(action).inc(seconds)

    def called(self, action: str, duration_s: float) -> None:
        """Count a call that has ended."""
        self._durations.observe(action, duration_s)

    def clock_skew(self, seconds: float) -> None:
        """Keep the last measured difference between the API's clock and ours."""
        self._skew.seconds = seconds

    def unknown_value(self, field: str) -> None:
        """Count an answer with an undocumented value in this field."""
        self._unknown_values.labels(field).inc()

    def poll_failed(self, key: ProbeKey, reason: FailureReason) -> None:
        """Count a failed poll of any account among those of its product and probe."""
        self._polled.failed(key.product, key.probe, reason)

    def describe_schedule(self, *, interval_s: float, stale_after_s: float, accounts: int, probes: int) -> None:
        """Show the configuration's intervals and sizes, for use in alerting rules."""
        self._interval.set(interval_s)
        self._stale_after.set(stale_after_s)
        self._accounts.set(accounts)
        self._probes.set(probes)

    def describe_shard(self, *, ordinal: int, total: int) -> None:
        """Show which part of the accounts this process polls, so that a rule can find a part without a process."""
        self._shard_ordinal.set(ordinal)
        self._total_shards.set(total)

    def describe_probes(self, kinds: Mapping[AnyKind, tuple[float, float]]) -> None:
        """Show the kinds of probes that are polled: their operation, and in seconds the interval and stale-after."""
        self._polled.show(kinds)

    def describe_budgets(self, calls_per_second: Mapping[str, float]) -> None:
        """Show the pace of each operation."""
        for action, pace in calls_per_second.items():
            self._budgets.labels(action).set(pace)

    def describe_discovery(self, last_success_at: Mapping[str, float]) -> None:
        """Show when the members of each directory were last listed, in Unix time."""
        series: dict[tuple[str, ...], float] = {(directory,): at for directory, at in last_success_at.items()}
        _replace_series(self._discovery, self._directories, series)

    def config_loaded(self, at: float) -> None:
        """Show that the configuration in use was read at this Unix time."""
        self._reload_successful.set(1)
        self._reload_success_at.set(at)

    def config_refused(self) -> None:
        """Show that the last attempt to read the configuration failed, so that the one before is in use."""
        self._reload_successful.set(0)

    def _gauge(self, name: str, text: str, labels: Mapping[str, str] | None = None) -> Gauge:
        gauge = Gauge(f"dcdn_exporter_{name}", text, list(labels or {}), registry=self.registry)
        return gauge.labels(**labels) if labels else gauge


def _replace_series(gauge: Gauge, shown: set[tuple[str, ...]], series: Mapping[tuple[str, ...], float]) -> None:
    """Give the gauge exactly these series; ``shown`` are those that it had, and is updated."""
    for labels, number in series.items():
        gauge.labels(*labels).set(number)
    for labels in shown - series.keys():
        gauge.remove(*labels)
    shown.clear()
    shown.update(series)


class _Durations(Collector):
    """The histogram of call durations, whose samples are kept until they change.

    The library's own histogram makes all samples anew at every scrape: half the cost of a small page.
    """

    def __init__(self, actions: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._bounds = [str(floatToGoString(bound)) for bound in _DURATION_BUCKETS_S]
        self._counts = {action: [0] * len(self._bounds) for action in actions}
        self._sums = dict.fromkeys(self._counts, 0.0)
        self._samples: dict[str, list[Sample]] = {}

    def observe(self, action: str, duration_s: float) -> None:
        """Count a call that took so long."""
        with self._lock:
            counts = self._counts.setdefault(action, [0] * len(self._bounds))
            counts[bisect_left(_DURATION_BUCKETS_S, duration_s)] += 1
            self._sums[action] = self._sums.get(action, 0.0) + duration_s
            self._samples.pop(action, None)

    def collect(self) -> Iterable[HistogramMetricFamily]:
        family = _durations()
        with self._lock:
            for action, counts in self._counts.items():
                if action not in self._samples:
                    one = _durations()
                    buckets = list(zip(self._bounds, itertools.accumulate(counts), strict=True))
                    one.add_metric([action], buckets, self._sums[action])
                    self._samples[action] = one.samples
                family.samples += self._samples[action]
        return [family]


def _durations() -> HistogramMetricFamily:
    return HistogramMetricFamily(
        "dcdn_exporter_api_request_duration_seconds",
        "Seconds from sending an API request to the end of its reply or its failure, without the budget's wait.",
        labels=["operation"],
    )


class _Polled(Collector):
    """What is polled, at which interval, and how often that failed; samples are kept until they change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._schedule = _schedule({})
        self._counts = defaultdict[tuple[str, str], dict[FailureReason, int]](lambda: dict.fromkeys(FailureReason, 0))
        self._samples: dict[tuple[str, str], list[Sample]] = {}
        self._shown: list[tuple[str, str]] = []

    def show(self, kinds: Mapping[AnyKind, tuple[float, float]]) -> None:
        """Show exactly these kinds; one that comes back goes on with its counts."""
        schedule = _schedule(kinds)
        with self._lock:
            self._schedule = schedule
            self._shown = [(kind.product, kind.probe) for kind in kinds]

    def failed(self, product: str, probe: str, reason: FailureReason) -> None:
        """Count a failure."""
        with self._lock:
            self._counts[product, probe][reason] += 1
            self._samples.pop((product, probe), None)

    def collect(self) -> Iterable[Metric]:
        failures = _failures()
        with self._lock:
            for shown in self._shown:
                if shown not in self._samples:
                    one = _failures()
                    for reason, count in self._counts[shown].items():
                        one.add_metric([*shown, reason.value], count)
                    self._samples[shown] = one.samples
                failures.samples += self._samples[shown]
            return [*self._schedule, failures]


def _schedule(kinds: Mapping[AnyKind, tuple[float, float]]) -> list[GaugeMetricFamily]:
    info = GaugeMetricFamily(
        "dcdn_exporter_probe_info",
        "Always 1; the API operation that a probe of a product calls.",
        labels=["product", "probe", "operation"],
    )
    interval = GaugeMetricFamily(
        "dcdn_exporter_probe_interval_seconds",
        "Seconds between two polls of such a probe, without failures and locks.",
        labels=["product", "probe"],
    )
    stale_after = GaugeMetricFamily(
        "dcdn_exporter_probe_stale_after_seconds",
        "Age in seconds past which an answer of such a probe is no longer shown.",
        labels=["product", "probe"],
    )
    for kind, (interval_s, stale_after_s) in kinds.items():
        info.add_metric([kind.product, kind.probe, kind.operation.action], 1)
        interval.add_metric([kind.product, kind.probe], interval_s)
        stale_after.add_metric([kind.product, kind.probe], stale_after_s)
    return [info, interval, stale_after]


def _failures() -> CounterMetricFamily:
    return CounterMetricFamily(
        "dcdn_exporter_poll_failures",
        "Failed polls of all accounts together, by reason.",
        labels=["product", "probe", "reason"],
    )


class _ClockSkew(Collector):
    """A gauge that is absent until measured; ``seconds`` is set from any thread."""

    def __init__(self) -> None:
        self.seconds: float | None = None

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "dcdn_exporter_clock_skew_seconds",
            "The API's clock (its Date header) minus ours in seconds; the API refuses calls beyond 900 either way.",
        )
        if self.seconds is not None:
            family.add_metric([], self.seconds)
        return [family]


class _LogLinesDropped(Collector):
    """A counter that standard error of the process has."""

    def collect(self) -> Iterable[CounterMetricFamily]:
        meaning = "Log lines that were dropped because standard error was not read or could not be written."
        return [CounterMetricFamily("dcdn_exporter_log_lines_dropped", meaning, value=lines_dropped())]
