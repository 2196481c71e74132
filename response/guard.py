"""From wishes to commands: modes, steps, expiry, inverse, age, kill switch. Nothing goes out that this did not pass.

A command runs until its incident eases, its expiry, the kill switch, or its guard; then its inverse goes out. While the
incident lasts it is renewed under a new step. What may not be executed is a proposal that says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from response import bot_mode, effects, orders, providers
from response.actions import key
from response.ledger import Ledger, open_ledger, usable
from response.loadshift import Wish
from response.params import RespondParams
from response.permission import APPROVABLE as APPROVABLE
from response.permission import BLAST, CARRIER, SECOND, TOO_OLD, WAITING, blocked, mode_of
from response.state import Desk, IncidentState, ShiftState
from schemas.base import Origin
from schemas.centre import Route
from schemas.command import Inverse, LoadShiftCommand
from schemas.fold import digest
from schemas.incident import Reason
from schemas.topics import LOAD_SHIFT_COMMANDS, LOAD_SHIFT_PROPOSALS, Topic

Issue = tuple[Topic, LoadShiftCommand]
CLOSED_MAX = 20
# found in what runs, these end the shift for a while, whatever is wished
ENDS = frozenset({"no-effect", "not-confirmed", "harm", "containment", "bot-down", "no-route"})


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
        ended = violated.get(name)
        if shift is not None and ended is not None and ended.code in ENDS:
            yield from _end(desk, incident, shift, ended, origin, params)
            continue
        if wish is None:
            if shift is not None:
                yield from _without_wish(desk, shift, violated.get(name), origin, params)
            continue
        if shift is None:
            route = wish.route
            shift = ShiftState(action=route.action, from_queue=route.from_queue, to_queue=route.to_queue)
            incident.shifts[name] = shift
        unsafe = violated.get(name)
        if not _due(desk, incident, shift, wish, unsafe is not None, evidence_at, params):
            continue
        if unsafe is not None and blocked(desk, incident, wish.route, wish.share, wish.agents, evidence_at, params):
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


def _end(
    desk: Desk, incident: IncidentState, shift: ShiftState, why: Reason, origin: Origin, params: RespondParams
) -> Iterator[Issue]:
    """It does not do what it was made for: the inverse goes out, and the route rests."""
    yield from close_waiting(shift, why, origin)
    incident.note(
        why.code, f"{shift.action} from {shift.from_queue} to {shift.to_queue} ended: {why.text}", params.notes_max
    )
    shift.rests_until = desk.now + timedelta(seconds=params.refused_route_rest_seconds)
    yield from take_back(desk, shift, why, origin, params)


def wind_down(
    desk: Desk, incident: IncidentState, code: str, text: str, origin: Origin, params: RespondParams
) -> Iterator[Issue]:
    """The inverse of all that runs, but for ways in by which customers come while what failed is not trusted yet:
    these stay, and are renewed."""
    for _, shift in sorted(incident.shifts.items()):
        held = providers.holds(desk, shift.action, shift.from_queue.channel, shift.changed_at, params)
        if shift.running is None or held is None:
            reason = Reason(code=code, text=text)
            yield from close_waiting(shift, reason, origin)
            yield from take_back(desk, shift, reason, origin, params)
            continue
        incident.note(held.code, f"{shift.action} for {shift.from_queue}: {held.text}", params.notes_max)
        if desk.now >= shift.running.expires_at - timedelta(seconds=params.renew_before_seconds):
            yield from _renew(desk, incident, shift, held, origin, params)


def _renew(
    desk: Desk, incident: IncidentState, shift: ShiftState, why: Reason, origin: Origin, params: RespondParams
) -> Iterator[Issue]:
    running = shift.running
    assert running is not None
    shift.step += 1
    command_id = digest(incident.incident_id, shift.action, shift.from_queue, shift.to_queue, shift.step)
    renewed = msgspec.structs.replace(
        running,
        command_id=command_id,
        dedup_key=command_id,
        step=shift.step,
        share_before=running.share,
        issued_at=desk.now,
        expires_at=desk.now + timedelta(seconds=params.command_expiry_seconds),
        inverse=msgspec.structs.replace(running.inverse, command_id=digest(command_id, "inverse")),
        binding=[why.text],
        origin=origin,
    )
    start(desk, incident, shift, renewed, params)
    yield LOAD_SHIFT_COMMANDS, renewed


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
            agents=0,
            reverts=running.command_id,
            text=f"{orders.undone(running)}: {reason.text}",
            origin=origin,
        ),
    )


def expire(desk: Desk, incident: IncidentState, origin: Origin, params: RespondParams) -> Iterator[Issue]:
    """Inverses of what ran out; proposals that nobody approved in time are over."""
    for _, shift in sorted(incident.shifts.items()):
        if shift.waiting is not None and shift.waiting.expires_at <= desk.now:
            yield from close_waiting(shift, Reason(code="expired", text="nobody approved it in time"), origin)
        if shift.running is None:
            continue
        held = providers.holds(desk, shift.action, shift.from_queue.channel, shift.changed_at, params)
        if held is not None and desk.now >= shift.running.expires_at - timedelta(seconds=params.renew_before_seconds):
            yield from _renew(desk, incident, shift, held, origin, params)
        elif shift.running.expires_at <= desk.now:
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


def _violated(desk: Desk, incident: IncidentState, params: RespondParams) -> dict[str, Reason]:
    """Running shifts that must not go on: their donor is no longer safe by today's numbers (with room between start and
    stop), their provider failed, their bot steps back, they do harm, or nothing comes of them."""
    if not any(shift.running for shift in incident.shifts.values()):
        return {}
    ledger, routes = running_ledger(desk, incident, params)
    found = {}
    for name, shift in sorted(incident.shifts.items()):
        route = routes.get(name)
        if shift.running is None:
            continue
        if route is None:
            text = "there is no such route any more, or it leads to what has failed"
            found[name] = Reason(code="no-route", text=text)
            continue
        reason = (
            ledger.refuses(route, ledger.share(route), runs=True)
            or bot_mode.fails(desk, route)
            or effects.harm(desk, shift, route, params)
        )
        if reason is None:
            reason = effects.missing(desk, shift, route, ledger, params)
        if reason is not None:
            found[name] = reason
    return found


def running_ledger(desk: Desk, incident: IncidentState, params: RespondParams) -> tuple[Ledger, dict[str, Route]]:
    """The book with everything that runs now, and the routes it knows."""
    ledger = open_ledger(desk, incident, params)
    routes = {key(route): route for route in (desk.centre.routes if desk.centre else []) if usable(ledger, route)}
    for name, route in sorted(routes.items()):
        shift = incident.shifts.get(name)
        if shift is not None and shift.running:
            ledger.set(route, ledger.running_share(route, shift))
    return ledger, routes


def _without_wish(
    desk: Desk, shift: ShiftState, violated: Reason | None, origin: Origin, params: RespondParams
) -> Iterator[Issue]:
    useless = Reason(code="no-longer-useful", text="moving contacts there would help nobody now")
    yield from close_waiting(shift, useless, origin)
    settled = shift.changed_at is None or desk.now >= shift.changed_at + timedelta(seconds=params.check_after_seconds)
    if shift.running is None or not (violated or settled):
        return
    held = providers.holds(desk, shift.action, shift.from_queue.channel, shift.changed_at, params)
    if held is not None and violated is None:
        return  # a switch is made once: its way back waits until what failed is trusted
    reason = violated or useless
    shift.rests_until = desk.now + timedelta(seconds=params.refused_route_rest_seconds)
    yield from take_back(desk, shift, reason, origin, params)


def _due(
    desk: Desk,
    incident: IncidentState,
    shift: ShiftState,
    wish: Wish,
    violated: bool,
    evidence_at: datetime,
    params: RespondParams,
) -> bool:
    """Whether the route needs a new step: nothing is out yet, it must shrink, it may grow, or it runs out soon."""
    now = desk.now
    if violated:
        return True
    if shift.killed is not None:
        return False
    if shift.rests_until is not None and now < shift.rests_until:
        return False
    if shift.waiting is not None and not _outdated(desk, incident, shift, shift.waiting, wish, evidence_at, params):
        return False
    if shift.running is None:
        return True
    if now >= shift.running.expires_at - timedelta(seconds=params.renew_before_seconds):
        return True
    settled = shift.changed_at is None or now >= shift.changed_at + timedelta(seconds=params.check_after_seconds)
    return settled and abs(wish.share - shift.share) >= params.share_change_min - 1e-9


def _outdated(
    desk: Desk,
    incident: IncidentState,
    shift: ShiftState,
    waiting: LoadShiftCommand,
    wish: Wish,
    evidence_at: datetime,
    params: RespondParams,
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
        "drill": incident.drill is None,
        "mode-dry-run": mode != "dry-run",
        WAITING: mode != "approve",
        TOO_OLD: mode == "auto" and desk.behind_seconds(evidence_at) <= params.command_age_seconds_max,
        "rate-limit": settled,
        BLAST: settled,
        CARRIER: False,
        SECOND: False,
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
    why = blocked(desk, incident, wish.route, wish.share, wish.agents, evidence_at, params)
    command = orders.build(desk, incident, shift, wish, evidence_at, why, origin, params)
    if why is not None:
        shift.waiting = command
        yield LOAD_SHIFT_PROPOSALS, command
    else:
        start(desk, incident, shift, command, params)
        yield LOAD_SHIFT_COMMANDS, command


def start(
    desk: Desk, incident: IncidentState, shift: ShiftState, command: LoadShiftCommand, params: RespondParams
) -> None:
    """From now on this command runs; the step before it is replaced by it."""
    if shift.running is not None:
        _remember(shift, shift.running.command_id, "superseded")
    if shift.running is None:
        providers.condemn(desk, shift.action, shift.from_queue.channel)
    if shift.running is None or shift.share != command.share:
        shift.changed_at = desk.now
        effects.begin(desk, shift, params)
    shift.running, shift.waiting = command, None
    hour = desk.now - timedelta(hours=1)
    incident.commands_at = [*(at for at in incident.commands_at if at > hour), desk.now]
