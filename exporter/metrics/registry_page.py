"""The part of the /metrics page that is a registry's, as the client library writes it, at a fraction of the cost.

The library writes a family when it has new series. From then on a line is kept while its value is the same; else
only its number is replaced.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from exporter.metrics.families import unit_of

_NOTHING_AFTER_THE_VALUE = (None, None, None)
_OPENMETRICS_END = b"# EOF\n"
_text_page: Callable[[Collector], bytes] = generate_latest
_number: Callable[[float], str] = floatToGoString


class RegistryPage:
    """Writes one registry, in both formats; safe to use from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._written: dict[tuple[str, bool], _Written] = {}

    def write(self, *, openmetrics: bool) -> bytes:
        """The registry as it is now; in OpenMetrics with the end of the page."""
        metrics = list(self._registry.collect())  # reads files of the process
        with self._lock:
            families = [self._family(metric, openmetrics=openmetrics) for metric in metrics]
        return b"".join([*families, _OPENMETRICS_END] if openmetrics else families)

    def _family(self, metric: Metric, *, openmetrics: bool) -> bytes:
        key = metric.name, openmetrics
        written = self._written.get(key)
        if written is None or not written.follow(metric.samples):
            written = self._written[key] = _written(metric, openmetrics=openmetrics)
        return written.text


@dataclass(slots=True, eq=False)
class _Written:
    """A family as it was written last: a line for each sample in order, or no lines at all."""

    samples: list[Sample]
    head: bytes
    lines: list[bytes]
    text: bytes

    def follow(self, samples: list[Sample]) -> bool:
        """Update the text to these samples; False, and no change, when they differ by more than their values."""
        if samples == self.samples:
            return True
        if len(samples) != len(self.lines):
            return False
        lines = self.lines.copy()
        for index, (before, now) in enumerate(zip(self.samples, samples, strict=True)):
            if now != before:
                if now._replace(value=before.value) != before or now[3:] != _NOTHING_AFTER_THE_VALUE:
                    return False
                lines[index] = b"%b %b\n" % (lines[index].rpartition(b" ")[0], _number(now.value).encode())
        self.samples, self.lines, self.text = samples, lines, b"".join([self.head, *lines])
        return True


def text_page_of(metric: Metric) -> bytes:
    """The page of one family, in the text format, as the library writes it."""
    return _text_page(_One(metric))


def _written(metric: Metric, *, openmetrics: bool) -> _Written:
    metric.unit = unit_of(metric.name)  # the library knows it of no metric, and writes it in OpenMetrics alone
    one = _One(metric)
    text = generate_openmetrics(one).removesuffix(_OPENMETRICS_END) if openmetrics else _text_page(one)
    lines = [line + b"\n" for line in text.split(b"\n")[:-1]]
    head = [line for line in lines if line.startswith(b"#")]
    samples = lines[len(head) :]
    # The library puts some samples, such as when a series was created, under heads of their own.
    apart = any(line.startswith(b"#") for line in samples)
    return _Written(list(metric.samples), b"".join(head), [] if apart else samples, text)


class _One(Collector):
    """A registry of one family, as the library's writers take it."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        return [self._metric]
