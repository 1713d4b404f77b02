"""Pages of metrics, of which a line is parsed once: most of them stand on the next page again."""

from collections.abc import Iterator
from functools import lru_cache

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


def samples_on(page: str) -> Iterator[Sample]:
    """All samples of a page in the text format, in its order; ValueError when a line is none of a page."""
    for line in page.split("\n"):
        yield from _samples_in(line)


@lru_cache(maxsize=65_536)
def _samples_in(line: str) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(line) for sample in family.samples]
