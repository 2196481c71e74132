"""Who is told what, in which language, and when next: drafts when an incident opens, updates by a timer that stretches,
one word when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import msgspec

from response import afterwave, sms, words
from response.causes import role
from response.incidents import pages, phrases
from response.on_call import zone_of
from response.params import RespondParams
from response.playbook import Playbook, Step, playbook_of
from response.state import Desk, IncidentState, SymptomState, Told
from response.template import AUDIENCES, Audience, Stage, Unsendable, fill, messages_of
from response.words import clock_time
from schemas.base import Origin
from schemas.centre import CentreChannel
from schemas.command import Bulletin
from schemas.fold import digest
from schemas.incident import CauseKind

STEPS_MAX = 6
Text = Callable[[str], str]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is spoken of: the outage, or the wave after it. Another `about` is news; `told` is what was said so far."""

    playbook: Playbook
    told: Told
    about: str
    since: datetime
    channels: list[str]
    symptoms: list[SymptomState]


def due(desk: Desk, incident: IncidentState, origin: Origin, params: RespondParams) -> Iterator[Bulletin]:
    """What has to be said now, if anything."""
    if incident.audience == "internal":
        return
    for subject, stage in _subjects(incident):
        if _is_due(desk, subject, stage):
            yield from _say(desk, incident, subject, stage, origin, params)
        if stage == subject.told.stage:
            yield from _texts(desk, incident, subject, stage, origin, params)


def _subjects(incident: IncidentState) -> Iterator[tuple[Subject, Stage]]:
    """The outage, and the wave after it, each with the word for now; nothing is "over" that was never announced."""
    told, about = incident.told, incident.cause.kind
    found = playbook_of(about)
    if found is None and told.about is not None:
        # what was announced is not forgotten because we are less sure of it: the next word was promised
        about = cast(CauseKind, told.about)
        found = playbook_of(about)
    over = told.stage is not None and incident.phase != "pending"
    if found is not None and (incident.phase == "open" or over):
        subject = Subject(
            playbook=found[1],
            told=told,
            about=about,
            since=incident.onset,
            channels=incident.scope.channels,
            symptoms=incident.open_symptoms() or list(incident.symptoms.values()),
        )
        yield subject, "open" if incident.phase == "open" else "over"
    wave = afterwave.wave_of(incident)
    if wave is None:
        return
    subject = Subject(
        playbook=wave.playbook,
        told=incident.told_of_wave,
        about=wave.name,
        since=min(symptom.onset for symptom in wave.symptoms),
        channels=sorted({symptom.series.at.channel for symptom in wave.symptoms}),
        symptoms=wave.symptoms,
    )
    if afterwave.is_on(incident, wave):
        yield subject, "open"
    elif subject.told.stage is not None and not any(symptom.open for symptom in wave.symptoms):
        yield subject, "over"


def _is_due(desk: Desk, subject: Subject, stage: Stage) -> bool:
    told = subject.told
    if stage != told.stage or subject.about != told.about:
        return stage != told.stage or stage == "open"
    return told.due is not None and desk.now >= told.due


def _say(
    desk: Desk, incident: IncidentState, subject: Subject, stage: Stage, origin: Origin, params: RespondParams
) -> Iterator[Bulletin]:
    told = subject.told
    if stage != told.stage:
        told.round = 0
    told.about = subject.about if stage == "open" else told.about
    told.stage = stage
    wait = min(params.next_update_seconds * 2**told.round, params.next_update_seconds_max)
    told.round += 1
    told.due = desk.now + timedelta(seconds=wait) if stage == "open" else None
    incident.bulletin_step += 1
    for audience in AUDIENCES:
        if audience != "supervisors" and not pages(incident):
            continue
        if incident.drill and audience not in ("supervisors", "agents"):
            continue  # an exercise stays in the house
        for language in desk.centre.languages if desk.centre else ("en",):
            bulletin = _bulletin(desk, incident, subject, audience, language, stage, origin, params)
            if bulletin is not None:
                yield bulletin
    if pages(incident) and not incident.drill:
        told.texts = f"{subject.about} {stage}"


def _texts(
    desk: Desk, incident: IncidentState, subject: Subject, stage: Stage, origin: Origin, params: RespondParams
) -> Iterator[Bulletin]:
    """To customers who asked for it: in the tenant's first language, in batches of opaque names."""
    state, centre = subject.told.texts, desk.centre
    if state is None or centre is None or sms.quiet(centre.sms, desk.now, _zone(desk)):
        return
    subject.told.texts = None
    said = _bulletin(desk, incident, subject, "sms", centre.languages[0], stage, origin, params)
    to = sms.recipients(desk, incident, state) if said is not None else []
    for n in range(0, len(to), sms.BATCH):
        assert said is not None
        bulletin_id = digest(said.bulletin_id, desk.now, n)
        yield msgspec.structs.replace(said, bulletin_id=bulletin_id, to=to[n : n + sms.BATCH])


