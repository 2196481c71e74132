"""Who is asked to take an incident on, and who next while nobody does: up the rotas, to the second of the log's clock.

The count runs on the log's wall clock (`Clock.wall`), not on event time: people wait in real time, also where
contacts are late. It stops while somebody has acknowledged or muted the incident, and begins anew when that ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from response import on_call, sentences
from response.bulletins import to_supervisors
from response.incidents import SEVERITIES, marked, pages, title
from response.params import RespondParams
from response.phases import move
from response.state import Desk, IncidentState
from schemas.base import Origin
from schemas.centre import Centre, Rota
from schemas.command import Bulletin
from schemas.incident import Escalation

CLIMBS_IN = ("open", "easing")


def climb(desk: Desk, incident: IncidentState, origin: Origin, params: RespondParams) -> Iterator[Bulletin]:
    """The next one is asked, if it is time; a word to the supervisors where it was not the first."""
    asked = _climb(desk, incident, params)
    if asked is not None and asked.step > 1:
        minutes = _minutes(incident, asked.at)

        def text(language: str) -> str:
            _, why = _why(asked.rota, asked.who, minutes, language)
            return f"{marked(incident.drill)}{title(incident, language)}: {why}"

        unique = f"{incident.incident_id} {asked.step}"
        yield from to_supervisors(desk, "escalation", incident.incident_id, unique, text, origin, params)


def _climb(desk: Desk, incident: IncidentState, params: RespondParams) -> Escalation | None:
    centre, now = desk.centre, desk.clock.wall
    if centre is None or not _waits(incident, now):
        incident.unanswered_since = None
        return None
    if incident.unanswered_since is None:
        incident.unanswered_since, incident.asked = now, []
    rotas = [rota for rota in centre.on_call if SEVERITIES.index(rota.severity) <= incident.severity]
    asked = None
    while (turn := _next(rotas, incident, params)) is not None and turn.due <= now:
        asked = _ask(centre, rotas, turn.rota, incident, now, params)
        if asked.who:
            break
    return asked


def _waits(incident: IncidentState, now: datetime) -> bool:
    muted = incident.muted_until is not None and incident.muted_until > now
    return incident.phase in CLIMBS_IN and pages(incident) and incident.acknowledged_by is None and not muted


class _Turn(NamedTuple):
    rota: Rota
    due: datetime


def _next(rotas: list[Rota], incident: IncidentState, params: RespondParams) -> _Turn | None:
    """Who is asked next, and when: each rota once, then the last one again and again."""
    left = [rota for rota in rotas if rota.name not in incident.asked]
    if left and incident.unanswered_since is not None:
        first = min(left, key=lambda rota: rota.after_seconds)
        return _Turn(first, incident.unanswered_since + timedelta(seconds=first.after_seconds))
    if rotas and incident.escalation is not None:
        return _Turn(rotas[-1], incident.escalation.at + timedelta(seconds=params.ask_again_seconds))
    return None


def _ask(
    centre: Centre, rotas: list[Rota], rota: Rota, incident: IncidentState, now: datetime, params: RespondParams
) -> Escalation:
    who = on_call.who(rota, centre, now)
    incident.asked = [*(name for name in incident.asked if name != rota.name), rota.name]
    step = incident.escalation.step + 1 if incident.escalation else 1
    asked = Escalation(step=step, rota=rota.name, who=who, at=now)
    incident.escalation = asked
    following = _next(rotas, incident, params)
    if following is not None:
        asked = msgspec.structs.replace(asked, next_at=following.due, next_rota=following.rota.name)
        incident.escalation = asked
    move(incident, now, incident.phase, *_why(rota.name, who, _minutes(incident, now)), params.moves_max)
    return asked


def _minutes(incident: IncidentState, now: datetime) -> float:
    assert incident.unanswered_since is not None, "somebody is asked because nobody answered"
    return (now - incident.unanswered_since).total_seconds() / 60


def _why(rota: str, who: list[str], minutes: float, language: str = sentences.ENGLISH) -> tuple[str, str]:
    """The code and the words of a move."""
    code = "nobody-on-duty" if not who else "asked" if minutes <= 0 else "escalated"
    return code, sentences.say(code, language, rota=rota, people=", ".join(who), minutes=f"{minutes:.3g}")
