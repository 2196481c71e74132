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
from typing import Literal, get_args

import msgspec

from response import witnesses
from response.params import RespondParams
from response.state import Desk, IncidentState, SymptomState
from schemas.base import QueueRef
from schemas.incident import Cause, CauseKind

ABSENCE_COUNTS_FULLY_AFTER = 300.0
PROBE_RIGHT = 0.85  # how often a probe sees its tool's outage
PROBE_FALSE = 0.005  # how often one turns red at the very time at which something else breaks
SLOW_FALSE = 0.03  # how often a tool turns slow at that time: a crowd slows tools that work
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
    one_site: float
    several_up: float
    complaints: float


# fmt: off
#        prior | gone: v c m several | up: others any | handle waits answ cont | idle: v c m | staffed site ups anger
LIKENESS: dict[CauseKind, Likeness] = {
    "telephony":
        Likeness(.15, .95, .02, .02, .03, .75, .75, .15, .40, .10, .02, .70, .02, .02, .03, .10, .60, .15),
    "chat-platform":
        Likeness(.12, .02, .85, .02, .03, .70, .75, .15, .40, .10, .60, .02, .60, .02, .03, .05, .60, .15),
    "crm":
        Likeness(.10, .02, .02, .02, .03, .10, .25, .90, .60, .20, .05, .02, .02, .02, .03, .05, .05, .15),
    "e-mail":
        Likeness(.10, .02, .02, .90, .03, .50, .60, .10, .30, .05, .02, .02, .02, .50, .03, .05, .50, .15),
    "wfm":
        Likeness(.08, .02, .02, .01, .02, .05, .30, .10, .95, .15, .02, .03, .03, .03, .70, .05, .05, .15),
    "routing":
        Likeness(.07, .20, .20, .10, .20, .25, .30, .15, .85, .85, .02, .60, .50, .10, .03, .10, .10, .15),
    "power-or-site":
        Likeness(.05, .85, .85, .70, .92, .20, .25, .05, .30, .20, .05, .10, .10, .05, .75, .90, .25, .15),
    "demand-surge":
        Likeness(.20, .01, .01, .01, .005, .02, .98, .10, .50, .05, .03, .01, .01, .01, .02, .02, .75, .08),
    "unknown":
        Likeness(.05, .10, .10, .10, .05, .10, .35, .20, .20, .10, .05, .08, .08, .08, .10, .15, .08, .50),
}
# fmt: on

# of each finding: the logarithms of its being there and of its being absent
LOGS: dict[CauseKind, dict[str, tuple[float, float]]] = {
    kind: {name: (math.log(p), math.log1p(-p)) for name in Likeness.__struct_fields__ if (p := getattr(row, name))}
    for kind, row in LIKENESS.items()
}
MEANS = {
    name: math.fsum(getattr(row, name) for row in LIKENESS.values()) / len(LIKENESS)
    for name in Likeness.__struct_fields__
}

Told = Literal["up", "slow", "down"]  # what is known of a tool, the worst last
TOLD: tuple[Told, ...] = get_args(Told)
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
    "several_up": "more contacts than usual arrive on several channels",
    "complaints": "customers complain more than usual",
    "one_site": "all that is missing is missing from one site",
}


def role(symptom: SymptomState) -> str:
    """What a symptom is a sign of: gone, up, slow (a metric left its range), feed (we see nothing), mix (people ask for
    something else), or a wave that follows an outage."""
    if symptom.kind == "telemetry-lost":
        return "feed"
    if symptom.kind in ("silence", "drop"):
        return "gone"
    if symptom.kind == "surge":
        return "up"
    if symptom.kind == "metric-shift" and "wait" in symptom.series.measure:
        return "wave"  # waits follow whatever it is
    return {"metric-shift": "slow", "mix-shift": "mix"}.get(symptom.kind, "wave")


def infer(desk: Desk, incident: IncidentState, params: RespondParams) -> Cause:
    """The likeliest cause of an incident now."""
    if incident.feed:
        names = ", ".join(sorted({symptom.series.at.channel for symptom in incident.symptoms.values()}))
        return Cause(kind="data-feed-lost", sureness=0.98, because=[f"no heartbeat from the sources of {names}"])
    bots = {bot.at for bot in desk.centre.bots} if desk.centre else set()
    findings = dict(_findings(incident, bots))
    tools = _witnessed(desk, incident, findings, params)
    age = (desk.now - incident.onset).total_seconds() / ABSENCE_COUNTS_FULLY_AFTER
    absence = min(1.0, max(0.0, age))
    scores = {kind: _score(kind, findings, tools, absence) for kind in LIKENESS}
    top = max(scores.values())
    weights = {kind: math.exp(score - top) for kind, score in scores.items()}
    best = max(weights, key=lambda kind: (weights[kind], kind))
    sureness = min(SURENESS_MAX, round(weights[best] / math.fsum(weights.values()), 2))
    return Cause(kind=best, sureness=sureness, because=_because(best, findings, tools, incident.slow))


def _score(kind: CauseKind, findings: dict[str, bool], tools: dict[CauseKind, Told], absence: float) -> float:
    logs = LOGS[kind]
    score = logs["prior"][0]
    for name, present in findings.items():
        there, missing = logs[name]
        score += there if present else absence * missing
    for tool, told in tools.items():
        if told == "slow":
            score += math.log(PROBE_RIGHT if tool == kind else SLOW_FALSE)
            continue
        p = PROBE_RIGHT if tool == kind else PROBE_FALSE
        score += math.log(p) if told == "down" else UP_COUNTS * math.log1p(-p)
    return score


