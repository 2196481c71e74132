"""Every figure of a post-incident report, from one case; pure. What is not known is None with its reason, never 0."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from response import impact, whatif
from response.actions import BRINGS_A_WAY_IN, LENDS_PEOPLE
from response.impact import Contacts, GaveUp, Row, Span, Usual
from response.params import RespondParams
from response.runs import Run, is_bound, placed, way_of
from response.whatif import QUARTER_SECONDS, Level, Quarter, Without
from schemas.base import QueueRef
from schemas.recovery import Between
from streams.decide import REFUSAL
from streams.report.case import Case, symptom_spans
from streams.report.steps import Took, issuer, times

NO_STAFF = "not known: no workforce snapshots"
NO_LOADS = "not known: no minute of it was recorded"
BEFORE = timedelta(minutes=10)  # over which an effect is measured before, and left to set in after
DECIDED_MIN = 20  # fewer contacts say nothing about a share


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What came at one channel, or at a queue of it where only that was out of its range."""

    at: QueueRef
    contacts: Contacts


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What the incident did to one channel."""

    name: str
    customer: bool
    minutes: float
    spans: list[Span]
    places: list[Place]
    gave_up: GaveUp | None
    gave_up_missing: str
    level: Level | None
    level_missing: str
    rows: list[Row]


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One way that was used, over all its steps. Shares: of those decided at `helped`, how many gave up before and with
    it; backlogs instead where nobody gives up."""

    action: str
    from_queue: QueueRef
    to_queue: QueueRef
    helped: QueueRef
    share: float
    agents: int
    issued_at: datetime
    span: Span
    applied: bool
    by: str
    ended: str
    gave_up_before: float | None
    gave_up_with: float | None
    waited_before: int | None
    waited_with: int | None


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """Without our load shifts. `saved` None: `missing` says why."""

    queues: list[Without] = []
    saved: Between | None = None
    not_counted: list[str] = []
    missing: str = ""

    @property
    def trusted(self) -> bool:
        """Whether the model with our shifts comes near to what was measured: within a factor of two, or twenty."""
        own = math.fsum(one.lost_with for one in self.queues if one.measured is not None)
        seen = sum(one.measured for one in self.queues if one.measured is not None)
        return abs(own - seen) <= max(20.0, 0.5 * max(own, seen))


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `minutes`: at least one customers' channel out of its usual range."""

    times: list[Took]
    minutes: float
    channel_minutes: float
    affected: Between | None
    gave_up: Between | None
    late: float | None
    channels: list[Channel]
    effects: list[Effect]
    what_if: WhatIf


def figures(case: Case, params: RespondParams) -> Figures:
    quarters = placed(case.hindsight.quarters(_whole(case), params), case.runs, case.centre)
    channels = [_channel(case, name, quarters) for name in _names(case)]
    ours = [one for one in channels if one.customer]
    places = [place.contacts.beyond for one in ours for place in one.places]
    gave_up = [one.gave_up.beyond for one in ours if one.gave_up is not None]
    levels = [one.level for one in ours if one.level is not None]
    return Figures(
        times=list(times(case)),
        minutes=round(impact.minutes(span for one in ours for span in one.spans), 1),
        channel_minutes=round(sum(one.minutes for one in ours), 1),
        affected=impact.affected(
            [impact.turned(one) for one in places if one.expected < 0], [one for one in places if one.expected >= 0]
        ),
        gave_up=_sum(gave_up),
        late=round(math.fsum(one.late for one in levels), 1) if levels else None,
        channels=channels,
        effects=list(effects(case)),
        what_if=_what_if(case, quarters),
    )


def _whole(case: Case) -> Span:
    return Span(case.incident.onset, case.ends)


def _names(case: Case) -> list[str]:
    """The channels of the incident: customers' first, each in the order in which they left their range."""
    first: dict[str, datetime] = {}
    for one in case.incident.symptoms:
        first.setdefault(one.series.at.channel, one.onset)
    return sorted(first, key=lambda name: (name not in case.customers, first[name], name))


# ---- what it did


def _channel(case: Case, name: str, quarters: Sequence[Quarter]) -> Channel:
    rows = case.hindsight.rows.get(QueueRef(channel=name), [])
    spans = impact.union(case.spans(name))
    usual = case.hindsight.usual.get(QueueRef(channel=name), Usual())
    decided = impact.gave_up([row for row in rows if impact.within(row.middle, spans)], usual) if rows else None
    own = [one for one in quarters if one.queue.channel == name and impact.within(_middle(one), spans)]
    level = whatif.level(own)
    return Channel(
        name=name,
        customer=name in case.customers,
        minutes=round(impact.minutes(spans), 1),
        spans=spans,
        places=list(_places(case, name)),
        gave_up=decided,
        gave_up_missing="" if decided else _why_no_share(rows, usual),
        level=level,
        level_missing="" if level else _why_no_level(case, name, rows, own),
        rows=rows,
    )


def _middle(quarter: Quarter) -> datetime:
    return quarter.start + timedelta(seconds=QUARTER_SECONDS / 2)


def _why_no_share(rows: Sequence[Row], usual: Usual) -> str:
    if not rows:
        return NO_LOADS
    return f"not known: only {usual.decided} contacts were answered or gave up in the 24 h before"


