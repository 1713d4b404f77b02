"""How the page is written: as the client library would, to the byte, and as documented."""

import math
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.core.model import FailureReason
from exporter.core.store import ProbeRecord
from exporter.metrics.families import TARGET_LABELS
from exporter.metrics.lines import label_text
from exporter.metrics.page import Exposition, ExpositionFormat
from exporter.metrics.self_metrics import SelfMetrics
from exporter.probes.service_state import NOT_ACTIVATED
from exporter.probes.table import UNKNOWN_FIELDS
from tests.metrics.pages import (
    ACTIVE,
    BALANCE,
    BALANCE_KIND,
    CALLS_KIND,
    CERTIFICATES_KIND,
    CHANGING,
    COMPONENT_CHANGING,
    COMPONENTS_KIND,
    DEBT_KIND,
    DOMAINS,
    DOMAINS_KIND,
    ENDING,
    EXPIRED,
    HOSTILE,
    IN_DEBT,
    KIND,
    LOCKED,
    PACKAGES,
    PACKAGES_KIND,
    PLANS,
    PLANS_KIND,
    SECURE_KIND,
    STALE_AFTER_S,
    START,
    TIMEOUT,
    Clock,
    Families,
    exposition,
    key,
    lines,
    record,
    text,
)

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture
def everything() -> Exposition:
    """A page with an account in each state, hostile names, and the exporter's own metrics."""
    own = SelfMetrics(version="1.2.3", actions=[KIND.operation.action], unknown_fields=UNKNOWN_FIELDS)
    own.describe_schedule(interval_s=60, stale_after_s=STALE_AFTER_S, accounts=2, probes=2)
    own.describe_probes({KIND: (60, STALE_AFTER_S)})
    own.describe_budgets({KIND.operation.action: 20})
    own.config_loaded(START)
    own.clock_skew(0.25)
    stories = {
        "locked": record(LOCKED),
        "changing": record(CHANGING),
        "not activated": record(NOT_ACTIVATED),
        "never polled": ProbeRecord(),
        "stale": record(LOCKED, at=START - 601),
        "failing": record(ACTIVE, TIMEOUT, TIMEOUT),
        **{str(hostile.values[0]): record(CHANGING) for hostile in HOSTILE},
    }
    own.describe_discovery({"main": 0.0})
    page = exposition(
        *stories,
        clock=Clock(),
        own=own.registry,
        kinds=(
            KIND,
            DEBT_KIND,
            BALANCE_KIND,
            CALLS_KIND,
            COMPONENTS_KIND,
            SECURE_KIND,
            CERTIFICATES_KIND,
            DOMAINS_KIND,
            PACKAGES_KIND,
            PLANS_KIND,
        ),
        expiries=[(account, START + 3600) for account in stories],
    )
    for account, of_probe in stories.items():
        page.update(key(account), of_probe)
        page.update(DEBT_KIND.key(account), record(IN_DEBT, kind=DEBT_KIND))
        page.update(BALANCE_KIND.key(account), record(BALANCE, kind=BALANCE_KIND))
        page.update(COMPONENTS_KIND.key(account), record(COMPONENT_CHANGING, kind=COMPONENTS_KIND))
        page.update(SECURE_KIND.key(account), record(ENDING, kind=SECURE_KIND))
        page.update(CERTIFICATES_KIND.key(account), record(EXPIRED, kind=CERTIFICATES_KIND))
        page.update(DOMAINS_KIND.key(account), record(DOMAINS, kind=DOMAINS_KIND))
        page.update(PACKAGES_KIND.key(account), record(PACKAGES, kind=PACKAGES_KIND))
        page.update(PLANS_KIND.key(account), record(PLANS, kind=PLANS_KIND))
    page.set_accounts({name: {"account_id": "", "account_name": name, "site": "china"} for name in stories})
    return page


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of every metric that has a row in the documentation; each has one row."""
    rows = re.findall(
        r"^\| `(dcdn_\w+)` \| (\w+) \| ([^|]*)\|", DOCUMENTATION.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len({name for name, _, _ in rows}) == len(rows)
    return {name: (metric_type, frozenset(re.findall(r"`(\w+)`", labels))) for name, metric_type, labels in rows}


def test_every_metric_is_documented_and_no_other(everything: Exposition) -> None:
    """With its type and all of its labels; those of the client library are documented there."""
    page = {
        f"{family.name}_total" if family.type == "counter" else family.name: (
            family.type,
            frozenset(label for sample in family.samples for label in sample.labels) - {"le"},
        )
        for family in parse_text(text(everything))
        if not family.name.startswith(("process_", "python_"))
    }

    assert page == documented()


@pytest.mark.parametrize("reason", FailureReason)
def test_every_reason_of_failure_is_documented(reason: FailureReason) -> None:
    """It has a row that says what went wrong."""
    assert f"\n| `{reason.value}` | " in DOCUMENTATION.read_text(encoding="utf-8")


def test_a_page_in_text_is_what_the_library_would_write(everything: Exposition) -> None:
    """Read and written again by prometheus_client, it is the same to the byte."""
    page = text(everything)

    assert generate_latest(Families(parse_text(page))).decode() == page


def test_a_page_in_openmetrics_is_what_the_library_would_write(everything: Exposition) -> None:
    """Its parser for OpenMetrics is strict, and its writer agrees with every byte of ours."""
    page = b"".join(everything.page(ExpositionFormat.OPENMETRICS)).decode()

    assert generate_openmetrics(Families(parse_openmetrics(page))).decode() == page


def test_a_page_in_openmetrics_names_the_units(everything: Exposition) -> None:
    """Of every family whose name ends with one, the client library's own included, and of no other."""
    page = b"".join(everything.page(ExpositionFormat.OPENMETRICS)).decode()
    units = {family.name: family.unit for family in parse_openmetrics(page)}

    assert {name: unit for name, unit in units.items() if unit} == {
        **{name: "seconds" for name in units if name.endswith("_seconds")},
        **{name: "bytes" for name in units if name.endswith("_bytes")},
    }
    assert units["dcdn_service_charge_type_change_remaining_seconds"] == "seconds"
    assert units["dcdn_exporter_api_budget_wait_seconds"] == "seconds"
    assert units["dcdn_exporter_api_request_duration_seconds"] == "seconds"
    assert units["process_cpu_seconds"] == "seconds"
    assert units["process_resident_memory_bytes"] == "bytes"
    assert (units["dcdn_polls"], units["dcdn_exporter_api_budget_calls_per_second"]) == ("", "")
    assert "# UNIT" not in text(everything)


