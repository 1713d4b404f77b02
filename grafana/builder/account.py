"""The history of one account."""

from grafana_foundation_sdk.builders import common, dashboard, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as options

from deploy.prometheus.rules.expressions import within
from deploy.prometheus.rules.thresholds import CHANGE_SOON_S, CREDENTIAL_LEFT_S, POLLS_S
from grafana.builder.addresses import ACCOUNT_UID
from grafana.builder.annotations import OF_ONE_ACCOUNT
from grafana.builder.balance_lines import balance_lines
from grafana.builder.billing_table import billing_changes
from grafana.builder.frame import Row, framed
from grafana.builder.inventories import inventories
from grafana.builder.mappings import (
    ATTENTION,
    CRITICAL,
    DEBT_ROW,
    FINE,
    INFO,
    LOCK,
    QUIET,
    STATUS,
    UNCOLOURED,
    WARNING,
    YES_NO,
    names,
    nothing,
)
from grafana.builder.panels import (
    NO_DATA,
    RECORDED,
    WIDTH,
    alert_links,
    field,
    instant,
    lines,
    query,
    rows,
    stat_panel,
    timeline,
)
from grafana.builder.queries import (
    attention,
    charge_type,
    debt_row,
    lock_row,
    next_charge_type,
    polled,
    share_of_stale_after,
    status,
    time_left,
)
from grafana.builder.selectors import ACCOUNT, PROBE, SERVICE, best, of_account, of_service
from grafana.builder.service_table import merged
from grafana.builder.variables import datasource, instance, job, one_account, products


def account() -> dashboard.Dashboard:
    """Everything that is known of one account."""
    return framed(
        "The history of one account: its states and locks, its billing, its money, and how well it could be polled.",
        ACCOUNT_UID,
        variables=(datasource(), job(), instance(), one_account(), products()),
        marks=OF_ONE_ACCOUNT,
        rows=(
            Row("Now", (_attention(), _change(), _credentials(), _identity(), _services())),
            Row("States", (_states(), _age(), _results())),
            Row("Beside the lock", tuple(inventories()), collapsed=True),
            Row(
                "Billing", (_charge_types(), _next_charge_types(), billing_changes("Billing changes ahead", ACCOUNT))
            ),
            Row("Balance and use", (balance_lines("Balance, and in a day", ACCOUNT), _use()), collapsed=True),
            Row("More of polls", (_failures(), _duration()), collapsed=True),
        ),
    )


def _attention() -> stat.Panel:
    return stat_panel(
        "Attention",
        "The worst that is known of any service of the account.",
        f"max({attention()})",
        steps=((None, QUIET),),
        named=ATTENTION,
    )


def _change() -> stat.Panel:
    return stat_panel(
        "Next billing change in",
        "Time until the next change of a billing method takes effect.",
        f"min({time_left()})",
        steps=((None, INFO), (CHANGE_SOON_S, UNCOLOURED)),
        unit="s",
        empty="none known",
    ).links(alert_links("DcdnChargeTypeChangeSoon"))


def _credentials() -> stat.Panel:
    expiry = best("account", of_account("dcdn_exporter_credential_expiry_timestamp_seconds"))
    return stat_panel(
        "Credentials end in",
        "Time until the temporary credentials in hand end; they are renewed long before. Keys of a user have no end.",
        f"min({expiry} - time())",
        steps=((None, CRITICAL), (CREDENTIAL_LEFT_S, FINE)),
        unit="s",
        empty="no end known",
    ).links(alert_links("DcdnCredentialExpiring"))


def _identity() -> table.Panel:
    info = best("account, account_id, account_name, site", of_account("dcdn_account_info"))
    columns = {"account": "Account", "account_id": "Id", "account_name": "Name", "site": "Site"}
    return (
        rows(
            "Identity",
            "Who the account is to Alibaba Cloud: the id to name in a ticket, its name in the resource "
            "directory, its site.",
            (instant(f'label_replace({info}, "account_name", "-", "account_name", "")'),),
            empty=NO_DATA,
            size=(12, 4),
        )
        .transformations(merged(columns, ("Time", "Value")))
        .override_by_name("Site", field(width=100))
    )


def _services() -> table.Panel:
    opened = f"{best(SERVICE, of_service('dcdn_service_opening_timestamp_seconds'))} * 1000 or {polled()} * NaN"
    instance_id = best(f"{SERVICE}, instance_id", of_service("dcdn_service_info"))
    columns = {"product": "Product", "Value #B": "Status", "instance_id": "Instance", "Value #D": "Opened"}
    return (
        rows(
            "Services",
            "The services of the account: their status, the instance that a ticket names, and when they were opened.",
            (
                instant(status(), "B"),
                instant(
                    f'{instance_id} or on ({SERVICE}) label_replace({polled()}, "instance_id", "-", "", "")', "C"
                ),
                instant(opened, "D"),
            ),
            empty=NO_DATA,
            size=(WIDTH, 5),
        )
        .transformations(merged(columns, ("Time", "account", "Value #C")))
        .override_by_name("Status", field(mappings=[names(*STATUS)], cell={"type": "color-text"}))
        .override_by_name("Opened", field(unit="dateTimeAsIso", mappings=[nothing("-")]))
    )


