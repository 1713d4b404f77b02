"""How far the API's clock is from ours, by the head of a reply."""

from datetime import UTC
from email.utils import parsedate_to_datetime


def clock_skew_s(date: str | None, came_at: float) -> float | None:
    """Seconds that the Date header is ahead of the Unix time at which it came; None where it cannot be read."""
    try:
        theirs = parsedate_to_datetime(date or "")
    except (ValueError, OverflowError):
        return None
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    # The header has whole seconds, cut off: on average the moment it names lay half a second later.
    return theirs.timestamp() + 0.5 - came_at
