"""Every metric and log event once: name, kind, unit, meaning. Prefix `breakwater_`, base units, bounded labels."""

from __future__ import annotations

import logging
import math
import sys
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from streams import clock

REGISTRY = CollectorRegistry(auto_describe=True)
disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter and histogram, which nobody asks for


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"breakwater_{name}", meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(f"breakwater_{name}", meaning, labels, registry=REGISTRY)


def _seconds(name: str, meaning: str, *labels: str) -> Histogram:
    buckets = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
    return Histogram(f"breakwater_{name}_seconds", meaning, labels, buckets=buckets, registry=REGISTRY)


EXEMPLAR_LENGTH_MAX = 128  # OpenMetrics 1.0: label names and values together


def exemplar(incident_id: str | None) -> dict[str, str] | None:
    """Leads from a point of a graph to the incident; None where there is none, or its id is too long."""
    name = "incident_id"
    if incident_id is None or len(name) + len(incident_id) > EXEMPLAR_LENGTH_MAX:
        return None
    return {name: incident_id}


# the demo's broker
EMBEDDED_BROKER_MEMORY = _gauge("embedded_broker_memory_bytes", "Resident memory of the embedded broker")

# every stage
RECORDS_CONSUMED = _counter("records_consumed", "Records read, by topic", "topic")
RECORDS_PRODUCED = _counter("records_produced", "Records written and acknowledged, by topic", "topic")
DEAD_LETTERS = _counter("dead_letters", "Records that could not be read, by topic and reason", "topic", "reason")

# ingest
CONTACT_EVENTS = _counter(
    "contact_events",
    "Contact events read, by what became of them (counted, duplicate, late, skipped ...)",
    "topic",
    "verdict",
)
PANES_OVER_BOUND = _counter("panes_over_bound", "Names, queues, sources, tenants beyond their bound", "topic", "what")
PANES_OPEN = _gauge("panes_open", "Panes that are open", "topic", "partition")
READ_TO = _gauge("read_to_timestamp_seconds", "Greatest arrival read", "topic", "partition")
FLUSH_SECONDS = _seconds("flush", "From panes written to their acknowledgement")
BRAKED_PARTITIONS = _gauge("braked_partitions", "Partitions that wait while others catch up")

# around every fold
BATCH_SECONDS = _seconds("batch", "From a batch taken to its state written, by role", "role")
END_TO_END_SECONDS = _seconds(
    "end_to_end_latency", "From the event time stated to the acknowledgement, by topic", "topic"
)
CONSUMER_LAG_RECORDS = _gauge("consumer_lag_records", "Records not yet handled", "topic", "partition")
CONSUMER_LAG_SECONDS = _gauge(
    "consumer_lag_seconds", "Age of the last record handled while more wait", "topic", "partition"
)
STATE_WRITTEN_BYTES = _counter("state_written_bytes", "Fold state written, by state topic", "topic")
STATE_RESTORE_SECONDS = _seconds("state_restore", "Reading back one partition's state, by state topic", "topic")
DETECT_IGNORED = _counter("detect_ignored", "Pane records that changed nothing, series beyond a bound, by why", "why")
RECORDS_SKIPPED = _counter("records_skipped", "Records delivered again whose effects were durable already", "role")
WAITS = _counter("waits", "Times that work waited because something outside was away", "role")
DEFECTS = _counter("defects", "Records that ended this process or were set aside", "role")