def _states() -> statetimeline.Panel:
    return timeline(
        "Status, locks and debt",
        "Status: unknown is no answer that is young enough to be believed. Locks: a gap is a time for which nothing "
        "is known. In debt: a payment is overdue. Overdue: the time to make up for that is over too, and the lock "
        "follows.",
        (
            query(status(), "{{product}} status"),
            query(lock_row(), "{{product}} lock: {{reason}}", "B"),
            query(debt_row(), "{{product}} debt", "C"),
        ),
        mappings=(names(*STATUS, *LOCK, *DEBT_ROW),),
        size=(WIDTH, 8),
    ).links(
        alert_links(
            "DcdnServiceLockedFinancial",
            "DcdnServiceLockedOther",
            "DcdnServiceDeactivated",
            "DcdnInDebt",
            "DcdnInDebtOverdue",
            "DcdnDataStale",
        )
    )


def _use() -> statetimeline.Panel:
    def each(metric: str, what: str) -> str:
        return f'label_replace({best(SERVICE, of_service(metric))}, "asked", "{what}", "", "")'

    return timeline(
        "Can it be used",
        "What the API says itself: whether the service is activated, and whether it can be used.",
        (
            query(
                f"{each('dcdn_service_enabled', 'activated')} or {each('dcdn_service_available', 'usable')}",
                "{{product}} {{asked}}",
            ),
        ),
        mappings=(names(*YES_NO),),
        empty=f"it is not known (debt_status: true polls it), or {NO_DATA}",
        size=(WIDTH // 2, 8),
    )


def _charge_types() -> statetimeline.Panel:
    return timeline(
        "Billed by",
        "The billing method of each service over time.",
        (query(charge_type(), "{{product}}: {{charge_type}}"),),
        mappings=(names((1, "in use", INFO)),),
        empty=f"no billing method is known, or {NO_DATA}",
    ).links(alert_links("DcdnChargeTypeChanged"))


def _next_charge_types() -> statetimeline.Panel:
    return timeline(
        "Will be billed by",
        "The billing method to come, for as long as it was pending.",
        (query(next_charge_type(), "{{product}}: {{next_charge_type}}"),),
        mappings=(names((1, "pending", INFO)),),
        empty=f"no change is known to have been pending, or {NO_DATA}",
    ).links(alert_links("DcdnChargeTypeChangeScheduled"))


def _age() -> timeseries.Panel:
    return lines(
        "Age of the data, of its limit",
        "How old the last answer is, as a share of the age past which it is not shown any more.",
        (query(share_of_stale_after(PROBE), "{{product}} {{probe}}"),),
        unit="percentunit",
        steps=((None, FINE), (1, CRITICAL)),
        empty=f"no answer yet, or {NO_DATA}",
        reaches=1,
        many=True,
    ).links(alert_links("DcdnDataStale"))


def _results() -> statetimeline.Panel:
    return timeline(
        "Polls answered",
        "Whether the last poll of each probe got an answer from any replica.",
        (query(best(PROBE, of_service("dcdn_poll_success")), "{{product}} {{probe}}"),),
        mappings=(names((0, "failed", WARNING), (1, "answered", FINE)),),
        size=(WIDTH // 2, 8),
    ).links(alert_links("DcdnPollFailing", "DcdnPollsUnsteady"))


def _failures() -> timeseries.Panel:
    failed = of_service("dcdn_poll_failures_total")
    return (
        lines(
            "Failed polls by reason",
            "Polls that ended without knowing the state, over 5 minutes. The reason tells what to do; the log has "
            "the API's own words.",
            (query(f"sum by (reason) (increase({failed}{within(POLLS_S)})) > 0", "{{reason}}"),),
            unit="short",
            empty=f"no failed poll is known, or {NO_DATA}",
            interval=RECORDED,
        )
        .draw_style(options.GraphDrawStyle.BARS)
        .fill_opacity(70)
        .stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
        .links(alert_links("DcdnAuthFailing", "DcdnPermissionMissing", "DcdnThrottled"))
    )


def _duration() -> timeseries.Panel:
    return lines(
        "Duration of polls",
        "Seconds that the last poll took, without its wait for the budget; the slowest replica.",
        (query(best(PROBE, of_service("dcdn_last_poll_duration_seconds")), "{{product}} {{probe}}"),),
        unit="s",
        many=True,
    )
