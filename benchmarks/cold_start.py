"""A start with thousands of member accounts, each of which needs a token before its first poll.

AssumeRole has 100 calls a second, of which the exporter takes half: 10,000 tokens take 200 s by arithmetic, whatever
one does. What can be had is that each account is polled as soon as its own token comes.
"""

from __future__ import annotations

import time

from benchmarks.accounts import configuration, directory
from benchmarks.arithmetic import busiest_second, quantile
from benchmarks.arrivals import Arrival, moments_of
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.measured_daemon import MeasuredDaemon
from benchmarks.played_api import PlayedApi
from benchmarks.progress import say, wait_until
from benchmarks.upstream import Behaviour

ASSUME_ROLES_PER_SECOND = 50
_SOON_MS = 1_000.0


def measure(*, members: int = 10_000, interval_s: float = 60.0, delay_s: float = 0.1) -> Finding:
    """Start with a directory of so many members, until each was polled."""
    behaviour = Behaviour(delay_s=delay_s, members=tuple(f"2{number:015}" for number in range(members)))
    by_arithmetic_s = members / ASSUME_ROLES_PER_SECOND
    arrivals: list[Arrival] = []
    polled: set[str] = set()
    with PlayedApi(behaviour) as api:
        configured = configuration(api.url, (), interval_s=interval_s)
        configured["discovery"] = {"resource_directories": [directory()]}
        with MeasuredDaemon(configured) as daemon:
            say(f"cold_start: {members} members, {by_arithmetic_s:.0f} s by arithmetic")

            def all_polled() -> bool:
                came = api.arrivals()
                arrivals.extend(came)
                polled.update(moments_of(came))
                time.sleep(0.8)
                return len(polled) >= members

            wait_until("every member was polled", all_polled, within_s=120 + 3 * by_arithmetic_s)
            cpu_s = daemon.process.cpu_s()
            began = daemon.process.started_s
    first_polls = {subject.removeprefix("STS."): moments[0] for subject, moments in moments_of(arrivals).items()}
    roles = moments_of(arrivals, "AssumeRole")
    asked = {role.split(":")[3]: moments[0] for role, moments in roles.items()}
    calls = sorted(at for moments in roles.values() for at in moments)
    after_s = [first_polls[member] - asked[member] - delay_s for member in asked]
    took_s = max(first_polls.values()) - began
    busiest = Figure("AssumeRole in the busiest second", busiest_second(calls), "")
    soon = Figure("from a token to its first poll, p99", 1000 * quantile(after_s, 0.99), "ms")
    against = Figure("time until all were polled against the arithmetic", took_s / by_arithmetic_s, "")
    return Finding(
        "cold_start",
        (
            Figure("start until all were polled", took_s, "s"),
            against,
            Figure("AssumeRole", (len(calls) - 1) / (calls[-1] - calls[0]), "calls/s"),
            busiest,
            Figure("AssumeRole calls for each member", len(calls) / members, ""),
            Figure("from a token to its first poll, median", 1000 * quantile(after_s, 0.5), "ms"),
            soon,
            Figure("a core's part meanwhile", 100 * cpu_s / took_s, "%"),
        ),
        (
            Claim(busiest, Bound.AT_MOST, ASSUME_ROLES_PER_SECOND),
            Claim(against, Bound.AT_MOST, 1.2),
            Claim(soon, Bound.AT_MOST, _SOON_MS),
        ),
        (f"{members:,} members are {by_arithmetic_s:.0f} s by arithmetic at {ASSUME_ROLES_PER_SECOND} a second",),
    )
