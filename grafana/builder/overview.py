"""The overview: which services need somebody, what billing will change and when, and whether that can be believed."""

from grafana_foundation_sdk.builders import dashboard, stat, statetimeline, timeseries

from deploy.prometheus.rules.dashboard_recordings import STATE_PROBES
from deploy.prometheus.rules.expressions import COUNT, LOCK, POLLED, STALE
from deploy.prometheus.rules.thresholds import DAY_S
from grafana.builder import queries
from grafana.builder.addresses import OVERVIEW_UID
from grafana.builder.annotations import OF_MANY_ACCOUNTS
from grafana.builder.balance_lines import balance_lines
from grafana.builder.beside_lock import findings, least_well, tiles
from grafana.builder.billing_table import billing_changes
from grafana.builder.frame import Row, framed
from grafana.builder.mappings import (
    CRITICAL,
    FINE,
    INFO,
    NONE_KNOWN,
    UNCOLOURED,
    UNKNOWN,
    WARNING,
    WHERE_POLLED,
    names,
)
from grafana.builder.mappings import STATUS as STATUS_NAMES
from grafana.builder.panels import NO_DATA, RECORDED, WIDTH, alert_links, field, lines, query, stat_panel, timeline
from grafana.builder.selectors import SERVICE, best, recorded, within_range
from grafana.builder.service_table import services
from grafana.builder.thresholds import CHANGE_AHEAD_S, CHANGES, SHOWN
from grafana.builder.variables import accounts, chosen, counted, datasource, instance, job, products

_EIGHTH = WIDTH // 8


def overview() -> dashboard.Dashboard:
    """All accounts on one page."""
    return framed(
        "Which services are locked or about to be, what billing will change and when, and whether "
        "that can be believed.",
        OVERVIEW_UID,
        variables=(
            datasource(),
            job(),
            instance(),
            accounts(),
            products(),
            chosen(queries.NEEDING, queries.most_needing()),
            counted(queries.KNOWN, queries.services_known()),
            counted(queries.LEFT_OUT, queries.rows_left_out()),
            counted(queries.UNKNOWN, queries.services_unknown()),
            chosen(queries.CHANGING, queries.next_changing()),
            chosen(queries.TROUBLED, queries.longest_troubled()),
            chosen(queries.LOCKED, queries.longest_locked()),
            chosen(queries.POOREST, queries.least_balances()),
            chosen(queries.BESIDE, least_well()),
        ),
        marks=OF_MANY_ACCOUNTS,
        rows=(
            Row(
                "Now",
                (
                    _locked(),
                    _overdue(),
                    _unknown(),
                    _failing(),
                    _stale(),
                    _changing(),
                    _not_activated(),
                    _services(),
                    services(),
                ),
            ),
            Row("Beside the lock", (*tiles(), findings())),
            Row("Ahead", (billing_changes(f"Billing changes ahead, the next {CHANGES}", queries.CHANGING),)),
            Row("Until now", (_status(), _locks(), _counts())),
            Row(
                "Balances",
                (balance_lines(f"Balance, and in a day: the {SHOWN // 2} least", queries.POOREST),),
                collapsed=True,
            ),
        ),
    )


def _locked() -> stat.Panel:
    return stat_panel(
        "Locked",
        "Services with any lock: traffic stops, or is about to. A lock counts until an answer says otherwise.",
        f"count({queries.locked()}) or {NONE_KNOWN} + 0 * {queries.unsure()} or {queries.none()}",
        steps=((None, FINE), (1, CRITICAL)),
        named=WHERE_POLLED[:1],
        width=_EIGHTH,
    ).links(alert_links("DcdnServiceLockedFinancial", "DcdnServiceLockedOther"))


def _overdue() -> stat.Panel:
    return stat_panel(
        "Overdue",
        "Services for which the time to pay a debt is over: the lock follows. Known of those whose debt_status is "
        "polled.",
        queries.where_polled(
            queries.needing("DcdnInDebtOverdue"),
            lambda record: recorded(record, probe="debt_status"),
            queries.unsure(),
        ),
        steps=((None, FINE), (1, CRITICAL)),
        named=WHERE_POLLED,
        width=_EIGHTH,
    ).links(alert_links("DcdnInDebtOverdue", "DcdnInDebt"))


