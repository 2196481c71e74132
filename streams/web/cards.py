"""From what is known of a tenant to what is drawn: rows, incident cards with their story, commands."""

from __future__ import annotations

from datetime import datetime

import msgspec

from response.guard import APPROVABLE
from schemas.command import LoadShiftCommand
from schemas.decision import CommandResult
from schemas.health import ToolHealth
from schemas.incident import Incident, Symptom
from streams.web import words
from streams.web.rows import added
from streams.web.tenant import TenantBoard
from streams.web.view import (
    Agents,
    CommandCard,
    Head,
    IncidentCard,
    Row,
    Step,
    SymptomLine,
    TenantView,
    Told,
)

STEPS_MAX = 80
PHASES = {
    "pending": "A first sign, not yet an incident",
    "open": "Incident opened",
    "easing": "Easing",
    "watching": "Over, being watched",
    "resolved": "Resolved",
}
ENDS = {"refused": "refused by the platform", "reverted": "taken back", "expired": "expired"}


def tenant_view(board: TenantBoard, wall: datetime, head: Head, *, whole: bool) -> TenantView:
    """All of a tenant, or what changed since this was last asked with `whole` false."""
    now = board.now(wall)
    board.mark_rows_left_behind()
    commands = [*board.proposals.keys(whole=whole), *board.commands.keys(whole=whole)]
    return TenantView(
        tenant=board.name,
        head=head,
        rows=_rows(board, board.rows.keys(whole=whole), whole=whole),
        incidents={key: _incident(board, key, now) for key in board.incidents.keys(whole=whole)},
        alerts={key: board.alerts.get(key) for key in board.alerts.keys(whole=whole)},
        commands={key: _command(board, key) for key in commands},
        bulletins={key: board.bulletins.get(key) for key in board.bulletins.keys(whole=whole)},
        tools={key: _tool(board, key, now) for key in board.tools.keys(whole=whole)},
    )


def _tool(board: TenantBoard, key: str, now: datetime) -> ToolHealth | None:
    """A tool as it says it is; one that says it is up though the desk finds it slow is degraded."""
    said = board.tools.get(key)
    if said is None or said.state != "up" or board.status is None:
        return said
    for slow in board.status.slow:
        if (slow.tool, slow.provider, slow.site) == (said.tool, said.provider, said.site):
            return msgspec.structs.replace(said, state="degraded", text=words.slow_tool(slow, board.zone, now))
    return said


def running_commands(board: TenantBoard, now: datetime) -> int:
    """Load shifts in effect: issued, not ended, not expired, and themselves no take-back of another."""
    going = [key for key, one in board.commands.items() if one.expires_at > now and one.reverts is None]
    return sum(1 for key in going if not _has_ended(board, key))


def waiting_proposals(board: TenantBoard, now: datetime) -> int:
    """Load shifts that lack nothing but somebody's yes."""
    asked = ((key, one) for key, one in board.proposals.items() if _asks(one) and key not in board.commands)
    going = [key for key, one in asked if one.expires_at > now]
    return sum(1 for key in going if not _has_ended(board, key))


def _rows(board: TenantBoard, keys: list[str], *, whole: bool) -> dict[str, Row | None]:
    if not keys:
        return {}
    unusual: dict[str, int] = {}
    agents: dict[str, list[Agents]] = {}
    for _, row in board.rows.items():
        if row.at.queue is None:
            continue
        if row.is_unusual:
            unusual[row.at.channel] = unusual.get(row.at.channel, 0) + 1
        if row.agents is not None:
            agents.setdefault(row.at.channel, []).append(row.agents)
    views: dict[str, Row | None] = {}
    for key in keys:
        track = board.rows.get(key)
        if track is None:
            views[key] = None
            continue
        of_channel = track.at.queue is None
        there = track.agents or (added(agents.get(key, [])) if of_channel else None)
        views[key] = track.view(board.complete_to, there, unusual.get(key, 0) if of_channel else 0, whole=whole)
    return views


