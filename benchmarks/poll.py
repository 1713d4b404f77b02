"""What a poll costs: the daemon at its full load, beside a loop that does nothing but call.

Both call the same server, which takes 0.1 s for an answer, with as many calls under way: the threads of the loop are
as many as it takes for the daemon's pace. The daemon's CPU is that of its whole process, scrapes included.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from benchmarks.accounts import configuration
from benchmarks.arithmetic import quantile
from benchmarks.arrivals import POLL
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.measured_daemon import MeasuredDaemon
from benchmarks.played_api import PlayedApi
from benchmarks.processes import MeasuredProcess
from benchmarks.progress import say, sleep_until
from benchmarks.upstream import Behaviour

_FIRST_ROUND_S = 180.0
_MADE = 0.98
_SCRAPE_EVERY_S = 15.0
_MOST_THREADS = 75.0
_MOST_OF_BARE = 1.1
# In turns on one machine, the first edition took 15.0 s for this round, and this one 12.9 s; it is a matter of CPU.
_FIRST_ROUND_OF_BARE = 1.5


@dataclass(frozen=True, slots=True)
class _Work:
    calls: int
    cpu_s: float
    took_s: float
    threads: int = 0

    @property
    def calls_per_second(self) -> float:
        return self.calls / self.took_s

    @property
    def cpu_ms_per_call(self) -> float:
        return 1000 * self.cpu_s / self.calls

    def share_of_core_at(self, calls_per_second: float) -> float:
        """Percent of a core, were there so many calls of this cost in a second."""
        return self.cpu_ms_per_call * calls_per_second / 10


def measure(
    *,
    accounts: int = 30_000,
    interval_s: float = 60.0,
    delay_s: float = 0.1,
    windows: int = 4,
    window_s: float = 30.0,
    start_accounts: int = 10_000,
    busy_accounts: int = 3_000,
) -> Finding:
    """Measure so many windows of each; ``busy_accounts`` are polled every second, more than one core can do."""
    threads = max(1, math.ceil(accounts / interval_s * delay_s))
    with PlayedApi(Behaviour(delay_s=delay_s)) as api:
        before = _bare(api, threads, window_s)
        daemon = _daemon(api, accounts, interval_s, windows=windows, window_s=window_s)
        after = _bare(api, threads, window_s)
    bare = [before, after]
    started_s = _start(start_accounts, delay_s)
    busy = _busy(busy_accounts, window_s / 2)

    runs = len(daemon)
    ours, theirs = _median([w.cpu_ms_per_call for w in daemon]), _mean([w.cpu_ms_per_call for w in bare])
    round_name = f"start to the end of the first round, {start_accounts:,} accounts"
    first_round = Figure(round_name, started_s, "s")
    calls_s = start_accounts * theirs / 1000
    against_calls = Figure(
        f"{round_name}, against the CPU of as many calls of the bare loop", started_s / calls_s, ""
    )
    pace = _median([w.calls_per_second for w in daemon])
    polls, due = Figure("polls per second meanwhile", pace, "polls/s", runs), accounts / interval_s
    ratio = Figure("CPU per poll against the bare loop", ours / theirs, "", runs)
    busy_threads = Figure("threads meanwhile, least at the end of a window", min(w.threads for w in daemon), "", runs)
    core = Figure("a core's part at 500 polls/s", _median([w.share_of_core_at(500) for w in daemon]), "%", runs)
    return Finding(
        "poll",
        (
            Figure("CPU per poll, all in", ours, "ms", runs),
            Figure("CPU per call, bare loop", theirs, "ms", len(bare)),
            ratio,
            polls,
            Figure("calls per second of the bare loop", _mean([w.calls_per_second for w in bare]), "calls/s", 2),
            core,
            busy_threads,
            Figure("polls per second on one core, saturated", busy.calls_per_second, "polls/s"),
            first_round,
            against_calls,
        ),
        (
            Claim(ratio, Bound.AT_MOST, _MOST_OF_BARE),
            Claim(core, Bound.AT_MOST, 50.0),
            Claim(polls, Bound.AT_LEAST, _MADE * due),
            Claim(busy_threads, Bound.AT_MOST, _MOST_THREADS),
            Claim(against_calls, Bound.AT_MOST, _FIRST_ROUND_OF_BARE),
        ),
        (f"an answer takes {delay_s:g} s; {threads} calls under way at a time in the bare loop",),
    )


def _bare(api: PlayedApi, threads: int, window_s: float) -> _Work:
    say(f"poll: the bare loop, {threads} threads")
    arguments = (api.address, str(threads), str(window_s))
    with MeasuredProcess.python("benchmarks.bare_polls", *arguments) as process:
        done = process.wait_for("result", lambda line: line if line.startswith("done ") else None)
    api.arrivals()
    _, calls, cpu_s, took_s = done.split()
    return _Work(int(calls), float(cpu_s), float(took_s))


def _daemon(api: PlayedApi, accounts: int, interval_s: float, *, windows: int, window_s: float) -> list[_Work]:
    with MeasuredDaemon(configuration(api.url, range(accounts), interval_s=interval_s)) as daemon:
        say(f"poll: the daemon, {accounts} accounts, their first round")
        api.first_round(accounts, within_s=_FIRST_ROUND_S)
        with daemon.scraped(every_s=_SCRAPE_EVERY_S):
            sleep_until(time.monotonic() + interval_s)  # what the first round has put off is done by then
            return [_window(api, daemon, window_s) for _ in range(windows)]


def _window(api: PlayedApi, daemon: MeasuredDaemon, window_s: float) -> _Work:
    api.arrivals()
    began, cpu_began_s = time.monotonic(), daemon.process.cpu_s()
    sleep_until(began + window_s)
    cpu_s, ended = daemon.process.cpu_s() - cpu_began_s, time.monotonic()
    calls = sum(arrival.action == POLL and arrival.at_s < ended for arrival in api.arrivals())
    work = _Work(calls, cpu_s, ended - began, daemon.process.threads())
    say(f"poll: {work.calls_per_second:.0f} polls/s, {work.cpu_ms_per_call:.2f} ms of CPU each")
    return work


def _start(accounts: int, delay_s: float) -> float:
    """How long it takes from the start of the process until each account was asked for once."""
    say(f"poll: start with {accounts} accounts")
    with (
        PlayedApi(Behaviour(delay_s=delay_s)) as api,
        MeasuredDaemon(configuration(api.url, range(accounts), interval_s=60)) as daemon,
    ):
        return api.first_round(accounts, within_s=_FIRST_ROUND_S) + delay_s - daemon.process.started_s


def _busy(accounts: int, window_s: float) -> _Work:
    """More polls are due than one core can make; the server has another core, if there is one."""
    with (
        PlayedApi(Behaviour(), core=1) as api,
        MeasuredDaemon(configuration(api.url, range(accounts), interval_s=1), core=0) as daemon,
    ):
        say(f"poll: saturated, {accounts} accounts every second")
        api.first_round(accounts, within_s=_FIRST_ROUND_S)
        sleep_until(time.monotonic() + window_s / 3)
        return _window(api, daemon, window_s)


def _median(values: list[float]) -> float:
    return quantile(values, 0.5)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
