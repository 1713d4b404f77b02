"""What the dashboards name exists in the exporter, by its code."""

import json
import re
from collections.abc import Mapping

import pytest

from deploy.prometheus.rules.groups import ALERTS
from deploy.prometheus.rules.rule import Severity
from exporter import PROJECT_URL
from exporter.metrics.families import ACCOUNT_INFO_NAME, EXPIRY_NAME, HEALTH_FAMILIES
from exporter.metrics.self_metrics import SelfMetrics
from exporter.probes.table import PROBES, UNKNOWN_FIELDS
from tests.dashboards.shipped import DASHBOARDS, ROOT, Query, panels, queries

FAMILIES = (*(family for kind in PROBES for family in kind.families), *HEALTH_FAMILIES)
SCOPES = (("account",), ("account", "product"), ("account", "product", "probe"))
# What Prometheus itself adds to every target.
OF_PROMETHEUS: Mapping[str, set[str]] = {
    "up": set(),
    "scrape_duration_seconds": set(),
    "scrape_samples_scraped": set(),
}
OF_TARGETS = {"job", "instance"}
# Labels that an expression makes by itself.
MADE = re.compile(r'label_replace\(.*?, "(\w+)", "|count_values by \(\w+\) \("(\w+)"')
SELECTOR = re.compile(r"\b((?:dcdn|process|scrape)_\w+|up)\{([^}]*)\}")
GROUPING = re.compile(r"\b(?:by|on|group_left) \(([^)]*)\)")


@pytest.fixture(scope="module")
def labels_of() -> Mapping[str, set[str]]:
    """The labels of every metric of the exporter, by its name."""
    own = SelfMetrics(version="1", actions=["DescribeDcdnIpaService"], unknown_fields=UNKNOWN_FIELDS)
    own.describe_probes({PROBES[0]: (60, 600)})
    own.describe_budgets({"DescribeDcdnIpaService": 20})
    own.describe_discovery({"main": 0})
    own.clock_skew(0)
    measured = {
        sample.name: set(sample.labels)
        for family in own.registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    states = {family.name: {*SCOPES[family.scope], *family.labels} for family in FAMILIES}
    accounts = {ACCOUNT_INFO_NAME: {"account", "account_id", "account_name", "site"}, EXPIRY_NAME: {"account"}}
    return {**OF_PROMETHEUS, **measured, **states, **accounts}


@pytest.mark.parametrize("query", [pytest.param(query, id=f"{query.dashboard}: {query.part}") for query in queries()])
def test_every_metric_and_label_exists(query: Query, labels_of: Mapping[str, set[str]]) -> None:
    """A query names only metrics that the exporter has, and only labels that these have or that it makes itself."""
    known = set(OF_TARGETS) | {name for pair in MADE.findall(query.expression) for name in pair}
    for metric, matchers in SELECTOR.findall(query.expression):
        assert metric in labels_of, metric
        assert set(re.findall(r"(\w+)=", matchers)) <= labels_of[metric] | OF_TARGETS, metric
        known |= labels_of[metric]
    grouped = {name.strip() for names in GROUPING.findall(query.expression) for name in names.split(",")} - {""}

    assert grouped <= known
    assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= known


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_list_is_of_a_label_that_exists(name: str, labels_of: Mapping[str, set[str]]) -> None:
    """What can be chosen above a dashboard comes from metrics and labels of the exporter."""
    for variable in DASHBOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.findall(r"\((\w+)\{.*, (\w+)\)", variable["query"])[0]
            assert label in labels_of[metric] | OF_TARGETS


def test_nothing_the_exporter_knows_of_a_service_is_missing() -> None:
    """Each family about services, balances and polls is shown somewhere."""
    asked = " ".join(query.expression for query in queries())
    # Said by another one: the last poll by whether it was answered.
    spared = {"dcdn_last_poll_timestamp_seconds"}

    assert {family.name for family in FAMILIES if f"{family.name}{{" not in asked} == spared


def test_links_lead_to_dashboards_that_exist() -> None:
    """Each dashboard leads to the others, and a row or a bar to its account's; what was chosen goes along."""
    for name, dashboard in DASHBOARDS.items():
        above = {re.split(r"[/?]", link["url"])[2] for link in dashboard["links"]}
        anywhere = re.findall(r'"url": "/d/([\w-]+)\?([^"]*)"', json.dumps(dashboard))

        assert dashboard["uid"] == name
        assert above == DASHBOARDS.keys() - {name}
        assert {uid for uid, _ in anywhere} <= DASHBOARDS.keys()
        for _, chosen in anywhere:
            assert chosen.startswith("${datasource:queryparam}&${job:queryparam}&${instance:queryparam}")


def test_a_link_bears_any_name_of_an_account() -> None:
    """A name with characters that mean something in an address arrives whole."""
    for name, dashboard in DASHBOARDS.items():
        named = re.findall(r"var-account=(\$\{[^}]*\})", json.dumps(dashboard))

        assert bool(named) == (name != "dcdn-exporter")
        assert all(variable.endswith(":percentencode}") for variable in named), named


@pytest.mark.parametrize("name", DASHBOARDS)
def test_names_are_not_read_as_patterns(name: str) -> None:
    """A variable of one value is compared, since Grafana escapes only those of many for a regular expression."""
    whole = json.dumps(DASHBOARDS[name])
    for variable in DASHBOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            operators = set(re.findall(rf'{variable["name"]}(=~?)\\"\${variable["name"]}\b', whole))
            assert operators <= {"=~" if variable.get("multi") else "="}


def test_every_runbook_that_a_panel_links_is_there() -> None:
    """A link to a runbook is of an alert that exists, and so has one."""
    linked = {
        link["url"].removeprefix(f"{PROJECT_URL}/")
        for dashboard in DASHBOARDS
        for panel in panels(dashboard)
        for link in panel.get("links", [])
    }

    assert linked
    assert {name for name in linked if not (ROOT / name).is_file()} == set()


@pytest.mark.parametrize("name", DASHBOARDS)
def test_no_colour_is_louder_than_its_alerts(name: str) -> None:
    """A number is red only where a linked alert is critical, and orange where one is a warning at least."""
    loudness = {"blue": 1, "orange": 2, "red": 3}
    severity_of = {
        alert.name: {Severity.INFO: 1, Severity.WARNING: 2, Severity.CRITICAL: 3}[alert.severity] for alert in ALERTS
    }
    for panel in panels(name):
        alerts = [link["url"].rpartition("/")[2].removesuffix(".md") for link in panel.get("links", [])]
        colours = re.findall(r'"color": "(\w+)"', json.dumps(panel["fieldConfig"]["defaults"]))
        loudest = max(loudness.get(colour, 0) for colour in colours)
        assert not alerts or loudest <= max(severity_of[alert] for alert in alerts), panel["title"]


def test_every_alert_is_explained_by_a_panel() -> None:
    """Whoever wonders why an alert fires finds a panel that shows it."""
    linked = {
        link["url"].rpartition("/")[2].removesuffix(".md")
        for dashboard in DASHBOARDS
        for panel in panels(dashboard)
        for link in panel.get("links", [])
    }

    assert {alert.name for alert in ALERTS} == linked
