"""pending -> open -> easing -> watching (48 h) -> resolved, each move with its reason.

Calm is measured in time that was *seen* (`complete_to`): while a channel of the incident is not delivered, the clock of
calm stands still, so that not knowing never resolves anything.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from response import recovery
from response.causes import role
from response.params import RespondParams
from response.state import Desk, IncidentState, SymptomState
from schemas.incident import Move, Phase, Reason

RETURNS_THAT_SLOW = 5  # each return doubles the patience before "easing" is said again, up to 2**5


def move(incident: IncidentState, at: datetime, phase: Phase, code: str, text: str, moves_max: int) -> None:
    """Write a change of phase (or of scope) down; the first moves and the newest are kept."""
    said = Move(at=at, phase=phase, reason=Reason(code=code, text=text))
    incident.phase = phase
    moves = [*incident.moves, said]
    if len(moves) > moves_max:
        moves = moves[:5] + moves[-(moves_max - 5) :]
    incident.moves = moves
    incident.replan = True


def roots(incident: IncidentState) -> list[SymptomState]:
    """The symptoms that are the outage itself, not its consequences; all of them where there is no such difference.

    Contacts that take longer are the outage where nothing is gone (a slow CRM); where something is, they are what lent
    people and angry customers make of it.
    """
    symptoms = list(incident.symptoms.values())
    for roles in (("gone", "feed"), ("slow",)):
        if found := [symptom for symptom in symptoms if role(symptom) in roles]:
            return found
    return symptoms


def stand_still(desk: Desk, before: datetime, after: datetime) -> None:
    """Seen time went from `before` to `after`: incidents that were not seen meanwhile gained no calm."""
    delta = after - before
    for incident in desk.incidents.values():
        if not _unseen(desk, incident):
            continue
        for name in ("roots_calm_since", "calm_since", "watched_since"):
            since = getattr(incident, name)
            if since is not None:
                setattr(incident, name, since + delta)


def _unseen(desk: Desk, incident: IncidentState) -> bool:
    channels = {symptom.series.at.channel for symptom in incident.symptoms.values()}
    lost = {
        symptom.series.at.channel
        for other in desk.incidents.values()
        if other.feed and not incident.feed
        for symptom in other.open_symptoms()
    }
    dark = {name for name in channels if name in desk.flows and not desk.flows[name].known}
    return bool(channels & lost or dark)


def advance(desk: Desk, incident: IncidentState, params: RespondParams) -> None:
    """Bring the phase in line with what is known now. May move several times (open, easing, watching) in one call."""
    seen = desk.clock.complete_to
    root_open = [symptom for symptom in roots(incident) if symptom.open]
    anything = incident.open_symptoms()
    incident.roots_calm_since = None if root_open else incident.roots_calm_since or seen
    incident.calm_since = None if anything else incident.calm_since or seen

    def to(phase: Phase, code: str, text: str) -> None:
        move(incident, desk.now, phase, code, text, params.moves_max)

    if incident.phase == "pending":
        _leave_pending(desk, incident, bool(anything), params)
    if incident.phase in ("easing", "watching") and root_open:
        incident.returns += 1
        incident.watched_since = None
        if incident.phase == "watching":
            # who took it on may have gone home since: it is asked anew who does
            incident.acknowledged_by = None
        incident.fronts = [*incident.fronts[-9:], min(symptom.onset for symptom in root_open)]
        to("open", "came-back", f"{root_open[0].series} left its usual range again")
    if incident.phase == "watching" and anything:
        to("easing", "after-wave", f"{anything[0].series} left its usual range after the recovery")
    if incident.phase == "open" and not root_open:
        patience = params.ease_after_seconds * 2 ** min(incident.returns, RETURNS_THAT_SLOW)
        if _seconds(incident.roots_calm_since, seen) >= patience:
            to("easing", *_why_easing(anything))
    if incident.phase == "easing" and not anything and _seconds(incident.calm_since, seen) >= params.calm_after_seconds:
        incident.watched_since = incident.watched_since or seen
        to("watching", "all-usual", "everything is back in its usual range; the after-wave is watched")
    if incident.phase == "watching":
        watch = params.watch_feed_seconds if incident.feed else params.watch_seconds
        watched = _seconds(incident.watched_since, seen)
        waits = recovery.missing(desk, incident) if watched >= watch else []
        if waits and watched < params.watch_seconds_max:
            incident.note(
                "not-stood-down", f"the watch goes on: {waits[0].code} is not back to usual", params.notes_max
            )
        elif watched >= watch:
            incident.resolved_at = desk.now
            still = f", though {waits[0].text}" if waits else ""
            to("resolved", "stayed-calm", f"nothing came back in {watched / 3600:.3g} h{still}")


def _leave_pending(desk: Desk, incident: IncidentState, anything: bool, params: RespondParams) -> None:
    def to(phase: Phase, code: str, text: str) -> None:
        move(incident, desk.now, phase, code, text, params.moves_max)

    waited = (desk.now - incident.opened_at).total_seconds()
    symptoms = list(incident.symptoms.values())
    if not anything:
        if _seconds(incident.calm_since, desk.clock.complete_to) >= params.ease_after_seconds:
            incident.resolved_at = desk.now
            to("resolved", "passed", "it was over before it was confirmed")
    elif any(_strong(symptom) for symptom in symptoms):
        to("open", "strong-evidence", f"{symptoms[0].series} left its usual range beyond doubt")
    elif len(symptoms) > 1:
        to("open", "confirmed-by-another", f"{symptoms[-1].series} shows it too")
    elif waited >= params.confirm_seconds:
        to("open", "evidence-stayed-high", f"it lasted for {waited:.0f} s")


def _strong(symptom: SymptomState) -> bool:
    """What needs no second opinion: silence, a loss of two thirds, a doubling, or a lost feed."""
    if symptom.learning:
        return False
    if symptom.kind in ("silence", "telemetry-lost"):
        return True
    ratio = symptom.ratio
    return ratio is not None and (ratio <= 1 / 3 if symptom.kind == "drop" else ratio >= 2)


def _why_easing(anything: list[SymptomState]) -> tuple[str, str]:
    if anything:
        return "outage-over", f"what failed works again; {anything[0].series} is still out of its usual range"
    return "back-to-usual", "what was out of its usual range is back in it"


def _seconds(since: datetime | None, seen: datetime | None) -> float:
    return (seen - since) / timedelta(seconds=1) if since and seen else 0.0
