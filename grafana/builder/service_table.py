"""The table of services, the worst first."""

from typing import Final

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, ValueMapping

from deploy.prometheus.rules.dashboard_recordings import STATE_PROBES
from deploy.prometheus.rules.expressions import ATTENTION as ATTENTION_RECORD
from deploy.prometheus.rules.expressions import LOCK, ROUTES
from deploy.prometheus.rules.thresholds import CHANGE_SOON_S
from grafana.builder.addresses import account_of_row, runbook_of_row, status_page_of_row
from grafana.builder.mappings import (
    ATTENTION,
    CRITICAL,
    DEBT,
    FINE,
    INFO,
    PLAIN,
    QUIET,
    STATUS,
    WARNING,
    names,
    nothing,
)
from grafana.builder.panels import NO_DATA, WIDTH, Step, field, instant, rows, thresholds
from grafana.builder.queries import (
    LEFT_OUT,
    NEEDING,
    age,
    charge_type,
    debt,
    fine,
    locked,
    next_charge_type,
    polled,
    share_of_stale_after,
    status,
    time_left,
)
from grafana.builder.selectors import SERVICE, best, recorded
from grafana.builder.thresholds import ROWS

_COLOURED_TEXT: Final = {"type": "color-text"}
COLOURED_CELL: Final = {"type": "color-background", "mode": "basic"}
_NO_NUMBER: Final = f"{polled(NEEDING)} * NaN"


def _one(expression: str) -> str:
    """One row for a service, also while replicas do not agree."""
    return f"topk by ({SERVICE}) (1, {expression})"


def _number(expression: str) -> str:
    """A number for each row; without one for any, the column would vanish."""
    return f"{expression} or {_NO_NUMBER}"


def _text(expression: str, label: str) -> str:
    """A label for each row."""
    return f'{expression} or on ({SERVICE}) label_replace({polled(NEEDING)}, "{label}", "-", "", "")'


def _attention() -> str:
    """The worst need of each service, and the document that says what to do about it."""
    financial, other = (
        f'label_replace({services}, "runbook", "runbooks/{alert}", "", "")'
        for services, alert in (
            (locked(NEEDING, reason="financial"), "DcdnServiceLockedFinancial"),
            (locked(NEEDING), "DcdnServiceLockedOther"),
        )
    )
    needs = _one(best(f"{SERVICE}, runbook", recorded(ATTENTION_RECORD, NEEDING)))
    needs = f'label_replace({needs}, "runbook", "runbooks/$1", "runbook", "(.+)")'
    all_fine = f'label_replace({fine(NEEDING)}, "runbook", "first-look", "", "")'
    return f"{_of_rows(financial, other, needs)} or on ({SERVICE}) {all_fine}"


def _lock_reason() -> str:
    """The lock for an overdue payment first, since paying ends it, else any."""
    locks = (recorded(LOCK, NEEDING, reason="financial"), recorded(LOCK, NEEDING))
    return _of_rows(*(_one(best(f"{SERVICE}, reason", lock)) for lock in locks))


def _of_rows(*expressions: str) -> str:
    """The first of these that has something of a service, of those alone that have a row."""
    return f"({f' or on ({SERVICE}) '.join(expressions)}) and on ({SERVICE}) {polled(NEEDING)}"


def _exporter_and_name() -> str:
    """An exporter that polls the service, or did so until it went, and the name of its account."""
    exporter = _one(polled(NEEDING, by=f"{SERVICE}, instance"))
    named = f"{exporter} * on (account) group_left (account_name) {recorded(ROUTES, NEEDING)}"
    return f'label_replace({named} or on ({SERVICE}) {exporter}, "account_name", "-", "account_name", "")'


# What is asked, under the name of its column; the labels of some become columns too.
_QUERIES: Final = (
    ("A", _attention()),
    ("B", status(NEEDING)),
    ("C", _text(_lock_reason(), "reason")),
    ("D", _text(_one(charge_type(NEEDING)), "charge_type")),
    ("E", _text(_one(next_charge_type(NEEDING)), "next_charge_type")),
    ("F", _number(time_left(NEEDING))),
    ("G", _number(debt(NEEDING))),
    ("H", _number(age(SERVICE, NEEDING, probe=STATE_PROBES))),
    ("I", _number(share_of_stale_after(SERVICE, NEEDING, probe=STATE_PROBES))),
    ("J", _exporter_and_name()),
)
_COLUMNS: Final = {
    "Value #A": "Attention",
    "account": "Account",
    "account_name": "Name",
    "product": "Product",
    "Value #B": "Status",
    "reason": "Locked for",
    "charge_type": "Billed by",
    "next_charge_type": "Then by",
    "Value #F": "In",
    "Value #G": "Debt",
    "Value #H": "Data age",
    "Value #I": "Of its limit",
    "runbook": "Runbook",
    "instance": "Exporter",
}
# Without a meaning of their own: they are 1, or the moment of the query.
_LEFT_OUT: Final = ("Time", *(f"Value #{letter}" for letter in "CDEJ"))


