"""The tests themselves."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import pytest_collection_modifyitems

ROOT = Path(__file__).parent.parent
LONGEST_SLEEP_S = 0.2
MAY_SLEEP = (
    "end_to_end/",  # time passes in other processes there
    "dashboards/record.py",  # is run by hand, for minutes
)
OF_TWO_TESTS = """
import threading

import pytest


@pytest.fixture
def lock():
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=lock.acquire, name="another-thread").start()
    yield lock
    lock.release()
    print("cleared away")


def test_that_hangs(lock):
    lock.acquire()


def test_after_it():
    pass
"""


def test_every_test_has_a_timeout(request: pytest.FixtureRequest) -> None:
    """A rehearsal has a longer one, and what ends a run where both do not comes after them."""
    request.node.add_marker(pytest.mark.rehearsal)
    pytest_collection_modifyitems([request.node])
    [of_a_rehearsal] = request.node.iter_markers("timeout")
    config = request.config

    assert 0 < float(config.getini("timeout")) < of_a_rehearsal.args[0] < float(config.getini("faulthandler_timeout"))
    assert config.getini("faulthandler_exit_on_timeout") is True


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_test_that_hangs_is_ended(tmp_path: Path, workers: str) -> None:
    """It fails with the stacks of all threads, its fixtures clear away, and the next test runs."""
    (tmp_path / "test_two.py").write_text(OF_TWO_TESTS)
    done = subprocess.run(  # noqa: S603 — our own options, on a file that was just written
        [
            *(sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)),
            *("-n", workers, "-o", "timeout=1", "-p", "no:cacheprovider", str(tmp_path)),
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "1 failed, 1 passed" in done.stdout
    assert "> lock.acquire()" in " ".join(done.stdout.split())
    assert "Failed: Timeout (>1.0s)" in done.stdout
    assert "Stack of another-thread" in done.stdout + done.stderr
    assert "cleared away" in done.stdout


def long_sleeps(text: str) -> Iterator[str]:
    """The sleeps of a module that are not of a number of seconds within the limit, be it written or a constant."""
    tree = ast.parse(text)
    constants = {
        ast.unparse(target): node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
    }

    def is_short(seconds: ast.expr) -> bool:
        if isinstance(seconds, ast.Call) and ast.unparse(seconds.func) == "min":
            return any(map(is_short, seconds.args))
        written = constants.get(ast.unparse(seconds), seconds)
        value = written.value if isinstance(written, ast.Constant) else None
        return isinstance(value, int | float) and value <= LONGEST_SLEEP_S

    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and is_sleep(node.func) and not is_short(node.args[0]):
            yield ast.unparse(node)


def is_sleep(function: ast.expr) -> bool:
    """Whether it is a function called sleep, or the wait for an event that was just made and cannot come."""
    words = ast.unparse(function)
    return words.rpartition(".")[2] == "sleep" or words.endswith("Event().wait")


def test_no_test_sleeps_for_long() -> None:
    """Tests wait for facts and advance clocks of their own; what shows that nothing happens takes 0.2 s at most."""
    tests = Path(__file__).parent
    found = {
        (name, sleep)
        for file in tests.rglob("*.py")
        if not (name := file.relative_to(tests).as_posix()).startswith(MAY_SLEEP)
        for sleep in long_sleeps(file.read_text(encoding="utf-8"))
    }

    assert found == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import time\ntime.sleep(0.2)", []),
        ("import time\ntime.sleep(0.21)", ["time.sleep(0.21)"]),
        ("from time import sleep\nsleep(1)", ["sleep(1)"]),
        ("import asyncio\nasync def wait(): await asyncio.sleep(1)", ["asyncio.sleep(1)"]),
        ("import time\n_EVERY_S = 0.05\ntime.sleep(_EVERY_S)", []),
        ("import time\n_EVERY_S = 5\ntime.sleep(_EVERY_S)", ["time.sleep(_EVERY_S)"]),
        ("import time\ndef wait(seconds): time.sleep(seconds)", ["time.sleep(seconds)"]),
        ("import time\ndef wait(seconds): time.sleep(min(0.1, seconds))", []),
        ("import time\ndef wait(seconds): time.sleep(min(1, seconds))", ["time.sleep(min(1, seconds))"]),
        ("import threading\nthreading.Event().wait(3)", ["threading.Event().wait(3)"]),
        ("import threading\nover = threading.Event()\nassert over.wait(20)", []),
    ],
)
def test_a_sleep_is_told_from_a_wait(text: str, found: list[str]) -> None:
    """Seconds that cannot be read from the module count as too many; an event ends a wait as soon as it comes."""
    assert list(long_sleeps(text)) == found


def test_no_file_has_a_placeholder_for_an_address() -> None:
    """What depends on who publishes the project is given to `make`, as a value or as a flag, and else left out."""
    placeholder = re.compile(rb"dcdn-exporter[.]example\b")
    folders = (".ci", "benchmarks", "deploy", "docs", "exporter", "grafana", "requirements", "tests")
    found = [*ROOT.glob("*"), *(file for folder in folders for file in (ROOT / folder).rglob("*"))]
    files = [file for file in found if file.is_file() and "__pycache__" not in file.parts]

    assert ROOT / "README.md" in files
    assert ROOT / "deploy" / "helm" / "dcdn-exporter" / "Chart.yaml" in files
    assert [file for file in files if placeholder.search(file.read_bytes())] == []
