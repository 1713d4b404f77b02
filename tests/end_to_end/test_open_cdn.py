"""The command that activates CDN, beside a daemon that watches the account."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from exporter.simulator import Fault
from tests.pipes import Pipe, fill, on_terminal, read_to_end, read_until, waits_to_write
from tests.waiting import PATIENCE_S, killed_at_the_end, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.simulator import Account, Simulator
    from tests.end_to_end.conftest import Command, Configure, Eventually, MakeAccount, Serve, Simulate

    Arguments = Callable[..., list[str]]

ROOT = Path(__file__).parents[2]
WRITE = "OpenCdnService"


@pytest.fixture
def shop(make_account: MakeAccount) -> Account:
    """An account that has no CDN."""
    return make_account("shop")


@pytest.fixture
def watching(configure: Configure, shop: Account) -> Callable[[Simulator], dict[str, Any]]:
    """A configuration that watches the account's CDN."""

    def make(simulator: Simulator) -> dict[str, Any]:
        configuration = configure(simulator.url, shop)
        configuration["endpoints"]["cdn"] = simulator.url
        return {**configuration, "products": ["cdn"]}

    return make


@pytest.fixture
def arguments(tmp_path: Path, watching: Callable[[Simulator], dict[str, Any]]) -> Arguments:
    """The arguments of the command for the account."""

    def make(simulator: Simulator, *flags: str) -> list[str]:
        file = tmp_path / "open-cdn.yaml"
        file.write_text(json.dumps(watching(simulator)))
        return ["open-cdn", "--config.file", str(file), "--account", "shop", *flags]

    return make


def test_the_metric_turns(
    simulate: Simulate,
    shop: Account,
    *,
    watching: Callable[[Simulator], dict[str, Any]],
    serve: Serve,
    eventually: Eventually,
    command: Command,
    arguments: Arguments,
) -> None:
    """Not activated, a dry run that leaves it so, the command, and active at the next poll; again is no failure."""
    simulator = simulate(shop, writes=1)
    exporter = serve(watching(simulator))
    eventually("it is not activated", lambda: exporter.scrape().status("shop", "cdn") == "not_activated")

    dry = command(*arguments(simulator))
    assert (dry.returncode, dry.stderr) == (0, "")
    assert "nothing was changed" in dry.stdout
    assert simulator.journal.entries(action=WRITE) == ()

    done = command(*arguments(simulator, "--yes"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "CDN is active." in done.stdout
    polls = exporter.scrape().value("dcdn_polls_total", account="shop", product="cdn")
    eventually(
        "two polls more, of which the second began after the command ended",
        lambda: exporter.scrape().value("dcdn_polls_total", account="shop", product="cdn") >= polls + 2,
    )
    assert exporter.scrape().status("shop", "cdn") == "active"

    again = command(*arguments(simulator, "--yes"))
    assert (again.returncode, again.stderr) == (0, "")
    assert "already active" in again.stdout
    assert exporter.stop() == 0


def test_a_connection_that_is_cut(simulate: Simulate, shop: Account, command: Command, arguments: Arguments) -> None:
    """The request arrived, the answer did not: one call was made, and the output is true."""
    simulator = simulate(shop, writes=1)
    simulator.set_fault("shop", Fault("reset", action=WRITE))
    done = command(*arguments(simulator, "--yes", "--output", "json"))

    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["result"], told["status"], told["request_id"]) == ("activated", "active", None)
    assert "was lost" in told["explanation"]


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([signal.SIGTERM], id="SIGTERM"),
        pytest.param([signal.SIGTERM, signal.SIGINT], id="and Ctrl-C at once"),
        pytest.param([signal.SIGHUP], id="terminal lost"),
    ],
)
def test_a_signal_while_the_answer_is_awaited(
    simulate: Simulate,
    shop: Account,
    environ: Mapping[str, str],
    tmp_path: Path,
    arguments: Arguments,
    *,
    numbers: list[signal.Signals],
) -> None:
    """A signal after the call was sent ends the command at once, which says that it does not know."""
    simulator = simulate(shop, writes=1)
    exit_code, told = interrupt(
        simulator, arguments(simulator, "--yes"), environ, tmp_path, during=WRITE, numbers=numbers
    )

    assert exit_code == 5
    assert "the command was interrupted before OpenCdnService was answered" in told


def test_a_signal_before_the_call(
    simulate: Simulate, shop: Account, environ: Mapping[str, str], tmp_path: Path, arguments: Arguments
) -> None:
    """SIGTERM while the account is looked at leaves it as it was, and the JSON says so."""
    simulator = simulate(shop)
    flags = ("--yes", "--output", "json")
    exit_code, told = interrupt(
        simulator, arguments(simulator, *flags), environ, tmp_path, during="DescribeCdnService"
    )

    assert (exit_code, json.loads(told)["result"]) == (1, "not_sent")


