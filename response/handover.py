"""What the next shift has to know: open incidents, what runs and until when, what waits for a yes, what nobody read.

Written from messages as the bus has them, so that the desk (at the end of each turn of the first rota) and a person
(at any time) say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from response import on_call
from response.bulletins import clock_time, to_supervisors
from response.params import RespondParams
from response.state import Desk
from response.status import stops
from schemas.base import Origin
from schemas.command import Bulletin, LoadShiftCommand
from schemas.incident import Incident
from schemas.status import OnDuty, Stop

LINES_MAX = 40
At = Callable[[datetime], str]


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, as of `at`. `unread` are bulletins that not everybody has read yet."""

    at: datetime
    incidents: list[Incident]
    running: list[LoadShiftCommand]
    waiting: list[LoadShiftCommand]
    unread: list[Bulletin] = []
    stopped: list[Stop] = []
    on_duty: list[OnDuty] = []

    @property
    def is_empty(self) -> bool:
        return not (self.incidents or self.running or self.waiting or self.unread or self.stopped)


def lines(notes: Handover, zone: ZoneInfo) -> Iterator[str]:
    """The notes for a person, what is worst first."""

    def at(moment: datetime) -> str:
        return clock_time(moment, notes.at, zone)

    for duty in notes.on_duty:
        until = f" until {at(duty.until)}" if duty.until else ""
        yield f"On call, {duty.rota}: {', '.join(duty.who) or 'nobody'}{until}"
    for stop in notes.stopped:
        yield f"Stopped by {stop.by} since {at(stop.at)}: {stop.text} (breakwater unkill {stop.target})"
    for incident in notes.incidents:
        yield f"{incident.severity}, {incident.phase} since {at(incident.onset)}: {incident.title}"
        yield f"  {incident.incident_id}; {'; '.join(_standing(incident, at))}"
        yield from (f"  {line}" for line in _shifts(notes, incident.incident_id, at))
        yield from (
            f"  not read by all: {bulletin.template} to {bulletin.audience} of {at(bulletin.at)}"
            for bulletin in notes.unread
            if bulletin.incident_id == incident.incident_id
        )
    if notes.is_empty:
        yield "Nothing is open, nothing runs, nothing waits."


def _standing(incident: Incident, at: At) -> Iterator[str]:
    if incident.drill:
        yield f"DRILL {incident.drill}"
    if incident.acknowledged_by:
        yield f"taken on by {incident.acknowledged_by}"
    else:
        yield "nobody has taken it on"
    if incident.muted_until:
        yield f"muted until {at(incident.muted_until)}"
    asked = incident.escalation
    if asked is not None and not incident.acknowledged_by:
        yield f"{', '.join(asked.who) or 'nobody'} ({asked.rota}) was asked at {at(asked.at)}"
        if asked.next_at is not None:
            yield f"{asked.next_rota} is asked at {at(asked.next_at)}"


def _shifts(notes: Handover, incident_id: str, at: At) -> Iterator[str]:
    for command in notes.running:
        if command.incident_id == incident_id:
            yield f"runs until {at(command.expires_at)}: {command.share:.0%} {_way(command)} ({command.command_id})"
    for proposal in notes.waiting:
        if proposal.incident_id == incident_id:
            yield f"waits for a yes until {at(proposal.expires_at)}: {_way(proposal)} ({proposal.command_id})"


def _way(command: LoadShiftCommand) -> str:
    return f"{command.from_queue} -> {command.to_queue} by {command.action}"


def due(desk: Desk, origin: Origin, params: RespondParams) -> Iterator[Bulletin]:
    """The notes at the end of a turn of the first rota, if there is anything to hand over."""
    before = desk.status.on_duty[:1] if desk.status else []
    now = on_call.on_duty(desk.centre, desk.clock.wall)[:1] if _turn_over(desk, before) else before
    if not (before and now) or before[0].rota != now[0].rota or before[0].who == now[0].who:
        return
    notes = of_desk(desk, now)
    if notes.is_empty:
        return
    zone = on_call.zone_of(desk.centre.time_zone if desk.centre else "UTC")
    leaving, coming = (", ".join(duty.who) or "nobody" for duty in (before[0], now[0]))
    head = f"{leaving} to {coming} ({now[0].rota})"
    said = list(lines(notes, zone))
    more = [f"{len(said) - LINES_MAX} lines more: breakwater handover"] if len(said) > LINES_MAX else []
    text = "\n".join([head, *said[:LINES_MAX], *more])
    unique = f"{now[0].rota} {desk.clock.wall.isoformat()}"
    yield from to_supervisors(desk, "handover", desk.tenant, unique, text, origin, params)


def _turn_over(desk: Desk, before: Iterable[OnDuty]) -> bool:
    return any(duty.until is not None and duty.until <= desk.clock.wall for duty in before)


def of_desk(desk: Desk, on_duty: list[OnDuty]) -> Handover:
    """What the desk itself knows now."""
    shifts = [shift for _, one in sorted(desk.incidents.items()) for _, shift in sorted(one.shifts.items())]
    open_now = [one.said for _, one in sorted(desk.incidents.items()) if one.said is not None]
    return Handover(
        at=desk.clock.wall,
        incidents=sorted(open_now, key=rank),
        running=[shift.running for shift in shifts if shift.running is not None],
        waiting=[shift.waiting for shift in shifts if shift.waiting is not None],
        stopped=list(stops(desk)),
        on_duty=on_duty,
    )


def rank(incident: Incident) -> tuple[int, int, str]:
    """Open before watched, critical before the rest."""
    phases = ("open", "easing", "pending", "watching", "resolved")
    severities = ("critical", "error", "warning", "info")
    return phases.index(incident.phase), severities.index(incident.severity), incident.incident_id
