"""What the demo tells: the truth of its scenario beside what the bus says. Pure: values in, lines and rows out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from drills.scenario import Row, Scenario
from schemas.base import QueueRef
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.desk import DeskEntry
from schemas.incident import Incident
from schemas.signal import Signal
from schemas.tick import Tick
from schemas.workforce import Workforce

Tone = Literal["broke", "seen", "incident", "people", "command", "calm"]
IDLE_SHARE = 0.9
GROWN = 1.2


class Line(msgspec.Struct, frozen=True):
    """One line of the story, at its event time."""

    at: datetime
    tone: Tone
    text: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table at the end. `seen_in` says what showed it: a signal, or the workforce feed."""

    row: Row
    broke_at: datetime
    detected_at: datetime | None
    seen_in: Literal["signal", "workforce"] | None
    command_at: datetime | None

    @property
    def delay_seconds(self) -> float | None:
        """Event time from the break to the detection."""
        return None if self.detected_at is None else (self.detected_at - self.broke_at).total_seconds()

    @property
    def held(self) -> bool:
        """Whether a timed row kept its limit; rows that are not timed always do."""
        limit = self.row.limit_seconds
        return limit is None or (self.delay_seconds is not None and self.delay_seconds <= limit)


class Story:
    """Folds the messages of one tenant. `hear` returns the lines that a message adds."""

    def __init__(self, tenant: str, scenario: Scenario) -> None:
        self.tenant = tenant
        self.scenario = scenario
        self.complete_to: datetime | None = None
        self.incidents: dict[str, Incident] = {}
        self.alerts: dict[str, StaffingAlert] = {}
        self.commands: dict[str, LoadShiftCommand] = {}
        self.proposals: dict[str, LoadShiftCommand] = {}
        self.signals: dict[str, Signal] = {}
        self.dead_letters = 0
        self._seen: dict[str, tuple[datetime, Literal["signal", "workforce"]]] = {}
        self._first_signals: dict[str, tuple[Row, float]] = {}  # with the ratio last told
        self._free: dict[QueueRef, tuple[int, int]] = {}

    def hear(self, message: DeskEntry | Incident | StaffingAlert | LoadShiftCommand) -> list[Line]:
        """One message off the bus."""
        if message.tenant != self.tenant:
            return []
        match message:
            case DeskEntry():
                return self._desk(message)
            case Incident():
                return self._incident(message)
            case StaffingAlert():
                return self._alert(message)
            case LoadShiftCommand():
                return self._command(message)

    def hear_proposal(self, proposal: LoadShiftCommand) -> list[Line]:
        """A command that may not be executed, and why."""
        if proposal.tenant != self.tenant or proposal.command_id in self.proposals:
            return []
        self.proposals[proposal.command_id] = proposal
        why = proposal.blocked_by.text if proposal.blocked_by else "waits for approval"
        return [Line(proposal.issued_at, "people", f"proposal only: {proposal.text} ({why})")]

    def table(self) -> list[Told]:
        """What broke when, when it was seen, and when a command about it was on the bus."""
        return [self._told(row) for row in self.scenario.rows]

    def problems(self) -> list[str]:
        """Why the demo failed, if it did."""
        found = [
            f"{told.row.what}: {'not detected' if told.delay_seconds is None else f'{told.delay_seconds:.0f} s'}, "
            f"limit {told.row.limit_seconds:.0f} s"
            for told in self.table()
            if not told.held
        ]
        if (n := len(self.whole_incidents())) != self.scenario.incidents:
            found.append(f"{n} incidents, {self.scenario.incidents} expected")
        return found

    def whole_incidents(self) -> list[Incident]:
        """The incidents that were not merged into another, oldest first."""
        return sorted(
            (incident for incident in self.incidents.values() if incident.merged_into is None),
            key=lambda incident: (incident.opened_at, incident.incident_id),
        )

    def _told(self, row: Row) -> Told:
        at, where = self._seen.get(row.what, (None, None))
        broke_at = self.scenario.broke_at(row)
        about = [
            command.issued_at
            for command in self.commands.values()
            if row.at.channel in (command.from_queue.channel, command.to_queue.channel)
        ]
        commands = [issued for issued in about if issued >= broke_at]
        return Told(row=row, broke_at=broke_at, detected_at=at, seen_in=where, command_at=min(commands, default=None))

    def _desk(self, entry: DeskEntry) -> list[Line]:
        match entry.body:
            case Signal() as signal:
                return self._signal(signal)
            case Workforce() as report:
                return self._workforce(report)
            case Tick() as tick:
                self.complete_to = max(self.complete_to or tick.complete_to, tick.complete_to)
        return []

    def _signal(self, signal: Signal) -> list[Line]:
        before = self.signals.get(signal.signal_id)
        if before is not None and before.revision >= signal.revision:
            return []
        self.signals[signal.signal_id] = signal
        first = self._first_signals.get(signal.signal_id)
        if signal.state == "cleared":
            self._first_signals.pop(signal.signal_id, None)
            return [Line(signal.at, "calm", f"{first[0].at} is usual again")] if first else []
        if first is not None:
            return self._grown(signal, *first)
        lines = []
        for row in self._rows_of(signal):
            if self._see(row, signal.at, "signal"):
                self._first_signals[signal.signal_id] = (row, signal.ratio or 0.0)
                lines.append(Line(signal.at, "seen", _short(row, signal)))
        return lines

    def _grown(self, signal: Signal, row: Row, ratio_told: float) -> list[Line]:
        """A surge is told again when it has grown by a fifth since it was last told."""
        if signal.signal_kind != "surge" or (signal.ratio or 0.0) < GROWN * ratio_told:
            return []
        self._first_signals[signal.signal_id] = (row, signal.ratio or 0.0)
        return [Line(signal.at, "seen", _short(row, signal))]

    def _rows_of(self, signal: Signal) -> list[Row]:
        """The rows that a signal shows: the same channel (or queue of it), after the break, of a kind that says it."""
        return [
            row
            for row in self.scenario.rows
            if signal.signal_kind in row.kinds
            and signal.series.at.channel == row.at.channel
            and (row.at.queue is None or signal.series.at.queue in (None, row.at.queue))
            and signal.at > self.scenario.broke_at(row)
        ]

    def _see(self, row: Row, at: datetime, where: Literal["signal", "workforce"]) -> bool:
        """Keeps the earliest sight of a row; True when it is the first."""
        first = row.what not in self._seen
        if first or at < self._seen[row.what][0]:
            self._seen[row.what] = (at, where)
        return first

    def _workforce(self, report: Workforce) -> list[Line]:
        self._free[report.queue] = (report.available, report.staffed)
        lines = []
        for row in self.scenario.rows:
            if row.measure != "idle" or report.queue.channel != row.at.channel:
                continue
            parts = [part for queue, part in self._free.items() if queue.channel == row.at.channel]
            free, staffed = (sum(column) for column in zip(*parts, strict=True))
            broke = report.at > self.scenario.broke_at(row) and free >= IDLE_SHARE * staffed
            if broke and self._see(row, report.at, "workforce"):
                lines.append(Line(report.at, "people", f"{free} of {staffed} {row.at} agents are idle"))
        return lines

    def _incident(self, incident: Incident) -> list[Line]:
        before = self.incidents.get(incident.incident_id)
        if before is not None and before.revision >= incident.revision:
            return []
        self.incidents[incident.incident_id] = incident
        if before is None:
            return [Line(incident.at, "incident", f"INCIDENT {incident.phase}: {incident.title}")]
        lines = []
        if incident.cause.kind != before.cause.kind:
            sure = f"{incident.cause.sureness:.0%} sure"
            lines.append(Line(incident.at, "incident", f"incident: cause {incident.cause.kind}, {sure}"))
        if incident.phase != before.phase:
            why = incident.moves[-1].reason.text if incident.moves else ""
            lines.append(Line(incident.at, "incident", f"incident {incident.phase}: {why}"))
        return lines

    def _alert(self, alert: StaffingAlert) -> list[Line]:
        first = not any((a.incident_id, a.queue) == (alert.incident_id, alert.queue) for a in self.alerts.values())
        self.alerts[alert.alert_id] = alert
        return [Line(alert.at, "people", f"staffing: {alert.text}")] if first and alert.state == "open" else []

    def _command(self, command: LoadShiftCommand) -> list[Line]:
        """The first command of a route is told, and the first that takes something back."""
        if command.command_id in self.commands:
            return []
        others = self.commands.values()
        if command.reverts is None:
            route = (command.action, command.from_queue, command.to_queue)
            known = any((c.action, c.from_queue, c.to_queue) == route for c in others)
        else:
            known = any(c.reverts is not None for c in others)
        self.commands[command.command_id] = command
        return [] if known else [Line(command.issued_at, "command", f"command: {command.text}")]


def _short(row: Row, signal: Signal) -> str:
    """The sentence of a row with the signal's own numbers."""
    numbers = f"{signal.observed:.0f} where {signal.expected:.0f} are usual"
    match signal.signal_kind:
        case "silence":
            return f"{row.at} went silent: {numbers}"
        case "drop":
            return f"{row.at} fell by {1 - (signal.ratio or 0):.0%}: {numbers}"
        case "surge":
            return f"{row.at} {(signal.ratio or 1) - 1:+.0%}: {numbers}"
        case _:
            return f"{row.what} ({signal.series}): {signal.text}"
