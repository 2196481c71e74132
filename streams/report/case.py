"""One incident as it is looked back on: all that was said about it, and what its desk heard at the time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from response.hindsight import USUAL, Hindsight
from response.impact import Span
from response.on_call import zone_of
from response.runs import Run, runs
from response.slowness import Slowness, slowness
from schemas import topics
from schemas.base import QueueRef
from schemas.centre import Centre
from schemas.command import StaffingAlert
from schemas.decision import CommandResult, OperatorDecision
from schemas.errors import BadConfig
from schemas.incident import Incident, Move, Symptom
from schemas.recovery import Recovery
from schemas.status import DeskStatus
from streams import dossier, targets
from streams.config import Settings
from streams.dossier import Dossier
from streams.report import source as sources
from streams.report.source import Said, Source, Tell

SHOWN = timedelta(minutes=30)  # before the onset and after the end
ARRIVES_WITHIN = timedelta(hours=2)  # a record is written so soon after its event, where time is the clock's
WANTED = (*dossier.WHOLE, topics.RECOVERIES, topics.CENTRE, topics.DESK_STATUS)
OPEN_ENDED = datetime.max.replace(tzinfo=UTC)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """`incident` has every move and symptom of all its revisions. `as_of`: up to when anything is known of it.
    `played`: the tenant's time is that of its events, so that people's and sinks' clocks are not its own."""

    incident: Incident
    dossier: Dossier
    hindsight: Hindsight
    recovery: Recovery | None
    alerts: list[StaffingAlert]
    slow: list[Slowness]
    merged: list[str]
    played: bool
    as_of: datetime
    first_revision: int

    @property
    def centre(self) -> Centre | None:
        return self.hindsight.centre

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.centre.time_zone if self.centre else "UTC")

    @property
    def over_at(self) -> datetime | None:
        """Since when all is back in its usual range; None while it is not."""
        return over_at(self.incident)

    @property
    def ends(self) -> datetime:
        """Up to where the outage is counted: its end, or as far as is known."""
        return self.over_at or self.as_of

    @property
    def customers(self) -> frozenset[str]:
        """Channels of the incident that serve customers."""
        known = self.centre.channels if self.centre else {}
        found = {symptom.series.at.channel for symptom in self.incident.symptoms}
        return frozenset(name for name in found if name not in known or known[name].audience == "customer")

    @property
    def runs(self) -> list[Run]:
        return runs(self.dossier.commands, self.dossier.results, self.as_of)

    def when(self, decision: OperatorDecision) -> datetime:
        """When it was decided, by the tenant's time."""
        return self.hindsight.heard.get(decision.decision_id, decision.at) if self.played else decision.at

    def spans(self, channel: str) -> list[Span]:
        """When the channel, or a queue of it, was out of its usual range."""
        own = (one for one in self.incident.symptoms if one.series.at.channel == channel)
        return symptom_spans(own, self.ends)


def read(settings: Settings, source: Source, incident_id: str, tell: Tell) -> Case:
    """Raises BadConfig where there is no such incident, Unavailable."""
    said = sources.said(source, WANTED, tell)
    found = dossier.gather((one.topic, one.value) for one in said)
    if incident_id not in found:
        raise BadConfig([(incident_id, f"is no incident of this source: {targets.FIX}")])
    revisions = {one.value.revision: one for one in said if _is_of(one.value, incident_id)}
    incident = whole(one.value for one in revisions.values())
    over = over_at(incident)
    shown = Span(incident.onset - SHOWN, OPEN_ENDED if over is None else over + SHOWN)
    hindsight = Hindsight(
        incident.onset,
        shown,
        troubled(found.values(), incident.tenant),
        frozenset(_queues(found[incident_id], incident)),
    )
    # where history is played, events are long before their records, or after them
    since = min(incident.onset, *(one.at for one in revisions.values())) - USUAL - ARRIVES_WITHIN
    for _, body in sources.desk(source, incident.tenant, since, tell):
        hindsight.hear(body)
    if hindsight.centre is None:
        hindsight.centre = _model(said, incident.tenant)
    return Case(
        incident=incident,
        dossier=_dossier(said, hindsight, incident_id),
        hindsight=hindsight,
        recovery=_last_recovery(said, incident_id),
        alerts=_alerts(said, incident_id),
        slow=_slow(said, incident.tenant, shown),
        merged=sorted(name for name, other in found.items() if other.incident.merged_into == incident_id),
        played=settings.tenant(incident.tenant).clock == "event",
        as_of=_as_of(incident, hindsight),
        first_revision=min(revisions),
    )


