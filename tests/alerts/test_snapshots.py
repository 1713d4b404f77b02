"""A scrape that fails between two rules of one evaluation, at each place where that can be.

Prometheus evaluates the rules of a group one after the other, all as of one moment. A scrape that began before that
moment and fails meanwhile ends all series of its exporter as of its beginning: rules that were evaluated before see
them, and later ones do not. promtool knows no such thing; here the rules before a place read what was there some
seconds earlier.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.alerts.shipped import groups, tried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# What is scraped, and not recorded; its matchers, since the job is one of them; and its range.
_SCRAPED = re.compile(r"(?<![:\w])((?:dcdn_\w+|up|process_start_time_seconds)\{[^}]*\}(?:\[[^\]]*\])?)")
_STEP_S = 15
# The exporter ends three of these steps after this one, between two evaluations.
_THERE = 40
# What goes by what is watched now, and what is a number of a moment.
_OF_NOW = ("shown", "lost", "showing", "max", "before")

# Of two exporters one ends. It showed an account with a state of everything that is held, and one that fails.
_ENDING = (
    'dcdn_account_info{account="shop",account_id="1",account_name="",site="china",team=""} 1',
    'dcdn_account_info{account="fails",account_id="2",account_name="",site="china",team=""} 1',
    'dcdn_poll_success{account="shop",product="dcdn",probe="service"} 1',
    'dcdn_poll_success{account="shop",product="dcdn",probe="debt_status"} 1',
    'dcdn_poll_success{account="shop",product="bss",probe="balance"} 1',
    'dcdn_poll_success{account="shop",product="cdn",probe="certificates"} 1',
    'dcdn_poll_success{account="shop",product="cdn",probe="domains"} 1',
    'dcdn_poll_success{account="shop",product="cdn",probe="resource_packages"} 1',
    'dcdn_poll_success{account="shop",product="esa",probe="plans"} 1',
    'dcdn_poll_success{account="shop",product="esa",probe="postpaid_plans"} 1',
    'dcdn_poll_success{account="fails",product="dcdn",probe="service"} 0',
    'dcdn_last_poll_timestamp_seconds{account="fails",product="dcdn",probe="service"} 1',
    'dcdn_last_success_timestamp_seconds{account="fails",product="dcdn",probe="service"} 1',
    'dcdn_exporter_probe_stale_after_seconds{product="dcdn",probe="service"} 60',
    'dcdn_service_status{account="shop",product="dcdn",status="active"} 0',
    'dcdn_service_status{account="shop",product="dcdn",status="locked"} 1',
    'dcdn_service_lock{account="shop",product="dcdn",reason="financial"} 1',
    'dcdn_service_charge_type{account="shop",product="dcdn",charge_type="PayByTraffic"} 1',
    'dcdn_service_next_charge_type{account="shop",product="dcdn",charge_type="PayByBandwidth"} 1',
    'dcdn_service_component_charge_type{account="shop",product="dcdn",component="waf",charge_type="hour"} 1',
    'dcdn_service_component_next_charge_type{account="shop",product="dcdn",component="waf",charge_type="day"} 1',
    'dcdn_service_end_timestamp_seconds{account="shop",product="dcdn"} 86400',
    'dcdn_service_in_debt{account="shop",product="dcdn"} 1',
    'dcdn_service_in_debt_overdue{account="shop",product="dcdn"} 1',
    'dcdn_account_available_amount{account="shop",currency="CNY"} 1',
    'dcdn_certificate_expired_domains{account="shop",product="cdn"} 1',
    'dcdn_certificate_expiring_domains{account="shop",product="cdn"} 1',
    'dcdn_domains{account="shop",product="cdn",status="online"} 1',
    'dcdn_domains{account="shop",product="cdn",status="offline"} 1',
    'dcdn_domains{account="shop",product="cdn",status="check_failed"} 1',
    'dcdn_resource_packages{account="shop",product="cdn",status="valid"} 1',
    'dcdn_resource_package_capacity{account="shop",product="cdn",template="t",unit="bytes"} 100',
    'dcdn_resource_package_remaining{account="shop",product="cdn",template="t",unit="bytes"} 1',
    'dcdn_resource_package_end_timestamp_seconds{account="shop",product="cdn",template="t"} 86400',
    'dcdn_esa_plans{account="shop",status="online"} 1',
    'dcdn_esa_plans{account="shop",status="overdue"} 1',
    'dcdn_esa_sites{account="shop",status="offline"} 1',
    'dcdn_esa_plan_expiry_timestamp_seconds{account="shop",instance_id="plan"} 86400',
    'dcdn_esa_plan_info{account="shop",instance_id="plan",plan_name="basic",renewal="none"} 1',
    'dcdn_last_success_timestamp_seconds{account="shop",product="esa",probe="plans"} 1',
)
_STAYING = (
    'dcdn_account_info{account="other",account_id="3",account_name="",site="china",team=""} 1',
    'dcdn_poll_success{account="other",product="dcdn",probe="service"} 1',
    'dcdn_service_status{account="other",product="dcdn",status="active"} 1',
)


def _series(page: tuple[str, ...], *, instance: str, values: str) -> Iterator[dict[str, str]]:
    for line in page:
        series, value = line.rsplit(" ", 1)
        labels = f'{{job="dcdn-exporter",instance="{instance}",'
        yield {"series": series.replace("{", labels, 1), "values": values.replace("VALUE", value)}


# A replica of the one that ends: its polls fail, and it knows of no state.
_ALSO_OF_A_REPLICA = ("dcdn_account_info", "dcdn_last_success", "dcdn_exporter_probe")
_FAILING = (
    *(line for line in _ENDING if line.startswith(_ALSO_OF_A_REPLICA)),
    *(f"{line[:-1]}0" for line in _ENDING if line.startswith("dcdn_poll_success")),
)


def _inputs(*, restarts: bool, replica: bool) -> list[dict[str, str]]:
    """The series of all exporters; the one ends, or another process has taken its place that shows nothing yet."""
    start, there, always = "process_start_time_seconds{} -3600", f"VALUEx{_THERE + 2} stale", "VALUEx400"
    ends_s = (_THERE + 3) * _STEP_S
    up, started = ("1x400", f"-3600x{_THERE + 2} {ends_s}x300") if restarts else (f"1x{_THERE + 2} 0x300", there)
    return [
        *_series(("up{} 1",), instance="ends", values=up),
        *_series((start,), instance="ends", values=started.replace("VALUE", "-3600")),
        *_series(_ENDING, instance="ends", values=there),
        *_series(("up{} 1", start, *_STAYING), instance="stays", values=always),
        *(_series(("up{} 1", start, *_FAILING), instance="fails", values=always) if replica else ()),
    ]


def _holding() -> list[str]:
    """What is recorded of a state until an answer says otherwise: it reads itself."""
    return [
        rule["record"]
        for group in groups()
        for rule in group["rules"]
        if "record" in rule
        and re.search(rf"(?<![:\w]){rule['record']}(?![:\w])", rule["expr"])
        and rule["record"].rpartition(":")[2] not in _OF_NOW
    ]


def _expected() -> list[dict[str, Any]]:
    """All of it is there while the exporter is, and none has ended minutes later; what was polled is known."""
    before, after = f"{_THERE * _STEP_S}s", f"{_THERE * _STEP_S + 360}s"
    polled, lost = (f"job_account_product_probe:dcdn_poll_success:{name}" for name in ("max", "lost"))
    shown, lost_services = (f"job_instance_account_product:dcdn_poll_success:{name}" for name in ("shown", "lost"))
    return [
        {"expr": f"group({record})", "eval_time": before, "exp_samples": [{"labels": "{}", "value": 1}]}
        for record in _holding()
    ] + [
        {"expr": expression, "eval_time": after, "exp_samples": []}
        for expression in (
            *(f"{record} offset 6m unless {record}" for record in _holding()),
            f"{polled} offset 6m unless on (account, product, probe) ({polled} or {lost})",
            f"{shown} offset 6m unless on (account, product) ({shown} or {lost_services})",
        )
    ]


def _recordings() -> list[dict[str, Any]]:
    """The groups that hold states, less their alerts."""
    return [
        {**each, "rules": [rule for rule in each["rules"] if "record" in rule]}
        for each in groups()
        if each["name"] in {"dcdn-lock", "dcdn-service"}
    ]


def _earlier(rule: dict[str, Any], seconds: int) -> dict[str, Any]:
    return {**rule, "expr": _SCRAPED.sub(rf"\1 offset {seconds}s", rule["expr"])}


@pytest.mark.parametrize(
    ("restarts", "replica"),
    [(False, False), (True, False), (False, True)],
    ids=["ends", "restarts", "ends beside a replica that fails"],
)
@pytest.mark.parametrize(("group", "every_s", "earlier_s"), [("dcdn-lock", 15, 10), ("dcdn-service", 60, 30)])
def test_what_an_exporter_showed_is_held_wherever_in_an_evaluation_its_scrape_fails(
    group: str,
    every_s: int,
    earlier_s: int,
    *,
    restarts: bool,
    replica: bool,
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """Nothing that is held ends, whichever rules of the group still saw the exporter."""
    recordings = [
        rule for rule in next(each for each in groups() if each["name"] == group)["rules"] if "record" in rule
    ]
    places = range(len(recordings) + 1)
    for place in places:
        before = recordings[:place]
        rules = [
            {**each, "rules": [_earlier(rule, earlier_s) if rule in before else rule for rule in each["rules"]]}
            for each in _recordings()
        ]
        (tmp_path / f"rules-{place}.yaml").write_text(json.dumps({"groups": rules}))
        case = {
            "rule_files": [f"rules-{place}.yaml"],
            "evaluation_interval": f"{every_s}s",
            "tests": [
                {
                    "interval": f"{_STEP_S}s",
                    "input_series": _inputs(restarts=restarts, replica=replica),
                    "promql_expr_test": _expected(),
                }
            ],
        }
        (tmp_path / f"case-{place}.yaml").write_text(json.dumps(case))
    ended = tried(tool("promtool"), *(f"case-{place}.yaml" for place in places), folder=tmp_path)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("SUCCESS") == len(places)
