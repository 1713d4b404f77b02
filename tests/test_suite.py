"""The tests themselves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import pytest_collection_modifyitems

ROOT = Path(__file__).parent.parent
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
            *("-n", workers, "-o", "timeout=0.1", "-p", "no:cacheprovider", str(tmp_path)),
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "1 failed, 1 passed" in done.stdout
    assert "> lock.acquire()" in " ".join(done.stdout.split())
    assert "Failed: Timeout (>0.1s)" in done.stdout
    assert "Stack of another-thread" in done.stdout + done.stderr
    assert "cleared away" in done.stdout
