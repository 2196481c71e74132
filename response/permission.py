"""What may go out by itself, what a person has to allow, and what nobody may: modes, age, blast radius, rate, stops."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from response import providers
from response.actions import LENDS_PEOPLE
from response.capacity import Picture, picture
from response.params import RespondParams
from response.state import Desk, IncidentState
from schemas.base import QueueRef
from schemas.centre import Mode, Route
from schemas.incident import Reason

WAITING = "waiting-for-approval"
TOO_OLD = "evidence-too-old"
BLAST = "blast-radius"
CARRIER = "carrier-holds-numbers"
SECOND = "waiting-for-second"
APPROVABLE = (WAITING, TOO_OLD, BLAST, CARRIER, SECOND)


def mode_of(desk: Desk, action: str) -> Mode:
    """The tenant's mode for an action; without a model, people decide."""
    return desk.centre.modes.get(action, desk.centre.mode) if desk.centre else "approve"


def approvals_needed(desk: Desk, action: str) -> int:
    return 2 if desk.centre is not None and action in desk.centre.two_person else 1


def blocked(
    desk: Desk,
    incident: IncidentState,
    route: Route,
    share: float,
    agents: int,
    evidence_at: datetime,
    params: RespondParams,
) -> Reason | None:
    """Why this may not be executed now; what is APPROVABLE a person may still let out."""
    action = route.action
    if desk.killed:
        by = ", ".join(sorted({stop.by for stop in desk.killed.values()}))
        return Reason(code="killed", text=f"the kill switch is on (by {by})")
    if incident.drill:
        return Reason(code="drill", text=f"exercise {incident.drill}: shown, never executed")
    mode = mode_of(desk, action)
    if mode == "dry-run":
        return Reason(code="mode-dry-run", text=f"mode of {action} is dry-run: shown, never executed")
    if desk.behind_seconds(evidence_at) > params.command_age_seconds_max:
        return Reason(
            code=TOO_OLD, text=f"the evidence is older than {params.command_age_seconds_max:g} s: a person decides"
        )
    asked = providers.hands_off(desk, route)
    if asked is not None:
        return asked
    if mode == "approve" or approvals_needed(desk, action) > 1:
        who = "two people decide" if approvals_needed(desk, action) > 1 else "a person decides"
        return Reason(code=WAITING, text=f"mode of {action} is {mode}: {who}")
    return _too_far(desk, route, share, agents, params) or _too_often(desk, incident, params)


def _too_often(desk: Desk, incident: IncidentState, params: RespondParams) -> Reason | None:
    hour = desk.now - timedelta(hours=1)
    if sum(at > hour for at in incident.commands_at) >= params.commands_an_hour_max:
        return Reason(code="rate-limit", text=f"more than {params.commands_an_hour_max} commands in an hour")
    sent = sum(at > hour for other in desk.incidents.values() for at in other.commands_at)
    if sent >= params.tenant_commands_an_hour_max:
        text = f"more than {params.tenant_commands_an_hour_max} commands of all incidents in an hour"
        return Reason(code="rate-limit", text=text)
    return None


def _too_far(desk: Desk, route: Route, share: float, agents: int, params: RespondParams) -> Reason | None:
    """Whether too much of the whole centre would be moved at once without a person's word."""
    assert desk.centre is not None, "a route is part of the centre's model"
    cap = desk.centre.blast_radius_max
    lends = route.action in LENDS_PEOPLE
    moved = agents if lends else share * _rate(desk, route.from_queue)
    for incident in desk.incidents.values():
        for shift in incident.shifts.values():
            same = (shift.action, shift.from_queue, shift.to_queue) == (route.action, route.from_queue, route.to_queue)
            if shift.running is None or same or (shift.action in LENDS_PEOPLE) != lends:
                continue
            moved += shift.agents if lends else shift.share * _rate(desk, shift.from_queue)
    whole = _people(desk, params) if lends else _contacts(desk)
    if whole <= 0 or moved <= cap * whole + 1e-6:
        return None
    what = "agents" if lends else "contacts"
    text = f"{moved / whole:.0%} of all {what} would be moved, {cap:.0%} may be without a person's word"
    return Reason(code=BLAST, text=text)


def _rate(desk: Desk, at: QueueRef) -> float:
    flow = desk.flows.get(str(at))
    return max(flow.rate, flow.usual_rate) if flow else 0.0


def _contacts(desk: Desk) -> float:
    """Contacts a second of the tenant, now or usually, whatever is more."""
    return math.fsum(max(flow.rate, flow.usual_rate) for name, flow in sorted(desk.flows.items()) if "/" not in name)


def _people(desk: Desk, params: RespondParams) -> float:
    assert desk.centre is not None
    seen = [picture(desk, at, params) for at in sorted({queue.at for queue in desk.centre.queues}, key=str)]
    return math.fsum(at.slots / at.concurrency for at in seen if isinstance(at, Picture))