def test_a_signal_while_the_result_is_printed(
    simulate: Simulate, shop: Account, environ: Mapping[str, str], tmp_path: Path, arguments: Arguments
) -> None:
    """Where it cannot be printed, as the reader does not read, standard error has it, and the exit code is 6."""
    simulator = simulate(shop, writes=1)
    pipe = Pipe()
    fill(pipe.into)
    with killed_at_the_end(
        subprocess.Popen(  # noqa: S603 — our own command
            [sys.executable, "-m", "exporter", *arguments(simulator, "--yes", "--output", "json")],
            cwd=tmp_path,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=pipe.into,
            stderr=subprocess.PIPE,
            text=True,
        )
    ) as process:
        wait_until("it waits for the pipe", lambda: waits_to_write(Path(f"/proc/{process.pid}")))
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=PATIENCE_S)
    pipe.close()

    assert process.returncode == 6
    assert told.startswith(f"shop ({shop.account_id}): CDN is active. (request id ")
    assert told.endswith(" The result could not be written to standard output: interrupted\n")


SIGNALLED = """
import os, signal, sys
from exporter import __main__
from exporter.cli import open_cdn

function, number = sys.argv.pop(), int(sys.argv.pop())

def signal_at_its_return(frame, event, argument):
    if event == "return" and frame.f_code.co_qualname == function:
        os.kill(os.getpid(), number)

sys.setprofile(signal_at_its_return)
__main__.run()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("function", ["Activation.run", "open_cdn"])
def test_a_signal_after_the_activation_changes_no_exit_code(
    simulate: Simulate,
    shop: Account,
    environ: Mapping[str, str],
    tmp_path: Path,
    arguments: Arguments,
    *,
    function: str,
    number: signal.Signals,
) -> None:
    """What became of the account is known, and the output says so."""
    command = [*arguments(simulate(shop, writes=1), "--yes"), str(int(number)), function]
    done = ended([sys.executable, "-c", SIGNALLED, *command], {**environ, "PYTHONPATH": str(ROOT)}, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert "CDN is active." in done.stdout


def ended(command: list[str], environ: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What a command without input printed, and its exit code."""
    return subprocess.run(  # noqa: S603 — our own command
        command,
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def interrupt(
    simulator: Simulator,
    arguments: list[str],
    environ: Mapping[str, str],
    folder: Path,
    *,
    during: str,
    numbers: Sequence[signal.Signals] = (signal.SIGTERM,),
) -> tuple[int, str]:
    """End the command with signals while an action gets no answer; returns its exit code and what it printed."""
    simulator.set_fault("shop", Fault("hang", action=during))
    with killed_at_the_end(
        subprocess.Popen(  # noqa: S603 — our own command
            [sys.executable, "-m", "exporter", *arguments],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
    ) as process:
        wait_until("the call was made", lambda: simulator.journal.entries(action=during))
        for number in numbers:
            process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, output


@pytest.mark.parametrize("columns", [40, 60])
def test_on_a_narrow_terminal_lines_break_between_words(
    simulate: Simulate,
    shop: Account,
    environ: Mapping[str, str],
    tmp_path: Path,
    arguments: Arguments,
    *,
    columns: int,
) -> None:
    """What follows stands below the value that it belongs to."""
    command = [sys.executable, "-m", "exporter", *arguments(simulate(shop))]
    with on_terminal(command, cwd=tmp_path, env=environ, size=(24, columns)) as (process, here):
        shown = read_until(here, "[y/N]:").replace("\r", "")
        os.write(here, b"n\n")
        shown += read_to_end(here).replace("\r", "")
        assert process.wait(PATIENCE_S) == 0

    plan, _, told = shown.partition("\nActivate CDN for this account? [y/N]: ")
    lines = [*plan.splitlines(), *told.splitlines()]
    assert max(map(len, lines)) <= columns, shown
    assert "billing     PayByTraffic, by data\n" + " " * 12 in plan or columns != 40
    assert "You did not confirm: OpenCdnService was not called and nothing was changed." in " ".join(told.split())


def test_without_standard_input_it_does_not_ask(
    simulate: Simulate, shop: Account, environ: Mapping[str, str], tmp_path: Path, arguments: Arguments
) -> None:
    """A job without any descriptor 0 gets the dry run."""
    shell = ["/bin/sh", "-c", 'exec "$@" <&-', "sh"]
    done = ended([*shell, sys.executable, "-m", "exporter", *arguments(simulate(shop))], environ, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert "Dry run: OpenCdnService was not called" in done.stdout


@pytest.mark.parametrize(
    ("typed", "writes", "told", "exit_code"),
    [
        pytest.param("y\n", 1, "CDN is active.", 0, id="yes"),
        pytest.param("n\n", 0, "You did not confirm: ", 0, id="no"),
        pytest.param("\n", 0, "You did not confirm: ", 0, id="return"),
        pytest.param("\x04", 0, "Interrupted: OpenCdnService was not called", 1, id="Ctrl-D"),
    ],
)
def test_on_a_terminal_it_asks(
    simulate: Simulate,
    shop: Account,
    environ: Mapping[str, str],
    tmp_path: Path,
    arguments: Arguments,
    *,
    typed: str,
    writes: int,
    told: str,
    exit_code: int,
) -> None:
    """Yes is an answer; no, the mere return key, and to leave change nothing."""
    simulator = simulate(shop, writes=writes)
    command = [sys.executable, "-m", "exporter", *arguments(simulator)]
    with on_terminal(command, cwd=tmp_path, env={**environ, "TERM": "dumb"}) as (process, here):
        before = read_until(here, "[y/N]: ")
        os.write(here, typed.encode())
        after = read_until(here, told)
        read_to_end(here)
        assert process.wait(PATIENCE_S) == exit_code

    assert "account id  " + shop.account_id in before
    assert f"shop ({shop.account_id}): " in after
