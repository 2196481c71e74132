"""Many signals, one incident: hearing signals, and saying what the incident is now."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from response import joining, scope, words
from response.causes import infer, role
from response.params import RespondParams
from response.phases import move, roots
from response.state import Desk, IncidentState, SymptomState
from schemas.base import Origin, QueueRef
from schemas.fold import digest
from schemas.incident import CauseKind, Incident, Symptom
from schemas.signal import Signal

SEVERITIES = ("info", "warning", "error", "critical")
TITLES: dict[CauseKind, str] = {
    "telephony": "Telephony outage",
    "chat-platform": "Chat platform outage",
    "crm": "CRM outage",
    "e-mail": "E-mail outage",
    "wfm": "Workforce system outage",
    "routing": "Routing outage",
    "power-or-site": "Power or site loss",
    "demand-surge": "Demand surge",
    "data-feed-lost": "Data feed lost",
    "unknown": "Something unusual",
}
SHARE_CRITICAL = 0.2  # of the tenant's usual arrivals that cannot reach anybody
RATIO_ERROR = 3.0
PHRASES_MAX = 4


def hear(desk: Desk, signal: Signal, params: RespondParams) -> IncidentState | None:
    """Apply one signal; the incident it belongs to, or None where it says nothing to us."""
    if signal.signal_id in desk.dismissed:
        if signal.state == "cleared":
            del desk.dismissed[signal.signal_id]
        return None
    incident = _of(desk, signal.signal_id)
    if incident is not None:
        return _revise(desk, incident, signal)
    if signal.state == "cleared":
        return None
    symptom = _symptom(desk, signal)
    found = joining.find(desk, signal, symptom, params)
    incident, reason = found or (open_with(desk, signal, symptom, params), None)
    _add(incident, symptom, params)
    if reason is not None and incident.phase in ("watching", "easing"):
        incident.fronts = [*incident.fronts[-9:], signal.onset]
    return incident


def _of(desk: Desk, signal_id: str) -> IncidentState | None:
    return next((incident for incident in desk.incidents.values() if signal_id in incident.symptoms), None)


def open_with(desk: Desk, signal: Signal, symptom: SymptomState, params: RespondParams) -> IncidentState:
    """A new incident, named for ever by the signal that opened it."""
    opened = IncidentState(
        incident_id=f"{desk.tenant}-{digest(signal.signal_id)}",
        audience=signal.audience,
        feed=joining.is_feed(signal),
        drill=joining.drill_of(desk, signal),
        opened_at=desk.now,
        onset=signal.onset,
        fronts=[signal.onset],
    )
    add_to_desk(desk, opened, params)
    move(opened, desk.now, "pending", "first-signal", f"{symptom.text}", params.moves_max)
    return opened


def add_to_desk(desk: Desk, incident: IncidentState, params: RespondParams) -> None:
    """Bounded: where too many are open, the one that has been quiet longest is let go and says so."""
    if len(desk.incidents) >= params.incidents_max:
        quiet = min(
            desk.incidents.values(),
            key=lambda other: (bool(other.open_symptoms()), other.opened_at, other.incident_id),
        )
        quiet.resolved_at = desk.now
        text = f"more than {params.incidents_max} incidents: the oldest quiet one is no longer followed"
        move(quiet, desk.now, "resolved", "too-many-incidents", text, params.moves_max)
    desk.incidents[incident.incident_id] = incident


def _symptom(desk: Desk, signal: Signal) -> SymptomState:
    return SymptomState(
        signal_id=signal.signal_id,
        series=signal.series,
        kind=signal.signal_kind,
        state=signal.state,
        onset=signal.onset,
        detected_at=signal.at,
        said_at=signal.at,
        revision=signal.revision,
        observed=signal.observed,
        expected=signal.expected,
        ratio=signal.ratio,
        learning=signal.evidence.still_learning,
        site=signal.site,
        region=signal.region,
        drill=joining.drill_of(desk, signal),
        contacts_of=signal.drill,
        explained=signal.explained,
        text=signal.text,
    )


def _revise(desk: Desk, incident: IncidentState, signal: Signal) -> IncidentState:
    before = incident.symptoms[signal.signal_id]
    if signal.revision < before.revision:
        return incident
    after = _symptom(desk, signal)
    after.detected_at = before.detected_at
    # an exercise that ends makes nothing real; contacts that are no longer the exercise's do
    if not (after.open and before.contacts_of and not after.contacts_of):
        after.drill = before.drill
    if not after.open:
        after.cleared_at = signal.at
        incident.replan = True
    incident.symptoms[signal.signal_id] = after
    return incident


def _add(incident: IncidentState, symptom: SymptomState, params: RespondParams) -> None:
    """Bounded: whole channels and what is still open stay, closed queues make room."""
    incident.symptoms[symptom.signal_id] = symptom
    incident.replan = True
    if len(incident.symptoms) > params.symptoms_max:
        least = min(
            incident.symptoms.values(),
            key=lambda s: (s.open, s.series.at.queue is None, s.signal_id == symptom.signal_id, s.onset, s.signal_id),
        )
        del incident.symptoms[least.signal_id]


def assess(desk: Desk, incident: IncidentState, params: RespondParams) -> None:
    """Cause, scope, onset, size and severity, from what is known now."""
    if incident.phase in ("pending", "open"):
        # what is over does not change what it was
        incident.cause = infer(desk, incident, params)
        incident.onset = min(symptom.onset for symptom in roots(incident))
        incident.severity = max(incident.severity, _severity(desk, incident))
    reach = scope.of(incident)
    moved = scope.change(incident.scope, reach)
    if moved is not None:
        move(incident, desk.now, incident.phase, *moved, params.moves_max)
    incident.scope = reach
    incident.drill = _drill(incident)
    incident.contacts_unusual = _six(_unusual(incident))


def _drill(incident: IncidentState) -> str | None:
    """The exercise that all of it belongs to; one real symptom makes it real."""
    names = {symptom.drill for symptom in incident.symptoms.values()}
    return names.pop() if len(names) == 1 else None


def _unusual(incident: IncidentState) -> float:
    """Contacts too many or too few so far; a queue counts only where its channel as a whole says nothing."""
    offered = [s for s in incident.symptoms.values() if s.series.measure == "offered"]
    whole = {s.series.at.channel for s in offered if s.series.at.queue is None}
    return sum(
        abs(s.observed - s.expected) for s in offered if s.series.at.queue is None or s.series.at.channel not in whole
    )


def _severity(desk: Desk, incident: IncidentState) -> int:
    symptoms = incident.open_symptoms()
    if incident.audience == "internal" or not symptoms:
        return 0
    if incident.feed:
        return 1
    gone = [s for s in symptoms if role(s) == "gone" and (s.ratio is None or s.ratio < 0.5)]
    if gone:
        silent = {str(s.series.at) for s in gone}
        share = _usual_share(desk, silent)
        channels = {s.series.at.channel for s in gone if s.series.at.queue is None}
        return 3 if (channels if share is None else share >= SHARE_CRITICAL) else 2
    up = [s for s in symptoms if role(s) == "up"]
    strong = any((s.ratio or 0) >= RATIO_ERROR and s.series.at.queue is None for s in up)
    return 2 if strong or len({s.series.at.channel for s in up}) >= 3 else 1


def _usual_share(desk: Desk, places: set[str]) -> float | None:
    """Of the tenant's usual arrivals, how much comes at these queues and channels; None where loads say nothing."""
    channels = {name: flow.usual_rate for name, flow in sorted(desk.flows.items()) if "/" not in name}
    total = sum(channels.values())
    if not total:
        return None
    whole = {place for place in places if "/" not in place}
    leaves = sorted(place for place in places if "/" in place and place.partition("/")[0] not in whole)
    affected = sum(channels.get(name, 0.0) for name in sorted(whole))
    affected += sum(desk.flows[name].usual_rate for name in leaves if name in desk.flows)
    return affected / total


