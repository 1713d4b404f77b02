import platform
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric

from exporter.core.log_writer import LogWriter
from exporter.core.model import FailureReason
from exporter.metrics.self_metrics import SelfMetrics
from exporter.probes.table import PROBES
from tests.certificates import CERTIFICATES

FIELDS = ("InternetChargeType", "ChangingChargeType", "LockReason", "Currency")
KIND = PROBES[0]
ACTIONS = ("DescribeDcdnIpaService", "GetCallerIdentity")

# The public interface, written down a second time on purpose: name, type, labels.
TABLE = [
    ("dcdn_exporter_build_info", "gauge", {"version", "python_version"}),
    ("dcdn_exporter_configured_accounts", "gauge", set()),
    ("dcdn_exporter_probes", "gauge", set()),
    ("dcdn_exporter_probe_info", "gauge", {"product", "probe", "operation"}),
    ("dcdn_exporter_probe_interval_seconds", "gauge", {"product", "probe"}),
    ("dcdn_exporter_probe_stale_after_seconds", "gauge", {"product", "probe"}),
    ("dcdn_exporter_poll_failures", "counter", {"product", "probe", "reason"}),
    ("dcdn_exporter_poll_interval_seconds", "gauge", set()),
    ("dcdn_exporter_poll_stale_after_seconds", "gauge", set()),
    ("dcdn_exporter_api_request_duration_seconds", "histogram", {"operation"}),
    ("dcdn_exporter_api_budget_calls_per_second", "gauge", {"operation"}),
    ("dcdn_exporter_api_budget_wait_seconds", "counter", {"operation"}),
    ("dcdn_exporter_clock_skew_seconds", "gauge", set()),
    ("dcdn_exporter_config_last_reload_successful", "gauge", set()),
    ("dcdn_exporter_config_last_reload_success_timestamp_seconds", "gauge", set()),
    ("dcdn_exporter_discovery_last_success_timestamp_seconds", "gauge", {"directory"}),
    ("dcdn_exporter_shard_ordinal", "gauge", set()),
    ("dcdn_exporter_total_shards", "gauge", set()),
    ("dcdn_exporter_unknown_values", "counter", {"field"}),
    ("dcdn_exporter_log_lines_dropped", "counter", set()),
]


@pytest.fixture
def own() -> SelfMetrics:
    """What an exporter of two accounts says of itself, before its first call."""
    metrics = SelfMetrics(version="1.2.3", actions=ACTIONS, unknown_fields=FIELDS)
    metrics.describe_shard(ordinal=1, total=3)
    metrics.describe_schedule(interval_s=60, stale_after_s=600, accounts=2, probes=3)
    metrics.describe_probes({KIND: (60, 600)})
    metrics.describe_budgets({"DescribeDcdnIpaService": 20, "GetCallerIdentity": 100})
    metrics.describe_discovery({"main": 0.0, "other": 1_522_512_000.5})
    metrics.config_loaded(1_522_512_000.5)
    return metrics


def families(registry: CollectorRegistry) -> dict[str, Metric]:
    return {family.name: family for family in registry.collect()}


def samples(own: SelfMetrics) -> list[tuple[str, dict[str, str], float]]:
    """Those that have a product."""
    return [
        (sample.name, sample.labels, sample.value)
        for family in own.registry.collect()
        for sample in family.samples
        if "product" in sample.labels
    ]


def failures(own: SelfMetrics) -> dict[tuple[str, str], float]:
    """The counts of failed polls, by probe and reason."""
    return {(labels["probe"], labels["reason"]): count for _, labels, count in samples(own) if "reason" in labels}


def value(own: SelfMetrics, name: str, **labels: str) -> float | None:
    return own.registry.get_sample_value(name, labels)


@pytest.mark.parametrize(("name", "metric_type", "labels"), [pytest.param(*row, id=row[0]) for row in TABLE])
def test_a_family_has_its_type_and_labels(own: SelfMetrics, name: str, metric_type: str, labels: set[str]) -> None:
    """Names and labels are fixed, and every family says what it means."""
    own.clock_skew(0.0)
    family = families(own.registry)[name]

    assert family.type == metric_type
    assert {frozenset(sample.labels) - {"le"} for sample in family.samples} == {frozenset(labels)}
    assert family.documentation.endswith(".")


def test_no_family_is_without_a_row(own: SelfMetrics) -> None:
    """What the exporter says of itself is in the table; the rest is the client library's."""
    rest = set(families(own.registry)) - {row[0] for row in TABLE}

    assert {name.split("_")[0] for name in rest} == {"process", "python"}


def test_build_info_names_both_versions(own: SelfMetrics) -> None:
    """Ours and Python's."""
    labels = {"version": "1.2.3", "python_version": platform.python_version()}

    assert value(own, "dcdn_exporter_build_info", **labels) == 1


