"""More work than the vendor allows.

A busy machine can hold calls up between a client's socket and the server's clock, and so squeeze them together there
whatever the client does. What must never fail by such luck waits for a calm stretch: some seconds in a row in which
the server counted what it should. A client that asks for too much, or for too little, has none, however long one
waits.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.simulator import Account, Journal, JournalEntry
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter

ACTION = "DescribeDcdnIpaService"
LIMIT = 20
PACE = 18.5
STRETCH_S = 5.0
ENOUGH = 90
"""The calls of a stretch in which nine tenths of the limit are used."""


def calm_stretch(journal: Journal) -> Sequence[JournalEntry]:
    """The calls of the first stretch with enough of them, none refused and no second above the limit; else none."""
    calls = journal.entries(action=ACTION)
    crowded = {n for n in range(len(calls) - LIMIT) if calls[n + LIMIT].at_s - calls[n].at_s < 1}
    for first, call in enumerate(calls):
        end = bisect_left(calls, call.at_s + STRETCH_S, key=lambda other: other.at_s)
        stretch = calls[first:end]
        refused = any(other.code is not None for other in stretch)
        if len(stretch) >= ENOUGH and not refused and crowded.isdisjoint(range(first, end - LIMIT)):
            return stretch
    return ()


def too_early(journal: Journal, began_s: float, *, at_once: int = 1) -> list[float]:
    """Calls that came before the moments that the pace gives them, so many of which begin at once.

    A machine under load makes calls late, and squeezes some together; never early.
    """
    calls = journal.entries(action=ACTION)
    return [call.at_s for n, call in enumerate(calls, 1 - at_once) if call.at_s < began_s + n / PACE]


def entries(account: Account, *names: str, **parts: Any) -> list[dict[str, Any]]:
    """One entry of the file for each name, with the account's key; its id is not told unless given."""
    key = {
        "type": "access_key",
        "access_key_id": account.access_key_id,
        "access_key_secret": account.access_key_secret,
    }
    return [{"name": name, "credentials": key, **parts} for name in names]


def polls(exporter: Exporter) -> float:
    """The polls of all its accounts so far."""
    return sum(exporter.scrape().by("account", "dcdn_polls_total").values())


def test_the_vendors_limit_is_used_and_never_passed(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Sixty names of one key get nine tenths of the limit together, never 21 calls in a second, and each its turn."""
    account = make_account("shared")
    simulator = simulate(account)
    names = [f"name-{number}" for number in range(60)]
    exporter = serve(configure(simulator.url, timeout="1s") | {"accounts": entries(account, *names)})

    eventually("five seconds are as they should be", lambda: calm_stretch(simulator.journal))
    # Nobody starves: a round of all names takes 3.2 seconds, and each waits less than a second to join the next.
    eventually(
        "all were polled twice", lambda: min(exporter.scrape().by("account", "dcdn_polls_total").values()) >= 2
    )
    assert exporter.scrape().by("account", "dcdn_account_info", account_id=account.account_id).keys() == set(names)
    assert exporter.stop() == 0
    assert too_early(simulator.journal, exporter.started_s) == []


@pytest.mark.rehearsal
def test_two_replicas_of_half_a_share_use_the_limit_and_never_pass_it(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Two saturated processes of `share: 0.5` get nine tenths of one account's limit, never 21 calls in a second."""
    account = make_account("shared")
    simulator = simulate(account)
    names = [f"name-{number}" for number in range(30)]
    configuration = configure(simulator.url, timeout="1s")
    configuration |= {"rate_limit": {"share": 0.5}, "accounts": entries(account, *names)}
    replicas = [serve(configuration), serve(configuration)]

    eventually("five seconds are as they should be", lambda: calm_stretch(simulator.journal))
    for replica in replicas:
        assert replica.scrape().value("dcdn_exporter_api_budget_calls_per_second", operation=ACTION) == 9.25
        # The other can have had no more than its half of the limit.
        eventually("this one had the rest", lambda at=replica: polls(at) >= ENOUGH - LIMIT / 2 * STRETCH_S)
        assert replica.stop() == 0
    assert too_early(simulator.journal, replicas[0].started_s, at_once=2) == []


@pytest.mark.rehearsal
def test_entries_that_turn_out_to_be_one_account_share_its_budget(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Three keys get one limit together when account_id, and GetCallerIdentity twice, say one account."""
    told, asked, asked_too = accounts = [make_account(name, account_id="1" * 16) for name in ("told", "a", "b")]
    simulator = simulate(*accounts)
    configuration = configure(simulator.url, timeout="1s")
    configuration["accounts"] = [
        *entries(told, *(f"told-{number}" for number in range(20)), account_id=told.account_id),
        *entries(asked, *(f"asked-{number}" for number in range(20))),
        *entries(asked_too, *(f"asked-too-{number}" for number in range(20))),
    ]
    exporter = serve(configuration)

    stretch = eventually("five seconds are as they should be", lambda: calm_stretch(simulator.journal))
    assert {entry.access_key_id for entry in stretch} == {account.access_key_id for account in accounts}
    assert len(exporter.scrape().find("dcdn_account_info", account_id=told.account_id)) == 60
    assert exporter.stop() == 0