def _why_no_level(case: Case, name: str, rows: Sequence[Row], own: Sequence[Quarter]) -> str:
    if not rows:
        return NO_LOADS
    if own:
        return "nothing was offered"
    return f"{NO_STAFF} of {name}" if case.hindsight.knows_staff else NO_STAFF


def _places(case: Case, channel: str) -> Iterable[Place]:
    """The channel where it left its range as a whole, otherwise its queues that did."""
    series = sorted({
        one.series.at for one in case.incident.symptoms
        if one.series.at.channel == channel and one.series.measure == "offered" and one.signal_kind != "telemetry-lost"
    }, key=lambda at: (at.queue is not None, str(at)))  # fmt: skip
    whole = [at for at in series if at.queue is None]
    for at in whole or series:
        own = [one for one in case.incident.symptoms if one.series.at == at and one.series.measure == "offered"]
        spans = symptom_spans(own, case.ends)
        found = impact.contacts([row for row in case.hindsight.rows.get(at, []) if impact.within(row.middle, spans)])
        if found is not None:
            yield Place(at=at, contacts=found)


def _sum(parts: Sequence[Between]) -> Between | None:
    if not parts:
        return None
    return Between(
        expected=round(math.fsum(one.expected for one in parts), 1),
        low=round(math.fsum(one.low for one in parts), 1),
        high=round(math.fsum(one.high for one in parts), 1),
    )


# ---- what was done


def effects(case: Case) -> Iterable[Effect]:
    """Each way that was in force, in the order of its first command."""
    ways: dict[tuple[str, QueueRef, QueueRef], list[Run]] = {}
    for run in case.runs:
        ways.setdefault(way_of(run.command), []).append(run)
    for steps in ways.values():
        yield _effect(case, steps)


def _effect(case: Case, steps: list[Run]) -> Effect:
    first, last = steps[0], max(steps, key=lambda run: run.span.ends)
    command = first.command
    helped = command.to_queue if command.action in (LENDS_PEOPLE | BRINGS_A_WAY_IN) else command.from_queue
    rows = case.hindsight.rows.get(helped, [])
    span = Span(first.span.begins, last.span.ends)
    before = [row for row in rows if span.begins - BEFORE <= row.middle < span.begins]
    with_it = [row for row in rows if span.begins + BEFORE <= row.middle < span.ends]
    return Effect(
        action=command.action,
        from_queue=command.from_queue,
        to_queue=command.to_queue,
        helped=helped,
        share=max(run.command.share for run in steps),
        agents=max(run.command.agents for run in steps),
        issued_at=min(run.command.issued_at for run in steps),
        span=span,
        applied=any(run.applied for run in steps),
        by=", ".join(sorted({issuer(run.command) for run in steps})),
        ended=_ended(case, last),
        gave_up_before=_share(before),
        gave_up_with=_share(with_it),
        waited_before=_backlog(before),
        waited_with=_backlog(with_it),
    )


def _share(rows: Sequence[Row]) -> float | None:
    abandoned, answered = sum(row.load.abandoned for row in rows), sum(row.load.answered for row in rows)
    return abandoned / (abandoned + answered) if abandoned + answered >= DECIDED_MIN else None


def _backlog(rows: Sequence[Row]) -> int | None:
    known = [row.load.backlog for row in rows if row.load.backlog is not None]
    return known[-1] if known else None


def _ended(case: Case, last: Run) -> str:
    inverse = case.dossier.inverse_of(last.command)
    if inverse is not None:
        return inverse.text.rpartition(": ")[2] or "taken back"
    if last.span.ends >= case.as_of:
        return "runs"
    said = [one for one in case.dossier.results if one.command_id == last.command.command_id and one.state != "applied"]
    if said:
        return f"{said[-1].state} by the platform" + (f": {said[-1].text}" if said[-1].text else "")
    return "ran out"


def refused(case: Case) -> list[str]:
    """What people or the platform wished and the desk refused, in order."""
    found = {one.text: one.at for one in case.dossier.bulletins if one.template == REFUSAL and one.language == "en"}
    return sorted(found, key=lambda text: (found[text], text))


# ---- what would have been


def _what_if(case: Case, quarters: Sequence[Quarter]) -> WhatIf:
    ran = case.runs
    if not ran:
        return WhatIf(missing="Nothing was moved, so there is nothing to take away.")
    bound = sorted({f"{one.command.action} {one.command.from_queue} -> {one.command.to_queue}"
                    for one in ran if is_bound(one.command)})  # fmt: skip
    notes = [f"{text}: bound to some contacts, whose number nobody counts" for text in bound]
    touched = {one.queue for one in quarters if one.touched}
    wanted = {at for run in ran if not is_bound(run.command) for at in (run.command.from_queue, run.command.to_queue)}
    unknown = sorted(wanted - {one.queue for one in quarters})
    if not touched:
        missing = f"{NO_STAFF} of {', '.join(map(str, unknown))}" if unknown else NO_STAFF
        return WhatIf(missing=missing, not_counted=notes)
    notes += [f"{at}: {NO_STAFF}" for at in unknown]
    begins = min(run.span.begins for run in ran)
    found = whatif.without(
        one for one in quarters if one.queue in touched and one.start + timedelta(seconds=QUARTER_SECONDS) > begins
    )
    return WhatIf(queues=found, saved=whatif.total(found), not_counted=notes)