def test_the_configuration_is_shown(own: SelfMetrics) -> None:
    """Alerting rules follow it instead of repeating its numbers."""
    assert {
        name: value(own, f"dcdn_exporter_{name}")
        for name in (
            "configured_accounts",
            "probes",
            "poll_interval_seconds",
            "poll_stale_after_seconds",
            "shard_ordinal",
            "total_shards",
            "config_last_reload_successful",
            "config_last_reload_success_timestamp_seconds",
        )
    } == {
        "configured_accounts": 2,
        "probes": 3,
        "poll_interval_seconds": 60,
        "poll_stale_after_seconds": 600,
        "shard_ordinal": 1,
        "total_shards": 3,
        "config_last_reload_successful": 1,
        "config_last_reload_success_timestamp_seconds": 1_522_512_000.5,
    }


def test_probes_and_budgets_name_their_operation(own: SelfMetrics) -> None:
    """One is found from the other by the label `operation`."""
    probe = {"product": "dcdn_ipa", "probe": "service", "operation": "DescribeDcdnIpaService"}

    assert value(own, "dcdn_exporter_probe_info", **probe) == 1
    assert value(own, "dcdn_exporter_api_budget_calls_per_second", operation="DescribeDcdnIpaService") == 20
    assert value(own, "dcdn_exporter_api_budget_calls_per_second", operation="GetCallerIdentity") == 100


def test_each_kind_of_probe_has_its_interval_and_stale_after(own: SelfMetrics) -> None:
    """What is polled less often is not old as soon as the rest is."""
    own.describe_probes({KIND: (60, 600), CERTIFICATES: (300, 900)})

    assert [sample for sample in samples(own) if "seconds" in sample[0]] == [
        (f"dcdn_exporter_probe_{name}_seconds", {"product": kind.product, "probe": kind.probe}, seconds)
        for name, of in (("interval", (60, 300)), ("stale_after", (600, 900)))
        for kind, seconds in zip((KIND, CERTIFICATES), of, strict=True)
    ]


def test_failures_of_all_accounts_count_from_0_by_reason(own: SelfMetrics) -> None:
    """Each product and probe by itself, also between two pages."""
    own.describe_probes({KIND: (60, 600), CERTIFICATES: (300, 900)})
    before = failures(own)
    own.poll_failed(KIND.key("prod"), FailureReason.TIMEOUT)
    own.poll_failed(KIND.key("shop"), FailureReason.TIMEOUT)
    own.poll_failed(CERTIFICATES.key("prod"), FailureReason.AUTH)

    assert before == {(kind.probe, reason.value): 0 for kind in (KIND, CERTIFICATES) for reason in FailureReason}
    assert failures(own) == {**before, (KIND.probe, "timeout"): 2, (CERTIFICATES.probe, "auth"): 1}
    own.poll_failed(KIND.key("prod"), FailureReason.TIMEOUT)
    assert failures(own)[KIND.probe, "timeout"] == 3


def test_failures_of_a_kind_that_comes_back_go_on(own: SelfMetrics) -> None:
    """It leaves the page with its last probe; a counter that fell would look like new failures."""
    own.poll_failed(KIND.key("prod"), FailureReason.SERVER)
    own.describe_probes({})
    away = failures(own)
    own.poll_failed(KIND.key("prod"), FailureReason.SERVER)  # of a poll that was under way
    own.describe_probes({KIND: (60, 600)})

    assert (away, failures(own)[KIND.probe, "server"]) == ({}, 2)


def test_another_configuration_takes_the_place_of_the_last(own: SelfMetrics) -> None:
    """Every number is that of the configuration in use, and no probe is named that is not polled any more."""
    own.describe_schedule(interval_s=30, stale_after_s=300, accounts=1, probes=1)
    own.describe_probes({CERTIFICATES: (300, 900)})
    own.describe_budgets({"DescribeDcdnIpaService": 10})
    own.config_loaded(1_522_512_060.0)
    assert [sample for sample in samples(own) if sample[1]["product"] == KIND.product] == []
    of = {"product": CERTIFICATES.product, "probe": CERTIFICATES.probe}
    assert value(own, "dcdn_exporter_probe_info", **of, operation=CERTIFICATES.operation.action) == 1
    assert value(own, "dcdn_exporter_probe_interval_seconds", **of) == 300
    assert value(own, "dcdn_exporter_probe_stale_after_seconds", **of) == 900
    assert value(own, "dcdn_exporter_poll_failures_total", **of, reason="timeout") == 0
    assert value(own, "dcdn_exporter_poll_interval_seconds") == 30
    assert value(own, "dcdn_exporter_api_budget_calls_per_second", operation="DescribeDcdnIpaService") == 10
    assert value(own, "dcdn_exporter_config_last_reload_success_timestamp_seconds") == 1_522_512_060.0


