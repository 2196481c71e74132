"""What the folds said, as metrics: called with each output once its record is acknowledged."""

from __future__ import annotations

from typing import Any

from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.desk import DeskEntry
from schemas.incident import Incident
from schemas.signal import Load, QueueLoad, Signal
from schemas.tick import Tick
from streams import telemetry

CHANNELS_MAX = 2_000  # tenant and channel pairs shown; Prometheus keeps a series for each
PHASES = ("pending", "open", "easing", "watching")


class Gauges:
    """Remembers what a gauge needs between outputs: which incidents are in which phase, which queues are short."""

    def __init__(self) -> None:
        self._phase: dict[str, dict[str, str]] = {}
        self._short: dict[tuple[str, str], dict[str, int]] = {}
        self._shown: set[tuple[str, str]] = set()

    def observe(self, value: Any) -> None:
        """Takes one output value of a fold into the metrics."""
        match value:
            case DeskEntry(body=Load() as load):
                for row in load.loads:
                    self._load(load, row)
            case DeskEntry(body=Signal() as signal):
                telemetry.SIGNALS.labels(signal.signal_kind, signal.state).inc()
            case DeskEntry(body=Tick() as tick):
                telemetry.COMPLETE_TO.labels(tick.tenant).set(tick.complete_to.timestamp())
            case Incident():
                self._incident(value)
            case StaffingAlert():
                self._alert(value)
            case LoadShiftCommand():
                telemetry.COMMANDS.labels(value.action, value.mode if value.blocked_by is None else "blocked").inc()

    def _load(self, load: Load, row: QueueLoad) -> None:
        pair = (load.tenant, row.at.channel)
        if row.at.queue is not None or row.known_seconds <= 0:
            return
        if pair not in self._shown and len(self._shown) >= CHANNELS_MAX:
            telemetry.GAUGES_OVERFLOWED.inc()
            return
        self._shown.add(pair)
        a_minute = 60 / row.known_seconds
        telemetry.ARRIVALS.labels(*pair).set(row.arrivals * a_minute)
        telemetry.EXPECTED.labels(*pair).set(row.expected * a_minute)
        telemetry.EXPECTED_LOW.labels(*pair).set(row.expected_low * a_minute)
        telemetry.EXPECTED_HIGH.labels(*pair).set(row.expected_high * a_minute)
        if row.backlog is not None:
            telemetry.BACKLOG.labels(*pair).set(row.backlog)

    def _incident(self, incident: Incident) -> None:
        phases = self._phase.setdefault(incident.tenant, {})
        phases[incident.incident_id] = incident.phase
        if incident.phase == "resolved":
            del phases[incident.incident_id]
        for phase in PHASES:
            telemetry.INCIDENTS_OPEN.labels(incident.tenant, phase).set(sum(p == phase for p in phases.values()))

    def _alert(self, alert: StaffingAlert) -> None:
        pair = (alert.tenant, alert.queue.channel)
        short = self._short.setdefault(pair, {})
        missing = alert.intervals[0].agents_short if alert.intervals and alert.state == "open" else 0
        short[str(alert.queue)] = max(0, missing)
        telemetry.AGENTS_SHORT.labels(*pair).set(sum(short.values()))
