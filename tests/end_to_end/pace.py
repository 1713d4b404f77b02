"""The shipped rules at a pace of which a test can wait for the end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = r"(?:\d+(?:ms|[smhd]))+"
# Text in quotes is left alone. What is 60 or more in a rule is seconds; counts and shares are smaller.
_TIMES = re.compile(
    rf'"[^"]*"|(?P<range>\[{_DURATION}(?::{_DURATION})?\])|(?P<duration>\b{_DURATION}\b)'
    r"|(?P<number>(?<![\w.])\d+\b(?!\.\d))"
)
_MINUTE_S = 60
_SAMPLES_IN_RANGE = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """How many times faster time goes in rules and routes, and how often targets are scraped, in seconds.

    No rule is evaluated more often than that.
    """

    faster: int = 120
    every_s: float = 1.0

    def __post_init__(self) -> None:
        if self.faster < 1 or self.every_s <= 0:
            raise ValueError(f"a pace is at least that of the shipped files, seen {self!r}")

    def s(self, seconds: float) -> float:
        """So many seconds of the shipped files."""
        return seconds / self.faster

    def pause(self, duration: str, *, least_s: float = 0.1) -> str:
        """A duration of the shipped files, such as ``1h30m``."""
        found = re.findall(r"(\d+)(ms|[smhd])", duration)
        return f"{max(least_s, self.s(sum(int(number) * _UNITS_S[unit] for number, unit in found))) * 1000:.0f}ms"

    def range(self, duration: str) -> str:
        """The same for a range, which needs some samples."""
        return self.pause(duration, least_s=_SAMPLES_IN_RANGE * self.every_s)

    def expression(self, text: str) -> str:
        """An expression whose ranges, offsets and numbers of seconds are those of this pace."""
        # How far two clocks differ is no time that passes.
        return text if "clock_skew" in text else _TIMES.sub(self._time, text)

    def rules(self, document: dict[str, Any]) -> dict[str, Any]:
        """The rules of a file with other times, and nothing else changed."""
        return {
            "groups": [
                {
                    **group,
                    "interval": self.pause(group["interval"], least_s=self.every_s),
                    "rules": [self._rule(rule) for rule in group["rules"]],
                }
                for group in document["groups"]
            ]
        }

    def _rule(self, rule: dict[str, Any]) -> dict[str, Any]:
        pauses: dict[str, Any] = {key: self.pause(rule[key]) for key in ("for", "keep_firing_for") if key in rule}
        return {**rule, "expr": self.expression(rule["expr"]), **pauses}

    def _time(self, found: re.Match[str]) -> str:
        if found["range"]:
            return f"[{':'.join(map(self.range, found['range'][1:-1].split(':')))}]"
        if found["duration"]:
            return self.pause(found["duration"])
        number = int(found["number"] or 0)
        if number < _MINUTE_S:
            return found[0]
        if number % _MINUTE_S:
            raise ValueError(f"{number} in a rule is either no count below 60 or no whole minutes")
        return f"{self.s(number):.12g}"


USUAL = Pace()
"""Two minutes of the shipped files are a second."""
