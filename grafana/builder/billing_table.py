"""The table of billing changes ahead, the next one first."""

from typing import Final

from grafana_foundation_sdk.builders import common, table

from deploy.prometheus.rules.thresholds import CHANGE_SOON_S
from grafana.builder.addresses import account_of_row
from grafana.builder.mappings import INFO, PLAIN, nothing
from grafana.builder.panels import NO_DATA, WIDTH, alert_links, field, instant, rows, thresholds
from grafana.builder.queries import change_moment, charge_type, next_charge_type, time_left
from grafana.builder.selectors import SERVICE, best
from grafana.builder.service_table import merged

_COLUMNS: Final = {
    "Value #C": "In",
    "account": "Account",
    "product": "Product",
    "charge_type": "Billed by",
    "next_charge_type": "Then by",
    "Value #D": "At",
}


def billing_changes(title: str, accounts: str) -> table.Panel:
    """Every change of these accounts that was submitted and has not taken effect."""
    coming = f"topk by ({SERVICE}) (1, {next_charge_type(accounts)})"
    pending = f"({coming} or on ({SERVICE}) {time_left(accounts)})"
    each = best(SERVICE, pending)
    links = [{"title": "History of this account", "url": account_of_row("Account")}]
    soon = thresholds(((None, INFO), (CHANGE_SOON_S, PLAIN))).build()
    panel = rows(
        title,
        "Changes that were submitted and have not taken effect, the next one first. They cannot be withdrawn.",
        # A method or moment that is not known leaves no column out.
        (
            instant(
                f"topk by ({SERVICE}) (1, {charge_type(accounts)}) and on ({SERVICE}) {pending} or on ({SERVICE}) "
                f'label_replace({each}, "charge_type", "-", "", "")',
                "A",
            ),
            instant(f'{coming} or on ({SERVICE}) label_replace({each}, "next_charge_type", "-", "", "")', "B"),
            instant(f"{time_left(accounts)} or {each} * NaN", "C"),
            instant(f"{change_moment(accounts)} or {each} * NaN", "D"),
        ),
        empty=f"no change is known, or {NO_DATA}",
        size=(WIDTH, 7),
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
                width=110,
            ),
        )
        .override_by_name("At", field(unit="dateTimeAsIso", mappings=[nothing("no date")], width=190))
        .override_by_name("Product", field(width=110))
        .override_by_name("Account", field(links=links))
        .links(alert_links("DcdnChargeTypeChangeSoon", "DcdnChargeTypeChangeScheduled"))
    )
