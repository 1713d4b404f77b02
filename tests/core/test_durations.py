import pytest

from exporter.core.durations import in_words


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
    """A duration is told in its two largest units."""
    assert in_words(seconds) == words
