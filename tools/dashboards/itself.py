"""Breakwater itself: whether it keeps up, how long things take, what it could not read, what it told, what it spent."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.parts import board as empty
from tools.dashboards.parts import curve, made, now, number, query, rows

RATE = "$__rate_interval"
LAG = "max by (topic, partition) (breakwater_consumer_lag_{})"


def board() -> dict[str, Any]:
    built = empty("Breakwater itself", "breakwater-itself", "Whether Breakwater keeps up and is heard.")
    for title, panels in (
        ("At a glance", _figures()),
        ("Lag and throughput", _pace()),
        ("How long it takes", _latency()),
        ("What went wrong", _wrong()),
        ("Who was told", _sinks()),
        ("False alarms against the budget", _budget()),
        ("The processes", _processes()),
    ):
        built = built.with_row(dashboard.Row(title))
        for panel in panels:
            built = built.with_panel(panel)
    return made(built)


def _quantile(share: str, metric: str, by: str) -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate(breakwater_{metric}_seconds_bucket[{RATE}])))"


def _figures() -> list[Any]:
    return [
        number("Roles ready", "none", now("sum(breakwater_role_ready)"), "Roles that do their work, all processes."),
        number(
            "Roles not ready",
            "none",
            now("count(breakwater_role_ready == 0) or vector(0)"),
            "Roles that wait for partitions, read back state, or are full.",
            red_from=1,
        ),
        number(
            "Records to read",
            "none",
            now(f"sum({LAG.format('records')})"),
            "What waits in all topics.",
            red_from=100_000,
        ),
        number(
            "Dead letters in 1 h",
            "none",
            now("sum(increase(breakwater_dead_letters_total[1h])) or vector(0)"),
            "Records that could not be read.",
            red_from=1,
        ),
        number(
            "Waiting to be told",
            "none",
            now("sum(max by (sink) (breakwater_outbox_notices)) or vector(0)"),
            "Notices that stand in outboxes.",
            red_from=100,
        ),
        rows(
            "Releases",
            "none",
            now("sum by (version, python) (breakwater_build_info)"),
            what="What runs, and how many of each.",
            span=4,
            height=4,
        ),
    ]


def _pace() -> list[Any]:
    return [
        curve(
            "Lag in records",
            "none",
            query(f"sum by (topic) ({LAG.format('records')})", "{{topic}}"),
            what="Records not yet handled.",
        ),
        curve(
            "Lag in seconds",
            "s",
            query(f"max by (topic) ({LAG.format('seconds')})", "{{topic}}"),
            what="Age of the last record handled while more wait.",
        ),
        curve(
            "Records read",
            "eps",
            query(f"sum by (topic) (rate(breakwater_records_consumed_total[{RATE}]))", "{{topic}}"),
            what="By topic, all processes.",
        ),
        curve(
            "Records written",
            "eps",
            query(f"sum by (topic) (rate(breakwater_records_produced_total[{RATE}]))", "{{topic}}"),
            what="Acknowledged, by topic.",
        ),
        curve(
            "Contact events by what became of them",
            "eps",
            query(f"sum by (verdict) (rate(breakwater_contact_events_total[{RATE}]))", "{{verdict}}"),
            what="Counted, late, duplicate, skipped after a restart ...",
        ),
        curve(
            "Signals",
            "none",
            query(
                f"sum by (signal_kind, state) (increase(breakwater_signals_total[{RATE}]))", "{{signal_kind}} {{state}}"
            ),
            what="What detection said.",
        ),
    ]


def _latency() -> list[Any]:
    return [
        curve(
            "From the event to the acknowledgement",
            "s",
            query(_quantile("0.5", "end_to_end_latency", "topic"), "{{topic}} median", exemplars=True),
            query(_quantile("0.99", "end_to_end_latency", "topic"), "{{topic}} 99 %"),
            what="Event time stated to acknowledgement; of no meaning in a replay. Dots lead to the incident.",
        ),
        curve(
            "A batch, from taken to durable",
            "s",
            query(_quantile("0.5", "batch", "role"), "{{role}} median"),
            query(_quantile("0.99", "batch", "role"), "{{role}} 99 %"),
            what="Folded, outputs acknowledged, state written.",
        ),
        curve(
            "Panes, from written to acknowledged",
            "s",
            query(f"histogram_quantile(0.99, sum by (le) (rate(breakwater_flush_seconds_bucket[{RATE}])))", "99 %"),
            what="The ingest's flush.",
        ),
        curve(
            "Event loop",
            "s",
            query(
                f"histogram_quantile(0.99, sum by (le) (rate(breakwater_event_loop_lag_seconds_bucket[{RATE}])))",
                "99 %",
            ),
            what="How late the loop came to what was due: a process that has too much to do shows here first.",
        ),
        curve(
            "State written",
            "Bps",
            query(f"sum by (topic) (rate(breakwater_state_written_bytes_total[{RATE}]))", "{{topic}}"),
            what="What the folds write after their batches.",
        ),
        curve(
            "Standstill",
            "s",
            query("max by (role) (breakwater_role_standstill_seconds)", "{{role}}"),
            what="How long a role has got nowhere. With lag and for a minute, the watchdog ends the process.",
        ),
    ]


def _wrong() -> list[Any]:
    return [
        curve(
            "Dead letters",
            "none",
            query(
                f"sum by (topic, reason) (increase(breakwater_dead_letters_total[{RATE}])) or vector(0)",
                "{{topic}} {{reason}}",
            ),
            what="Records that could not be read. `breakwater dead-letters list` shows them.",
        ),
        curve(
            "Waits, defects, things not shown",
            "none",
            query(f"sum by (role) (increase(breakwater_waits_total[{RATE}])) or vector(0)", "waits {{role}}"),
            query(f"sum by (role) (increase(breakwater_defects_total[{RATE}])) or vector(0)", "defects {{role}}"),
            query(
                f"sum by (what) (increase(breakwater_gauges_overflowed_total[{RATE}])) or vector(0)",
                "not shown {{what}}",
            ),
            what="Something outside was away; records that stopped us; series beyond their bounds.",
        ),
    ]


def _sinks() -> list[Any]:
    return [
        curve(
            "Attempts",
            "none",
            query(f"sum by (sink, outcome) (increase(breakwater_sink_requests_total[{RATE}]))", "{{sink}} {{outcome}}"),
            what="To tell a sink, by outcome.",
        ),
        curve(
            "How long an attempt takes",
            "s",
            query(_quantile("0.99", "sink_request", "sink"), "{{sink}} 99 %", exemplars=True),
            what="One request to a sink.",
        ),
        curve(
            "Outbox",
            "none",
            query("max by (sink) (breakwater_outbox_notices)", "{{sink}}"),
            what="Notices that the sink has still to be told of.",
        ),
        curve(
            "Failures in a row",
            "none",
            query("max by (sink) (breakwater_sink_failures_in_a_row)", "{{sink}}"),
            what="Attempts since the sink last took a notice.",
        ),
    ]


def _budget() -> list[Any]:
    budget = "max by (tenant) (breakwater_false_alarm_budget_incidents)"
    spent = "max by (tenant) (breakwater_false_alarm_spent_incidents)"
    return [
        curve(
            "Budget and spent",
            "none",
            query(budget, "{{tenant}} may"),
            query(spent, "{{tenant}} did"),
            what="Incidents a month that may be false, and what was dismissed as false.",
        ),
        curve(
            "Share of the budget",
            "percentunit",
            query(f"{spent} / ({budget} > 0)", "{{tenant}}"),
            what="Over 100 % detection speaks too often here, or the model is wrong.",
        ),
    ]


def _processes() -> list[Any]:
    return [
        curve(
            "Memory",
            "bytes",
            query("breakwater_process_resident_memory_bytes", "{{instance}}"),
            what="Resident memory of each process.",
            span=8,
        ),
        curve(
            "Processor",
            "percentunit",
            query(f"rate(breakwater_process_cpu_seconds_total[{RATE}])", "{{instance}}"),
            what="100 % is one core.",
            span=8,
        ),
        curve(
            "Status page",
            "none",
            query("sum(breakwater_web_viewers)", "viewers"),
            query("max(breakwater_web_blind)", "blind"),
            what="Pages that are open, and whether they cannot read the bus.",
            span=8,
        ),
    ]
