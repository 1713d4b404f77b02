"""The benchmarks' command: ``python -m benchmarks [NAME …] [--json FILE]``, and ``--document FILE``.

Exits with 1 when a claim does not hold. With ``--document`` it measures nothing: the tables of that document are
written from the JSON file.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from benchmarks.machine import this_machine
from benchmarks.report import from_json, in_document
from benchmarks.suite import run

if TYPE_CHECKING:
    from benchmarks.findings import Finding

# Each is a module here, with a function `measure() -> Finding`; in the order in which they run.
BENCHMARKS: tuple[str, ...] = (
    "footprint",
    "sizing",
    "scrape",
    "scrape_stall",
    "rules",
    "alert_delay",
    "dashboards",
    "poll",
    "lateness",
    "budget",
    "freshness",
    "billing_change",
    "outage",
    "cold_start",
    "soak",
)


def main() -> int:
    """Run what the command line asks for; returns the exit code."""
    options = _options()
    if options.document is not None:
        _write_tables(options.json, options.document)
        return 0
    # What was started is ended on the way out, as with Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    benchmarks = {name: partial(_measure, name) for name in options.names or BENCHMARKS}
    return int(not run(benchmarks, machine=this_machine(), results=options.json, say=_say))


def _measure(name: str) -> Finding:
    # Loaded when it is its turn: what one of them needs may not be there, and the others run all the same.
    return cast("Finding", importlib.import_module(f"benchmarks.{name}").measure())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _write_tables(results: Path, document: Path) -> None:
    findings, machine = from_json(results.read_text(encoding="utf-8"))
    text = document.read_text(encoding="utf-8")
    for finding in findings:
        text = in_document(text, finding, machine)
    document.write_text(text, encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"one of {', '.join(BENCHMARKS)}; left out: all")
    parser.add_argument("--json", metavar="FILE", type=Path, help="where the results are written, or read from")
    parser.add_argument("--document", metavar="FILE", type=Path, help="whose tables are written from --json")
    options = parser.parse_args()
    for name in options.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    if options.document is not None and options.json is None:
        parser.error("--document needs --json")
    return options


if __name__ == "__main__":
    sys.exit(main())
