"""What the next shift has to know: open incidents, what runs and until when, what waits for a yes, what nobody read.

Written from messages as the bus has them, so that the desk (at the end of each turn of the first rota) and a person
(at any time) say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from response import on_call, sentences, words
from response.bulletins import to_supervisors
from response.params import RespondParams
from response.permission import APPROVABLE
from response.state import Desk
from response.status import stops
from schemas.base import Origin
from schemas.command import Bulletin, LoadShiftCommand
from schemas.incident import Incident
from schemas.status import OnDuty, Stop

LINES_MAX = 40


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, as of `at`. `unread` are bulletins that not everybody has read yet."""

    at: datetime
    incidents: list[Incident]
    running: list[LoadShiftCommand]
    waiting: list[LoadShiftCommand]
    unread: list[Bulletin] = []
    stopped: list[Stop] = []
    on_duty: list[OnDuty] = []

    @property
    def is_empty(self) -> bool:
        return not (self.incidents or self.running or self.waiting or self.unread or self.stopped)


class _Writer:
    """Says it in one language, with the times of one place."""

    def __init__(self, now: datetime, zone: ZoneInfo, language: str) -> None:
        self._now, self._zone, self.language = now, zone, language

    def at(self, moment: datetime) -> str:
        return words.clock_time(moment, self._now, self._zone)

    def say(self, name: str, **values: object) -> str:
        return sentences.say(name, self.language, **values)

    def state(self, name: str) -> str:
        return words.word(words.STATES, name, self.language)

    def people(self, who: list[str]) -> str:
        return ", ".join(who) or self.say("nobody")

    def way(self, command: LoadShiftCommand) -> str:
        return self.say("way", giver=command.from_queue, taker=command.to_queue, action=command.action)

    def title(self, incident: Incident) -> str:
        """The bus has titles in English."""
        what = words.TITLES.get(incident.cause.kind, {}).get(self.language)
        return incident.title if what is None else f"{what}: {words.listed(incident.scope.channels, self.language)}"


def lines(notes: Handover, zone: ZoneInfo, language: str = sentences.ENGLISH) -> Iterator[str]:
    """The notes for a person, what is worst first."""
    to = _Writer(notes.at, zone, language)
    for duty in notes.on_duty:
        until = to.say("until", at=to.at(duty.until)) if duty.until else ""
        yield to.say("on-call", rota=duty.rota, people=to.people(duty.who), until=until)
    for stop in notes.stopped:
        yield to.say("stopped", by=stop.by, at=to.at(stop.at), text=stop.text, target=stop.target)
    for incident in notes.incidents:
        severity, phase = to.state(incident.severity), to.state(incident.phase)
        yield to.say(
            "incident-line", severity=severity, phase=phase, at=to.at(incident.onset), title=to.title(incident)
        )
        yield f"  {incident.incident_id}; {'; '.join(_standing(incident, to))}"
        yield from (f"  {line}" for line in _shifts(notes, incident.incident_id, to))
        for bulletin in notes.unread:
            if bulletin.incident_id == incident.incident_id:
                about = {"template": bulletin.template, "audience": bulletin.audience, "at": to.at(bulletin.at)}
                yield f"  {to.say('not-read', **about)}"
    if notes.is_empty:
        yield to.say("all-quiet")


def _standing(incident: Incident, to: _Writer) -> Iterator[str]:
    if incident.drill:
        yield f"DRILL {incident.drill}"
    by = incident.acknowledged_by
    yield to.say("taken-on", by=by) if by else to.say("not-taken-on")
    if incident.muted_until:
        yield to.say("muted", at=to.at(incident.muted_until))
    asked = incident.escalation
    if asked is not None and not by:
        yield to.say("was-asked", people=to.people(asked.who), rota=asked.rota, at=to.at(asked.at))
        if asked.next_at is not None:
            yield to.say("next-asked", rota=asked.next_rota, at=to.at(asked.next_at))


def _shifts(notes: Handover, incident_id: str, to: _Writer) -> Iterator[str]:
    for one in notes.running:
        if one.incident_id == incident_id:
            share = f"{one.share:.0%}"
            yield to.say("runs", at=to.at(one.expires_at), share=share, way=to.way(one), target=one.command_id)
    for one in notes.waiting:
        if one.incident_id == incident_id:
            yield to.say("waits", at=to.at(one.expires_at), way=to.way(one), target=one.command_id)


def due(desk: Desk, origin: Origin, params: RespondParams) -> Iterator[Bulletin]:
    """The notes at the end of a turn of the first rota, if there is anything to hand over."""
    before = desk.status.on_duty[:1] if desk.status else []
    now = on_call.on_duty(desk.centre, desk.clock.wall)[:1] if _turn_over(desk, before) else before
    if not (before and now) or before[0].rota != now[0].rota or before[0].who == now[0].who:
        return
    notes = of_desk(desk, now)
    if notes.is_empty:
        return
    zone = on_call.zone_of(desk.centre.time_zone if desk.centre else "UTC")

    def text(language: str) -> str:
        to = _Writer(notes.at, zone, language)
        leaving, coming = to.people(before[0].who), to.people(now[0].who)
        head = to.say("handover-head", leaving=leaving, coming=coming, rota=now[0].rota)
        said = list(lines(notes, zone, language))
        more = [to.say("more-lines", many=len(said) - LINES_MAX)] if len(said) > LINES_MAX else []
        return "\n".join([head, *said[:LINES_MAX], *more])

    unique = f"{now[0].rota} {desk.clock.wall.isoformat()}"
    yield from to_supervisors(desk, "handover", desk.tenant, unique, text, origin, params)


def _turn_over(desk: Desk, before: Iterable[OnDuty]) -> bool:
    return any(duty.until is not None and duty.until <= desk.clock.wall for duty in before)


def of_desk(desk: Desk, on_duty: list[OnDuty]) -> Handover:
    """What the desk itself knows now."""
    shifts = [shift for _, one in sorted(desk.incidents.items()) for _, shift in sorted(one.shifts.items())]
    open_now = [one.said for _, one in sorted(desk.incidents.items()) if one.said is not None]
    return Handover(
        at=desk.clock.wall,
        incidents=sorted(open_now, key=rank),
        running=[shift.running for shift in shifts if shift.running is not None],
        waiting=[shift.waiting for shift in shifts if shift.waiting is not None and _asks(shift.waiting)],
        stopped=list(stops(desk)),
        on_duty=on_duty,
    )


def _asks(proposal: LoadShiftCommand) -> bool:
    return proposal.blocked_by is not None and proposal.blocked_by.code in APPROVABLE


def rank(incident: Incident) -> tuple[int, int, str]:
    """Open before watched, critical before the rest."""
    phases = ("open", "easing", "pending", "watching", "resolved")
    severities = ("critical", "error", "warning", "info")
    return phases.index(incident.phase), severities.index(incident.severity), incident.incident_id
