"""What a sink should be told now: a pure function of the newest state and of what it was told last."""

from __future__ import annotations

import msgspec

from schemas.codec import rfc3339
from schemas.fold import digest
from schemas.incident import Incident
from schemas.notice import Told
from streams.notify.sink import Notice, Sink, What
from streams.notify.subjects import Change, Subject, is_over, revision, step, subject_id

Listener = Sink | type[Sink]


class Skipped(msgspec.Struct, frozen=True):
    """Nothing is sent, and why: the answer to "why was nobody woken?"."""

    why: str


def due(
    sink: Listener, subject: Subject, told: Told | None, reference: str | None = None, *, tried: bool = False
) -> Notice | Skipped | None:
    """The notice that brings the sink from what it was told to what is true; None when it knows already.

    So a sink that was away for hours hears the newest state once, and what is over and was never told wakes nobody.
    `tried`: since it was `told`, something else was tried without a known end, so that the sink may have that instead.
    """
    if not isinstance(subject, sink.hears) or _is_pending(subject):
        return None
    known = told if told is not None and told.what != "resolved" else None
    if is_over(subject):
        what = _end(sink, subject, told, tried)
    elif known is None:
        quiet = _keep_quiet(subject) if sink.wakes else None
        what = Skipped(quiet) if quiet else "opened"
    else:
        what = _news(sink, subject, known, tried)
    return what if what is None or isinstance(what, Skipped) else _notice(sink, subject, told, reference, what)


def _end(sink: Listener, subject: Subject, told: Told | None, tried: bool) -> What | Skipped | None:
    if told is not None or tried:
        return None if told is not None and told.what == "resolved" and not tried else "resolved"
    if not isinstance(subject, Incident):
        return None
    return Skipped("it was over before anybody was told") if sink.wakes else "resolved"


def _news(sink: Listener, subject: Subject, told: Told, tried: bool) -> What | None:
    if _acknowledged_by(subject) and not told.acknowledged:
        return "acknowledged"
    if sink.wakes and _is_muted(subject):
        return None
    if step(subject) > told.step and not _acknowledged_by(subject):
        return "escalated"
    if told.says == says(subject, wakes=sink.wakes) and not tried:
        return None
    return "changed"


def _notice(sink: Listener, subject: Subject, told: Told | None, reference: str | None, what: What) -> Notice:
    now_says = says(subject, wakes=sink.wakes)
    before = told.step if told is not None and told.what != "resolved" else 0
    acknowledged = (
        bool(_acknowledged_by(subject)) if what in ("opened", "acknowledged") else bool(told and told.acknowledged)
    )
    return Notice(
        # The notice before is part of the id: going back to an earlier state is news, a resend after a crash is not.
        notice_id=digest(sink.name, subject_id(subject), what, now_says, told.notice_id if told else ""),
        what=what,
        subject=subject,
        # An acknowledgement carries no more than that: what else changed is told next.
        says=told.says if told and what == "acknowledged" else now_says,
        acknowledged=acknowledged,
        step=max(step(subject), before),
        step_before=before,
        reference=reference,
    )


def says(subject: Subject, *, wakes: bool) -> str:
    """What in it is worth telling again when it changes: less for a sink that wakes people."""
    if isinstance(subject, Change):
        return digest(revision(subject))
    if not isinstance(subject, Incident):
        return digest(subject.alert_id, subject.state)
    core = (
        subject.severity,
        subject.cause.kind,
        subject.scope.level,
        sorted(subject.scope.channels),
        subject.merged_into,
        subject.drill,
        *([step(subject)] if step(subject) else []),
    )
    if wakes:
        return digest(*core)
    open_symptoms = sorted(f"{s.series} {s.signal_kind}" for s in subject.symptoms if s.state != "cleared")
    return digest(*core, subject.phase, subject.playbook, subject.muted_until, open_symptoms)


def _is_pending(subject: Subject) -> bool:
    return isinstance(subject, Incident) and subject.phase == "pending"


def _acknowledged_by(subject: Subject) -> str | None:
    return subject.acknowledged_by if isinstance(subject, Incident) else None


def _is_muted(subject: Subject) -> bool:
    return isinstance(subject, Incident) and subject.muted_until is not None and subject.muted_until > subject.at


def _keep_quiet(subject: Subject) -> str | None:
    """Why this should wake nobody, if so."""
    if not isinstance(subject, Incident):
        return None
    if subject.drill:
        return f"it is exercise {subject.drill}: nobody is woken for it"
    if not subject.pages:
        return "it does not page: only internal channels or signals that are still learning speak"
    if subject.muted_until is not None and _is_muted(subject):
        return f"it is muted until {rfc3339(subject.muted_until)}"
    if subject.acknowledged_by:
        return f"{subject.acknowledged_by} had acknowledged it before anybody was told"
    return None