# what detection says of channels and queues (streams/gauges.py)
ARRIVALS = _gauge("arrivals_per_minute", "Contacts that arrived in the last known minute", "tenant", "channel")
EXPECTED = _gauge("expected_arrivals_per_minute", "Contacts expected in that minute", "tenant", "channel")
EXPECTED_LOW = _gauge("expected_low_arrivals_per_minute", "Lower end of the usual range", "tenant", "channel")
EXPECTED_HIGH = _gauge("expected_high_arrivals_per_minute", "Upper end of the usual range", "tenant", "channel")
BACKLOG = _gauge("backlog_contacts", "Contacts waiting or open, estimated", "tenant", "channel")
ANSWERED = _gauge("answered_ratio", "Answered of those answered or abandoned in that minute", "tenant", "channel")
_QUEUE = ("tenant", "channel", "queue")  # a queue by its whole name: chat/billing
QUEUE_ARRIVALS = _gauge("queue_arrivals_per_minute", "Contacts that arrived in the last known minute", *_QUEUE)
QUEUE_EXPECTED = _gauge("queue_expected_arrivals_per_minute", "Contacts expected in that minute", *_QUEUE)
QUEUE_EXPECTED_LOW = _gauge("queue_expected_low_arrivals_per_minute", "Lower end of the usual range", *_QUEUE)
QUEUE_EXPECTED_HIGH = _gauge("queue_expected_high_arrivals_per_minute", "Upper end of the usual range", *_QUEUE)
QUEUE_BACKLOG = _gauge("queue_backlog_contacts", "Contacts waiting or open, estimated", *_QUEUE)
QUEUE_ANSWERED = _gauge("queue_answered_ratio", "Answered of those answered or abandoned in that minute", *_QUEUE)
COMPLETE_TO = _gauge("complete_to_timestamp_seconds", "Event time up to which panes are complete", "tenant")
FALSE_ALARM_BUDGET = _gauge("false_alarm_budget_incidents", "Incidents that may be false in 30 days", "tenant")
FALSE_ALARM_SPENT = _gauge("false_alarm_spent_incidents", "Incidents of the last 30 days that were false", "tenant")
SIGNALS = _counter("signals", "Signals stated, by kind and state", "signal_kind", "state")

# what the desk hears and says (streams/desk_gauges.py)
INCIDENTS_OPEN = _gauge("incidents_open", "Incidents that are open, easing or watched", "tenant", "phase")
INCIDENTS = _counter("incidents", "Incidents that came into a phase", "tenant", "phase")
INCIDENT_SERIES = ("tenant", "incident_id", "series", "signal_kind")
INCIDENT_EVIDENCE = _gauge("incident_evidence", "Evidence of a symptom (logarithm of odds)", *INCIDENT_SERIES)
INCIDENT_EVIDENCE_THRESHOLD = _gauge("incident_evidence_threshold", "The evidence at which it alarms", *INCIDENT_SERIES)
INCIDENT_RATIO = _gauge(
    "incident_observed_ratio", "A symptom's observed over expected, from its onset", *INCIDENT_SERIES
)
INCIDENT_OPENED = _gauge("incident_opened_timestamp_seconds", "When it was opened", "tenant", "incident_id", "cause")
QUEUE_AGENTS = _gauge("queue_agents", "Agents at a queue: staffed, available or on contact", *_QUEUE, "state")
QUEUE_AGENTS_SHORT = _gauge("queue_agents_short", "Agents missing at a queue in the current interval", *_QUEUE)
QUEUE_SERVICE_LEVEL = _gauge(
    "queue_service_level_ratio", "Share answered in time, estimated, of queues with a staffing alert", *_QUEUE
)
AGENTS_SHORT = _gauge("agents_short", "Agents missing in the current interval", "tenant", "channel")
COMMANDS = _counter(
    "load_shift_commands", "Load shifts put on the bus, by action and whether executable", "action", "mode"
)
LOAD_SHIFT_SHARE = _gauge(
    "load_shift_ratio",
    "Share of a queue's arrivals that a load shift moves: 0 once it is refused, taken back or over",
    "tenant",
    "incident_id",
    "action",
    "from_queue",
    "to_queue",
)
LOAD_SHIFTS_WAITING = _gauge("load_shift_proposals_waiting", "Load shifts that wait for a person's yes", "tenant")
COMMAND_RESULTS = _counter("load_shift_results", "The routing platform's answers", "state")
DECISIONS = _counter("operator_decisions", "What operators decided", "action")
KILLED = _gauge("kill_switch_pulled", "1 while a kill switch of the tenant is pulled", "tenant")
TOOL_UP = _gauge("tool_up_ratio", "1 up, 0.5 degraded or slow, 0 down", "tenant", "tool", "provider", "site")
TOOL_LATENCY = _gauge("tool_latency_seconds", "Latency that its probe measured", "tenant", "tool", "provider", "site")
TOOL_HEARD = _gauge("tool_heard_timestamp_seconds", "When its probe last spoke", "tenant", "tool", "provider", "site")
GAUGES_OVERFLOWED = _counter("gauges_overflowed", "Things beyond the bound, not shown as gauges, by what", "what")

