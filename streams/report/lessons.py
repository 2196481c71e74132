"""What was slow, what was missing, what failed: each from a rule over the case, with the figure that speaks for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from streams.dossier import left
from streams.report.case import Case
from streams.report.figures import NO_STAFF, Figures, refused
from streams.report.steps import Took
from streams.report.timeline import way
from streams.web.words import plural

SLOW_SECONDS = 300.0  # to see it, to take it on, to say yes
TOLD_WITHIN_SECONDS = 900.0
UNSEEN_SHARE = 0.05
COST_MIN = 5.0  # contacts
FAILED_NOTES = ("no-effect", "harm", "not-confirmed", "refused", "bot-floor")
MISSING_NOTES = ("no-staffing", "no-centre-model", "no-load", "no-plan", "no-route")
_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
CUSTOMERS = ("customers", "social", "status-page", "sms")


class Lesson(NamedTuple):
    """One thing to talk about."""

    kind: Literal["slow", "missing", "failed"]
    text: str


def lessons(case: Case, figures: Figures) -> list[Lesson]:
    """In the order in which it went: seeing, taking on, deciding, doing, telling, knowing."""
    found = (*_seeing(case, figures), *_taking_on(case, figures), *_deciding(case), *_doing(case, figures),
             *_telling(case), *_knowing(case, figures))  # fmt: skip
    return list(dict.fromkeys(found))


def span(seconds: float) -> str:
    """ "12 min", "1 h 5 min", "40 s"."""
    return left(_ZERO + timedelta(seconds=seconds), _ZERO).removesuffix(" 0 s").removesuffix(" 0 min")


def _step(figures: Figures, name: str) -> Took:
    return next(one for one in figures.times if one.step == name)


def _seeing(case: Case, figures: Figures) -> Iterator[Lesson]:
    detected = _step(figures, "Detected")
    if detected.seconds is not None and detected.seconds > SLOW_SECONDS:
        yield Lesson("slow", f"It was detected {span(detected.seconds)} after its onset.")
    if returns := sum(move.reason.code == "came-back" for move in case.incident.moves):
        yield Lesson("failed", f"It came back {plural(returns, 'time')} after it had eased.")


def _taking_on(case: Case, figures: Figures) -> Iterator[Lesson]:
    incident = case.incident
    acknowledged, detected = _step(figures, "Acknowledged"), _step(figures, "Detected")
    if acknowledged.at is None and not incident.acknowledged_by and incident.pages:
        until = case.ends - (detected.at or incident.opened_at)
        yield Lesson("slow", f"Nobody acknowledged it: {span(until.total_seconds())} from the first signal to the end.")
    elif acknowledged.at is not None and detected.at is not None:
        waited = (acknowledged.at - detected.at).total_seconds()
        if waited > SLOW_SECONDS:
            yield Lesson("slow", f"It was unacknowledged for {span(waited)} after the first signal.")
    steps = {one.at for one in case.dossier.bulletins if one.template == "escalation"}
    if len(steps) > 1:
        yield Lesson("slow", f"{len(steps)} times somebody was asked to take it on.")


def _deciding(case: Case) -> Iterator[Lesson]:
    """How long people took to say yes, and what ran out before anybody did."""
    commands = case.dossier.commands
    for proposal in sorted(case.dossier.proposals.values(), key=lambda one: (one.issued_at, one.command_id)):
        command = commands.get(proposal.command_id)
        approved = [case.when(one) for one in case.dossier.decisions
                    if one.action == "approve" and one.target == proposal.command_id]  # fmt: skip
        if command is not None and approved:
            waited = (min(approved) - proposal.issued_at).total_seconds()
            if waited > SLOW_SECONDS:
                yield Lesson("slow", f"{way(proposal)} waited {span(waited)} for a yes.")
        elif command is None and proposal.blocked_by is not None and proposal.blocked_by.code == "expired":
            yield Lesson("missing", f"{way(proposal)} ran out before anybody approved it.")


def _doing(case: Case, figures: Figures) -> Iterator[Lesson]:
    for note in case.incident.notes:
        if note.code in FAILED_NOTES:
            yield Lesson("failed", _sentence(note.text))
    for result in sorted(case.dossier.results, key=lambda one: (one.at, one.command_id)):
        command = case.dossier.commands.get(result.command_id)
        if result.state == "refused" and command is not None:
            yield Lesson(
                "failed", f"The platform refused {way(command)}" + (f": {result.text}." if result.text else ".")
            )
    if case.dossier.commands and not case.dossier.results:
        yield Lesson(
            "missing", "The platform never said what became of a command: effects are counted from their issue."
        )
    for text in refused(case):
        yield Lesson("failed", _sentence(f"The desk refused: {text}"))
    cost = [one for one in figures.what_if.queues if one.saved.high < -COST_MIN]
    if cost:
        told = ", ".join(f"{one.queue} about {-one.saved.expected:,.0f}" for one in cost)
        yield Lesson("failed", f"Helping others cost contacts, by the model: {told}.")


def _telling(case: Case) -> Iterator[Lesson]:
    """How soon customers were told. What wakes nobody need not be told."""
    if not case.incident.pages or case.incident.cause.kind == "data-feed-lost":
        return
    told = [one.at for one in case.dossier.bulletins if one.audience in CUSTOMERS]
    if not told:
        yield Lesson("missing", "Customers were told nothing.")
    elif (waited := (min(told) - case.incident.onset).total_seconds()) > TOLD_WITHIN_SECONDS:
        yield Lesson("slow", f"Customers were first told {span(waited)} after the onset.")
    failed = sorted({one.sink for one in case.dossier.notices if one.outcome == "refused"})
    if failed:
        yield Lesson("failed", f"Notices were refused by {', '.join(failed)}.")


def _knowing(case: Case, figures: Figures) -> Iterator[Lesson]:
    if case.centre is None:
        yield Lesson("missing", "The centre's model was never published: no staffing, targets or local time are known.")
    if not case.hindsight.knows_staff:
        yield Lesson("missing", f"Service level and what-if are {NO_STAFF}.")
    for channel in figures.channels:
        seen = sum(row.known * row.seconds for row in channel.rows)
        whole = sum(row.seconds for row in channel.rows)
        if whole and (blind := 1 - seen / whole) > UNSEEN_SHARE:
            yield Lesson("missing", f"{blind:.0%} of the time nothing of {channel.name} was delivered.")
    for note in case.incident.notes:
        if note.code in MISSING_NOTES:
            yield Lesson("missing", _sentence(note.text))
    unsaid = [note.text.partition(": ")[2] for note in case.incident.notes if note.code == "not-sendable"]
    for why in dict.fromkeys(unsaid):
        yield Lesson("missing", f"{plural(unsaid.count(why), 'message')} could not be filled in: {why}.")
    if not case.hindsight.tools and case.incident.cause.kind not in ("demand-surge", "data-feed-lost", "unknown"):
        yield Lesson("missing", "No probe of a tool told of it: it was known by its contacts alone.")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
