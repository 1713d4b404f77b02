"""The command as a process of its own, the simulator beside it, and configurations that bring them together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from exporter.simulator import Account, Scenario
from tests.end_to_end.exporter_process import Exporter
from tests.end_to_end.instance import run_on_instance
from tests.waiting import PATIENCE_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import NoReturn

    from exporter.simulator import Simulator

    # What the fixtures hand out; test modules import these names for their annotations only.
    Eventually = Callable[..., Any]
    Configure = Callable[..., dict[str, Any]]
    Serve = Callable[..., Exporter]
    Simulate = Callable[..., Simulator]
    MakeAccount = Callable[..., Account]
    OnInstance = Callable[..., Any]
    Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def eventually() -> Eventually:
    """Waits until a fact holds and returns what showed it; fails the test when it does not in time."""
    return wait_until


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A clean environment: no proxies, no credentials, an empty home, and no metadata server to wait for."""
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(home), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}


@pytest.fixture
def make_account() -> MakeAccount:
    """Makes a simulated account of a name, with keys and an id of its own unless given."""
    made = 0

    def make(name: str, **parts: Any) -> Account:
        nonlocal made
        made += 1
        plain = {
            "account_id": f"1{made:015}",
            "access_key_id": f"LTAI5tEndToEnd{made:04}",
            "access_key_secret": f"secret-of-account-number-{made:04}",
        }
        return Account(name, **{**plain, **parts})

    return make


@pytest.fixture
def simulate(play: Callable[..., Simulator]) -> Simulate:
    """Starts a simulator of some accounts."""
    return lambda *accounts, **parts: play(Scenario("accounts of a test", accounts), **parts)


@pytest.fixture
def configure() -> Configure:
    """Makes a configuration that polls accounts at a URL every second, whose failures never lengthen a pause.

    Keywords are keys of `poll`. The ids of the accounts are given, so that nothing but probes is polled.
    """

    def make(url: str, *accounts: Account, **poll: str) -> dict[str, Any]:
        interval = poll.get("interval", "1s")
        return {
            "poll": {"interval": interval, "timeout": "1s", "failing_interval": interval, **poll},
            "accounts": [
                {
                    "name": account.name,
                    "account_id": account.account_id,
                    "credentials": {
                        "type": "access_key",
                        "access_key_id": account.access_key_id,
                        "access_key_secret": account.access_key_secret,
                        **({"security_token": account.security_token} if account.security_token else {}),
                    },
                }
                for account in accounts
            ],
            "endpoints": dict.fromkeys(("dcdn", "sts", "resource_directory"), url),
        }

    return make


@pytest.fixture
def launch(tmp_path: Path, environ: Mapping[str, str]) -> Iterator[Serve]:
    """Starts the command with some arguments; the log is JSON, the port is the kernel's choice, unless one is given.

    ``module`` runs it in the place of the exporter's own, ``redirections`` are those of a shell, and ``through`` is
    a command line that becomes it.
    """
    with ExitStack() as running:
        started = 0

        def start(
            *arguments: str,
            module: str = "exporter",
            redirections: str = "",
            through: Sequence[str] = (),
            port: int = 0,
            **variables: str,
        ) -> Exporter:
            nonlocal started
            started += 1
            folder = tmp_path / f"process-{started}"
            folder.mkdir()
            address = f"127.0.0.1:{port}"
            exporter = Exporter(
                (*arguments, "--web.listen-address", address, "--log.format", "json"),
                folder=folder,
                environ={**environ, **variables},
                module=module,
                redirections=redirections,
                through=through,
                address=address if port else None,
            )
            running.callback(exporter.clear_away)
            return exporter

        yield start


@pytest.fixture
def serve(tmp_path: Path, launch: Serve) -> Serve:
    """Starts the daemon with a configuration, flags and environment variables."""

    def start(configuration: Mapping[str, Any], *flags: str, **parts: Any) -> Exporter:
        file = tmp_path / "exporter.yaml"
        file.write_text(json.dumps(configuration))
        return launch("serve", "--config.file", str(file), *flags, **parts)

    return start


@pytest.fixture
def command(tmp_path: Path, environ: Mapping[str, str]) -> Command:
    """Runs the command to its end."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 — our own command
            [sys.executable, "-m", "exporter", *arguments],
            cwd=tmp_path,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return run


@pytest.fixture
def on_instance(
    environ: Mapping[str, str], tool: Callable[[str], str], unavailable: Callable[[str], NoReturn]
) -> OnInstance:
    """Runs a program of this folder in a network namespace of its own; returns what it printed as JSON.

    Its arguments are a folder, the path of `ip`, and those given.
    """
    unshare, ip = tool("unshare"), tool("ip")

    def run(program: str, folder: Path, *arguments: str) -> Any:
        return run_on_instance(
            program, str(folder), ip, *arguments, unshare=unshare, environ=environ, unavailable=unavailable
        )

    return run
