"""Pauses of what keeps failing."""

_MOST_DOUBLINGS = 30  # more would be longer than any pause, and in the end larger than a float


def backoff_s(first_s: float, doublings: int, *, longest_s: float) -> float:
    """The pause after so many doublings of the first one, none where that is negative; ``longest_s`` at most."""
    return min(first_s * 2.0 ** max(0, min(doublings, _MOST_DOUBLINGS)), longest_s)
