"""What `make` says on a machine that lacks what it needs."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
Make = Callable[..., subprocess.CompletedProcess[str]]

# A Python as the makefile uses one: it says its version, makes virtual environments, and has pip and pytest.
PYTHON = """#!/bin/sh
case "${{0##*/}} $*" in
    "pytest "*) echo "$0 $1 $2" ;;
    *"-c import sys; print("*) echo {version} ;;
    *"-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$0" "$3/bin/pytest" ;;
esac
"""


@pytest.fixture
def make(tool: Callable[[str], str], tmp_path: Path) -> Make:
    """Runs `make` in a folder that holds what its set-up reads, with nothing in its environment but what is given."""
    program = tool("make")
    for name in ("Makefile", "pyproject.toml", "requirements"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)

    def run(*arguments: str, path: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 — the makefile is our own
            [program, "--no-print-directory", *arguments],
            cwd=tmp_path,
            env={"PATH": path, **variables},
            capture_output=True,
            text=True,
            check=False,
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


def executable(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def test_unit_tests_run_on_pythons_of_the_path_and_of_pyenv(make: Make, tmp_path: Path) -> None:
    """Each version has an environment of its own; pyenv's command on the path fails where it is not chosen."""
    executable(tmp_path / "bin" / "python3.98", PYTHON.format(version="3.98"))
    executable(tmp_path / "bin" / "python3.99", "#!/bin/sh\necho 'pyenv: command not found' >&2; exit 127\n")
    executable(tmp_path / "pyenv" / "3.99.1" / "bin" / "python", PYTHON.format(version="3.99"))
    executable(tmp_path / "bin" / "pyenv", f'#!/bin/sh\ntest "$2" = 3.99 && echo {tmp_path}/pyenv/3.99.1\n')
    done = make("test-pythons", "PYTHONS=3.98 3.99", path=f"{tmp_path / 'bin'}:{os.defpath}")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        line
        for version in ("3.98", "3.99")
        for line in (
            f"Setting up build/venv-{version} from requirements/dev.txt ...",
            "Set up.",
            f"build/venv-{version}/bin/pytest -n 4",
        )
    ]


@pytest.mark.parametrize(("target", "lock"), [(".venv/.run", "run"), (".venv/.dev", "dev")])
def test_all_that_is_installed_comes_by_hash(make: Make, tmp_path: Path, target: str, lock: str) -> None:
    """What builds packages, too: no build fetches its tools itself."""
    asked = tmp_path / "asked"
    log = f'    "-m pip "*) echo "$*" >> {asked} ;;\n'
    executable(
        tmp_path / "python3",
        PYTHON.format(version="3.11").replace("esac", f"{log}esac").replace('"${0##*/} $*"', '"$*"'),
    )
    done = make(target, "PYTHON=" + str(tmp_path / "python3"), path=os.defpath)

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition(" install --quiet ")[2] for line in asked.read_text().splitlines()] == [
        "--require-hashes -r requirements/build.txt",
        "--no-build-isolation --no-deps --editable .",
        f"--no-build-isolation --use-pep517 --require-hashes -r requirements/{lock}.txt",
    ]


def test_a_python_that_is_missing_is_named(make: Make, tmp_path: Path) -> None:
    """The unit tests are not run on it; in CI, where nothing is missing, that is a failure."""
    options = {"path": str(tmp_path / "empty")}
    for_a_developer = make("test-pythons", "PYTHONS=3.98 3.99", **options)
    in_ci = make("test-pythons", "PYTHONS=3.98 3.99", DCDN_EXPORTER_TESTS_NEED_TOOLS="1", **options)

    lines = [
        f"Python {version} is neither on the path nor one of pyenv: the tests do not run on it"
        for version in ("3.98", "3.99")
    ]
    assert (for_a_developer.returncode, for_a_developer.stdout.splitlines()) == (0, lines)
    assert (in_ci.returncode, in_ci.stdout.splitlines()) == (2, lines[:1])
