"""The response fold: desk entries in; incidents, staffing alerts, load-shift commands, proposals and bulletins out.

One message is heard, then every incident of the tenant is brought in line with what is known now. Time comes in
messages: ticks, and the signals and loads that say how far events were seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from response import (
    afterwave,
    bench,
    bulletins,
    cases,
    decisions,
    escalation,
    floor,
    handover,
    incidents,
    phases,
    planning,
    providers,
    receipts,
    recovery,
    sentences,
    status,
    witnesses,
)
from response.decisions import Refused
from response.memory import Memory
from response.outbox import Outbox
from response.params import RespondParams as RespondParams
from response.state import Clock, Desk, Flow, IncidentState
from schemas.base import Message, Origin
from schemas.centre import Centre, OpenCase
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskBody, DeskEntry
from schemas.fold import Output
from schemas.health import ToolHealth
from schemas.signal import Load, Signal
from schemas.tick import Tick
from schemas.topics import DESK_STATUS, INCIDENTS, RECOVERIES
from schemas.workforce import Workforce

KNOWN_BAD_MAX = 1000  # dismissed signals and incidents that are over, remembered by id


class ResponseFold:
    """Implements schemas.fold.Fold for one partition of the desk; each tenant has a desk of its own."""

    def __init__(self, params: RespondParams | None = None) -> None:
        self._params = params or RespondParams()
        self._desks: dict[str, Desk] = {}
        self._touched: dict[str, bool] = {}
        self._memory = Memory()

    def step(self, record: DeskEntry, origin: Origin) -> list[Output]:
        """Hear one entry. A repeat says nothing; `origin` is the record's place on the desk."""
        tenant = record.tenant
        desk = self._desks.setdefault(tenant, Desk(clock=Clock(tenant=tenant)))
        if origin.offset <= desk.clock.applied:
            return []
        desk.clock.applied = origin.offset
        self._touched[tenant] = True
        if not desk.clock.is_new(record.origin):
            return []
        outbox = Outbox(desk, origin)
        evidence_at = self._hear(desk, record, outbox)
        if desk.clock.now is not None:
            for incident in list(desk.incidents.values()):
                self._respond(desk, incident, evidence_at, outbox)
            _forget(desk)
            self._stand(desk, outbox)
        return outbox.outputs

    def changes(self) -> dict[str, bytes | None]:
        """State entries changed since the last call; the places applied come last."""
        touched = [self._desks[tenant] for tenant in sorted(self._touched)]
        self._touched = {}
        return self._memory.changes(touched)

    def restore(self, entries: Mapping[str, bytes]) -> None:
        """Go on from where these entries were written."""
        self._memory = Memory()
        self._desks = self._memory.restore(entries)
        self._touched = {}

    def standing(self) -> Iterator[Message]:
        """What goes on, each as last said: for whoever shows it after a start, when nothing of it is news."""
        for desk in self._desks.values():
            if desk.status is not None:
                yield desk.status
            for incident in desk.incidents.values():
                if incident.said is not None:
                    yield incident.said
                for shift in incident.shifts.values():
                    yield from (one for one in (shift.running, shift.waiting) if one is not None)
                yield from (alert.last for alert in incident.alerts.values())

    def _hear(self, desk: Desk, entry: DeskEntry, outbox: Outbox) -> datetime | None:
        """Take in what was said; the time of the evidence, where it is evidence to act upon."""
        body, params = entry.body, self._params
        desk.borrowed = None if isinstance(body, Centre | OpenCase) else _time_of(body)
        match body:
            case Signal():
                desk.clock.reach(body.at)
                _hear_flow(desk, body)
                incidents.hear(desk, body, params)
                return body.at
            case Load():
                desk.clock.reach(body.at)
                for load in body.loads:
                    desk.flows.setdefault(str(load.at), Flow(at=body.at)).hear(body.at, body.seconds, load)
                recovery.hear(desk, body)
                return body.at
            case Tick():
                _hear_tick(desk, body, params)
            case Workforce():
                self._agents(desk, body, outbox)
            case ToolHealth():
                name = f"{body.tool}/{body.provider or ''}/{body.site or ''}"
                if _keep_newest(desk.tools, name, body):
                    witnesses.hear_tool(desk, name, body)
                    providers.hear(desk, body, params)
            case Centre():
                if desk.centre is None or body.version >= desk.centre.version:
                    desk.centre, desk.duty_until = body, None
                    for incident in desk.incidents.values():
                        incident.replan = True
            case OperatorDecision():
                self._decide(desk, body, outbox)
            case CommandResult():
                self._result(desk, body, outbox)
            case OpenCase():
                cases.hear(desk, body, params)
        return None

    def _agents(self, desk: Desk, line: Workforce, outbox: Outbox) -> None:
        try:
            if floor.hear(desk, line):
                witnesses.hear_agents(desk, line.queue, self._params)
        except Refused as refused:
            unique = f"{floor.name_of(line)} {line.at.isoformat()}"
            self._refuse(desk, str(line.queue), unique, refused.text, outbox)

    def _decide(self, desk: Desk, decision: OperatorDecision, outbox: Outbox) -> None:
        try:
            outbox.shifts(decisions.decide(desk, decision, outbox.origin, self._params))
        except Refused as refused:

            def text(language: str, refused: Refused = refused) -> str:
                return sentences.say(
                    "decided", language, action=decision.action, by=decision.by, why=refused.text(language)
                )

            self._refuse(desk, decision.target, decision.decision_id, text, outbox)

    def _result(self, desk: Desk, answer: CommandResult, outbox: Outbox) -> None:
        try:
            decisions.result(desk, answer, self._params)
        except Refused as refused:

            def text(language: str, refused: Refused = refused) -> str:
                return sentences.say("answered", language, state=answer.state, why=refused.text(language))

            self._refuse(desk, answer.command_id, f"{answer.command_id} {answer.state}", text, outbox)

    def _refuse(self, desk: Desk, about: str, decision_id: str, text: bulletins.Text, outbox: Outbox) -> None:
        told = bulletins.to_supervisors(desk, "refusal", about, decision_id, text, outbox.origin, self._params)
        outbox.bulletins(told)

    def _respond(self, desk: Desk, incident: IncidentState, evidence_at: datetime | None, outbox: Outbox) -> None:
        """Phase, cause, plan, people, words: in this order, each from what the ones before it found."""
        params, origin = self._params, outbox.origin
        recovery.begin(desk, incident)
        phases.advance(desk, incident, params)
        recovery.advance(desk, incident)
        incidents.assess(desk, incident, params)
        incident.playbook = afterwave.playbook_name(incident)
        # plan first, say second: an incident's own message carries the notes of the planning
        issues, alerts = planning.plan(desk, incident, evidence_at, origin, params)
        told = [*escalation.climb(desk, incident, origin, params), *bulletins.due(desk, incident, origin, params)]
        told = receipts.expect(desk, told, params)
        said = incidents.say(desk, incident, origin, params)
        if said is not None:
            outbox.add(INCIDENTS, incident.incident_id, said, f".{said.revision}")
        outbox.alerts(alerts)
        outbox.shifts(issues)
        outbox.bulletins(told)
        left = recovery.say(desk, incident, origin, params)
        if left is not None:
            outbox.add(RECOVERIES, incident.incident_id, left, f".{left.revision}")

    def _stand(self, desk: Desk, outbox: Outbox) -> None:
        """The desk as a whole: what is stopped, who is on call, what the next shift has to know."""
        bench.forget(desk)
        outbox.bulletins(bulletins.calls(desk, outbox.origin))
        outbox.bulletins(receipts.due(desk, outbox.origin, self._params))
        outbox.bulletins(handover.due(desk, outbox.origin, self._params))
        said = status.say(desk, outbox.origin, self._params)
        if said is not None:
            outbox.add(DESK_STATUS, "desk", said, f".{said.revision}")


