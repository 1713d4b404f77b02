"""A series of 0 or 1 for each known value: the documented ones, and a few others that answers have named."""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from exporter.probes.kind import Sample

OTHER = "other"
"""The value that stands for all further ones."""
MOST_SEEN = 16


def with_seen(already: tuple[str, ...], named: Iterable[str]) -> tuple[str, ...]:
    """The values seen so far and those named now, in the order of their first appearance; 16, then ``other``."""
    seen = tuple(dict.fromkeys((*already, *named)))
    return seen if len(seen) <= MOST_SEEN else (*seen[:MOST_SEEN], OTHER)


def state_set(values: tuple[str, ...], holding: AbstractSet[str | None]) -> Iterator[Sample]:
    """A sample of 0 or 1 for each value; what holds and is not among them holds as ``other``."""
    named = dict.fromkeys(values)
    unnamed = holding - named.keys() - {None}
    if unnamed:
        named[OTHER] = None
    for value in named:
        yield (value,), float(value in holding or (value == OTHER and bool(unnamed)))
