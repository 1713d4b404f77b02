"""How late polls come: as many probes as one process is meant for, each a minute after its last poll.

What counts is when a call arrives at the server. Each account's own polls say where its place in the interval is; how
far the others lie behind the earliest is how late they came.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.benchmarks.accounts import configuration
from tests.benchmarks.arithmetic import quantile
from tests.benchmarks.arrivals import lateness_of, moments_of
from tests.benchmarks.findings import Figure, Finding
from tests.benchmarks.measured_daemon import MeasuredDaemon
from tests.benchmarks.played_api import PlayedApi
from tests.benchmarks.progress import say, sleep_until
from tests.benchmarks.upstream import Behaviour

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIRST_ROUND_S = 180.0
_SCRAPE_EVERY_S = 15.0


def measure(
    *, sizes: Sequence[int] = (10_000, 30_000), interval_s: float = 60.0, rounds: int = 4, delay_s: float = 0.1
) -> Finding:
    """Poll each number of accounts for so many rounds; an answer takes ``delay_s``."""
    figures = [figure for size in sizes for figure in _of(size, interval_s, rounds, delay_s)]
    return Finding("lateness", tuple(figures))


def _of(size: int, interval_s: float, rounds: int, delay_s: float) -> list[Figure]:
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
    parts = (("median", 0.5), ("p99", 0.99), ("most", 1.0))
    late = [Figure(f"late, {word}", 1000 * quantile(late_s, part), "ms", rounds, of) for word, part in parts]
    return [*late, Figure("polls made of those due", 100 * made / (size * rounds), "%", rounds, of)]
