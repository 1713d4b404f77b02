"""What a test changes of the shipped rules, and what it leaves alone."""

from __future__ import annotations

import json
import re
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.alerts.shipped import ALERTS_FILE, load
from tests.end_to_end.pace import Pace
from tests.end_to_end.posts import Posts
from tests.end_to_end.resends import resends

PACE = Pace(faster=30, every_s=0.5)


@pytest.mark.parametrize(
    ("shipped", "faster"),
    [
        pytest.param("x[15m]", "x[30000ms]", id="range"),
        pytest.param("x[30s]", "x[2000ms]", id="range of four scrapes at least"),
        pytest.param("x[6h:5m]", "x[720000ms:10000ms]", id="subquery"),
        pytest.param("x offset 1h30m", "x offset 180000ms", id="offset"),
        pytest.param("time() - x > 600", "time() - x > 20", id="seconds"),
        pytest.param("x < 48600000", "x < 1620000", id="many seconds"),
        pytest.param("count(x) >= 5 and y < 0.5 and z > 1.75", "count(x) >= 5 and y < 0.5 and z > 1.75", id="counts"),
        pytest.param('x{y="15m", z=~"600|900"}', 'x{y="15m", z=~"600|900"}', id="labels"),
        pytest.param("x:y_5m:z and x600", "x:y_5m:z and x600", id="names"),
        pytest.param("abs(x_clock_skew_seconds) > 60", "abs(x_clock_skew_seconds) > 60", id="difference of clocks"),
    ],
)
def test_times_in_expressions_are_shorter(shipped: str, faster: str) -> None:
    """All that passes, and nothing else."""
    assert PACE.expression(shipped) == faster


def test_a_number_that_is_neither_count_nor_minutes_is_no_guess() -> None:
    """What is 60 or more is taken for seconds, and a count of 100 would be changed unseen."""
    with pytest.raises(ValueError, match="100 in a rule"):
        PACE.expression("count(x) > 100")


def test_nothing_but_times_differs_in_the_shipped_rules() -> None:
    """At the pace of the shipped files, and with scrapes as often, each rule is what it was."""
    shipped = load(ALERTS_FILE)
    same = Pace(faster=1, every_s=1).rules(shipped)

    assert Pace(faster=2, every_s=1).rules(shipped) != same
    assert in_seconds(same) == in_seconds(shipped)


def in_seconds(document: dict[str, Any]) -> str:
    """The rules with durations in one unit."""
    return re.sub(
        r"\b\d+(?:ms|[smhd])\b", lambda found: Pace(faster=1).pause(found[0], least_s=0), json.dumps(document)
    )


def test_alerts_are_passed_on_until_they_have_ended_long_ago() -> None:
    """As Prometheus does, which goes on for 15 minutes."""
    now = datetime.now(UTC)
    ends = {"fires": 60, "ended": -20, "forgotten": -40}
    alerts = [
        {"labels": {"alertname": name}, "endsAt": (now + timedelta(seconds=seconds)).isoformat()}
        for name, seconds in ends.items()
    ]
    taken: list[list[str]] = []
    alertmanager = Posts(lambda _path, alerts: taken.append([alert["labels"]["alertname"] for alert in alerts]))
    with alertmanager, resends(alertmanager.address, resolved_for_s=30) as passing:
        url = f"http://{passing.address}/api/v2/alerts"
        request = urllib.request.Request(url, json.dumps(alerts).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 — ours
            assert reply.status == 200

    assert taken == [["fires", "ended"]]
