"""The status command: one round of polls, what is printed, and how it ends."""

from __future__ import annotations

import errno
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from exporter.simulator import LIMITS, Fault, Member, Role, ServiceState
from tests.end_to_end.exporter_process import Exporter
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from exporter.simulator import Account, Simulator
    from tests.end_to_end.conftest import Command, Configure, Eventually, MakeAccount, Simulate

    Watch = Callable[..., tuple[Simulator, dict[str, Any]]]
    Start = Callable[[Mapping[str, Any]], Exporter]
    OnTerminal = Callable[..., str]
    Look = Callable[..., subprocess.CompletedProcess[str]]

ACTION = "DescribeDcdnIpaService"
SCHEMA = Path(__file__).parent.parent.parent / "docs" / "status.schema.json"
ACTIVE = ServiceState(activated=True, charge_type="PayByTraffic", instance_id="1", locks=())
LOCKED = ServiceState(activated=True, charge_type="PayByTraffic", instance_id="1", locks=("financial",))
REFUSAL = Fault("error", status=503, code="ServiceUnavailable", message="later")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the configuration is."""
    return tmp_path / "status.yaml"


@pytest.fixture
def watch(simulate: Simulate, configure: Configure) -> Watch:
    """Starts a simulator of some accounts, and makes the configuration that polls them there."""

    def start(*accounts: Account, **poll: str) -> tuple[Simulator, dict[str, Any]]:
        simulator = simulate(*accounts)
        return simulator, configure(simulator.url, *accounts, **poll)

    return start


@pytest.fixture
def start(file: Path, tmp_path: Path, environ: dict[str, str]) -> Iterator[Start]:
    """Runs the command with a configuration, and goes on while it runs."""
    with ExitStack() as running:

        def run(configuration: Mapping[str, Any]) -> Exporter:
            file.write_text(json.dumps(configuration))
            process = Exporter(("status", "--config.file", str(file)), folder=tmp_path, environ=environ)
            running.callback(process.clear_away)
            return process

        yield run


@pytest.fixture
def on_terminal(file: Path, tmp_path: Path, environ: dict[str, str]) -> OnTerminal:
    """Runs the command with a configuration on a terminal; what that was sent comes back."""

    def run(configuration: Mapping[str, Any], **variables: str) -> str:
        file.write_text(json.dumps(configuration))
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb", buffering=0) as screen:
            process = subprocess.Popen(  # noqa: S603 — our own command
                [sys.executable, "-m", "exporter", "status", "--config.file", str(file)],
                cwd=tmp_path,
                env={**environ, "TERM": "xterm", "COLUMNS": "100", **variables},
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
            )
            os.close(theirs)
            patience = threading.Timer(PATIENCE_S, process.kill)
            patience.start()
            sent = b""
            try:
                while part := screen.read(4096):
                    sent += part
            except OSError as end:
                if end.errno != errno.EIO:  # how Linux says that nobody has the terminal open any more
                    raise
            finally:
                patience.cancel()
                process.kill()
                process.wait()
        return sent.decode()

    return run


@pytest.fixture
def look(file: Path, command: Command) -> Look:
    """Runs the command with a configuration to its end."""

    def run(configuration: Mapping[str, Any], *flags: str) -> subprocess.CompletedProcess[str]:
        file.write_text(json.dumps(configuration))
        return command("status", "--config.file", str(file), *flags)

    return run


@pytest.mark.parametrize(
    ("states", "ending"),
    [
        pytest.param((ACTIVE, ServiceState(activated=False)), (0, "1 not activated"), id="well"),
        pytest.param((ACTIVE, LOCKED), (3, "1 locked"), id="locked"),
        pytest.param((ACTIVE, REFUSAL), (4, "1 failed"), id="failed"),
        pytest.param((LOCKED, REFUSAL), (3, "1 locked, 1 failed"), id="locked and failed"),
    ],
)
def test_the_exit_code_tells_the_worst(
    make_account: MakeAccount,
    watch: Watch,
    look: Look,
    states: tuple[ServiceState | Fault, ...],
    ending: tuple[int, str],
) -> None:
    """So does the last line, and every account has been asked exactly once, about nothing but its service."""
    accounts = make_account("prod"), make_account("shop")
    simulator, configuration = watch(*accounts)
    for account, state in zip(accounts, states, strict=True):
        if isinstance(state, Fault):
            simulator.set_fault(account.name, state)
        else:
            simulator.set_service(account.name, state)
    for entry in configuration["accounts"]:
        del entry["account_id"]
    done = look(configuration, "--log.level", "error")

    code, summary = ending
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.splitlines()[-1] == f"2 accounts, 2 probes: {summary}"
    assert sorted((entry.account_id, entry.action) for entry in simulator.journal.entries()) == [
        (account.account_id, ACTION) for account in accounts
    ]


def test_the_json_is_alone_on_standard_output(make_account: MakeAccount, watch: Watch, look: Look) -> None:
    """It is what its schema says; logs repeat it on standard error from info on; no secret is in either."""
    accounts = make_account("prod"), make_account("shop")
    simulator, configuration = watch(*accounts)
    simulator.set_service("prod", LOCKED)
    simulator.set_fault("shop", REFUSAL)
    done = look(configuration, "--output", "json")

    document = json.loads(done.stdout)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    assert done.returncode == 3
    assert [(service["account"], service["condition"]) for service in document["services"]] == [
        ("prod", "locked"),
        ("shop", "failing"),
    ]
    (failure,) = document["services"][1]["failures"]
    (refused,) = [entry for entry in simulator.journal.entries() if entry.account_id == accounts[1].account_id]
    assert failure["request_id"] == refused.request_id
    assert done.stderr == ""
    logged = look(configuration, "--output", "json", "--log.level=info").stderr
    assert all(event in logged for event in ("service state learned", "poll failed"))
    assert not any(account.access_key_secret in done.stdout + logged for account in accounts)


def test_a_pipe_gets_no_colour_and_whole_values(
    make_account: MakeAccount, watch: Watch, look: Look, environ: dict[str, str]
) -> None:
    """Whatever the environment says of terminals."""
    environ.update(FORCE_COLOR="1", TTY_COMPATIBLE="1", COLUMNS="40", TERM="xterm-256color")
    account = make_account("a" * 50)
    simulator, configuration = watch(account)
    simulator.set_service(account.name, LOCKED)
    done = look(configuration)

    assert done.stdout.splitlines()[1].split() == [
        account.name,
        f"({account.account_id})",
        "dcdn_ipa",
        "locked",
        "(financial)",
        "PayByTraffic",
        "answered",
    ]
    assert "\x1b" not in done.stdout + done.stderr


def test_a_bad_configuration_ends_with_2(look: Look) -> None:
    """Nothing is polled then."""
    done = look({"accounts": []})
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_members_of_directories_are_polled_too(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, look: Look
) -> None:
    """They are listed first; when that cannot be done the command says so, and polls what it knows."""
    base = make_account("base", ram_user="exporter")
    member = make_account("member", account_id="200001", roles=(Role("reader", trusted=(base.account_id,)),))
    simulator = simulate(base, member)
    simulator.set_members("base", [Member("200001", "shop")])
    configuration = configure(simulator.url, base)
    (account,) = configuration["accounts"]
    directory = {"name": "main", "role_name": "reader", "credentials": account["credentials"]}
    configuration["discovery"] = {"resource_directories": [directory]}
    listed = look(configuration)
    simulator.set_denied("base", ["ListAccounts"])
    denied = look(configuration, "--log.level", "error")

    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.splitlines()[-1] == "2 accounts, 2 probes: all is well"
    assert "200001 (shop)" in listed.stdout
    assert denied.returncode == 4
    assert denied.stdout.splitlines()[-1] == "1 account, 1 probe: 1 directory unlisted"


def test_a_hanging_account_ends_at_the_deadline(make_account: MakeAccount, watch: Watch, look: Look) -> None:
    """It is shown as a timeout, and those beside it as ever."""
    accounts = make_account("fine"), make_account("hanging")
    simulator, configuration = watch(*accounts, timeout="500ms")
    simulator.set_service("fine", ACTIVE)
    simulator.set_fault("hanging", Fault("hang"))
    done = look(configuration, "--log.level", "error")

    fine, hanging = ([account.name, f"({account.account_id})", "dcdn_ipa"] for account in accounts)
    assert done.returncode == 4
    assert [line.split(maxsplit=5) for line in done.stdout.splitlines()[1:3]] == [
        [*hanging, "unknown", "-", f"timeout: no whole reply from {simulator.url[7:]} within 0.5 s"],
        [*fine, "active", "PayByTraffic", "answered"],
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(
    make_account: MakeAccount, watch: Watch, start: Start, eventually: Eventually, number: signal.Signals
) -> None:
    """Ctrl-C ends with 130, in the middle of a call that hangs, and without a word of what is not known."""
    simulator, configuration = watch(make_account("hanging"), timeout="1m", interval="5m", stale_after="15m")
    simulator.set_fault("hanging", Fault("hang"))
    process = start(configuration)
    eventually("the call is under way", simulator.journal.entries)

    assert process.stop(number) == 128 + number
    assert (process.stdout, process.stderr) == ("", "")


def test_two_hundred_accounts_within_their_budgets(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, look: Look
) -> None:
    """Forty names of one key and 160 accounts are all polled once, and the key no faster than its limit allows."""
    shared = make_account("shared")
    own = [make_account(f"own-{number}") for number in range(160)]
    # The server has no limit: a machine that holds a process up puts more calls into a second than were sent in one.
    simulator = simulate(shared, *own, limits=dict.fromkeys(LIMITS, 1000))
    configuration = configure(simulator.url, shared, *own, timeout="10s", interval="1m")
    for account in (shared, *own):
        simulator.set_service(account.name, ACTIVE)
    first, *others = configuration["accounts"]
    configuration["accounts"] = [*({**first, "name": f"shared-{number}"} for number in range(40)), *others]
    began = time.monotonic()
    done = look(configuration)
    calls = simulator.journal.entries(action=ACTION, account_id=shared.account_id)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "200 accounts, 200 probes: all is well"
    assert len(simulator.journal.entries()) == 200
    assert len(calls) == 40
    # What any second holds at most is proven of the budget itself; a busy machine makes calls late, never early.
    assert [call.at_s for number, call in enumerate(calls) if call.at_s < began + number / 18.5] == []


@pytest.mark.parametrize(
    ("variables", "locked"),
    [
        pytest.param({}, "\x1b[1;31mlocked (financial)", id="colours"),
        pytest.param({"NO_COLOR": "1"}, "  locked (financial)", id="NO_COLOR"),
        pytest.param({"TERM": "dumb"}, "  locked (financial)", id="dumb"),
    ],
)
def test_a_terminal_gets_colours_and_a_bar(
    make_account: MakeAccount, watch: Watch, on_terminal: OnTerminal, variables: dict[str, str], locked: str
) -> None:
    """Unless it cannot show them or its user does not want colours; no log line repeats the table."""
    account = make_account("prod")
    simulator, configuration = watch(account)
    simulator.set_service(account.name, LOCKED)
    shown = on_terminal(configuration, **variables)

    assert locked in shown
    assert ("polling" in shown) == (variables.get("TERM") != "dumb")
    assert "1 account, 1 probe: 1 locked" in shown
    assert "msg=" not in shown
