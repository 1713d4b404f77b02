"""The shipped rules on a real Prometheus, through the shipped routes of a real Alertmanager, to a webhook."""

from __future__ import annotations

import json
import signal
import urllib.request
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from exporter.simulator import Fault, ServiceState
from tests.end_to_end.monitoring import ALERTMANAGER_FLAGS, alertmanager_files, monitoring
from tests.end_to_end.webhook import Webhook
from tests.prometheus import ready

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

LOCKED, DOWN = "DcdnServiceLockedFinancial", "DcdnExporterDown"


@pytest.mark.rehearsal
def test_a_lock_is_told_held_through_an_outage_and_released(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """A lock reaches team and pager, no outage resolves it, the release does, and a dead exporter is no silence."""
    account = make_account("prod")
    simulator = simulate(account)
    configuration = configure(simulator.url, account, stale_after="3s")
    configuration["accounts"][0].update({"site": "china", "labels": {"team": "video"}})
    exporter = serve(configuration)

    with monitoring(exporter.address, folder=tmp_path, tool=tool) as seen:
        hook = seen.hook
        eventually("the service is well", lambda: exporter.scrape().status("prod") == "active")

        # While Prometheus still looks for its targets, which takes it five seconds.
        simulator.set_service("prod", ServiceState(locks=("financial",)))
        told = eventually("the pager hears of the lock", lambda: hook.alerts(LOCKED, "firing"))[0]
        eventually("the team hears of it", lambda: hook.alerts(LOCKED, "firing", "team-video"))
        assert told["labels"] == {
            "alertname": LOCKED,
            "job": "dcdn-exporter",
            "account": "prod",
            "product": "dcdn_ipa",
            "severity": "critical",
            "site": "china",
            "team": "video",
        }
        assert told["annotations"]["summary"] == "dcdn_ipa of prod is locked: a payment is overdue"

        # The API goes away for longer than an answer is shown.
        simulator.set_fault("prod", Fault("html_502"))
        gone_at = eventually(
            "no state is shown any more",
            lambda: seen.query("absent(dcdn_service_lock) and on () absent(dcdn_service_status)"),
        )[0]["value"][0]
        eventually(
            "the lock still fires, evaluations later",
            lambda: seen.query(f'timestamp(ALERTS{{alertname="{LOCKED}", alertstate="firing"}}) > {gone_at + 1.5}'),
        )
        assert seen.query('dcdn_poll_success{probe="service"}')[0]["value"][1] == "0"
        assert hook.alerts(LOCKED, "resolved") == []

        simulator.set_service("prod", None)
        simulator.set_fault("prod", None)
        eventually("the pager hears of the release", lambda: hook.alerts(LOCKED, "resolved"))
        assert exporter.scrape().status("prod") == "active"

        eventually(
            "the exporter is scraped",
            lambda: seen.query(f'up == 1 unless on () ALERTS{{alertname="{DOWN}"}}'),
        )
        exporter.stop(signal.SIGKILL)
        down = eventually("the pager hears that the exporter is down", lambda: hook.alerts(DOWN, "firing"))[-1]
        assert down["labels"] == {"alertname": DOWN, "job": "dcdn-exporter", "severity": "critical"}


# Alerts of five accounts and of the exporter, and whether another one says more.
MUTED = {
    ("DcdnServiceLockedFinancial", "locked", "service"): False,
    ("DcdnInDebt", "locked", "debt_status"): True,
    ("DcdnInDebtOverdue", "locked", "debt_status"): True,
    ("DcdnChargeTypeChangeSoon", "locked", "service"): True,
    ("DcdnBalanceRunningOut", "locked", "balance"): False,
    ("DcdnAuthFailing", "refused", "service"): False,
    ("DcdnPollFailing", "refused", "service"): True,
    ("DcdnCredentialExpiring", "refused", "service"): True,
    ("DcdnDataStale", "refused", "service"): False,
    ("DcdnPermissionMissing", "partly", "service"): False,
    ("DcdnPollFailing", "partly", "service"): True,
    ("DcdnPollFailing", "partly", "debt_status"): False,
    ("DcdnDataStale", "silent", "service"): False,
    ("DcdnPollFailing", "silent", "service"): True,
    ("DcdnPollFailing", "silent", "debt_status"): False,
    ("DcdnInDebtOverdue", "overdue", "debt_status"): False,
    ("DcdnInDebt", "overdue", "debt_status"): True,
    ("DcdnChargeTypeChangeSoon", "overdue", "service"): False,
    ("DcdnShardMissing", "", ""): False,
    ("DcdnAccountMissing", "", ""): True,
}


@pytest.mark.parametrize("source", ["DcdnExporterDown", "DcdnExporterAbsent"])
def test_alerts_are_muted_by_those_that_say_more(
    source: str, *, eventually: Eventually, tool: Callable[[str], str], tmp_path: Path
) -> None:
    """By the cause for the same account or exporter alone; and all of ours, and no other, while nothing is known."""
    command = [tool("prometheus-alertmanager"), *ALERTMANAGER_FLAGS]
    with ExitStack() as running:
        alertmanager_files(tmp_path, hook=running.enter_context(Webhook()).url)
        address = running.enter_context(ready(command, tmp_path))

        def muted(*fired: tuple[str, str, str]) -> dict[tuple[str, str, str], bool]:
            """Whether each alert is muted, once these fire as well."""
            names = ("alertname", "account", "probe")
            alerts = [{"labels": {**dict(zip(names, labels, strict=True)), "product": "cdn"}} for labels in fired]
            url = f"http://{address}/api/v2/alerts"
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(url, json.dumps(alerts).encode(), headers)
            with urllib.request.urlopen(request, timeout=10), urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 — ours
                return {
                    tuple(alert["labels"].get(name, "") for name in names): alert["status"]["state"] == "suppressed"
                    for alert in json.load(reply)
                }

        eventually("the causes mute what they cause", lambda: muted(*MUTED) == MUTED)
        down, foreign = (source, "", ""), ("NodeDown", "locked", "")
        everything = {**dict.fromkeys(MUTED, True), down: False, foreign: False}
        eventually("nothing else is said", lambda: muted(down, foreign) == everything)
