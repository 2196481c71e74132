"""A command as it goes out: what is asked of the platform, in fields for programs and in words for people."""

from __future__ import annotations

from datetime import datetime, timedelta

from response.actions import LENDS_PEOPLE, donor, relieved
from response.capacity import within
from response.incidents import marked
from response.loadshift import Wish
from response.params import RespondParams
from response.permission import BLAST, CARRIER, mode_of
from response.state import Desk, IncidentState, ShiftState
from schemas.base import Origin
from schemas.centre import CentreChannel, Mode, Route
from schemas.command import Guard, Inverse, LoadShiftCommand, Projection
from schemas.fold import digest
from schemas.incident import Reason

EVIDENCE_MAX = 10


def build(
    desk: Desk,
    incident: IncidentState,
    shift: ShiftState,
    wish: Wish,
    evidence_at: datetime,
    why: Reason | None,
    origin: Origin,
    params: RespondParams,
) -> LoadShiftCommand:
    """The command of the shift's present step; with `why` a proposal."""
    route, centre = wish.route, desk.centre
    assert centre is not None, "a wish is a route of the centre's model"
    command_id = digest(incident.incident_id, route.action, route.from_queue, route.to_queue, shift.step)
    cap = min([route.share_max, *(queue.share_max for queue in within(centre, route.from_queue))])
    critical = [] if route.reasons or route.action in LENDS_PEOPLE else [one.reason for one in centre.critical]
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
        share_cap=max(cap, wish.share),  # a cap of whole agents is a hair above a share of six digits
        step=shift.step,
        issued_at=desk.now,
        expires_at=evidence_at + timedelta(seconds=params.command_expiry_seconds),
        mode=_mode(desk, route, why),
        guard=_guard(desk, route, params),
        # back to what was before the incident, not to the step before
        inverse=Inverse(
            command_id=digest(command_id, "inverse"), from_queue=route.from_queue, to_queue=route.to_queue, share=0.0
        ),
        evidence=_evidence(incident, shift),
        agents=wish.agents,
        only=route.only,
        reasons=route.reasons,
        except_reasons=critical,
        provider=route.provider,
        projections=wish.projections,
        binding=wish.binding,
        blocked_by=why,
        drill=incident.drill,
        text=f"{marked(incident.drill)}{_done(wish)}: {_expected(wish)}; {wish.binding[0]}",
        origin=origin,
    )


def _mode(desk: Desk, route: Route, why: Reason | None) -> Mode:
    """What a person has to let out is in mode `approve`, whatever the action's usual mode."""
    return "approve" if why is not None and why.code in (BLAST, CARRIER) else mode_of(desk, route.action)


def _guard(desk: Desk, route: Route, params: RespondParams) -> Guard:
    assert desk.centre is not None
    giver = donor(route)
    channel = desk.centre.channels.get(giver.channel) or CentreChannel()
    return Guard(
        donor=giver,
        stop_if_service_level_below=round(max(0.0, channel.target_share - 2 * params.donor_margin), 4),
        stop_if_agents_below=sum(queue.floor_agents for queue in within(desk.centre, giver)),
        check_after_seconds=params.check_after_seconds,
        judge_after_seconds=params.judge_after_seconds,
        blast_radius_max=desk.centre.blast_radius_max,
    )


def _evidence(incident: IncidentState, shift: ShiftState) -> list[str]:
    still = [symptom.signal_id for symptom in incident.open_symptoms()] or sorted(incident.symptoms)
    return still[:EVIDENCE_MAX] or (shift.running.evidence if shift.running else [incident.incident_id])


def _done(wish: Wish) -> str:
    route, share = wish.route, f"{wish.share:.0%}"
    whose = f"{share} of {route.from_queue}" + (" (VIP contacts)" if route.only else "")
    whose += f" (about {', '.join(route.reasons)})" if route.reasons else ""
    match route.action:
        case "skill-flex":
            return f"Lend {wish.agents} agents of {route.from_queue} to {route.to_queue}"
        case "call-back":
            return f"Promise {whose} a call-back by {route.to_queue}"
        case "sms":
            return f"Text {whose} a link to {route.to_queue}"
        case "bot":
            return f"Let the bot answer {whose} first"
        case "second-carrier":
            return f"Switch {whose} to {route.provider or 'the second carrier'}"
        case "alternative-site":
            return f"Send {whose} to the other site's {route.to_queue}"
        case "deflect":
            return f"Offer {whose} {route.to_queue} instead"
        case _:
            return f"Move {whose} to {route.to_queue} ({route.action})"


def undone(running: LoadShiftCommand) -> str:
    """What the inverse of a command does."""
    match running.action:
        case "skill-flex":
            return f"Send {running.agents} agents from {running.to_queue} back to {running.from_queue}"
        case "second-carrier":
            return f"Switch {running.from_queue} back from {running.provider or 'the second carrier'}"
        case _:
            return f"Take back {running.share:.0%} of {running.from_queue} from {running.to_queue} ({running.action})"


def _expected(wish: Wish) -> str:
    said = next(p for p in wish.projections if p.queue == relieved(wish.route))
    lost = f"lost {said.abandoned_share_before:.0%} -> {said.abandoned_share_after:.0%}"
    return f"{said.queue} {_waits(said)}{lost}"


def _waits(said: Projection) -> str:
    if said.wait_seconds_before is None or said.wait_seconds_after is None:
        return ""
    return f"waits {_span(said.wait_seconds_before)} -> {_span(said.wait_seconds_after)}, "


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
