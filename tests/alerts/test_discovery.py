"""A list of members that is cut, from the answer of the API to the alert."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import yaml

from deploy.prometheus.rules.groups import ALERTS
from deploy.prometheus.rules.thresholds import DISCOVERY_STALE_S
from exporter.accounts.directory import Directory
from exporter.api.call import Caller, Unobserved
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.endpoints import Route
from exporter.api.rate_limit import Budgets
from exporter.app import VOCABULARY
from exporter.config import parse
from exporter.simulator import LIMITS, UNSET, Member, Scenario, Simulator, load_scenario
from tests.alerts.shipped import only, tried
from tests.recording_log import RecordingLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALERT = "DcdnDiscoveryStale"
SERIES = 'dcdn_exporter_discovery_last_success_timestamp_seconds{job="dcdn-exporter", instance="a", directory="main"}'
CUT = {"TotalCount": 3, "Accounts": {"Account": [{"AccountId": "1001"}, {"AccountId": "1002"}]}}
MEMBERS = ["1001", "1002", "1003"]
MANAGER = load_scenario("healthy").accounts[0]
CALLS_PER_SECOND = 10_000
CUT_FROM, CUT_UNTIL, END = 31, 180, 200  # minutes; the list is read every ten


def test_a_list_that_stays_cut_fires_in_time(
    play: Callable[..., Simulator], tool: Callable[[str], str], tmp_path: Path
) -> None:
    """The time of the last success stays, so that the alert fires as for any other failure, and ends with that."""
    limits = {**LIMITS, "ListAccounts": CALLS_PER_SECOND}  # three hours take a second here
    values = minute_by_minute(play(Scenario("a management account", (MANAGER,)), limits=limits))
    alert = next(alert for alert in ALERTS if alert.name == ALERT)
    assert alert.waits is not None
    stale_m, waits_m = int(DISCOVERY_STALE_S / 60), int(alert.waits.seconds / 60)
    moments = {
        CUT_FROM - 1 + stale_m: [],
        CUT_FROM + 1 + stale_m + waits_m: [{"labels": f'{{alertname="{ALERT}"}}', "value": 1}],
        CUT_UNTIL - 1: [{"labels": f'{{alertname="{ALERT}"}}', "value": 1}],
        CUT_UNTIL + 1: [],
    }
    expression = f'sum by (alertname) (ALERTS{{alertname="{ALERT}", alertstate="firing"}})'
    case = {
        "interval": "1m",
        "input_series": [
            {"series": SERIES, "values": " ".join(map(str, values))},
            {"series": 'dcdn_exporter_shard_ordinal{job="dcdn-exporter", instance="a"}', "values": f"0x{END}"},
        ],
        "promql_expr_test": [
            {"expr": expression, "eval_time": f"{minute}m", "exp_samples": samples}
            for minute, samples in moments.items()
        ],
    }
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(only(ALERT)), encoding="utf-8")
    whole = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [case]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    ended = tried(tool("promtool"), "test.yaml", folder=tmp_path)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def minute_by_minute(simulator: Simulator) -> list[int]:
    """The time of a directory's last success in each minute, read whenever it is due; members stay throughout."""
    now_s = 0.0
    key = Credentials(MANAGER.access_key_id, Secret(MANAGER.access_key_secret))
    text = "discovery: {resource_directories: [{name: main, role_name: reader}]}"
    (configured,) = parse(text, source="test.yaml", vocabulary=VOCABULARY).discovery.resource_directories
    caller = Caller(StaticCredentials(key), MANAGER.account_id)
    main = Directory(configured, caller=lambda: caller, now=lambda: now_s, log=RecordingLog())
    client = Client(
        {"resource_directory": Route(simulator.url)},
        budgets=Budgets({"ListAccounts": CALLS_PER_SECOND}, clock=time.monotonic),
        observer=Unobserved(),
        deadline_s=20,
        pool_size=1,
        user_agent="tests",
    )
    simulator.set_members(MANAGER.name, [Member(account_id, "shop") for account_id in MEMBERS])
    values = []
    for minute in range(END):
        now_s = minute * 60.0
        simulator.set_raw_answer(
            MANAGER.name, CUT if CUT_FROM <= minute < CUT_UNTIL else UNSET, action="ListAccounts"
        )
        if main.is_due():
            main.refresh(client)
        assert [member.account_id for member in main.members] == MEMBERS
        values.append(int(main.last_success_at))
    client.close()
    return values
