"""What is it? The likeliest cause of an incident by the signature of its symptoms, with how sure we are.

Naive Bayes over a few yes-or-no findings. A finding that nothing could have shown (no health heartbeat, no workforce
feed) is left out; one that is merely absent counts little at first and fully after five minutes, for symptoms come one
after the other. The table is a person's judgement, written down where it can be argued with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from response.params import RespondParams
from response.state import Desk, IncidentState, SymptomState
from schemas.incident import Cause, CauseKind

ABSENCE_COUNTS_FULLY_AFTER = 300.0
UP_COUNTS = 0.5  # a probe that says "up" is wrong more often than one that says "down"
BECAUSE_MAX = 5
SURENESS_MAX = 0.99  # the table knows less than it can say
MAIL = ("email", "e-mail", "mail")
CHAT = ("chat", "bot", "messaging")
VOICE = ("voice", "phone", "telephony")

TOOL_CAUSES: dict[str, CauseKind] = {
    "telephony": "telephony",
    "carrier": "telephony",
    "chat": "chat-platform",
    "chat-platform": "chat-platform",
    "bot": "chat-platform",
    "crm": "crm",
    "e-mail": "e-mail",
    "email": "e-mail",
    "ticketing": "e-mail",
    "wfm": "wfm",
    "routing": "routing",
    "acd": "routing",
    "power": "power-or-site",
    "site": "power-or-site",
    "network": "power-or-site",
}


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
    waves: float
    answered_down: float
    containment_down: float
    agents_idle: float
    staffed_low: float


#                 prior voice chat  mail  several others any   handle waves answ. cont. idle staffed
LIKENESS: dict[CauseKind, Likeness] = {
    "telephony": Likeness(0.15, 0.95, 0.02, 0.02, 0.03, 0.75, 0.75, 0.15, 0.50, 0.10, 0.02, 0.70, 0.05),
    "chat-platform": Likeness(0.12, 0.02, 0.85, 0.02, 0.03, 0.70, 0.75, 0.15, 0.50, 0.10, 0.60, 0.40, 0.05),
    "crm": Likeness(0.10, 0.02, 0.02, 0.02, 0.03, 0.10, 0.15, 0.90, 0.50, 0.20, 0.05, 0.05, 0.05),
    "e-mail": Likeness(0.10, 0.02, 0.02, 0.90, 0.03, 0.50, 0.60, 0.10, 0.40, 0.05, 0.02, 0.20, 0.05),
    "wfm": Likeness(0.06, 0.02, 0.02, 0.01, 0.02, 0.05, 0.10, 0.10, 0.70, 0.30, 0.02, 0.05, 0.80),
    "routing": Likeness(0.07, 0.20, 0.20, 0.10, 0.20, 0.25, 0.30, 0.15, 0.60, 0.85, 0.02, 0.75, 0.05),
    "power-or-site": Likeness(0.05, 0.85, 0.85, 0.70, 0.92, 0.20, 0.25, 0.05, 0.30, 0.20, 0.05, 0.10, 0.80),
    "demand-surge": Likeness(0.30, 0.01, 0.01, 0.01, 0.005, 0.02, 0.98, 0.10, 0.50, 0.05, 0.03, 0.03, 0.10),
    "unknown": Likeness(0.05, 0.10, 0.10, 0.10, 0.05, 0.10, 0.35, 0.20, 0.30, 0.10, 0.05, 0.10, 0.10),
}

SAID = {
    "voice_gone": "no calls arrive",
    "chat_gone": "no chats arrive",
    "mail_gone": "no e-mails arrive",
    "several_gone": "several channels are silent at once",
    "others_up": "other channels rise while one is silent",
    "any_up": "more contacts than usual arrive",
    "handle_up": "contacts take longer than usual",
    "waves": "backlog or abandonment grow",
    "answered_down": "contacts arrive but are not answered",
    "containment_down": "the bot resolves less than usual",
    "agents_idle": "agents of the silent channel are idle",
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
    findings = dict(_findings(desk, incident, params))
    tools = _tools(desk, params)
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
        p = 0.85 if tool == kind else 0.03
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


def _findings(desk: Desk, incident: IncidentState, params: RespondParams) -> Iterator[tuple[str, bool]]:
    symptoms = list(incident.symptoms.values())
    gone = {symptom.series.at.channel for symptom in symptoms if _no_arrivals(symptom)}
    up = {symptom.series.at.channel for symptom in symptoms if role(symptom) == "up"}
    yield "voice_gone", bool(gone & set(VOICE))
    yield "chat_gone", bool(gone & set(CHAT))
    yield "mail_gone", bool(gone & set(MAIL))
    yield "several_gone", len(gone) >= 2
    if gone:
        yield "others_up", bool(up - gone)
    yield "any_up", bool(up)
    slow = [symptom for symptom in symptoms if role(symptom) == "slow"]
    yield "handle_up", any("handle" in symptom.series.measure and (symptom.ratio or 2) > 1 for symptom in slow)
    yield "containment_down", any("containment" in symptom.series.measure for symptom in slow)
    # escalations and complaints follow every kind of outage: they say nothing about which it was
    yield "waves", any(symptom.kind in ("abandonment-wave", "backlog-growth") for symptom in symptoms)
    yield "answered_down", any(role(s) == "gone" and s.series.measure == "answered" for s in symptoms)
    everywhere = {symptom.series.at.channel for symptom in symptoms}
    yield from _agents(desk, gone or up or everywhere, params)


def _no_arrivals(symptom: SymptomState) -> bool:
    return role(symptom) == "gone" and symptom.series.measure == "offered"


def _agents(desk: Desk, channels: set[str], params: RespondParams) -> Iterator[tuple[str, bool]]:
    """Idle and missing agents on the channels concerned; nothing is said without a fresh workforce feed."""
    said = [
        line
        for _, line in sorted(desk.floor.items())
        if line.queue.channel in channels and desk.fresh(line.at, params.workforce_fresh_seconds)
    ]
    staffed = sum(line.staffed for line in said)
    if staffed:
        yield "agents_idle", sum(line.available for line in said) >= 0.6 * staffed
    planned = 0.0
    for queue in desk.centre.queues if desk.centre else ():
        if any(line.queue == queue.at for line in said) and desk.centre:
            channel = desk.centre.channels.get(queue.at.channel)
            planned += queue.agents * (channel.concurrency if channel else 1.0)
    if said and planned:
        yield "staffed_low", staffed < 0.4 * planned


def _tools(desk: Desk, params: RespondParams) -> dict[CauseKind, bool]:
    """By cause: whether a fresh probe says that its tool is down (True) or up (False)."""
    state: dict[CauseKind, bool] = {}
    window = timedelta(seconds=params.tool_fresh_seconds)
    for _, health in sorted(desk.tools.items()):
        kind = TOOL_CAUSES.get(health.tool)
        if kind is not None and abs(desk.now - health.at) <= window:
            state[kind] = state.get(kind, False) or health.state != "up"
    return state
