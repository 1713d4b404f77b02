"""The rules on promtool's clock: what fires when, and what stays quiet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from deploy.prometheus.rules.groups import ALERTS
from exporter.config.values import parse_duration
from tests.alerts.shipped import TEST_FILES, load, only, tried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ALERT = re.compile(r'alertname="(\w+)"')


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_every_alert_fires_in_its_case_and_in_no_other(file: Path, tool: Callable[[str], str]) -> None:
    """Each case names all that fire at a moment."""
    ended = tried(tool("promtool"), file.name, folder=file.parent)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def firing(check: dict[str, Any]) -> set[str]:
    """The alerts that fire in a check."""
    return {name for sample in check["exp_samples"] or () for name in _ALERT.findall(sample["labels"])}


def first_cases() -> Iterator[tuple[dict[str, Any], str]]:
    """The case that each alert fires in soonest, less all checks but one that expects none of it at that moment."""
    soonest: dict[str, tuple[int, dict[str, Any]]] = {}
    for file in TEST_FILES:
        whole = load(file)
        pace_s = parse_duration(whole["evaluation_interval"])
        for case in whole["tests"]:
            for check in case["promql_expr_test"]:
                rounds = int(parse_duration(check["eval_time"]) / pace_s)
                for name in firing(check):
                    asked = {"eval_time": check["eval_time"], "alertname": name, "exp_alerts": []}
                    alone = {**case, "promql_expr_test": [], "alert_rule_test": [asked]}
                    found = (rounds, {**whole, "rule_files": [f"{name}.rules.yaml"], "tests": [alone]})
                    soonest[name] = min(soonest.get(name, found), found, key=lambda one: one[0])
    assert soonest.keys() == {alert.name for alert in ALERTS}, "some fire in no case"
    for name, (_, case) in soonest.items():
        yield case, name


def test_the_messages_of_every_alert_can_be_written(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Each alert fires in some case, and its annotations there have every value that they name."""
    files = []
    for case, name in first_cases():
        (tmp_path / f"{name}.rules.yaml").write_text(yaml.safe_dump(only(name)), encoding="utf-8")
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(case), encoding="utf-8")
        files.append(file.name)
    ended = tried(tool("promtool"), *files, folder=tmp_path)
    # promtool prints what it got in place of nothing.
    got = ended.stdout + ended.stderr
    seen = re.findall(r'Labels:\{[^\n]*alertname="(\w+)"[^\n]*\}\n\s*Annotations:\{([^\n]*)\}', got)
    assert {name for name, _ in seen} == {alert.name for alert in ALERTS}, got
    assert [text for _, text in seen if "<no value>" in text or "error" in text or "%!" in text] == []
