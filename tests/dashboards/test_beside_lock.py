"""What the dashboards show beside locks, reckoned by Prometheus' own tool with the rules."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.prometheus.rules.dashboard_inventories import INVENTORY_RECORDINGS, RUNBOOKS
from deploy.prometheus.rules.dashboard_recordings import Attention
from deploy.prometheus.rules.expressions import BESIDE as BESIDE_RECORD
from grafana.builder.beside_lock import ALERT_OF
from grafana.builder.thresholds import BESIDE
from tests.dashboards.shipped import queries
from tests.dashboards.test_promtool import TARGET, TIMES, reckoned

EXPORTER = {
    f"up{{{TARGET}}}": "1x20",
    f'dcdn_exporter_build_info{{{TARGET}, version="1"}}': "1x20",
    f"dcdn_exporter_configured_accounts{{{TARGET}}}": "1x20",
}
TABLE = "Services that need somebody, then others: 100 rows at most, $left_out more on the status page"
FINDINGS = f"Beside the lock, of the {BESIDE} accounts that need somebody most"


def polled(account: str, product: str, *probes: str) -> dict[str, str]:
    """The account with probes that are answered."""
    of_probes = {
        f'dcdn_poll_success{{{TARGET}, account="{account}", product="{product}", probe="{probe}"}}': "1x20"
        for probe in probes
    }
    return {f'dcdn_account_info{{{TARGET}, account="{account}"}}': "1x20", **of_probes}


def plans(account: str, **numbers: int) -> dict[str, str]:
    """The account with plans of ESA and nothing else."""
    counted = {
        f'dcdn_esa_plans{{{TARGET}, account="{account}", status="{status}"}}': f"{numbers.get(status, 0)}x20"
        for status in ("online", "offline", "overdue", "disable")
    }
    return {**polled(account, "esa", "plans", "postpaid_plans"), **counted}


def check(dashboard: str, part: str, *samples: tuple[str, float]) -> dict[str, Any]:
    """What a query has to give in the ninth minute."""
    (query,) = (query for query in queries() if (query.dashboard, query.part) == (dashboard, part))
    expected = [{"labels": labels, "value": value} for labels, value in samples]
    return {"expr": query.asked(TIMES), "eval_time": "9m", "exp_samples": expected}


def tiles(**numbers: int) -> list[dict[str, Any]]:
    """The overview's numbers by the first word of their title, or by both."""
    found = {query.part: query for query in queries() if query.dashboard == "dcdn-overview"}
    return [
        check(
            "dcdn-overview", next(part for part in found if part.startswith(title.replace("_", " "))), ("{}", number)
        )
        for title, number in numbers.items()
    ]


