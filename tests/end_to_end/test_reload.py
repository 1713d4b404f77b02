"""Another configuration for the running daemon."""

from __future__ import annotations

import itertools
import json
import signal
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.end_to_end import serve_and_list_accounts

if TYPE_CHECKING:
    from exporter.simulator import Account, Simulator
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter

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
        eventually("the reload is logged", lambda: exporter.log("configuration reloaded"))
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


class Scraping:
    """Scrapes again and again, in a thread, inside a block."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._scrape)
        self.ends_s: list[float] = []
        """When each scrape was there, on the monotonic clock."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def longest_gap_s(self, since_s: float) -> float:
        """The longest time without a scrape since some moment."""
        ends_s = [since_s, *(end_s for end_s in self.ends_s if end_s > since_s)]
        return max(later - earlier for earlier, later in itertools.pairwise(ends_s))

    def _scrape(self) -> None:
        while not self._over.wait(0.05):
            assert self._exporter.get("/metrics")[0] == 200
            self.ends_s.append(time.monotonic())


@pytest.fixture
def ten_thousand(make_account: MakeAccount, configure: Configure, serve: Serve, eventually: Eventually) -> Exporter:
    """A daemon of 10,000 accounts which have all been polled once, in vain: no server is at the API's port."""
    accounts = [make_account(f"account-{number:05}") for number in range(10_000)]
    configuration = configure("http://127.0.0.1:9", *accounts, interval="10m", stale_after="1h")
    exporter = serve(configuration, "--web.enable-lifecycle")
    eventually("the first round is over", lambda: exporter.status("/-/ready") == 200)
    return exporter


def seconds_of_a_reload(exporter: Exporter) -> float:
    """How long one reload takes."""
    began_s = time.monotonic()
    assert exporter.get("/-/reload", method="POST")[0] == 200
    return time.monotonic() - began_s


@pytest.mark.rehearsal
def test_many_reloads_at_once_are_few_and_hold_up_no_scrape(ten_thousand: Exporter) -> None:
    """One runs and one more is for all who came meanwhile; scrapes are answered while they run."""
    takes_s = seconds_of_a_reload(ten_thousand)
    with Scraping(ten_thousand) as scraping, ThreadPoolExecutor(60) as pool:
        began_s = time.monotonic()
        first = pool.submit(ten_thousand.get, "/-/reload", method="POST")
        time.sleep(takes_s / 3)
        statuses = list(pool.map(lambda _: ten_thousand.get("/-/reload", method="POST")[0], range(59)))
        took_s = time.monotonic() - began_s
        longest_gap_s = scraping.longest_gap_s(began_s)

    assert [first.result()[0], *statuses] == [200] * 60
    assert longest_gap_s < took_s / 2
    assert ten_thousand.stop() == 0  # which writes what is left of the log
    reloads = len(ten_thousand.log("configuration reloaded")) - 1  # without the one that was timed
    assert reloads in (2, 3)  # some may come when the second has begun


@pytest.mark.rehearsal
@pytest.mark.parametrize("by", ["request", "signal"])
def test_a_stop_breaks_off_a_reload(ten_thousand: Exporter, by: str) -> None:
    """Within 2 s, in order, and without a word of what was broken off."""
    with ThreadPoolExecutor(1) as pool:
        takes_s = seconds_of_a_reload(ten_thousand)
        answer = None
        if by == "signal":
            ten_thousand.send(signal.SIGHUP)
        else:
            answer = pool.submit(ten_thousand.get, "/-/reload", method="POST")
        time.sleep(takes_s / 3)
        began_s = time.monotonic()
        exit_code = ten_thousand.stop()
        took_s = time.monotonic() - began_s
        if answer is not None:
            assert (answer.result()[0], answer.result()[2]) == (503, b"dcdn-exporter is stopping.\n")

    assert exit_code == 0
    assert took_s < max(2, takes_s / 2)
    assert [line["msg"] for line in ten_thousand.told() if line["msg"] != "poll failed"] == [
        "listening",
        "configuration reloaded",
        "stopping",
    ]


def test_a_bad_file_changes_nothing(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    """By signal and by request: all problems are reported, nothing changes, and a good file counts again."""
    account, other = make_account("prod"), make_account("other")
    simulator = simulate(account, other)
    exporter = serve(configure(simulator.url, account), "--web.enable-lifecycle")
    eventually("the state is shown", lambda: exporter.scrape().status("prod") == "active")
    read_at = exporter.scrape().value("dcdn_exporter_config_last_reload_success_timestamp_seconds")

    bad: dict[str, Any] = configure(simulator.url, account, interval="soon")
    bad["accounts"] *= 2
    (tmp_path / "exporter.yaml").write_text(json.dumps(bad))
    exporter.send(signal.SIGHUP)
    eventually("the refusal is logged", lambda: exporter.log("configuration not reloaded"))
    status, _, body = exporter.get("/-/reload", method="POST")
    page = exporter.scrape()

    assert status == 500
    assert b"poll.interval" in body
    assert b"accounts[1].name" in body
    eventually("each refusal is logged", lambda: len(exporter.log("configuration not reloaded")) == 2)
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
    eventually("the accounts are printed", lambda: exporter.stdout.endswith("\n"))

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