def _time_of(body: DeskBody) -> datetime | None:
    at: datetime | None = getattr(body, "at", None)
    return at


def _hear_flow(desk: Desk, signal: Signal) -> None:
    """What a signal about arrivals says of its queue's flow, until the next load is heard."""
    about_arrivals = signal.series.measure == "offered" and signal.signal_kind in ("surge", "drop", "silence")
    if about_arrivals and signal.state != "cleared":
        desk.flows.setdefault(str(signal.series.at), Flow(at=signal.onset)).hear_signal(signal)


def _hear_tick(desk: Desk, tick: Tick, params: RespondParams) -> None:
    """Time is `complete_to`; where that stood still for long, `read_to` (never ahead of the log's own clock)."""
    clock = desk.clock
    clock.at = tick.at if clock.at is None else max(clock.at, tick.at)
    before = clock.complete_to
    if before is None or tick.complete_to > before:
        clock.complete_to, clock.still_since = tick.complete_to, None
        clock.reach(tick.complete_to)
        if before is not None:
            phases.stand_still(desk, before, tick.complete_to)
        return
    read_to = min(tick.read_to, tick.at)
    clock.still_since = clock.still_since or read_to
    if (read_to - clock.still_since).total_seconds() >= params.still_after_seconds:
        clock.reach(read_to)


def _keep_newest(known: dict[str, ToolHealth], name: str, body: ToolHealth) -> bool:
    """Reports may come out of order; an older one says nothing new. Whether it was kept."""
    before = known.get(name)
    if before is not None and body.at < before.at:
        return False
    known[name] = body
    return True


def _forget(desk: Desk) -> None:
    """Resolved incidents leave the desk; their signals that are still out are not taken for new ones."""
    for incident_id in [name for name, incident in desk.incidents.items() if incident.phase == "resolved"]:
        incident = desk.incidents.pop(incident_id)
        if incident.merged_into is None:
            for symptom in incident.open_symptoms():
                desk.dismissed[symptom.signal_id] = True
        desk.gone = [*desk.gone, incident_id][-KNOWN_BAD_MAX:]
    for signal_id in list(desk.dismissed)[:-KNOWN_BAD_MAX]:
        del desk.dismissed[signal_id]
