"""How much of the vendor's limit is used, and whether it is ever passed, when more is due than it allows.

Sixty names of one account ask for sixty calls a second where twenty are allowed. The simulator counts, as the vendor
says that it does, and refuses the twenty-first call of any second. Once one process has the whole limit, once three
have a third each.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

from benchmarks.accounts import account, configuration, simulated
from benchmarks.arithmetic import busiest_second
from benchmarks.arrivals import POLL
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.measured_daemon import MeasuredDaemon
from benchmarks.progress import say, sleep_until
from exporter.simulator import Scenario
from tests.only_read import only_read

LIMIT = 20
_NAMES = 60


def measure(*, seconds: float = 60.0, settle_s: float = 5.0) -> Finding:
    """Saturate the limit for so long, after ``settle_s`` in which the processes start to poll.

    That the limit is never passed is looked at from the first call on.
    """
    figures: list[Figure] = []
    claims: list[Claim] = []
    for processes, least in ((1, 92.0), (3, 80.0)):
        used, busiest, refused = _saturated(processes, seconds, settle_s)
        figures += (used, busiest, refused)
        claims += (
            Claim(busiest, Bound.AT_MOST, LIMIT),
            Claim(refused, Bound.AT_MOST, 0),
            Claim(used, Bound.AT_LEAST, least),
        )
    return Finding("budget", tuple(figures), tuple(claims))


def _saturated(processes: int, seconds: float, settle_s: float) -> tuple[Figure, Figure, Figure]:
    say(f"budget: {processes} saturated for {seconds:g} s")
    one = account(0)
    named = [{**one, "name": f"name-{number:02}"} for number in range(_NAMES)]
    with only_read(Scenario("one account", (simulated(0),))) as simulator, ExitStack() as running:
        configured = {
            **configuration(simulator.url, (), interval_s=1),
            "accounts": named,
            "rate_limit": {"share": 1 / processes},
        }
        for _ in range(processes):
            running.enter_context(MeasuredDaemon(configured))
        begin = time.monotonic() + settle_s
        sleep_until(begin + seconds)
        calls = simulator.journal.entries(action=POLL)
    used = sum(begin <= call.at_s < begin + seconds for call in calls)
    of = "1 process" if processes == 1 else f"{processes} processes, 1/{processes} each"
    return (
        Figure("use of the limit", 100 * used / (LIMIT * seconds), "%", of=of),
        Figure("calls in the busiest second", busiest_second(call.at_s for call in calls), "", of=of),
        Figure("calls refused", sum(call.code is not None for call in calls), "", of=of),
    )
