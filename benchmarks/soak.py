"""Whether anything grows while accounts, members and faults come and go for half an hour.

Some accounts come from the file and some from a resource directory, through roles. Every account that comes is one
that was never there before, so that whatever is kept of one that left shows.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.accounts import account, configuration, directory, duration, key_id
from benchmarks.arithmetic import growth, lateness_s, quantile
from benchmarks.arrivals import moments_of
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.measured_daemon import MeasuredDaemon
from benchmarks.played_api import PlayedApi
from benchmarks.progress import say, sleep_until, wait_until
from benchmarks.upstream import Behaviour
from exporter.core.pool import threads_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DELAY_S = 0.1
_FIRST_ROUND_S = 120.0
_LAST_CHANGES_S = 60.0
_MOST_GROWTH = 2.0
_MAX_WORKERS = 128
# Threads and connections end when they have not been used for a while. So their numbers follow how many calls were
# under way at a time lately, up and down by a third, and what is promised of them is a bound: what the pool may have,
# a connection for each of its threads, and so many for all the rest.
_MOST_OTHER_THREADS = 24
_MOST_OTHER_FILES = 32
_MOST_LATER_MS = 20.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often what happens, in seconds."""

    interval_s: float = 10.0
    timeout_s: float = 2.0
    sample_s: float = 5.0
    scrape_s: float = 5.0
    fault_s: float = 30.0
    reload_s: float = 60.0
    discovery_s: float = 45.0
    lateness_s: float = 60.0


@dataclass(slots=True)
class Samples:
    """What was seen, in order of time."""

    memory_mb: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)
    files: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    """The median lateness of a while."""
    late_p99_ms: list[float] = field(default_factory=list)
    reloads: int = 0


