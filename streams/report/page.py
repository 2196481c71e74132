"""The post-incident report as blocks of a page: a summary for who has half a minute, and everything behind it; pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from schemas.recovery import Between
from streams.report import definitions, plot
from streams.report.case import Case
from streams.report.figures import NO_LOADS, NO_STAFF, Channel, Effect, Figures
from streams.report.lessons import Lesson, span
from streams.report.markup import Block, Bullets, Fact, Facts, Heading, Plot, Table, Text
from streams.report.plot import Mark
from streams.report.steps import Took
from streams.report.timeline import Step, told_symptoms
from streams.web import words

NOT_KNOWN = "not known"
LESSONS_FIRST = 3
SYMPTOMS_MAX = 6
STEPS_FIRST, STEPS_LAST = 250, 150
MINUTES_MAX = 180  # more of them are told in hours
MARKS = {
    "Detected": "detected",
    "Acknowledged": "acknowledged",
    "Acted upon": "acted",
    "Works again": "works again",
    "Back to usual": "usual",
}


def page(case: Case, figures: Figures, learned: list[Lesson], steps: list[Step]) -> list[Block]:
    return [
        *_head(case, figures, learned),
        *_times(case, figures),
        *_channels(case, figures),
        *_done(case, figures),
        *_what_if(figures),
        *_after(case),
        *_lessons(learned),
        *_timeline(case, steps),
        *_formulas(case, figures),
    ]


def title(case: Case) -> str:
    return f"Report on {case.incident.incident_id}"


# ---- words for figures


def number(value: float) -> str:
    return f"{round(value):,}".replace("-", "−")


def band(one: Between) -> str:
    """ "120 (80 to 160)": nine in ten outcomes lie between."""
    return f"{number(one.expected)} ({number(one.low)} to {number(one.high)})"


def moment(case: Case, at: datetime) -> str:
    """Local time of the tenant; with the date where it is not that of the onset."""
    local, first = at.astimezone(case.zone), case.incident.onset.astimezone(case.zone)
    return local.strftime("%H:%M:%S" if local.date() == first.date() else "%Y-%m-%d %H:%M:%S")


# ---- the first half minute


def _head(case: Case, figures: Figures, learned: list[Lesson]) -> Iterator[Block]:
    incident = case.incident
    yield Heading(_sentence(case, figures), 1)
    onset = incident.onset.astimezone(case.zone)
    day = f"{onset:%A, %-d %B %Y}, {case.zone.key} time"
    yield Text(f"{day}. {incident.severity.capitalize()}, {incident.phase}. `{incident.incident_id}`", "small")
    yield from (Text(text, "lead") for text in _warnings(case))
    yield Text(_summary(case, figures), "lead")
    yield Facts(list(_facts(case, figures)))
    if learned:
        shown = learned[:LESSONS_FIRST]
        more = f" {len(learned) - len(shown)} more under Lessons." if len(learned) > len(shown) else ""
        yield Text("To talk about: " + " ".join(one.text for one in shown) + more)


def _sentence(case: Case, figures: Figures) -> str:
    """ "Telephony was out from 10:12 to 11:01": what failed, and until when it did; that it is watched comes below."""
    over = _step(figures, "Works again").at
    told = case.incident if over is None else msgspec.structs.replace(case.incident, phase="resolved", resolved_at=over)
    return words.incident_sentence(told, case.zone, case.incident.onset)


def _warnings(case: Case) -> Iterator[str]:
    incident = case.incident
    if incident.drill:
        yield f"Drill {incident.drill}: nothing of this is real."
    if incident.merged_into:
        yield f"It was merged into `{incident.merged_into}`, whose report has the whole of it."
    if case.merged:
        yield f"It holds what was merged into it: {', '.join(f'`{name}`' for name in case.merged)}."
    if any(move.reason.code == "not-an-incident" for move in incident.moves):
        yield "People said that it was no incident."
    if returns := sum(move.reason.code == "came-back" for move in incident.moves):
        yield f"It came back {words.plural(returns, 'time')}: steps count from its first onset to its last end."
    if incident.phase in ("pending", "open", "easing"):
        at = case.as_of.astimezone(case.zone)
        yield f"It is not over: everything here is so far, as of {at:%Y-%m-%d %H:%M:%S}."
    yield from gaps(case)


def gaps(case: Case) -> Iterator[str]:
    """What the record does not hold, so that nobody takes a figure for more than it is."""
    first = case.hindsight.first
    if first is None:
        yield "Of what the desk heard nothing is recorded: figures that need its minutes are not known."
    elif first > case.incident.onset:
        yield (
            f"The record of the desk begins only at {moment(case, first)}, after the onset: what was before was not "
            "kept, and figures count from there on."
        )
    if case.first_revision > 1:
        yield f"The first {case.first_revision - 1} words on this incident are not in the record any more."


def _summary(case: Case, figures: Figures) -> str:
    """Two or three sentences: what it did, how fast we were, what that was worth."""
    incident = case.incident
    cause = f"Likely cause: {incident.cause.kind} ({incident.cause.sureness:.0%} sure)"
    parts = [f"{cause}. It reached {words.scope_text(incident.scope)}"]
    if figures.affected is not None:
        parts[0] += f" and touched about {number(figures.affected.expected)} contacts"
    parts[0] += "."
    parts.append(_speed(figures))
    saved = figures.what_if.saved
    if saved is not None and saved.low > 0:
        parts.append(f"Without our load shifts about {band(saved)} more contacts would have been lost, by the model.")
    elif saved is not None:
        parts.append(f"What our load shifts were worth is not sure: {band(saved)} contacts kept, by the model.")
    return " ".join(parts)


def _speed(figures: Figures) -> str:
    told = []
    for step, verb in (("Detected", "detected"), ("Acknowledged", "acknowledged"), ("Acted upon", "acted upon")):
        one = _step(figures, step)
        told.append(f"{verb} after {span(one.seconds)}" if one.seconds is not None else f"not {verb}")
    over = _step(figures, "Works again")
    ended = f"it was over after {span(over.seconds)}" if over.seconds is not None else "it is not over yet"
    return f"It was {', '.join(told)}; {ended}."


def _step(figures: Figures, name: str) -> Took:
    return next(one for one in figures.times if one.step == name)


def _facts(case: Case, figures: Figures) -> Iterator[Fact]:
    unknown = "" if case.hindsight.rows else NO_LOADS
    long = figures.minutes > MINUTES_MAX
    impact = span(60 * figures.minutes) if long else f"{number(figures.minutes)} min"
    yield Fact("Impact", impact, "a customers' channel was out of its usual range")
    affected = figures.affected
    yield _between("Contacts affected", affected, unknown)
    yield _between("Gave up beyond usual", figures.gave_up, unknown or "not known: too few contacts before")
    late = figures.late
    if late is None:
        yield Fact("Not answered in time", NOT_KNOWN, _reason(_first_missing(figures)))
    else:
        yield Fact("Not answered in time", number(late), "though they usually are, by the model")
    for name in ("Detected", "Acknowledged", "Acted upon"):
        one = _step(figures, name)
        note = "" if name == "Detected" else one.by
        yield Fact(name, f"after {span(one.seconds)}" if one.seconds is not None else "no", one.missing or note)
    over, usual = _step(figures, "Works again"), _step(figures, "Back to usual")
    note = f"back to usual after {span(usual.seconds)}" if usual.seconds is not None else "not back to usual yet"
    yield Fact("Works again", f"after {span(over.seconds)}" if over.seconds is not None else "not yet", note)


def _between(name: str, one: Between | None, missing: str) -> Fact:
    if one is None:
        return Fact(name, NOT_KNOWN if missing else "none", _reason(missing))
    return Fact(name, number(one.expected), f"{number(one.low)} to {number(one.high)}")


def _reason(missing: str) -> str:
    """Why something is not known, without saying again that it is not."""
    return missing.removeprefix(f"{NOT_KNOWN}: ")


def _first_missing(figures: Figures) -> str:
    """Why no channel has a service level: what is not known before what did not come."""
    reasons = [one.level_missing for one in figures.channels if one.level_missing]
    return next((why for why in reasons if why.startswith(NOT_KNOWN)), reasons[0] if reasons else NO_STAFF)


# ---- behind it


def _times(case: Case, figures: Figures) -> Iterator[Block]:
    yield Heading("How long it took")
    rows = [["Onset", moment(case, case.incident.onset), "", "", "earliest onset of what failed"]]
    for one in figures.times:
        at = moment(case, one.at) if one.at is not None else "—"
        after = span(one.seconds) if one.seconds is not None else one.missing
        rows.append([one.step, at, after, one.by, one.formula])
    yield Table(["step", "local time", "after the onset", "by", "formula"], rows)


def _channels(case: Case, figures: Figures) -> Iterator[Block]:
    yield Heading("What it did")
    if case.customers:
        total = f", {number(figures.channel_minutes)} channel-minutes in all" if len(figures.channels) > 1 else ""
        out = f"At least one customers' channel was out of its usual range for {number(figures.minutes)} min"
        yield Text(f"{out}{total}.")
    else:
        yield Text("No channel of customers was out of its usual range.")
    head = ["channel", "out of range", "came", "expected", "beyond", "gave up", "usually", "service level", "usually",
            "target", "not in time"]  # fmt: skip
    rows = [row for one in figures.channels for row in _channel_rows(one)]
    yield Table(head, rows, frozenset(range(1, len(head))))
    yield from (Text(text, "small") for text in _unknown(figures))
    symptoms = {one.name: [s for s in told_symptoms(case.incident.symptoms) if s.series.at.channel == one.name]
                for one in figures.channels}  # fmt: skip
    for one in figures.channels:
        yield Heading(one.name, 3)
        yield Bullets([symptom.text for symptom in symptoms[one.name][:SYMPTOMS_MAX]])
        if one.rows:
            yield Plot(one.name, f"{one.name}: contacts a minute, expected (dashed) with its usual band",
                       plot.draw(f"{one.name}: observed and expected contacts a minute", one.rows, one.spans,
                                 _marks(case, figures), case.zone))  # fmt: skip


def _channel_rows(one: Channel) -> Iterator[list[str]]:
    name = one.name if one.customer else f"{one.name} (internal)"
    gave = one.gave_up
    level = one.level
    behind = [
        "—" if gave is None else number(gave.abandoned),
        "—" if gave is None else band(gave.expected),
        "—" if level is None else f"{level.was:.0%}",
        "—" if level is None else f"{level.usual:.0%}",
        "—" if level is None else f"{level.target:.0%}",
        "—" if level is None else number(level.late),
    ]
    places = one.places
    if not places:
        yield [name, f"{number(one.minutes)} min", "as usual", "—", "—", *behind]
    for n, place in enumerate(places):
        where = name if place.at.queue is None else f"{name} / {place.at.queue}"
        counts = place.contacts
        signed = ("+" if counts.beyond.expected > 0 else "") + band(counts.beyond)
        first = [where, f"{number(one.minutes)} min", number(counts.came), band(counts.expected), signed]
        yield [*first, *(behind if n == 0 else [""] * len(behind))]


def _unknown(figures: Figures) -> Iterator[str]:
    """What stands as a dash in the table, and why."""
    for what, missing in (("Gave up", "gave_up_missing"), ("Service level", "level_missing")):
        reasons: dict[str, list[str]] = {}
        for one in figures.channels:
            if why := getattr(one, missing):
                reasons.setdefault(why, []).append(one.name)
        for why, names in reasons.items():
            yield f"{what} of {words.listed(names)}: {why}."


def _marks(case: Case, figures: Figures) -> list[Mark]:
    marks = [Mark(case.incident.onset, "onset")]
    marks += [Mark(one.at, MARKS[one.step]) for one in figures.times if one.at is not None and one.step in MARKS]
    return marks


def _done(case: Case, figures: Figures) -> Iterator[Block]:
    yield Heading("What was done, and what it did")
    if not figures.effects:
        yield Text("No contacts and no people were moved.")
        return
    head = ["load shift", "moved", "in force", "by", "gave up", "waiting", "ended"]
    yield Table(head, [_effect_row(case, one) for one in figures.effects], frozenset({4, 5}))
    yield Text(definitions.EFFECTS, "small")


def _effect_row(case: Case, one: Effect) -> list[str]:
    def both(before: float | None, with_it: float | None, form: str) -> str:
        return " → ".join("—" if value is None else format(value, form) for value in (before, with_it))

    ends = "now" if one.ended == "runs" else moment(case, one.span.ends)
    return [
        f"{one.action} {one.from_queue} → {one.to_queue}",
        f"{one.share:.0%}" + (f", {words.plural(one.agents, 'agent')}" if one.agents else ""),
        f"{moment(case, one.span.begins)} to {ends}",
        one.by + ("" if one.applied else "; never confirmed"),
        both(one.gave_up_before, one.gave_up_with, ".0%"),
        both(one.waited_before, one.waited_with, ",.0f"),
        one.ended,
    ]


def _what_if(figures: Figures) -> Iterator[Block]:
    yield Heading("Without our load shifts")
    found = figures.what_if
    if found.saved is None:
        yield Text(found.missing)
        return
    yield Text(
        f"By the model {band(found.saved)} contacts were kept from being lost, over all queues that were touched."
    )
    if not found.trusted:
        yield Text("The model is far from what was measured, so read this as an order of magnitude at most.")
    rows = [
        [
            str(one.queue),
            "—" if one.measured is None else number(one.measured),
            number(one.lost_with),
            number(one.lost_without),
            band(one.saved),
        ]
        for one in found.queues
    ]
    head = ["queue", "gave up, measured", "lost with them, model", "lost without, model", "kept"]
    yield Table(head, rows, frozenset({1, 2, 3, 4}))
    yield Bullets([*definitions.WITHOUT_US, *(f"Not counted: {note}." for note in found.not_counted)])


def _after(case: Case) -> Iterator[Block]:
    last = case.recovery
    if last is None:
        return
    yield Heading("After it")
    lines = [f"As of {moment(case, last.at)}: {last.text}."]
    if last.wave_total is not None:
        lines.append(f"Escalations beyond the usual ones, in all: {band(last.wave_total)}.")
    if last.cases_open:
        lines.append(f"{words.plural(last.cases_open, 'open case')} waited because of it, of "
                     f"{words.plural(last.customers_affected, 'customer')}.")  # fmt: skip
    yield Bullets(lines)


def _lessons(learned: list[Lesson]) -> Iterator[Block]:
    yield Heading("Lessons")
    if not learned:
        yield Text("Nothing was slow, missing or failed by the rules of this report.")
    for kind, name in (("slow", "What was slow"), ("missing", "What was missing"), ("failed", "What failed")):
        if own := [one.text for one in learned if one.kind == kind]:
            yield Heading(name, 3)
            yield Bullets(own)


def _timeline(case: Case, steps: list[Step]) -> Iterator[Block]:
    yield Heading("Timeline")
    text = f"Times are those of {case.zone.key}. What single queues say beside their whole channel is left out."
    yield Text(text, "small")
    left_out = max(0, len(steps) - STEPS_FIRST - STEPS_LAST)
    shown = [*steps[:STEPS_FIRST], *steps[STEPS_FIRST + left_out :]]
    yield Table(["time", "what", ""], [[moment(case, one.at), one.what, one.text] for one in shown])
    if left_out:
        yield Text(f"{number(left_out)} lines after the first {STEPS_FIRST} are left out: `--json` has them.", "small")


def _formulas(case: Case, figures: Figures) -> Iterator[Block]:
    yield Heading("How the figures are made")
    usual = max((one.gave_up.usual_decided for one in figures.channels if one.gave_up), default=0)
    seen = max((place.contacts.seconds_seen for one in figures.channels for place in one.places), default=0.0)
    yield Bullets(
        [
            definitions.IMPACT,
            definitions.CONTACTS.format(seen=span(seen)),
            definitions.AFFECTED,
            definitions.GAVE_UP.format(usual=f"{usual:,}"),
            definitions.LEVEL,
            definitions.BANDS,
        ]
    )
    yield Text(f"As of {case.as_of.astimezone(case.zone):%Y-%m-%d %H:%M:%S} ({case.zone.key}); revision "
               f"{case.incident.revision} of the incident.", "small")  # fmt: skip
