"""The lock files: what `make` and the container install."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ADDRESS = re.compile(r"[a-z]:/{2}")
PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\]+)")


def pins(file: str) -> dict[str, str]:
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    return {match["name"]: match["version"] for match in PIN.finditer(text)}


@pytest.mark.parametrize("file", ["run.txt", "dev.txt"])
def test_every_requirement_is_pinned_with_hashes_and_no_host(file: str) -> None:
    """A lock file holds pinned names and hashes, and nothing that says where to download from."""
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8").replace("\\\n", " ")

    for line in text.splitlines():
        assert PIN.match(line), line
        assert "--hash=sha256:" in line
        assert ADDRESS.search(line) is None


def test_what_is_tested_is_what_runs() -> None:
    """The development lock holds every pin of the other one, in the same version."""
    assert pins("run.txt").items() <= pins("dev.txt").items()


def test_every_dependency_is_locked() -> None:
    """What pyproject.toml names, run.txt pins."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[<>=~!\[ ]", dependency)[0].lower() for dependency in project["dependencies"]}

    assert named <= pins("run.txt").keys()
