"""Channels that are judged together say and keep what each says and keeps that is judged by itself, to the byte."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pane_logs import said

from detectors import stack
from detectors.channel import Channel
from detectors.desk_log import DeskLog
from detectors.parameters import CountParams
from detectors.pipeline import DetectionFold, DetectParams
from detectors.tenant import Tenant
from schemas.base import Origin, QueueRef
from schemas.centre import CalendarDay, Centre, CentreChannel, CentreQueue
from schemas.decision import OperatorDecision
from schemas.desk import DeskEntry
from schemas.pane import PaneRecord, Progress, QueueCounts, QueuePane, SetAside, SourceCover
from schemas.signal import Signal

START = datetime(2025, 3, 3, 20, 0, tzinfo=UTC)  # a Monday; the log goes on into Tuesday
CHANNELS = ("chat", "mail", "voice", "web")
REASONS = ("invoice", "refund")
# within hours nothing is known of a time of day; these logs are about who is judged with whom
QUICK = DetectParams(
    counts=CountParams(
        warm_up_seconds=1200.0,
        quiet_variance=100.0,
        unknown_weight=0.0,
        unknown_room=0.0,
        learning_seconds=600.0,
        accept_seconds=3600.0,
        accept_ratio_max=6.0,
    ),
    series_forget_seconds=1.5 * 3600,
)


class Story(msgspec.Struct, frozen=True):
    """What is unlike an ordinary evening. Panes are counted from the first one; (first, behind the last, channel)."""

    seconds: tuple[int, ...] = (60, 60, 60, 60)  # of each channel's panes
    new_queues: tuple[tuple[int, str], ...] = ()
    surges: tuple[tuple[int, int, str], ...] = ()
    lost: tuple[tuple[int, int, str], ...] = ()
    half_lost: tuple[tuple[int, int, str], ...] = ()  # one of the two sources of a channel
    begins: tuple[tuple[int, str], ...] = ()
    leaves: tuple[tuple[int, str], ...] = ()
    aside: tuple[tuple[int, str], ...] = ()
    models: tuple[tuple[int, str], ...] = ()
    accepts: tuple[tuple[int, str], ...] = ()


def model(kind: str) -> Centre:
    match kind:
        case "hours":
            hours = {"daily": "06:00-23:40"}
            queues = [CentreQueue(at=QueueRef(channel="voice", queue="orders"), opening_hours={"daily": "08:00-21:30"})]
            shut = {name: CentreChannel(opening_hours=hours) for name in CHANNELS}
            return Centre(tenant="acme", channels=shut, queues=queues)
        case "calendar":
            day = CalendarDay(date="2025-03-04", name="Shrove Tuesday", day_type="holiday", channels=["chat", "web"])
            return Centre(tenant="acme", time_zone="Europe/Berlin", calendar=[day])
        case "floor":
            return Centre(tenant="acme", ignore_within_ratio=1.5, budget_false_incidents_per_month=20.0)
    raise ValueError(kind)


def panes(seed: int, minutes: int, story: Story) -> Iterator[PaneRecord]:
    draw = random.Random(seed)
    topics = {f"contact-events.{name}": 1 for name in CHANNELS}
    yield Progress(at=START, read_to={}, partitions=topics)
    version = 0
    for minute in range(minutes):
        for at, kind in story.models:
            if at == minute:
                yield model(kind)
        for at, channel in story.aside:
            if at == minute:
                yield SetAside(
                    tenant="acme", channel=channel, pane_start=START + timedelta(minutes=at + 5), why="defect"
                )
        for at, target in story.accepts:
            if at == minute:
                yield OperatorDecision(
                    tenant="acme",
                    decision_id=f"accept-{at}",
                    action="accept-new-normal",
                    target=target,
                    by="ann",
                    at=START + timedelta(minutes=at),
                )
        for channel, seconds in zip(CHANNELS, story.seconds, strict=True):
            begun = {name: at for at, name in story.begins}.get(channel, 0)
            left = {name: at for at, name in story.leaves}.get(channel, minutes)
            if minute * 60 % seconds == 0 and begun <= minute <= left:
                version += 1
                yield pane(draw, minute, channel, seconds, version, story, last=minute == left)


def pane(
    draw: random.Random, minute: int, channel: str, seconds: int, version: int, story: Story, *, last: bool
) -> QueuePane:
    start = START + timedelta(minutes=minute)
    end = start + timedelta(seconds=seconds)
    queues = ["billing", "orders", *(f"new-{at}" for at, name in story.new_queues if name == channel and at <= minute)]
    if minute > 120 and channel == "web":
        queues.remove("orders")
    factor = 4.0 if within(story.surges, minute, channel) else 1.0
    gone = within(story.lost, minute, channel)
    half = within(story.half_lost, minute, channel)
    covers = {
        "acd": SourceCover(queues=["billing"], delivered_to=end, covers=not gone, last=last),
        "crm": SourceCover(queues=["orders", "new-30"], delivered_to=end, covers=not gone and not half, last=last),
    }
    return QueuePane(
        tenant="acme",
        channel=channel,
        pane_start=start,
        pane_seconds=seconds,
        partition=0,
        version=version,
        final=True,
        complete_to=end,
        queues={} if gone else {name: counts(draw, minute, seconds / 60 * factor, factor) for name in queues},
        sources=covers,
        clock="event",
    )


def within(spans: tuple[tuple[int, int, str], ...], minute: int, channel: str) -> bool:
    return any(low <= minute < high and name == channel for low, high, name in spans)


def counts(draw: random.Random, minute: int, size: float, factor: float) -> QueueCounts:
    offered = sum(draw.random() < 0.3 for _ in range(round(30 * size)))
    gone = sum(draw.random() < 0.04 * factor**2 for _ in range(offered))
    left = offered - gone - (offered // 3 if factor > 1 else 0)
    refund = sum(draw.random() < 0.3 for _ in range(offered))
    reasons = {name: n for name, n in zip(REASONS, (offered - refund, refund), strict=True) if n}
    return QueueCounts(
        offered=offered,
        abandoned=gone,
        answered=max(left, 0) if minute > 10 else 0,
        handle_n=max(left, 0),
        handle_milliseconds=sum(round(200_000 * factor * draw.lognormvariate(0, 0.4)) for _ in range(max(left, 0))),
        by_reason=reasons if minute > 20 else {},
    )


class Alone(DetectionFold):
    stacks = False


def folded(kind: type[DetectionFold], records: list[PaneRecord], cuts: set[int]) -> list[object]:
    """All that is said, and what is written every 50 records; it is restored anew at each of `cuts`."""
    fold, entries, found = kind(QUICK), dict[str, bytes](), list[object]()
    for offset, record in enumerate(records):
        found += said(fold.step(record, Origin(topic="queue-panes", partition=0, offset=offset)))
        if offset % 50 == 0 or offset in cuts or offset == len(records) - 1:
            changes = fold.changes()
            found.append(sorted(changes.items()))
            entries |= {name: raw for name, raw in changes.items() if raw is not None}
            for name in [name for name, raw in changes.items() if raw is None]:
                entries.pop(name, None)
        if offset in cuts:
            fold = kind(QUICK)
            fold.restore(entries)
            assert fold.complaints == []
    return found


def minute_of(most: int) -> st.SearchStrategy[int]:
    return st.integers(0, most)


def named(most: int) -> st.SearchStrategy[tuple[tuple[int, str], ...]]:
    return st.lists(st.tuples(minute_of(most), st.sampled_from(CHANNELS)), max_size=2).map(tuple)


def spans(most: int) -> st.SearchStrategy[tuple[tuple[int, int, str], ...]]:
    one = st.tuples(minute_of(most), st.integers(1, 90), st.sampled_from(CHANNELS))
    return st.lists(one.map(lambda s: (s[0], s[0] + s[1], s[2])), max_size=3).map(tuple)


MINUTES = 330  # into the next day, when queues without a contact are forgotten
STORIES = st.builds(
    Story,
    seconds=st.tuples(*(st.sampled_from((60, 60, 60, 120, 300)) for _ in CHANNELS)),
    new_queues=named(MINUTES),
    surges=spans(MINUTES),
    lost=spans(MINUTES),
    half_lost=spans(MINUTES),
    begins=named(100),
    leaves=named(MINUTES),
    aside=named(MINUTES),
    models=st.lists(st.tuples(minute_of(MINUTES), st.sampled_from(("hours", "calendar", "floor"))), max_size=2).map(
        tuple
    ),
    accepts=st.lists(
        st.tuples(minute_of(MINUTES), st.sampled_from(("chat", "chat/billing", "voice", "web/orders"))), max_size=2
    ).map(tuple),
)


@given(seed=st.integers(0, 1000), story=STORIES, cuts=st.sets(st.integers(1, 4 * MINUTES), max_size=2))
@settings(max_examples=6, deadline=None, phases=[Phase.generate])
def test_judged_together_or_one_by_one_is_the_same_to_the_byte(seed: int, story: Story, cuts: set[int]) -> None:
    records = list(panes(seed, MINUTES, story))
    assert folded(DetectionFold, records, cuts) == folded(Alone, records, cuts)


WHOLE = Story(
    new_queues=((30, "voice"), (200, "web")),
    surges=((80, 170, "chat"), (100, 130, "voice"), (205, 260, "voice")),
    lost=((150, 160, "mail"),),
    half_lost=((170, 200, "web"),),
    begins=((40, "mail"),),
    leaves=((280, "voice"),),
    aside=((60, "chat"),),
    models=((70, "calendar"), (190, "hours"), (250, "floor")),
    accepts=((120, "voice"),),
)


class Counting(DetectionFold):
    """How many panes were judged in stacks, and how many stacks there were."""

    def __init__(self, params: DetectParams) -> None:
        super().__init__(params)
        self.judged, self.seen = 0, set[stack.Stack]()

    def _close_moment(self, tenant: Tenant, moment: list[tuple[Channel, int, int]], desk: DeskLog) -> None:
        super()._close_moment(tenant, moment, desk)
        held = [channel.stack for channel, _, _ in moment if channel.stack]
        self.judged += len(held)
        self.seen |= set(held)


def test_the_story_that_holds_everything_is_stacked_most_of_the_time_and_says_much() -> None:
    records = list(panes(3, MINUTES, WHOLE))
    assert folded(DetectionFold, records, {400}) == folded(Alone, records, {400})
    fold = Counting(QUICK)
    bodies = [
        output.value.body
        for offset, record in enumerate(records)
        for output in fold.step(record, Origin(topic="queue-panes", partition=0, offset=offset))
        if isinstance(output.value, DeskEntry)
    ]
    assert fold.judged > 0.8 * len(records)
    assert len(fold.seen) < 0.05 * fold.judged
    kinds = {(body.signal_kind, body.state) for body in bodies if isinstance(body, Signal)}
    assert kinds >= {
        ("surge", "opened"),
        ("surge", "cleared"),
        ("metric-shift", "opened"),
        ("telemetry-lost", "opened"),
    }
