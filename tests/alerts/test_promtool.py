"""The rules on promtool's clock: what fires when, and what stays quiet."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.alerts.reachable import reachable
from tests.alerts.shipped import ALERTS_FILE, TEST_FILES, groups, load, tried

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_every_alert_fires_in_its_case_and_in_no_other(
    file: Path, tool: Callable[[str], str], tmp_path: Path
) -> None:
    """Each case names all that fire at a moment; it has all rules that can have a result with its series."""
    document = load(file)
    cases = document.pop("tests")
    assert document["rule_files"] == [ALERTS_FILE.name]
    for number, case in enumerate(cases, start=1):
        rules = {"groups": reachable(groups(), map(metric, case["input_series"]))}
        (tmp_path / f"rules-{number}.yaml").write_text(json.dumps(rules))
        alone = {**document, "rule_files": [f"rules-{number}.yaml"], "tests": [case]}
        (tmp_path / f"case-{number}.yaml").write_text(yaml.dump(alone, Dumper=yaml.CSafeDumper), encoding="utf-8")
    ended = tried(tool("promtool"), *(f"case-{number}.yaml" for number in range(1, len(cases) + 1)), folder=tmp_path)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("SUCCESS") == len(cases)


def metric(series: dict[str, Any]) -> str:
    """The name of the metric that a series is of."""
    found = re.match(r"[a-zA-Z_:][\w:]*", series["series"])
    assert found is not None
    return found[0]
