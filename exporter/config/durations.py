"""Durations as Prometheus writes them: `1h30m`, `90s`, `500ms`, `0`.

The form is described at https://prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations
(read 2026-11-22): whole numbers with a unit each, the larger unit first, each unit at most once.
"""

import re

_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
# Twelve digits are 31 years in milliseconds: enough for anybody, and far from where a float loses whole milliseconds.
_FORM = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,12}}){unit})?" for unit in _MILLISECONDS))
PATTERN = "^(?!$)" + "".join(f"(?:[0-9]{{1,12}}{unit})?" for unit in _MILLISECONDS) + "$"
"""The same form for JSON Schema, without the `0` that needs no unit."""


def parse_duration(text: str) -> float:
    """Seconds, to the millisecond; ValueError when the text is no duration."""
    if text == "0":
        return 0.0
    match = _FORM.fullmatch(text)
    if not text or match is None:
        raise ValueError("not a duration")
    return sum(int(number) * _MILLISECONDS[unit] for unit, number in match.groupdict(default="0").items()) / 1000


def format_duration(seconds: float) -> str:
    """The duration in days and smaller units, to the millisecond: what `parse_duration` reads back."""
    left = milliseconds(seconds)
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, left = divmod(left, _MILLISECONDS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0"


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, for comparisons that must be exact (3 x 1.1 is not 3.3 among floats)."""
    return round(seconds * 1000)
