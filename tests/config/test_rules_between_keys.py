"""Rules between two keys of a section, where one of the two is wrong itself."""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("timeout: 9s", id="timeout"),
        pytest.param("stale_after: 3s", id="stale-after"),
        pytest.param("locked_interval: 2h", id="locked-interval"),
        pytest.param("failing_interval: 1s", id="failing-interval"),
        pytest.param("balance_interval: 1s", id="balance-interval"),
        pytest.param("stale_after: 3s, failing_interval: 1s", id="stale-after-and-failing-interval"),
        pytest.param("", id="alone"),
    ],
)
@pytest.mark.parametrize("interval", ["999ms", "25h", "soon", "[1m]"])
def test_a_wrong_interval_is_one_problem(refused: Callable[[str], list[str]], interval: str, other: str) -> None:
    """The keys beside it are not checked against it: the file gives no interval to check them with."""
    (problem,) = refused(f"poll: {{interval: {interval}, {other}}}\naccounts: [{{name: prod}}]")

    assert problem.startswith("1: poll.interval: seen ")


@pytest.mark.parametrize("stale_after", ["2s", "31d", "soon"])
def test_a_wrong_staleness_is_one_problem(refused: Callable[[str], list[str]], stale_after: str) -> None:
    """Whether a pause is at most half of it is not judged."""
    (problem,) = refused(
        f"poll: {{stale_after: {stale_after}, failing_interval: 15d, balance_interval: 15d}}\n"
        "accounts: [{name: prod}]"
    )

    assert problem.startswith("1: poll.stale_after: seen ")
