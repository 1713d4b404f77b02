import pytest

from exporter.core.backoff import backoff_s


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
