"""The shipped rules on a real Prometheus, through the shipped routes of a real Alertmanager, to a webhook."""

from __future__ import annotations

import json
import re
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
@pytest.mark.waits
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
        who, what = told["annotations"]["summary"].split(": ")
        assert who in {"prod", f"prod ({account.account_id})"}, "its id, once that is learned"
        assert what == "dcdn_ipa is locked, a payment is overdue"

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


# Alerts of some accounts, as alertname, account, product, probe, site, severity and cluster; whether they are muted.
SHARED = ("DcdnFleetFailing", "", "dcdn", "service", "china", "critical", "")
MUTED = {
    ("DcdnServiceLockedFinancial", "locked", "cdn", "", "", "critical", ""): False,
    ("DcdnServiceLockedOther", "locked", "cdn", "", "", "critical", ""): False,
    # Debts that fire during a lock did so before it. They are not muted: their end would not be told.
    ("DcdnInDebt", "locked", "cdn", "", "", "warning", ""): False,
    ("DcdnInDebtOverdue", "locked", "cdn", "", "", "critical", ""): False,
    ("DcdnBalanceSpent", "locked", "", "", "", "warning", ""): False,
    ("DcdnChargeTypeChangeSoon", "locked", "cdn", "", "", "info", ""): True,
    ("DcdnBalanceRunningOut", "locked", "", "", "", "warning", ""): False,
    # What a lock takes offline is its own account's and product's.
    ("DcdnDomainsOffline", "locked", "cdn", "", "", "critical", ""): True,
    ("DcdnDomainsOffline", "locked", "dcdn", "", "", "critical", ""): False,
    ("DcdnDomainsOffline", "overdue", "cdn", "", "", "critical", ""): False,
    ("DcdnServiceLockedOther", "suspended", "dcdn", "", "", "critical", ""): False,
    ("DcdnDomainsOffline", "suspended", "dcdn", "", "", "critical", ""): True,
    ("DcdnCertificateExpired", "locked", "cdn", "", "", "critical", ""): False,
    ("DcdnInDebtOverdue", "overdue", "cdn", "", "", "critical", ""): False,
    ("DcdnInDebt", "overdue", "cdn", "", "", "warning", ""): False,
    ("DcdnChargeTypeChangeSoon", "locked", "cdn", "", "", "info", "other"): False,
    ("DcdnAuthFailing", "keyless", "cdn", "service", "", "critical", ""): False,
    ("DcdnPollFailing", "keyless", "cdn", "service", "", "warning", ""): True,
    # Credentials that end are reported first. A muted alert still mutes others.
    ("DcdnAuthFailing", "refused", "cdn", "service", "", "critical", ""): True,
    ("DcdnPollFailing", "refused", "cdn", "service", "", "warning", ""): True,
    ("DcdnCredentialExpiring", "refused", "", "", "", "critical", ""): False,
    ("DcdnDataStale", "refused", "cdn", "service", "", "critical", ""): True,
    ("DcdnDataStale", "refused", "dcdn", "service", "", "critical", ""): False,
    ("DcdnPermissionMissing", "partly", "cdn", "service", "", "warning", ""): False,
    ("DcdnPollFailing", "partly", "cdn", "service", "", "warning", ""): True,
    ("DcdnPollFailing", "partly", "cdn", "debt_status", "", "warning", ""): False,
    ("DcdnDataStale", "partly", "cdn", "service", "", "critical", ""): False,
    ("DcdnPermissionMissing", "poor", "bss", "balance", "", "warning", ""): False,
    ("DcdnDataStale", "poor", "bss", "balance", "", "warning", ""): True,
    ("DcdnDataStale", "silent", "cdn", "service", "", "critical", ""): False,
    ("DcdnPollFailing", "silent", "cdn", "service", "", "warning", ""): True,
    ("DcdnPollFailing", "silent", "cdn", "debt_status", "", "warning", ""): False,
    ("DcdnShardMissing", "", "", "", "", "critical", ""): False,
    ("DcdnAccountMissing", "", "", "", "", "critical", ""): True,
    ("DcdnAccountsUnwatched", "", "", "", "", "critical", ""): True,
    ("DcdnAccountsUnwatched", "", "", "", "", "critical", "other"): False,
    ("DcdnAccountMissing", "", "", "", "", "critical", "other"): True,
    # One outage is one page: of its accounts, site, product and probe, and no other.
    SHARED: False,
    ("DcdnPollFailing", "one", "dcdn", "service", "china", "warning", ""): True,
    ("DcdnDataStale", "one", "dcdn", "service", "china", "critical", ""): True,
    ("DcdnPermissionMissing", "one", "dcdn", "service", "china", "warning", ""): True,
    ("DcdnAuthFailing", "one", "dcdn", "service", "china", "critical", ""): True,
    # Nor by what the outage mutes: the trouble of another product would be silent.
    ("DcdnAuthFailing", "one", "cdn", "service", "china", "critical", ""): False,
    ("DcdnDataStale", "one", "dcdn_ipa", "service", "china", "critical", ""): False,
    ("DcdnServiceLockedFinancial", "one", "dcdn", "", "china", "critical", ""): False,
    ("DcdnDataStale", "two", "cdn", "service", "china", "critical", ""): False,
    ("DcdnDataStale", "two", "dcdn", "debt_status", "china", "warning", ""): False,
    ("DcdnDataStale", "two", "dcdn", "service", "international", "critical", ""): False,
    ("DcdnAuthFailing", "four", "dcdn", "service", "international", "critical", ""): False,
    ("DcdnDataStale", "two", "dcdn", "service", "china", "critical", "other"): False,
    ("DcdnFleetFailing", "", "esa", "plans", "europe", "warning", ""): False,
    ("DcdnAuthFailing", "three", "esa", "plans", "europe", "critical", ""): True,
    ("DcdnAuthFailing", "three", "esa", "postpaid_plans", "europe", "critical", ""): False,
}
# What is held while the exporter is away, or is not said of polls.
NEVER_MUTED_BY_ITS_DEATH = re.compile(r"Dcdn(ServiceLocked|InDebt|ChargeType|Balance|Domains|Certificate).*")