def measure(*, minutes: float = 30.0, settle_minutes: float = 5.0, accounts: int = 2_000) -> Finding:
    """Soak for so long; what happens in the first ``settle_minutes`` is left out."""
    seen = soak(seconds=60 * minutes, accounts=accounts, pace=Pace(), max_workers=_MAX_WORKERS)
    first = settle_minutes / minutes
    memory = Figure("growth of memory", 100 * growth(seen.memory_mb, first=first), "%")
    threads = Figure("threads, at most ever", max(seen.threads), "")
    files = Figure("open files, at most ever", max(seen.files), "")
    late_ms = seen.late_ms[int(first * len(seen.late_ms)) :]
    quarter = max(1, len(late_ms) // 4)
    later_ms = quantile(late_ms[-quarter:], 0.5) - quantile(late_ms[:quarter], 0.5)
    later = Figure("a poll's median lateness, in the end more than before", later_ms, "ms")
    note = (
        f"{minutes:g} minutes, {accounts:,} accounts, {seen.reloads} reloads; growth is from the first quarter after "
        f"{settle_minutes:g} minutes to the last, of medians"
    )
    return Finding(
        "soak",
        (
            memory,
            threads,
            files,
            later,
            Figure("memory in the end", seen.memory_mb[-1], "MB"),
            Figure("threads in the end", seen.threads[-1], ""),
            Figure("open files in the end", seen.files[-1], ""),
            Figure(
                "a poll's lateness, p99 of a minute", quantile(seen.late_p99_ms, 0.5), "ms", len(seen.late_p99_ms)
            ),
        ),
        (
            Claim(memory, Bound.AT_MOST, _MOST_GROWTH),
            Claim(threads, Bound.AT_MOST, threads_for(_MAX_WORKERS) + _MOST_OTHER_THREADS),
            Claim(files, Bound.AT_MOST, threads_for(_MAX_WORKERS) + _MOST_OTHER_FILES),
            Claim(later, Bound.AT_MOST, _MOST_LATER_MS),
        ),
        (note,),
    )


def soak(*, seconds: float, accounts: int, pace: Pace, max_workers: int) -> Samples:
    """What was seen of a daemon with so many accounts, a quarter of them members of a directory."""
    crowd = _Crowd(accounts)
    seen = Samples()
    with PlayedApi(crowd.behaviour()) as api, MeasuredDaemon(crowd.configured(api.url, pace, max_workers)) as daemon:
        say(f"soak: {accounts} accounts, their first round")
        api.first_round(accounts, within_s=_FIRST_ROUND_S)
        settled: set[str] = set()

        def sample() -> None:
            seen.memory_mb.append(daemon.process.rss_mb())
            seen.threads.append(daemon.process.threads())
            seen.files.append(daemon.process.files())

        def change_faults() -> None:
            crowd.fault += 1
            api.behave(crowd.behaviour())

        def change_members() -> None:
            crowd.first_member += crowd.members // 25 + 1
            api.behave(crowd.behaviour())

        def reload() -> None:
            crowd.first_named += crowd.named // 25 + 1
            seen.reloads += 1
            api.behave(crowd.behaviour())
            daemon.reload(crowd.configured(api.url, pace, max_workers))

        def note_lateness() -> None:
            late_ms = [1000 * late_s for late_s in _lateness_of_known(moments_of(api.arrivals()), settled, pace)]
            if late_ms:
                seen.late_ms.append(quantile(late_ms, 0.5))
                seen.late_p99_ms.append(quantile(late_ms, 0.99))
                say(
                    f"soak: {seen.memory_mb[-1]:.1f} MB, {seen.threads[-1]:.0f} threads, {seen.files[-1]:.0f} files, "
                    f"{seen.late_ms[-1]:.1f} ms late, p99 {seen.late_p99_ms[-1]:.0f} ms"
                )

        happenings = (
            (pace.sample_s, sample),
            (pace.fault_s, change_faults),
            (pace.discovery_s, change_members),
            (pace.reload_s, reload),
            (pace.lateness_s, note_lateness),
        )
        with daemon.scraped(every_s=pace.scrape_s):
            _let_happen(happenings, seconds)
        # Without the changes nothing could grow.
        wait_until(
            "the accounts are those of the last changes",
            lambda: daemon.scrape().by_account("dcdn_polls_total").keys() == crowd.names(),
            within_s=_LAST_CHANGES_S,
        )
    return seen


def _let_happen(happenings: Sequence[tuple[float, Callable[[], None]]], seconds: float) -> None:
    """Do each every so many seconds, first after one such time, until ``seconds`` are over."""
    began = time.monotonic()
    due = {index: every_s for index, (every_s, _) in enumerate(happenings)}
    while (after_s := min(due.values())) <= seconds:
        sleep_until(began + after_s)
        index = min(due, key=due.__getitem__)
        every_s, happen = happenings[index]
        happen()
        due[index] += every_s


def _lateness_of_known(moments: dict[str, list[float]], known: set[str], pace: Pace) -> list[float]:
    """How late polls were of accounts that were there the last time too: the first poll of one has no place yet."""
    late_s: list[float] = []
    for key in known & moments.keys():
        late_s += lateness_s(moments[key], interval_s=pace.interval_s)
    known.clear()
    known.update(moments)
    return late_s


class _Crowd:
    """Which accounts there are now, and which of them misbehave."""

    def __init__(self, accounts: int) -> None:
        self.members = accounts // 4
        self.named = accounts - self.members
        self.first_member = 0
        self.first_named = 0
        self.fault = 0

    def behaviour(self) -> Behaviour:
        """Of fifty accounts one hangs and one fails, others after each change."""
        at_fault: defaultdict[int, set[str]] = defaultdict(set)
        for number in range(self.first_named, self.first_named + self.named):
            at_fault[(number + 7 * self.fault) % 50].add(key_id(number))
        return Behaviour(
            delay_s=_DELAY_S,
            hanging=frozenset(at_fault[0]),
            failing=frozenset(at_fault[1]),
            members=self._member_ids(),
        )

    def names(self) -> set[str]:
        """What the accounts of now are called on the page."""
        named = range(self.first_named, self.first_named + self.named)
        return {account(number)["name"] for number in named} | set(self._member_ids())

    def configured(self, url: str, pace: Pace, max_workers: int) -> dict[str, Any]:
        """The file as it is now."""
        numbers = range(self.first_named, self.first_named + self.named)
        configured = configuration(
            url,
            numbers,
            interval_s=pace.interval_s,
            timeout=duration(pace.timeout_s),
            failing_interval=duration(pace.interval_s),
        )
        configured["poll"]["max_workers"] = max_workers
        members = directory(refresh_interval=duration(pace.discovery_s / 3))
        return configured | {"discovery": {"resource_directories": [members]}}

    def _member_ids(self) -> tuple[str, ...]:
        return tuple(f"2{number:015}" for number in range(self.first_member, self.first_member + self.members))