@pytest.mark.parametrize(
    ("numbers", "status", "attention", "runbook"),
    [
        pytest.param({"online": 1}, 1, Attention.NONE, "first-look", id="online"),
        pytest.param(
            {"online": 2, "overdue": 1}, 4, Attention.PARTLY_DOWN, "runbooks/DcdnEsaPlanStopped", id="stopped"
        ),
        pytest.param({}, 2, Attention.NONE, "first-look", id="without plans"),
    ],
)
def test_an_account_with_plans_alone_is_shown_as_any_other(  # noqa: PLR0917 — a case and its tools
    numbers: Mapping[str, int],
    status: int,
    attention: Attention,
    runbook: str,
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """It has a row with its status and its need, and no tile says that nothing is known."""
    row = 'account="edge", product="esa"'
    stopped = int(attention is Attention.PARTLY_DOWN)
    checks = [
        *tiles(Locked=0, Unknown=0, Failing=0, Stale=0, Services=1, Stopped_plans=stopped),
        *tiles(Overdue=-2, Expired_certificates=-2, Offline_domains=-2, Low_packages=-2, Changing_parts=-2),
        check("dcdn-overview", "variable needing", ('{account="edge"}', attention)),
        check("dcdn-overview", f"{TABLE} A", (f'{{{row}, runbook="{runbook}"}}', attention)),
        check("dcdn-overview", f"{TABLE} B", (f"{{{row}}}", status)),
        check("dcdn-account", "Attention A", ("{}", attention)),
        check("dcdn-account", "Services B", (f"{{{row}}}", status)),
    ]
    reckoned({**EXPORTER, **plans("edge", **numbers)}, checks, tool, tmp_path)


def test_plans_that_are_not_known_are_unknown(tool: Callable[[str], str], tmp_path: Path) -> None:
    """An answer that never came is no plan that is well, and of one list alone nothing is called good."""
    row = 'account="edge", product="esa"'
    fleet = {**EXPORTER, **polled("edge", "esa", "plans", "postpaid_plans")}
    fleet |= {f'dcdn_esa_plans{{{TARGET}, account="edge", status="disable"}}': "1x20"}
    checks = [
        *tiles(Unknown=1, Stopped_plans=-1, Locked=-1),
        check("dcdn-overview", f"{TABLE} B", (f"{{{row}}}", 0)),
        check("dcdn-account", "Attention A", ("{}", Attention.UNKNOWN)),
    ]
    reckoned(fleet, checks, tool, tmp_path)


def test_a_finding_needs_as_much_as_its_alert() -> None:
    """Each finding has an alert that stands beside a lock, but for the billing of a part; no alert is left over."""
    found = {recording.labels["finding"] for recording in INVENTORY_RECORDINGS if recording.record == BESIDE_RECORD}

    assert found - set(ALERT_OF) == {"billing of a part changes"}
    assert set(ALERT_OF) <= found
    assert set(ALERT_OF.values()) == set(RUNBOOKS.split("|"))


def test_a_finding_without_an_alert_comes_last(tool: Callable[[str], str], tmp_path: Path) -> None:
    """A domain that has failed its review for some minutes is listed, and no alert has told of it yet."""
    web = f'{TARGET}, account="web", product="cdn"'
    fleet = {
        **EXPORTER,
        **polled("web", "cdn", "service", "domains"),
        f'dcdn_service_status{{{web}, status="active"}}': "1x20",
        f'dcdn_domains{{{web}, status="online"}}': "9x20",
        f'dcdn_domains{{{web}, status="check_failed"}}': "1x20",
    }
    row = 'account="web", product="cdn", finding="domains not accepted", item="check_failed"'
    none = min(Attention) - 1
    reckoned(fleet, [check("dcdn-overview", f"{FINDINGS} D", (f"{{{row}}}", none))], tool, tmp_path)


def test_what_was_found_beside_a_lock_is_counted_and_listed(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Tiles count services, the table has a row for each finding with the number that it is about."""
    web = f'{TARGET}, account="web", product="cdn"'
    fleet = {
        **EXPORTER,
        **polled("web", "cdn", "service", "certificates", "domains", "resource_packages"),
        f'dcdn_service_status{{{web}, status="active"}}': "1x20",
        f"dcdn_certificate_expired_domains{{{web}}}": "3x20",
        f"dcdn_certificate_expiring_domains{{{web}}}": "0x20",
        f'dcdn_domains{{{web}, status="online"}}': "9x4 8x16",
        f'dcdn_domains{{{web}, status="offline"}}': "0x4 1x16",
        f'dcdn_resource_packages{{{web}, status="valid"}}': "1x20",
        f'dcdn_resource_package_capacity{{{web}, template="T", unit="bytes"}}': "100x20",
        f'dcdn_resource_package_remaining{{{web}, template="T", unit="bytes"}}': "4x20",
        f'dcdn_resource_package_end_timestamp_seconds{{{web}, template="T"}}': "100540x20",
    }
    row = 'account="web", product="cdn"'
    every = [
        ("certificates expired", "-", 3.0),
        ("domains offline", "-", 1.0),
        ("resource package low", "T", 0.04),
        ("resource package ends", "T", 100_000.0),
    ]

    def found(*indexes: int) -> list[tuple[str, float]]:
        named = ((f'{{{row}, finding="{what}", item="{item}"}}', value) for what, item, value in every)
        return [sample for index, sample in enumerate(named) if index in indexes]

    numbers = [
        check("dcdn-overview", f"{FINDINGS} {ref}", *found(*of))
        for ref, of in (("A", (0, 1)), ("B", (2,)), ("C", (3,)))
    ]
    for one in numbers:
        # The other rows are there without a number, which promtool does not compare.
        one["expr"] = f"({one['expr']}) >= 0"
    checks = [
        *tiles(Expired_certificates=1, Expiring_certificates=0, Offline_domains=1, Failed_domains=0),
        *tiles(Low_packages=1, Ending=1, Stopped_plans=-2, Changing_parts=0),
        check("dcdn-overview", "variable beside", ('{account="web"}', Attention.PARTLY_DOWN)),
        *numbers,
        # A certificate that expired before anybody looked is a warning.
        check(
            "dcdn-overview",
            f"{FINDINGS} D",
            *(
                (f'{{{row}, finding="{what}", item="{item}"}}', need)
                for (what, item, _), need in zip(
                    every,
                    (Attention.WARNED, Attention.PARTLY_DOWN, Attention.WARNED, Attention.WARNED),
                    strict=True,
                )
            ),
        ),
    ]
    reckoned(fleet, checks, tool, tmp_path)