def test_both_formats_have_the_same_samples(everything: Exposition) -> None:
    """Only heads differ, so that one set of lines serves both."""
    pages = [
        [line for line in b"".join(everything.page(each)).decode().split("\n") if line.startswith("dcdn_")]
        for each in ExpositionFormat
    ]

    assert pages[0] == pages[1]


def test_no_series_is_there_twice(everything: Exposition) -> None:
    """A page with a repeated series would be refused as a whole."""
    series = Counter(
        (sample.name, tuple(sample.labels.items()))
        for family in parse_text(text(everything))
        for sample in family.samples
    )

    assert series.most_common(1)[0][1] == 1


def test_promtool_finds_nothing_to_say(everything: Exposition, tool: Callable[[str], str]) -> None:
    """Neither about the syntax nor about names and help texts."""
    checked = subprocess.run(  # noqa: S603 - the program is the one that `tool` found
        [tool("promtool"), "check", "metrics"], input=text(everything).encode(), capture_output=True, check=False
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_no_label_clashes_with_those_of_targets(everything: Exposition) -> None:
    """Prometheus would rename them, and no rule would find them; nor may the user's own labels be called so."""
    of_targets = {"service", "job", "instance", "namespace", "pod", "container", "endpoint", "type", "region"}
    names = {label for family in parse_text(text(everything)) for sample in family.samples for label in sample.labels}

    assert names.isdisjoint(of_targets)
    assert of_targets == TARGET_LABELS


def test_no_series_tells_when_it_was_created(everything: Exposition) -> None:
    """In neither format."""
    for each in ExpositionFormat:
        assert b"_created" not in b"".join(everything.page(each))


@pytest.mark.parametrize("account", HOSTILE)
def test_hostile_names_come_back_whole(account: str) -> None:
    """Whatever an account is called, a parser reads that name from every one of its series."""
    page = exposition(account, clock=Clock())
    page.update(key(account), record(CHANGING))
    page.set_accounts({account: {"site": "china", "team": account}})
    families = list(parse_text(text(page)))

    assert {sample.labels["account"] for family in families for sample in family.samples} == {account}
    assert families[0].samples[0].labels == {"account": account, "site": "china", "team": account}


@pytest.mark.parametrize(
    "number",
    [0.0, 1.0, 0.1, 1e-9, 123456.0, 1234567.0, 1522512000.0, 1522512000.123456, 1e15, 1e21, 1e22, math.inf, math.nan],
)
def test_numbers_are_written_as_the_library_writes_them(number: float) -> None:
    """Short ones and long ones, and those that are none."""
    registry = CollectorRegistry()
    family = Metric("dcdn_last_poll_timestamp_seconds", "", "gauge")
    family.add_sample(family.name, {"account": "prod", "probe": "service", "product": "dcdn_ipa"}, number)
    registry.register(Families([family]))
    clock = Clock()
    page = exposition("prod", clock=clock)
    page.update(key(), ProbeRecord(last_poll_at=number))

    assert lines(page, family.name) == generate_latest(registry).decode().splitlines()[-1:]


def test_labels_are_escaped_in_the_order_of_their_names() -> None:
    """As the library does it."""
    assert label_text({"b": 'x"y', "a": "1\n2"}) == 'a="1\\n2",b="x\\"y"'
