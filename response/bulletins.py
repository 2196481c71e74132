"""Who is told what, in which language, and when next: drafts when an incident opens, updates by a timer that stretches,
one word when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from response import words
from response.causes import role
from response.incidents import pages, phrases
from response.params import RespondParams
from response.playbook import Step, playbook_of
from response.state import Desk, IncidentState
from response.template import AUDIENCES, Audience, Stage, Template, Unsendable, fill, messages_of
from schemas.base import Origin
from schemas.centre import CentreChannel
from schemas.command import Bulletin
from schemas.fold import digest

STEPS_MAX = 6


def due(desk: Desk, incident: IncidentState, origin: Origin, params: RespondParams) -> Iterator[Bulletin]:
    """What has to be said now, if anything."""
    found = playbook_of(incident.cause.kind)
    if found is None or incident.audience == "internal":
        return
    stage = _stage(incident)
    if stage is None or not _is_due(desk, incident, stage):
        return
    if stage != incident.bulletin_stage:
        incident.bulletin_round = 0
    incident.bulletin_stage = stage
    wait = min(params.next_update_seconds * 2**incident.bulletin_round, params.next_update_seconds_max)
    incident.bulletin_round += 1
    incident.bulletin_step += 1
    incident.bulletin_due = desk.now + timedelta(seconds=wait) if stage == "open" else None
    languages = desk.centre.languages if desk.centre else ("en",)
    for audience in AUDIENCES:
        if audience != "supervisors" and not pages(incident):
            continue
        for language in languages:
            bulletin = _bulletin(desk, incident, found[1].messages, audience, language, stage, origin, params)
            if bulletin is not None:
                yield bulletin


def refusal(
    desk: Desk, about: str, decision_id: str, text: str, origin: Origin, params: RespondParams
) -> Iterator[Bulletin]:
    """To supervisors: what was asked of the desk was not done, and why."""
    for language in desk.centre.languages if desk.centre else ("en",):
        template = messages_of("refusal").of("supervisors", language, "over")
        if template is not None:
            yield Bulletin(
                bulletin_id=digest(desk.tenant, "refusal", decision_id, language),
                incident_id=about,
                tenant=desk.tenant,
                audience="supervisors",
                language=language,
                template="refusal",
                template_version=template.version,
                at=desk.now,
                next_update_at=None,
                expires_at=desk.now + timedelta(seconds=params.next_update_seconds_max),
                text=fill(template, {"symptoms": text}),
                approved=True,
                origin=origin,
            )


def _stage(incident: IncidentState) -> Stage | None:
    """The word for now; nothing is "over" that was never announced."""
    if incident.phase == "open":
        return "open"
    return "over" if incident.bulletin_stage is not None and incident.phase != "pending" else None


def _is_due(desk: Desk, incident: IncidentState, stage: Stage) -> bool:
    if stage != incident.bulletin_stage or incident.cause.kind != incident.bulletin_cause:
        incident.bulletin_cause = incident.cause.kind if stage == "open" else incident.bulletin_cause
        return stage != incident.bulletin_stage or stage == "open"
    return incident.bulletin_due is not None and desk.now >= incident.bulletin_due


def _bulletin(
    desk: Desk,
    incident: IncidentState,
    name: str,
    audience: Audience,
    language: str,
    stage: Stage,
    origin: Origin,
    params: RespondParams,
) -> Bulletin | None:
    template = messages_of(name).of(audience, language, stage)
    if template is None:
        return None
    try:
        text = fill(template, _values(desk, incident, language))
    except Unsendable as why:
        incident.note("not-sendable", f"{name} to {audience} in {language}: {why}", params.notes_max)
        return None
    return _told(desk, incident, name, template, text, origin, params)


def _told(
    desk: Desk, incident: IncidentState, name: str, template: Template, text: str, origin: Origin, params: RespondParams
) -> Bulletin:
    step = incident.bulletin_step
    ends = incident.bulletin_due or desk.now + timedelta(seconds=params.next_update_seconds_max)
    return Bulletin(
        bulletin_id=digest(incident.incident_id, name, template.audience, template.language, step),
        incident_id=incident.incident_id,
        tenant=desk.tenant,
        audience=template.audience,
        language=template.language,
        template=name,
        template_version=template.version,
        at=desk.now,
        next_update_at=incident.bulletin_due,
        expires_at=ends,
        text=text,
        approved=template.approved is not None,
        origin=origin,
    )


def _values(desk: Desk, incident: IncidentState, language: str) -> dict[str, str]:
    zone = _zone(desk)
    found = playbook_of(incident.cause.kind)
    steps = found[1].steps[:STEPS_MAX] if found else ()
    return {
        "since": clock_time(incident.onset, desk.now, zone),
        "next_update": clock_time(incident.bulletin_due, desk.now, zone) if incident.bulletin_due else "",
        "works": words.listed(_working(desk, incident), language),
        "channels": words.listed(incident.scope.channels, language),
        "symptoms": ", ".join(phrases(incident, language)),
        "steps": "\n".join(_step(step, language) for step in steps),
        "status_page": (desk.centre.status_page if desk.centre else None) or "",
    }


def _step(step: Step, language: str) -> str:
    text = step.text.get(language) or step.text["en"]
    return f"{step.within_minutes} min, {words.word(words.ROLES, step.role, language)}: {text}"


def _zone(desk: Desk) -> ZoneInfo:
    try:
        return ZoneInfo(desk.centre.time_zone if desk.centre else "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def clock_time(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """14:05, with the date where it is not today's; with UTC said, for there nobody's watch shows it."""
    local = moment.astimezone(zone)
    same_day = local.date() == now.astimezone(zone).date()
    text = local.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")
    return f"{text} UTC" if zone.key == "UTC" else text


def _working(desk: Desk, incident: IncidentState) -> list[str]:
    """Channels for customers that neither fail nor overflow; if all overflow, those that do not fail."""
    channels: dict[str, CentreChannel] = desk.centre.channels if desk.centre else {}
    ours = [name for name, channel in sorted(channels.items()) if channel.audience == "customer"]
    failing = {s.series.at.channel for s in incident.symptoms.values() if s.open and role(s) in ("gone", "feed")}
    crowded = {s.series.at.channel for s in incident.symptoms.values() if s.open and role(s) == "up"}
    alive = [name for name in ours if name not in failing]
    return [name for name in alive if name not in crowded] or alive
