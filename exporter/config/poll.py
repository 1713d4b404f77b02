"""When probes run: the section `poll`.

Keys that are named without a unit in the file have one here (`interval` is `interval_s`). Rules between two keys
sit on the later one and are skipped while the earlier one is wrong itself, so that all problems show at once.
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from exporter.config.durations import format_duration, milliseconds
from exporter.config.refusals import FROZEN, duration, refusal, whole_number


def _interval(earlier: dict[str, Any]) -> float:
    """The interval among the fields checked so far; any number where it is wrong, for then nothing is built."""
    return float(earlier.get("interval_s", 60.0))


def _five_minutes(earlier: dict[str, Any]) -> float:
    """Five minutes, or what comes nearest to that from interval to half of stale_after (at least 1.5 intervals)."""
    return max(_interval(earlier), min(300.0, milliseconds(earlier.get("stale_after_s", 600.0)) // 2 / 1000))


class Poll(BaseModel):
    """When probes run; what is not given follows `interval`, so that the rules between the keys always hold."""

    model_config = FROZEN

    interval_s: Annotated[float, duration("1s", "1d")] = Field(default=60.0, alias="interval")
    """How often each probe asks the API."""
    timeout_s: Annotated[float, duration("100ms", "1m")] = Field(
        alias="timeout",
        default_factory=lambda earlier: min(10.0, _interval(earlier)),
    )
    """Total deadline of one call; at most `interval`. Default: 10s, or `interval` if that is shorter."""
    stale_after_s: Annotated[float, duration("3s", "30d")] = Field(
        alias="stale_after",
        default_factory=lambda earlier: max(600.0, milliseconds(3 * _interval(earlier)) / 1000),
    )
    """Answers older than this leave /metrics; at least three times `interval`. Default: 10m, or that if longer."""
    locked_interval_s: Annotated[float, duration("1s", "1d")] = Field(
        alias="locked_interval",
        default_factory=lambda earlier: min(15.0, _interval(earlier)),
    )
    """Takes the place of `interval` for the first hour of a lock; at most `interval`. Default: 15s, or `interval`."""
    failing_interval_s: Annotated[float, duration("1s", "15d")] = Field(
        alias="failing_interval", default_factory=_five_minutes
    )
    """The longest pause of a probe that keeps failing; from `interval` to half of `stale_after`. Default: near 5m."""
    balance_interval_s: Annotated[float, duration("1s", "15d")] = Field(
        alias="balance_interval", default_factory=_five_minutes
    )
    """Takes the place of `interval` for balances; from `interval` to half of `stale_after`. Default: near 5m."""
    max_workers: Annotated[int, whole_number(1, 1024)] = 128
    """Calls under way at the same time."""

    @field_validator("timeout_s", "locked_interval_s")
    @classmethod
    def _at_most_interval(cls, seconds: float, info: ValidationInfo) -> float:
        interval = info.data.get("interval_s")
        if interval is not None and seconds > interval:
            raise refusal(f"at most poll.interval, which is {format_duration(interval)}")
        return seconds

    @field_validator("stale_after_s")
    @classmethod
    def _three_intervals(cls, seconds: float, info: ValidationInfo) -> float:
        interval = info.data.get("interval_s")
        if interval is not None and milliseconds(seconds) < 3 * milliseconds(interval):
            raise refusal(f"at least three times poll.interval, {format_duration(3 * interval)}")
        return seconds

    @field_validator("failing_interval_s", "balance_interval_s")
    @classmethod
    def _between_interval_and_staleness(cls, seconds: float, info: ValidationInfo) -> float:
        interval, stale_after = info.data.get("interval_s"), info.data.get("stale_after_s")
        if interval is not None and seconds < interval:
            raise refusal(f"at least poll.interval, which is {format_duration(interval)}")
        if stale_after is not None and 2 * milliseconds(seconds) > milliseconds(stale_after):
            raise refusal(f"at most half of poll.stale_after, which is {format_duration(stale_after)}")
        return seconds
