"""The lock files: what `make` and the container install."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
ADDRESS = re.compile(r"[a-z]:/{2}")
PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\]+)")


def pins(file: str) -> dict[str, str]:
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    return {match["name"]: match["version"] for match in PIN.finditer(text)}


def lower_bounds() -> dict[str, str]:
    """What pyproject.toml names, with the lowest version that it allows; 0 where it allows any."""
    file = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = map(Requirement, (*file["project"]["dependencies"], *file["dependency-groups"]["dev"]))
    return {
        each.name.lower(): next((bound.version for bound in each.specifier if bound.operator == ">="), "0")
        for each in named
    }


def three_numbers(version: str) -> tuple[int, ...]:
    """Major, minor and micro; the stubs of types have their day as a fourth."""
    return (*Version(version).release, 0, 0)[:3]


@pytest.mark.parametrize("file", ["run.txt", "dev.txt", "lowest.txt", "build.txt", "uv.txt", "tools.txt", "helm.txt"])
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


def test_what_builds_the_packages_is_locked() -> None:
    """The build system that pyproject.toml names, in its version."""
    (named,) = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    name, _, version = named.partition("==")

    assert pins("build.txt")[name] == version


@pytest.mark.parametrize("page", ["README.md", "docs/deployment.md", "docs/upgrading.md"])
def test_what_the_documents_install_is_locked(page: str) -> None:
    """By its hash; a build in isolation would fetch its tools without one, so they are installed first."""
    steps = re.findall(r"^\S+/pip install (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)

    assert steps == len(steps) // 3 * [
        "--require-hashes -r requirements/build.txt",
        "--require-hashes --no-build-isolation -r requirements/run.txt",
        "--no-build-isolation --no-deps .",
    ]
    assert steps


def test_what_the_tests_need_is_locked() -> None:
    """A bare machine gets every program of a package by its hash."""
    commands = re.findall(r'/pip" ([a-z]+) (.+)$', (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)

    assert [command for command, _ in commands] == ["install", "download"]
    assert all("--require-hashes" in flags for _, flags in commands)


def test_lower_bounds_are_what_is_tested() -> None:
    """`make test-lowest` installs exactly the lowest version that pyproject.toml allows of each dependency."""
    bounds, locked = lower_bounds(), pins("lowest.txt")

    assert {name: three_numbers(locked[name]) for name in bounds} == {
        name: three_numbers(bound) for name, bound in bounds.items()
    }


def test_every_python_that_is_supported_is_tested() -> None:
    """The classifiers name the versions on which `make` runs the unit tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"Programming Language :: Python :: (3\.[0-9]+)", "\n".join(project["classifiers"]))
    tested = re.search(r"^PYTHONS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert tested is not None
    assert named == tested[1].split()