def _unknown() -> stat.Panel:
    return stat_panel(
        "Unknown",
        "Services of which no state is known that is young enough to be believed, and those of exporters that are "
        "down: a lock would not be seen.",
        f"{queries.unknown()} or {queries.none()}",
        steps=((None, FINE), (1, UNKNOWN)),
        width=_EIGHTH,
    ).links(alert_links("DcdnDataStale", "DcdnAccountsUnwatched"))


def _failing() -> stat.Panel:
    return stat_panel(
        "Failing",
        "Probes whose last poll got no answer from any replica: what is shown of them is the last that was known.",
        f"count({recorded(POLLED)} == 0) or {queries.none()}",
        steps=((None, FINE), (1, WARNING)),
        width=_EIGHTH,
    ).links(alert_links("DcdnPollFailing", "DcdnAuthFailing", "DcdnPermissionMissing"))


def _stale() -> stat.Panel:
    return stat_panel(
        "Stale",
        "Probes whose last answer is too old to be shown, also those that never had one for as long.",
        f"count({recorded(STALE)}) or {queries.none()}",
        steps=((None, FINE), (1, CRITICAL)),
        width=_EIGHTH,
    ).links(alert_links("DcdnDataStale"))


def _changing() -> stat.Panel:
    return stat_panel(
        f"Changes in {CHANGE_AHEAD_S // DAY_S} days",
        "Services that will be billed by another method soon; a submitted change cannot be withdrawn.",
        f"count({queries.time_left()} < {CHANGE_AHEAD_S}) or {queries.none()}",
        steps=((None, UNCOLOURED), (1, INFO)),
        width=_EIGHTH,
    ).links(alert_links("DcdnChargeTypeChangeSoon"))


def _not_activated() -> stat.Panel:
    return stat_panel(
        "Not activated",
        "Services that were never opened, or are open no more, by their last answers. That is a state and no "
        "failure; an alert tells of those that were active before.",
        f"{queries.not_activated()} or {queries.none()}",
        steps=((None, UNCOLOURED),),
        width=_EIGHTH,
    ).links(alert_links("DcdnServiceDeactivated"))


def _services() -> stat.Panel:
    return stat_panel(
        "Services",
        "Services that are polled, or were until their exporter went, each counted once whatever its replicas.",
        f"count({best(SERVICE, recorded(POLLED, probe=STATE_PROBES))} or {queries.lost()})",
        steps=((None, UNCOLOURED),),
        width=_EIGHTH,
    )


def _status() -> statetimeline.Panel:
    return timeline(
        f"Status, the {SHOWN} worst",
        f"The status of the services that were locked or unknown within the time shown, those that were for longest "
        f"first, {SHOWN} accounts at most; on a fleet that is well there are none. Unknown: no answer that is young "
        "enough to be believed.",
        (query(queries.worst_first(queries.status(queries.TROUBLED), queries.TROUBLED), "{{account}} {{product}}"),),
        mappings=(names(*STATUS_NAMES),),
        empty=f"no service is known that was locked or unknown, or {NO_DATA}",
        size=(WIDTH, 9),
    ).interval(RECORDED)


def _locks() -> statetimeline.Panel:
    held = within_range(recorded(LOCK, queries.LOCKED), "count_over_time")
    return timeline(
        "Locks by reason",
        f"Each lock for as long as it holds, of the {SHOWN} accounts that were locked for longest. It holds until an "
        "answer says otherwise.",
        (
            query(queries.locks(queries.LOCKED), "{{account}} {{product}}: {{reason}}"),
            query(f"({queries.none()}) unless on () count({held})", "no lock", "B"),
        ),
        mappings=(names((0, "none", FINE), (1, "locked", CRITICAL)),),
        size=(WIDTH // 2, 9),
    ).links(alert_links("DcdnLockedTooLong"))


def _counts() -> timeseries.Panel:
    counts = lines(
        "Services that are not active, of all accounts",
        "How many services were locked, not activated or unknown, or have stopped plans, whatever accounts are "
        "chosen.",
        (query(f"sum by (status) ({recorded(COUNT, status='locked|not_activated|stopped|unknown')})", "{{status}}"),),
        unit="short",
        empty=f"no service is known that is not active, or {NO_DATA}",
        interval=RECORDED,
    )
    for status, color in (
        ("locked", CRITICAL),
        ("not_activated", INFO),
        ("stopped", f"dark-{CRITICAL}"),
        ("unknown", UNKNOWN),
    ):
        counts = counts.override_by_name(status, field(color={"mode": "fixed", "fixedColor": color}))
    return counts.height(9)
