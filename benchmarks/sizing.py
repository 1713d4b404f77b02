"""What the probes take: series, memory and CPU for each account, by kind, and of fleets for which they are on.

The daemon is the command itself, in a process of its own; the simulator that it polls is another one.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.processes import MeasuredProcess
from benchmarks.progress import say, sleep_until, wait_until
from benchmarks.scraper import Form, Scraper
from benchmarks.simulated import configuration
from exporter.probes.table import PRODUCTS, SWITCHES, kinds_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_READY_WITHIN_S = 600.0
_SCRAPE_EVERY_S = 15.0
_LATE_S = 5.0
_PRODUCT = "dcdn_ipa"
_GZIP = Form(gzip=True)
_LAST_SUCCESS = re.compile(r'^dcdn_last_success_timestamp_seconds\{account="[^"]+",(.+)\} (\S+)$', re.MULTILINE)
_INTERVAL = re.compile(r"^dcdn_exporter_probe_interval_seconds\{(.+)\} (\S+)$", re.MULTILINE)
_SKIPPED = re.compile(r"^dcdn_polls_skipped_total\{.+\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many accounts with the same probes."""

    accounts: int
    products: tuple[str, ...] = (_PRODUCT,)
    switches: tuple[str, ...] = ()

    @property
    def probes(self) -> int:
        """How many each account has."""
        return len(kinds_for(self.products, self.switches))


@dataclass(frozen=True, slots=True)
class Start:
    """A daemon whose first round is over and that was scraped once."""

    series: int
    rss_mb: float


@dataclass(frozen=True, slots=True)
class Run:
    """What a daemon took for a time."""

    series: int
    rss_mb: float
    busy: float
    """The part of a core, scrapes left out."""
    scrape_cpu_s: float
    """CPU seconds of a scrape with gzip."""
    late_s: float
    """By how much the oldest answer was older than its interval at most."""
    skipped: float


def measure(
    *, accounts: int = 1_000, many: int = 10_000, stopped: int = 3_000, seconds: float = 180.0, settle_s: float = 60.0
) -> Finding:
    """Measure each kind of probe with so many accounts, then fleets for so long, then a stop."""
    everything = Fleet(accounts, PRODUCTS, tuple(SWITCHES))
    figures = list(_by_kind(accounts))
    claims: list[Claim] = []
    for name, fleet in (("all probes", everything), ("service and domains", Fleet(many, switches=("domains",)))):
        of = f"{fleet.accounts:,} accounts, {name}"
        say(f"sizing: {of}")
        run = _run(fleet, seconds, settle_s)
        late = Figure("an answer older than its interval by", run.late_s, "s", of=of)
        skipped = Figure("polls skipped", run.skipped, "", of=of)
        figures += (
            Figure("probes of an account", fleet.probes, "", of=of),
            Figure("series of an account", run.series, "", of=of),
            Figure("RSS", run.rss_mb, "MB", of=of),
            Figure("of a core, without scrapes", 100 * run.busy, "%", of=of),
            Figure("CPU of a scrape with gzip", 1000 * run.scrape_cpu_s, "ms", of=of),
            late,
            skipped,
        )
        claims += (Claim(late, Bound.AT_MOST, _LATE_S), Claim(skipped, Bound.AT_MOST, 0))
    say(f"sizing: stop with {stopped} accounts")
    with _daemon(Fleet(stopped, PRODUCTS, tuple(SWITCHES))) as (daemon, _):
        stop = Figure(f"SIGTERM to the end with {stopped:,} accounts and all probes", daemon.stop(), "s")
    return Finding(
        "sizing",
        (*figures, stop),
        (*claims, Claim(stop, Bound.AT_MOST, 2.0)),
        (
            f"A key adds the difference between two daemons of {accounts:,} accounts. One has the key.",
            "Their first round is over, and they were scraped once.",
            f"Fleets have the default intervals. A scrape follows every {_SCRAPE_EVERY_S:g} s, for {seconds:g} s.",
        ),
    )


def _by_kind(accounts: int) -> Iterator[Figure]:
    """What each product and each switch adds to the first one's service."""
    say(f"sizing: kinds of probes, {accounts} accounts")
    alone = _start(Fleet(accounts))
    yield from _added("service of dcdn_ipa, and the account", alone, Start(0, _start(Fleet(1)).rss_mb), accounts)
    for product in PRODUCTS:
        if product != _PRODUCT:
            more = _start(Fleet(accounts, (_PRODUCT, product)))
            yield from _added(f"product {product}", more, alone, accounts)
    for switch in SWITCHES:
        yield from _added_by_switch(switch, alone, accounts)