def _because(
    best: CauseKind, findings: dict[str, bool], tools: dict[CauseKind, Told], slow: dict[str, str]
) -> list[str]:
    """What speaks most for the cause, strongest first."""
    weight = {name: getattr(LIKENESS[best], name) / MEANS[name] for name, present in findings.items() if present}
    said = [f"the health probe of {tool} says it is down" for tool, told in sorted(tools.items()) if told == "down"]
    said += [slow[name] for name in sorted(slow)]
    strongest = sorted(weight, key=lambda name: (-weight[name], name))
    return (said + [SAID[name] for name in strongest if weight[name] >= 0.5])[:BECAUSE_MAX]


def _witnessed(
    desk: Desk, incident: IncidentState, findings: dict[str, bool], params: RespondParams
) -> dict[CauseKind, Told]:
    """Adds what agents show to `findings`; gives what tools say. Both are heard while the incident is young: later
    they may speak of something else. What they once showed stays evidence, for they recover before the signals do."""
    first, last = min(incident.fronts), max(incident.fronts)
    if desk.now <= last + timedelta(seconds=params.witness_after_seconds):
        window = (first - timedelta(seconds=params.witness_before_seconds), desk.now)
        for name, present in (*witnesses.agents(desk, window, params), *witnesses.tools(desk, window, params)):
            if not (present and _explained(desk, incident, name)):
                before = incident.witnessed.get(name, False)
                incident.witnessed[name] = present or before
                if present:
                    _hear_slow(desk, incident, name, before, window)
    said: dict[CauseKind, Told] = {}
    for name, present in sorted(incident.witnessed.items()):
        if name.startswith(witnesses.TOOL):
            kind = witnesses.TOOL_CAUSES[name.removeprefix(witnesses.TOOL)]
            told: Told = "up" if not present else "slow" if name in incident.slow else "down"
            said[kind] = max(said.get(kind, "up"), told, key=TOLD.index)
        else:
            findings[name] = present
    return said


def _hear_slow(desk: Desk, incident: IncidentState, name: str, before: bool, window: witnesses.Window) -> None:
    """Keeps how slow a tool is; what once said that it is down stays down."""
    said = witnesses.slow(desk, name.removeprefix(witnesses.TOOL), window) if name.startswith(witnesses.TOOL) else None
    if said is None:
        incident.slow.pop(name, None)
    elif not before or name in incident.slow:
        incident.slow[name] = said


def _explained(desk: Desk, incident: IncidentState, name: str) -> bool:
    """Whether an older incident that is not over accounts for it already."""
    for other in desk.incidents.values():
        older = (other.opened_at, other.incident_id) < (incident.opened_at, incident.incident_id)
        if older and other.phase in ("pending", "open", "easing") and accounts_for(other, name):
            return True
    return False


def accounts_for(incident: IncidentState, name: str) -> bool:
    """Whether what `witnesses` calls `name` is what an incident of this cause brings about."""
    if name.startswith(witnesses.TOOL):
        return witnesses.TOOL_CAUSES[name.removeprefix(witnesses.TOOL)] == incident.cause.kind
    return incident.cause.kind in LIKENESS and getattr(LIKENESS[incident.cause.kind], name) >= EXPLAINS_FROM


def _findings(incident: IncidentState, bots: set[QueueRef]) -> Iterator[tuple[str, bool]]:
    symptoms = list(incident.symptoms.values())
    lost = [symptom.series.at for symptom in symptoms if _no_arrivals(symptom)]
    up = {symptom.series.at.channel for symptom in symptoms if role(symptom) == "up"}
    moved = up | {at.channel for at in lost}
    # a quiet queue alone is no sign of its channel's platform: the channel shows it, or another channel does
    gone = {at.channel for at in lost if at.queue is None or moved - {at.channel}}
    yield "voice_gone", bool(gone & witnesses.VOICE)
    yield "chat_gone", bool(gone & witnesses.CHAT)
    yield "mail_gone", bool(gone & witnesses.MAIL)
    yield "several_gone", len(gone) >= 2
    yield from _one_site(symptoms)
    if gone:
        yield "others_up", bool(up - gone)
    yield "any_up", bool(up)
    yield "several_up", len(up) >= 2
    yield "complaints", any(symptom.kind == "sentiment-wave" for symptom in symptoms)
    slow = [symptom for symptom in symptoms if role(symptom) == "slow"]
    yield "handle_up", any("handle" in symptom.series.measure and (symptom.ratio or 2) > 1 for symptom in slow)
    # a bot hands on what it cannot resolve: its own escalations are its containment, upside down
    yield "containment_down", any(s.kind == "escalation-wave" and s.series.at in bots for s in symptoms)
    # all other escalations follow every kind of outage: they say nothing about which it was
    waits = any(
        symptom.kind == "metric-shift" and "wait" in symptom.series.measure and (symptom.ratio or 2) > 1
        for symptom in symptoms
    )
    yield "waits", waits or any(symptom.kind in ("abandonment-wave", "backlog-growth") for symptom in symptoms)
    yield "answered_down", any(role(s) == "gone" and s.series.measure == "answered" for s in symptoms)


def _one_site(symptoms: list[SymptomState]) -> Iterator[tuple[str, bool]]:
    """Whether what is gone from several channels is gone from one site; only where sites are told."""
    lost = [symptom for symptom in symptoms if role(symptom) == "gone"]
    if len({symptom.series.at.channel for symptom in lost}) >= 2 and any(symptom.site for symptom in lost):
        yield "one_site", len({symptom.site for symptom in lost}) == 1


def _no_arrivals(symptom: SymptomState) -> bool:
    return role(symptom) == "gone" and symptom.series.measure == "offered"
