from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.app import VOCABULARY
from exporter.config import Configuration, Poll, format_duration, parse

Configure = Callable[[str], Configuration]


def poll(**keys: object) -> str:
    return f"poll: {{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}\naccounts: [{{name: prod}}]"


def test_the_defaults_are_those_of_the_documentation(configure: Configure) -> None:
    """Sixty seconds between polls, ten minutes until an answer is stale."""
    assert configure("accounts: [{name: prod}]").poll.model_dump() == {
        "interval_s": 60.0,
        "timeout_s": 10.0,
        "stale_after_s": 600.0,
        "locked_interval_s": 15.0,
        "failing_interval_s": 300.0,
        "balance_interval_s": 300.0,
        "inventory_interval_s": 600.0,
        "max_workers": 128,
    }


@pytest.mark.parametrize(
    ("interval", "defaults"),
    [
        pytest.param("1s", (1, 600, 1, 300, 300, 600), id="shortest"),
        pytest.param("4m10s", (10, 750, 15, 300, 300, 600), id="stale-after-grows-alone"),
        pytest.param("5m", (10, 900, 15, 300, 300, 600), id="longer-than-the-usual-staleness-allows"),
        pytest.param("1d", (10, 259_200, 15, 86_400, 86_400, 86_400), id="longest"),
    ],
)
def test_what_is_not_given_follows_the_interval(
    configure: Configure,
    interval: str,
    defaults: tuple[float, ...],
) -> None:
    """`interval` can be set alone."""
    found = configure(poll(interval=interval)).poll
    assert (
        found.timeout_s,
        found.stale_after_s,
        found.locked_interval_s,
        found.failing_interval_s,
        found.balance_interval_s,
        found.inventory_interval_s,
    ) == defaults


@given(st.integers(min_value=1000, max_value=86_400_000))
def test_any_interval_can_be_set_alone(interval_ms: int) -> None:
    """The defaults of the other keys then satisfy every rule when they are written out."""
    found = _poll_of(poll(interval=format_duration(interval_ms / 1000)))
    written = {
        "interval": found.interval_s,
        "timeout": found.timeout_s,
        "stale_after": found.stale_after_s,
        "locked_interval": found.locked_interval_s,
        "failing_interval": found.failing_interval_s,
        "balance_interval": found.balance_interval_s,
        "inventory_interval": found.inventory_interval_s,
    }
    assert _poll_of(poll(**{key: format_duration(seconds) for key, seconds in written.items()})) == found


@given(st.integers(min_value=1000, max_value=86_400_000), st.integers(min_value=0, max_value=86_400_000))
def test_any_interval_and_any_staleness_it_allows_can_be_set_together(interval_ms: int, more_ms: int) -> None:
    """The pause of failing probes and the interval of balances then lie between the two."""
    stale_after_ms = max(3000, 3 * interval_ms + more_ms)
    found = _poll_of(
        poll(interval=format_duration(interval_ms / 1000), stale_after=format_duration(stale_after_ms / 1000)),
    )
    assert found.interval_s <= found.failing_interval_s <= found.stale_after_s / 2
    assert found.interval_s <= found.balance_interval_s <= found.stale_after_s / 2


def test_bounds_are_compared_exactly(configure: Configure) -> None:
    """Three times 1.1 s is 3.3 s, which it is not among floats."""
    assert configure(poll(interval="1s100ms", stale_after="3s300ms")).poll.stale_after_s == 3.3


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(
            {"interval": "1d", "stale_after": "30d", "failing_interval": "15d", "balance_interval": "15d"},
            id="highest",
        ),
        pytest.param(
            {
                "interval": "1s",
                "timeout": "100ms",
                "stale_after": "3s",
                "failing_interval": "1s",
                "balance_interval": "1s",
                "inventory_interval": "1s",
            },
            id="lowest",
        ),
        pytest.param({"interval": "1m", "timeout": "1m", "locked_interval": "1m"}, id="equal-to-interval"),
        pytest.param(
            {"stale_after": "4m", "failing_interval": "2m", "balance_interval": "2m"}, id="half-of-staleness"
        ),
        pytest.param({"inventory_interval": "1d"}, id="rarest-inventories-whatever-the-staleness"),
        pytest.param({"max_workers": 1024}, id="most-workers"),
        pytest.param({"max_workers": 1}, id="one-worker"),
    ],
)
def test_bounds_belong_to_what_is_accepted(configure: Configure, keys: dict[str, object]) -> None:
    """Each bound itself can be written."""
    assert configure(poll(**keys)).poll.interval_s > 0


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        pytest.param({"interval": "999ms"}, "poll.interval: seen '999ms'", id="interval-low"),
        pytest.param({"interval": "1d1ms"}, "poll.interval: seen '1d1ms'", id="interval-high"),
        pytest.param({"interval": "0"}, "poll.interval: seen 0 (a number)", id="interval-zero"),
        pytest.param({"interval": "1:30"}, "poll.interval: seen 1:30 (a number)", id="base-sixty"),
        pytest.param({"interval": "no"}, "poll.interval: seen no (a boolean)", id="boolean"),
        pytest.param({"timeout": "99ms"}, "poll.timeout: seen '99ms'", id="timeout-low"),
        pytest.param({"timeout": "1m1ms"}, "poll.timeout: seen '1m1ms'", id="timeout-high"),
        pytest.param({"stale_after": "2m59s"}, "poll.stale_after: seen '2m59s'", id="stale-low"),
        pytest.param({"stale_after": "31d"}, "poll.stale_after: seen '31d'", id="stale-high"),
        pytest.param({"locked_interval": "999ms"}, "poll.locked_interval: seen '999ms'", id="locked-low"),
        pytest.param({"locked_interval": "61s"}, "poll.locked_interval: seen '61s'", id="locked-high"),
        pytest.param({"failing_interval": "59s"}, "poll.failing_interval: seen '59s'", id="failing-low"),
        pytest.param({"balance_interval": "59s"}, "poll.balance_interval: seen '59s'", id="balance-low"),
        pytest.param({"balance_interval": "5m1ms"}, "poll.balance_interval: seen '5m1ms'", id="balance-high"),
        pytest.param({"inventory_interval": "59s"}, "poll.inventory_interval: seen '59s'", id="inventory-low"),
        pytest.param({"inventory_interval": "1d1ms"}, "poll.inventory_interval: seen '1d1ms'", id="inventory-high"),
        pytest.param({"max_workers": 1025}, "poll.max_workers: seen 1025 (a number)", id="workers-high"),
        pytest.param({"max_workers": "true"}, "poll.max_workers: seen true (a boolean)", id="workers-boolean"),
        pytest.param({"max_workers": "8.0"}, "poll.max_workers: seen 8.0 (a number)", id="workers-fraction"),
    ],
)
def test_what_lies_outside_the_bounds_is_refused(
    refused: Callable[[str], list[str]],
    keys: dict[str, object],
    problem: str,
) -> None:
    """With one problem, at the key that is wrong."""
    found = refused(poll(**keys))
    assert [text.split("; accepted")[0] for text in found] == [f"1: {problem}"]
    assert "accepted: a mapping" not in found[0]


def _poll_of(text: str) -> Poll:
    return parse(text, source="dcdn.yaml", vocabulary=VOCABULARY).poll
