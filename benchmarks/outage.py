"""What happens when the whole API stops to answer for minutes, and when it answers again.

Each call hangs until its deadline. Meanwhile the pages must come as before and nothing may pile up; afterwards all
accounts must be fresh again within an interval and ten seconds, without more calls than the limit allows.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain

from benchmarks.accounts import account, configuration, duration, key_id
from benchmarks.arithmetic import busiest_second, quantile
from benchmarks.arrivals import moments_of
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.measured_daemon import MeasuredDaemon
from benchmarks.played_api import PlayedApi
from benchmarks.progress import say, sleep_until
from benchmarks.upstream import Behaviour

_FIRST_ROUND_S = 180.0
_SCRAPE_EVERY_S = 2.0
_LIMIT = 20
_NAMES = 60
# docs/deployment.md promises it; calls that hang take as many threads as poll.max_workers and their own limit allow.
_MOST_THREADS = 208


def measure(
    *,
    accounts: int = 10_000,
    interval_s: float = 60.0,
    timeout_s: float = 10.0,
    outage_s: float = 180.0,
    delay_s: float = 0.1,
) -> Finding:
    """Watch for ``outage_s`` while all is well, let the API hang for as long, and watch it for two intervals more.

    One account has sixty names, more than its limit lets be asked at once when the API is back.
    """
    answering = Behaviour(delay_s=delay_s)
    with PlayedApi(answering) as api:
        configured = configuration(api.url, range(accounts), interval_s=interval_s, timeout=duration(timeout_s))
        configured["accounts"] += [{**account(accounts), "name": f"name-{number:02}"} for number in range(_NAMES)]
        with MeasuredDaemon(configured) as daemon:
            say(f"outage: {accounts} accounts, their first round")
            api.first_round(accounts + 1, within_s=_FIRST_ROUND_S)
            sleep_until(time.monotonic() + interval_s)
            calm_threads, calm_scrapes_s = _watched(daemon, outage_s)
            say(f"outage: nothing is answered for {outage_s:g} s")
            api.behave(replace(answering, hang_all=True))
            api.arrivals()
            threads, scrapes_s = _watched(daemon, outage_s)
            asked = sum(map(len, moments_of(api.arrivals()).values()))
            returned = time.monotonic()
            api.behave(answering)
            say("outage: it answers again")
            later_threads, later_scrapes_s = _watched(daemon, interval_s + 10)
            sleep_until(returned + 2 * interval_s)
            after = moments_of(api.arrivals())
            crowded = after.pop(key_id(accounts))
    # A call that arrived before the server heard of the outage's end, if by a hair, got no answer.
    first = [min((at for at in moments if at > returned + 0.1), default=None) for moments in after.values()]
    fresh_s = [at - returned + delay_s for at in first if at is not None]
    again = [sum(at < returned + interval_s for at in moments) for moments in after.values()]

    most_threads = Figure("threads from the outage on, most", max(threads + later_threads), "")
    calm_p99_s, outage_p99_s = quantile(calm_scrapes_s, 0.99), quantile(scrapes_s + later_scrapes_s, 0.99)
    scrapes = Figure("scrape's p99 against before", outage_p99_s / calm_p99_s, "")
    lost = Figure("accounts not asked again within two intervals", accounts - len(fresh_s), "")
    last = Figure("from the return until the last account is fresh", max(fresh_s), "s")
    busiest = Figure(f"calls of the account with {_NAMES} names in its busiest second", busiest_second(crowded), "")
    return Finding(
        "outage",
        (
            Figure("threads before, most", max(calm_threads), ""),
            most_threads,
            Figure("scrape before, p99", 1000 * calm_p99_s, "ms", len(calm_scrapes_s)),
            Figure("scrape from the outage on, p99", 1000 * outage_p99_s, "ms", len(scrapes_s + later_scrapes_s)),
            scrapes,
            Figure("calls per second during the outage", asked / outage_s, "calls/s"),
            Figure("from the return until half of the accounts are fresh", quantile(fresh_s, 0.5), "s"),
            last,
            lost,
            Figure("polls of an account in the interval after the return, mean", sum(again) / accounts, ""),
            Figure("polls of all in the busiest second after the return", busiest_second(chain(*after.values())), ""),
            busiest,
        ),
        (
            Claim(most_threads, Bound.AT_MOST, _MOST_THREADS),
            Claim(scrapes, Bound.AT_MOST, 2.0),
            Claim(last, Bound.AT_MOST, interval_s + 10),
            Claim(lost, Bound.AT_MOST, 0),
            Claim(busiest, Bound.AT_MOST, _LIMIT),
        ),
        (f"{accounts:,} accounts every {interval_s:g} s with a deadline of {timeout_s:g} s; out for {outage_s:g} s",),
    )


def _watched(daemon: MeasuredDaemon, seconds: float) -> tuple[list[int], list[float]]:
    """The threads of each second, and how long each scrape took."""
    threads: list[int] = []
    until = time.monotonic() + seconds
    with daemon.scraped(every_s=_SCRAPE_EVERY_S) as scrapes:
        while (now := time.monotonic()) < until:
            threads.append(daemon.process.threads())
            sleep_until(min(now + 1, until))
    return threads, [scrape.duration_s for scrape in scrapes]
