"""What people decided and what the routing platform answered. Whatever cannot be done is refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import msgspec

from response import guard, permission, receipts
from response.guard import Issue
from response.incidents import add_to_desk
from response.params import RespondParams
from response.phases import move
from response.refused import NotAllowed, NotWaiting
from response.refused import Refused as Refused
from response.state import Desk, IncidentState, ShiftState
from schemas.base import Origin
from schemas.decision import CommandResult, OperatorDecision
from schemas.fold import digest
from schemas.incident import Reason
from schemas.status import Stop
from schemas.topics import LOAD_SHIFT_COMMANDS, LOAD_SHIFT_PROPOSALS

Reach = Literal["tenant", "incident", "command"]
RESULT_WORDS = {"refused": "platform-refused", "reverted": "platform-reverted", "expired": "platform-expired"}


def decide(desk: Desk, decision: OperatorDecision, origin: Origin, params: RespondParams) -> list[Issue]:
    """Carry out one decision, once. Raises Refused."""
    if decision.decision_id in desk.decisions:
        return []
    desk.decisions = [*desk.decisions, decision.decision_id][-params.decisions_remembered_max :]
    match decision.action:
        case "approve" | "reject" if _bench(desk, decision):
            return []
        case "approve":
            return list(_approve(desk, decision, origin, params))
        case "reject":
            return list(_reject(desk, decision, origin))
        case "read":
            receipts.hear(desk, decision)
            return []
        case "kill":
            return list(_kill(desk, decision, origin, params))
        case "unkill":
            return _unkill(desk, decision)
        case "accept-new-normal":
            return []  # concerns a series: detection hears it, and its signals are cleared
        case _:
            return list(_of_incident(desk, decision, origin, params))


def _bench(desk: Desk, decision: OperatorDecision) -> bool:
    """Whether the decision is about a staffing alert's bench: approving calls in whom it reserves, rejecting frees
    them. Raises Refused where it reserves nobody any more."""
    alerts = {state.last.alert_id for incident in desk.incidents.values() for state in incident.alerts.values()}
    asked = [one for one in desk.bookings if one.alert_id == decision.target]
    if not asked and decision.target not in alerts:
        return False
    waiting = [one for one in asked if one.called_by is None]
    if not waiting:
        by = next((one.called_by for one in asked), None)
        raise Refused("not-waiting", "bench-called" if by else "bench-not-asked", by=by)
    if desk.killed and decision.action == "approve":
        raise Refused("killed")
    for one in waiting:
        if decision.action == "approve":
            one.called_by, one.called_at = decision.by, desk.now
        else:
            desk.bookings.remove(one)
    for incident in desk.incidents.values():
        incident.replan = True
    return True


def _of_incident(desk: Desk, decision: OperatorDecision, origin: Origin, params: RespondParams) -> Iterator[Issue]:
    incident = desk.incidents.get(decision.target)
    if incident is None:
        gone = decision.target in desk.gone
        raise Refused("incident-over" if gone else "unknown-incident", target=decision.target)
    match decision.action:
        case "acknowledge":
            if incident.acknowledged_by not in (None, decision.by):
                raise Refused("already-acknowledged", by=incident.acknowledged_by)
            incident.acknowledged_by = decision.by
        case "mute":
            incident.muted_until = decision.until or desk.now + timedelta(seconds=params.mute_seconds)
        case "unmute":
            incident.muted_until = None
        case "not-an-incident":
            yield from _resolve(desk, incident, "not-an-incident", decision, origin, params)
        case "resolve":
            yield from _resolve(desk, incident, "resolved-by-operator", decision, origin, params)
        case "merge":
            yield from _merge(desk, incident, decision, origin, params)
        case "split":
            _split(desk, incident, decision, params)


def _resolve(
    desk: Desk, incident: IncidentState, code: str, decision: OperatorDecision, origin: Origin, params: RespondParams
) -> Iterator[Issue]:
    text = f"{decision.by} said so" + (f": {decision.note}" if decision.note else "")
    incident.resolved_at = desk.now
    move(incident, desk.now, "resolved", code, text, params.moves_max)
    yield from guard.stop_all(desk, incident, code, text, origin, params)


def _merge(
    desk: Desk, incident: IncidentState, decision: OperatorDecision, origin: Origin, params: RespondParams
) -> Iterator[Issue]:
    """The older one lives on with all symptoms; the younger is resolved and points to it."""
    other = desk.incidents.get(decision.into or "")
    if other is None or other is incident:
        raise Refused("unknown-incident", "nothing-to-merge", into=decision.into or "-")
    if other.feed != incident.feed:
        raise Refused("not-alike")
    older, younger = sorted((incident, other), key=lambda one: (one.opened_at, one.incident_id))
    older.symptoms = {**older.symptoms, **younger.symptoms}
    older.fronts = sorted({*older.fronts, *younger.fronts})
    older.replan = True
    older.acknowledged_by = older.acknowledged_by or younger.acknowledged_by
    older.killed = older.killed or younger.killed
    move(older, desk.now, older.phase, "merged", f"{younger.incident_id} was merged into it", params.moves_max)
    younger.merged_into = older.incident_id
    younger.resolved_at = desk.now
    text = f"{decision.by} merged it into {older.incident_id}"
    move(younger, desk.now, "resolved", "merged", text, params.moves_max)
    yield from guard.stop_all(desk, younger, "merged", text, origin, params)


def _split(desk: Desk, incident: IncidentState, decision: OperatorDecision, params: RespondParams) -> None:
    """The symptoms named by `into` (a signal, a series or a channel) become an incident of their own."""
    wanted = decision.into or ""
    chosen = {
        signal_id: symptom
        for signal_id, symptom in incident.symptoms.items()
        if wanted in (signal_id, str(symptom.series), str(symptom.series.at), symptom.series.at.channel)
    }
    if not chosen or len(chosen) == len(incident.symptoms):
        raise Refused("nothing-to-split", into=wanted or "-")
    first = min(chosen.values(), key=lambda symptom: (symptom.onset, symptom.signal_id))
    own = IncidentState(
        incident_id=f"{desk.tenant}-{digest(first.signal_id)}",
        audience=incident.audience,
        feed=incident.feed,
        opened_at=desk.now,
        onset=first.onset,
        fronts=[first.onset],
        symptoms=chosen,
        apart={signal_id: True for signal_id in incident.symptoms if signal_id not in chosen},
        acknowledged_by=incident.acknowledged_by,
        killed=incident.killed,
    )
    if own.incident_id == incident.incident_id or own.incident_id in desk.incidents:
        raise Refused("nothing-to-split", "first-signal-stays")
    for signal_id in chosen:
        del incident.symptoms[signal_id]
        incident.apart[signal_id] = True
    add_to_desk(desk, own, params)
    text = f"{decision.by} split {wanted}"
    move(own, desk.now, "open", "split", f"{text} from {incident.incident_id}", params.moves_max)
    move(incident, desk.now, incident.phase, "split", f"{text} into {own.incident_id}", params.moves_max)


def _approve(desk: Desk, decision: OperatorDecision, origin: Origin, params: RespondParams) -> Iterator[Issue]:
    incident, name, shift = _shift_of(desk, decision.target)
    waiting = shift.waiting
    if waiting is None or waiting.command_id != decision.target:
        raise _what_became(shift, decision.target)
    why = waiting.blocked_by.code if waiting.blocked_by else ""
    if desk.killed or incident.killed or shift.killed:
        raise Refused("killed")
    if why not in guard.APPROVABLE:
        raise NotAllowed("not-approvable", waiting.blocked_by or Reason(code="not-waiting", text="it is not waiting"))
    if waiting.expires_at <= desk.now:
        raise Refused("too-late", target=decision.target)
    if incident.phase != "open":
        raise Refused("incident-not-open", phase=incident.phase)
    ledger, routes = guard.running_ledger(desk, incident, params)
    route = routes.get(name)
    unsafe = (
        ledger.refuses(route, waiting.share) if route else Reason(code="no-route", text="there is no such route now")
    )
    if unsafe is not None:
        raise NotAllowed("no-longer-safe", unsafe)
    if decision.by in waiting.approvals:
        raise Refused("approved-already", by=decision.by)
    approvals = [*waiting.approvals, decision.by]
    if len(approvals) < permission.approvals_needed(desk, waiting.action):
        reason = Reason(code=permission.SECOND, text=f"{decision.by} approved it, another person has to as well")
        shift.waiting = msgspec.structs.replace(waiting, approvals=approvals, blocked_by=reason, origin=origin)
        yield LOAD_SHIFT_PROPOSALS, shift.waiting
        return
    command = msgspec.structs.replace(
        waiting,
        blocked_by=None,
        approved_by=", ".join(approvals),
        approvals=approvals,
        mode="approve",
        share_before=shift.share,
        issued_at=desk.now,
        origin=origin,
    )
    guard.start(desk, incident, shift, command, params)
    yield LOAD_SHIFT_COMMANDS, command


def _reject(desk: Desk, decision: OperatorDecision, origin: Origin) -> Iterator[Issue]:
    _, _, shift = _shift_of(desk, decision.target)
    waiting = shift.waiting
    if waiting is None or waiting.command_id != decision.target:
        raise _what_became(shift, decision.target)
    shift.rests_until = waiting.expires_at
    text = f"{decision.by} rejected it" + (f": {decision.note}" if decision.note else "")
    yield from guard.close_waiting(shift, Reason(code="rejected", text=text), origin)


def _shift_of(desk: Desk, command_id: str) -> tuple[IncidentState, str, ShiftState]:
    for incident in desk.incidents.values():
        for name, shift in incident.shifts.items():
            known = [one.command_id for one in (shift.waiting, shift.running) if one is not None]
            if command_id in known or command_id in shift.closed:
                return incident, name, shift
    raise Refused("unknown-command", target=command_id)


def _what_became(shift: ShiftState, command_id: str) -> Refused:
    if shift.running is not None and shift.running.command_id == command_id:
        by = shift.running.approved_by
        sentence = "runs-already-approved" if by else "runs-already"
        return Refused("not-waiting", sentence, target=command_id, by=by)
    return NotWaiting(command_id, shift.closed.get(command_id, "unknown"))


def _kill(desk: Desk, decision: OperatorDecision, origin: Origin, params: RespondParams) -> Iterator[Issue]:
    """Stops what it names: one command, one incident's shifts, or (any other target) everything of the tenant. When in
    doubt about what a person in a hurry meant, everything stops."""
    incident = desk.incidents.get(decision.target)
    text = f"{decision.by} used the kill switch"
    if incident is not None:
        incident.killed = _stop(desk, decision, "incident", incident.incident_id)
        yield from guard.stop_all(desk, incident, "killed", text, origin, params)
        incident.note("killed", f"{text}: nothing more is moved for this incident", params.notes_max)
        return
    try:
        _, _, shift = _shift_of(desk, decision.target)
    except Refused:
        desk.killed[decision.target] = _stop(desk, decision, "tenant", f"all load shifts of {desk.tenant}")
        for other in desk.incidents.values():
            yield from guard.stop_all(desk, other, "killed", text, origin, params)
            other.replan = True
        return
    shift.killed = _stop(desk, decision, "command", f"{shift.action} from {shift.from_queue} to {shift.to_queue}")
    reason = Reason(code="killed", text=text)
    yield from guard.close_waiting(shift, reason, origin)
    yield from guard.take_back(desk, shift, reason, origin, params)


def _stop(desk: Desk, decision: OperatorDecision, reach: Reach, what: str) -> Stop:
    text = what + (f": {decision.note}" if decision.note else "")
    return Stop(target=decision.target, reach=reach, by=decision.by, at=desk.now, text=text)


def _unkill(desk: Desk, decision: OperatorDecision) -> list[Issue]:
    """Undoes what it names; a tenant's name, or anything that is no incident or command, undoes the tenant's stop."""
    incident = desk.incidents.get(decision.target)
    if incident is not None and incident.killed is not None:
        incident.killed, incident.replan = None, True
        return []
    try:
        owner, _, shift = _shift_of(desk, decision.target)
    except Refused:
        pass
    else:
        if shift.killed is None:
            way = {"action": shift.action, "giver": shift.from_queue, "taker": shift.to_queue}
            raise Refused("not-killed", "way-not-stopped", **way)
        shift.killed, owner.replan = None, True
        return []
    if not desk.killed:
        raise Refused("not-killed")
    desk.killed = {}
    for other in desk.incidents.values():
        other.replan = True
    return []


def result(desk: Desk, answer: CommandResult, params: RespondParams) -> None:
    """Close the loop. Raises Refused for a command nobody knows."""
    incident, _, shift = _shift_of(desk, answer.command_id)
    desk.platform_answers = True
    running = shift.running
    if running is None or running.command_id != answer.command_id:
        return
    if answer.state == "applied":
        shift.confirmed = True
        return
    word = RESULT_WORDS[answer.state]
    shift.closed = {**shift.closed, answer.command_id: word}
    shift.running, shift.changed_at = None, desk.now
    shift.rests_until = desk.now + timedelta(seconds=params.refused_route_rest_seconds)
    text = f"the platform {answer.state} {shift.action} from {shift.from_queue} to {shift.to_queue}"
    incident.note(word, text + (f": {answer.text}" if answer.text else ""), params.notes_max)