# the process
BUILD = _gauge("build_info", "1; the release that runs", "version", "python")
ROLE_READY = _gauge("role_ready", "1 while the role does its work", "role")
ROLE_STANDSTILL = _gauge("role_standstill_seconds", "How long the role has got nowhere", "role")
LOOP_LAG_SECONDS = _seconds("event_loop_lag", "How late the event loop came to what was due")
ProcessCollector(namespace="breakwater", registry=REGISTRY)

# notify
SINK_REQUESTS = _counter("sink_requests", "Attempts to tell a sink, by outcome", "sink", "outcome")
SINK_REQUEST_SECONDS = _seconds("sink_request", "How long one attempt took", "sink")
SINK_FAILURES_IN_A_ROW = _gauge("sink_failures_in_a_row", "Attempts since the sink last took a notice", "sink")
OUTBOX_NOTICES = _gauge("outbox_notices", "Incidents and staffing alerts that the sink has still to be told of", "sink")
OUTBOX_DROPPED = _counter("outbox_dropped", "Notices given up because the outbox was full", "sink")

# web
WEB_REQUESTS = _counter("web_requests", "Requests answered, by route and status", "route", "status")
WEB_VIEWERS = _gauge("web_viewers", "Pages that are open and listen")
WEB_VIEWERS_DROPPED = _counter("web_viewers_dropped", "Viewers closed because they read too slowly")
WEB_VIEWERS_REFUSED = _counter("web_viewers_refused", "Viewers turned away because there were too many")
WEB_RECORDS_SKIPPED = _counter("web_records_skipped", "Records that the page could not read, by topic", "topic")
WEB_PUBLIC_WRITES = _counter("web_public_writes", "Customers' pages written, or not", "outcome")
WEB_BLIND = _gauge("web_blind", "1 while the page cannot read the bus")


class Seldom(logging.Filter):
    """Lets a library say the same thing once in a while: while a broker is away its clients would fill the log."""

    EVERY_SECONDS = 60.0
    KINDS_MAX = 1_000

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        what, now = (record.name, str(record.msg)[:40]), clock.elapsed()
        if now - self._said_at.get(what, -math.inf) < self.EVERY_SECONDS:
            return False
        if len(self._said_at) >= self.KINDS_MAX:
            self._said_at.clear()
        self._said_at[what] = now
        return True


def configure_logging(form: str, level: int = logging.INFO) -> None:
    """One line a fact on standard error: `console` for people, `json` for programs. Libraries' warnings as well."""
    last: Any = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    every: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*every, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    libraries = logging.StreamHandler(sys.stderr)
    libraries.addFilter(Seldom())
    rendered = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
    named = [structlog.stdlib.add_logger_name, *every]
    libraries.setFormatter(structlog.stdlib.ProcessorFormatter(processors=rendered, foreign_pre_chain=named))
    logging.basicConfig(level=logging.WARNING, handlers=[libraries], force=True)


def logger(stage: str) -> Any:
    """A logger whose lines carry the stage (ingest, detect, respond, notify, web ...). It may be made before logging is
    configured: it looks at the first line."""
    return structlog.get_logger(stage=stage)
