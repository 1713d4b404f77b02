"""Durations: in words for people, and the pauses of what keeps failing."""

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_MOST_DOUBLINGS = 30  # more would be longer than any pause, and in the end larger than a float


def in_words(seconds: float) -> str:
    """A duration in its two largest units, such as `3 d 4 h`; rounded down."""
    rest = int(seconds)
    parts: list[tuple[int, str]] = []
    for unit, length in _UNITS:
        count, rest = divmod(rest, length)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count) or "0 s"


def backoff_s(first_s: float, doublings: int, *, longest_s: float) -> float:
    """The first pause after so many doublings, ``longest_s`` at most; a negative number of them is none."""
    return min(first_s * 2.0 ** max(0, min(doublings, _MOST_DOUBLINGS)), longest_s)
