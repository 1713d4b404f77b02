"""What `make` says on a machine that lacks what it needs."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def make(tool: Callable[[str], str], tmp_path: Path) -> Make:
    """Runs `make` in a folder that holds what its set-up reads, with nothing in its environment but what is given."""
    program = tool("make")
    for name in ("Makefile", "pyproject.toml", "requirements"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)

    def run(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 — the makefile is our own
            [program, *arguments], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.parametrize("target", ["demo", "test", "check"])
def test_a_machine_without_python_is_told_what_to_install(make: Make, tmp_path: Path, target: str) -> None:
    """Where no Python is on the path, every target says what to install and leaves nothing behind."""
    done = make(target, path=str(tmp_path / "empty"))

    assert done.returncode != 0
    assert done.stdout == (
        "Python 3.11 or newer is needed: install it (Debian, Ubuntu: apt install python3 python3-venv; "
        "macOS: brew install python), or name it: make PYTHON=/path/to/python3\n"
    )
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("there", [True, False], ids=["too-old", "not-there"])
def test_a_python_that_will_not_do_is_refused(make: Make, tmp_path: Path, *, there: bool) -> None:
    """A Python given by name is refused by name when it is too old or none, before anything is set up with it."""
    python = tmp_path / "python3.9"
    if there:
        python.write_text("#!/bin/sh\nexit 1\n")  # as a Python that is too old answers the question for its version
        python.chmod(0o755)
    done = make("demo", f"PYTHON={python}", path=str(tmp_path / "empty"))

    assert done.returncode != 0
    assert done.stdout.startswith(f"Python 3.11 or newer is needed, and {python} is none: install it (")
    assert not (tmp_path / ".venv").exists()
