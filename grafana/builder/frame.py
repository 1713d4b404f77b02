"""What all dashboards have around their panels."""

from collections.abc import Iterable
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLink,
    DashboardLinkType,
    Panel,
    VariableModel,
)

from grafana.builder.addresses import TAG, TITLES
from grafana.builder.addresses import dashboard as address
from grafana.builder.annotations import Mark


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a title; those of one that is collapsed ask nothing until somebody opens it."""

    title: str
    panels: tuple[Builder[Panel], ...]
    collapsed: bool = False


def framed(
    description: str,
    uid: str,
    *,
    variables: Iterable[Builder[VariableModel]],
    marks: Iterable[Mark] = (),
    rows: Iterable[Row],
) -> dashboard.Dashboard:
    """A dashboard of rows of panels, with marks, and with links to the others that keep what was chosen."""
    links: list[Builder[DashboardLink]] = [
        dashboard.DashboardLink(name).type(DashboardLinkType.LINK).url(address(target)).keep_time(True)
        for target, name in TITLES.items()
        if target != uid
    ]
    whole = (
        dashboard.Dashboard(TITLES[uid])
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("1m")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .variables(list(variables))
        .annotations(list(marks))
        .links(links)
    )
    for row in rows:
        head = dashboard.Row(row.title)
        if row.collapsed:
            for panel in row.panels:
                head = head.with_panel(panel)
        whole = whole.with_row(head)
        if not row.collapsed:
            for panel in row.panels:
                whole = whole.with_panel(panel)
    return whole