def _incident(board: TenantBoard, key: str, now: datetime) -> IncidentCard | None:
    incident = board.incidents.get(key)
    if incident is None:
        return None
    return IncidentCard(
        incident_id=incident.incident_id,
        phase=incident.phase,
        severity=incident.severity,
        title=incident.title,
        sentence=words.incident_sentence(incident, board.zone, now) + ".",
        cause=incident.cause,
        scope=incident.scope,
        scope_text=words.scope_text(incident.scope),
        opened_at=incident.opened_at,
        onset=incident.onset,
        resolved_at=incident.resolved_at,
        revision=incident.revision,
        symptoms=[_symptom(board, symptom) for symptom in incident.symptoms],
        story=_story(board, incident),
        told=_told(board, key),
        pages=incident.pages,
        acknowledged_by=incident.acknowledged_by,
        muted_until=incident.muted_until,
        merged_into=incident.merged_into,
        playbook=incident.playbook,
        contacts_unusual=incident.contacts_unusual,
        drill=incident.drill,
        notes=incident.notes,
        recovery=board.recoveries.get(key),
    )


def _symptom(board: TenantBoard, symptom: Symptom) -> SymptomLine:
    said = board.signals.get(symptom.signal_id)
    return SymptomLine(
        signal_id=symptom.signal_id,
        name=words.series_name(symptom.series),
        kind=symptom.signal_kind,
        state=symptom.state,
        onset=symptom.onset,
        detected_at=symptom.detected_at,
        cleared_at=symptom.cleared_at,
        observed=symptom.observed,
        expected=symptom.expected,
        usual_low=said.usual_low if said else None,
        usual_high=said.usual_high if said else None,
        ratio=symptom.ratio,
        change=words.change(symptom.ratio, symptom.observed),
        rarity_days=said.rarity_days if said else None,
        text=symptom.text,
        evidence=said.evidence if said else None,
        contributors=said.contributors if said else [],
    )


def _told(board: TenantBoard, incident_id: str) -> list[Told]:
    said = sorted((board.told.get(incident_id) or {}).values(), key=lambda one: (one.at, one.sink))
    return [
        Told(sink=one.sink, what=one.what, outcome=one.outcome, attempt=one.attempt, at=one.at, text=one.text)
        for one in said
        if one.queue is None  # notices of its staffing alerts are not notices of the incident
    ]


def _story(board: TenantBoard, incident: Incident) -> list[Step]:
    """What happened, in order. The last steps where there are too many; the first one always stays."""
    steps = [*_first_signs(incident), *_phases(incident), *_answers(board, incident), *_decided(board, incident)]
    if board.clock == "system":  # where time is played, the moment of a page is on another clock
        steps += [
            Step(at=one.at, kind="told", text=f"{one.sink} told of it: {one.what}")
            for one in (board.told.get(incident.incident_id) or {}).values()
            if one.outcome == "delivered" and one.queue is None
        ]
    steps.sort(key=lambda step: step.at)
    return steps if len(steps) <= STEPS_MAX else [steps[0], *steps[-STEPS_MAX + 1 :]]


def _first_signs(incident: Incident) -> list[Step]:
    """When each series was first seen out of its usual range, and when it was back for good. A channel speaks for its
    queues: their own lines stand among the symptoms."""
    steps = [Step(at=incident.onset, kind="onset", text="It began, as the counts say now")]
    by_series: dict[str, list[Symptom]] = {}
    for symptom in incident.symptoms:
        by_series.setdefault(words.series_name(symptom.series), []).append(symptom)
    channels = {symptom.series.at.channel for symptom in incident.symptoms if symptom.series.at.queue is None}
    for name, symptoms in by_series.items():
        at = symptoms[0].series.at
        if at.queue is not None and at.channel in channels:
            continue
        first = min(symptoms, key=lambda one: one.detected_at)
        steps.append(Step(at=first.detected_at, kind="signal", text=f"{name}: {words.kind_word(first.signal_kind)}"))
        ends = [one.cleared_at for one in symptoms]
        if all(ends):
            last = max(end for end in ends if end is not None)
            steps.append(Step(at=last, kind="signal", text=f"{name}: usual again"))
    return steps