def _added_by_switch(switch: str, alone: Start, accounts: int) -> Iterator[Figure]:
    """What a switch adds for the first product that it fits."""
    product = next(each for each in PRODUCTS if kinds_for((each,), (switch,)) != kinds_for((each,), ()))
    less = alone if product == _PRODUCT else _start(Fleet(accounts, (product,)))
    more = _start(Fleet(accounts, (product,), (switch,)))
    yield from _added(f"{switch} of {product}", more, less, accounts)


def _added(of: str, more: Start, less: Start, accounts: int) -> Iterator[Figure]:
    yield Figure("series of an account", more.series - less.series, "", of=of)
    yield Figure("memory of an account", 1000 * (more.rss_mb - less.rss_mb) / accounts, "KB", of=of)


def _start(fleet: Fleet) -> Start:
    with _daemon(fleet) as (daemon, scraper):
        text = scraper.text(_GZIP)
        return Start(_series_of_one(text), daemon.rss_mb())


def _run(fleet: Fleet, seconds: float, settle_s: float) -> Run:
    with _daemon(fleet) as (daemon, scraper):
        time.sleep(settle_s)
        skipped = _skipped(scraper.text(_GZIP))
        began, cpu_s = time.monotonic(), daemon.cpu_s()
        scraped_s: list[float] = []
        scrapes_cpu_s = 0.0
        while time.monotonic() < began + seconds:
            sleep_until(began + _SCRAPE_EVERY_S * (len(scraped_s) + 1))
            before_s, at = daemon.cpu_s(), time.monotonic()
            scraper.scrape(_GZIP)
            scraped_s.append(time.monotonic() - at)
            scrapes_cpu_s += daemon.cpu_s() - before_s
        took_s = time.monotonic() - began
        polls_cpu_s = daemon.cpu_s() - cpu_s - scrapes_cpu_s
        busy = polls_cpu_s / (took_s - sum(scraped_s))
        # Polls went on meanwhile, too.
        scrape_cpu_s = (scrapes_cpu_s - busy * sum(scraped_s)) / len(scraped_s)
        now, text = time.time(), scraper.text(_GZIP)
        late_s, skipped = _late_s(text, now), _skipped(text) - skipped
        return Run(_series_of_one(text), daemon.rss_mb(), busy, scrape_cpu_s, late_s, skipped)


def _skipped(page: str) -> float:
    """How many polls were skipped so far: in the first round are some, as each probe is due twice within it."""
    return sum(map(float, _SKIPPED.findall(page)))


def _late_s(page: str, now: float) -> float:
    """By how much the oldest answer is older than the interval of its probe."""
    interval_s = {of: float(seconds) for of, seconds in _INTERVAL.findall(page)}
    return max(now - float(at) - interval_s[of] for of, at in _LAST_SUCCESS.findall(page))


def _series_of_one(page: str) -> int:
    return page.count('{account="account-00000"')


@contextmanager
def _daemon(fleet: Fleet) -> Iterator[tuple[MeasuredProcess, Scraper]]:
    """A daemon of this fleet whose first round is over, and who scrapes it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        MeasuredProcess.python("benchmarks.simulated", str(fleet.accounts)) as simulator,
    ):
        file = Path(folder) / "exporter.yaml"
        file.write_text(json.dumps(_configured(fleet, f"http://{simulator.address()}")), encoding="utf-8")
        arguments = (f"--config.file={file}", "--web.listen-address=127.0.0.1:0", "--log.format=json")
        with (
            MeasuredProcess.python("exporter", "serve", *arguments) as daemon,
            Scraper(daemon.address()) as scraper,
        ):
            wait_until("the first round is over", lambda: scraper.status("/-/ready") == 200, within_s=_READY_WITHIN_S)
            yield daemon, scraper


def _configured(fleet: Fleet, url: str) -> Mapping[str, Any]:
    polled = {"products": list(fleet.products), **dict.fromkeys(fleet.switches, True)}
    return {**configuration(fleet.accounts, url), **polled}
