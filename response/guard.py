"""From wishes to commands: modes, steps, expiry, inverse, age, kill switch. Nothing goes out that this did not pass.

A command runs until its incident eases, its expiry, the kill switch, or its guard; then its inverse goes out. While the
incident lasts it is renewed under a new step. What may not be executed is a proposal that says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from response.capacity import within
from response.ledger import Ledger, key_of, open_ledger, usable
from response.loadshift import Wish
from response.params import RespondParams
from response.state import Desk, IncidentState, ShiftState
from schemas.base import Origin
from schemas.centre import CentreChannel, Mode, Route
from schemas.command import Guard, Inverse, LoadShiftCommand
from schemas.fold import digest
from schemas.incident import Reason
from schemas.topics import LOAD_SHIFT_COMMANDS, LOAD_SHIFT_PROPOSALS, Topic

Issue = tuple[Topic, LoadShiftCommand]
WAITING = "waiting-for-approval"
TOO_OLD = "evidence-too-old"
APPROVABLE = (WAITING, TOO_OLD)
EVIDENCE_MAX = 10
CLOSED_MAX = 20


def bring_in_line(
    desk: Desk,
    incident: IncidentState,
    wishes: list[Wish],
    evidence_at: datetime,
    origin: Origin,
    params: RespondParams,
) -> Iterator[Issue]:
    """What has to go out so that what runs is what is wished, as far as it may."""
    wanted = {wish.key: wish for wish in wishes}
    violated = _violated(desk, incident, params)
    for name in sorted(set(wanted) | set(incident.shifts)):
        wish = wanted.get(name)
        shift = incident.shifts.get(name)
        if wish is None:
            if shift is not None:
                yield from _without_wish(desk, shift, violated.get(name), origin, params)
            continue
        if shift is None:
            route = wish.route
            shift = ShiftState(action=route.action, from_queue=route.from_queue, to_queue=route.to_queue)
            incident.shifts[name] = shift
        unsafe = violated.get(name)
        if not _due(desk, shift, wish, unsafe is not None, evidence_at, params):
            continue
        if unsafe is not None and blocked(desk, incident, shift.action, evidence_at, params):
            # the smaller share has to wait for somebody; the larger one may not
            yield from take_back(desk, shift, unsafe, origin, params)
        yield from _issue(desk, incident, shift, wish, evidence_at, origin, params)


def stop_all(
    desk: Desk, incident: IncidentState, code: str, text: str, origin: Origin, params: RespondParams
) -> Iterator[Issue]:
    """The inverse of all that runs; nothing waits any more."""
    for _, shift in sorted(incident.shifts.items()):
        yield from close_waiting(shift, Reason(code=code, text=text), origin)
        yield from take_back(desk, shift, Reason(code=code, text=text), origin, params)


def take_back(desk: Desk, shift: ShiftState, reason: Reason, origin: Origin, params: RespondParams) -> Iterator[Issue]:
    """The running command's inverse, which is always allowed."""
    running = shift.running
    if running is None:
        return
    shift.running = None
    shift.changed_at = desk.now
    _remember(shift, running.command_id, reason.code)
    _remember(shift, running.inverse.command_id, "inverse")
    redo = Inverse(
        command_id=running.command_id, from_queue=shift.from_queue, to_queue=shift.to_queue, share=running.share
    )
    text = f"Take back {running.share:.0%} of {shift.from_queue} from {shift.to_queue} ({shift.action}): {reason.text}"
    yield (
        LOAD_SHIFT_COMMANDS,
        msgspec.structs.replace(
            running,
            command_id=running.inverse.command_id,
            dedup_key=running.inverse.command_id,
            share=running.inverse.share,
            share_before=running.share,
            issued_at=desk.now,
            expires_at=desk.now + timedelta(seconds=params.command_expiry_seconds),
            inverse=redo,
            binding=[],
            projections=[],
            reverts=running.command_id,
            text=text,
            origin=origin,
        ),
    )


def expire(desk: Desk, incident: IncidentState, origin: Origin, params: RespondParams) -> Iterator[Issue]:
    """Inverses of what ran out; proposals that nobody approved in time are over."""
    for _, shift in sorted(incident.shifts.items()):
        if shift.waiting is not None and shift.waiting.expires_at <= desk.now:
            yield from close_waiting(shift, Reason(code="expired", text="nobody approved it in time"), origin)
        if shift.running is not None and shift.running.expires_at <= desk.now:
            yield from take_back(desk, shift, Reason(code="expired", text="it ran out"), origin, params)


