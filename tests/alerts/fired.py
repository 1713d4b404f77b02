"""Every alert as it fires in its first case, by promtool."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from deploy.prometheus.rules.groups import ALERTS
from deploy.prometheus.rules.links import links_to
from deploy.prometheus.rules.rule import Alert
from exporter.config.values import parse_duration
from tests.alerts.shipped import TEST_FILES, load, only, tried, unique

DOCS, GRAFANA = "https://docs.example.org", "https://grafana.example.org"
OTHER_TEXTS = {"DcdnDiscoveryStale": "joined in the last", "DcdnReplicaFailing": "fail on this one only"}
"""Alerts with one text or another, by their value, and words of the text that their soonest case does not show."""
_GOT = re.compile(r"Labels:\{([^\n]*)\}\n\s*Annotations:\{([^\n]*)\}")
_ALERT = re.compile(r'alertname="(\w+)"')
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')

Labels = dict[str, str]


def firing(check: dict[str, Any]) -> set[str]:
    """The alerts that fire in a check."""
    return {name for sample in check["exp_samples"] or () for name in _ALERT.findall(sample["labels"])}


def soonest_cases() -> Iterator[tuple[str, Alert, list[dict[str, Any]]]]:
    """Each alert, by a name that no other one has, and the cases that one of its name fires in, the soonest first.

    Each is less all checks but one that expects none of it at that moment.
    """
    cases: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for file in TEST_FILES:
        whole = load(file)
        pace_s = parse_duration(whole["evaluation_interval"])
        for case in whole["tests"]:
            for check in case["promql_expr_test"]:
                rounds = int(parse_duration(check["eval_time"]) / pace_s)
                for name in firing(check):
                    asked = {"eval_time": check["eval_time"], "alertname": name, "exp_alerts": []}
                    alone = {**case, "promql_expr_test": [], "alert_rule_test": [asked]}
                    cases.setdefault(name, []).append((rounds, {**whole, "tests": [alone]}))
    assert cases.keys() == {alert.name for alert in ALERTS}, "some fire in no case"
    for name, alert in zip(unique(alert.name for alert in ALERTS), ALERTS, strict=True):
        yield name, alert, [case for _, case in sorted(cases[alert.name], key=lambda one: one[0])]


def fired_alerts(tool: Callable[[str], str], folder: Path) -> dict[str, tuple[Labels, Labels]]:
    """Labels and annotations of each alert, links among them, by a name that no other one has.

    The folder is used for files. Of alerts that stand twice, the second one has a number. Of those with two texts,
    the other one is there as NAME-other.
    """
    links = links_to(docs=DOCS, grafana=GRAFANA)
    fired: dict[str, tuple[Labels, Labels]] = {}
    for name, alert, cases in soonest_cases():
        rules = deepcopy(only(alert.name, expression=alert.expression.strip()))
        for rule in (rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule):
            rule["annotations"] |= links(alert)
        (folder / "alerts.yaml").write_text(json.dumps(rules), encoding="utf-8")
        for case in cases:
            (folder / "case.yaml").write_text(yaml.dump(case, Dumper=yaml.CSafeDumper), encoding="utf-8")
            ended = tried(tool("promtool"), "case.yaml", folder=folder)
            # promtool prints what it got in place of nothing. Of several at once, the one that is first by its
            # labels: promtool's versions have orders of their own.
            got = sorted(map(_both, _GOT.findall(ended.stdout + ended.stderr)), key=str)
            if got:
                fired.setdefault(name, got[0])
            other = OTHER_TEXTS.get(name)
            others = [one for one in got if other and other in one[1]["description"]]
            if others:
                fired[f"{name}-other"] = others[0]
            if others or (got and not other):
                break
    expected = {*unique(alert.name for alert in ALERTS), *(f"{name}-other" for name in OTHER_TEXTS)}
    missing = expected - fired.keys()
    assert not missing, f"{missing} fire in no case"
    return fired


def _both(texts: tuple[str, str]) -> tuple[Labels, Labels]:
    # Versions of promtool do not agree about the shares that rates are.
    stable = (re.sub(r"\d[\d.]*%", "12%", text) for text in texts)
    labels, annotations = ({name: json.loads(value) for name, value in _PAIR.findall(text)} for text in stable)
    return labels, annotations
