"""Exit codes and what is said on the way out."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Command, Configure, MakeAccount


@pytest.fixture
def good_file(tmp_path: Path, configure: Configure, make_account: MakeAccount) -> Path:
    """A configuration of one account, at an address where nobody answers."""
    file = tmp_path / "good.yaml"
    file.write_text(json.dumps(configure("http://127.0.0.1:9", make_account("alone"))))
    return file


@pytest.fixture
def bad_file(tmp_path: Path) -> Path:
    """A configuration with three problems."""
    file = tmp_path / "bad.yaml"
    file.write_text("poll:\n  interval: fast\n  pace: 1s\naccounts: []\n")
    return file


def test_check_config_sums_a_good_file_up(command: Command, good_file: Path) -> None:
    """A file without problems is summed up on standard output, and the exit code is 0."""
    done = command("check-config", str(good_file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "alone" in done.stdout


def test_check_config_names_every_problem(command: Command, bad_file: Path) -> None:
    """A file with three problems is refused with all three, each with its line, and the exit code is 2."""
    done = command("check-config", str(bad_file))
    assert (done.returncode, done.stdout) == (2, "")
    problems = done.stderr.splitlines()
    assert [problem.split(": ", 2)[:2] for problem in problems] == [
        [f"{bad_file}:2", "poll.interval"],
        [f"{bad_file}:3", "poll.pace"],
        [f"{bad_file}:4", "accounts"],
    ]


def test_serve_refuses_a_bad_file_before_it_listens(command: Command, bad_file: Path) -> None:
    """With a bad configuration no port is opened: a port that is taken changes nothing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = command("serve", "--config.file", str(bad_file), "--web.listen-address", address)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 3


def test_a_port_that_is_taken_is_said_so(command: Command, good_file: Path) -> None:
    """An address in use ends serve with 1 and one sentence that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = command("serve", "--config.file", str(good_file), "--web.listen-address", address)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "in use" in done.stderr
    assert address in done.stderr


def test_wrong_usage_ends_with_2(command: Command) -> None:
    """What the command line cannot mean is said on standard error, with exit code 2."""
    done = command("serve", "--web.listen-adress", ":0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error:" in done.stderr
    assert "Traceback" not in done.stderr
