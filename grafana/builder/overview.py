"""The overview: which services need somebody, what billing will change and when, and whether that can be believed."""

from grafana_foundation_sdk.builders import dashboard, stat, statetimeline

from deploy.prometheus.rules.thresholds import DAY_S
from grafana.builder.addresses import OVERVIEW_UID
from grafana.builder.balance_lines import balance_lines
from grafana.builder.billing_table import billing_changes
from grafana.builder.frame import framed
from grafana.builder.mappings import CRITICAL, FINE, INFO, STATUS, WARNING, names
from grafana.builder.panels import alert_links, stat_panel, timeline
from grafana.builder.queries import locks, status, time_left, worst_in_range
from grafana.builder.selectors import PROBE, SERVICE, best, of_exporter, of_service, within_range
from grafana.builder.service_table import services
from grafana.builder.thresholds import CHANGE_AHEAD_S, SHOWN
from grafana.builder.variables import accounts, datasource, instance, job, products

NO_DEBT = "debts are not polled (debt_status: true does it)"


def overview() -> dashboard.Dashboard:
    """All accounts on one page."""
    return framed(
        "Which services are locked or about to be, what billing will change and when, and whether "
        "that can be believed.",
        OVERVIEW_UID,
        variables=(datasource(), job(), instance(), accounts(), products()),
        rows=(
            ("Now", (_locked(), _overdue(), _changing(), _not_activated(), _failing(), _stale(), services())),
            ("Ahead", (billing_changes(), balance_lines(f"Balance, and in a day: the {SHOWN // 2} least"))),
            ("Until now", (_status(), _locks())),
        ),
    )


def _locked() -> stat.Panel:
    return stat_panel(
        "Locked",
        "Services with any lock: traffic stops, or is about to.",
        f"sum({best(SERVICE, of_service('dcdn_service_status', status='locked'))})",
        steps=((None, FINE), (1, CRITICAL)),
    ).links(alert_links("DcdnServiceLockedFinancial", "DcdnServiceLockedOther"))


def _overdue() -> stat.Panel:
    return stat_panel(
        "Overdue",
        "Services for which the time to pay a debt is over: the lock follows. Known where debt_status is polled.",
        f"sum({best(SERVICE, of_service('dcdn_service_in_debt_overdue'))})",
        steps=((None, FINE), (1, CRITICAL)),
        empty=NO_DEBT,
    ).links(alert_links("DcdnInDebtOverdue", "DcdnInDebt"))


def _changing() -> stat.Panel:
    return stat_panel(
        f"Changes in {CHANGE_AHEAD_S // DAY_S} days",
        "Services that will be billed by another method soon; a submitted change cannot be withdrawn.",
        f"count({time_left()} < {CHANGE_AHEAD_S}) or 0 * sum({best(SERVICE, of_service('dcdn_service_status'))})",
        steps=((None, FINE), (1, INFO)),
    ).links(alert_links("DcdnChargeTypeChangeSoon"))


def _not_activated() -> stat.Panel:
    return stat_panel(
        "Not activated",
        "Services that were never opened, or are open no more. That is a state and no failure; an "
        "alert tells of those "
        "that were active before.",
        f"sum({best(SERVICE, of_service('dcdn_service_status', status='not_activated'))})",
        steps=((None, FINE), (1, INFO)),
    ).links(alert_links("DcdnServiceDeactivated"))


def _failing() -> stat.Panel:
    return stat_panel(
        "Failing",
        "Probes whose last poll got no answer from any replica: what is shown of them is the last that was known.",
        f"sum({best(PROBE, of_service('dcdn_poll_success'))} == bool 0)",
        steps=((None, FINE), (1, WARNING)),
    ).links(alert_links("DcdnPollFailing", "DcdnAuthFailing", "DcdnPermissionMissing"))


def _stale() -> stat.Panel:
    limit = f"max by (job, instance) ({of_exporter('dcdn_exporter_poll_stale_after_seconds')})"
    age = f"time() - {of_service('dcdn_last_success_timestamp_seconds')}"
    return stat_panel(
        "Stale",
        "Probes whose last answer is too old to be shown, or that never had one: a lock would not be seen.",
        f"sum(min by ({PROBE}) ({age} - on (job, instance) group_left () {limit}) > bool 0)",
        steps=((None, FINE), (1, CRITICAL)),
    ).links(alert_links("DcdnDataStale"))


def _status() -> statetimeline.Panel:
    return timeline(
        f"Status, the {SHOWN} worst",
        f"The status of the services that were locked or unknown for the largest parts of the time shown, {SHOWN} at "
        "most. Unknown: no answer that is young enough to be believed.",
        f"({status()}) and on ({SERVICE}) {worst_in_range()}",
        "{{account}} {{product}}",
        mappings=(names(*STATUS),),
        height=9,
    )


def _locks() -> statetimeline.Panel:
    by = f"{SERVICE}, reason"
    longest = best(by, within_range(of_service("dcdn_service_lock"), "avg_over_time"))
    return timeline(
        "Locks by reason",
        f"Each lock for as long as it holds, {SHOWN} at most, those that held longest. An interruption is a release, "
        "or a time for which nothing is known.",
        f"({locks()}) and on ({by}) topk({SHOWN}, {longest} > 0)",
        "{{account}} {{product}}: {{reason}}",
        mappings=(names((1, "locked", CRITICAL)),),
        height=9,
        empty="no lock in the time shown",
    ).links(alert_links("DcdnLockedTooLong"))
