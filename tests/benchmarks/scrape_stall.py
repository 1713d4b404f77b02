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

from tests.benchmarks.findings import Bound, Claim, Figure, Finding
from tests.benchmarks.processes import MeasuredProcess
from tests.benchmarks.scraper import Form, Scraper

_LIMIT_MS = 50.0
_ASK_EVERY_S = 0.005
_SCRAPE_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class _Stalls:
    """Seconds that each small request took, and that each record came late."""

    requests_s: tuple[float, ...]
    records_s: tuple[float, ...]


def measure(*, accounts: int = 10_000, seconds: float = 40.0) -> Finding:
    """Scrape a page of so many accounts for so long, in each form, and as long not at all."""
    figures: list[Figure] = []
    claims: list[Claim] = []
    with MeasuredProcess.python("tests.benchmarks.serve_ours", str(accounts)) as server:
        address = server.address()
        with Scraper(address) as asking:
            asking.scrape()  # everything is on the page, and in its blocks
            stalls = {
                "no scrape": _watch(address, asking, seconds, ()),
                "plain": _watch(address, asking, seconds, (Form(),)),
                "gzip": _watch(address, asking, seconds, (Form(gzip=True),)),
                "both at once": _watch(address, asking, seconds, (Form(), Form(gzip=True))),
            }
    for during, found in stalls.items():
        for name, values in (("/-/healthy", found.requests_s), ("record of a poll", found.records_s)):
            longest = Figure(f"{name}, longest", max(values) * 1e3, "ms", len(values), during)
            figures += [Figure(f"{name}, median", median(values) * 1e3, "ms", len(values), during), longest]
            if during != "no scrape":
                claims.append(Claim(longest, Bound.AT_MOST, _LIMIT_MS))
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
        ),
    )


def _watch(address: str, asking: Scraper, seconds: float, forms: tuple[Form, ...]) -> _Stalls:
    """Ask for something small, again and again, while others scrape in these forms."""
    with ExitStack() as stack:
        for form in forms:
            scraping = MeasuredProcess.python(
                "tests.benchmarks.scrape_stall", address, "gzip" if form.gzip else "plain"
            )
            stack.enter_context(scraping).wait_for("scrape", lambda line: line if line == "scraping" else None)
        asking.text(path="/api/v1/status")  # what was late until now is gone
        requests_s = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            requests_s.append(asking.scrape(path="/-/healthy").total_s)
            time.sleep(_ASK_EVERY_S)
        late_s = json.loads(asking.text(path="/api/v1/status"))
    return _Stalls(tuple(requests_s), tuple(late_s))


def main() -> NoReturn:
    """Scrape until ended; a process of its own, so that nothing here holds up who measures."""
    address, coding = sys.argv[1:]
    form = Form(gzip=coding == "gzip")
    with Scraper(address) as scraper:
        scraper.scrape(form)
        sys.stdout.write("scraping\n")
        sys.stdout.flush()
        while True:
            began = time.monotonic()
            scraper.scrape(form)
            time.sleep(max(0.0, began + _SCRAPE_EVERY_S - time.monotonic()))


if __name__ == "__main__":
    main()
