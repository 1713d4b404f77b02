"""How far the API's clock is from ours, by the head of a reply."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache


def clock_skew_s(date: str | None, came_at: float) -> float | None:
    """Seconds that the Date header is ahead of the Unix time at which it came; None where it cannot be read."""
    theirs = _unix_time(date or "")
    # The header has whole seconds, cut off: on average the moment it names lay half a second later.
    return theirs + 0.5 - came_at if theirs is not None else None


@lru_cache(maxsize=4)  # hundreds of replies come within the second that one names
def _unix_time(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
