"""The dashboards' queries, read and reckoned by Prometheus' own tool."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.dashboards.shipped import queries

TIMES = {"__interval": "15s", "__rate_interval": "1m", "__range": "6h"}


def test_every_query_parses(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Each query is PromQL, with types that fit, as Grafana sends it."""
    rules = [
        {"record": f"query_{number}", "expr": query.asked(TIMES)} for number, query in enumerate(queries(), start=1)
    ]
    (tmp_path / "queries.yaml").write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    checked = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("promtool"), "check", "rules", "queries.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.returncode, checked.stderr) == (0, "")
    assert f"{len(rules)} rules found" in checked.stdout


def test_a_forecast_is_shown_where_money_runs_out(tool: Callable[[str], str], tmp_path: Path) -> None:
    """What is left a day later is shown of an account that spends, and of none that was topped up or is new."""
    (forecast,) = (query for query in queries() if query.part == "Balance, and in a day B")
    target = 'job="dcdn-exporter", instance="one", currency="CNY"'
    series = [
        {"series": f'dcdn_account_available_amount{{account="spends", {target}}}', "values": "2400-10x420"},
        {"series": f'dcdn_account_available_amount{{account="saves", {target}}}', "values": "100+1x420"},
        {"series": f'dcdn_account_available_amount{{account="new", {target}}}', "values": "_x400 900-1x20"},
    ]
    # At 420 minutes 2400 - 4200 are left, and a day of 1440 minutes takes 14400 more. A range's end is the moment.
    expected = [{"labels": '{account="spends", currency="CNY"}', "value": -16200}]
    test = {
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series,
                "promql_expr_test": [
                    {"expr": f"round({forecast.asked(TIMES)})", "eval_time": "420m", "exp_samples": expected}
                ],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(json.dumps(test))
    checked = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("promtool"), "test", "rules", "test.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
