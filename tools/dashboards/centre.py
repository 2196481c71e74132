"""Contact centre now: every channel and queue against its usual range, backlog, service, people."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.parts import TENANT, band, curve, made, now, number, one_of, query, rows, tenant
from tools.dashboards.parts import board as empty

CHANNEL = f'{TENANT},channel=~"$channel"'
BY_CHANNEL, BY_QUEUE = "tenant, channel", "tenant, channel, queue"


def board() -> dict[str, Any]:
    built = empty("Contact centre now", "breakwater-now", "Every channel and queue against its usual range.")
    built = built.with_variable(tenant())
    channels = f"label_values(breakwater_expected_arrivals_per_minute{{{TENANT}}}, channel)"
    built = built.with_variable(one_of("channel", "Channel", channels, many=True))
    queues = f"label_values(breakwater_queue_expected_arrivals_per_minute{{{CHANNEL}}}, queue)"
    built = built.with_variable(one_of("queue", "Queue", queues, many=True))
    for panel in _figures():
        built = built.with_panel(panel)
    built = built.with_row(dashboard.Row("Channels against their usual range")).with_panel(_channels())
    built = built.with_row(dashboard.Row("Which queues are unusual, and who is short"))
    for panel in (*_queues(), *_service()):
        built = built.with_panel(panel)
    return made(built.with_row(dashboard.Row("Queues against their usual range")).with_panel(_each_queue()))


def _figures() -> list[Any]:
    open_now = f'max by (tenant, phase) (breakwater_incidents_open{{{TENANT},phase=~"open|easing"}})'
    counted = f"max by (tenant) (breakwater_complete_to_timestamp_seconds{{{TENANT}}})"
    return [
        number("Incidents open", "none", now(f"sum({open_now})"), "Incidents that are open or easing.", red_from=1),
        number(
            "Waiting for a yes",
            "none",
            now(f"max(breakwater_load_shift_proposals_waiting{{{TENANT}}}) or vector(0)"),
            "Load shifts that lack nothing but somebody's approval.",
            red_from=1,
        ),
        number(
            "Agents short",
            "none",
            now(f"sum(max by (channel) (breakwater_agents_short{{{TENANT}}})) or vector(0)"),
            "Agents missing in the current interval, all queues.",
            red_from=1,
        ),
        number(
            "Tools not up",
            "none",
            now(f"count(min by (tool, provider, site) (breakwater_tool_up_ratio{{{TENANT}}}) < 1) or vector(0)"),
            "Tools whose probes say that they are degraded or down.",
            red_from=1,
        ),
        number(
            "Kill switch",
            "none",
            now(f"max(breakwater_kill_switch_pulled{{{TENANT}}}) or vector(0)"),
            "1 while somebody has stopped load shifts.",
            red_from=1,
        ),
        number(
            "Counted to", "dateTimeAsIso", now(f"{counted} * 1000"), "How far the contacts are counted, event time."
        ),
    ]


def _channels() -> Any:
    what = "Contacts a minute, and the range in which 99 % of ordinary minutes lie. A gap: that minute is not known."
    chosen = f'{TENANT},channel="$channel"'
    return band("$channel", "", chosen, what=what, span=24, height=8, by=BY_CHANNEL).repeat("channel").max_per_row(3)


def _each_queue() -> Any:
    what = "Contacts a minute of one queue, against its usual range."
    chosen = f'{TENANT},queue="$queue"'
    panel = band("$queue", "queue_", chosen, what=what, span=24, height=6, by=BY_QUEUE)
    return panel.repeat("queue").max_per_row(4)


def _queues() -> list[Any]:
    came = f"max by ({BY_QUEUE}) (breakwater_queue_arrivals_per_minute{{{CHANNEL}}})"
    usual = f"max by ({BY_QUEUE}) (breakwater_queue_expected_arrivals_per_minute{{{CHANNEL}}})"
    high = f"max by ({BY_QUEUE}) (breakwater_queue_expected_high_arrivals_per_minute{{{CHANNEL}}})"
    low = f"max by ({BY_QUEUE}) (breakwater_queue_expected_low_arrivals_per_minute{{{CHANNEL}}})"
    beyond = f"topk(20, (({came} - {high}) > 0 or ({low} - {came}) > 0) or ({usual} * 0))"
    return [
        curve(
            "Observed over expected",
            "percentunit",
            query(f"{came} / ({usual} > 0)", "{{queue}}"),
            what="100 % is usual; one line a queue.",
        ),
        rows("Furthest outside", "none", now(beyond), what="Contacts a minute outside the usual range, by queue."),
    ]


def _service() -> list[Any]:
    return [
        curve(
            "Backlog",
            "none",
            query(f"max by ({BY_QUEUE}) (breakwater_queue_backlog_contacts{{{CHANNEL}}})", "{{queue}}"),
            what="Contacts waiting or open, estimated from what came and went.",
        ),
        curve(
            "Staffing gap",
            "none",
            query(f"max by ({BY_QUEUE}) (breakwater_queue_agents_short{{{CHANNEL}}})", "{{queue}}"),
            what="Agents missing in the current interval, of queues with a staffing alert.",
        ),
        curve(
            "Answered",
            "percentunit",
            query(f"max by ({BY_QUEUE}) (breakwater_queue_answered_ratio{{{CHANNEL}}})", "{{queue}}"),
            what="Answered of those who were answered or gave up, in the last minute.",
        ).max(1),
        curve(
            "Service level",
            "percentunit",
            query(f"max by ({BY_QUEUE}) (breakwater_queue_service_level_ratio{{{CHANNEL}}})", "{{queue}}"),
            what="Share answered within the target, estimated (Erlang A), of queues with a staffing alert.",
        ).max(1),
        curve(
            "Agents",
            "none",
            query(
                f'sum by (channel) (max by ({BY_QUEUE}) (breakwater_queue_agents{{{CHANNEL},state="staffed"}}))',
                "{{channel}} staffed",
            ),
            query(
                f'sum by (channel) (max by ({BY_QUEUE}) (breakwater_queue_agents{{{CHANNEL},state="available"}}))',
                "{{channel}} available",
            ),
            what="Agents there and free, as the workforce feed says. Agents with several skills count in each.",
        ),
        curve(
            "Incidents and load shifts",
            "none",
            query(f"sum by (phase) (max by (tenant, phase) (breakwater_incidents_open{{{TENANT}}}))", "{{phase}}"),
            query(
                "sum by (action) (increase(breakwater_load_shift_commands_total[$__rate_interval]))",
                "load shift {{action}}",
            ),
            what="Incidents by phase, and load shifts put on the bus.",
        ),
    ]