def close_waiting(shift: ShiftState, why: Reason, origin: Origin) -> Iterator[Issue]:
    """The last word on a proposal that waits no more: nobody is to wonder whether it may still be approved."""
    waiting = shift.waiting
    if waiting is not None:
        _remember(shift, waiting.command_id, why.code)
        shift.waiting = None
        yield LOAD_SHIFT_PROPOSALS, msgspec.structs.replace(waiting, blocked_by=why, closed=True, origin=origin)


def _remember(shift: ShiftState, command_id: str, why: str) -> None:
    shift.closed = dict([*shift.closed.items(), (command_id, why)][-CLOSED_MAX:])


def mode_of(desk: Desk, action: str) -> Mode:
    """The tenant's mode for an action; without a model, people decide."""
    return desk.centre.modes.get(action, desk.centre.mode) if desk.centre else "approve"


def blocked(
    desk: Desk, incident: IncidentState, action: str, evidence_at: datetime, params: RespondParams
) -> Reason | None:
    """Why a command of this action may not be executed now."""
    if desk.killed:
        by = ", ".join(sorted({stop.by for stop in desk.killed.values()}))
        return Reason(code="killed", text=f"the kill switch is on (by {by})")
    mode = mode_of(desk, action)
    if mode == "dry-run":
        return Reason(code="mode-dry-run", text=f"mode of {action} is dry-run: shown, never executed")
    if desk.behind_seconds(evidence_at) > params.command_age_seconds_max:
        return Reason(
            code=TOO_OLD, text=f"the evidence is older than {params.command_age_seconds_max:g} s: a person decides"
        )
    if mode == "approve":
        return Reason(code=WAITING, text=f"mode of {action} is approve: a person decides")
    hour = desk.now - timedelta(hours=1)
    if sum(at > hour for at in incident.commands_at) >= params.commands_an_hour_max:
        return Reason(code="rate-limit", text=f"more than {params.commands_an_hour_max} commands in an hour")
    return None


def _violated(desk: Desk, incident: IncidentState, params: RespondParams) -> dict[str, Reason]:
    """Running shifts whose donor is no longer safe, by today's numbers; with room between start and stop."""
    if not any(shift.running for shift in incident.shifts.values()):
        return {}
    ledger, routes = running_ledger(desk, incident, params)
    found = {}
    for name, route in routes.items():
        reason = ledger.refuses(route, ledger.share(route), runs=True)
        if reason is not None and ledger.share(route) > 0:
            found[name] = reason
    return found


def running_ledger(desk: Desk, incident: IncidentState, params: RespondParams) -> tuple[Ledger, dict[str, Route]]:
    """The book with everything that runs now, and the routes it knows."""
    ledger = open_ledger(desk, incident, params)
    routes = {
        key_of(route.action, route.from_queue, route.to_queue): route
        for route in (desk.centre.routes if desk.centre else [])
        if usable(ledger, route)
    }
    for name, route in sorted(routes.items()):
        shift = incident.shifts.get(name)
        if shift is not None and shift.running:
            ledger.set(route, shift.share)
    return ledger, routes


def _without_wish(
    desk: Desk, shift: ShiftState, violated: Reason | None, origin: Origin, params: RespondParams
) -> Iterator[Issue]:
    useless = Reason(code="no-longer-useful", text="moving contacts there would help nobody now")
    yield from close_waiting(shift, useless, origin)
    settled = shift.changed_at is None or desk.now >= shift.changed_at + timedelta(seconds=params.check_after_seconds)
    if shift.running is None or not (violated or settled):
        return
    reason = violated or useless
    shift.rests_until = desk.now + timedelta(seconds=params.refused_route_rest_seconds)
    yield from take_back(desk, shift, reason, origin, params)


def _due(
    desk: Desk, shift: ShiftState, wish: Wish, violated: bool, evidence_at: datetime, params: RespondParams
) -> bool:
    """Whether the route needs a new step: nothing is out yet, it must shrink, it may grow, or it runs out soon."""
    now = desk.now
    if violated:
        return True
    if shift.killed is not None:
        return False
    if shift.rests_until is not None and now < shift.rests_until:
        return False
    if shift.waiting is not None and not _outdated(desk, shift, shift.waiting, wish, evidence_at, params):
        return False
    if shift.running is None:
        return True
    if now >= shift.running.expires_at - timedelta(seconds=params.renew_before_seconds):
        return True
    settled = shift.changed_at is None or now >= shift.changed_at + timedelta(seconds=params.check_after_seconds)
    return settled and abs(wish.share - shift.share) >= params.share_change_min - 1e-9