def _phases(incident: Incident) -> list[Step]:
    return [Step(at=move.at, kind="phase", text=f"{PHASES[move.phase]}: {move.reason.text}") for move in incident.moves]


def _answers(board: TenantBoard, incident: Incident) -> list[Step]:
    """Alerts, commands, the platform's answers and bulletins of an incident."""
    steps: list[Step] = []
    for key, alert in board.alerts.items():
        if alert.incident_id == incident.incident_id:
            short = max((interval.agents_short for interval in alert.intervals), default=0)
            text = f"{words.place(alert.queue)} is {words.plural(max(short, 0), 'agent')} short"
            steps.append(Step(at=board.alerted.get(key) or alert.at, kind="alert", text=text))
    ids = set()
    for _, command in board.commands.items():
        if command.incident_id == incident.incident_id:
            ids.add(command.command_id)
            if command.share != command.share_before:  # a mere renewal is no news
                steps.append(Step(at=command.issued_at, kind="command", text=command.text))
    for key, proposal in board.proposals.items():
        if proposal.incident_id == incident.incident_id and key not in board.commands:
            steps.append(Step(at=proposal.issued_at, kind="proposal", text=proposal.text))
    for result in (result for key in sorted(ids) for result in board.results.get(key) or []):
        text = result.state + (f", {result.text}" if result.text else "")
        steps.append(Step(at=result.at, kind="result", text=text))
    for _, bulletin in board.bulletins.items():
        if bulletin.incident_id == incident.incident_id:
            text = f"message for {bulletin.audience}" + ("" if bulletin.approved else " (draft)")
            steps.append(Step(at=bulletin.at, kind="bulletin", text=text))
    return steps


def _decided(board: TenantBoard, incident: Incident) -> list[Step]:
    ids = {incident.incident_id}
    ids |= {key for shelf in (board.commands, board.proposals) for key, one in shelf.items() if one.incident_id in ids}
    return [
        Step(
            at=decision.at,
            kind="decision",
            text=f"{decision.by}: {decision.action.replace('-', ' ')}"
            + (f" ({decision.note})" if decision.note else ""),
        )
        for _, decision in board.decisions.items()
        if decision.target in ids
    ]


def _command(board: TenantBoard, key: str) -> CommandCard | None:
    """A load shift as it stands. One that was proposed and then issued is shown as issued."""
    issued = board.commands.get(key)
    command = issued or board.proposals.get(key)
    if command is None:
        return None
    last = _last_result(board, key)
    return CommandCard(
        command=command,
        kind="running" if issued else "proposed",
        asks=not issued and _asks(command),
        result=last.state if last else None,
        result_text=last.text if last else None,
        ended=_how_it_ended(board, key),
    )


def _asks(proposal: LoadShiftCommand) -> bool:
    return proposal.blocked_by is not None and proposal.blocked_by.code in APPROVABLE and not proposal.closed


def _last_result(board: TenantBoard, key: str) -> CommandResult | None:
    results = board.results.get(key)
    return results[-1] if results else None


def _how_it_ended(board: TenantBoard, key: str) -> str | None:
    last = _last_result(board, key)
    if last and last.state in ENDS:
        return ENDS[last.state]
    proposal = board.proposals.get(key)
    if proposal is not None and proposal.closed and proposal.blocked_by is not None and key not in board.commands:
        return board.ended.get(key) or proposal.blocked_by.code.replace("-", " ")
    return board.ended.get(key)


def _has_ended(board: TenantBoard, key: str) -> bool:
    return _how_it_ended(board, key) is not None
