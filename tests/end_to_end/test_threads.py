"""How many threads the daemon has at rest, as the kernel counts them, once those without work have ended."""

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
ACCOUNTS, INTERVAL_S, MOST = 60, 60.0, 20


@pytest.mark.rehearsal
@pytest.mark.waits
def test_threads_at_rest() -> None:
    """One poll a second, whose answer takes 0.1 s, has 20 threads at most; those of the first round have ended.

    ``make bench ONLY=poll`` counts those of 500 polls a second, which depend on what else the machine does.
    """
    with (
        PlayedApi(Behaviour(delay_s=0.1)) as api,
        MeasuredDaemon(configuration(api.url, range(ACCOUNTS), interval_s=INTERVAL_S)) as daemon,
    ):
        api.first_round(ACCOUNTS, within_s=120)
        time.sleep(IDLE_S + INTERVAL_S / 2 + 5)
        api.arrivals()
        began = time.monotonic()
        least = daemon.process.threads()
        while (looked_s := time.monotonic() - began) < LOOK_S:
            time.sleep(0.2)
            least = min(least, daemon.process.threads())
        polls_per_s = len(api.arrivals()) / looked_s
    sys.stdout.write(f"{ACCOUNTS} accounts every {INTERVAL_S:g} s: {polls_per_s:.1f} polls/s, {least} threads\n")

    assert polls_per_s > 0.5 * ACCOUNTS / INTERVAL_S
    assert least <= MOST
