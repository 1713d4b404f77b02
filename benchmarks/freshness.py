"""How old the data of healthy accounts is while others hang until the deadline and others answer 503.

Every tenth account hangs and every twentieth fails, from the start to the end. Their pauses do not grow
(`failing_interval` is `interval`), so that they are as much of a burden in the last minute as in the first.
"""

from __future__ import annotations

import time

from benchmarks.accounts import account, configuration, duration, key_id
from benchmarks.arithmetic import quantile
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.measured_daemon import MeasuredDaemon
from benchmarks.played_api import PlayedApi
from benchmarks.progress import say, sleep_until
from benchmarks.upstream import Behaviour

_FROM_INTERVAL = 4


def measure(
    *,
    accounts: int = 2_000,
    interval_s: float = 10.0,
    timeout_s: float = 10.0,
    intervals: int = 12,
    delay_s: float = 0.1,
) -> Finding:
    """Read the ages off the page every second, from the fourth interval to the last."""
    hanging = {number for number in range(accounts) if number % 20 in (3, 13)}
    failing = {number for number in range(accounts) if number % 20 == 7}
    healthy = [account(number)["name"] for number in range(accounts) if number not in hanging | failing]
    behaviour = Behaviour(
        delay_s=delay_s,
        hanging=frozenset(key_id(number) for number in hanging),
        failing=frozenset(key_id(number) for number in failing),
    )
    ages_s: list[float] = []
    with PlayedApi(behaviour) as api:
        configured = configuration(
            api.url,
            range(accounts),
            interval_s=interval_s,
            timeout=duration(timeout_s),
            failing_interval=duration(interval_s),
        )
        with MeasuredDaemon(configured) as daemon:
            began = time.monotonic()
            say(f"freshness: {accounts} accounts, {len(hanging)} hang, {len(failing)} fail")
            sleep_until(began + (_FROM_INTERVAL - 1) * interval_s)
            while (now := time.monotonic()) < began + intervals * interval_s:
                page = daemon.scrape()
                succeeded_at = page.by_account("dcdn_last_success_timestamp_seconds")
                ages_s += [page.at_unix - succeeded_at[name] for name in healthy]
                sleep_until(now + 1)
    p99 = Figure("age of a healthy account's data, p99", quantile(ages_s, 0.99), "s")
    # One that is not polled at all any more would be lost among the others' ages.
    most = Figure("age of a healthy account's data, most", max(ages_s), "s")
    note = (
        f"{accounts:,} accounts every {interval_s:g} s with a deadline of {timeout_s:g} s: "
        f"{len(hanging)} hang, {len(failing)} answer 503; an answer takes {delay_s:g} s"
    )
    return Finding(
        "freshness",
        (
            Figure("age of a healthy account's data, median", quantile(ages_s, 0.5), "s"),
            p99,
            most,
        ),
        (Claim(p99, Bound.AT_MOST, interval_s + 5), Claim(most, Bound.AT_MOST, 3 * interval_s)),
        (note,),
    )
