"""A registry's part of the page: always what the library would write."""

import threading
from collections.abc import Callable, Iterable
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporter.core.model import FailureReason
from exporter.metrics.registry_page import RegistryPage
from exporter.metrics.self_metrics import SelfMetrics
from exporter.probes.table import PROBES
from tests.waiting import PATIENCE_S

FORMATS = pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "OpenMetrics"])
# The sign of a zero is no change.
VALUES = st.floats().map(lambda value: value + 0.0)
HOSTILE = 'a "b"\\ c\nd} 1 \u2028é'


class Families(Collector):
    """A collector of whatever families it is given."""

    def __init__(self) -> None:
        self.families: list[Metric] = []
        self.before: Callable[[], object] = lambda: None

    def collect(self) -> Iterable[Metric]:
        """The families of now."""
        self.before()
        return list(self.families)


def gauge(*series: tuple[str, float]) -> Metric:
    family = GaugeMetricFamily("g", "Help with a \\ and\na line end.", labels=["name"])
    for name, value in series:
        family.add_metric([name], value)
    return family


def library(registry: CollectorRegistry, *, openmetrics: bool) -> bytes:
    return generate_openmetrics(registry) if openmetrics else generate_latest(registry)


@FORMATS
@given(
    st.lists(st.lists(st.tuples(st.sampled_from(["a", "b", HOSTILE]), VALUES), max_size=4, unique_by=lambda s: s[0]))
)
def test_a_page_is_what_the_library_writes(openmetrics: bool, moments: list[list[tuple[str, float]]]) -> None:  # noqa: FBT001 — a row's fact
    """Whatever values change, and whichever series come, go or change places from one page to the next."""
    collector, registry = Families(), CollectorRegistry()
    registry.register(collector)
    page = RegistryPage(registry)
    for moment in moments:
        collector.families = [gauge(*moment)]

        assert page.write(openmetrics=openmetrics) == library(registry, openmetrics=openmetrics)


@FORMATS
def test_every_kind_of_metric_is_what_the_library_writes(openmetrics: bool) -> None:  # noqa: FBT001 — a row's fact
    """Counters, histograms, gauges with and without labels; before they change, after it, and changed back."""
    registry = CollectorRegistry()
    page = RegistryPage(registry)
    counter = Counter("c", "A counter.", ["name"], registry=registry)
    histogram = Histogram("h", "A histogram.", ["name"], registry=registry)
    number = Gauge("n", "A number.", registry=registry)
    for name in ("", HOSTILE, ""):
        counter.labels(name).inc()
        histogram.labels(name).observe(0.3)
        for value in (1, inf, -inf, nan, 0.1, 1):
            number.set(value)

            assert page.write(openmetrics=openmetrics) == library(registry, openmetrics=openmetrics)


@FORMATS
def test_what_stands_after_a_value_is_written(openmetrics: bool) -> None:  # noqa: FBT001 — a row's fact
    """A sample with a timestamp keeps it when its value changes, and gets another one."""
    collector, registry = Families(), CollectorRegistry()
    registry.register(collector)
    page = RegistryPage(registry)
    for value, timestamp in ((1, 1.5), (2, 1.5), (2, 2.5), (2, None)):
        family = GaugeMetricFamily("g", "A gauge.")
        family.add_metric([], value, timestamp=timestamp)
        collector.families = [family]

        assert page.write(openmetrics=openmetrics) == library(registry, openmetrics=openmetrics)


@FORMATS
def test_the_exporters_own_metrics_are_what_the_library_writes(openmetrics: bool) -> None:  # noqa: FBT001 — a row's fact
    """After calls, of a new operation too, and failures; but for the units, which the library lacks."""
    own = SelfMetrics(
        version="1.2.3", actions=["DescribeDcdnIpaService", "GetCallerIdentity"], unknown_fields=["Phase"]
    )
    page = RegistryPage(own.registry)
    for action, kinds in (
        ("DescribeDcdnIpaService", PROBES[:2]),
        ("AssumeRole", PROBES[:3]),
        ("DescribeDcdnIpaService", PROBES[:1]),
    ):
        own.called(action, 0.3)
        own.waited(action, 1.25)
        own.describe_probes(dict.fromkeys(kinds, (60.0, 600.0)))
        own.poll_failed(kinds[0].key("prod"), FailureReason.TIMEOUT)

        written, expected = (
            [line for line in text.splitlines() if not line.startswith((b"process_", b"python_gc", b"# UNIT"))]
            for text in (page.write(openmetrics=openmetrics), library(own.registry, openmetrics=openmetrics))
        )
        assert written == expected


def test_no_page_waits_while_another_one_is_collected() -> None:
    """A collector reads files, which may take long: meanwhile another page is collected and written."""
    registry = CollectorRegistry()
    page = RegistryPage(registry)
    another_thread = threading.Thread(target=page.write, kwargs={"openmetrics": False}, daemon=True)

    def write_another() -> None:
        if another_thread.ident is None:
            another_thread.start()
            another_thread.join(PATIENCE_S)
            assert not another_thread.is_alive()

    collector = Families()
    registry.register(collector)
    collector.before = write_another

    assert page.write(openmetrics=False) == b""
