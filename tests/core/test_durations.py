import pytest

from exporter.core.durations import backoff_s, in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(0, "0 s", id="zero"),
        pytest.param(0.9, "0 s", id="rounded-down"),
        pytest.param(59.99, "59 s", id="seconds"),
        pytest.param(60, "1 min", id="a-minute"),
        pytest.param(3599, "59 min 59 s", id="minutes"),
        pytest.param(3600, "1 h", id="an-hour"),
        pytest.param(3605, "1 h", id="two-neighbouring-units-only"),
        pytest.param(90_061, "1 d 1 h", id="a-day"),
        pytest.param(40_000_000, "462 d 23 h", id="long"),
    ],
)
def test_in_words(seconds: float, words: str) -> None:
    """A duration is written in its two largest units."""
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("doublings", "pause_s"),
    [
        pytest.param(-5, 60, id="before the first doubling"),
        pytest.param(0, 60, id="none"),
        pytest.param(1, 120, id="one"),
        pytest.param(3, 300, id="past the longest pause"),
        pytest.param(10**9, 300, id="failing for ever"),
    ],
)
def test_pauses_double_up_to_the_longest(doublings: int, pause_s: float) -> None:
    """However long it lasts, no pause is longer than the longest one, nor too large for a float."""
    assert backoff_s(60, doublings, longest_s=300) == pause_s


def test_no_pause_is_longer_than_the_longest() -> None:
    """Not even the first."""
    assert backoff_s(60, 0, longest_s=5) == 5
