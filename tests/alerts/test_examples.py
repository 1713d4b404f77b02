"""The configurations of Prometheus and Alertmanager that are shipped beside the rules."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from deploy.prometheus.rules.groups import ALERTS
from deploy.prometheus.rules.thresholds import (
    GROUP_WAIT_S,
    INFO_GROUP_WAIT_S,
    JOB,
    LOCK_INTERVAL_S,
    ROUTED_BY,
    SCRAPE_INTERVAL_S,
)
from exporter.config.values import parse_duration
from tests.alerts.shipped import ALERTS_FILE, ROOT, RULES_FOLDER, load, tried

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tool = Callable[[str], str]

PROMETHEUS = RULES_FOLDER / "prometheus.yaml"
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yaml"
PAGE = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")


def run(program: str, *arguments: str) -> str:
    """What a program says that ends well."""
    ended = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_prometheus_accepts_its_configuration(tool: Tool) -> None:
    """With the rules that it names."""
    assert "1 rule files found" in run(tool("promtool"), "check", "config", str(PROMETHEUS))


def test_a_dead_exporters_lock_goes_on_beside_another_clusters_exporter(tool: Tool, tmp_path: Path) -> None:
    """Where each has an instance of its own, as the page says how; with one for both the lock ends with no word."""
    documented = re.search(r"^## Several clusters\n.*?^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert documented is not None
    (tmp_path / "prometheus.yaml").write_text(documented[1], encoding="utf-8")
    run(tool("promtool"), "check", "config", str(tmp_path / "prometheus.yaml"))
    (job,) = yaml.safe_load(documented[1])["scrape_configs"]
    (target,), (rule,) = job["static_configs"][0]["targets"], job["relabel_configs"]
    assert (job["job_name"], rule["source_labels"], rule["target_label"]) == (JOB, ["__address__"], "instance")
    (tmp_path / "case.yaml").write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(ALERTS_FILE)],
                "group_eval_order": ["dcdn-lock", "dcdn-service", "dcdn-poll", "dcdn-exporter"],
                "evaluation_interval": "1m",
                "tests": [
                    one_of_two_clusters_dies(own, other, firing)
                    for own, other, firing in (
                        (
                            rule["replacement"].replace("$1", target),
                            rule["replacement"].replace("cluster-1", "cluster-2").replace("$1", target),
                            ["DcdnAccountsUnwatched", "DcdnReplicaFailing", "DcdnServiceLockedFinancial"],
                        ),
                        (target, target, []),
                    )
                ],
            }
        ),
        encoding="utf-8",
    )
    ended = tried(tool("promtool"), "case.yaml", folder=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def one_of_two_clusters_dies(own: str, other: str, firing: list[str]) -> dict[str, object]:
    """A case in which the exporter of a locked account dies after half an hour, and what fires half an hour later."""
    dying = f'job="{JOB}", instance="{own}", cluster="cluster-1"'
    living = f'job="{JOB}", instance="{other}", cluster="cluster-2"'
    service = 'product="cdn", probe="service"'
    series = {
        f"up{{{dying}}}": "1x29 0x30",
        f"process_start_time_seconds{{{dying}}}": "-3600x29 stale",
        f'dcdn_account_info{{{dying}, account="locked"}}': "1x29 stale",
        f'dcdn_poll_success{{{dying}, account="locked", {service}}}': "1x29 stale",
        f'dcdn_service_lock{{{dying}, account="locked", product="cdn", reason="financial"}}': "1x29 stale",
        f"up{{{living}}}": "1x60",
        f"process_start_time_seconds{{{living}}}": "-3600x60",
        f'dcdn_poll_success{{{living}, account="fine", {service}}}': "1x60",
    }
    expression = 'group by (alertname) (ALERTS{alertstate="firing"})'
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": moment,
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
            }
            for moment, names in (("29m", ["DcdnServiceLockedFinancial"]), ("1h", firing))
        ],
    }


def test_alertmanager_accepts_its_configuration(tool: Tool) -> None:
    """With the templates that it names."""
    said = run(tool("amtool"), "check-config", str(ALERTMANAGER))
    assert "1 templates" in said


def test_delays_are_those_of_the_configurations() -> None:
    """What the table of delays counts with is what is shipped, and the job is the one that the rules ask for."""
    prometheus, route = load(PROMETHEUS), load(ALERTMANAGER)["route"]
    assert parse_duration(prometheus["global"]["scrape_interval"]) == SCRAPE_INTERVAL_S
    assert parse_duration(prometheus["global"]["evaluation_interval"]) == LOCK_INTERVAL_S
    # A route without one has that of the routes above it.
    waits = {
        str(matcher): each.get("group_wait", route["group_wait"])
        for each in route["routes"]
        for matcher in each["matchers"]
    }
    info_wait = waits.pop('severity="info"')
    assert {parse_duration(wait) for wait in (route["group_wait"], *waits.values())} == {GROUP_WAIT_S}
    assert parse_duration(info_wait) == INFO_GROUP_WAIT_S
    assert [job["job_name"] for job in prometheus["scrape_configs"]] == [JOB]


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        pytest.param({"severity": "critical"}, "pager", id="critical"),
        pytest.param({"severity": "warning"}, "operators", id="warning"),
        pytest.param({"severity": "info"}, "log", id="info"),
        pytest.param({"severity": "critical", "team": "video"}, "team-video,pager", id="a team's, critical"),
        pytest.param({"severity": "info", "team": "video"}, "team-video,log", id="a team's, info"),
        pytest.param({"severity": "warning", "team": "other"}, "operators", id="another team's"),
        pytest.param(
            {"alertname": "DcdnInDebt", "severity": "warning", "site": "china", "team": "video"},
            "team-video,pager",
            id="a debt, China",
        ),
        pytest.param(
            {"alertname": "DcdnInDebt", "severity": "warning", "site": "international"},
            "operators",
            id="a debt, abroad",
        ),
        pytest.param(
            {"alertname": "DcdnBalanceSpent", "severity": "warning", "site": "china"}, "pager", id="no money, China"
        ),
    ],
)
def test_alerts_reach_who_has_to_hear_of_them(labels: dict[str, str], receivers: str, tool: Tool) -> None:
    """By severity, and the team of the account too."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    said = run(tool("amtool"), "config", "routes", "test", f"--config.file={ALERTMANAGER}", *pairs)
    assert said.strip() == receivers


