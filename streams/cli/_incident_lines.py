"""One incident for a person, line by line; pure. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from rich.text import Text

from schemas.command import Bulletin, LoadShiftCommand
from schemas.incident import Incident
from streams import dossier
from streams.cli._lines import SEVERITY
from streams.decide import REFUSAL
from streams.dossier import Dossier, Standing
from streams.report.timeline import OF_THE_DESK

OVER_MAX = 5  # commands and proposals that are over: the last few say enough


class Step(NamedTuple):
    """One thing that happened."""

    at: datetime
    what: str
    text: str
    style: str = ""


def page(one: Dossier, now: datetime) -> list[Text]:
    """Everything about one incident; what somebody has to do stands last, where the eye ends up."""
    found = [*_head(one.incident)]
    sections = (
        ("What happened", _timeline(one)),
        ("Symptoms", _symptoms(one.incident)),
        ("Who is short", _alerts(one)),
        ("What was said to people", _bulletins(one)),
        ("Who was told", _notices(one)),
        ("What could not be done", (Text(f"  {note.text}") for note in one.incident.notes)),
        ("What is moved", _commands(one, now)),
        ("What is proposed", _proposals(one, now)),
        ("What you can say", _choices(one.incident, now)),
    )
    for title, lines in sections:
        body = list(lines)
        if body:
            found += [Text(""), Text(title, "bold"), *body]
    return found


def to_approve(one: Dossier, now: datetime) -> Iterator[Text]:
    """The proposals that wait, each with the line to type; and those that something else keeps back."""
    for proposal in one.proposals.values():
        how = dossier.how_proposed(one, proposal, now)
        if how.blocked:
            yield Text("")
            yield _shift(proposal, how.text, stands=False)
    for proposal in dossier.waiting(one, now):
        yield Text("")
        yield Text.assemble((f"{_way(proposal)} ", "bold"), _shares(proposal), f", {_left(proposal, now)} to decide")
        yield Text(f"  breakwater approve {proposal.command_id}", "cyan")


def _head(incident: Incident) -> Iterator[Text]:
    if incident.drill:
        yield Text(f"DRILL {incident.drill}: nothing of this is real", "bold magenta")
    yield Text.assemble((incident.title, "bold"), f"  {incident.incident_id}")
    style = SEVERITY[incident.severity] if incident.phase in ("open", "easing") else "green"
    state = Text.assemble((f"{incident.phase}, {incident.severity}", style), f", since {_moment(incident.onset)}")
    if incident.resolved_at:
        state.append(f" until {_moment(incident.resolved_at)}")
    state.append(f", {incident.contacts_unusual:,.0f} contacts out of the usual" if incident.contacts_unusual else "")
    yield state
    because = f": {'; '.join(incident.cause.because)}" if incident.cause.because else ""
    yield Text(f"likely {incident.cause.kind}, {incident.cause.sureness:.0%} sure{because}")
    yield Text(f"reaches the {incident.scope.level}: {', '.join(incident.scope.channels)}")
    yield Text("; ".join(_standing(incident)))


def _standing(incident: Incident) -> Iterator[str]:
    yield f"taken on by {incident.acknowledged_by}" if incident.acknowledged_by else "nobody has taken it on"
    if incident.playbook:
        yield f"playbook {incident.playbook}"
    if incident.muted_until:
        yield f"muted until {_moment(incident.muted_until)}"
    if not incident.pages:
        yield "wakes nobody"
    if incident.merged_into:
        yield f"merged into {incident.merged_into}"
    asked = incident.escalation
    if asked is not None and not incident.acknowledged_by:
        yield f"{', '.join(asked.who) or 'nobody'} ({asked.rota}) was asked at {_moment(asked.at)}"
        if asked.next_at is not None:
            yield f"{asked.next_rota} is asked at {_moment(asked.next_at)}"


def _timeline(one: Dossier) -> Iterator[Text]:
    for step in sorted(_steps(one), key=lambda step: step.at):
        yield Text.assemble((f"  {_moment(step.at)} ", "dim"), (f"{step.what:<9} ", step.style), step.text)


def _steps(one: Dossier) -> Iterator[Step]:
    for move in one.incident.moves:
        yield Step(move.at, move.phase, move.reason.text, "bold")
    for symptom in one.incident.symptoms:
        yield Step(symptom.onset, "begins", f"{symptom.series} {symptom.signal_kind}")
        if symptom.cleared_at:
            yield Step(symptom.cleared_at, "cleared", f"{symptom.series} {symptom.signal_kind}", "green")
    for command in one.commands.values():
        if command.share != command.share_before:  # a mere renewal is no news
            by = f", approved by {command.approved_by}" if command.approved_by else ""
            yield Step(command.issued_at, "command", f"{command.text}{by}", "magenta")
    for decision in one.decisions:
        if decision.action == "read":
            continue  # receipts are many, and decide nothing
        note = f": {decision.note}" if decision.note else ""
        target = "" if decision.target == one.incident.incident_id else f" {decision.target}"
        yield Step(decision.at, "decision", f"{decision.by}: {decision.action}{target}{note}", "cyan")
    for bulletin in one.bulletins:
        if bulletin.template == REFUSAL and bulletin.language == _language(one):
            yield Step(bulletin.at, "refused", bulletin.text, "red")
    for result in one.results:
        text = f": {result.text}" if result.text else ""
        yield Step(result.at, "platform", f"{result.command_id} {result.state}{text}")


def _language(one: Dossier) -> str:
    """The one to show of those that the same is said in."""
    spoken = {bulletin.language for bulletin in one.bulletins}
    return "en" if "en" in spoken else min(spoken)


def _symptoms(incident: Incident) -> Iterator[Text]:
    for symptom in sorted(incident.symptoms, key=lambda symptom: (symptom.state == "cleared", symptom.onset)):
        over = symptom.state == "cleared"
        seen = f"{symptom.observed:,.0f} against {symptom.expected:,.0f} expected"
        ratio = "" if symptom.ratio is None else f", {symptom.ratio:.2f} x"
        yield Text.assemble(
            ("  cleared " if over else "  out     ", "green" if over else "red"),
            (f"{symptom.series} {symptom.signal_kind}", "" if over else "bold"),
            f": {seen}{ratio}",
            style="dim" if over else "",
        )
        yield Text(f"          {symptom.text}", "dim")


def _alerts(one: Dossier) -> Iterator[Text]:
    for queue, alert in sorted(one.alerts.items()):
        if alert.state == "closed":
            yield Text(f"  {queue}: enough again since {_moment(alert.at)}", "dim")
            continue
        short = max((interval.agents_short for interval in alert.intervals), default=0)
        yield Text.assemble((f"  {queue}", "bold"), f": {short} agents short at worst. {alert.text}")
        for lever in alert.levers:
            yield Text(f"    {lever.effect} ({lever.owner}, takes {lever.minutes} min)")


def _commands(one: Dossier, now: datetime) -> Iterator[Text]:
    for command, how in _newest(
        (c, dossier.how_commanded(one, c, now)) for c in one.commands.values() if not c.reverts
    ):
        yield _shift(command, how.text, stands=how.stands)
        if how.stands:
            by = f"approved by {command.approved_by}" if command.approved_by else f"by itself, mode {command.mode}"
            yield Text(
                f"    {by}; goes back as {command.inverse.command_id} at {_moment(command.expires_at)} at the latest"
            )
            yield Text(f"    {_guard(command)}")
            yield Text(f"    breakwater kill {command.command_id}", "cyan")


def _proposals(one: Dossier, now: datetime) -> Iterator[Text]:
    asked = [proposal for key, proposal in one.proposals.items() if key not in one.commands]
    for proposal, how in _newest((p, dossier.how_proposed(one, p, now)) for p in asked):
        yield _shift(proposal, how.text, stands=how.stands)
        if how.stands:
            yield from _projections(proposal)
            yield Text(f"    {_guard(proposal)}")
            yield Text(f"    breakwater approve {proposal.command_id}", "cyan")
            yield Text(f"    breakwater reject {proposal.command_id}", "cyan")


def _newest(shifts: Iterable[tuple[LoadShiftCommand, Standing]]) -> Iterator[tuple[LoadShiftCommand, Standing]]:
    """Those that stand or are blocked, after the last few that are over."""
    every = list(shifts)
    over = [one for one in every if not (one[1].stands or one[1].blocked)]
    yield from over[-OVER_MAX:]
    yield from (one for one in every if one[1].stands or one[1].blocked)


def _projections(proposal: LoadShiftCommand) -> Iterator[Text]:
    for projection in proposal.projections:
        before, after = projection.abandoned_share_before, projection.abandoned_share_after
        waits = (projection.wait_seconds_before, projection.wait_seconds_after)
        wait = "" if None in waits else f", wait {waits[0]:,.0f} s -> {waits[1]:,.0f} s"
        yield Text(f"    {projection.queue}: {before:.0%} -> {after:.0%} give up{wait}")


def _shift(command: LoadShiftCommand, how: str, *, stands: bool) -> Text:
    line = Text.assemble((f"  {_way(command)} ", "bold" if stands else ""), f"{_shares(command)}: {how}")
    line.stylize("" if stands else "dim")
    return line


def _way(command: LoadShiftCommand) -> str:
    return f"{command.from_queue} -> {command.to_queue} by {command.action}"


def _shares(command: LoadShiftCommand) -> str:
    return f"{command.share_before:.0%} -> {command.share:.0%}"


def _guard(command: LoadShiftCommand) -> str:
    guard = command.guard
    level = f"service level of {guard.donor} falls below {guard.stop_if_service_level_below:.0%}"
    return f"stops by itself when the {level} or fewer than {guard.stop_if_agents_below} agents are left there"


def _left(command: LoadShiftCommand, now: datetime) -> str:
    return dossier.left(command.expires_at, now)


def _bulletins(one: Dossier) -> Iterator[Text]:
    """The last word to each audience, in one language; the others say the same."""
    last: dict[str, dict[str, Bulletin]] = {}
    for bulletin in one.bulletins:
        if bulletin.template not in OF_THE_DESK:
            last.setdefault(bulletin.audience, {})[bulletin.language] = bulletin
    for audience, by_language in sorted(last.items()):
        shown = by_language.get(_language(one)) or next(iter(by_language.values()))
        others = sorted(by_language.keys() - {shown.language})
        also = f", also in {', '.join(others)}" if others else ""
        draft = "" if shown.approved else ", a draft"
        yield Text(f"  {_moment(shown.at)} to {audience}{also}{draft}", "dim")
        yield from (Text(f"    {line}") for line in shown.text.splitlines())


def _notices(one: Dossier) -> Iterator[Text]:
    last = {(n.sink, n.queue): n for n in one.notices}
    for notice in last.values():
        about = f" about {notice.queue}" if notice.queue else ""
        why = f": {notice.text}" if notice.text else ""
        yield Text(f"  {_moment(notice.at)} {notice.sink}{about}: {notice.what} {notice.outcome}{why}")


def _choices(incident: Incident, now: datetime) -> Iterator[Text]:
    if incident.phase == "resolved":
        return
    words = [
        "unmute" if incident.muted_until and incident.muted_until > now else "mute",
        "resolve",
        "not-an-incident",
        "kill",
    ]
    if not incident.acknowledged_by:
        words.insert(0, "ack")
    if incident.phase in ("easing", "watching"):
        words.insert(0, "recovery")
    for word in words:
        yield Text(f"  breakwater {word} {incident.incident_id}", "cyan")


def _moment(at: datetime) -> str:
    return f"{at:%m-%d %H:%M:%S}Z"
