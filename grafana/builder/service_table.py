"""The table of services, the worst first."""

from typing import Final

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, ValueMapping

from deploy.prometheus.rules.thresholds import CHANGE_SOON_S
from grafana.builder.addresses import account_of_row
from grafana.builder.mappings import (
    ATTENTION,
    CRITICAL,
    DEBT,
    FINE,
    INFO,
    PLAIN,
    STATUS,
    WARNING,
    names,
    nothing,
)
from grafana.builder.panels import NO_EXPORTER, WIDTH, Step, field, instant, rows, thresholds
from grafana.builder.queries import (
    age,
    attention,
    charge_type,
    debt,
    next_charge_type,
    share_of_stale_after,
    status,
    time_left,
)
from grafana.builder.selectors import SERVICE, best, of_service

_COLOURED_TEXT: Final = {"type": "color-text"}
_COLOURED: Final = {"type": "color-background", "mode": "basic"}
_SERVICE_PROBE: Final = {"probe": "service"}


def _lock_reason() -> str:
    """One row for a service: the lock for an overdue payment first, since paying ends it, else any."""
    held = best(f"{SERVICE}, reason", of_service("dcdn_service_lock"))
    financial = best(f"{SERVICE}, reason", of_service("dcdn_service_lock", reason="financial"))
    return f"{financial} == 1 or on ({SERVICE}) topk by ({SERVICE}) (1, {held} == 1)"


def _one(expression: str) -> str:
    """One row for a service, also while replicas do not agree."""
    return f"topk by ({SERVICE}) (1, {expression})"


# What is asked, under the name of its column; the labels of some become columns too.
_QUERIES: Final = (
    ("A", attention()),
    ("B", status()),
    ("C", _lock_reason()),
    ("D", _one(charge_type())),
    ("E", _one(next_charge_type())),
    ("F", time_left()),
    ("G", debt()),
    ("H", age(SERVICE, **_SERVICE_PROBE)),
    ("I", share_of_stale_after(SERVICE, **_SERVICE_PROBE)),
)
_COLUMNS: Final = {
    "Value #A": "Attention",
    "account": "Account",
    "product": "Product",
    "Value #B": "Status",
    "reason": "Locked for",
    "charge_type": "Billed by",
    "next_charge_type": "Then by",
    "Value #F": "In",
    "Value #G": "Debt",
    "Value #H": "Data age",
    "Value #I": "Of its limit",
}
# Without a meaning of their own: they are 1, or the moment of the query.
_LEFT_OUT: Final = ("Time", "Value #C", "Value #D", "Value #E")


def merged(columns: dict[str, str], left_out: tuple[str, ...]) -> list[DataTransformerConfig]:
    """One row for what has the same labels, with these columns in this order."""
    return [
        DataTransformerConfig(id_val="merge", options={}),
        DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": dict.fromkeys(left_out, True),
                "indexByName": {name: index for index, name in enumerate(columns)},
                "renameByName": columns,
            },
        ),
    ]


def services() -> table.Panel:
    """One row for each account and product, the worst first, which leads to the account's history."""
    panel = rows(
        "Services, the worst first",
        "One row for each account and product, by how much it needs somebody: locked, overdue, "
        "unknown, in debt, failing, "
        "changing within 3 days, fine. Of several locks the one for an overdue payment is named. "
        "Data age is that of the "
        "answer on which the row rests; at 100 % of the limit it is not shown any more. Click a row for its history.",
        [instant(expression, ref) for ref, expression in _QUERIES],
        empty=NO_EXPORTER,
        size=(WIDTH, 12),
    ).transformations(merged(_COLUMNS, _LEFT_OUT))
    panel = panel.sort_by([_sorted("Attention", desc=True), _sorted("Account", desc=False)])
    return _columns(panel)


def _columns(panel: table.Panel) -> table.Panel:
    links = [{"title": "History of this account", "url": account_of_row("Account")}]
    none = (nothing("-"),)
    soon: tuple[Step, ...] = ((None, INFO), (CHANGE_SOON_S, PLAIN))
    aged: tuple[Step, ...] = ((None, FINE), (0.5, WARNING), (1, CRITICAL))
    share = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    return (
        panel.override_by_name("Attention", field(mappings=_of(names(*ATTENTION)), cell=_COLOURED, width=110))
        .override_by_name("Account", field(links=links))
        .override_by_name("Product", field(width=85))
        .override_by_name("Status", field(mappings=_of(names(*STATUS)), cell=_COLOURED_TEXT, width=105))
        .override_by_name("Locked for", field(mappings=_of(*none), width=90))
        .override_by_name("Billed by", field(mappings=_of(*none)))
        .override_by_name("Then by", field(mappings=_of(*none)))
        .override_by_name(
            "In",
            field(
                unit="s",
                decimals=1,
                mappings=_of(*none),
                cell=_COLOURED_TEXT,
                thresholds=thresholds(soon).build(),
                width=80,
            ),
        )
        .override_by_name(
            "Debt", field(mappings=_of(names(*DEBT), nothing("not polled")), cell=_COLOURED_TEXT, width=90)
        )
        .override_by_name("Data age", field(unit="s", decimals=0, mappings=_of(nothing("never")), width=85))
        .override_by_name(
            "Of its limit",
            field(
                unit="percentunit",
                decimals=0,
                min=0,
                max=1,
                cell=share,
                mappings=_of(nothing("never")),
                thresholds=thresholds(aged).build(),
                width=90,
            ),
        )
    )


def _of(*mappings: ValueMapping) -> list[ValueMapping]:
    return list(mappings)


def _sorted(column: str, *, desc: bool) -> common.TableSortByFieldState:
    return common.TableSortByFieldState().display_name(column).desc(desc)
