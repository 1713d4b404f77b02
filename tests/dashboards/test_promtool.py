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


def test_accounts_that_are_not_known_share_no_budget(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Accounts under one id share its budget; two whose id is not known yet are not taken for one."""
    (budget,) = (query for query in queries() if query.part == "Budget used by the busiest account A")
    target = 'job="dcdn-exporter", instance="one"'
    ids = {"new": "", "newer": "", "prod": "1000000000000001", "same": "1000000000000001"}
    series = [
        {
            "series": f'dcdn_exporter_probe_info{{product="cdn", probe="service", operation="Describe", {target}}}',
            "values": "1x10",
        },
        {
            "series": f'dcdn_exporter_api_budget_calls_per_second{{operation="Describe", {target}}}',
            "values": "10x10",
        },
    ]
    for account, account_id in ids.items():
        polled = f'account="{account}", product="cdn", probe="service", {target}'
        # Five calls a second of those that are new, one of the others.
        step = 60 if account_id else 300
        series += [
            {
                "series": f'dcdn_account_info{{account="{account}", account_id="{account_id}", {target}}}',
                "values": "1x10",
            },
            {"series": f"dcdn_polls_total{{{polled}}}", "values": f"0+{step}x10"},
        ]
    expected = [{"labels": '{operation="Describe"}', "value": 0.2}]
    tried = {"expr": budget.asked({**TIMES, "__rate_interval": "4m"}), "eval_time": "10m", "exp_samples": expected}
    test = {"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [tried]}]}
    (tmp_path / "test.yaml").write_text(json.dumps(test))
    checked = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("promtool"), "test", "rules", "test.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


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