def test_only_directories_in_use_have_a_time_of_discovery(own: SelfMetrics) -> None:
    """Each has the time of its last list; one that left the configuration leaves the page."""
    name = "dcdn_exporter_discovery_last_success_timestamp_seconds"
    before = value(own, name, directory="main"), value(own, name, directory="other")
    own.describe_discovery({"other": 1_522_512_600.0})

    assert before == (0, 1_522_512_000.5)
    assert (value(own, name, directory="main"), value(own, name, directory="other")) == (None, 1_522_512_600.0)


def test_a_refused_configuration_leaves_the_time_of_the_last_good_one(own: SelfMetrics) -> None:
    """Only the success turns 0, until a configuration is read again."""
    own.config_refused()
    refused = value(own, "dcdn_exporter_config_last_reload_successful")
    at = value(own, "dcdn_exporter_config_last_reload_success_timestamp_seconds")
    own.config_loaded(1_522_512_060.0)

    assert (refused, at) == (0, 1_522_512_000.5)
    assert value(own, "dcdn_exporter_config_last_reload_successful") == 1


def test_clock_skew_is_absent_until_measured(own: SelfMetrics) -> None:
    """A 0 would say that the clocks agree; afterwards the last measurement stands."""
    assert value(own, "dcdn_exporter_clock_skew_seconds") is None
    own.clock_skew(-1.5)
    own.clock_skew(0.25)
    assert value(own, "dcdn_exporter_clock_skew_seconds") == 0.25


def test_unknown_values_count_from_0(own: SelfMetrics) -> None:
    """Every field is a series before its first surprise."""
    own.unknown_value("LockReason")
    own.unknown_value("LockReason")

    assert {field: value(own, "dcdn_exporter_unknown_values_total", field=field) for field in FIELDS} == {
        "InternetChargeType": 0,
        "ChangingChargeType": 0,
        "LockReason": 2,
        "Currency": 0,
    }


def test_fields_are_those_that_kinds_of_probes_name() -> None:
    """In their order, and none of ours by itself."""
    own = SelfMetrics(version="1.2.3", actions=(), unknown_fields=["Phase", "Craters"])
    own.unknown_value("Craters")
    (counter,) = (family for name, family in families(own.registry).items() if "unknown_values" in name)

    assert [(sample.labels["field"], sample.value) for sample in counter.samples] == [("Phase", 0), ("Craters", 1)]


def test_the_lines_that_standard_error_dropped_are_counted(own: SelfMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 0, also where standard error is another stream."""
    name = "dcdn_exporter_log_lines_dropped_total"
    before = value(own, name)
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(sys, "stderr", LogWriter(full.fileno()))
        sys.stderr.write("one\ntwo\n")

    assert (before, value(own, name)) == (0, 2)


def test_waits_add_up(own: SelfMetrics) -> None:
    """From 0, each operation by itself."""
    own.waited("DescribeDcdnIpaService", 0.5)
    own.waited("DescribeDcdnIpaService", 0.25)

    assert value(own, "dcdn_exporter_api_budget_wait_seconds_total", operation="DescribeDcdnIpaService") == 0.75
    assert value(own, "dcdn_exporter_api_budget_wait_seconds_total", operation="GetCallerIdentity") == 0


def test_calls_fall_into_buckets(own: SelfMetrics) -> None:
    """From a fast answer to the default deadline of 10 s; what took longer is in the last one."""
    for seconds in (0.025, 0.03, 10.0, 60.0):
        own.called("DescribeDcdnIpaService", seconds)

    counts = {
        sample.labels["le"]: sample.value
        for sample in families(own.registry)["dcdn_exporter_api_request_duration_seconds"].samples
        if sample.name.endswith("_bucket") and sample.labels["operation"] == "DescribeDcdnIpaService"
    }
    assert counts == {
        "0.025": 1,
        "0.05": 2,
        "0.1": 2,
        "0.25": 2,
        "0.5": 2,
        "1.0": 2,
        "2.5": 2,
        "5.0": 2,
        "10.0": 3,
        "+Inf": 4,
    }
    assert value(own, "dcdn_exporter_api_request_duration_seconds_count", operation="GetCallerIdentity") == 0


def test_two_exporters_in_one_process_do_not_clash(own: SelfMetrics) -> None:
    """Each counts for itself, as nothing is registered globally."""
    other = SelfMetrics(version="1.2.3", actions=ACTIONS, unknown_fields=FIELDS)
    other.unknown_value("LockReason")

    assert value(own, "dcdn_exporter_unknown_values_total", field="LockReason") == 0


def test_no_series_tells_when_it_was_created(own: SelfMetrics) -> None:
    """They would double the counters and answer no question."""
    assert b"_created" not in generate_latest(own.registry)
