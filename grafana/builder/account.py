"""The history of one account."""

from grafana_foundation_sdk.builders import common, dashboard, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as options

from deploy.prometheus.rules.thresholds import CHANGE_SOON_S, CREDENTIAL_LEFT_S
from grafana.builder.addresses import ACCOUNT_UID
from grafana.builder.balance_lines import balance_lines
from grafana.builder.billing_table import billing_changes
from grafana.builder.frame import framed
from grafana.builder.mappings import (
    ATTENTION,
    CRITICAL,
    DEBT,
    FINE,
    INFO,
    PLAIN,
    STATUS,
    WARNING,
    YES_NO,
    names,
    nothing,
)
from grafana.builder.panels import (
    NO_EXPORTER,
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
    debt,
    locks,
    next_charge_type,
    share_of_stale_after,
    status,
    time_left,
)
from grafana.builder.selectors import PROBE, SERVICE, best, of_account, of_service
from grafana.builder.service_table import merged
from grafana.builder.variables import datasource, instance, job, one_account, products


def account() -> dashboard.Dashboard:
    """Everything that is known of one account."""
    return framed(
        "The history of one account: its states and locks, its billing, its money, and how well it could be polled.",
        ACCOUNT_UID,
        variables=(datasource(), job(), instance(), one_account(), products()),
        rows=(
            ("Now", (_attention(), _change(), _credentials(), _identity(), _services())),
            ("States", (_status(), _locks(), _debt(), _use())),
            (
                "Billing",
                (_charge_types(), _next_charge_types(), billing_changes(), balance_lines("Balance, and in a day")),
            ),
            ("Polls", (_age(), _failures(), _duration(), _results())),
        ),
    )


def _attention() -> stat.Panel:
    return stat_panel(
        "Attention",
        "The worst that is known of any service of the account.",
        f"max({attention()})",
        steps=((None, PLAIN),),
    ).mappings([names(*ATTENTION)])


def _change() -> stat.Panel:
    return stat_panel(
        "Next billing change in",
        "Time until the next change of a billing method takes effect.",
        f"min({time_left()})",
        steps=((None, INFO), (CHANGE_SOON_S, FINE)),
        unit="s",
        empty="none",
    ).links(alert_links("DcdnChargeTypeChangeSoon"))


def _credentials() -> stat.Panel:
    expiry = best("account", of_account("dcdn_exporter_credential_expiry_timestamp_seconds"))
    return stat_panel(
        "Credentials end in",
        "Time until the temporary credentials in hand end; they are renewed long before. Keys of a user do not end.",
        f"min({expiry} - time())",
        steps=((None, CRITICAL), (CREDENTIAL_LEFT_S, FINE)),
        unit="s",
        empty="they do not end",
    ).links(alert_links("DcdnCredentialExpiring"))


def _identity() -> table.Panel:
    info = best("account, account_id, account_name, site", of_account("dcdn_account_info"))
    columns = {"account": "Account", "account_id": "Id", "account_name": "Name", "site": "Site"}
    return rows(
        "Identity",
        "Who the account is to Alibaba Cloud: the id to name in a ticket, its name in the resource "
        "directory, its site.",
        (instant(info),),
        empty=NO_EXPORTER,
        size=(12, 4),
    ).transformations(merged(columns, ("Time", "Value")))


def _services() -> table.Panel:
    opened = f"{best(SERVICE, of_service('dcdn_service_opening_timestamp_seconds'))} * 1000"
    columns = {"product": "Product", "Value #B": "Status", "instance_id": "Instance", "Value #D": "Opened"}
    return (
        rows(
            "Services",
            "The services of the account: their status, the instance that a ticket names, and when they were opened.",
            (
                instant(status(), "B"),
                instant(best(f"{SERVICE}, instance_id", of_service("dcdn_service_info")), "C"),
                instant(opened, "D"),
            ),
            empty=NO_EXPORTER,
            size=(WIDTH, 5),
        )
        .transformations(merged(columns, ("Time", "account", "Value #C")))
        .override_by_name("Status", field(mappings=[names(*STATUS)], cell={"type": "color-text"}))
        .override_by_name("Instance", field(mappings=[nothing("-")]))
        .override_by_name("Opened", field(unit="dateTimeAsIso", mappings=[nothing("-")]))
    )


