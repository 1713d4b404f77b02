"""Every alert as it fires in its first case, by promtool."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import yaml

from deploy.prometheus.rules.groups import ALERTS
from deploy.prometheus.rules.links import links_to
from tests.alerts.shipped import only, tried
from tests.alerts.test_promtool import first_cases

DOCS, GRAFANA = "https://docs.example.org", "https://grafana.example.org"
_GOT = re.compile(r"Labels:\{([^\n]*)\}\n\s*Annotations:\{([^\n]*)\}")
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')

Labels = dict[str, str]


def fired_alerts(tool: Callable[[str], str], folder: Path) -> dict[str, tuple[Labels, Labels]]:
    """Labels and annotations of each alert, links among them, by its name; the folder is used for files."""
    links = links_to(docs=DOCS, grafana=GRAFANA)
    files = []
    for case, name in first_cases():
        rules = only(name)
        (alert,) = (one for one in ALERTS if one.name == name)
        for rule in (rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule):
            rule["annotations"] |= links(alert)
        (folder / f"{name}.rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(case), encoding="utf-8")
        files.append(f"{name}.yaml")
    ended = tried(tool("promtool"), *files, folder=folder)
    # promtool prints what it got in place of nothing.
    fired: dict[str, tuple[Labels, Labels]] = {}
    # Of several at once, the one that is first by its labels: promtool's versions have orders of their own.
    for labels, annotations in sorted(map(_both, _GOT.findall(ended.stdout + ended.stderr)), key=str):
        fired.setdefault(labels["alertname"], (labels, annotations))
    return {alert.name: fired[alert.name] for alert in ALERTS}


def _both(texts: tuple[str, str]) -> tuple[Labels, Labels]:
    # Versions of promtool do not agree about the shares that rates are.
    stable = (re.sub(r"\d[\d.]*%", "12%", text) for text in texts)
    labels, annotations = ({name: json.loads(value) for name, value in _PAIR.findall(text)} for text in stable)
    return labels, annotations
