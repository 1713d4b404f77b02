"""No window of one second serves more calls than the limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.gateway import Throttle


def test_the_window_slides() -> None:
    """Two bursts that two calendar seconds would allow are one burst in a window that slides."""
    throttle = Throttle({"Do": 20})
    assert not any(throttle.wait_s("1", "Do", now=0.75) for _ in range(20))
    assert throttle.wait_s("1", "Do", now=1.125) == 0.625
    assert throttle.wait_s("1", "Do", now=1.5) == 0.25
    assert throttle.wait_s("1", "Do", now=1.75) == 0


def test_refused_calls_do_not_count() -> None:
    """A client that hammers is served at the limit all the same."""
    throttle = Throttle({"Do": 1})
    admitted = [now for now in range(40) if not throttle.wait_s("1", "Do", now=now / 10)]
    assert admitted == [0, 10, 20, 30]


def test_accounts_and_operations_have_windows_of_their_own() -> None:
    """The limit is one for each account and operation."""
    throttle = Throttle({"Do": 1, "Undo": 1})
    assert not throttle.wait_s("1", "Do", now=0.0)
    assert not throttle.wait_s("1", "Undo", now=0.0)
    assert not throttle.wait_s("2", "Do", now=0.0)
    assert throttle.wait_s("1", "Do", now=0.0) == 1.0


@given(
    limit=st.integers(1, 5),
    gaps_ms=st.lists(st.integers(0, 600), max_size=60),
)
def test_no_window_holds_more_than_the_limit(limit: int, gaps_ms: list[int]) -> None:
    """Those served never exceed the limit in any second, and a wait is as long as it has to be."""
    throttle = Throttle({"Do": limit}, window_s=1000)
    now = 0
    served: list[int] = []
    for gap in gaps_ms:
        now += gap
        lately = [at for at in served if now - at < 1000]
        wait = throttle.wait_s("1", "Do", now=now)
        assert wait == (0 if len(lately) < limit else lately[0] + 1000 - now)
        if not wait:
            served.append(now)


def test_a_limit_below_one_is_refused() -> None:
    """No limit lets nothing through for ever."""
    with pytest.raises(ValueError, match="the limit of Do is 0"):
        Throttle({"Do": 0})
