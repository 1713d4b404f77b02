"""The peer in Python: ``python -m benchmarks.serve_prometheus_client SERIES INTERVAL_S``.

A collector makes the library's metrics anew at every scrape, beside a histogram and the library's collectors of the
process, behind the library's own server. Some values change all the time: of each account in turn, once an interval.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_THE_PROCESS = ("process_", "python_")
_HISTOGRAM = "dcdn_exporter_api_request_duration_seconds"


class _Held(Collector):
    """Families of series: label values and a value each."""

    def __init__(self, families: list[dict[str, Any]]) -> None:
        self.families = [
            (
                CounterMetricFamily if family["type"] == "counter" else GaugeMetricFamily,
                family["name"],
                family["help"],
                family["names"],
                [[series["labels"], series["value"]] for series in family["series"]],
                family["changes"],
            )
            for family in families
        ]

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """As the library's documentation has it."""
        for kind, name, text, names, series, _changes in self.families:
            family = kind(name, text, labels=names)
            for labels, value in series:
                family.add_metric(labels, value)
            yield family


def main() -> NoReturn:
    """Serve until ended."""
    families = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    interval_s = float(sys.argv[2])
    disable_created_metrics()
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    _observe([family for family in families if family["name"].startswith(_HISTOGRAM)], registry)
    held = _Held([family for family in families if not family["name"].startswith((*_OF_THE_PROCESS, _HISTOGRAM))])
    registry.register(held)
    changing = [series for *_, series, changes in held.families if changes]
    accounts = len(changing[0])
    server, _thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    sys.stdout.write(f"listening 127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    del families
    never = threading.Event()
    start = time.monotonic()
    turn = 0
    while True:
        never.wait(max(0.0, start + turn * interval_s / accounts - time.monotonic()))
        for family in changing:
            family[turn % accounts][1] += 1.0
        turn += 1


def _observe(families: list[dict[str, Any]], registry: CollectorRegistry) -> None:
    """A histogram of the library with the buckets and counts of these."""
    buckets, counts = (next(each for each in families if each["name"].endswith(end)) for end in ("_bucket", "_count"))
    bounds = sorted({float(series["labels"][buckets["names"].index("le")]) for series in buckets["series"]})
    histogram = Histogram(_HISTOGRAM, buckets["help"], counts["names"], buckets=bounds, registry=registry)
    for series in counts["series"]:
        histogram.labels(*series["labels"])


if __name__ == "__main__":
    main()
