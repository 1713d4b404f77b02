"""The rules on promtool's clock: what fires when, and what stays quiet."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from deploy.prometheus.rules.groups import ALERTS
from tests.alerts.shipped import TEST_FILES, load, only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ALERT = re.compile(r'alertname="(\w+)"')


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_every_alert_fires_in_its_case_and_in_no_other(file: Path, tool: Callable[[str], str]) -> None:
    """Each case names all that fire at a moment."""
    ended = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("promtool"), "test", "rules", file.name], cwd=file.parent, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def firing(check: dict[str, Any]) -> set[str]:
    """The alerts that fire in a check."""
    return {name for sample in check["exp_samples"] or () for name in _ALERT.findall(sample["labels"])}


def first_cases() -> Iterator[tuple[dict[str, Any], str]]:
    """A case that each alert fires in, less all checks but one that expects none of it at that moment."""
    wanted = {alert.name for alert in ALERTS}
    for file in TEST_FILES:
        whole = load(file)
        for case in whole["tests"]:
            for check in case["promql_expr_test"]:
                for name in sorted(firing(check) & wanted):
                    wanted.remove(name)
                    asked = {"eval_time": check["eval_time"], "alertname": name, "exp_alerts": []}
                    yield (
                        {
                            **whole,
                            "rule_files": [f"{name}.rules.yaml"],
                            "tests": [{**case, "promql_expr_test": [], "alert_rule_test": [asked]}],
                        },
                        name,
                    )
    assert wanted == set(), "these fire in no case"


def test_the_messages_of_every_alert_can_be_written(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Each alert fires in some case, and its annotations there have every value that they name."""
    files = []
    for case, name in first_cases():
        (tmp_path / f"{name}.rules.yaml").write_text(yaml.safe_dump(only(name)), encoding="utf-8")
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(case), encoding="utf-8")
        files.append(str(file))
    ended = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("promtool"), "test", "rules", *files], capture_output=True, text=True, check=False
    )
    # promtool prints what it got in place of nothing.
    got = ended.stdout + ended.stderr
    seen = re.findall(r'Labels:\{[^\n]*alertname="(\w+)"[^\n]*\}\n\s*Annotations:\{([^\n]*)\}', got)
    assert {name for name, _ in seen} == {alert.name for alert in ALERTS}, got
    assert [text for _, text in seen if "<no value>" in text or "error" in text or "%!" in text] == []
