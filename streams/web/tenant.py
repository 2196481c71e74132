"""Everything the page knows of one tenant, folded from what its desk and its outputs said."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Literal

import msgspec

from schemas.base import QueueRef
from schemas.centre import Centre
from schemas.command import Bulletin, LoadShiftCommand, StaffingAlert
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskBody
from schemas.health import ToolHealth
from schemas.incident import Incident
from schemas.notice import Notification
from schemas.recovery import Recovery
from schemas.signal import Load, Signal
from schemas.status import DeskStatus
from schemas.tick import Tick
from schemas.workforce import Workforce
from streams.web import words
from streams.web.rows import RowTrack
from streams.web.shelf import Shelf

COMMANDS_MAX = 200
ALERTS_MAX = 200
BULLETINS_MAX = 60
TOOLS_MAX = 100
SIGNALS_MAX = 2_000
DECISIONS_MAX = 300
TOLD_MAX = 30  # of one incident


class Limits(msgspec.Struct, frozen=True):
    """How much the page keeps and how long it waits before it says that it is blind; names as in the settings."""

    tenants_max: int = 50
    queues_max: int = 1_000
    points_max: int = 360
    incidents_max: int = 100
    blind_after_seconds: float = 30.0


class TenantBoard:
    """One tenant. Every record may come twice or out of order: the higher revision or the later moment counts."""

    def __init__(self, name: str, limits: Limits, clock: Literal["system", "event"]) -> None:
        self.name = name
        self.clock = clock
        self.centre: Centre | None = None
        self.zone: tzinfo = words.zone_of("UTC")
        self.complete_to: datetime | None = None  # how far the contacts are counted, event time
        self.ticked_at: datetime | None = None  # when detection last spoke, wall clock
        self.status: DeskStatus | None = None
        self.rows: Shelf[RowTrack] = Shelf(limits.queues_max, lambda row: row.is_behind(self.complete_to), keeps=True)
        self.incidents: Shelf[Incident] = Shelf(limits.incidents_max, lambda one: one.phase == "resolved")
        self.recoveries: Shelf[Recovery] = Shelf(limits.incidents_max)
        self.alerts: Shelf[StaffingAlert] = Shelf(ALERTS_MAX, lambda one: one.state == "closed")
        self.alerted: Shelf[datetime] = Shelf(2 * ALERTS_MAX)  # when each was first said
        self.commands: Shelf[LoadShiftCommand] = Shelf(COMMANDS_MAX, self._has_expired)
        self.proposals: Shelf[LoadShiftCommand] = Shelf(COMMANDS_MAX, self._has_expired)
        self.results: Shelf[list[CommandResult]] = Shelf(2 * COMMANDS_MAX)  # by command, in order of time
        self.ended: Shelf[str] = Shelf(2 * COMMANDS_MAX)  # how a command ended by people's will
        self.bulletins: Shelf[Bulletin] = Shelf(BULLETINS_MAX)
        self.tools: Shelf[ToolHealth] = Shelf(TOOLS_MAX)
        self.signals: Shelf[Signal] = Shelf(SIGNALS_MAX, lambda one: one.state == "cleared")
        self.told: Shelf[dict[str, Notification]] = Shelf(2 * limits.incidents_max)
        self.decisions: Shelf[OperatorDecision] = Shelf(DECISIONS_MAX)
        self._last_steps: Shelf[LoadShiftCommand] = Shelf(COMMANDS_MAX)
        self._points_max = limits.points_max
        self._behind: set[str] = set()

    def hear(self, body: DeskBody, arrived_at: datetime) -> None:
        """One entry of the desk."""
        match body:
            case Load():
                self._hear_load(body)
            case Signal():
                self._hear_signal(body)
            case Tick():
                self.ticked_at = max(self.ticked_at or arrived_at, arrived_at)
                self._move_on(body.complete_to)
            case Workforce():
                self._hear_agents(body)
            case ToolHealth():
                known = self.tools.get(body.tool)
                if known is None or known.at <= body.at:
                    self.tools.put(body.tool, body)
            case OperatorDecision():
                self._hear_decision(body)
            case CommandResult():
                self._hear_result(body)
            case Centre():
                self.take_centre(body)

    def take_centre(self, centre: Centre) -> None:
        if self.centre is None or centre.version >= self.centre.version:
            self.centre = centre
            self.zone = words.zone_of(centre.time_zone)
            for incident_id in self.incidents.keys(whole=True):
                self.incidents.touch(incident_id)

    def take_incident(self, incident: Incident) -> None:
        known = self.incidents.get(incident.incident_id)
        if known is None or known.revision <= incident.revision:
            self.incidents.put(incident.incident_id, incident)

    def take_recovery(self, recovery: Recovery) -> None:
        known = self.recoveries.get(recovery.incident_id)
        if known is None or known.revision <= recovery.revision:
            self.recoveries.put(recovery.incident_id, recovery)
            self.incidents.touch(recovery.incident_id)

    def take_status(self, status: DeskStatus) -> None:
        if self.status is None or self.status.revision <= status.revision:
            slow = [*(self.status.slow if self.status else ()), *status.slow]
            self.status = status
            for tool in slow:
                self.tools.touch(tool.tool)

    @property
    def killed_by(self) -> str | None:
        """Who stopped all load shifts of the tenant, if somebody did."""
        stops = self.status.stops if self.status else []
        return next((stop.by for stop in stops if stop.reach == "tenant"), None)

    def take_alert(self, alert: StaffingAlert) -> None:
        """An alert has a new id with every revision: the page shows the last one of each incident and queue."""
        key = alert_key(alert)
        known = self.alerts.get(key)
        self.alerted.put(key, min(self.alerted.get(key) or alert.at, alert.at))
        if known is None or known.revision <= alert.revision:
            self.alerts.put(key, alert)
            self.incidents.touch(alert.incident_id)

    def take_command(self, command: LoadShiftCommand) -> None:
        self.commands.put(command.command_id, command)
        self.incidents.touch(command.incident_id)
        if command.reverts is not None:
            self.ended.put(command.reverts, "taken back")
            self._touch_command(command.reverts)
        else:
            self._replace_steps_before(command)

    def _replace_steps_before(self, command: LoadShiftCommand) -> None:
        """Of the steps on one way only the last is in effect."""
        way = way_of(command)
        last = self._last_steps.get(way)
        if last is not None and last.command_id == command.command_id:
            return
        older, newer = (command, last) if last is not None and last.step > command.step else (last, command)
        assert newer is not None
        self._last_steps.put(way, newer)
        if older is not None and older.command_id not in self.ended:
            self.ended.put(older.command_id, f"replaced by step {newer.step}")
            self._touch_command(older.command_id)

    def take_proposal(self, proposal: LoadShiftCommand) -> None:
        self.proposals.put(proposal.command_id, proposal)
        self.incidents.touch(proposal.incident_id)

    def take_bulletin(self, bulletin: Bulletin) -> None:
        self.bulletins.put(bulletin.bulletin_id, bulletin)
        self.incidents.touch(bulletin.incident_id)

    def take_notification(self, said: Notification) -> None:
        if said.incident_id is None:
            return  # about the centre's model
        told = self.told.get(said.incident_id) or {}
        told[f"{said.sink} {said.notice_id}"] = said
        if len(told) > TOLD_MAX:
            del told[min(told, key=lambda name: told[name].at)]
        self.told.put(said.incident_id, told)
        self.incidents.touch(said.incident_id)

    def now(self, wall: datetime) -> datetime:
        """The tenant's time: the wall clock's, or where its history is played, how far it has come."""
        return wall if self.clock == "system" else self.complete_to or wall

    def mark_rows_left_behind(self) -> None:
        """Rows change without a word when the others move on: called before their changes are asked for."""
        behind = {key for key, row in self.rows.items() if row.is_behind(self.complete_to)}
        for key in behind ^ self._behind:
            self.rows.touch(key)
        self._behind = behind

    def _has_expired(self, command: LoadShiftCommand) -> bool:
        return self.complete_to is not None and command.expires_at <= self.complete_to

    def _hear_load(self, load: Load) -> None:
        self._move_on(load.at)
        for one in load.loads:
            row = self._row(one.at)
            if row is not None:
                row.take_load(one, load.at, load.seconds)
                self.rows.touch(str(one.at))

    def _hear_agents(self, said: Workforce) -> None:
        row = self._row(said.queue)
        if row is not None:
            row.take_agents(said)
            self._touch_row(said.queue)

    def _hear_signal(self, signal: Signal) -> None:
        known = self.signals.get(signal.signal_id)
        if known is not None and known.revision > signal.revision:
            return
        self.signals.put(signal.signal_id, signal)
        row = self._row(signal.series.at)
        if row is not None:
            row.take_signal(signal)
            self._touch_row(signal.series.at)
        for incident_id, incident in self.incidents.items():
            if any(symptom.signal_id == signal.signal_id for symptom in incident.symptoms):
                self.incidents.touch(incident_id)

    def _hear_result(self, result: CommandResult) -> None:
        known = {one.state: one for one in self.results.get(result.command_id) or []}
        known[result.state] = result
        self.results.put(result.command_id, sorted(known.values(), key=lambda one: one.at))
        self._touch_command(result.command_id)

    def _hear_decision(self, decision: OperatorDecision) -> None:
        self.decisions.put(decision.decision_id, decision)
        if decision.action == "reject":
            self.ended.put(decision.target, f"rejected by {decision.by}")
        self.incidents.touch(decision.target)
        self._touch_command(decision.target)

    def _move_on(self, to: datetime) -> None:
        if self.complete_to is None or to > self.complete_to:
            self.complete_to = to

    def _row(self, at: QueueRef) -> RowTrack | None:
        """The row of a queue or channel; None where there are too many."""
        key = str(at)
        row = self.rows.get(key)
        if row is None:
            row = RowTrack(at, self._points_max)
            return row if self.rows.put(key, row) else None
        return row

    def _touch_row(self, at: QueueRef) -> None:
        self.rows.touch(str(at))
        self.rows.touch(at.channel)  # a channel's row counts its queues' signals and agents

    def _touch_command(self, command_id: str) -> None:
        for shelf in (self.commands, self.proposals):
            shelf.touch(command_id)
            command = shelf.get(command_id)
            if command is not None:
                self.incidents.touch(command.incident_id)


def way_of(command: LoadShiftCommand) -> str:
    """What the steps of one load shift have in common."""
    return f"{command.incident_id} {command.action} {command.from_queue} {command.to_queue}"


def alert_key(alert: StaffingAlert) -> str:
    return f"{alert.incident_id} {alert.queue}"
