"""Durations: in words for people, and the pauses of what keeps failing."""

from collections.abc import Mapping
from typing import Self

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_MOST_DOUBLINGS = 30  # more would be longer than any pause, and in the end larger than a float


class Duration(str):
    """A duration in words, which knows its seconds: another language has other words for it."""

    __slots__ = ("seconds",)
    seconds: float

    def __new__(cls, words: str, seconds: float) -> Self:
        """These words for so many seconds."""
        duration = super().__new__(cls, words)
        duration.seconds = seconds
        return duration


def in_words(seconds: float, *, units: Mapping[str, str] | None = None) -> Duration:
    """A duration in its two largest units, such as `3 d 4 h`; rounded down.

    ``units`` are the names for `d`, `h`, `min` and `s` in another language.
    """
    rest = int(seconds)
    parts: list[tuple[int, str]] = []
    for unit, length in _UNITS:
        count, rest = divmod(rest, length)
        if count or parts:
            parts.append((count, unit))
    shown = [part for part in parts[:2] if part[0]] or [(0, "s")]
    return Duration(" ".join(f"{count} {units[unit] if units else unit}" for count, unit in shown), seconds)


def backoff_s(first_s: float, doublings: int, *, longest_s: float) -> float:
    """The first pause after so many doublings, ``longest_s`` at most; a negative number of them is none."""
    return min(first_s * 2.0 ** max(0, min(doublings, _MOST_DOUBLINGS)), longest_s)
