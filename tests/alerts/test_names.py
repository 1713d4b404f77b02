"""What rules, runbooks and examples name exists."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from deploy.prometheus.rules.expressions import NAMED_BY, ROUTES
from deploy.prometheus.rules.groups import ALERTS, GROUPS
from deploy.prometheus.rules.rule import Alert, Recording
from deploy.prometheus.rules.thresholds import ROUTED_BY
from exporter.metrics.families import ACCOUNT_INFO_NAME
from tests.alerts.shipped import ALERTS_FILE, ROOT, RULES_FOLDER, RUNBOOKS, TEST_FILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUNBOOK_FILES = sorted(RUNBOOKS.glob("*.md"))
NAMING = [
    ALERTS_FILE,
    *TEST_FILES,
    *RUNBOOK_FILES,
    ROOT / "docs" / "alerts.md",
    RULES_FOLDER / "prometheus.yaml",
    *(file for folder in ("alertmanager", "prometheus") for file in (ROOT / "deploy" / folder).rglob("*.tmpl")),
]
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Over"]

# What a target adds, and what Prometheus says of alerts.
ADDED = {"job", "instance", "alertname", "alertstate"}
NOT_OURS = {
    "up": set[str](),
    "ALERTS": {"severity", "account", "product"},
    "process_cpu_seconds_total": set[str](),
    "process_start_time_seconds": set[str](),
}
_METRIC = re.compile(r"(?<![\w:])(?:dcdn_(?!ipa\b|ipa_)\w+|[a-z_]+:[a-z_]+:[a-z_]+|ALERTS|up(?=\{))")
_SELECTED = re.compile(rf"({_METRIC.pattern})(?:_bucket|_sum|_count)?\{{([^}}]*)\}}")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!=|!~|=)")
_TABLE_ROW = re.compile(r"^\| `(\w+)` \| (gauge|counter|histogram) \|(.*?)\|", re.MULTILINE)
_PRODUCTS = {"dcdn_ipa", "dcdn"}


def existing() -> dict[str, set[str]]:
    """Every metric with its labels: those of the documentation, which is held to the exporter, and recorded ones."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    metrics = {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in _TABLE_ROW.findall(text)}
    metrics |= {f"{name}_count": metrics[name] for name, kind, _ in _TABLE_ROW.findall(text) if kind == "histogram"}
    metrics[ACCOUNT_INFO_NAME] |= set(ROUTED_BY)
    for group in GROUPS:
        for rule in group.rules:
            if isinstance(rule, Recording) and rule.record == ROUTES:
                metrics[ROUTES] = {"account", *ROUTED_BY, *NAMED_BY}
            elif isinstance(rule, Recording):
                by, _, _ = rule.record.partition(":")
                metrics[rule.record] = set(
                    re.findall(r"job|instance|account|product|probe|status|reason|charge_type", by)
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


@pytest.mark.parametrize("file", NAMING, ids=lambda file: file.name)
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


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_annotations_name_labels_that_the_alert_has(alert: Alert) -> None:
    """A label that is aggregated away would leave a hole in the message."""
    rule = next(
        rule
        for group in yaml.safe_load(ALERTS_FILE.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if rule.get("alert") == alert.name
    )
    used = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    kept = {
        label
        for labels in re.findall(r"(?:by|group_left) \(([\w, ]*)\)", rule["expr"])
        for label in labels.split(", ")
    }
    kept |= {label for record in re.findall(r"[a-z_]+:[a-z_]+:[a-z_]+", rule["expr"]) for label in METRICS[record]}
    assert used <= kept | {"job"}


def test_each_alert_has_its_runbook_and_each_runbook_its_alert() -> None:
    """By name."""
    assert [file.stem for file in RUNBOOK_FILES] == sorted(alert.name for alert in ALERTS)


@pytest.mark.parametrize("file", RUNBOOK_FILES, ids=lambda file: file.stem)
def test_a_runbook_goes_from_meaning_to_end(file: Path) -> None:
    """Its name, five chapters with something in each, and both sites in the impact where customers are concerned."""
    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"# {file.stem}\n")
    heads = re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:]
    chapters = dict(zip(heads[::2], heads[1::2], strict=True))
    assert list(chapters) == SECTIONS
    assert all(len(chapter.strip()) > 30 for chapter in chapters.values())
    assert "```" in chapters["Diagnosis"] + chapters["Over"], "commands, not advice"
    severity = next(alert.severity.value for alert in ALERTS if alert.name == file.stem)
    assert severity != "critical" or re.search("site", chapters["Impact"])
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (file.parent / link).exists(), f"{link} does not exist"


def test_what_runbooks_look_for_in_the_log_is_written_there() -> None:
    """Each text is one of the exporter's own, so that to find nothing means that nothing happened."""
    source = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "exporter").rglob("*.py"))
    searches = [
        search
        for file in RUNBOOK_FILES
        for search in re.findall(r"journalctl[^|\n]*\| grep (.*)", file.read_text(encoding="utf-8"))
    ]
    assert len(searches) >= 8
    texts = {text for search in searches for text in search.removeprefix("-E ").strip('"').split("|")}
    # The one event that is put together; its second half is a literal.
    texts = {text.removeprefix("role ") for text in texts}
    assert {text for text in texts if f'"{text}"' not in source} == set()


def test_every_query_of_the_runbooks_can_be_asked(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Prometheus parses each of them."""
    queries = [
        query.strip()
        for file in RUNBOOK_FILES
        for query in re.findall(r"```promql\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert len(queries) > len(ALERTS)
    rules = [{"record": f"runbook:query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}), encoding="utf-8")
    ended = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("promtool"), "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
