"""Moments in words, for people."""

from datetime import UTC, datetime
from typing import Self


class Moment(str):
    """A moment in words, which knows when it is: another language has another time zone."""

    __slots__ = ("at",)
    at: datetime

    def __new__(cls, at: datetime) -> Self:
        """Its minute in UTC, such as `2026-11-30 01:16 UTC`."""
        moment = super().__new__(cls, f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
        moment.at = at
        return moment
