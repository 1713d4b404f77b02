"""Numbers of things, in words."""

import pytest

from exporter.core.counts import counted


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 domains"),
        (1, "1 domain"),
        (2, "2 domains"),
        (0.5, "0.5 domains"),
        (1.0, "1 domain"),
        (1_234_567, "1234567 domains"),
    ],
)
def test_one_is_singular(number: float, words: str) -> None:
    """And nothing else is, as in English."""
    assert counted(number, "domain", "domains") == words
