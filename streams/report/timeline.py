"""What happened during one incident, line by line, each at its own moment; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from schemas.command import LoadShiftCommand
from schemas.incident import Symptom
from streams.decide import REFUSAL
from streams.report.case import Case

NEWS_OF_SINKS = ("delivered", "refused")
TEXT_MAX = 240
# words about our own work: each stands for itself
OF_THE_DESK = (REFUSAL, "escalation", "handover")


class Step(NamedTuple):
    """One thing that happened."""

    at: datetime
    what: str
    text: str


def timeline(case: Case) -> list[Step]:
    """In the order of time; of one moment, in the order in which one follows from the other."""
    steps = [*_signals(case), *_tools(case), *_slow(case), *_moves(case), *_decisions(case), *_staffing(case),
             *_proposals(case), *_commands(case), *_answers(case), *_words(case), *_notices(case)]  # fmt: skip
    place = {what: n for n, what in enumerate(dict.fromkeys(step.what for step in steps))}
    return sorted(dict.fromkeys(steps), key=lambda step: (step.at, place[step.what], step.text))


def _signals(case: Case) -> Iterator[Step]:
    for one in told_symptoms(case.incident.symptoms):
        first = case.hindsight.first_words.get(one.signal_id, f"{one.series}: {one.signal_kind}")
        yield Step(one.detected_at, "signal", first)
        if one.cleared_at is not None:
            yield Step(one.cleared_at, "cleared", f"{one.series} {one.signal_kind}")


def told_symptoms(symptoms: Iterable[Symptom]) -> list[Symptom]:
    """Without those of a queue whose whole channel says the same."""
    every = list(symptoms)
    whole = {
        (one.series.at.channel, one.series.measure, one.signal_kind) for one in every if one.series.at.queue is None
    }
    return [
        one
        for one in every
        if one.series.at.queue is None or (one.series.at.channel, one.series.measure, one.signal_kind) not in whole
    ]


def _tools(case: Case) -> Iterator[Step]:
    for one in case.hindsight.tools:
        name = " ".join(part for part in (one.tool, one.provider, one.site) if part)
        yield Step(one.at, "probe", f"{name} says it is {one.state}" + (f": {one.text}" if one.text else ""))


def _slow(case: Case) -> Iterator[Step]:
    """What the desk found by a tool's latency, whatever the tool said of itself."""
    for one in case.slow:
        yield Step(one.found_at, "slow", f"{one.text}, since {one.tool.since.astimezone(case.zone):%H:%M}")
        if one.until is not None:
            yield Step(one.until, "slow", f"{one.name} answers as usual again")


def _moves(case: Case) -> Iterator[Step]:
    for move in case.incident.moves:
        yield Step(move.at, move.phase, move.reason.text)


def _decisions(case: Case) -> Iterator[Step]:
    for one in case.dossier.decisions:
        if one.action == "read":
            continue  # receipts are many, and say nothing of what was decided
        note = f": {one.note}" if one.note else ""
        target = "" if one.target == case.incident.incident_id else f" {_target(case, one.target)}"
        yield Step(case.when(one), "decision", f"{one.by}: {one.action}{target}{note}")


def _target(case: Case, target: str) -> str:
    shift = case.dossier.commands.get(target) or case.dossier.proposals.get(target)
    return f"{way(shift)} ({target})" if shift else target


def way(shift: LoadShiftCommand) -> str:
    return f"{shift.action} {shift.from_queue} -> {shift.to_queue}"


def _staffing(case: Case) -> Iterator[Step]:
    """When a queue began to be short, and when it was enough again."""
    states: dict[str, str] = {}
    for one in case.alerts:
        if states.get(str(one.queue)) != one.state:
            states[str(one.queue)] = one.state
            yield Step(one.at, "staffing", f"{one.queue}: {one.text if one.state == 'open' else 'enough people again'}")


def _proposals(case: Case) -> Iterator[Step]:
    for one in case.dossier.proposals.values():
        why = f" ({one.blocked_by.text})" if one.blocked_by else ""
        yield Step(one.issued_at, "proposal", f"{one.text}{why}")


def _commands(case: Case) -> Iterator[Step]:
    for one in case.dossier.commands.values():
        if one.share != one.share_before:  # a mere renewal is no news
            by = f", approved by {one.approved_by}" if one.approved_by else ""
            yield Step(one.issued_at, "command", f"{one.text}{by}")


def _answers(case: Case) -> Iterator[Step]:
    """What the platform answered; its yes to many at one moment is one line."""
    shifts = case.dossier.commands
    applied: dict[datetime, int] = {}
    for one in case.dossier.results:
        command = shifts.get(one.command_id)
        if one.state == "applied":
            if command is None or command.share != command.share_before:
                applied[one.at] = applied.get(one.at, 0) + 1
            continue
        name = way(command) if command else one.command_id
        yield Step(one.at, "platform", f"{name} {one.state}" + (f": {one.text}" if one.text else ""))
    for at, n in applied.items():
        yield Step(at, "platform", "1 command applied" if n == 1 else f"{n} commands applied")


def _words(case: Case) -> Iterator[Step]:
    """Bulletins in English, or in the first language there is. What is said at one moment is one line: the customers'
    words stand for all."""
    spoken = {one.language for one in case.dossier.bulletins}
    language = "en" if "en" in spoken else min(spoken, default="en")
    said: dict[tuple[datetime, str], dict[str, str]] = {}
    for one in case.dossier.bulletins:
        if one.language == language:
            own = one.template if one.template in OF_THE_DESK else ""
            said.setdefault((one.at, own), {}).setdefault(one.audience, one.text)
    for (at, own), by_audience in said.items():
        text = by_audience.get("customers") or by_audience[min(by_audience)]
        line = " ".join(text.split())
        short = line if len(line) <= TEXT_MAX else line[:TEXT_MAX].rstrip() + " …"
        yield Step(at, "refused" if own == REFUSAL else "told", f"to {', '.join(sorted(by_audience))}: {short}")


def _notices(case: Case) -> Iterator[Step]:
    if case.played:
        return  # sinks speak by the clock on the wall, which is not this tenant's
    for one in case.dossier.notices:
        if one.outcome in NEWS_OF_SINKS:
            about = f" about {one.queue}" if one.queue else ""
            yield Step(
                one.at, "notice", f"{one.sink}{about}: {one.what} {one.outcome}" + (f": {one.text}" if one.text else "")
            )
