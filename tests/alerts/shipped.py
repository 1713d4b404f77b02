"""The shipped files, as tests read them, and promtool, which tries their rules."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
RULES_FOLDER = ROOT / "deploy" / "prometheus"
ALERTS_FILE = RULES_FOLDER / "alerts.yaml"
TEST_FILES = sorted(RULES_FOLDER.glob("*_test.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks"

_FIRING = re.compile(r'ALERTS\{alertname=~?"([\w|]+)"')


def load(file: Path) -> Any:
    """What a YAML file holds."""
    return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@cache
def groups() -> list[dict[str, Any]]:
    """The groups of alerts.yaml, read once."""
    return list(load(ALERTS_FILE)["groups"])


def rules() -> list[dict[str, Any]]:
    """Every rule of alerts.yaml, in its order."""
    return [rule for group in groups() for rule in group["rules"]]


def unique(names: Iterable[str]) -> list[str]:
    """The names, of which a second one of a kind has a number: some alerts have two severities."""
    seen = Counter[str]()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name}-{seen[name]}" if seen[name] > 1 else name)
    return numbered


def only(*names: str, expression: str | None = None) -> dict[str, Any]:
    """The rules' file less all but these alerts or recordings, and what is recorded, or fires, for them.

    Of alerts that stand twice, the ``expression`` says which one.
    """
    everything = rules()
    kept = [
        rule
        for rule in everything
        if (rule.get("alert") or rule["record"]) in names and expression in {None, rule["expr"]}
    ]
    # What is recorded may be computed from what else is recorded, also after it.
    for needed in kept:
        fires = {name for found in _FIRING.findall(needed["expr"]) for name in found.split("|")} - {*names}
        kept += [
            rule
            for rule in everything
            if rule not in kept and (rule.get("alert") in fires or rule.get("record", "no record") in needed["expr"])
        ]
    return {
        "groups": [
            {**group, "rules": ours}
            for group in groups()
            if (ours := [rule for rule in group["rules"] if rule in kept])
        ]
    }


def tried(promtool: str, *files: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """How `promtool test rules` ended with the files of a folder."""
    return subprocess.run(  # noqa: S603 — a tool that the tests look for
        [promtool, "test", "rules", *files],
        cwd=folder,
        # A third of its time went into collecting the garbage of a heap of few megabytes.
        env={**os.environ, "GOGC": "800"},
        capture_output=True,
        text=True,
        check=False,
    )