def calls(desk: Desk, origin: Origin) -> Iterator[Bulletin]:
    """To whoever was called in from the bench, once: for what, and from when to when."""
    for one in desk.bookings:
        if one.called_by is None or one.told:
            continue
        one.told = True
        for language in desk.centre.languages if desk.centre else ("en",):
            template = messages_of("bench_call").of("agents", language, "over")
            if template is None:
                continue
            values = {
                "place": words.place(str(one.queue), language),
                "since": clock_time(one.begins, desk.now, _zone(desk)),
                "ends": clock_time(one.ends, desk.now, _zone(desk)),
            }
            yield Bulletin(
                bulletin_id=digest(one.alert_id, one.person, "call", language),
                incident_id=one.incident_id,
                tenant=desk.tenant,
                audience="agents",
                language=language,
                template="bench_call",
                template_version=template.version,
                at=desk.now,
                next_update_at=None,
                expires_at=one.ends,
                text=fill(template, values),
                approved=True,
                to=[one.person],
                origin=origin,
            )


def to_supervisors(
    desk: Desk, name: str, about: str, unique: str, text: Text, origin: Origin, params: RespondParams
) -> Iterator[Bulletin]:
    """A word about the desk's own work, by the messages `name`: what was refused, who is asked next, a hand-over.
    `about` is an incident where it is about one, `unique` tells it from others of its name; `text` is given the
    language."""
    for language in desk.centre.languages if desk.centre else ("en",):
        template = messages_of(name).of("supervisors", language, "over")
        if template is not None:
            yield Bulletin(
                bulletin_id=digest(desk.tenant, name, unique, language),
                incident_id=about,
                tenant=desk.tenant,
                audience="supervisors",
                language=language,
                template=name,
                template_version=template.version,
                at=desk.now,
                next_update_at=None,
                expires_at=desk.now + timedelta(seconds=params.next_update_seconds_max),
                text=fill(template, {"symptoms": text(language)}),
                approved=True,
                origin=origin,
            )


def _bulletin(
    desk: Desk,
    incident: IncidentState,
    subject: Subject,
    audience: Audience,
    language: str,
    stage: Stage,
    origin: Origin,
    params: RespondParams,
) -> Bulletin | None:
    name = subject.playbook.messages
    template = messages_of(name).of(audience, language, stage)
    if template is None:
        return None
    try:
        text = fill(template, _values(desk, incident, subject, language))
        text = f"DRILL {incident.drill}. {text}" if incident.drill else text
    except Unsendable as why:
        incident.note("not-sendable", f"{name} to {audience} in {language}: {why}", params.notes_max)
        return None
    due_at = subject.told.due
    return Bulletin(
        bulletin_id=digest(incident.incident_id, name, audience, language, incident.bulletin_step),
        incident_id=incident.incident_id,
        tenant=desk.tenant,
        audience=audience,
        language=language,
        template=name,
        template_version=template.version,
        at=desk.now,
        next_update_at=due_at,
        expires_at=due_at or desk.now + timedelta(seconds=params.next_update_seconds_max),
        text=text,
        approved=template.approved is not None,
        origin=origin,
    )


def _values(desk: Desk, incident: IncidentState, subject: Subject, language: str) -> dict[str, str]:
    zone, due_at = _zone(desk), subject.told.due
    return {
        "since": clock_time(subject.since, desk.now, zone),
        "next_update": clock_time(due_at, desk.now, zone) if due_at else "",
        "works": words.listed(_working(desk, incident), language),
        "channels": words.listed(subject.channels, language),
        "symptoms": ", ".join(phrases(subject.symptoms, language)),
        "steps": "\n".join(_step(step, language) for step in subject.playbook.steps[:STEPS_MAX]),
        "status_page": (desk.centre.status_page if desk.centre else None) or "",
    }


def _step(step: Step, language: str) -> str:
    text = step.text.get(language) or step.text["en"]
    return f"{step.within_minutes} min, {words.word(words.ROLES, step.role, language)}: {text}"


def _zone(desk: Desk) -> ZoneInfo:
    return zone_of(desk.centre.time_zone if desk.centre else "UTC")


def _working(desk: Desk, incident: IncidentState) -> list[str]:
    """Channels for customers that neither fail nor overflow; if all overflow, those that do not fail."""
    channels: dict[str, CentreChannel] = desk.centre.channels if desk.centre else {}
    ours = [name for name, channel in sorted(channels.items()) if channel.audience == "customer"]
    failing = {s.series.at.channel for s in incident.symptoms.values() if s.open and role(s) in ("gone", "feed")}
    crowded = {s.series.at.channel for s in incident.symptoms.values() if s.open and role(s) == "up"}
    alive = [name for name in ours if name not in failing]
    return [name for name in alive if name not in crowded] or alive
