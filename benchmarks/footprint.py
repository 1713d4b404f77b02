"""How soon the daemon answers its first scrape and ends, and its memory with 1 and with 10,000 accounts.

The daemon is the command itself, in a process of its own; the simulator that it polls is another one. In turns with
its starts, an empty process imports the same libraries.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.processes import MeasuredProcess
from benchmarks.scraper import FORMS, Scraper
from benchmarks.simulated import configuration

_READY_WITHIN_S = 300.0
_LOOK_EVERY_S = 0.25
_SCRAPE_EVERY_S = 15.0
_IMPORTED = re.compile(r"^import time: +\d+ \| +\d+ \| +(?!exporter\b|__main__)([\w.]+)$", re.MULTILINE)
_ANSWERED = re.compile(r"^dcdn_poll_success\{[^}]*\} 1(\.0)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Start:
    """What a daemon took until its first page was there, and its memory when it had been scraped in every form."""

    seconds: float
    cpu_s: float
    rss_mb: float
    imports_s: float
    """Of the empty process before it."""


def measure(*, starts: int = 31, accounts: int = 10_000, seconds: float = 180.0) -> Finding:
    """Start a daemon of one account so many times, then one of so many accounts for so long after its first round."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = _starts(folder, starts)
        many_mb, peak_mb, stop_s = _many(folder, accounts, seconds)
    start = Figure(
        "start to the first answered /metrics, 1 account", median(each.seconds for each in small), "s", starts
    )
    imports = Figure("imports of the same libraries alone", median(each.imports_s for each in small), "s", starts)
    against = Figure("start against these imports", start.value / imports.value, "", starts)
    cpu = Figure("CPU until then", median(each.cpu_s for each in small), "s", starts)
    one = Figure("RSS with 1 account", median(each.rss_mb for each in small), "MB", starts)
    many = Figure(f"RSS with {accounts:,} accounts, polled and scraped", many_mb, "MB")
    peak = Figure(f"RSS with {accounts:,} accounts, at most ever", peak_mb, "MB")
    stop = Figure(f"SIGTERM to the end with {accounts:,} accounts", stop_s, "s")
    return Finding(
        "footprint",
        (start, imports, against, cpu, one, many, peak, stop),
        (
            Claim(start, Bound.AT_MOST, 1.0),
            Claim(against, Bound.AT_MOST, 1.3),
            Claim(one, Bound.AT_MOST, 70.0),
            Claim(many, Bound.AT_MOST, 220.0),
            Claim(peak, Bound.AT_MOST, 250.0),
            Claim(stop, Bound.AT_MOST, 2.0),
        ),
        (
            "From before the process is made to the last byte of the page; RSS after every form was scraped.",
            (
                f"{accounts:,} accounts, polled every 60 s, scraped every {_SCRAPE_EVERY_S:g} s, each form in turn, "
                f"for {seconds:g} s after the first round."
            ),
        ),
    )


def _daemon(folder: Path, accounts: int, url: str, *options: str) -> MeasuredProcess:
    """The daemon of so many accounts; the options are those of Python."""
    file = folder / f"{accounts}.yaml"
    file.write_text(json.dumps(configuration(accounts, url)), encoding="utf-8")
    serve = ("serve", f"--config.file={file}", "--web.listen-address=127.0.0.1:0", "--log.format=json")
    return MeasuredProcess([sys.executable, *options, "-m", "exporter", *serve])


def _starts(folder: Path, times: int) -> list[_Start]:
    """Start a daemon of one account so many times."""
    found = []
    with MeasuredProcess.python("benchmarks.simulated", "1") as simulator:
        url = f"http://{simulator.address()}"
        modules = _modules(folder, url)
        for _ in range(times):
            imports_s = _import(modules)
            with _daemon(folder, 1, url) as daemon, Scraper(daemon.address()) as scraper:
                scraper.scrape()
                seconds, cpu_s = time.monotonic() - daemon.started_s, daemon.cpu_s()
                _wait_until_answered(scraper, 1)
                for form in FORMS:
                    scraper.scrape(form)
                found.append(_Start(seconds, cpu_s, daemon.rss_mb(), imports_s))
    return found


def _modules(folder: Path, url: str) -> Path:
    """A file with all modules, but those of the exporter, that a daemon imports until its first page is there."""
    with _daemon(folder, 1, url, "-X", "importtime") as daemon, Scraper(daemon.address()) as scraper:
        scraper.scrape()
        names = _IMPORTED.findall(daemon.output)
    file = folder / "modules.json"
    file.write_text(json.dumps(names), encoding="utf-8")
    return file


def _import(modules: Path) -> float:
    """Seconds until an empty process has imported these modules."""
    with MeasuredProcess.python("benchmarks.bare_imports", str(modules)) as process:
        process.wait_for("end", lambda line: line if line == "done" else None)
        return time.monotonic() - process.started_s


def _many(folder: Path, accounts: int, seconds: float) -> tuple[float, float, float]:
    """MB in the end, MB at most, and seconds to stop, of a daemon of many accounts that is scraped."""
    with MeasuredProcess.python("benchmarks.simulated", str(accounts)) as simulator:
        url = f"http://{simulator.address()}"
        with _daemon(folder, accounts, url) as daemon, Scraper(daemon.address()) as scraper:
            _wait_until_answered(scraper, accounts)
            until = time.monotonic() + seconds
            turn = 0
            while time.monotonic() < until:
                scraper.scrape(FORMS[turn % len(FORMS)])
                turn += 1
                time.sleep(min(_SCRAPE_EVERY_S, max(0.0, until - time.monotonic())))
            return daemon.rss_mb(), daemon.peak_rss_mb(), daemon.stop()


def _wait_until_answered(scraper: Scraper, accounts: int) -> None:
    """Every account was polled, and the API has answered."""
    until = time.monotonic() + _READY_WITHIN_S
    while scraper.status("/-/ready") != 200:
        if time.monotonic() > until:
            message = f"the first round was not over after {_READY_WITHIN_S:g} s"
            raise RuntimeError(message)
        time.sleep(_LOOK_EVERY_S)
    answered = len(_ANSWERED.findall(scraper.text(path="/metrics")))
    if answered != accounts:
        message = f"the first round was over with {answered} answers for {accounts} accounts"
        raise RuntimeError(message)
