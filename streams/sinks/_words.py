"""What a person is told of a subject, in plain lines of bounded length: the same words in every sink. Pure."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from response import drawer, playbooks
from response.playbook import Playbook
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.incident import Incident, Symptom
from streams.notify.sink import Notice, one_line
from streams.notify.subjects import Published, Subject

TEXT_LENGTH_MAX = 200
LISTED_MAX = 20
LANGUAGE = "en"
SAID = {
    "opened": "Opened",
    "changed": "Changed",
    "escalated": "Not acknowledged",
    "acknowledged": "Acknowledged",
    "resolved": "Over",
    "repeated": "Still open",
}


def headline(subject: Subject, length: int = 1024) -> str:
    """One line that a sleepy person understands: what, where, since when, likely why."""
    match subject:
        case Incident():
            text = f"{_drill(subject)}[{subject.tenant}] {subject.title} since {subject.onset:%H:%M} UTC{_why(subject)}"
        case StaffingAlert():
            text = f"[{subject.tenant}] {subject.text}"
        case LoadShiftCommand():
            text = f"[{subject.tenant}] Load shift: {subject.text}"
        case Published(centre):
            text = f"[{centre.tenant}] Centre model version {centre.version} published, mode {centre.mode}"
    return one_line(text, length)


def what_now(notice: Notice) -> str:
    """What this notice is, in a few words."""
    subject = notice.subject
    if not isinstance(subject, Incident):
        return SAID[notice.what]
    if notice.what == "acknowledged":
        return f"Acknowledged by {brief(subject.acknowledged_by or 'somebody')}"
    if notice.what == "escalated" and subject.escalation is not None:
        who = ", ".join(subject.escalation.who[:LISTED_MAX]) or "nobody on duty"
        return f"Not acknowledged: now with {brief(f'{subject.escalation.rota} ({who})')}"
    if notice.what == "resolved" and subject.resolved_at is not None:
        return f"Over after {lasted(subject.resolved_at - subject.onset)}"
    return SAID[notice.what]


def evidence(incident: Incident, count: int = LISTED_MAX) -> list[str]:
    """The symptoms, those that go on first."""
    order = sorted(incident.symptoms, key=lambda symptom: (symptom.state == "cleared", symptom.detected_at))
    return [brief(_symptom(symptom)) for symptom in order[:count]]


def plan(incident: Incident) -> list[str]:
    """The playbook's steps: when, who, what."""
    found = _playbooks().get(incident.playbook or "")
    steps = () if found is None else found.steps
    return [brief(f"within {step.within_minutes} min, {step.role}: {step.text[LANGUAGE]}") for step in steps]


def cause(incident: Incident) -> str:
    if incident.cause.kind == "unknown":
        return "unknown yet"
    return f"{incident.cause.kind.replace('-', ' ')}, {incident.cause.sureness:.0%} sure"


def reach(incident: Incident) -> str:
    """How far it reaches."""
    return brief(f"{incident.scope.level}: {', '.join(incident.scope.channels[:LISTED_MAX])}")


def brief(text: str) -> str:
    return one_line(text, TEXT_LENGTH_MAX)


def lasted(span: timedelta) -> str:
    """52 min, 3 h 5 min, 2 d 4 h."""
    minutes = max(0, round(span.total_seconds() / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def _drill(incident: Incident) -> str:
    return f"DRILL {incident.drill}: " if incident.drill else ""


def _why(incident: Incident) -> str:
    kind = incident.cause.kind.replace("-", " ")
    return "" if kind == "unknown" else f", likely {kind} ({incident.cause.sureness:.0%} sure)"


def _symptom(symptom: Symptom) -> str:
    ratio = "" if symptom.ratio is None else f" = {symptom.ratio:.2f} of usual"
    return (
        f"{symptom.series} {symptom.signal_kind} ({symptom.state}) since {symptom.onset:%H:%M} UTC: "
        f"{symptom.observed:.0f} seen, {symptom.expected:.0f} expected{ratio}. {symptom.text}"
    )


@cache
def _playbooks() -> dict[str, Playbook]:
    return drawer.members(playbooks, Playbook)