def test_the_page_names_the_receivers_that_have_example_addresses() -> None:
    """All that the shipped configuration uses: nothing arrives before they are replaced."""
    receivers = {receiver["name"] for receiver in load(ALERTMANAGER)["receivers"]}
    [sentence] = re.findall(r"The active receivers are examples: ([^.]+)\.", PAGE)

    assert set(re.findall(r"`([\w-]+)`", sentence)) == receivers


def test_the_alert_that_the_page_sends_by_hand_reaches_the_pager(tool: Tool) -> None:
    """It has the labels of a lock, whose name and job are ours."""
    [command] = re.findall(r"^amtool alert add .*$", PAGE, re.MULTILINE)
    pairs = [word for word in command.split() if re.match(r"[a-z]+=", word)]
    labels = dict(pair.split("=") for pair in pairs)
    said = run(tool("amtool"), "config", "routes", "test", f"--config.file={ALERTMANAGER}", *pairs)

    assert said.strip() == "pager"
    assert labels["alertname"] in {alert.name for alert in ALERTS}
    assert labels["job"] == JOB


def test_an_outage_is_told_before_what_it_mutes() -> None:
    """An alert that was sent before would lose its end: what ends while it is muted is not sent."""
    muted = {
        name
        for inhibition in load(ALERTMANAGER)["inhibit_rules"]
        if "DcdnFleetFailing" in inhibition["source_matchers"][0]
        for name in re.findall(r"Dcdn\w+", str(inhibition["target_matchers"]))
    }
    waits_s = {alert.name: alert.waits.seconds for alert in ALERTS}
    assert {"DcdnPollFailing", "DcdnDataStale", "DcdnAuthFailing"} < muted
    assert all(waits_s["DcdnFleetFailing"] < waits_s[name] for name in muted)


def test_the_outage_of_a_probe_hides_no_other_one() -> None:
    """What is muted mutes others all the same: each alert about polls mutes those of its own probe alone."""
    about_polls = {"DcdnFleetFailing", "DcdnAuthFailing", "DcdnPermissionMissing", "DcdnDataStale", "DcdnPollFailing"}
    between = [
        inhibition["equal"]
        for inhibition in load(ALERTMANAGER)["inhibit_rules"]
        if all(
            about_polls & set(re.findall(r"Dcdn\w+", str(inhibition[matchers])))
            for matchers in ("source_matchers", "target_matchers")
        )
        and "DcdnExporterDown" not in str(inhibition)
    ]
    assert len(between) == 4
    assert [equal for equal in between if not {"job", "cluster", "product", "probe"} < set(equal)] == []


def test_inhibitions_and_routes_name_what_there_is() -> None:
    """No alert that was renamed stands in a matcher, and no label that alerts do not carry."""
    configuration = load(ALERTMANAGER)
    matchers = [
        matcher
        for inhibition in configuration["inhibit_rules"]
        for matcher in (*inhibition["source_matchers"], *inhibition["target_matchers"])
    ]
    named = {name for matcher in matchers for name in re.findall(r"Dcdn\w+", matcher)}
    assert named <= {alert.name for alert in ALERTS}
    carried = {"alertname", "severity", "job", "cluster", "account", "product", "probe", *ROUTED_BY}
    labels = {re.split("[=!]", matcher)[0] for matcher in matchers}
    labels |= {
        re.split("[=!]", matcher)[0] for route in configuration["route"]["routes"] for matcher in route["matchers"]
    }
    labels |= {label for inhibition in configuration["inhibit_rules"] for label in inhibition.get("equal", [])}
    labels |= set(configuration["route"]["group_by"])
    assert labels <= carried
