"""Three shards of two replicas as six processes, and what may happen to them, under a real Prometheus.

One story, since each step begins where the one before has ended: hundreds of accounts are watched, one is locked, one
replica ends, then the other one of its shard, a fourth shard is added, and the lock ends.
"""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from exporter.accounts.sharding import owner
from exporter.simulator import ServiceState
from tests.end_to_end.monitoring import monitoring
from tests.end_to_end.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from exporter.simulator import Journal
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter
    from tests.end_to_end.monitoring import Monitoring

pytestmark = [pytest.mark.rehearsal, pytest.mark.waits]

ACTION = "DescribeDcdnIpaService"
ACCOUNTS, REPLICAS, LIMIT = 600, 2, 20
SHARE = 1 / REPLICAS  # as the chart sets it
INTERVAL_S = 8.0
INTERVAL = f"{INTERVAL_S:g}s"
# A process needs a second of a core to start, and eight of them may do so at once on a machine with more to do.
PATIENCE_S = 120.0

LOCK, REPLICA, SHARD, ACCOUNT = (
    "DcdnServiceLockedFinancial",
    "DcdnReplicaFailing",
    "DcdnShardMissing",
    "DcdnAccountMissing",
)
BUDGET = "dcdn_exporter_api_budget_calls_per_second"
STATES = "count(count by (account) (dcdn_service_status))"
POLLED_BY = """
count by (account, shard) (
  dcdn_polls_total
    * on (instance) group_left (shard)
  count_values by (instance) ("shard", dcdn_exporter_shard_ordinal)
)"""


@dataclass(frozen=True, slots=True)
class Processes:
    """Starts processes of one configuration."""

    serve: Serve
    configuration: Mapping[str, Any]
    until: Eventually

    def start(self, total: int, *ordinals: int) -> list[Exporter]:
        """A process for each of these shards; all of their accounts were polled."""
        processes = [self.serve(self.configuration, f"--shard={ordinal}/{total}") for ordinal in ordinals]
        for process in processes:
            self.until("it listens", partial(process.log, "listening"))
            self.until("it is ready", lambda at=process: at.status("/-/ready") == 200)
        return processes


def end(*processes: Exporter) -> None:
    """As Kubernetes ends pods; they must end well."""
    assert [process.stop() for process in processes] == [0] * len(processes)


def addresses(*processes: Exporter) -> list[str]:
    """Their addresses."""
    return [process.address for process in processes]


def all_seen(seen: Monitoring, processes: int) -> bool:
    """Whether so many processes are scraped, and no others, and show the state of every account."""
    up, targets, states = (seen.query(count) for count in ("count(up == 1)", "count(up)", STATES))
    return [found[0]["value"][1] for found in (up, targets, states) if found] == [
        str(number) for number in (processes, processes, ACCOUNTS)
    ]


def shard_of_each_account(seen: Monitoring) -> dict[str, int]:
    """Which shard polls each account, by what is scraped: each is on two pages, and these are of one shard."""
    samples = seen.query(POLLED_BY)
    assert {sample["value"][1] for sample in samples} == {str(REPLICAS)}
    shards = {sample["metric"]["account"]: int(sample["metric"]["shard"]) for sample in samples}
    assert (len(samples), len(shards)) == (ACCOUNTS, ACCOUNTS)
    return shards


def firing(seen: Monitoring) -> set[tuple[str, str]]:
    """Each alert that fires, with the account or the replica that it is about."""
    found = (sample["metric"] for sample in seen.query('ALERTS{alertstate="firing"}'))
    return {(labels["alertname"], labels.get("account") or labels.get("instance", "")) for labels in found}


def shards_called(journal: Journal, shards: Mapping[str, int], *, from_s: float) -> set[frozenset[int]]:
    """Of which shards the accounts are that were called over one connection, which is one process's, since then."""
    called: dict[int, set[int]] = defaultdict(set)
    for call in journal.entries():
        if call.at_s >= from_s:
            assert (call.action, call.code) == (ACTION, None)
            called[call.connection].add(shards[str(call.account_id)])
    return {frozenset(found) for found in called.values()}


def by_id(shards: Mapping[str, int], ids: Mapping[str, str]) -> dict[str, int]:
    """The same, by what the server calls the accounts."""
    return {ids[name]: ordinal for name, ordinal in shards.items()}


def calls_of_each_account(journal: Journal) -> dict[str, list[float]]:
    """When each account, by its id, was called, as the server counted it."""
    calls: dict[str, list[float]] = defaultdict(list)
    for call in journal.entries():
        calls[str(call.account_id)].append(call.at_s)
    return calls


def paced(journal: Journal) -> bool:
    """Whether in the last two intervals both replicas called each account once an interval.

    A call may come late and so fall into the stretch, or out of it; of all accounts together only few do.
    """
    from_s = time.monotonic() - 2 * INTERVAL_S
    calls = [sum(at_s >= from_s for at_s in moments) for moments in calls_of_each_account(journal).values()]
    expected = 2 * REPLICAS
    return (
        len(calls) == ACCOUNTS
        and expected - REPLICAS <= min(calls)
        and max(calls) <= expected + REPLICAS
        and sum(calls) == pytest.approx(expected * ACCOUNTS, rel=0.05)
    )


