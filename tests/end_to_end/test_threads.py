"""How many threads the daemon has, as the kernel counts them, once those without work have ended."""

from __future__ import annotations

import sys
import time

import pytest

from benchmarks.accounts import configuration
from benchmarks.measured_daemon import MeasuredDaemon
from benchmarks.played_api import PlayedApi
from benchmarks.upstream import Behaviour
from exporter.core.pool import IDLE_S

LOOK_S = 10.0
CALM_WITHIN_S = 180.0


@pytest.mark.rehearsal
@pytest.mark.parametrize(
    ("accounts", "interval_s", "most"),
    [
        pytest.param(5_000, 10.0, 75, id="500 polls a second"),
        pytest.param(60, 60.0, 20, id="one poll a second", marks=pytest.mark.waits),
    ],
)
def test_threads(accounts: int, interval_s: float, most: int) -> None:
    """Where an answer takes 0.1 s, 500 polls a second have 75 threads at most, and one a second has 20.

    On a machine that is busy with other things, polls that come late together need more, for half a minute each time:
    what counts is the least that is seen in three minutes.
    """
    with PlayedApi(Behaviour(delay_s=0.1)) as api:
        configured = configuration(api.url, range(accounts), interval_s=interval_s)
        with MeasuredDaemon(configured) as daemon:
            api.first_round(accounts, within_s=120)
            time.sleep(IDLE_S + interval_s / 2 + 5)
            api.arrivals()
            began = time.monotonic()
            least, looked_s = daemon.process.threads(), 0.0
            while looked_s < LOOK_S or (least > most and looked_s < CALM_WITHIN_S):
                time.sleep(0.2)
                least, looked_s = min(least, daemon.process.threads()), time.monotonic() - began
            polls_per_s = len(api.arrivals()) / looked_s
    sys.stdout.write(f"{accounts} accounts every {interval_s:g} s: {polls_per_s:.1f} polls/s, {least} threads\n")

    assert polls_per_s > 0.8 * accounts / interval_s
    assert least <= most
