"""What a benchmark found: figures, and claims that they hold up or not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Bound(StrEnum):
    """On which side of its limit a claim holds."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value, the median of `runs` runs."""

    name: str
    value: float
    unit: str
    """The unit as printed ("ms", "MB", "polls/s"); empty for a ratio or a count."""
    runs: int = 1
    of: str = ""
    """What it was measured of, where several are compared: a row of the table, whose columns are the names."""

    def __post_init__(self) -> None:
        if not self.name:
            message = "a figure has a name"
            raise ValueError(message)
        if not math.isfinite(self.value):
            message = f"{self.name} was not measured: its value is {self.value}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Claim:
    """Something the project promises about a figure."""

    figure: Figure
    bound: Bound
    limit: float

    @property
    def holds(self) -> bool:
        """True when the figure is on the promised side of the limit, or on it."""
        if self.bound is Bound.AT_MOST:
            return self.figure.value <= self.limit
        return self.figure.value >= self.limit


@dataclass(frozen=True, slots=True)
class Finding:
    """All that one benchmark found in one run."""

    benchmark: str
    figures: tuple[Figure, ...]
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know to read the figures: what was left out and why (no Go on this machine), versions."""
    in_brief: tuple[str, ...] = ()
    """Of which rows of what is compared (``Figure.of``) a document says enough; empty: all."""