def most_in_a_second(moments: list[float]) -> int:
    """The most of these moments, which are in order, in any one second."""
    return max(
        sum(later < first + 1 for later in moments[number : number + LIMIT + 1])
        for number, first in enumerate(moments)
    )


def test_shards_divide_the_accounts_and_replicas_stand_in_for_each_other(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """Each account has one shard; a lost replica costs nothing, a lost shard fires, a new one takes a quarter."""
    until = partial(eventually, within_s=PATIENCE_S)
    accounts = [make_account(f"account-{number}") for number in range(ACCOUNTS)]
    ids = {account.name: account.account_id for account in accounts}
    simulator = simulate(*accounts)
    configuration = configure(simulator.url, *accounts, interval=INTERVAL, timeout=INTERVAL, locked_interval="2s")
    processes = Processes(serve, {**configuration, "rate_limit": {"share": SHARE}}, until)
    first, second = (six := processes.start(3, 0, 1, 2, 0, 1, 2))[:3], six[3:]

    with monitoring(*addresses(*six), folder=tmp_path, tool=tool, pace=Pace(every_s=3)) as seen:
        # While Prometheus looks for its targets, alerts fire whose minutes are half seconds here.
        until(
            "all are scraped, and all is quiet", lambda: all_seen(seen, 6) and not firing(seen) and seen.hook.quiet()
        )
        seen.hook.forget()

        # Each account is polled by the two replicas of one shard and by no other process, once an interval by each.
        before = shard_of_each_account(seen)
        assert before == {name: owner(number, total=3) for name, number in ids.items()}
        until("both replicas poll once an interval", lambda: paced(simulator.journal))
        assert shards_called(simulator.journal, by_id(before, ids), from_s=0) == {
            frozenset({ordinal}) for ordinal in range(3)
        }
        assert len(seen.query(f'{BUDGET}{{operation="{ACTION}"}} < {LIMIT * SHARE}')) == len(six)

        # A lock that both replicas see is one message. Its account is one that will move.
        whose = next(name for name, number in ids.items() if (before[name], owner(number, total=4)) == (1, 3))
        simulator.set_service(whose, ServiceState(locks=("financial",)))
        (told,) = until("the pager hears of the lock", lambda: seen.hook.alerts(LOCK, "firing"))
        assert told["labels"]["account"] == whose
        until("nothing else fires", lambda: firing(seen) == {(LOCK, whose)})

        # One replica of that account's shard ends: nothing is lost, and the only message is that it has ended.
        first[1].stop(signal.SIGKILL)
        ended_s = time.monotonic()
        until("a replica is missed", lambda: firing(seen) == {(LOCK, whose), (REPLICA, first[1].address)})
        since = f"[{int(time.monotonic() - ended_s) + 1}s:1s]"
        assert seen.query(f"min_over_time({STATES}{since})")[0]["value"][1] == str(ACCOUNTS)
        assert seen.hook.told() == [(LOCK, "firing")]

        # So does the other one: their shard is missing, and to hear of its accounts as well would say nothing new.
        second[1].stop(signal.SIGKILL)
        (told,) = until("the pager hears of the shard", lambda: seen.hook.alerts(SHARD, "firing"))
        assert told["labels"] == {"alertname": SHARD, "job": "dcdn-exporter", "severity": "critical"}
        until("accounts are missing", lambda: (ACCOUNT, "") in firing(seen))

        # Four shards, one replica of each after the other one.
        end(first[0], first[2])
        first = processes.start(4, 0, 1, 2, 3)
        seen.aim(*addresses(*first, second[0], second[2]))
        until("no shard is missing", lambda: seen.hook.alerts(SHARD, "resolved"))
        end(second[0], second[2])
        grown_s = time.monotonic()
        second = processes.start(4, 0, 1, 2, 3)
        seen.aim(*addresses(*first, *second))
        until("all are scraped", lambda: all_seen(seen, 8))
        after = shard_of_each_account(seen)
        moved = {name for name in ids if after[name] != before[name]}
        assert 0.2 < len(moved) / ACCOUNTS < 0.3
        assert {after[name] for name in moved} == {3}
        assert shards_called(simulator.journal, by_id(after, ids), from_s=grown_s) == {
            frozenset({n}) for n in range(4)
        }

        # The lock was one message, whichever replica saw it, and ends once.
        simulator.set_service(whose, None)
        until("the pager hears of the release", lambda: seen.hook.alerts(LOCK, "resolved"))
        assert seen.hook.told() == [(LOCK, "firing"), (SHARD, "firing"), (SHARD, "resolved"), (LOCK, "resolved")]

    end(*first, *second)
    assert max(map(most_in_a_second, calls_of_each_account(simulator.journal).values())) <= LIMIT
