"""Another configuration for the running daemon."""

from __future__ import annotations

import itertools
import json
import signal
import statistics
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end import serve_and_list_accounts

if TYPE_CHECKING:
    from exporter.simulator import Account, Simulator
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

PROJECT = Path(__file__).parents[2]
INTERVAL_S = 2.0
ACTION = "DescribeDcdnIpaService"


def moments(simulator: Simulator, account: Account) -> list[float]:
    """When the account was polled, past its first round."""
    return [entry.at_s for entry in simulator.journal.entries(action=ACTION, account_id=account.account_id)][1:]


def turns_apart_s(before: list[float], after: list[float]) -> float:
    """How far the places in the interval are apart that polls had before and after; one late poll tells nothing."""

    def place_s(polls: list[float]) -> float:
        return statistics.median((moment - before[0] + INTERVAL_S / 2) % INTERVAL_S for moment in polls)

    return abs(place_s(after) - place_s(before))


@pytest.mark.rehearsal
def test_a_reload_under_load_costs_no_kept_account_its_history_or_its_turn(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    """A hundred accounts leave, a hundred come and a hundred stay while all are polled and scraped all the time."""
    leave, stay, come = ([make_account(f"{group}-{n:03}") for n in range(100)] for group in ("a", "b", "c"))
    simulator = simulate(*leave, *stay, *come)
    poll = {"interval": f"{INTERVAL_S:g}s"}
    exporter = serve(configure(simulator.url, *leave, *stay, **poll))
    eventually("all were polled three times", lambda: min(len(moments(simulator, account)) for account in stay) >= 3)

    polls: list[dict[str, float]] = []
    scraped = threading.Event()

    def scrape() -> None:
        while not scraped.wait(0.1):  # the simulator has to live in this process too
            polls.append(exporter.scrape().by("account", "dcdn_polls_total"))

    scraping = threading.Thread(target=scrape)
    scraping.start()
    try:
        before = {account.name: moments(simulator, account) for account in stay}
        (tmp_path / "exporter.yaml").write_text(json.dumps(configure(simulator.url, *come, *stay, **poll)))
        exporter.send(signal.SIGHUP)
        eventually("the reload is told", lambda: exporter.log("configuration reloaded"))
        page = exporter.scrape()
        at_reload = {account.name: len(moments(simulator, account)) for account in stay}
        eventually(
            "those that stay were polled three times more, and once that may have been under way",
            lambda: all(len(moments(simulator, account)) >= at_reload[account.name] + 4 for account in stay),
        )
    finally:
        scraped.set()
        scraping.join()

    assert page.by("account", "dcdn_polls_total").keys() == {account.name for account in (*stay, *come)}
    assert page.value("dcdn_exporter_configured_accounts") == 200
    after = {account.name: moments(simulator, account)[at_reload[account.name] + 1 :] for account in stay}
    moved = {name: turns_apart_s(before[name], after[name]) for name in before}
    # That the plan stays is proven of the schedule itself; a busy machine keeps a few waiting again and again.
    late = {name: apart for name, apart in moved.items() if apart > INTERVAL_S / 4}
    assert len(late) <= len(stay) / 10, late
    for earlier, later in itertools.pairwise(polls):
        assert all(later[account.name] >= earlier[account.name] > 0 for account in stay)
    states = exporter.scrape().by("account", "dcdn_service_status", status="active")
    assert states == dict.fromkeys((account.name for account in (*stay, *come)), 1)


def test_a_bad_file_changes_nothing(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    """By signal and by request, all problems are told, the daemon goes on as it was, and a good file counts again."""
    account, other = make_account("prod"), make_account("other")
    simulator = simulate(account, other)
    exporter = serve(configure(simulator.url, account), "--web.enable-lifecycle")
    eventually("the state is shown", lambda: exporter.scrape().status("prod") == "active")
    read_at = exporter.scrape().value("dcdn_exporter_config_last_reload_success_timestamp_seconds")

    bad: dict[str, Any] = configure(simulator.url, account, interval="soon")
    bad["accounts"] *= 2
    (tmp_path / "exporter.yaml").write_text(json.dumps(bad))
    exporter.send(signal.SIGHUP)
    eventually("the refusal is told", lambda: exporter.log("configuration not reloaded"))
    status, _, body = exporter.get("/-/reload", method="POST")
    page = exporter.scrape()

    assert status == 500
    assert b"poll.interval" in body
    assert b"accounts[1].name" in body
    assert len(exporter.log("configuration not reloaded")) == 2
    assert page.value("dcdn_exporter_config_last_reload_successful") == 0
    assert page.value("dcdn_exporter_config_last_reload_success_timestamp_seconds") == read_at
    assert page.status("prod") == "active"

    (tmp_path / "exporter.yaml").write_text(json.dumps(configure(simulator.url, other)))
    assert exporter.get("/-/reload", method="POST")[0] == 200
    page = exporter.scrape()
    assert page.value("dcdn_exporter_config_last_reload_successful") == 1
    assert page.value("dcdn_exporter_config_last_reload_success_timestamp_seconds") > read_at
    assert page.by("account", "dcdn_polls_total").keys() == {"other"}
    assert exporter.stop() == 0


def test_what_left_is_in_memory_no_more(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    """An account of the first configuration that has left is kept nowhere, and what stays is there once."""
    gone, stays, comes = (make_account(name) for name in ("gone", "stays", "comes"))
    simulator = simulate(gone, stays, comes)
    variables = {"module": serve_and_list_accounts.__name__, "PYTHONPATH": str(PROJECT)}
    exporter = serve(configure(simulator.url, gone, stays), **variables)

    def polled() -> set[str]:
        polls = exporter.scrape().by("account", "dcdn_polls_total")
        return {name for name, number in polls.items() if number}

    eventually("both were polled", lambda: polled() == {"gone", "stays"})
    (tmp_path / "exporter.yaml").write_text(json.dumps(configure(simulator.url, comes, stays)))
    exporter.send(signal.SIGHUP)
    eventually("the new one was polled", lambda: polled() == {"comes", "stays"})
    exporter.send(signal.SIGUSR1)
    eventually("the accounts are told", lambda: exporter.stdout.endswith("\n"))

    assert json.loads(exporter.stdout) == ["comes", "stays"]


def test_a_request_reloads_only_where_that_is_allowed(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve
) -> None:
    """Without --web.enable-lifecycle a POST is forbidden, and nothing is read."""
    account = make_account("prod")
    exporter = serve(configure(simulate(account).url, account))
    status, _, body = exporter.get("/-/reload", method="POST")

    assert (status, b"--web.enable-lifecycle" in body) == (403, True)
    assert exporter.log("configuration reloaded") == []