def pages(incident: IncidentState) -> bool:
    """Whether it may wake a person."""
    confirmed = any(said.phase == "open" for said in incident.moves)
    if incident.audience == "internal" or not confirmed:
        return False
    # that people ask for something else is news, and no incident to wake somebody for until it shows elsewhere too
    return not all(one.learning or one.explained or role(one) == "mix" for one in incident.symptoms.values())


def marked(drill: str | None) -> str:
    """Before whatever is said of an exercise."""
    return f"DRILL {drill}: " if drill else ""


def title(incident: IncidentState, language: str | None = None) -> str:
    """One line for a pager: what it is, and its strongest symptoms. Without a language as the bus has it."""
    over = "" if incident.open_symptoms() else f" ({words.word(words.STATES, 'over', language or 'en')})"
    symptoms = incident.open_symptoms() or list(incident.symptoms.values())
    sites = (
        f" {words.AT.get(language or 'en', 'at')} {', '.join(incident.scope.sites)}"
        if incident.scope.level == "site"
        else ""
    )
    what = words.TITLES.get(incident.cause.kind, {}).get(language or "en", TITLES[incident.cause.kind])
    return f"{what}{sites}{over}: {', '.join(phrases(symptoms, language))}"


def phrases(symptoms: list[SymptomState], language: str | None = None) -> list[str]:
    """The strongest symptoms in a few words each; whole channels before queues. Without a language our own names stand,
    as on the bus."""
    ranked = sorted(symptoms, key=lambda s: (s.series.at.queue is not None, _order(s), str(s.series), s.signal_id))
    said: list[str] = []
    channels: set[str] = set()
    for symptom in ranked:
        at: QueueRef = symptom.series.at
        if at.queue is not None and at.channel in channels:
            continue
        channels.add(at.channel)
        phrase = _phrase(symptom, language)
        if phrase not in said:
            said.append(phrase)
    return said[:PHRASES_MAX]


