"""How long after its moment a change of the billing method is on the page.

The interval is a minute: what shows a change earlier is the extra poll that is planned for its moment. Moments are
whole seconds, as on the wire.
"""

from __future__ import annotations

import math
import re
import time

from benchmarks.accounts import configuration, simulated
from benchmarks.arithmetic import quantile
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.measured_daemon import MeasuredDaemon
from benchmarks.progress import say, sleep_until
from exporter.simulator import ChargeChange, Scenario, ServiceState
from tests.only_read import only_read

_CHANGED = re.compile(
    rb'^dcdn_service_charge_type\{account="([^"]+)",charge_type="PayByBandwidth",[^}]*\} 1', re.MULTILINE
)
_LONGEST_S = 60.0


def measure(
    *, accounts: int = 200, interval_s: float = 60.0, begin_s: float = 30.0, spread_s: float = 120.0
) -> Finding:
    """Let the changes fall due from ``begin_s`` on, spread over ``spread_s``; the page is read ten times a second."""
    played = [simulated(number) for number in range(accounts)]
    with only_read(Scenario("billing methods that change", tuple(played))) as simulator:
        begin = math.ceil(time.time() + begin_s)
        due = {one.name: begin + round(spread_s * place / accounts) for place, one in enumerate(played)}
        for name, moment in due.items():
            change = ChargeChange("PayByBandwidth", moment)
            simulator.set_service(name, ServiceState(charge_type="PayByTraffic", change=change))
        with MeasuredDaemon(configuration(simulator.url, range(accounts), interval_s=interval_s)) as daemon:
            say(f"billing_change: {accounts} changes within {begin_s + spread_s:g} s")
            seen = _seen(daemon, accounts, until=begin + spread_s + _LONGEST_S)
    # One that was not seen has waited at least so long.
    after_s = [min(_LONGEST_S, seen.get(name, math.inf) - moment) for name, moment in due.items()]
    p99 = Figure("a change seen after its moment, p99", quantile(after_s, 0.99), "s", len(after_s))
    earliest = Figure("a change seen after its moment, least", min(after_s), "s", len(after_s))
    unseen = Figure(f"changes not seen within {_LONGEST_S:g} s", after_s.count(_LONGEST_S), "")
    return Finding(
        "billing_change",
        (
            Figure("a change seen after its moment, median", quantile(after_s, 0.5), "s", len(after_s)),
            p99,
            Figure("a change seen after its moment, most", max(after_s), "s", len(after_s)),
            earliest,
            unseen,
        ),
        (Claim(p99, Bound.AT_MOST, 3.0), Claim(earliest, Bound.AT_LEAST, 0), Claim(unseen, Bound.AT_MOST, 0)),
    )


def _seen(daemon: MeasuredDaemon, accounts: int, *, until: float) -> dict[str, float]:
    """When each account's new method was on a page that had come whole, as Unix time."""
    seen: dict[str, float] = {}
    while len(seen) < accounts and time.time() < until:
        look_again = time.monotonic() + 0.1
        page = daemon.scrape()
        for name in _CHANGED.findall(page.body):
            seen.setdefault(name.decode(), page.at_unix + page.duration_s)
        sleep_until(look_again)
    return seen
