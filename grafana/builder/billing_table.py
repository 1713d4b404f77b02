"""The table of billing changes ahead, the next one first."""

from typing import Final

from grafana_foundation_sdk.builders import common, table

from deploy.prometheus.rules.thresholds import CHANGE_SOON_S
from grafana.builder.addresses import account_of_row
from grafana.builder.mappings import INFO, PLAIN, nothing
from grafana.builder.panels import WIDTH, alert_links, field, instant, rows, thresholds
from grafana.builder.queries import change_moment, charge_type, next_charge_type, time_left
from grafana.builder.selectors import SERVICE
from grafana.builder.service_table import merged

_COLUMNS: Final = {
    "Value #C": "In",
    "account": "Account",
    "product": "Product",
    "charge_type": "Billed by",
    "next_charge_type": "Then by",
    "Value #D": "At",
}


def billing_changes() -> table.Panel:
    """Every change that was submitted and has not taken effect."""
    coming = f"topk by ({SERVICE}) (1, {next_charge_type()})"
    pending = f"({coming} or on ({SERVICE}) {time_left()})"
    links = [{"title": "History of this account", "url": account_of_row("Account")}]
    soon = thresholds(((None, INFO), (CHANGE_SOON_S, PLAIN))).build()
    panel = rows(
        "Billing changes ahead",
        "Changes that were submitted and have not taken effect, the next one first. They cannot be withdrawn.",
        (
            instant(f"topk by ({SERVICE}) (1, {charge_type()}) and on ({SERVICE}) {pending}", "A"),
            instant(coming, "B"),
            instant(time_left(), "C"),
            instant(change_moment(), "D"),
        ),
        empty="no change is pending",
        size=(WIDTH // 2, 8),
    ).transformations(merged(_COLUMNS, ("Time", "Value #A", "Value #B")))
    return (
        panel.sort_by([common.TableSortByFieldState().display_name("In").desc(False)])
        .override_by_name(
            "In",
            field(
                unit="s",
                decimals=1,
                cell={"type": "color-text"},
                thresholds=soon,
                mappings=[nothing("no date")],
                width=90,
            ),
        )
        .override_by_name("At", field(unit="dateTimeAsIso", mappings=[nothing("no date")], width=170))
        .override_by_name("Product", field(width=90))
        .override_by_name("Account", field(links=links))
        .links(alert_links("DcdnChargeTypeChangeSoon", "DcdnChargeTypeChangeScheduled"))
    )