def _order(symptom: SymptomState) -> int:
    return ("feed", "gone", "slow", "up", "mix", "wave").index(role(symptom))


def _phrase(symptom: SymptomState, language: str | None) -> str:
    name = str(symptom.series)
    if language is not None:
        measure = symptom.series.measure
        name = words.place(str(symptom.series.at), language)
        name += "" if measure == "offered" else f" {words.word(words.MEASURES, measure, language)}"
    if symptom.kind == "silence":
        return f"{name} {words.SILENT.get(language or 'en', 'silent')}"
    if symptom.kind == "telemetry-lost":
        return f"{name} {words.NOT_DELIVERED.get(language or 'en', 'not delivered')}"
    if symptom.ratio is not None:
        return f"{name} {100 * (symptom.ratio - 1):+.0f} %"
    return f"{name}: {symptom.kind}"


def changed(incident: IncidentState, now_says: Incident) -> bool | None:
    """Whether a person would notice: True at once, None soon (numbers moved), False not at all."""
    before = incident.said
    if before is None:
        return True
    if _gist(before) != _gist(now_says):
        return True
    return None if _numbers_moved(before, now_says) else False


def _gist(said: Incident) -> tuple[object, ...]:
    scope = (said.scope.level, tuple(said.scope.channels))
    handled = (said.acknowledged_by, said.muted_until, said.merged_into, said.playbook, tuple(said.notes))
    return said.phase, said.severity, said.cause.kind, scope, handled, said.pages, len(said.moves)


def _numbers_moved(before: Incident, after: Incident) -> bool:
    old = {symptom.signal_id: symptom for symptom in before.symptoms}
    if len(old) != len(after.symptoms) or abs(before.cause.sureness - after.cause.sureness) >= 0.05:
        return True
    for symptom in after.symptoms:
        was = old.get(symptom.signal_id)
        if was is None or (was.state != symptom.state and "cleared" in (was.state, symptom.state)):
            return True
        if abs((symptom.ratio or 0) - (was.ratio or 0)) > 0.2 * max(was.ratio or 0, 0.25):
            return True
    return before.onset != after.onset


def message(desk: Desk, incident: IncidentState, origin: Origin) -> Incident:
    """The incident as the bus has it."""
    return Incident(
        incident_id=incident.incident_id,
        tenant=desk.tenant,
        revision=incident.revision,
        phase=incident.phase,
        severity=SEVERITIES[incident.severity],  # type: ignore[arg-type]
        title=title(incident),
        cause=incident.cause,
        scope=incident.scope,
        opened_at=incident.opened_at,
        onset=incident.onset,
        at=desk.now,
        resolved_at=incident.resolved_at,
        symptoms=[_told(symptom) for symptom in incident.symptoms.values()],
        moves=incident.moves,
        pages=pages(incident) and incident.drill is None,
        acknowledged_by=incident.acknowledged_by,
        muted_until=incident.muted_until,
        merged_into=incident.merged_into,
        playbook=incident.playbook,
        contacts_unusual=incident.contacts_unusual,
        drill=incident.drill,
        escalation=incident.escalation,
        notes=incident.notes,
        origin=origin,
    )


def _told(symptom: SymptomState) -> Symptom:
    return Symptom(
        signal_id=symptom.signal_id,
        series=symptom.series,
        signal_kind=symptom.kind,
        state=symptom.state,
        onset=symptom.onset,
        detected_at=symptom.detected_at,
        cleared_at=symptom.cleared_at,
        observed=symptom.observed,
        expected=symptom.expected,
        ratio=symptom.ratio,
        site=symptom.site,
        region=symptom.region,
        text=symptom.text,
    )


def say(desk: Desk, incident: IncidentState, origin: Origin, params: RespondParams) -> Incident | None:
    """A new revision, if a person would notice it; numbers that merely move wait for half a minute."""
    current = message(desk, incident, origin)
    notice = changed(incident, current)
    if notice is False:
        return None
    if notice is None and incident.said is not None:
        wait = timedelta(seconds=params.revise_every_seconds)
        if desk.now < incident.said.at + wait:
            return None
    incident.revision += 1
    said = msgspec.structs.replace(current, revision=incident.revision)
    incident.said = said
    return said


def _six(value: float) -> float:
    return float(f"{value:.6g}")
