"""Tool health: telephony, CRM, workforce management, bot, routing ... as their probes say, and the feeds from them."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.parts import TENANT, curve, made, now, number, one_of, query, rows, states, tenant
from tools.dashboards.parts import board as empty

CHOSEN = f'{TENANT},tool=~"$tool"'
BY = "tool, provider, site"
NOT_COUNTED = '{verdict=~"late|duplicate|refused|unknown-type"}'
NAME = "{{tool}} {{provider}} {{site}}"
WORDS = [(0, "down", "semi-dark-red"), (0.5, "degraded", "semi-dark-orange"), (1, "up", "semi-dark-green")]


def board() -> dict[str, Any]:
    built = empty("Tool health", "breakwater-tools", "What the probes of telephony, CRM, WFM, bot and routing say.")
    built = built.with_variable(tenant())
    tools = f"label_values(breakwater_tool_up_ratio{{{TENANT}}}, tool)"
    built = built.with_variable(one_of("tool", "Tool", tools, many=True))
    for panel in (*_figures(), *_tools()):
        built = built.with_panel(panel)
    built = built.with_row(dashboard.Row("The feeds we count by"))
    for panel in _feeds():
        built = built.with_panel(panel)
    return made(built)


def _figures() -> list[Any]:
    up = f"min by ({BY}) (breakwater_tool_up_ratio{{{CHOSEN}}})"
    return [
        number("Down", "none", now(f"count({up} == 0) or vector(0)"), "Tools that are down.", red_from=1, span=6),
        number("Degraded", "none", now(f"count({up} == 0.5) or vector(0)"), "Degraded.", red_from=1, span=6),
        number("Up", "none", now(f"count({up} == 1) or vector(0)"), "Tools that are up.", span=6),
        number(
            "Slowest",
            "s",
            now(f"max(breakwater_tool_latency_seconds{{{CHOSEN}}}) or vector(0)"),
            "The highest latency that a probe measured.",
            span=6,
        ),
    ]


def _tools() -> list[Any]:
    return [
        states(
            "State",
            query(f"min by ({BY}) (breakwater_tool_up_ratio{{{CHOSEN}}})", NAME),
            words=WORDS,
            what="One line a tool, provider and site. Empty: its probe has not spoken since the worker started.",
        ),
        curve(
            "Latency",
            "s",
            query(f"max by ({BY}) (breakwater_tool_latency_seconds{{{CHOSEN}}})", NAME),
            what="As the probes measured it, where they do.",
        ),
        rows(
            "Last word",
            "dateTimeAsIso",
            now(f"max by ({BY}) (breakwater_tool_heard_timestamp_seconds{{{CHOSEN}}}) * 1000"),
            what="When each probe last spoke. A probe that is silent says nothing about its tool.",
        ),
    ]


def _feeds() -> list[Any]:
    return [
        curve(
            "Contact events",
            "eps",
            query("sum by (topic) (rate(breakwater_contact_events_total[$__rate_interval]))", "{{topic}}"),
            what="Read by channel, all centres. A feed that stops is no contact centre at rest: panes become unknown.",
        ),
        curve(
            "Not counted",
            "eps",
            query(
                f"sum by (verdict) (rate(breakwater_contact_events_total{NOT_COUNTED}[$__rate_interval])) or vector(0)",
                "{{verdict}}",
            ),
            what="Events that came late, twice or unreadable.",
        ),
        curve(
            "Agents on the feed",
            "none",
            query(
                f"sum by (channel, state) (max by (channel, queue, state) (breakwater_queue_agents{{{TENANT}}}))",
                "{{channel}} {{state}}",
            ),
            what="What workforce management says; a feed that stops keeps its last word.",
        ),
        curve(
            "Routing platform's answers",
            "none",
            query(
                "sum by (state) (increase(breakwater_load_shift_results_total[$__rate_interval])) or vector(0)",
                "{{state}}",
            ),
            what="What became of load shifts that were issued.",
        ),
    ]
