"""Outages of the API and of the exporter, from the shipped rules to messages of Alertmanager, which are counted."""

from __future__ import annotations

import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from deploy.prometheus.rules.expressions import STALE
from exporter.simulator import Fault, ServiceState
from tests.end_to_end.monitoring import monitoring
from tests.end_to_end.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.monitoring import Monitoring

pytestmark = [pytest.mark.rehearsal, pytest.mark.waits]

LOCK, FLEET, DOWN = "DcdnServiceLockedFinancial", "DcdnFleetFailing", "DcdnExporterDown"
FIRES, ENDS = "firing", "resolved"
LOCKED = ServiceState(locks=("financial",))
ACCOUNTS, LATE = 200, 20


def firing(seen: Monitoring) -> Counter[str]:
    """How many alerts of each name fire."""
    return Counter(alert["metric"]["alertname"] for alert in seen.query('ALERTS{alertstate="firing"}'))


def test_an_outage_of_many_accounts_is_one_page(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """It pages once, a lock beside it pages by itself, and its end sends no more than that it has ended."""
    pace = Pace(faster=30, every_s=0.5)
    answered, *others = accounts = [make_account(f"account-{number}") for number in range(ACCOUNTS)]
    simulator = simulate(*accounts)
    # What the exporter does unless it is configured otherwise, at the pace of the rules.
    poll = {"interval": "2s", "locked_interval": "1s", "failing_interval": "10s", "stale_after": "20s"}
    exporter = serve(configure(simulator.url, *accounts, **poll))
    eventually("all are polled", lambda: exporter.status("/-/ready") == 200)

    with monitoring(exporter.address, folder=tmp_path, tool=tool, pace=pace) as seen:
        hook = seen.hook
        eventually(
            "all are scraped, and all is quiet",
            lambda: seen.query(f"sum(dcdn_poll_success) == {ACCOUNTS}") and not firing(seen) and hook.quiet(),
        )
        hook.forget()

        for account in others:
            simulator.set_fault(account.name, Fault("reset"))
        (page,) = eventually("the pager hears of the outage", lambda: hook.alerts(FLEET, FIRES))
        eventually("each of them is stale", lambda: seen.query(f"count({STALE}) == {len(others)}"))
        simulator.set_service(answered.name, LOCKED)
        (lock,) = eventually("the pager hears of the lock", lambda: hook.alerts(LOCK, FIRES))
        assert lock["labels"]["account"] == answered.name
        assert hook.messages() == [(FLEET, FIRES), (LOCK, FIRES)]
        assert hook.messages("operators") == []
        # How many of how many is that of the evaluation that fired, some polls after the outage began.
        told = page["annotations"]["summary"] + page["annotations"]["description"]
        assert f"of {ACCOUNTS}" in told
        assert "network" in told

        # The last of them take as long to be polled again as a probe that fails may pause.
        for account in others[LATE:]:
            simulator.set_fault(account.name, None)
        eventually("most are well", lambda: seen.query(f"sum(dcdn_poll_success) >= {ACCOUNTS - LATE}"))
        assert seen.query(f"count({STALE}) >= {LATE}")
        # None of them has an alert of its own: Prometheus would write each of these at each evaluation.
        assert firing(seen) == {FLEET: 1, LOCK: 1}
        for account in others[:LATE]:
            simulator.set_fault(account.name, None)
        eventually("the pager hears of the end", lambda: hook.alerts(FLEET, ENDS))
        eventually("nothing but the lock fires", lambda: firing(seen) == {LOCK: 1})
        simulator.set_service(answered.name, None)
        eventually("the pager hears of the release", lambda: hook.alerts(LOCK, ENDS))

        assert hook.messages() == [(FLEET, FIRES), (LOCK, FIRES), (FLEET, ENDS), (LOCK, ENDS)]
        assert hook.messages("operators") == []


def test_locks_are_held_while_the_exporter_is_down(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """For an hour, longer than Prometheus sends again what has ended; the release meanwhile is heard afterwards."""
    pace = Pace(faster=60, every_s=0.25)
    accounts = stays, ends = make_account("stays"), make_account("ends")
    simulator = simulate(*accounts)
    for account in accounts:
        simulator.set_service(account.name, LOCKED)
    configuration = configure(simulator.url, *accounts, stale_after="10s", failing_interval="5s")
    exporter = serve(configuration)
    hour_s = int(pace.s(60 * 60))

    with monitoring(exporter.address, folder=tmp_path, tool=tool, pace=pace) as seen:
        hook = seen.hook
        eventually("the pager hears of both locks", lambda: len(hook.alerts(LOCK, FIRES)) == len(accounts))
        eventually("nothing else fires", lambda: firing(seen) == {LOCK: 2} and seen.query("up == 1"))
        hook.forget()

        exporter.stop(signal.SIGKILL)
        eventually("the pager hears that the exporter is down", lambda: hook.alerts(DOWN, FIRES))
        simulator.set_service(ends.name, None)
        eventually(
            "it has been down for an hour",
            lambda: seen.query(f"max_over_time(up[{hour_s}s]) == 0"),
            within_s=2 * hour_s,
        )
        assert hook.messages() == [(DOWN, FIRES)]
        assert firing(seen)[LOCK] == len(accounts)

        again = serve(configuration, port=int(exporter.address.rpartition(":")[2]))
        (end,) = eventually("the pager hears of the release", lambda: hook.alerts(LOCK, ENDS))
        assert end["labels"]["account"] == ends.name
        eventually("the pager hears that it is up", lambda: hook.alerts(DOWN, ENDS))
        # So long a lock was held for an account that a healthy exporter has no more.
        held_s = int(pace.s(20 * 60))
        eventually("it has answered for long", lambda: seen.query(f"min_over_time(up[{held_s}s]) == 1"))
        assert firing(seen) == {LOCK: 1}
        assert Counter(hook.messages()) == Counter([(DOWN, FIRES), (DOWN, ENDS), (LOCK, ENDS)])

        simulator.set_service(stays.name, None)
        eventually("the pager hears of the other release", lambda: len(hook.alerts(LOCK, ENDS)) == len(accounts))
        assert again.stop() == 0
