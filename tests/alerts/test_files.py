"""The files that come from the rules."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft7Validator

from deploy.prometheus.rules.__main__ import main as write
from deploy.prometheus.rules.delays import first_seen_after_s
from deploy.prometheus.rules.expressions import EXPIRED_BEFORE, OFFLINE_BEFORE, STEADY_TARGETS
from deploy.prometheus.rules.files import alerts_file, alerts_table, prometheus_rule
from deploy.prometheus.rules.groups import ALERTS
from deploy.prometheus.rules.links import links_to
from deploy.prometheus.rules.rule import Alert, Pause, Recording, Severity
from deploy.prometheus.rules.table import with_table
from deploy.prometheus.rules.thresholds import (
    BALANCE_INTERVAL_S,
    INVENTORY_INTERVAL_S,
    JOB,
    POLL_INTERVAL_S,
    POLL_TIMEOUT_S,
    STALE_AFTER_S,
)
from exporter.config import Poll
from exporter.config.values import parse_duration
from tests.alerts.shipped import ALERTS_FILE, ROOT, RULES_FOLDER, load, rules, tried, unique

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALERT_IDS = unique(alert.name for alert in ALERTS)
CRD = ROOT / "tests" / "alerts" / "crd" / "monitoring.coreos.com_prometheusrules.yaml"


@pytest.mark.parametrize(
    ("file", "text"),
    [("alerts.yaml", alerts_file()), ("prometheusrule.yaml", prometheus_rule())],
    ids=["alerts", "prometheusrule"],
)
def test_the_shipped_files_are_what_the_rules_say(file: str, text: str) -> None:
    """`make rules` would change nothing."""
    assert (RULES_FOLDER / file).read_text(encoding="utf-8") == text


def test_the_table_of_the_documentation_is_what_the_rules_say() -> None:
    """`make rules` would change nothing there either."""
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert with_table(page, alerts_table()) == page


def test_both_forms_hold_the_same_rules() -> None:
    """The operator loads what Prometheus loads from the plain file."""
    resource = load(RULES_FOLDER / "prometheusrule.yaml")
    assert resource["spec"] == load(ALERTS_FILE)
    assert len(rules()) == len({(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()})


def test_locks_are_evaluated_every_15_seconds_and_all_else_at_leisure() -> None:
    """Each group says so itself, whatever Prometheus is configured with; counters of polls every 4 minutes."""
    intervals = {group["name"]: group["interval"] for group in load(ALERTS_FILE)["groups"]}
    assert intervals.pop("dcdn-lock") == "15s"
    assert intervals.pop("dcdn-poll") == "4m"
    assert set(intervals.values()) == {"1m"}


def test_no_range_of_hours_is_read_of_accounts() -> None:
    """With 10,000 of them, 6 hours are more samples than Prometheus reads.

    Of a job there is one series, and what has stopped has a sample for each moment at which more did.
    """
    ranges = [
        (series, parse_duration(length))
        for rule in rules()
        for series, length in re.findall(r"([\w:]+)(?:\{[^}]*\})?\)?\[(\w+)(?::\w+)?\]", rule["expr"])
    ]
    assert len(ranges) > 10
    assert {series for series, length_s in ranges if length_s > 3600} == {
        STEADY_TARGETS,
        EXPIRED_BEFORE,
        OFFLINE_BEFORE,
    }


def test_promtool_finds_nothing_to_say(tool: Callable[[str], str]) -> None:
    """Every expression and template parses, and no rule stands twice."""
    ended = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", str(ALERTS_FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, f"SUCCESS: {len(rules())} rules found" in ended.stdout) == (0, True), ended


def strict(schema: Any) -> Any:
    """The schema of a custom resource as an API server reads it that refuses unknown fields."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: strict(value) for key, value in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        out.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        out.pop("type", None)
    return out


