"""The workflows of the forge, as far as they can be read without it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
NAMES = [file.stem for file in FILES]


def workflow(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / f"{name}.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in workflow(name)["jobs"].values():
        yield from job["steps"]


def test_there_are_workflows() -> None:
    assert NAMES == ["checks", "release"]


def test_every_action_is_pinned_to_one_commit() -> None:
    """By its hash, beside the tag that had it, and the same one wherever it is used; all are the forge's own."""
    used = [line for file in FILES for line in file.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    pinned = [
        re.fullmatch(r" +(?:- )?uses: (actions/[a-z-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", line) for line in used
    ]
    pins = {match[1]: match[2] for match in pinned if match}

    assert None not in pinned
    assert all(pins[match[1]] == match[2] for match in pinned if match)


@pytest.mark.parametrize("name", NAMES)
def test_a_job_has_the_rights_that_it_names(name: str) -> None:
    """The workflow gives none to all, no checkout leaves the token behind, and what publishes waits for a person."""
    assert workflow(name)["permissions"] == {}
    for job in workflow(name)["jobs"].values():
        writes = {right for right, level in job["permissions"].items() if level == "write"}
        assert not writes or job["environment"] == "release"
        assert job["timeout-minutes"]
    checkouts = [step for step in steps(name) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


@pytest.mark.parametrize("name", NAMES)
def test_every_target_is_one_of_the_makefile(name: str) -> None:
    """What the workflows do can be done by hand."""
    commands = [line for step in steps(name) for line in step.get("run", "").splitlines()]
    named = {
        word
        for line in commands
        for command in re.findall(r"\bmake ([^)>]*)", line)
        for word in command.split()
        if re.fullmatch(r"[a-z][a-z-]*", word)
    }
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert named
    assert named <= set(targets)


def test_the_unit_tests_run_on_every_python_that_is_named() -> None:
    """Those of the classifiers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"Programming Language :: Python :: (3\.[0-9]+)", "\n".join(project["classifiers"]))

    assert workflow("checks")["jobs"]["unit"]["strategy"]["matrix"]["python"] == named


@pytest.mark.rehearsal
@pytest.mark.parametrize("linter", [["actionlint"], ["zizmor", "--offline", "--quiet"]], ids=lambda each: each[0])
def test_linters_find_nothing(tool: Callable[[str], str], linter: list[str]) -> None:
    """Nor is any of them told to look away."""
    program, *options = linter
    linted = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool(program), *options, *map(str, FILES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert not any("zizmor: ignore" in file.read_text(encoding="utf-8") for file in FILES)
