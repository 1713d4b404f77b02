"""What all dashboards have around their panels."""

from collections.abc import Iterable

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
from grafana.builder.annotations import MARKS

Row = tuple[str, tuple[Builder[Panel], ...]]


def framed(
    description: str, uid: str, *, variables: Iterable[Builder[VariableModel]], rows: Iterable[Row]
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
        .annotations(list(MARKS))
        .links(links)
    )
    for name, panels in rows:
        whole = whole.with_row(dashboard.Row(name))
        for panel in panels:
            whole = whole.with_panel(panel)
    return whole
