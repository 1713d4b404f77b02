"""What becomes of standard error costs log lines at most: no poll, no scrape and no exit code."""

from __future__ import annotations

import json
import os
import pty
import select
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.simulator import Fault
from tests.end_to_end.exporter_process import Exporter
from tests.pipes import fill
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

DROPPED = "dcdn_exporter_log_lines_dropped_total"
OUTAGE = Fault("error", status=503, code="ServiceUnavailable")
STOPS_WITHIN_S = 2.0
INTERVAL_S, OUTAGE_S = 4.0, 8.0
CTRL_S = b"\x13"


@pytest.fixture
def port() -> Iterator[int]:
    """A port that the kernel chose and keeps; a server can listen there."""
    with closing(socket.socket()) as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.fixture
def full_pipe(tmp_path: Path) -> Iterator[Path]:
    """A pipe that is full, is open, and is not read."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    fill(descriptor)
    yield path
    os.close(descriptor)


@pytest.fixture
def stopped_terminal() -> Iterator[Path]:
    """A terminal that is stopped with Ctrl-S."""
    terminal, program = pty.openpty()
    os.write(terminal, CTRL_S)
    wait_until("it has stopped", lambda: not select.select([], [program], [], 0)[1])
    yield Path(os.ttyname(program))
    os.close(program)
    os.close(terminal)


def listens(exporter: Exporter) -> bool:
    with closing(socket.socket()) as client:
        host, _, port = exporter.address.rpartition(":")
        return client.connect_ex((host, int(port))) == 0


def successes(exporter: Exporter) -> set[float]:
    """What accounts say of their last poll."""
    return set(exporter.scrape().by("account", "dcdn_poll_success").values())


@pytest.mark.parametrize(
    ("redirections", "lost"),
    [
        pytest.param(">&- 2>&-", False, id="output and error are closed"),
        pytest.param("<&- >&- 2>&-", False, id="all are closed"),
        pytest.param("2>/dev/full", True, id="a full disk"),
        pytest.param(">/dev/full 2>&1", True, id="a full disk for both"),
    ],
)
def test_a_daemon_whose_streams_cannot_be_written_works_and_stops_with_0(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    port: int,
    redirections: str,
    lost: bool,
) -> None:
    """Its descriptors 0 to 2 never become those of a socket; lines that cannot be written are counted."""
    account = make_account("alone")
    exporter = serve(configure(simulate(account).url, account), port=port, redirections=redirections)
    eventually("it listens", lambda: listens(exporter))
    eventually("the account is polled", lambda: exporter.scrape().value("dcdn_polls_total", account="alone") >= 2)

    eventually("lost lines are counted", lambda: (exporter.scrape().value(DROPPED) > 0) == lost)
    if os.geteuid() == 0:  # others are not shown what a process has open that forbids core dumps
        assert not any("socket" in str(Path(f"/proc/{exporter.pid}/fd/{number}").readlink()) for number in range(3))
    assert exporter.stop() == 0


@pytest.mark.parametrize("log", ["full_pipe", "stopped_terminal"])
def test_a_daemon_whose_log_is_not_read_works_and_stops_with_0(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    port: int,
    log: str,
    request: pytest.FixtureRequest,
) -> None:
    """Polls go on through an outage and after it, dropped lines are counted, and SIGTERM ends it soon."""
    accounts = [make_account(f"account-{number:03}") for number in range(100)]
    simulator = simulate(*accounts)
    redirections = f"2<>{request.getfixturevalue(log)}"
    exporter = serve(configure(simulator.url, *accounts), "--log.level=debug", port=port, redirections=redirections)
    eventually("it listens", lambda: listens(exporter))
    for fault in (None, OUTAGE, None):
        for account in accounts:
            simulator.set_fault(account.name, fault)
        eventually("all polls see it", lambda success=fault is None: successes(exporter) == {success})
    eventually("lines are dropped", lambda: exporter.scrape().value(DROPPED) > 0)

    assert exporter.status("/-/healthy") == 200
    assert stopped_within_s(exporter) < STOPS_WITHIN_S


@pytest.mark.rehearsal
def test_an_outage_of_hundreds_of_accounts_whose_log_is_not_read(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    port: int,
    full_pipe: Path,
) -> None:
    """All are polled within two intervals of the end, pages answer all the time, and SIGTERM ends it soon."""
    accounts = [make_account(f"account-{number:03}") for number in range(300)]
    simulator = simulate(*accounts)
    configuration = configure(simulator.url, *accounts, interval=f"{INTERVAL_S:g}s", failing_interval="10s")
    exporter = serve(configuration, port=port, redirections=f"2<>{full_pipe}")
    eventually("it listens", lambda: listens(exporter))
    eventually("all are polled", lambda: successes(exporter) == {1})

    for account in accounts:
        simulator.set_fault(account.name, OUTAGE)
    began = time.monotonic()
    while time.monotonic() < began + OUTAGE_S:
        assert exporter.status("/-/healthy") == 200
        exporter.scrape()
        time.sleep(0.1)
    assert successes(exporter) == {0}
    for account in accounts:
        simulator.set_fault(account.name, None)
    eventually("all are polled again", lambda: successes(exporter) == {1}, within_s=2 * INTERVAL_S)

    assert exporter.scrape().value(DROPPED) > 0
    assert stopped_within_s(exporter) < STOPS_WITHIN_S


@pytest.mark.parametrize("redirections", ["2>/dev/full", "2>&-", "full pipe"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param("serve -x", 2, id="bad usage"),
        pytest.param("serve --config.file=none.yaml", 2, id="serve without its file"),
        pytest.param("check-config none.yaml", 2, id="check-config without its file"),
        pytest.param("status --config.file=good.yaml", 4, id="status of an API that is down"),
    ],
)
def test_a_command_has_its_exit_code_where_its_messages_cannot_be_written(
    configure: Configure,
    make_account: MakeAccount,
    environ: dict[str, str],
    tmp_path: Path,
    *,
    full_pipe: Path,
    redirections: str,
    arguments: str,
    code: int,
) -> None:
    """It is no other kind of failure, and holds nothing up."""
    (tmp_path / "good.yaml").write_text(json.dumps(configure("http://127.0.0.1:9", make_account("alone"))))
    if redirections == "full pipe":
        redirections = f"2<>{full_pipe}"
    process = Exporter(arguments.split(), folder=tmp_path, environ=environ, redirections=redirections)

    assert process.exit_code() == code


@pytest.mark.parametrize("redirections", [">/dev/full", ">&-"])
def test_a_result_that_cannot_be_written_is_exit_code_6(
    environ: dict[str, str], tmp_path: Path, redirections: str
) -> None:
    """One line says why, and nothing more is written at the interpreter's end."""
    process = Exporter(["--version"], folder=tmp_path, environ=environ, redirections=redirections)

    assert process.exit_code() == 6
    assert process.stderr.startswith("The result could not be written to standard output: ")
    assert process.stderr.count("\n") == 1


def test_a_demo_whose_output_cannot_be_written_plays_and_stops_with_0(launch: Serve) -> None:
    """What it prints is no result."""
    demo = launch("demo", "--log.level=info", redirections=">/dev/full")

    assert demo.address.startswith("127.0.0.1:")
    assert demo.stop() == 0


def stopped_within_s(exporter: Exporter) -> float:
    """How long it took to end with 0."""
    began = time.monotonic()
    assert exporter.stop() == 0
    return time.monotonic() - began
