"""The files that come from the rules."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from deploy.prometheus.rules.files import alerts_file, alerts_table, dashboard_url, prometheus_rule, runbook_url
from deploy.prometheus.rules.groups import ALERTS
from deploy.prometheus.rules.rule import Alert, Pause, Recording, Severity
from deploy.prometheus.rules.table import BEGIN, END, with_table
from deploy.prometheus.rules.thresholds import (
    BALANCE_INTERVAL_S,
    POLL_INTERVAL_S,
    POLL_TIMEOUT_S,
    STALE_AFTER_S,
)
from exporter import PROJECT_URL
from exporter.config import Poll
from tests.alerts.shipped import ALERTS_FILE, ROOT, RULES_FOLDER, load, rules

if TYPE_CHECKING:
    from collections.abc import Callable

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
    assert len(rules()) == len({rule.get("alert") or rule["record"] for rule in rules()})


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


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_says_whom_what_and_where(alert: Alert) -> None:
    """A severity, a summary and a description that end well, and a runbook under the one address of the project."""
    (rule,) = [rule for rule in rules() if rule.get("alert") == alert.name]
    assert rule["labels"] == {"severity": alert.severity.value}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert rule["annotations"]["runbook_url"] == runbook_url(alert)
    assert rule["annotations"]["dashboard_url"] == dashboard_url(alert)
    assert runbook_url(alert).startswith(f"{PROJECT_URL}/")
    assert not alert.summary.endswith(".")
    assert alert.description.endswith((".", "{{ end }}"))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_leads_to_a_dashboard_that_is_shipped(alert: Alert) -> None:
    """Whoever is paged sees the account's history, or the exporter's where the alert is about no account."""
    uid, _, chosen = dashboard_url(alert).removeprefix(f"{PROJECT_URL}/grafana/d/").partition("?")
    about_an_account = "{{ $labels.account }}" in alert.summary

    assert (ROOT / "grafana" / "dashboards" / f"{uid}.json").is_file()
    assert uid == ("dcdn-account" if about_an_account else "dcdn-exporter")
    assert chosen == ("var-account={{ $labels.account | urlquery }}" if about_an_account else "")


def test_intervals_are_the_exporters_own() -> None:
    """What the table computes delays from is what the exporter does unless it is configured otherwise."""
    poll = Poll.model_validate({})
    assert (poll.interval_s, poll.timeout_s, poll.stale_after_s, poll.balance_interval_s) == (
        POLL_INTERVAL_S,
        POLL_TIMEOUT_S,
        STALE_AFTER_S,
        BALANCE_INTERVAL_S,
    )


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    """Nothing is appended to a page by guess."""
    assert with_table(f"a\n{BEGIN}old\n{END}b\n", "new\n") == f"a\n{BEGIN}\nnew\n\n{END}b\n"
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
    }
    with pytest.raises(ValueError, match="is no DcdnNameInCapitals"):
        Alert("ServiceLocked", **parts)
    with pytest.raises(ValueError, match="is learned -1 s after"):
        Alert("DcdnServiceLocked", **{**parts, "learned_after_s": -1})
