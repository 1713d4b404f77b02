"""How late polls come: as many probes as one process is meant for, each a minute after its last poll.

What counts is when a call arrives at the server. Each account's own polls say where its place in the interval is; how
far the others lie behind the earliest is how late they came.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.accounts import configuration
from benchmarks.arithmetic import quantile
from benchmarks.arrivals import lateness_of, moments_of
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.measured_daemon import MeasuredDaemon
from benchmarks.played_api import PlayedApi
from benchmarks.progress import say, sleep_until
from benchmarks.upstream import Behaviour

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIRST_ROUND_S = 180.0
_SCRAPE_EVERY_S = 15.0
_LATE_MS = 75.0
_MADE_PERCENT = 99.0


def measure(
    *, sizes: Sequence[int] = (10_000, 30_000), interval_s: float = 60.0, rounds: int = 4, delay_s: float = 0.1
) -> Finding:
    """Poll each number of accounts for so many rounds; an answer takes ``delay_s``."""
    figures: list[Figure] = []
    claims: list[Claim] = []
    for size in sizes:
        median, p99, most, made = _of(size, interval_s, rounds, delay_s)
        figures += (median, p99, most, made)
        claims += (Claim(p99, Bound.AT_MOST, _LATE_MS), Claim(made, Bound.AT_LEAST, _MADE_PERCENT))
    return Finding("lateness", tuple(figures), tuple(claims))


def _of(size: int, interval_s: float, rounds: int, delay_s: float) -> tuple[Figure, Figure, Figure, Figure]:
    """How late polls were: median, p99 and most; and how many of those due were made."""
    with (
        PlayedApi(Behaviour(delay_s=delay_s)) as api,
        MeasuredDaemon(configuration(api.url, range(size), interval_s=interval_s)) as daemon,
    ):
        say(f"lateness: {size} accounts, their first round")
        api.first_round(size, within_s=_FIRST_ROUND_S)
        sleep_until(time.monotonic() + interval_s)  # the round in which all are spread over the interval
        api.arrivals()
        say(f"lateness: {size} accounts, {rounds} rounds of {interval_s:g} s")
        with daemon.scraped(every_s=_SCRAPE_EVERY_S):
            sleep_until(time.monotonic() + rounds * interval_s)
        arrivals = api.arrivals()
    late_s = lateness_of(arrivals, interval_s=interval_s)
    made = sum(map(len, moments_of(arrivals).values()))
    of = f"{size:,} probes"
    return (
        Figure("late, median", 1000 * quantile(late_s, 0.5), "ms", rounds, of),
        Figure("late, p99", 1000 * quantile(late_s, 0.99), "ms", rounds, of),
        Figure("late, most", 1000 * quantile(late_s, 1.0), "ms", rounds, of),
        Figure("polls made of those due", 100 * made / (size * rounds), "%", rounds, of),
    )
