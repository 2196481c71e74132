"""What is it? The likeliest cause of an incident by the signature of its symptoms, with how sure we are.

Naive Bayes over a few yes-or-no findings: of the symptoms here, of agents and tools by `witnesses`. A finding that
nothing could have shown (no health heartbeat, no workforce feed) is left out; one that is merely absent counts little
at first and fully after five minutes, for symptoms come one after the other. The table is a person's judgement, written
down where it can be argued with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from response import witnesses
from response.params import RespondParams
from response.state import Desk, IncidentState, SymptomState
from schemas.incident import Cause, CauseKind

ABSENCE_COUNTS_FULLY_AFTER = 300.0
UP_COUNTS = 0.5  # a probe that says "up" is wrong more often than one that says "down"
EXPLAINS_FROM = 0.5  # how likely a cause must make something to account for it
BECAUSE_MAX = 5
SURENESS_MAX = 0.99  # the table knows less than it can say


class Likeness(msgspec.Struct, frozen=True):
    """How often each finding is there under one cause, and how often the cause comes at all."""

    prior: float
    voice_gone: float
    chat_gone: float
    mail_gone: float
    several_gone: float
    others_up: float
    any_up: float
    handle_up: float
    waits: float
    answered_down: float
    containment_down: float
    voice_idle: float
    chat_idle: float
    mail_idle: float
    staffed_low: float


# fmt: off
#            prior  gone: voice chat mail several | up: others any | handle waits answ. cont. | idle: v. c. m. | staffed
LIKENESS: dict[CauseKind, Likeness] = {
    "telephony":
        Likeness(0.15, 0.95, 0.02, 0.02, 0.030, 0.75, 0.75, 0.15, 0.40, 0.10, 0.02, 0.70, 0.02, 0.02, 0.03),
    "chat-platform":
        Likeness(0.12, 0.02, 0.85, 0.02, 0.030, 0.70, 0.75, 0.15, 0.40, 0.10, 0.60, 0.02, 0.60, 0.02, 0.03),
    "crm":
        Likeness(0.10, 0.02, 0.02, 0.02, 0.030, 0.10, 0.25, 0.90, 0.60, 0.20, 0.05, 0.02, 0.02, 0.02, 0.03),
    "e-mail":
        Likeness(0.10, 0.02, 0.02, 0.90, 0.030, 0.50, 0.60, 0.10, 0.30, 0.05, 0.02, 0.02, 0.02, 0.50, 0.03),
    "wfm":
        Likeness(0.08, 0.02, 0.02, 0.01, 0.020, 0.05, 0.30, 0.10, 0.95, 0.15, 0.02, 0.03, 0.03, 0.03, 0.70),
    "routing":
        Likeness(0.07, 0.20, 0.20, 0.10, 0.200, 0.25, 0.30, 0.15, 0.85, 0.85, 0.02, 0.60, 0.50, 0.10, 0.03),
    "power-or-site":
        Likeness(0.05, 0.85, 0.85, 0.70, 0.920, 0.20, 0.25, 0.05, 0.30, 0.20, 0.05, 0.10, 0.10, 0.05, 0.75),
    "demand-surge":
        Likeness(0.20, 0.01, 0.01, 0.01, 0.005, 0.02, 0.98, 0.10, 0.50, 0.05, 0.03, 0.01, 0.01, 0.01, 0.02),
    "unknown":
        Likeness(0.05, 0.10, 0.10, 0.10, 0.050, 0.10, 0.35, 0.20, 0.20, 0.10, 0.05, 0.08, 0.08, 0.08, 0.10),
}
# fmt: on

SAID = {
    "voice_gone": "no calls arrive",
    "chat_gone": "no chats arrive",
    "mail_gone": "no e-mails arrive",
    "several_gone": "several channels are silent at once",
    "others_up": "other channels rise while one is silent",
    "any_up": "more contacts than usual arrive",
    "handle_up": "contacts take longer than usual",
    "waits": "waits, backlog or abandonment grow",
    "answered_down": "contacts arrive but are not answered",
    "containment_down": "the bot resolves less than usual",
    "voice_idle": "voice agents are idle",
    "chat_idle": "chat agents are idle",
    "mail_idle": "e-mail agents are idle",
    "staffed_low": "far fewer agents are there than planned",
}


def role(symptom: SymptomState) -> str:
    """What a symptom is a sign of: gone, up, slow (a metric left its range), feed (we see nothing), or a wave."""
    if symptom.kind == "telemetry-lost":
        return "feed"
    if symptom.kind in ("silence", "drop"):
        return "gone"
    if symptom.kind == "surge":
        return "up"
    return "slow" if symptom.kind == "metric-shift" else "wave"


def infer(desk: Desk, incident: IncidentState, params: RespondParams) -> Cause:
    """The likeliest cause of an incident now."""
    if incident.feed:
        names = ", ".join(sorted({symptom.series.at.channel for symptom in incident.symptoms.values()}))
        return Cause(kind="data-feed-lost", sureness=0.98, because=[f"no heartbeat from the sources of {names}"])
    findings = dict(_findings(incident))
    tools = _witnessed(desk, incident, findings, params)
    age = (desk.now - incident.onset).total_seconds() / ABSENCE_COUNTS_FULLY_AFTER
    absence = min(1.0, max(0.0, age))
    scores = {kind: _score(kind, findings, tools, absence) for kind in LIKENESS}
    top = max(scores.values())
    weights = {kind: math.exp(score - top) for kind, score in scores.items()}
    best = max(weights, key=lambda kind: (weights[kind], kind))
    sureness = min(SURENESS_MAX, round(weights[best] / math.fsum(weights.values()), 2))
    return Cause(kind=best, sureness=sureness, because=_because(best, findings, tools))


def _score(kind: CauseKind, findings: dict[str, bool], tools: dict[CauseKind, bool], absence: float) -> float:
    likeness = LIKENESS[kind]
    score = math.log(likeness.prior)
    for name, present in findings.items():
        p = getattr(likeness, name)
        score += math.log(p) if present else absence * math.log1p(-p)
    for tool, down in tools.items():
        p = 0.85 if tool == kind else 0.02
        score += math.log(p) if down else UP_COUNTS * math.log1p(-p)
    return score


def _because(best: CauseKind, findings: dict[str, bool], tools: dict[CauseKind, bool]) -> list[str]:
    """What speaks most for the cause, strongest first."""
    weight = {name: getattr(LIKENESS[best], name) / _mean(name) for name, present in findings.items() if present}
    said = [f"the health probe of {tool} says it is down" for tool, down in sorted(tools.items()) if down]
    strongest = sorted(weight, key=lambda name: (-weight[name], name))
    return (said + [SAID[name] for name in strongest if weight[name] >= 0.5])[:BECAUSE_MAX]


def _mean(name: str) -> float:
    return math.fsum(getattr(likeness, name) for likeness in LIKENESS.values()) / len(LIKENESS)


def _witnessed(
    desk: Desk, incident: IncidentState, findings: dict[str, bool], params: RespondParams
) -> dict[CauseKind, bool]:
    """Adds what agents show to `findings`; gives what tools say. Both are heard while the incident is young: later
    they may speak of something else. What they once showed stays evidence, for they recover before the signals do."""
    first, last = min(incident.fronts), max(incident.fronts)
    if desk.now <= last + timedelta(seconds=params.witness_after_seconds):
        window = (first - timedelta(seconds=params.witness_before_seconds), desk.now)
        for name, present in (*witnesses.agents(desk, window, params), *witnesses.tools(desk, window, params)):
            if not (present and _explained(desk, incident, name)):
                incident.witnessed[name] = present or incident.witnessed.get(name, False)
    said: dict[CauseKind, bool] = {}
    for name, present in sorted(incident.witnessed.items()):
        if name.startswith(witnesses.TOOL):
            kind = witnesses.TOOL_CAUSES[name.removeprefix(witnesses.TOOL)]
            said[kind] = said.get(kind, False) or present
        else:
            findings[name] = present
    return said


def _explained(desk: Desk, incident: IncidentState, name: str) -> bool:
    """Whether an older incident that is not over accounts for it already."""
    for other in desk.incidents.values():
        older = (other.opened_at, other.incident_id) < (incident.opened_at, incident.incident_id)
        if not older or other.phase not in ("pending", "open", "easing") or other.cause.kind not in LIKENESS:
            continue
        if name.startswith(witnesses.TOOL):
            if witnesses.TOOL_CAUSES[name.removeprefix(witnesses.TOOL)] == other.cause.kind:
                return True
        elif getattr(LIKENESS[other.cause.kind], name) >= EXPLAINS_FROM:
            return True
    return False


def _findings(incident: IncidentState) -> Iterator[tuple[str, bool]]:
    symptoms = list(incident.symptoms.values())
    gone = {symptom.series.at.channel for symptom in symptoms if _no_arrivals(symptom)}
    up = {symptom.series.at.channel for symptom in symptoms if role(symptom) == "up"}
    yield "voice_gone", bool(gone & witnesses.VOICE)
    yield "chat_gone", bool(gone & witnesses.CHAT)
    yield "mail_gone", bool(gone & witnesses.MAIL)
    yield "several_gone", len(gone) >= 2
    if gone:
        yield "others_up", bool(up - gone)
    yield "any_up", bool(up)
    slow = [symptom for symptom in symptoms if role(symptom) == "slow"]
    yield "handle_up", any("handle" in symptom.series.measure and (symptom.ratio or 2) > 1 for symptom in slow)
    yield "containment_down", any("containment" in symptom.series.measure for symptom in slow)
    # escalations and complaints follow every kind of outage: they say nothing about which it was
    waits = any("wait" in symptom.series.measure and (symptom.ratio or 2) > 1 for symptom in slow)
    yield "waits", waits or any(symptom.kind in ("abandonment-wave", "backlog-growth") for symptom in symptoms)
    yield "answered_down", any(role(s) == "gone" and s.series.measure == "answered" for s in symptoms)


def _no_arrivals(symptom: SymptomState) -> bool:
    return role(symptom) == "gone" and symptom.series.measure == "offered"
