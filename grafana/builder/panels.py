"""A panel of each kind, drawn in the house's manner."""

from collections.abc import Iterable
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import heatmap as heatmap_options
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DashboardLinkType,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMapping,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.builder.addresses import account_of_series, runbook
from grafana.builder.mappings import FINE, QUIET, names, nothing
from grafana.builder.variables import DATASOURCE

NO_DATA: Final = "no data: is the exporter scraped, and are the rules loaded?"
# What rules record comes once a minute.
RECORDED: Final = "1m"
WIDTH: Final = 24

Panel = TypeVar("Panel", stat.Panel, table.Panel, timeseries.Panel, statetimeline.Panel, heatmap.Panel)
Step = tuple[float | None, str]


def query(expression: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """A query over the range shown."""
    return prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(ref).range().datasource(DATASOURCE)


def instant(expression: str, ref: str = "A") -> prometheus.Dataquery:
    """A query at the end of the range shown, as rows of a table."""
    asked = prometheus.Dataquery().expr(expression).ref_id(ref).instant().datasource(DATASOURCE)
    return asked.format(PromQueryFormat.TABLE)


def stat_panel(
    title: str,
    description: str,
    expression: str,
    *,
    steps: Iterable[Step],
    unit: str = "locale",
    empty: str = "no data",
    named: Iterable[tuple[int, str, str]] = (),
    width: int = 4,
) -> stat.Panel:
    """One number, now, coloured by thresholds, or one that has a name; without a number it is grey and says so."""
    panel = (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(options.BigValueGraphMode.NONE)
        .color_mode(options.BigValueColorMode.BACKGROUND_SOLID)
        .with_target(instant(expression))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    )
    panel = panel.mappings([*([names(*named)] if named else []), nothing(empty, QUIET)])
    return _dressed(panel, title, description, unit=unit, steps=steps, empty=empty, size=(width, 4))


def lines(
    title: str,
    description: str,
    queries: Iterable[prometheus.Dataquery],
    *,
    unit: str,
    steps: Iterable[Step] = ((None, FINE),),
    empty: str = NO_DATA,
    reaches: float | None = None,
    interval: str | None = None,
    many: bool = False,
) -> timeseries.Panel:
    """Values over time, from 0 on; a threshold is a line where there is more than the base.

    The axis ``reaches`` at least so far, for values that are near 0 in good times. An ``interval`` is the shortest
    between two points, where there is nothing between. The legend of ``many`` lines stands beside them.
    """
    steps = tuple(steps)
    panel = (
        timeseries.Panel()
        .targets(list(queries))
        .line_width(1)
        .fill_opacity(8)
        .axis_soft_min(0)
        .show_points(options.VisibilityMode.NEVER)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .legend(_beside() if many else _below())
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING))
    )
    if len(steps) > 1:
        style = common.GraphThresholdsStyleConfig().mode(options.GraphTresholdsStyleMode.DASHED)
        panel = panel.thresholds_style(style)
    if reaches is not None:
        panel = panel.axis_soft_max(reaches)
    if interval is not None:
        panel = panel.interval(interval)
    return _dressed(panel, title, description, unit=unit, steps=steps, empty=empty, size=(WIDTH // 2, 8))


def _below() -> common.VizLegendOptions:
    """The legend of few lines."""
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.BOTTOM)
        .calcs([])
    )


def _beside() -> common.VizLegendOptions:
    """The legend of many lines, the largest first: more than about ten have to be scrolled."""
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(options.LegendDisplayMode.TABLE)
        .placement(options.LegendPlacement.RIGHT)
        .calcs(["lastNotNull"])
        .sort_by("Last *")
        .sort_desc(True)
    )


def timeline(
    title: str,
    description: str,
    queries: Iterable[prometheus.Dataquery],
    *,
    mappings: Iterable[ValueMapping],
    empty: str = NO_DATA,
    size: tuple[int, int] = (WIDTH // 2, 5),
) -> statetimeline.Panel:
    """States over time, a bar for each series, which leads to its account."""
    panel = (
        statetimeline.Panel()
        .targets(list(queries))
        .mappings(list(mappings))
        .merge_values(True)
        .show_value(options.VisibilityMode.AUTO)
        .row_height(0.8)
        .fill_opacity(80)
        .line_width(0)
        .legend(common.VizLegendOptions().show_legend(False))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .data_links([link("History of this account", account_of_series())])
    )
    return _dressed(panel, title, description, unit="none", steps=((None, QUIET),), empty=empty, size=size)


def heat(title: str, description: str, expression: str, *, unit: str) -> heatmap.Panel:
    """How often which values come, from the buckets of a histogram."""
    panel = (
        heatmap.Panel()
        .with_target(query(expression, "{{le}}").format(PromQueryFormat.HEATMAP))
        .calculate(False)
        .color(heatmap.HeatmapColorOptions().mode(heatmap_options.HeatmapColorMode.SCHEME).scheme("Blues").steps(64))
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .cell_values(heatmap.CellValues().unit("ops"))
        .show_legend()
    )
    return _dressed(panel, title, description, unit=unit, steps=((None, FINE),), empty=NO_DATA, size=(WIDTH // 2, 8))


def rows(
    title: str, description: str, queries: Iterable[prometheus.Dataquery], *, empty: str, size: tuple[int, int]
) -> table.Panel:
    """A table of what the queries have in common."""
    panel = table.Panel().targets(list(queries)).cell_height(options.TableCellHeight.SM)
    return _dressed(panel, title, description, unit="none", steps=((None, "text"),), empty=empty, size=size)


def alert_links(*alerts: str) -> list[Builder[DashboardLink]]:
    """Links to the runbooks of the alerts that the panel explains."""
    return [link(f"Runbook of {alert}", runbook(alert)).target_blank(True) for alert in alerts]


def link(title: str, url: str) -> dashboard.DashboardLink:
    """A link to a page."""
    return dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(url)


def field(**properties: object) -> list[DynamicConfigValue]:
    """What a column or series has instead of the panel's own; ``cell`` is how a table draws it."""
    named = {"cell": "custom.cellOptions", "width": "custom.width", "line_style": "custom.lineStyle"}
    return [DynamicConfigValue(named.get(name, name), value) for name, value in properties.items()]


def coloured(panel: timeseries.Panel, *colours: tuple[str, str]) -> timeseries.Panel:
    """The panel with lines whose legend ends in a pattern in shades of a colour; of several the last one counts."""
    for ending, colour in colours:
        panel = panel.override_by_regexp(f"/{ending}$/", field(color={"mode": "shades", "fixedColor": colour}))
    return panel


def thresholds(steps: Iterable[Step]) -> dashboard.ThresholdsConfig:
    """Colours from values on; the first has no value."""
    listed = [Threshold(value=value, color=color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(listed)


def _dressed(
    panel: Panel, title: str, description: str, *, unit: str, steps: Iterable[Step], empty: str, size: tuple[int, int]
) -> Panel:
    """The panel with all that every panel has."""
    width, height = size
    return (
        panel.title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .thresholds(thresholds(steps))
        .no_value(empty)
        .span(width)
        .height(height)
    )
