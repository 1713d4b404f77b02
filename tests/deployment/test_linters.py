"""What other people's tools hold against the image and the chart."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.deployment.chart_sets import SETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deployment.test_chart import Render

pytestmark = [pytest.mark.rehearsal, pytest.mark.waits]

ROOT = Path(__file__).parent.parent.parent
CONTAINERFILE = ROOT / "deploy" / "container" / "Containerfile"
EXPLAINED = ROOT / ".checkov.yaml"


def test_hadolint_finds_nothing(tool: Callable[[str], str]) -> None:
    """Nor is it told to look away."""
    linted = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("hadolint"), str(CONTAINERFILE)], capture_output=True, text=True, timeout=60, check=False
    )

    assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")
    assert "hadolint ignore" not in CONTAINERFILE.read_text(encoding="utf-8")


def test_checkov_finds_what_is_explained(tool: Callable[[str], str], render: Render, tmp_path: Path) -> None:
    """In the image and in all that the chart makes: each finding has its reason in one file."""
    checkov = tool("checkov")
    shutil.copy(CONTAINERFILE, tmp_path / "Dockerfile")  # the name by which it is known
    for name, values in SETS.items():
        # One set's network policy would speak for the pods of all the others.
        resources = [resource for resource in render(values) if resource["kind"] != "NetworkPolicy"]
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump_all(resources), encoding="utf-8")
    checked = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [
            checkov,
            f"--directory={tmp_path}",
            *("--framework", "dockerfile", "kubernetes"),
            "--skip-download",
            "--output=json",
            "--soft-fail",
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        cwd=tmp_path,  # else it would find the file of explanations
    )
    reports: list[dict[str, Any]] = json.loads(checked.stdout)
    passed = sum(report["summary"]["passed"] for report in reports)
    found = {finding["check_id"] for report in reports for finding in report["results"]["failed_checks"]}

    assert {report["check_type"] for report in reports} == {"dockerfile", "kubernetes"}
    assert passed > 100
    assert sorted(found) == sorted(yaml.safe_load(EXPLAINED.read_text(encoding="utf-8"))["skip-check"])
