"""Scrapes of pages of 1 to 10,000 accounts, while polls change them: ours, its peers', and the floor.

Every server is a process of its own, and none is alone on a core: they are asked in turns, one scrape at a time, so
that all of them meet the same moments of the machine.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.golang import client_golang
from benchmarks.processes import MeasuredProcess
from benchmarks.scraper import FORMS, Form, Scrape, Scraper
from benchmarks.series import differences, samples_of, write_series
from benchmarks.serve_ours import INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OURS, PYTHON, GO, FLOOR = "ours", "prometheus-client", "client_golang", "floor"
# Scrapes of each server in each form, and how many of them follow one another, since CPU is counted over these.
_ROUNDS = {1: (20, 10), 100: (10, 5), 1_000: (10, 2), 10_000: (9, 1)}
# A peer that takes seconds for each says the same after fewer.
_SLOW_ACCOUNTS, _SLOW_ROUNDS = 10_000, 5
_SHOWN_DIFFERENCES = 5
_IN_BRIEF = Form(openmetrics=True, gzip=True)  # what Prometheus asks for


@dataclass(frozen=True, slots=True)
class Measured:
    """What some scrapes in a row have taken, one on average."""

    scrapes: tuple[Scrape, ...]
    cpu_s: float


@dataclass(frozen=True, slots=True)
class _Server:
    process: MeasuredProcess
    scraper: Scraper
    paths: Mapping[Form, str]

    def measure(self, form: Form, *, times: int) -> Measured:
        before = self.process.cpu_s()
        scrapes = tuple(self.scraper.scrape(form, path=self.paths[form]) for _ in range(times))
        return Measured(scrapes, (self.process.cpu_s() - before) / times)


def measure(
    *,
    accounts: Sequence[int] = (1, 100, 1_000, 10_000),
    rounds: Mapping[int, tuple[int, int]] = _ROUNDS,
    go: bool = True,
) -> Finding:
    """Scrape pages of so many accounts, so many rounds each; without the peer in Go if that is not to be built."""
    figures: list[Figure] = []
    claims: list[Claim] = []
    notes = [
        f"Each account is polled every {INTERVAL_S:g} s, evenly; a tenth of them wait for a billing change.",
        "At every size, the samples of the peers' pages were parsed and found to be those of ours.",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program, note = client_golang(folder) if go else (None, "client_golang was left out.")
        notes.append(note)
        for count in accounts:
            measured, peaks, series = _compare(count, folder=folder, go=program, rounds=rounds[count])
            notes.append(f"{count:,} accounts: {series:,} series, {_sizes(measured)}.")
            figures += _figures(count, measured, peaks)
            claims += _claims(count, measured)
    in_brief = dict.fromkeys(figure.of for figure in figures if f", {_IN_BRIEF}:" in figure.of)
    return Finding("scrape", tuple(figures), tuple(claims), tuple(notes), tuple(in_brief))


_All = dict[tuple[str, Form], list[Measured]]


def _compare(
    accounts: int, *, folder: Path, go: Path | None, rounds: tuple[int, int]
) -> tuple[_All, dict[str, float], int]:
    """What was measured, the peaks of memory in MB, and how many series there are."""
    measured: _All = defaultdict(list)
    with ExitStack() as stack:

        def serve(process: MeasuredProcess, paths: Mapping[Form, str] | None = None) -> _Server:
            scraper = stack.enter_context(Scraper(stack.enter_context(process).address()))
            return _Server(process, scraper, paths or dict.fromkeys(FORMS, "/metrics"))

        servers = {OURS: serve(MeasuredProcess.python("benchmarks.serve_ours", str(accounts)))}
        ours = servers[OURS].scraper
        page = ours.text()
        file = folder / "series.json"
        write_series(page, file)
        pages = [folder / f"page-{number}" for number in range(len(FORMS))]
        for form, saved in zip(FORMS, pages, strict=True):
            saved.write_bytes(ours.page(form))
        servers[PYTHON] = serve(
            MeasuredProcess.python("benchmarks.serve_prometheus_client", str(file), str(INTERVAL_S))
        )
        if go is not None:
            servers[GO] = serve(MeasuredProcess([str(go), str(file), f"{INTERVAL_S}s"]))
        samples = samples_of(page)
        for name, server in servers.items():
            found = differences(samples, samples_of(server.scraper.text()))
            if found:
                message = f"the page of {name} is another: {len(found)}, such as {found[:_SHOWN_DIFFERENCES]}"
                raise RuntimeError(message)
            server.process.reset_peak()  # of what it did to begin
        servers[FLOOR] = serve(
            MeasuredProcess.python("benchmarks.serve_floor", *map(str, pages)),
            {form: f"/{number}" for number, form in enumerate(FORMS)},
        )
        for turn in range(rounds[0]):
            for form in FORMS:
                for name, server in servers.items():
                    if name in (PYTHON, GO) and accounts >= _SLOW_ACCOUNTS and turn >= _SLOW_ROUNDS:
                        continue
                    measured[name, form].append(server.measure(form, times=rounds[1]))
        peaks = {name: server.process.peak_rss_mb() for name, server in servers.items()}
    return dict(measured), peaks, sum(not line.startswith("#") for line in page.splitlines())


def _times(measured: Sequence[Measured]) -> list[float]:
    return [scrape.total_s for each in measured for scrape in each.scrapes]


def _cpu(measured: Sequence[Measured]) -> float:
    return median(each.cpu_s for each in measured)


def _figures(accounts: int, measured: _All, peaks: Mapping[str, float]) -> list[Figure]:
    figures = []
    for form in FORMS:
        for name in (OURS, PYTHON, GO, FLOOR):
            if (each := measured.get((name, form))) is None:
                continue
            of = f"{accounts:,}, {form}: {name}"
            scrapes = [scrape for some in each for scrape in some.scrapes]
            runs = len(scrapes)
            figures += [
                Figure("time", median(_times(each)) * 1e3, "ms", runs, of),
                Figure("first byte", median(scrape.first_byte_s for scrape in scrapes) * 1e3, "ms", runs, of),
                Figure("CPU", _cpu(each) * 1e3, "ms", runs, of),
                Figure("peak memory", peaks[name], "MB", runs, of),
            ]
    return figures


def _claims(accounts: int, measured: _All) -> list[Claim]:
    """What is promised of the smallest and of the largest page."""
    if accounts == 1:
        return [
            Claim(
                Figure(
                    f"1 account, {form}: CPU against {PYTHON}",
                    _cpu(measured[OURS, form]) / _cpu(measured[PYTHON, form]),
                    "",
                    len(measured[OURS, form]),
                ),
                Bound.AT_MOST,
                1 / 4,
            )
            for form in FORMS
        ]
    if accounts < _SLOW_ACCOUNTS:
        return []
    return [
        Claim(
            Figure(
                f"{accounts:,} accounts, {form}: time against {peer}",
                median(_times(measured[OURS, form])) / median(_times(measured[peer, form])),
                "",
                len(measured[OURS, form]),
            ),
            Bound.AT_MOST,
            limit,
        )
        for form in FORMS
        for peer, limit in ((GO, 1 / 12 if form.gzip else 1 / 10), (PYTHON, 1 / 40), (FLOOR, 1.7))
        # The floor has the compressed bytes already: docs/benchmarks.md says what that means.
        if (peer, form) in measured and not (form.gzip and peer == FLOOR)
    ]


def _sizes(measured: _All) -> str:
    """How large our page is, and how large each server makes it with the gzip that it has."""
    plain, gzip = Form(), Form(gzip=True)
    compressed = ", ".join(
        f"{_size_mb(measured[name, gzip]):.3g} MB of {name}"
        for name in (OURS, PYTHON, GO)
        if (name, gzip) in measured
    )
    return f"{_size_mb(measured[OURS, plain]):.3g} MB as text; with gzip {compressed}"


def _size_mb(measured: Sequence[Measured]) -> float:
    return median(scrape.size for each in measured for scrape in each.scrapes) / 1e6
