"""What is done about one incident now: load shifts first, then who is still short."""

from __future__ import annotations

from datetime import datetime, timedelta

from response import guard, loadshift, phases, staffing
from response.actions import LENDS_PEOPLE, key_of
from response.capacity import Picture, picture
from response.guard import Issue
from response.params import RespondParams
from response.playbook import playbook_of
from response.state import Desk, IncidentState, ShiftState
from schemas.base import Origin
from schemas.command import StaffingAlert

Plan = tuple[list[Issue], list[StaffingAlert]]


def plan(
    desk: Desk, incident: IncidentState, evidence_at: datetime | None, origin: Origin, params: RespondParams
) -> Plan:
    """What goes out to the platform and to people; made anew when something happened, and once a minute of event
    time. `evidence_at` is the time of the evidence just heard, where it was evidence."""
    issues: list[Issue] = []
    acts = incident.phase == "open" and not incident.feed and incident.audience != "internal"
    if not acts:
        text = f"the incident is {incident.phase}"
        over = guard.stop_all if incident.phase == "resolved" else guard.wind_down
        issues += over(desk, incident, f"incident-{incident.phase}", text, origin, params)
        if incident.phase in ("watching", "resolved"):
            return issues, staffing.close_all(desk, incident, origin)
    every = timedelta(seconds=params.plan_every_seconds)
    if not (incident.replan or incident.planned_at is None or desk.now >= incident.planned_at + every):
        return issues + list(guard.expire(desk, incident, origin, params)), []
    incident.replan, incident.planned_at = False, desk.now
    if acts:
        issues += _shift(desk, incident, evidence_at, origin, params)
    return issues, _staff(desk, incident, origin, params)


def _shift(
    desk: Desk, incident: IncidentState, evidence_at: datetime | None, origin: Origin, params: RespondParams
) -> list[Issue]:
    if not any(symptom.open for symptom in phases.roots(incident)):
        # what failed works again: nothing new is moved while we make sure of it
        return list(guard.expire(desk, incident, origin, params))
    playbook = playbook_of(incident.cause.kind)
    actions = playbook[1].actions if playbook else None
    wishes = [] if incident.killed is not None else loadshift.plan(desk, incident, actions, params)
    seen = evidence_at or desk.clock.complete_to or desk.now
    issues = list(guard.bring_in_line(desk, incident, wishes, seen, origin, params))
    return issues + list(guard.expire(desk, incident, origin, params))


def _staff(desk: Desk, incident: IncidentState, origin: Origin, params: RespondParams) -> list[StaffingAlert]:
    if incident.phase not in ("open", "easing") or incident.feed or incident.audience == "internal":
        return []
    lent, relief = _lent(desk, params)
    return staffing.alerts(desk, incident, lent, relief, origin, params)


def _lent(desk: Desk, params: RespondParams) -> tuple[dict[str, float], dict[str, float]]:
    """By queue: slots that running shifts take there, and the share of arrivals that they take away."""
    lent: dict[str, float] = {}
    relief: dict[str, float] = {}
    for incident in desk.incidents.values():
        for name, shift in sorted(incident.shifts.items()):
            if shift.running is None:
                continue
            source, target = str(shift.from_queue), str(shift.to_queue)
            if shift.action in LENDS_PEOPLE:
                continue  # where they work now is what the workforce feed says
            lent[target] = lent.get(target, 0.0) + _work(desk, name, shift, params)
            relief[source] = min(1.0, relief.get(source, 0.0) + shift.share)
    return lent, relief


def _work(desk: Desk, name: str, shift: ShiftState, params: RespondParams) -> float:
    """Slots that a running shift keeps busy at its destination."""
    origin = picture(desk, shift.from_queue, params)
    routes = desk.centre.routes if desk.centre else []
    ratio = next((r.work_ratio for r in routes if key_of(r.action, r.from_queue, r.to_queue) == name), 1.0)
    if not isinstance(origin, Picture):
        return 0.0
    return shift.share * max(origin.rate, origin.usual_rate) * origin.handle_seconds * ratio
