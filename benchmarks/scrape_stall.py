"""How long a scrape of 10,000 accounts holds up what else the process does: polls, small requests, other scrapes.

Two processes scrape the server again and again, one of them with gzip, while a third asks for ``/-/healthy``. Inside
of the server, a thread records answers at the pace of polls and notes how late each was recorded, the wait for the
page's lock included. The same is measured without scrapes: what a busy machine does by itself is not a scrape's.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import NoReturn

from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.processes import MeasuredProcess
from benchmarks.scraper import Form, Scraper

_LIMIT_MS = 50.0
_ASK_EVERY_S = 0.005
_SCRAPE_EVERY_S = 0.5
_LEAST_PART = 0.5
_SCRAPED = "scraped"


@dataclass(frozen=True, slots=True)
class _Stalls:
    """Seconds that each small request took, and that each record came late; and the server's part in that."""

    requests_s: tuple[tuple[float, float], ...]
    records_s: tuple[tuple[float, float], ...]


def measure(*, accounts: int = 10_000, seconds: float = 40.0) -> Finding:
    """Scrape a page of so many accounts for so long, in each form, and as long not at all."""
    figures: list[Figure] = []
    claims: list[Claim] = []
    with (
        MeasuredProcess.python("benchmarks.serve_ours", str(accounts)) as server,
        Scraper(server.address()) as asking,
    ):
        asking.scrape()  # everything is on the page, and in its blocks
        stalls = {
            "no scrape": _watch(server, asking, seconds, ()),
            "plain": _watch(server, asking, seconds, (Form(),)),
            "gzip": _watch(server, asking, seconds, (Form(gzip=True),)),
            "both at once": _watch(server, asking, seconds, (Form(), Form(gzip=True))),
        }
    for during, found in stalls.items():
        for name, waits in (("/-/healthy", found.requests_s), ("record of a poll", found.records_s)):
            whole_ms, own_ms = ([wait[part] * 1e3 for wait in waits] for part in (0, 1))
            longest = (
                Figure(f"{name}, longest", max(whole_ms), "ms", len(waits), during),
                Figure(f"{name}, longest by itself", max(own_ms), "ms", len(waits), during),
            )
            figures += [Figure(f"{name}, median", median(whole_ms), "ms", len(waits), during), *longest]
            if during != "no scrape":
                claims += [Claim(each, Bound.AT_MOST, _LIMIT_MS) for each in longest]
    return Finding(
        "scrape_stall",
        tuple(figures),
        tuple(claims),
        (
            (
                f"{accounts:,} accounts, a scrape every {_SCRAPE_EVERY_S:g} s for {seconds:g} s in each form; "
                f"/-/healthy every {_ASK_EVERY_S * 1e3:g} ms on a connection that is kept."
            ),
            "A record is late by what passes from its moment until it is in the store and its lines are rendered.",
            "By itself: at most the CPU that the server took meanwhile. The rest is other processes of the machine.",
        ),
    )


def _watch(server: MeasuredProcess, asking: Scraper, seconds: float, forms: tuple[Form, ...]) -> _Stalls:
    """Ask for something small, again and again, while others scrape in these forms."""
    with ExitStack() as stack:
        scraping: dict[Form, MeasuredProcess] = {}
        for form in forms:
            scraping[form] = MeasuredProcess.python(
                "benchmarks.scrape_stall", server.address(), "gzip" if form.gzip else "plain"
            )
            stack.enter_context(scraping[form]).wait_for("scrape", lambda line: line if line == _SCRAPED else None)
        asking.text(path="/api/v1/status")  # what was late until now is gone
        requests_s = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            before_s = server.cpu_s()
            asked_s = asking.scrape(path="/-/healthy").total_s
            requests_s.append((asked_s, min(asked_s, server.cpu_s() - before_s)))
            time.sleep(_ASK_EVERY_S)
        late_s = json.loads(asking.text(path="/api/v1/status"))
        for form, each in scraping.items():
            made = each.output.count(_SCRAPED)
            if made < _LEAST_PART * seconds / _SCRAPE_EVERY_S:
                message = f"{made} scrapes ({form}) in {seconds:g} s are fewer than were to be watched: {each.output}"
                raise RuntimeError(message)
    return _Stalls(tuple(requests_s), tuple((late, own) for late, own in late_s))


def main() -> NoReturn:
    """Scrape until ended; a process of its own, so that nothing here holds up who measures."""
    address, coding = sys.argv[1:]
    form = Form(gzip=coding == "gzip")
    with Scraper(address) as scraper:
        while True:
            began = time.monotonic()
            scraper.scrape(form)
            sys.stdout.write(f"{_SCRAPED}\n")
            sys.stdout.flush()
            time.sleep(max(0.0, began + _SCRAPE_EVERY_S - time.monotonic()))


if __name__ == "__main__":
    main()
