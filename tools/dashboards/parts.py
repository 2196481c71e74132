"""What all dashboards are built of. Every query is by data source variable, every panel has its unit and meaning.

Several processes may show one series for a moment (a partition that moves), and a restart changes `instance`: queries
take the `max by` what they speak of, so that curves go on.
"""

from __future__ import annotations

from typing import Any

import orjson
from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${source}")
GRAFANA = model.DataSourceRef(type_val="grafana", uid="-- Grafana --")
TENANT = 'tenant="$tenant"'
OUTSIDE = "semi-dark-red"
LOWER_EDGE = "usual from"


def query(expression: str, legend: str, *, exemplars: bool = False) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(expression).legend_format(legend).datasource(SOURCE).range()
    return made.exemplar(True) if exemplars else made


def now(expression: str, legend: str = "__auto") -> prometheus.Dataquery:
    """A query for the last value alone."""
    return prometheus.Dataquery().expr(expression).legend_format(legend).datasource(SOURCE).instant()


def curve(
    title: str, unit: str, *queries: prometheus.Dataquery, what: str, span: int = 12, height: int = 8
) -> timeseries.Panel:
    panel = timeseries.Panel().title(title).description(what).unit(unit).datasource(SOURCE).height(height).span(span)
    panel = panel.min(0).fill_opacity(6).line_width(1.5).show_points(common_model.VisibilityMode.NEVER)
    legend = common.VizLegendOptions().show_legend(True).placement(common_model.LegendPlacement.BOTTOM)
    legend = legend.display_mode(common_model.LegendDisplayMode.LIST).calcs([])
    panel = panel.legend(legend).tooltip(
        common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI).sort(common_model.SortOrder.DESCENDING)
    )
    for target in queries:
        panel = panel.with_target(target)
    return panel


def band(title: str, metric: str, chosen: str, *, what: str, span: int, height: int, by: str) -> timeseries.Panel:
    """What came, against the range in which 99 % of ordinary minutes lie; a gap is a minute that is not known.

    All is shaded down to the lower edge: the range, and whatever goes beyond it. (Overrides of single series would do
    it finer, but Grafana's own schema refuses their names.)
    """
    low, high, seen = (
        f"max by ({by}) (breakwater_{metric}{name}arrivals_per_minute{{{chosen}}})"
        for name in ("expected_low_", "expected_high_", "")
    )
    queries = (query(low, LOWER_EDGE), query(high, "usual to"), query(seen, "observed"))
    panel = curve(title, "none", *queries, what=what, span=span, height=height)
    return panel.fill_below_to(LOWER_EDGE).fill_opacity(12)


def number(
    title: str, unit: str, target: prometheus.Dataquery, what: str, *, red_from: float | None = None, span: int = 4
) -> stat.Panel:
    """One figure; red from a bound on, where there is one."""
    panel = stat.Panel().title(title).description(what).unit(unit).datasource(SOURCE).height(4).span(span)
    steps = [model.Threshold(color="green", value=None)]
    if red_from is not None:
        steps.append(model.Threshold(color=OUTSIDE, value=red_from))
    panel = panel.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))
    panel = panel.color_mode(common_model.BigValueColorMode.VALUE).graph_mode(common_model.BigValueGraphMode.NONE)
    return panel.with_target(target)


def states(title: str, *queries: prometheus.Dataquery, words: list[tuple[float, str, str]], what: str) -> Any:
    """A line a thing, its states over time; `words`: value, text, colour."""
    options = {str(value): model.ValueMappingResult(text=text, color=colour) for value, text, colour in words}
    panel = statetimeline.Panel().title(title).description(what).unit("none").datasource(SOURCE).height(9).span(24)
    panel = panel.mappings([model.ValueMap(options=options)]).show_value(common_model.VisibilityMode.NEVER)
    for target in queries:
        panel = panel.with_target(target)
    return panel


def rows(title: str, unit: str, target: prometheus.Dataquery, *, what: str, span: int = 12, height: int = 8) -> Any:
    """A table of the last values, one row a series."""
    panel = table.Panel().title(title).description(what).unit(unit).datasource(SOURCE).height(height).span(span)
    hidden = {"Time": True, "instance": True, "job": True, "__name__": True}
    tidy = model.DataTransformerConfig(id_val="organize", options={"excludeByName": hidden})
    return panel.with_target(target.format("table")).with_transformation(tidy)


def one_of(name: str, label: str, query_text: str, *, many: bool = False) -> dashboard.QueryVariable:
    """A choice among the values of a label; `many` allows several and all."""
    made = dashboard.QueryVariable(name).label(label).datasource(SOURCE).query(query_text)
    made = made.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)
    return made.multi(True).include_all(True).current(_all()) if many else made


def _all() -> model.VariableOption:
    return model.VariableOption(selected=True, text=["All"], value=["$__all"])


def board(title: str, uid: str, what: str, *, span: str = "now-3h") -> dashboard.Dashboard:
    """An empty one, with the data source, and the incidents as regions (annotations of the Grafana sink)."""
    regions = dashboard.AnnotationTarget().limit(100).match_any(False).tags(["breakwater"]).type("tags")
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags(["breakwater"])
        .description(what)
        .refresh("10s")
        .time(span, "now")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Breakwater")
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags(["breakwater"])
            .as_dropdown(True)
            .keep_time(True)
            .include_vars(True)
        )
        .with_variable(dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus"))
        .annotation(
            dashboard.AnnotationQuery()
            .name("Incidents")
            .datasource(GRAFANA)
            .enable(True)
            .icon_color("red")
            .target(regions)
        )
    )


def tenant() -> dashboard.QueryVariable:
    return one_of("tenant", "Centre", "label_values(breakwater_complete_to_timestamp_seconds, tenant)")


def made(built: dashboard.Dashboard) -> dict[str, Any]:
    """The dashboard as JSON."""
    tree: dict[str, Any] = orjson.loads(JSONEncoder(sort_keys=True).encode(built.build()))
    return tree
