"""What rules, runbooks and examples name exists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from deploy.prometheus.rules import thresholds
from deploy.prometheus.rules.expressions import LOCKED_ROUTES, NAMED_BY, ROUTES
from deploy.prometheus.rules.groups import ALERTS, GROUPS
from deploy.prometheus.rules.rule import Alert, Recording
from deploy.prometheus.rules.thresholds import JOB, ROUTED_BY
from exporter.metrics.families import ACCOUNT_INFO_NAME
from tests.alerts.shipped import ALERTS_FILE, ROOT, RULES_FOLDER, RUNBOOKS, TEST_FILES, rules, unique

if TYPE_CHECKING:
    from pathlib import Path

ALERT_IDS = unique(alert.name for alert in ALERTS)
NAMING = [
    ALERTS_FILE,
    *TEST_FILES,
    *sorted(RUNBOOKS.rglob("*.md")),
    ROOT / "docs" / "alerts.md",
    RULES_FOLDER / "prometheus.yaml",
    *(file for folder in ("alertmanager", "prometheus") for file in (ROOT / "deploy" / folder).rglob("*.tmpl")),
]
# What a target adds, and what Prometheus says of alerts.
ADDED = {"job", "instance", "cluster", "alertname", "alertstate"}
NOT_OURS = {
    "up": set[str](),
    "ALERTS": {"severity", "account", "product", "probe", "status", "currency"},
    "process_cpu_seconds_total": set[str](),
    "process_start_time_seconds": set[str](),
}
_METRIC = re.compile(r"(?<![\w:])(?:dcdn_(?!ipa\b|ipa_)\w+|[a-z_]+:[a-z_]+:[a-z_]+|ALERTS|up(?=\{))")
_SELECTED = re.compile(rf"({_METRIC.pattern})(?:_bucket|_sum|_count)?\{{([^}}]*)\}}")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!=|!~|=)")
_TABLE_ROW = re.compile(r"^\| `(\w+)` \| (gauge|counter|histogram) \|(.*?)\|", re.MULTILINE)
_PRODUCTS = {"dcdn_ipa", "dcdn", "dcdn_sec"}


def existing() -> dict[str, set[str]]:
    """Every metric with its labels: those of the documentation, which is held to the exporter, and recorded ones."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    metrics = {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in _TABLE_ROW.findall(text)}
    metrics |= {f"{name}_count": metrics[name] for name, kind, _ in _TABLE_ROW.findall(text) if kind == "histogram"}
    metrics[ACCOUNT_INFO_NAME] |= set(ROUTED_BY)
    for group in GROUPS:
        for rule in group.rules:
            if isinstance(rule, Recording) and rule.record in (ROUTES, LOCKED_ROUTES):
                metrics[rule.record] = {"account", *ROUTED_BY, *NAMED_BY}
            elif isinstance(rule, Recording):
                by, _, _ = rule.record.partition(":")
                metrics[rule.record] = set(
                    re.findall(
                        r"job|instance_id|instance|site|account_id|account|product|component|probe|status|reason|charge_type|currency"
                        r"|template|unit|runbook|operation|finding|item|measure",
                        by,
                    )
                )
    return metrics | NOT_OURS


METRICS = existing()


def test_the_documentation_was_read() -> None:
    """A table that is written otherwise would make the tests below say nothing."""
    assert len(METRICS) > 40
    assert METRICS["dcdn_service_lock"] == {"account", "product", "reason"}
    assert METRICS["account_product_charge_type:dcdn_service_charge_type:held"] == {
        "account",
        "product",
        "charge_type",
    }


@pytest.mark.parametrize("file", NAMING, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_metric_and_label_named_exists(file: Path) -> None:
    """Also those in comments and sentences."""
    text = file.read_text(encoding="utf-8")
    named = {name for name in _METRIC.findall(text) if name not in _PRODUCTS}
    assert named - METRICS.keys() == set()
    wrong = {
        (metric, label)
        for metric, selector in _SELECTED.findall(text)
        for label in _LABEL.findall(re.sub(r'"[^"]*"', '""', selector))
        if label not in METRICS[metric] | ADDED | {"severity"}
    }
    assert wrong == set()


def test_every_threshold_that_the_pages_name_exists() -> None:
    """Who is to raise one finds it in thresholds.py."""
    pages = [ROOT / "docs" / "alerts.md", *RUNBOOKS.glob("*.md")]
    named = {
        name for page in pages for name in re.findall(r"`([A-Z]+(?:_[A-Z]+)*_S)`", page.read_text(encoding="utf-8"))
    }
    assert {"ACCOUNT_MISSING_S", "DISCOVERY_STALE_S"} <= named
    assert {name for name in named if not hasattr(thresholds, name)} == set()


@pytest.mark.parametrize("alert", ALERTS, ids=ALERT_IDS)
def test_annotations_name_labels_that_the_alert_has(alert: Alert) -> None:
    """A label that is aggregated away would leave a hole in the message."""
    rule = next(
        rule for rule in rules() if (rule.get("alert"), rule["expr"]) == (alert.name, alert.expression.strip())
    )
    used = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    kept = {
        label
        for labels in re.findall(r"(?:by|group_left) \(([\w, ]*)\)", rule["expr"])
        for label in labels.split(", ")
    }
    kept |= {label for record in re.findall(r"[a-z_]+:[a-z_]+:[a-z_]+", rule["expr"]) for label in METRICS[record]}
    kept |= set(re.findall(r'"(\w+)", "[^"]+", "\w*", "[^"]*"\s*\)', rule["expr"]))  # label_replace
    assert used <= kept | {"job"}


def test_rules_read_one_job() -> None:
    """Every selector of an exporter's metric names it: an exporter of another job raises no alert, and holds none."""
    selected = [
        (metric, matchers)
        for rule in rules()
        for metric, matchers in re.findall(
            r"(?<![:\w])(dcdn_\w+|process_start_time_seconds|up)\b(?!:)(?:\{([^}]*)\})?", rule["expr"]
        )
    ]
    assert {"up", "dcdn_poll_success", "process_start_time_seconds"} < {metric for metric, _ in selected}
    assert [metric for metric, matchers in selected if f'job="{JOB}"' not in matchers] == []
