"""The shipped files, as tests read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES_FOLDER = ROOT / "deploy" / "prometheus"
ALERTS_FILE = RULES_FOLDER / "alerts.yaml"
TEST_FILES = sorted(RULES_FOLDER.glob("*_test.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks"


def load(file: Path) -> Any:
    """What a YAML file holds."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    """Every rule of alerts.yaml, in its order."""
    return [rule for group in load(ALERTS_FILE)["groups"] for rule in group["rules"]]


def only(alert: str) -> dict[str, Any]:
    """The rules' file less all alerts but this one: what a test needs that asks for no other."""
    return {
        "groups": [
            {**group, "rules": [rule for rule in group["rules"] if rule.get("alert", alert) == alert]}
            for group in load(ALERTS_FILE)["groups"]
        ]
    }
