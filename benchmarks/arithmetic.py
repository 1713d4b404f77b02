"""What is said of many measured values."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def quantile(values: Iterable[float], part: float) -> float:
    """The smallest value that at least this part of them does not exceed (0.99: all but one in a hundred).

    ValueError when there is none.
    """
    ordered = sorted(values)
    if not ordered or not 0 < part <= 1:
        message = f"no quantile {part} of {len(ordered)} values"
        raise ValueError(message)
    return ordered[math.ceil(part * len(ordered)) - 1]


def busiest_second(moments: Iterable[float]) -> int:
    """The most of them within any one second; two that are exactly one apart are not in the same."""
    window: deque[float] = deque()
    most = 0
    for moment in sorted(moments):
        while window and moment - window[0] >= 1:
            window.popleft()
        window.append(moment)
        most = max(most, len(window))
    return most


def lateness_s(moments: Sequence[float], *, interval_s: float) -> list[float]:
    """How far the others lie behind the grid of that interval, which the earliest of them shows; in ascending order.

    A moment that is missing moves none of the others.
    """
    apart = [moment - moments[0] for moment in moments]
    beside = [distance - interval_s * round(distance / interval_s) for distance in apart]
    return sorted(distance - min(beside) for distance in beside)[1:]


def growth(values: Sequence[float], *, first: float) -> float:
    """How much larger the median of the last quarter is than that of the first, by parts of it.

    The values before the index ``first`` (a part of all of them) are left out.
    """
    kept = values[int(first * len(values)) :]
    quarter = max(1, len(kept) // 4)
    begin, end = quantile(kept[:quarter], 0.5), quantile(kept[-quarter:], 0.5)
    return end / begin - 1
