"""The Grafana dashboard, made by code: what compose mounts and what the chart will ship."""

from __future__ import annotations

from typing import Any

import orjson
from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${source}")
CHOSEN = 'tenant=~"$tenant"'
BY = "{{tenant}} {{channel}}"


def query(expression: str, legend: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(legend).datasource(SOURCE)


def curve(title: str, unit: str, *queries: prometheus.Dataquery, what: str) -> timeseries.Panel:
    panel = timeseries.Panel().title(title).description(what).unit(unit).datasource(SOURCE).height(8).span(12).min(0)
    panel = panel.legend(common.VizLegendOptions().show_legend(True))
    for target in queries:
        panel = panel.with_target(target)
    return panel


def number(title: str, unit: str, target: prometheus.Dataquery, what: str) -> stat.Panel:
    return (
        stat.Panel().title(title).description(what).unit(unit).datasource(SOURCE).height(4).span(6).with_target(target)
    )


def contact_centre_now() -> dict[str, Any]:
    """Channels against their usual range, incidents, staffing, and whether we ourselves keep up."""
    board = (
        dashboard.Dashboard("Contact centre now")
        .uid("breakwater-now")
        .tags(["breakwater"])
        .description("Every channel observed against its usual range, incidents, backlog, staffing.")
        .refresh("10s")
        .time("now-3h", "now")
        .timezone("browser")
        .with_variable(dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus"))
        .with_variable(
            dashboard.QueryVariable("tenant")
            .label("Tenant")
            .datasource(SOURCE)
            .query("label_values(breakwater_arrivals_per_minute, tenant)")
            .multi(True)
            .include_all(True)
        )
        .annotation(
            dashboard.AnnotationQuery()
            .name("Incidents")
            .datasource(model.DataSourceRef(type_val="grafana", uid="-- Grafana --"))
            .enable(True)
            .icon_color("red")
            .target(dashboard.AnnotationTarget().limit(100).match_any(False).tags(["breakwater"]).type("tags"))
        )
        .with_panel(
            number(
                "Incidents open",
                "none",
                query(f'sum(breakwater_incidents_open{{{CHOSEN},phase=~"open|easing"}}) or vector(0)', "open"),
                "Incidents that are open or easing.",
            )
        )
        .with_panel(
            number(
                "Agents short",
                "none",
                query(f"sum(breakwater_agents_short{{{CHOSEN}}}) or vector(0)", "short"),
                "Agents missing in the current interval, all queues.",
            )
        )
        .with_panel(
            number(
                "Panes complete",
                "s",
                query(f"time() - min(breakwater_complete_to_timestamp_seconds{{{CHOSEN}}})", "behind"),
                "How far behind the clock the tenants' complete panes are.",
            )
        )
        .with_panel(
            number(
                "Dead letters in 1 h",
                "none",
                query("sum(increase(breakwater_dead_letters_total[1h])) or vector(0)", "dead letters"),
                "Records that could not be read.",
            )
        )
        .with_panel(
            curve(
                "Arrivals against the usual range",
                "none",
                query(f"breakwater_arrivals_per_minute{{{CHOSEN}}}", f"{BY} observed"),
                query(f"breakwater_expected_low_arrivals_per_minute{{{CHOSEN}}}", f"{BY} usual from"),
                query(f"breakwater_expected_high_arrivals_per_minute{{{CHOSEN}}}", f"{BY} usual to"),
                what="Contacts a minute by channel, and the range in which 99 % of ordinary minutes lie.",
            )
        )
        .with_panel(
            curve(
                "Observed over expected",
                "percentunit",
                query(
                    f"breakwater_arrivals_per_minute{{{CHOSEN}}}"
                    f" / (breakwater_expected_arrivals_per_minute{{{CHOSEN}}} > 0)",
                    BY,
                ),
                what="100 % is usual.",
            )
        )
        .with_panel(
            curve(
                "Backlog",
                "none",
                query(f"breakwater_backlog_contacts{{{CHOSEN}}}", BY),
                what="Contacts waiting or open, estimated.",
            )
        )
        .with_panel(
            curve(
                "Signals and commands",
                "none",
                query(
                    'sum by (signal_kind) (increase(breakwater_signals_total{state="opened"}[5m]))', "{{signal_kind}}"
                ),
                query("sum by (action) (increase(breakwater_load_shift_commands_total[5m]))", "command {{action}}"),
                what="Signals opened and load shifts put on the bus, in 5 minutes.",
            )
        )
    )
    made: dict[str, Any] = orjson.loads(JSONEncoder(sort_keys=True).encode(board.build()))
    return made