def test_the_operator_accepts_the_resource() -> None:
    """No field is unknown to its definition, none is missing, and each has its form."""
    schema = strict(load(CRD)["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
    resource = load(RULES_FOLDER / "prometheusrule.yaml")
    assert [error.message for error in Draft7Validator(schema).iter_errors(resource)] == []

    resource["spec"]["groups"][0]["rules"][0]["exprs"] = "1"
    assert list(Draft7Validator(schema).iter_errors(resource)), "the definition refuses what it does not know"


@pytest.mark.parametrize("alert", ALERTS, ids=ALERT_IDS)
def test_every_alert_says_whom_what_and_where(alert: Alert) -> None:
    """A severity, a job, texts in both languages that end well, and no link: whose it would be is not known."""
    (rule,) = [
        rule for rule in rules() if (rule.get("alert"), rule["expr"]) == (alert.name, alert.expression.strip())
    ]
    named = {"job": JOB, "account_id": "", "account_name": ""} if alert.is_about_an_account else {}
    assert rule["labels"] == {"severity": alert.severity.value, **named, **dict.fromkeys(alert.unnamed, "")}
    assert named or re.search(r"by \(job|job_|job:|up\{job", alert.expression), "the job is none of the expression's"
    assert set(rule["annotations"]) == {"summary", "description", "summary_zh", "description_zh"}
    assert not alert.summary.endswith(".")
    assert alert.description.endswith((".", "{{ end }}"))
    assert not alert.summary_zh.endswith("。")
    assert alert.description_zh.endswith(("。", "{{ end }}"))
    assert alert.name == "DcdnFleetFailing" or "{{ with query" not in str(rule["annotations"])


@pytest.mark.parametrize("alert", ALERTS, ids=ALERT_IDS)
def test_no_text_strings_three_things_together(alert: Alert) -> None:
    """An account, a product and a probe are named one after another."""
    assert not re.search(r"of \{\{[^}]*\}\} of", alert.summary + alert.description)


@pytest.mark.parametrize("alert", ALERTS, ids=ALERT_IDS)
def test_every_alert_leads_to_a_dashboard_that_is_shipped(alert: Alert) -> None:
    """The link of a page is the account's history, or the exporter's where the alert is about no account."""
    address = links_to(docs="", grafana="https://grafana.invalid/")(alert)["dashboard_url"]
    uid, _, chosen = address.removeprefix("https://grafana.invalid/d/").partition("?")
    *account, shown_from, shown_to = chosen.split("&")
    about_an_account = "{{ $labels.account }}" in alert.summary

    assert (ROOT / "grafana" / "dashboards" / f"{uid}.json").is_file()
    assert uid == ("dcdn-account" if about_an_account else "dcdn-exporter")
    assert account == (["var-account={{ $labels.account | urlquery }}"] if about_an_account else [])
    assert shown_to == "to=now"
    shown_s = parse_duration(shown_from.removeprefix("from=now-"))
    assert 6 * 3600 <= shown_s - first_seen_after_s(alert) < 7 * 3600


DOCS, GRAFANA = "https://git.invalid/x/-/blob/main/docs", "https://grafana.invalid"


@pytest.mark.parametrize("docs", ["", DOCS, f"{DOCS}/"], ids=["no-docs", "docs", "docs-with-a-slash"])
@pytest.mark.parametrize("grafana", ["", GRAFANA], ids=["no-grafana", "grafana"])
def test_alerts_have_the_links_whose_beginning_is_given(docs: str, grafana: str, tmp_path: Path) -> None:
    """Both files for Prometheus hold them and are else the same; the chart's file does not depend on them."""
    for name in ("deploy/prometheus", "deploy/helm/dcdn-exporter/files", "docs"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "docs/alerts.md", tmp_path / "docs")
    written = CliRunner().invoke(
        write, [f"--project={tmp_path}", f"--docs-url={docs}", f"--grafana-url={grafana}"], catch_exceptions=False
    )
    assert (written.exit_code, written.output) == (0, "")

    groups = load(tmp_path / "deploy/prometheus/alerts.yaml")["groups"]
    assert load(tmp_path / "deploy/prometheus/prometheusrule.yaml")["spec"]["groups"] == groups
    for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
        runbook = rule["annotations"].pop("runbook_url", None)
        assert runbook == (f"{DOCS}/runbooks/{rule['alert']}.md" if docs else None)
        translated = docs and (ROOT / f"docs/runbooks/zh/{rule['alert']}.md").is_file()
        chinese = rule["annotations"].pop("runbook_url_zh", None)
        assert chinese == (f"{DOCS}/runbooks/zh/{rule['alert']}.md" if translated else None)
        dashboard = rule["annotations"].pop("dashboard_url", "")
        assert dashboard.startswith(f"{grafana}/d/dcdn-" if grafana else "")
        assert bool(dashboard) == bool(grafana)
    assert groups == load(ALERTS_FILE)["groups"]
    chart = "deploy/helm/dcdn-exporter/files/alerts.yaml"
    assert (tmp_path / chart).read_text(encoding="utf-8") == (ROOT / chart).read_text(encoding="utf-8")


def test_a_link_bears_any_name_of_an_account(tool: Callable[[str], str], tmp_path: Path) -> None:
    """A name with characters that mean something in an address arrives whole."""
    link = links_to(docs="", grafana=GRAFANA)(next(alert for alert in ALERTS if alert.name == "DcdnInDebt"))
    rule = {"alert": "Debt", "expr": "debt", "annotations": link}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "links", "rules": [rule]}]}))
    labels = {"account": "a&b=c d/é"}
    made = f"{GRAFANA}/d/dcdn-account?var-account=a%26b%3Dc+d%2F%C3%A9&from=now-7h&to=now"
    asked = {
        "eval_time": "0s",
        "alertname": "Debt",
        "exp_alerts": [{"exp_labels": labels, "exp_annotations": {"dashboard_url": made}}],
    }
    series = [{"series": 'debt{account="a&b=c d/é"}', "values": "1"}]
    case = {"rule_files": ["rules.yaml"], "tests": [{"input_series": series, "alert_rule_test": [asked]}]}
    (tmp_path / "case.yaml").write_text(yaml.safe_dump(case))
    ended = tried(tool("promtool"), "case.yaml", folder=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_links_of_the_shipped_documents_are_there() -> None:
    """A runbook's link names a file below docs."""
    for alert in ALERTS:
        path = links_to(docs=DOCS, grafana="")(alert)["runbook_url"].removeprefix(DOCS)
        assert (ROOT / f"docs{path}").is_file()


@pytest.mark.parametrize(
    "address",
    ["docs", "javascript:alert(1)", "https://x.invalid/?ref=main", "https://x.invalid/#a", "https://{{ x }}"],
)
def test_an_address_that_no_path_can_follow_is_refused(address: str, tmp_path: Path) -> None:
    """Nothing is written then."""
    for option in ("docs", "grafana"):
        refused = CliRunner().invoke(write, [f"--project={tmp_path}", f"--{option}-url={address}"])
        assert (refused.exit_code, f"seen '{address}'; accepted: " in refused.output) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_intervals_are_the_exporters_own() -> None:
    """What the table computes delays from is what the exporter does unless it is configured otherwise."""
    poll = Poll.model_validate({})
    assert (
        poll.interval_s,
        poll.timeout_s,
        poll.stale_after_s,
        poll.balance_interval_s,
        poll.inventory_interval_s,
    ) == (
        POLL_INTERVAL_S,
        POLL_TIMEOUT_S,
        STALE_AFTER_S,
        BALANCE_INTERVAL_S,
        INVENTORY_INTERVAL_S,
    )


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    """Nothing is appended to a page by guess."""
    begin, end = "<!-- written by `make rules` -->\n", "<!-- end -->\n"
    assert with_table(f"a\n{begin}old\n{end}b\n", "new\n") == f"a\n{begin}\nnew\n\n{end}b\n"
    with pytest.raises(ValueError, match="the page has no"):
        with_table("a\n", "new\n")


def test_senseless_rules_cannot_be_made() -> None:
    """Names have their form, and a pause has a length and a reason."""
    with pytest.raises(ValueError, match="a pause of -1 s"):
        Pause(-1, "it cannot be")
    with pytest.raises(ValueError, match="a pause of 1 s"):
        Pause(1, "")
    with pytest.raises(ValueError, match="is no level:metric:operation"):
        Recording("dcdn_lock", "1", "why")
    parts: dict[str, Any] = {
        "severity": Severity.INFO,
        "expression": "1",
        "fires_when": "always",
        "learned_after_s": 0,
        "waits": Pause(0, "why not"),
        "summary": "s",
        "description": "d.",
        "summary_zh": "s",
        "description_zh": "d。",
    }
    with pytest.raises(ValueError, match="is no DcdnNameInCapitals"):
        Alert("ServiceLocked", **parts)
    with pytest.raises(ValueError, match="is learned -1 s after"):
        Alert("DcdnServiceLocked", **{**parts, "learned_after_s": -1})
