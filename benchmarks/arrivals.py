"""Calls as the server saw them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.arithmetic import lateness_s

if TYPE_CHECKING:
    from collections.abc import Iterable

POLL = "DescribeDcdnIpaService"
"""The operation that is polled."""


class Arrival(NamedTuple):
    """One call; a tuple, for there are hundreds of thousands."""

    at_s: float
    """The moment on the monotonic clock, which is one for all processes of a machine."""
    action: str
    subject: str
    """The access key id that signed it, or the role that it asks for."""


def moments_of(arrivals: Iterable[Arrival], action: str = POLL) -> dict[str, list[float]]:
    """When an operation was called, by whom or for what, in the order of their first calls."""
    moments = defaultdict(list)
    for arrival in arrivals:
        if arrival.action == action:
            moments[arrival.subject].append(arrival.at_s)
    return dict(moments)


def lateness_of(arrivals: Iterable[Arrival], *, interval_s: float) -> list[float]:
    """How far each poll came behind its account's place in the interval."""
    late_s: list[float] = []
    for moments in moments_of(arrivals).values():
        late_s += lateness_s(moments, interval_s=interval_s)
    return late_s