def _is_of(value: object, incident_id: str) -> bool:
    return isinstance(value, Incident) and value.incident_id == incident_id


def _dossier(said: Iterable[Said], hindsight: Hindsight, incident_id: str) -> Dossier:
    """What people and the platform said is on the desk as well as on their topics, which an archive may lack."""
    every = [(one.topic, one.value) for one in said]
    known = {value for _, value in every if isinstance(value, OperatorDecision | CommandResult)}
    every += [(topics.OPERATOR_DECISIONS.name, one) for one in hindsight.decisions if one not in known]
    every += [(topics.COMMAND_RESULTS.name, one) for one in hindsight.results if one not in known]
    found = dossier.gather(every, incident_id)[incident_id]
    found.decisions.sort(key=lambda one: (one.at, one.decision_id))
    found.results.sort(key=lambda one: (one.at, one.command_id, one.state))
    return found


def whole(revisions: Iterable[Incident]) -> Incident:
    """The last word, with the moves and symptoms that earlier words had and later ones dropped to stay bounded."""
    ranked = sorted(revisions, key=lambda one: one.revision)
    moves: dict[tuple[datetime, str, str], Move] = {}
    symptoms: dict[str, Symptom] = {}
    for one in ranked:
        moves |= {(move.at, move.phase, move.reason.code): move for move in one.moves}
        symptoms |= {symptom.signal_id: symptom for symptom in one.symptoms}
    out = sorted(symptoms.values(), key=lambda one: (one.onset, one.detected_at, str(one.series), one.signal_id))
    # moves of one moment stand in the order in which they were made
    moved = sorted(moves.values(), key=lambda move: move.at)
    return msgspec.structs.replace(ranked[-1], moves=moved, symptoms=out)


def over_at(incident: Incident) -> datetime | None:
    """When the watch began that lasts, or it was resolved without one; None while it goes on."""
    if incident.phase not in ("watching", "resolved"):
        return None
    watched = [move.at for move in incident.moves if move.phase == "watching"]
    return watched[-1] if watched else incident.resolved_at or incident.at


def symptom_spans(symptoms: Iterable[Symptom], ends: datetime) -> list[Span]:
    return [Span(one.onset, min(one.cleared_at or ends, ends)) for one in symptoms]


def troubled(found: Iterable[Dossier], tenant: str) -> dict[str, list[Span]]:
    """When each channel was out of its usual range by any incident of the tenant."""
    spans: dict[str, list[Span]] = {}
    for one in found:
        if one.incident.tenant == tenant:
            for symptom in one.incident.symptoms:
                span = Span(symptom.onset, symptom.cleared_at or OPEN_ENDED)
                spans.setdefault(symptom.series.at.channel, []).append(span)
    return spans


def _queues(one: Dossier, incident: Incident) -> Iterable[QueueRef]:
    for command in one.commands.values():
        yield from (command.from_queue, command.to_queue)
    yield from (symptom.series.at for symptom in incident.symptoms)


def _last_recovery(said: Iterable[Said], incident_id: str) -> Recovery | None:
    every = [one for one in sources.of(said, Recovery) if one.incident_id == incident_id]
    return max(every, key=lambda one: one.revision, default=None)


def _alerts(said: Iterable[Said], incident_id: str) -> list[StaffingAlert]:
    every = [one for one in sources.of(said, StaffingAlert) if one.incident_id == incident_id]
    return sorted(every, key=lambda one: (one.at, one.queue, one.revision))


def _slow(said: Iterable[Said], tenant: str, shown: Span) -> list[Slowness]:
    """Tools that were slow at any time of the stretch."""
    every = slowness(one for one in sources.of(said, DeskStatus) if one.tenant == tenant)
    return [one for one in every if one.tool.since < shown.ends and (one.until is None or one.until > shown.begins)]


def _model(said: Iterable[Said], tenant: str) -> Centre | None:
    every = [one for one in sources.of(said, Centre) if one.tenant == tenant]
    return max(every, key=lambda one: one.version, default=None)


def _as_of(incident: Incident, hindsight: Hindsight) -> datetime:
    known = max(incident.at, hindsight.now or incident.at)
    return min(known, incident.resolved_at) if incident.resolved_at else known
