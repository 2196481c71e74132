"""How long it took, step by step from the onset: seen, taken on, acted upon, over, back to usual, closed; pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from schemas.command import LoadShiftCommand
from streams.report.case import Case


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """How long one step took, from the onset. `at` None: it did not happen (`missing` says so)."""

    step: str
    at: datetime | None
    seconds: float | None
    by: str
    formula: str
    missing: str = ""


def times(case: Case) -> Iterable[Took]:
    """From the onset: detected, acknowledged, acted upon, over, back to usual, closed."""
    incident = case.incident
    moves = incident.moves
    # a relapse begins anew: what counts is the last time that it eased
    eased = [move.at for move in moves if move.phase in ("easing", "watching", "resolved")]
    relapse = max((move.at for move in moves if move.phase == "open"), default=incident.opened_at)
    over = min((at for at in eased if at >= relapse), default=None)
    yield _took(case, "Detected", min((one.detected_at for one in incident.symptoms), default=None), "detection",
                "first signal about it", "no signal")  # fmt: skip
    yield _acknowledged(case)
    yield _acted(case)
    yield _took(case, "Works again", over, "the desk", "last move to easing after its last opening", "not yet")
    usual = case.over_at
    yield _took(case, "Back to usual", usual, "the desk", "every series back in its usual range", "not yet")
    formula, missing = "end of the watch after it, or a person's word", "not yet"
    missing = "still watched" if incident.phase == "watching" else missing
    yield _took(case, "Resolved", incident.resolved_at, "the desk", formula, missing)


def _took(case: Case, step: str, at: datetime | None, by: str, formula: str, missing: str) -> Took:
    seconds = None if at is None else max(0.0, (at - case.incident.onset).total_seconds())
    return Took(step=step, at=at, seconds=seconds, by="" if at is None else by, formula=f"{formula} - onset",
                missing=missing if at is None else "")  # fmt: skip


def _acknowledged(case: Case) -> Took:
    formula = "first decision `acknowledge` of a person"
    said = [one for one in case.dossier.decisions if one.action == "acknowledge"]
    if said:
        first = min(said, key=lambda one: (case.when(one), one.decision_id))
        return _took(case, "Acknowledged", case.when(first), first.by, formula, "")
    if case.incident.acknowledged_by:
        missing = f"by {case.incident.acknowledged_by}; when is not recorded"
        return _took(case, "Acknowledged", None, "", formula, missing)
    return _took(case, "Acknowledged", None, "", formula, "nobody acknowledged it")


def _acted(case: Case) -> Took:
    formula = "first load shift that was issued (by itself or approved), or approval of a staffing alert"
    done = [(one.issued_at, issuer(one)) for one in case.dossier.commands.values() if not one.reverts]
    alerts = {one.alert_id for one in case.alerts}
    done += [
        (case.when(one), one.by) for one in case.dossier.decisions if one.action == "approve" and one.target in alerts
    ]
    if not done:
        return _took(case, "Acted upon", None, "", formula, "nothing was moved, and nobody was called in")
    at, by = min(done)
    return _took(case, "Acted upon", at, by, formula, "")


def issuer(command: LoadShiftCommand) -> str:
    return command.approved_by or f"by itself (mode {command.mode})"
