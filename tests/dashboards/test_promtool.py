"""The dashboards' queries, read and reckoned by Prometheus' own tool."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.prometheus.rules.dashboard_recordings import Attention
from tests.alerts.shipped import ALERTS_FILE, tried
from tests.dashboards.shipped import Query, panels, queries

TARGET = 'job="dcdn-exporter", instance="one"'
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


ODD_NAME = r"it's (eu) 100% \ a.b|c+[d] 上海"


def test_the_account_is_found_by_any_name(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Its dashboard finds an account whose name has what PromQL, Grafana or a pattern reads otherwise."""
    (panel,) = (panel for panel in panels("dcdn-account") if panel["title"] == "Polls answered")
    # How Grafana writes a variable of one value, and one that stands as it is.
    escaped = ODD_NAME.replace("\\", "\\\\").replace("'", "\\\\'")
    filled = panel["targets"][0]["expr"].replace("$account", escaped).replace("${account:raw}", ODD_NAME)
    filled = re.sub(r"\$(job|instance|product)", ".+", filled)
    labels = {"account": ODD_NAME, "product": "cdn", "probe": "service"}
    matchers = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items())
    test = {
        "tests": [
            {
                "input_series": [{"series": f"dcdn_poll_success{{{TARGET}, {matchers}}}", "values": "1"}],
                "promql_expr_test": [{"expr": filled, "exp_samples": [{"labels": f"{{{matchers}}}", "value": 1}]}],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(json.dumps(test))
    checked = tried(tool("promtool"), "test.yaml", folder=tmp_path)

    assert checked.returncode == 0, checked.stdout + checked.stderr


# One account, of an exporter that is down from the eleventh minute on.
FLEET = {
    f"up{{{TARGET}}}": "1x10 0x20",
    f'dcdn_exporter_build_info{{{TARGET}, version="1"}}': "1x10 stale",
    f"dcdn_exporter_configured_accounts{{{TARGET}}}": "1x10 stale",
    f"dcdn_exporter_total_shards{{{TARGET}}}": "1x10 stale",
    f"dcdn_exporter_shard_ordinal{{{TARGET}}}": "0x10 stale",
    f'dcdn_poll_success{{{TARGET}, account="prod", product="cdn", probe="service"}}': "1x10 stale",
    f'dcdn_service_status{{{TARGET}, account="prod", product="cdn", status="active"}}': "1x10 stale",
    f'dcdn_service_status{{{TARGET}, account="prod", product="cdn", status="locked"}}': "0x10 stale",
    f'dcdn_service_lock{{{TARGET}, account="prod", product="cdn", reason="financial"}}': "0x10 stale",
}


@pytest.mark.parametrize(
    ("minute", "shown"),
    [
        pytest.param(
            9,
            {
                "Locked": 0,
                "Overdue": -2,
                "Unknown": 0,
                "Failing": 0,
                "Stale": 0,
                "Changes in 7 days": 0,
                "Services": 1,
                "Expired certificates": -2,
                "Expiring certificates": -2,
                "Offline domains": -2,
                "Failed domains": -2,
                "Low packages": -2,
                "Stopped plans": -2,
                "Ending in 7 days": -2,
                "Changing parts": 0,
            },
            id="scraped",
        ),
        pytest.param(15, {"Locked": -1, "Unknown": 1, "Services": 1}, id="down"),
    ],
)
def test_nothing_is_well_while_the_exporter_is_down(
    minute: int, shown: dict[str, int], tool: Callable[[str], str], tmp_path: Path
) -> None:
    """Its services are unknown, and no tile says that none is locked or failing, nor that debts are not polled."""
    tiles = {
        panel["title"]: panel["targets"][0]["expr"] for panel in panels("dcdn-overview") if panel["type"] == "stat"
    }
    del tiles["Not activated"]
    checks = [
        {
            "expr": Query("dcdn-overview", title, expression).asked(TIMES),
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": "{}", "value": shown[title]}] if title in shown else [],
        }
        for title, expression in tiles.items()
    ]
    reckoned(FLEET, checks, tool, tmp_path)


@pytest.mark.parametrize(("account", "overdue"), [("prod", -2), ("watched", 0), ("prod|watched", 0)])
def test_debts_that_are_not_polled_are_not_fine(
    account: str, overdue: int, tool: Callable[[str], str], tmp_path: Path
) -> None:
    """The tile of the chosen accounts says so where the debts of others alone are polled."""
    watched = f'{TARGET}, account="watched", product="cdn"'
    fleet = FLEET | {
        f'dcdn_exporter_probe_info{{{TARGET}, product="cdn", probe="debt_status"}}': "1x20",
        f'dcdn_poll_success{{{watched}, probe="service"}}': "1x20",
        f'dcdn_poll_success{{{watched}, probe="debt_status"}}': "1x20",
        f'dcdn_service_status{{{watched}, status="active"}}': "1x20",
        f"dcdn_service_in_debt_overdue{{{watched}}}": "0x20",
    }
    (query,) = (query for query in queries() if query.part == "Overdue A")
    expected = [{"labels": "{}", "value": overdue}]
    checks = [{"expr": query.asked(TIMES, {"account": account}), "eval_time": "9m", "exp_samples": expected}]
    reckoned(fleet, checks, tool, tmp_path)


def test_a_lock_is_never_fine(tool: Callable[[str], str], tmp_path: Path) -> None:
    """From the moment on that the rules hold it, also before they record once a minute what needs somebody."""
    held = 'account_product_reason:dcdn_service_lock:held{account="prod", product="cdn", reason="financial"}'
    count = 'job_product_status:dcdn_service_status:count{job="dcdn-exporter", product="cdn", status="active"}'
    fleet = {**FLEET, held: "1x20", count: "1x20"}
    row = '{account="prod", product="cdn", runbook="runbooks/DcdnServiceLockedFinancial"}'
    expected = {
        ("dcdn-overview", "Locked A"): ("{}", 1),
        ("dcdn-overview", "Services that need somebody"): (row, Attention.LOCKED),
        ("dcdn-overview", "variable needing"): ('{account="prod"}', Attention.LOCKED),
        ("dcdn-account", "Attention A"): ("{}", Attention.LOCKED),
    }
    checks = [
        {"expr": query.asked(TIMES), "eval_time": "9m", "exp_samples": [{"labels": labels, "value": value}]}
        for query in queries()
        for (dashboard, part), (labels, value) in expected.items()
        if query.dashboard == dashboard and query.part.startswith(part) and query.part[-2:] in {" A", "ng"}
    ]
    assert len(checks) == len(expected)
    reckoned(fleet, checks, tool, tmp_path, rules=False)


def reckoned(
    fleet: Mapping[str, str],
    checks: list[dict[str, Any]],
    tool: Callable[[str], str],
    folder: Path,
    *,
    rules: bool = True,
) -> None:
    """Let promtool compare, on these series and with the rules or without."""
    (folder / "alerts.yaml").write_bytes(ALERTS_FILE.read_bytes())
    test = {
        "rule_files": ["alerts.yaml"] if rules else [],
        "group_eval_order": ["dcdn-lock", "dcdn-service", "dcdn-poll", "dcdn-exporter", "dcdn-dashboards"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in fleet.items()],
                "promql_expr_test": checks,
            }
        ],
    }
    (folder / "test.yaml").write_text(json.dumps(test))
    checked = tried(tool("promtool"), "test.yaml", folder=folder)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_exporter_that_is_down_for_longer_than_is_shown_is_not_scraped(
    tool: Callable[[str], str], tmp_path: Path
) -> None:
    """It showed nothing of itself within the range, and is missed all the same."""
    (query,) = (query for query in queries() if query.part == "Not scraped A")
    asked = query.asked(TIMES | {"__range": "5m"})
    expected = [{"labels": "{}", "value": 1}]
    reckoned(FLEET, [{"expr": asked, "eval_time": "28m", "exp_samples": expected}], tool, tmp_path)


def test_an_account_that_is_not_watched_is_not_well(tool: Callable[[str], str], tmp_path: Path) -> None:
    """With a chosen account that was renamed since, no number is shown, also while the others are well."""
    tiles = [panel["title"] for panel in panels("dcdn-overview") if panel["type"] == "stat"]
    parts = {*(f"{title} A" for title in tiles), "Locks by reason B"}
    asked = {
        query.part: query.asked(TIMES, {"account": "renamed", "locked": "()"})
        for query in queries()
        if query.dashboard == "dcdn-overview" and query.part in parts
    }
    checks = [{"expr": expression, "eval_time": "9m", "exp_samples": []} for expression in asked.values()]
    reckoned(FLEET, checks, tool, tmp_path)

    assert len(asked) == len(tiles) + 1


# What is known of the job that the rules name, and of no other.
OF_RULES = ("Accounts not polled", "Not activated", "Locked", "Overdue", "Unknown", "Failing", "Stale", "Services")


@pytest.mark.parametrize("rules", [pytest.param(True, id="of another job"), pytest.param(False, id="not loaded")])
def test_what_rules_do_not_know_is_not_shown(rules: bool, tool: Callable[[str], str], tmp_path: Path) -> None:  # noqa: FBT001 — a case
    """An exporter that they do not watch misses no account, is not well, and has none of another one's locks."""
    product = f'{TARGET}, account="prod", product="dcdn"'
    fleet = FLEET | {
        f'dcdn_poll_success{{{product}, probe="service"}}': "1x20",
        f'dcdn_service_status{{{product}, status="active"}}': "0x20",
        f'dcdn_service_status{{{product}, status="not_activated"}}': "1x20",
        f'dcdn_service_lock{{{TARGET}, account="prod", product="cdn", reason="financial"}}': "1x20",
    }
    others = {name.replace('"dcdn-exporter"', '"trial"'): values for name, values in fleet.items()}
    parts = {*(f"{title} A" for title in OF_RULES), "Locks by reason A", "Locks by reason B"}
    every = [query for query in queries() if query.part in parts and query.dashboard != "dcdn-account"]
    checks = [{"expr": query.asked(TIMES, {"job": "trial"}), "eval_time": "9m", "exp_samples": []} for query in every]
    reckoned({**fleet, **others} if rules else others, checks, tool, tmp_path, rules=rules)

    assert len(every) == len(OF_RULES) + 2
