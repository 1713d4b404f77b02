"""What the dashboards name exists in the exporter, by its code."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.prometheus.rules.dashboard_inventories import RUNBOOKS
from deploy.prometheus.rules.dashboard_recordings import DASHBOARD_RECORDINGS
from deploy.prometheus.rules.groups import ALERTS
from deploy.prometheus.rules.rule import Severity
from exporter.metrics.families import ACCOUNT_INFO_NAME, EXPIRY_NAME, HEALTH_FAMILIES
from exporter.metrics.self_metrics import SelfMetrics
from exporter.probes.table import PROBES, UNKNOWN_FIELDS
from grafana.builder.__main__ import main as write
from grafana.builder.files import FILES
from tests.alerts.test_names import METRICS
from tests.dashboards.shipped import DASHBOARDS, ROOT, Query, hidden, panels, queries

FAMILIES = (*(family for kind in PROBES for family in kind.families), *HEALTH_FAMILIES)
DOCS = "https://git.invalid/docs"
SCOPES = (("account",), ("account", "product"), ("account", "product", "probe"))
# What Prometheus itself adds to every target.
OF_PROMETHEUS: Mapping[str, set[str]] = {
    "up": set(),
    "scrape_duration_seconds": set(),
    "scrape_samples_scraped": set(),
    "ALERTS": {"alertname", "alertstate", "account", "product"},
}
OF_TARGETS = {"job", "instance"}
# Labels that an expression makes by itself.
MADE = re.compile(r', "(\w+)", "[^"]*", "\w*", "|count_values by \([\w, ]+\) \("(\w+)"')
SELECTOR = re.compile(
    r"(?<![\w:])((?:dcdn|process|scrape)_\w+(?!:)|[a-z_]+:[a-z_]+:[a-z_]+|up|ALERTS)(?![\w:])\{([^}]*)\}"
)
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
    recorded = {name: labels for name, labels in METRICS.items() if ":" in name}
    return {**OF_PROMETHEUS, **measured, **states, **accounts, **recorded}


@pytest.mark.parametrize("query", [pytest.param(query, id=f"{query.dashboard}: {query.part}") for query in queries()])
def test_every_metric_and_label_exists(query: Query, labels_of: Mapping[str, set[str]]) -> None:
    """A query names only metrics that the exporter has, and only labels that these have or that it makes itself."""
    known = set(OF_TARGETS) | {name for pair in MADE.findall(query.expression) for name in pair}
    for metric, matchers in SELECTOR.findall(query.spelled_out()):
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
        if variable["type"] == "query" and variable.get("hide") != 2:
            metric, label = re.findall(r"\((\w+)\{.*, (\w+)\)", variable["query"])[0]
            assert label in labels_of[metric] | OF_TARGETS


def test_nothing_the_exporter_knows_of_a_service_is_missing() -> None:
    """Each family about services, balances and polls is shown somewhere."""
    asked = " ".join(query.expression for query in queries())
    # Said by another one: the last poll by whether it was answered.
    spared = {
        "dcdn_last_poll_timestamp_seconds",
        # Rules read them, and dashboards what these record.
        "dcdn_polls_total",
        "dcdn_polls_skipped_total",
    }

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
    """A variable of one value is compared as it is, since Grafana escapes only those of many as PromQL reads them."""
    whole = json.dumps(DASHBOARDS[name])
    for variable in DASHBOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            matched = set(re.findall(rf'\w+(=~?\\?["`]\$\{{?){variable["name"]}\b', whole))
            assert matched <= ({'=~\\"$'} if variable.get("multi") else {"=`${"}), variable["name"]


@pytest.mark.parametrize("name", ["dcdn-overview", "dcdn-account"])
def test_what_does_not_follow_the_chosen_accounts_says_so(name: str) -> None:
    """Every panel asks for the accounts that were chosen or for the few of them that matter, or is of all by name."""
    choosing = {f"${variable}" for variable in {"account", *hidden(name)}}
    asked = {
        panel["title"]: " ".join(
            query.expression for query in queries() if (query.dashboard, query.part[:-2]) == (name, panel["title"])
        )
        for panel in panels(name)
    }
    of_all = [title for title, expressions in asked.items() if not any(found in expressions for found in choosing)]

    assert [title for title in of_all if not title.endswith("of all accounts")] == []


@pytest.fixture(scope="module")
def links_of() -> Mapping[str, dict[str, list[str]]]:
    """The links of every panel, by dashboard and title, as they are where the documents have an address."""
    return {
        name.removesuffix(".json"): {
            panel["title"]: [link["url"] for link in panel.get("links", [])]
            for outer in json.loads(text(DOCS))["panels"]
            for panel in (outer, *outer.get("panels", ()))
            if panel["type"] != "row"
        }
        for name, text in FILES.items()
    }


def test_every_runbook_that_a_panel_links_is_there(links_of: Mapping[str, dict[str, list[str]]]) -> None:
    """Panels link to runbooks below the address of the documents, to every one, so that each alert is explained."""
    linked = {link for of_panels in links_of.values() for links in of_panels.values() for link in links}

    assert linked == {f"{DOCS}/runbooks/{alert.name}.md" for alert in ALERTS}
    assert [link for link in linked if not (ROOT / "docs" / link.removeprefix(f"{DOCS}/")).is_file()] == []


def test_every_document_that_a_row_links_is_there() -> None:
    """A row leads to its history, to the runbook that the rules name for its need, and to a status page."""
    (table,) = (panel for panel in panels("dcdn-overview") if panel["title"].startswith("Services that need"))
    written = json.loads(FILES["dcdn-overview.json"](DOCS))
    links = re.findall(r'"url": "([^"]*__data.fields[^"]*)"', json.dumps(written["panels"]))
    runbooks = {rule.labels["runbook"] for rule in DASHBOARD_RECORDINGS if "runbook" in rule.labels}
    runbooks |= set(RUNBOOKS.split("|"))
    first = re.findall(r'"runbook", "([\w-]+)"', table["targets"][0]["expr"])

    assert {f"{DOCS}/${{__data.fields.Runbook}}.md", "http://${__data.fields.Exporter}/"} < set(links)
    assert [name for name in runbooks if not (ROOT / "docs" / "runbooks" / f"{name}.md").is_file()] == []
    assert [name for name in first if not (ROOT / "docs" / f"{name}.md").is_file()] == []
    assert (len(runbooks), first) == (8 + 10, ["first-look"])


def test_without_the_address_of_the_documents_no_panel_has_links() -> None:
    """The shipped dashboards do not know it."""
    assert [panel["title"] for name in DASHBOARDS for panel in panels(name) if "links" in panel] == []
    # But for the status page, at the address under which Prometheus scrapes it.
    addresses = {found for one in DASHBOARDS.values() for found in re.findall('https?://[^"]*', json.dumps(one))}
    assert addresses == {"http://${__data.fields.Exporter}/"}


def test_the_program_writes_the_links_that_it_is_given(tmp_path: Path) -> None:
    """For Grafana and for the chart; an address that is none is refused, and nothing is written."""
    for folder in ("grafana/dashboards", "deploy/helm/dcdn-exporter/files/dashboards"):
        (tmp_path / folder).mkdir(parents=True)
    refused = CliRunner().invoke(write, [f"--project={tmp_path}", "--docs-url=docs"])
    assert (refused.exit_code, "seen 'docs'; accepted: " in refused.output) == (2, True)
    assert list(tmp_path.rglob("*.json")) == []

    written = CliRunner().invoke(write, [f"--project={tmp_path}", f"--docs-url={DOCS}/"])
    assert (written.exit_code, written.output) == (0, "")
    for folder in ("grafana/dashboards", "deploy/helm/dcdn-exporter/files/dashboards"):
        assert {file.name: file.read_text() for file in (tmp_path / folder).iterdir()} == {
            name: text(DOCS) for name, text in FILES.items()
        }


@pytest.mark.parametrize(
    ("part", "colours"),
    [
        (
            "Domains by status",
            {
                "dcdn online": "green",
                "dcdn offline": "red",
                "dcdn check_failed": "orange",
                "dcdn configure_failed": "orange",
                "dcdn checking": "blue",
            },
        ),
        (
            "Resource packages, plans of ESA and their sites, by status",
            {
                "cdn packages valid": "green",
                "cdn packages exhaust": "orange",
                "plans online": "green",
                "plans overdue": "red",
                "plans disable": "blue",
                "sites active": "green",
                "sites offline": "red",
                "sites pending": "blue",
            },
        ),
        ("Domains whose certificate has expired, or will", {"cdn expired": "red", "cdn within 30 days": "orange"}),
    ],
)
def test_a_status_has_the_colour_of_what_it_means(part: str, colours: Mapping[str, str]) -> None:
    """What is served is green, what is not is red, what is about to stop is orange, and the others are blue."""
    (panel,) = (panel for panel in panels("dcdn-account") if panel["title"] == part)
    patterns = [
        (override["matcher"]["options"].strip("/"), one["value"]["fixedColor"])
        for override in panel["fieldConfig"]["overrides"]
        for one in override["properties"]
    ]
    # Of several that match, Grafana takes the last one.
    drawn = {name: [colour for pattern, colour in patterns if re.search(pattern, name)][-1] for name in colours}
    assert drawn == colours


@pytest.mark.parametrize("name", DASHBOARDS)
def test_no_colour_is_louder_than_its_alerts(name: str, links_of: Mapping[str, dict[str, list[str]]]) -> None:
    """A number is red only where a linked alert is critical, and orange where one is a warning at least."""
    loudness = {"blue": 1, "orange": 2, "red": 3}
    loudness_of = {Severity.INFO: 1, Severity.WARNING: 2, Severity.CRITICAL: 3}
    # Of one that has two severities the louder one.
    severity_of = dict(sorted((alert.name, loudness_of[alert.severity]) for alert in ALERTS))
    for panel in panels(name):
        alerts = [link.rpartition("/")[2].removesuffix(".md") for link in links_of[name][panel["title"]]]
        colours = re.findall(r'"color": "(\w+)"', json.dumps(panel["fieldConfig"]["defaults"]))
        loudest = max(loudness.get(colour, 0) for colour in colours)
        assert not alerts or loudest <= max(severity_of[alert] for alert in alerts), panel["title"]