def merged(
    columns: dict[str, str], left_out: tuple[str, ...], *, largest: str | None = None
) -> list[DataTransformerConfig]:
    """One row for what has the same labels, with these columns in this order.

    Where ``largest`` names a column, only the rows with its largest values.
    """
    fewer = [
        DataTransformerConfig(id_val="sortBy", options={"fields": {}, "sort": [{"field": largest, "desc": True}]}),
        DataTransformerConfig(id_val="limit", options={"limitField": ROWS}),
    ]
    return [
        DataTransformerConfig(id_val="merge", options={}),
        *(fewer if largest else ()),
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
    """One row for each account and product, the worst first, which leads to history, runbook and status page."""
    panel = rows(
        f"Services that need somebody, then others: {ROWS} rows at most, ${LEFT_OUT} more on the status page",
        "One row for each account and product, by how much it needs somebody: locked, partly down, overdue, unknown, "
        "in debt, failing, warning, changing within 3 days, fine. Partly down and warning are of what stands beside "
        "the lock, below. A lock is shown until an answer says otherwise; of several the one "
        "for an overdue payment is named. Data age is that of the last answer; at 100 % of the limit it is not shown "
        "any more. An account leads to its history, a runbook to what to do, an exporter to its status page, which "
        "lists all services.",
        [instant(expression, ref) for ref, expression in _QUERIES],
        empty=NO_DATA,
        size=(WIDTH, 12),
    ).transformations(merged(_COLUMNS, _LEFT_OUT, largest="Value #A"))
    panel = panel.sort_by([sorted_by("Attention", desc=True), sorted_by("Account", desc=False)])
    return _columns(panel)


def _columns(panel: table.Panel) -> table.Panel:
    links = [{"title": "History of this account", "url": account_of_row("Account")}]
    none = (nothing("-"),)
    soon: tuple[Step, ...] = ((None, INFO), (CHANGE_SOON_S, PLAIN))
    aged: tuple[Step, ...] = ((None, FINE), (0.5, WARNING), (1, CRITICAL))
    share = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    runbooks = [{"title": "Runbook", "url": runbook_of_row("Runbook"), "targetBlank": True}]
    pages = [{"title": "Status page", "url": status_page_of_row("Exporter"), "targetBlank": True}]
    return (
        panel.override_by_name(
            "Attention",
            field(mappings=_of(names(*ATTENTION), nothing("no data", QUIET)), cell=COLOURED_CELL, width=110),
        )
        .override_by_name("Runbook", field(links=runbooks, width=170))
        .override_by_name("Exporter", field(links=pages))
        .override_by_name("Account", field(links=links))
        .override_by_name("Product", field(width=85))
        .override_by_name("Status", field(mappings=_of(names(*STATUS)), cell=_COLOURED_TEXT, width=105))
        .override_by_name("Locked for", field(width=90))
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
        .override_by_name("Debt", field(mappings=_of(names(*DEBT), nothing("-")), cell=_COLOURED_TEXT, width=90))
        .override_by_name("Data age", field(unit="s", decimals=0, mappings=_of(nothing("none known")), width=100))
        .override_by_name(
            "Of its limit",
            field(
                unit="percentunit",
                decimals=0,
                min=0,
                max=1,
                cell=share,
                # The gauge has the colour of its text: a mark at 0 is no age.
                mappings=_of(nothing("-", QUIET)),
                thresholds=thresholds(aged).build(),
                width=90,
            ),
        )
    )


def _of(*mappings: ValueMapping) -> list[ValueMapping]:
    return list(mappings)


def sorted_by(column: str, *, desc: bool) -> common.TableSortByFieldState:
    """By a column of the table; ``desc`` is the largest first."""
    return common.TableSortByFieldState().display_name(column).desc(desc)