def _outdated(
    desk: Desk, shift: ShiftState, waiting: LoadShiftCommand, wish: Wish, evidence_at: datetime, params: RespondParams
) -> bool:
    """Whether a proposal no longer says what is wished, or what blocked it has changed."""
    why = waiting.blocked_by.code if waiting.blocked_by else ""
    settled = desk.now >= waiting.issued_at + timedelta(seconds=params.alert_every_seconds)
    if settled and abs(wish.share - waiting.share) >= params.share_change_min - 1e-9:
        return True
    mode = mode_of(desk, shift.action)
    killed = bool(desk.killed)
    lifted = {
        "killed": not killed,
        "mode-dry-run": mode != "dry-run",
        WAITING: mode != "approve",
        TOO_OLD: mode == "auto" and desk.behind_seconds(evidence_at) <= params.command_age_seconds_max,
        "rate-limit": settled,
    }
    return lifted.get(why, True) and (why == "killed" or not killed)


def _issue(
    desk: Desk,
    incident: IncidentState,
    shift: ShiftState,
    wish: Wish,
    evidence_at: datetime,
    origin: Origin,
    params: RespondParams,
) -> Iterator[Issue]:
    if mode_of(desk, shift.action) == "off":
        return
    if evidence_at + timedelta(seconds=params.command_expiry_seconds) <= desk.now:
        incident.note(TOO_OLD, "what was seen is too old to act upon, even with approval", params.notes_max)
        return
    newer = Reason(code="superseded", text=f"step {shift.step + 1} takes its place")
    yield from close_waiting(shift, newer, origin)
    shift.step += 1
    why = blocked(desk, incident, shift.action, evidence_at, params)
    command = _command(desk, incident, shift, wish, evidence_at, why, origin, params)
    if why is not None:
        shift.waiting = command
        yield LOAD_SHIFT_PROPOSALS, command
    else:
        start(desk, incident, shift, command)
        yield LOAD_SHIFT_COMMANDS, command


def start(desk: Desk, incident: IncidentState, shift: ShiftState, command: LoadShiftCommand) -> None:
    """From now on this command runs; the step before it is replaced by it."""
    if shift.running is not None:
        _remember(shift, shift.running.command_id, "superseded")
    shift.running, shift.waiting, shift.changed_at = command, None, desk.now
    hour = desk.now - timedelta(hours=1)
    incident.commands_at = [*(at for at in incident.commands_at if at > hour), desk.now]


def _command(
    desk: Desk,
    incident: IncidentState,
    shift: ShiftState,
    wish: Wish,
    evidence_at: datetime,
    why: Reason | None,
    origin: Origin,
    params: RespondParams,
) -> LoadShiftCommand:
    route, centre = wish.route, desk.centre
    assert centre is not None, "a wish is a route of the centre's model"
    command_id = digest(incident.incident_id, route.action, route.from_queue, route.to_queue, shift.step)
    donor = centre.channels.get(route.to_queue.channel) or CentreChannel()
    floor = sum(queue.floor_agents for queue in within(centre, route.to_queue))
    cap = min([route.share_max, *(queue.share_max for queue in within(centre, route.from_queue))])
    expires = evidence_at + timedelta(seconds=params.command_expiry_seconds)
    return LoadShiftCommand(
        command_id=command_id,
        dedup_key=command_id,
        incident_id=incident.incident_id,
        tenant=desk.tenant,
        action=route.action,
        from_queue=route.from_queue,
        to_queue=route.to_queue,
        share=wish.share,
        share_before=shift.share,
        share_cap=cap,
        step=shift.step,
        issued_at=desk.now,
        expires_at=expires,
        mode=mode_of(desk, route.action),
        guard=Guard(
            donor=route.to_queue,
            stop_if_service_level_below=round(max(0.0, donor.target_share - 2 * params.donor_margin), 4),
            stop_if_agents_below=floor,
            check_after_seconds=params.check_after_seconds,
        ),
        # back to what was before the incident, not to the step before
        inverse=Inverse(
            command_id=digest(command_id, "inverse"), from_queue=route.from_queue, to_queue=route.to_queue, share=0.0
        ),
        evidence=[symptom.signal_id for symptom in incident.open_symptoms()][:EVIDENCE_MAX],
        projections=wish.projections,
        binding=wish.binding,
        blocked_by=why,
        text=f"Move {wish.share:.0%} of {route.from_queue} to {route.to_queue} ({route.action}); {wish.binding[0]}",
        origin=origin,
    )
