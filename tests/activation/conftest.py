"""Simulated accounts without CDN, and ways to activate it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from exporter.activation import Activation, Subject, Wait, connected
from exporter.api.client import Client
from exporter.app import VOCABULARY
from exporter.cli import main
from exporter.config import parse
from exporter.simulator import Account, Scenario, Simulator
from tests.recording_log import RecordingLog

Simulate = Callable[..., Simulator]
Attempt = Callable[..., Any]
OpenCdn = Callable[..., Result]


class Clock:
    """Time that passes by pausing; ``steps`` are what happens at the beginning of each pause."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.steps: list[Callable[[], None]] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop() -> Account:
    """An account that has IPA and no CDN."""
    return Account(
        name="shop", account_id="1000000000000007", access_key_id="LTAI5tShop", access_key_secret="secret-of-shop"
    )


@pytest.fixture
def simulator(shop: Account) -> Iterator[Simulator]:
    with Simulator(Scenario("one account without CDN", (shop,))) as simulator:
        yield simulator


@pytest.fixture
def document(shop: Account, simulator: Simulator) -> dict[str, Any]:
    """A configuration file with that account."""
    return {
        "poll": {"timeout": "5s"},
        "accounts": [
            {
                "name": shop.name,
                "credentials": {
                    "type": "access_key",
                    "access_key_id": shop.access_key_id,
                    "access_key_secret": shop.access_key_secret,
                },
            }
        ],
        "endpoints": dict.fromkeys(("cdn", "sts"), simulator.url),
    }


@pytest.fixture
def attempt(document: dict[str, Any], clock: Clock) -> Attempt:
    """A context with an Activation of the account, whose patience is 30 s of the clock of the test."""

    @contextmanager
    def make(
        charge_type: str = "PayByTraffic",
        *,
        account_id: str | None = None,
        through: Callable[[Client], Any] = lambda client: client,
    ) -> Iterator[Activation]:
        configuration = parse(json.dumps(document), source="a test", vocabulary=VOCABULARY)
        (account,) = configuration.accounts
        subject = Subject(account.name, account.site, charge_type, account_id)
        with connected(configuration, account, environ={}, log=RecordingLog()) as (client, caller):
            yield Activation(through(client), caller, subject, wait=Wait(30.0, pause=clock.pause, clock=clock))

    return make


@pytest.fixture
def open_cdn(document: dict[str, Any], tmp_path: Path) -> OpenCdn:
    """Runs the command for the account, without a wait for what does not show at once."""

    def run(*flags: str, account: str = "shop") -> Result:
        file = tmp_path / "exporter.yaml"
        file.write_text(json.dumps(document))
        arguments = ["open-cdn", "--config.file", str(file), "--account", account, "--wait", "0", *flags]
        return CliRunner().invoke(main, arguments, catch_exceptions=False)

    return run
