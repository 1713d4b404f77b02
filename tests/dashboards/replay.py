"""A Prometheus that has a recording as its data."""

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.grafana import pattern
from tests.dashboards.record import DAY_S, SCRAPE_INTERVAL_S
from tests.dashboards.shipped import DASHBOARDS, Query, counted, hidden
from tests.prometheus import ask, prometheus

TIMES = {
    "__interval": f"{SCRAPE_INTERVAL_S}s",
    "__rate_interval": f"{4 * SCRAPE_INTERVAL_S}s",
    "__range": f"{DAY_S}s",
}

Ask = Callable[[Query], list[dict[str, Any]]]


@contextmanager
def replayed(text: str, tool: Callable[[str], str], folder: Path, *, last_s: int) -> Iterator[Ask]:
    """Asks for what a query has in the last so many seconds of a recording, which is in OpenMetrics with times."""
    (folder / "recording.om").write_text(text)
    subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", "recording.om", "data"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    end = max(float(moment) for moment in re.findall(r" (\d+\.?\d*)$", text, re.MULTILINE))
    span: Mapping[str, str] = {"start": str(end - last_s), "end": str(end), "step": str(SCRAPE_INTERVAL_S)}
    # The recording cannot say that a series has ended, so that one ends with its last sample.
    look_back = f"--query.lookback-delta={2 * SCRAPE_INTERVAL_S - 1}s"
    with prometheus(tool("prometheus"), folder, {}, look_back) as host:
        chosen = {name: _chosen(host, name, span["end"]) for name in DASHBOARDS}
        yield lambda query: ask(host, "query_range", query=query.asked(TIMES, chosen[query.dashboard]), **span)


def _chosen(host: str, dashboard: str, end: str) -> dict[str, str]:
    """What each hidden variable finds at the end, as Grafana writes it into a query: accounts, or how many."""
    found = {}
    for name, expression in hidden(dashboard).items():
        asked = Query(dashboard, name, expression).asked(TIMES)
        answered = ask(host, "query", query=asked, time=end)
        if name in counted(dashboard):
            found[name] = "".join(series["value"][1] for series in answered)
        else:
            found[name] = pattern(list(dict.fromkeys(series["metric"].get("account", "") for series in answered)))
    return found