def _status() -> statetimeline.Panel:
    return timeline(
        "Status",
        "Unknown: no answer that is young enough to be believed.",
        status(),
        "{{product}}",
        mappings=(names(*STATUS),),
    ).links(alert_links("DcdnServiceDeactivated", "DcdnDataStale"))


def _locks() -> statetimeline.Panel:
    return timeline(
        "Locks by reason",
        "Each lock for as long as it holds. An interruption is a release, or a time for which nothing is known.",
        locks(),
        "{{product}}: {{reason}}",
        mappings=(names((1, "locked", CRITICAL)),),
        empty="no lock in the time shown",
    ).links(alert_links("DcdnServiceLockedFinancial", "DcdnServiceLockedOther"))


def _debt() -> statetimeline.Panel:
    return timeline(
        "Debt",
        "In debt: a payment is overdue. Overdue: the time to make up for that is over too, and the lock follows.",
        debt(),
        "{{product}}",
        mappings=(names(*DEBT),),
        empty="debts are not polled (debt_status: true does it)",
    ).links(alert_links("DcdnInDebt", "DcdnInDebtOverdue"))


def _use() -> statetimeline.Panel:
    def each(metric: str, what: str) -> str:
        return f'label_replace({best(SERVICE, of_service(metric))}, "asked", "{what}", "", "")'

    return timeline(
        "Can it be used",
        "What the API says itself: whether the service is activated, and whether it can be used.",
        f"{each('dcdn_service_enabled', 'activated')} or {each('dcdn_service_available', 'usable')}",
        "{{product}} {{asked}}",
        mappings=(names(*YES_NO),),
        empty="debts are not polled (debt_status: true does it)",
    )


def _charge_types() -> statetimeline.Panel:
    return timeline(
        "Billed by",
        "The billing method of each service over time.",
        charge_type(),
        "{{product}}: {{charge_type}}",
        mappings=(names((1, "in use", INFO)),),
        empty="no billing method is known",
    ).links(alert_links("DcdnChargeTypeChanged"))


def _next_charge_types() -> statetimeline.Panel:
    return timeline(
        "Will be billed by",
        "The billing method to come, for as long as it was pending.",
        next_charge_type(),
        "{{product}}: {{next_charge_type}}",
        mappings=(names((1, "pending", INFO)),),
        empty="no change was pending in the time shown",
    ).links(alert_links("DcdnChargeTypeChangeScheduled"))


def _age() -> timeseries.Panel:
    return lines(
        "Age of the data, of its limit",
        "How old the last answer is, as a share of the age past which it is not shown any more.",
        (query(share_of_stale_after(PROBE), "{{product}} {{probe}}"),),
        unit="percentunit",
        steps=((None, FINE), (1, CRITICAL)),
        empty="no answer yet",
        reaches=1,
    ).links(alert_links("DcdnDataStale"))


def _results() -> statetimeline.Panel:
    return timeline(
        "Polls answered",
        "Whether the last poll of each probe got an answer from any replica.",
        best(PROBE, of_service("dcdn_poll_success")),
        "{{product}} {{probe}}",
        mappings=(names((0, "failed", WARNING), (1, "answered", FINE)),),
    ).links(alert_links("DcdnPollFailing", "DcdnPollsUnsteady"))


def _failures() -> timeseries.Panel:
    failed = of_service("dcdn_poll_failures_total")
    return (
        lines(
            "Failed polls by reason",
            "Polls that ended without knowing the state. The reason tells what to do; the log has "
            "the API's own words.",
            (query(f"sum by (reason) (increase({failed}[$__rate_interval])) > 0", "{{reason}}"),),
            unit="short",
            empty="no poll failed",
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
    )