@pytest.mark.parametrize("source", ["DcdnExporterDown", "DcdnExporterAbsent"])
def test_alerts_are_muted_by_those_that_say_more(
    source: str, *, eventually: Eventually, tool: Callable[[str], str], tmp_path: Path
) -> None:
    """By the cause for the same account, outage or exporter alone; without the exporter, all but what is held."""
    command = [tool("prometheus-alertmanager"), *ALERTMANAGER_FLAGS]
    with ExitStack() as running:
        alertmanager_files(tmp_path, hook=running.enter_context(Webhook()).url)
        address = running.enter_context(ready(command, tmp_path))

        def muted(*fired: tuple[str, ...]) -> dict[tuple[str, ...], bool]:
            """Whether each alert is muted, once these fire as well."""
            names = ("alertname", "account", "product", "probe", "site", "severity", "cluster")
            job = {"job": "dcdn-exporter"}
            alerts = [{"labels": dict(zip(names, labels, strict=True)) | job} for labels in fired]
            url = f"http://{address}/api/v2/alerts"
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(url, json.dumps(alerts).encode(), headers)
            with urllib.request.urlopen(request, timeout=10), urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 — ours
                return {
                    tuple(alert["labels"].get(name, "") for name in names): alert["status"]["state"] == "suppressed"
                    for alert in json.load(reply)
                }

        eventually("the causes mute what they cause", lambda: muted(*MUTED) == MUTED)
        down = (source, "", "", "", "", "critical", "")
        foreign = ("NodeDown", "locked", "", "", "", "critical", "")
        everything = {
            alert: was or not (alert[-1] or NEVER_MUTED_BY_ITS_DEATH.match(alert[0])) for alert, was in MUTED.items()
        }
        everything |= {down: False, foreign: False}
        eventually("nothing else is said", lambda: muted(down, foreign) == everything)
