"""A stop of a daemon with 10,000 accounts, whatever it does: within 2 s, exit code 0, no word of what was cut off."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.simulator import Member, Role, Step
from tests.waiting import PATIENCE_S, wait_until

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Configure, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter

pytestmark = pytest.mark.rehearsal
ACCOUNTS = 10_000
STOPS_WITHIN_S = 2.0
MANAGER_ID = "1999999999999999"
LIST_PAGES = ACCOUNTS // 100


def stops(exporter: Exporter, *, logged: tuple[str, ...]) -> None:
    """It stops in time and in order, and logs nothing but this and what it learned of accounts."""
    began_s = time.monotonic()
    assert exporter.stop() == 0
    took_s = time.monotonic() - began_s

    of_accounts = {"service state learned", "member found", "role assumed"}
    assert [line["msg"] for line in exporter.told() if line["msg"] not in of_accounts] == list(logged)
    assert took_s < STOPS_WITHIN_S


def cpu_s(exporter: Exporter) -> float:
    """The CPU time that its process has used."""
    user, system = Path(f"/proc/{exporter.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def has_used(exporter: Exporter, seconds: float) -> bool:
    return cpu_s(exporter) >= seconds


def test_while_the_configuration_is_read(make_account: MakeAccount, configure: Configure, serve: Serve) -> None:
    """After a fifth, two and three fifths of the CPU time that it takes to listen, however busy the machine is."""
    accounts = [make_account(f"account-{number:05}") for number in range(ACCOUNTS)]
    configuration = configure("http://127.0.0.1:9", *accounts, interval="10m", stale_after="1h")
    whole = serve(configuration)
    assert whole.address
    takes_s = cpu_s(whole)
    whole.end()

    for part in (0.2, 0.4, 0.6):
        exporter = serve(configuration)
        wait_until("it has read a part", partial(has_used, exporter, part * takes_s))
        stops(exporter, logged=())


@pytest.mark.parametrize("polls", [1, 1_000, 5_000])
def test_in_the_first_round(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, *, polls: int
) -> None:
    """After so many polls of 10,000."""
    accounts = [make_account(f"account-{number:05}") for number in range(ACCOUNTS)]
    simulator = simulate(*accounts)
    exporter = serve(configure(simulator.url, *accounts, interval="10m", timeout="1m", stale_after="1h"))
    assert simulator.journal.wait_for_total(polls, timeout_s=PATIENCE_S)
    stops(exporter, logged=("listening", "stopping"))
    assert simulator.journal.total < ACCOUNTS


@pytest.mark.parametrize("calls", [LIST_PAGES // 2, LIST_PAGES + 1, LIST_PAGES + 1_000])
def test_in_a_discovery(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, *, calls: int
) -> None:
    """While a directory of 10,000 accounts is listed, once it is, and while its accounts are polled."""
    members = [
        make_account(f"member-{number:05}", roles=(Role("reader", (MANAGER_ID,)),)) for number in range(ACCOUNTS)
    ]
    listed = tuple(Member(each.account_id, each.name) for each in members)
    manager = make_account("manager", account_id=MANAGER_ID, ram_user="exporter", timeline=(Step(members=listed),))
    unlimited = dict.fromkeys(("AssumeRole", "ListAccounts", "DescribeDcdnIpaService"), 10**6)
    simulator = simulate(manager, *members, limits=unlimited)
    configuration = configure(simulator.url, manager, interval="10m", timeout="1m", stale_after="1h")
    credentials = configuration.pop("accounts")[0]["credentials"]
    directory = {"name": "directory", "role_name": "reader", "credentials": credentials}
    configuration["discovery"] = {"resource_directories": [directory]}
    exporter = serve(configuration)
    assert simulator.journal.wait_for_total(calls, timeout_s=PATIENCE_S)
    stops(exporter, logged=("listening", "stopping"))
    assert simulator.journal.total < 2 * ACCOUNTS
