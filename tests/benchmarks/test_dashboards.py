"""The benchmark of the dashboards: that it asks what Grafana asks, of a fleet that the rules agree with."""

import re
from collections.abc import Callable

import pytest

from benchmarks import dashboards
from benchmarks.fleet import LOCKED_AT_ONCE, Fleet, Scenario
from benchmarks.grafana import filled, pattern


def test_it_is_left_out_where_prometheus_is_not_installed() -> None:
    """There is a note and no claim, so that the other benchmarks decide."""
    finding = dashboards.measure(find=lambda _name: None)

    assert (finding.figures, finding.claims) == ((), ())
    assert finding.notes == ("Left out: it needs prometheus (Debian: apt install prometheus).",)


@pytest.mark.parametrize(
    ("names", "written"),
    [
        pytest.param(["prod"], "prod", id="one"),
        pytest.param(["prod", "shop"], "(prod|shop)", id="two"),
        pytest.param([], "()", id="none"),
        pytest.param(["a.b (eu)"], r"a\\.b \\(eu\\)", id="special"),
        pytest.param(["o'neill"], r"o\\'neill", id="apostrophe"),
        pytest.param(["生产"], "生产", id="Chinese"),
    ],
)
def test_names_become_a_pattern_as_grafana_writes_it(names: list[str], written: str) -> None:
    """What is special in a regular expression is escaped twice, for the expression and its string."""
    assert pattern(names) == written


def test_a_backslash_finds_itself() -> None:
    """Read as a string and as a regular expression, the pattern matches the name alone."""
    in_string = pattern(["a\\b.c"])
    expression = in_string.replace("\\\\", "\\")

    assert re.fullmatch(expression, "a\\b.c")
    assert not re.fullmatch(expression, "a\\bxc")


def test_a_variable_that_is_not_known_is_an_error() -> None:
    """A query with a dollar in it would find nothing and be cheap."""
    assert filled('x{job=~"$job"}[$__range]', {"job": ".+", "__range": "6h"}) == 'x{job=~".+"}[6h]'
    with pytest.raises(KeyError, match="jobs"):
        filled('x{job=~"$jobs"}', {"job": ".+"})


def test_a_fleet_says_how_many_are_locked() -> None:
    """Few all day, and thousands in the scenario that says so."""
    assert Fleet(10_000, 2, Scenario.WELL).locked == 5
    assert Fleet(10_000, 2, Scenario.LOCKED).locked == LOCKED_AT_ONCE
    assert str(Fleet(10_000, 1, Scenario.STALE)) == "1 replica, all stale"


@pytest.mark.parametrize("scenario", Scenario)
def test_few_accounts_cost_little(scenario: Scenario, tool: Callable[[str], str]) -> None:
    """Each dashboard is opened on a real Prometheus, and what the blocks hold is what the rules give."""
    finding = dashboards.measure(accounts=20, fleets=[(2, scenario)], find=tool)

    figures = {(figure.of, figure.name) for figure in finding.figures}
    fleet = str(Fleet(20, 2, scenario))
    assert {(f"{fleet}: {name}", "CPU") for name in ("dcdn-overview", "dcdn-account", "dcdn-exporter")} < figures
    assert all(claim.holds for claim in finding.claims)
