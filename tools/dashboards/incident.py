"""Incident: the evidence of one, the load shifts it caused, and what these did to the queues that they touch."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.parts import TENANT, curve, made, now, number, one_of, query, rows, tenant
from tools.dashboards.parts import board as empty

CHOSEN = f'{TENANT},incident_id="$incident"'
SYMPTOM = "{{series}} {{signal_kind}}"
BY_SYMPTOM = "series, signal_kind"
WAYS = f"max by (tenant, action, from_queue, to_queue) (breakwater_load_shift_ratio{{{CHOSEN}}})"


def board() -> dict[str, Any]:
    built = empty("Incident", "breakwater-incident", "One incident: evidence, load shifts, and their effect.")
    built = built.with_variable(tenant())
    ids = f"label_values(breakwater_incident_opened_timestamp_seconds{{{TENANT}}}, incident_id)"
    built = built.with_variable(one_of("incident", "Incident", ids))
    for panel in _figures():
        built = built.with_panel(panel)
    built = built.with_row(dashboard.Row("Evidence"))
    for panel in _evidence():
        built = built.with_panel(panel)
    built = built.with_row(dashboard.Row("Load shifts and their effect"))
    for panel in _effect():
        built = built.with_panel(panel)
    return made(built)


def _figures() -> list[Any]:
    opened = f"max by (tenant, incident_id, cause) (breakwater_incident_opened_timestamp_seconds{{{CHOSEN}}})"
    return [
        number("Opened", "dateTimeAsIso", now(f"max({opened}) * 1000"), "When it was opened, event time.", span=6),
        rows("Cause", "dateTimeAsIso", now(f"{opened} * 1000"), what="The likeliest cause as of now.", height=4),
        number(
            "Symptoms",
            "none",
            now(f"count(max by ({BY_SYMPTOM}) (breakwater_incident_observed_ratio{{{CHOSEN}}}))"),
            "Series that are out of their usual range now.",
            span=6,
        ),
    ]


def _evidence() -> list[Any]:
    def most(metric: str) -> str:
        return f"max by ({BY_SYMPTOM}) (breakwater_incident_{metric}{{{CHOSEN}}})"

    return [
        curve(
            "Evidence",
            "none",
            query(most("evidence"), SYMPTOM),
            query(f"max({most('evidence_threshold')})", "alarms at"),
            what="How strongly each symptom speaks against an ordinary day (a logarithm), and where it alarms.",
        ),
        curve(
            "Observed over expected",
            "percentunit",
            query(most("observed_ratio"), SYMPTOM),
            what="What came since each symptom's onset, over what was expected. 100 % is usual.",
        ),
    ]


def _effect() -> list[Any]:
    moved = "max by (tenant, queue) (label_replace({}, 'queue', '$1', '{}', '(.*)'))"
    touched = f"({moved.format(WAYS, 'from_queue')} or {moved.format(WAYS, 'to_queue')})"

    def of_queues(metric: str) -> str:
        return f"max by (tenant, queue) (breakwater_queue_{metric}{{{TENANT}}}) and on (tenant, queue) {touched}"

    return [
        curve(
            "Share moved",
            "percentunit",
            query(WAYS, "{{action}} {{from_queue}} to {{to_queue}}"),
            what="Share of a queue's arrivals that each load shift moves; 0 once it is refused, taken back or over.",
        ),
        curve(
            "Load shifts put on the bus",
            "none",
            query(
                "sum by (action, mode) (increase(breakwater_load_shift_commands_total[$__rate_interval]))",
                "{{action}} {{mode}}",
                exemplars=True,
            ),
            query(
                "sum by (state) (increase(breakwater_load_shift_results_total[$__rate_interval])) or vector(0)",
                "platform {{state}}",
            ),
            what="Commands and proposals of all incidents, and the platform's answers. Dots lead to the incident.",
        ),
        curve(
            "Backlog of the queues concerned",
            "none",
            query(of_queues("backlog_contacts"), "{{queue}}"),
            what="Where contacts are moved from and to.",
        ),
        curve(
            "Agents short there",
            "none",
            query(of_queues("agents_short"), "{{queue}}"),
            what="Agents missing at the queues concerned, of those with a staffing alert.",
        ),
        curve(
            "Answered there",
            "percentunit",
            query(of_queues("answered_ratio"), "{{queue}}"),
            what="Answered of those who were answered or gave up: a donor must not suffer.",
        ).max(1),
        curve(
            "Arrivals there over expected",
            "percentunit",
            query(
                f"({of_queues('arrivals_per_minute')})"
                f" / on (tenant, queue) (max by (tenant, queue)"
                f" (breakwater_queue_expected_arrivals_per_minute{{{TENANT}}}) > 0)",
                "{{queue}}",
            ),
            what="What still comes at the queues concerned, over what is expected.",
        ),
    ]
