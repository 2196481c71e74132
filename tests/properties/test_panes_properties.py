"""Panes against a second account of the rules: slow, from the whole log at once, without any state."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.panes import PanePartition, PaneRules
from schemas import codec
from schemas.contact import CONTACT_TYPES, ContactEvent
from schemas.errors import BadMessage
from schemas.pane import QueueCounts, QueuePane, SourceCover

BASE = 1_763_784_000_000  # a pane border of every length used here
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RULES = PaneRules(
    pane_seconds=2,
    lateness_seconds=3,
    idle_close_seconds=8,
    unknown_after_seconds=5,
    future_limit_seconds=20,
    event_clock=frozenset({"played"}),
    names_a_map_max=2,
    queues_a_pane_max=2,
)
PANE, LATENESS, IDLE, UNKNOWN, FUTURE = 2000, 3000, 8000, 5000, 20_000


@dataclass(frozen=True)
class Record:
    """One record of the log; no event where it cannot be read."""

    offset: int
    arrival: int
    event: ContactEvent | None


def at(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


def ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


# ---- the second account


@dataclass
class Judged:
    finals: dict[tuple[str, int], QueuePane] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)
    counted: set[int] = field(default_factory=set)
    duplicates: set[int] = field(default_factory=set)


def bad(record: Record) -> bool:
    event = record.event
    if event is None:
        return True
    keeps_time = event.type == "heartbeat" and not event.tenant
    return not keeps_time and ms(event.occurred_at) > record.arrival + FUTURE


def judge(log: list[Record]) -> Judged:
    """For every record: time from all records up to it; for every pane: what was counted in it until it closed."""
    judged = Judged()
    tenants = {record.event.tenant for record in log if record.event and record.event.tenant}
    for tenant in sorted(tenants):
        closed_at = []
        seen, greatest = None, None
        for record in log:
            greatest = record.arrival if greatest is None else max(greatest, record.arrival)
            if record.event is not None and record.event.tenant == tenant and not bad(record):
                time = ms(record.event.occurred_at)
                time = time if tenant == "played" else min(time, record.arrival)
                seen = time if seen is None else max(seen, time)
            marks = [] if seen is None else [seen - LATENESS]
            marks += [] if tenant == "played" else [greatest - IDLE]
            closed_at.append(max([0, *(mark // PANE * PANE for mark in marks)]))
        judge_tenant(tenant, log, closed_at, judged)
    return judged


def judge_tenant(tenant: str, log: list[Record], closed_at: list[int], judged: Judged) -> None:
    events: dict[int, list[ContactEvent]] = defaultdict(list)
    beats: dict[int, list[ContactEvent]] = defaultdict(list)
    ids: set[tuple[int, str]] = set()
    for record, closed in zip(log, closed_at, strict=True):
        for start in [start for start in {*events, *beats} if start < closed and (tenant, start) not in judged.finals]:
            judged.finals[tenant, start] = final(tenant, start, events[start], beats[start], record.offset + 1)
        event = record.event
        if event is None or event.tenant != tenant or bad(record):
            continue
        time = ms(event.occurred_at)
        if event.type == "heartbeat":
            for start in range((time - UNKNOWN) // PANE * PANE, time + 1, PANE):
                if start >= closed:
                    beats[start].append(event)
        elif time // PANE * PANE < closed:
            judged.late.add(record.offset)
        elif event.event_id and (time // PANE, event.event_id) in ids:
            judged.duplicates.add(record.offset)
        else:
            ids.add((time // PANE, event.event_id))
            judged.counted.add(record.offset)
            events[time // PANE * PANE].append(event)


def final(tenant: str, start: int, events: list[ContactEvent], beats: list[ContactEvent], version: int) -> QueuePane:
    queues = sorted({event.queue for event in events} - {"other"})
    kept = queues[: RULES.queues_a_pane_max]
    by_queue: dict[str, list[ContactEvent]] = defaultdict(list)
    for event in events:
        by_queue[event.queue if event.queue in kept else "other"].append(event)
    by_source: dict[str, list[ContactEvent]] = defaultdict(list)
    for beat in beats:
        by_source[beat.source].append(beat)
    sources = {name: cover(start, by_source[name]) for name in sorted(by_source)[: RULES.names_a_map_max]}
    return QueuePane(
        tenant=tenant,
        channel="voice",
        pane_start=at(start),
        pane_seconds=2,
        partition=3,
        version=version,
        final=True,
        complete_to=at(start + PANE),
        queues={queue: counts(of_queue) for queue, of_queue in by_queue.items()},
        sources=sources,
        clock="event" if tenant == "played" else "system",
    )


def counts(events: list[ContactEvent]) -> QueueCounts:
    fields: dict[str, Any] = {kind: sum(event.type == kind for event in events) for kind in CONTACT_TYPES}
    arrivals = [event for event in events if event.type == "offered" and not event.transfer]
    fields["offered_by_transfer"] = fields["offered"] - len(arrivals)
    fields["offered"] = len(arrivals)
    fields["vip"] = sum(event.vip for event in arrivals)
    for word in ("reason", "site", "drill"):
        fields[f"by_{word}"] = bounded([getattr(event, word) for event in arrivals if getattr(event, word)])
    for what in ("wait", "handle"):
        times = [getattr(event, f"{what}_seconds") for event in events]
        times = [time for time in times if time is not None]
        fields[f"{what}_milliseconds"] = sum(round(time * 1000) for time in times)
        fields[f"{what}_n"] = len(times)
    sentiments = [event.sentiment for event in events if event.sentiment is not None]
    fields["sentiment_n"] = len(sentiments)
    fields["sentiment_negative"] = sum(sentiment < 0 for sentiment in sentiments)
    return QueueCounts(**fields)


def bounded(words: list[str]) -> dict[str, int]:
    kept = sorted({word for word in words if word != "other"}, key=str.encode)[: RULES.names_a_map_max]
    counted = {word: words.count(word) for word in kept}
    rest = len(words) - sum(counted.values())
    return counted | ({"other": rest} if rest else {})


def cover(start: int, beats: list[ContactEvent]) -> SourceCover:
    """Looked at moment by moment: all times here are multiples of 250 ms, so every 125 ms is enough."""
    end = start + PANE
    times = sorted(ms(beat.occurred_at) for beat in beats)
    signed_off = {ms(beat.occurred_at) for beat in beats if beat.last and ms(beat.occurred_at) < end}

    def known(moment: int) -> bool:
        following = [time for time in times if time >= moment]
        if following and following[0] - moment <= UNKNOWN:
            return True
        before = [time for time in times if start <= time < moment]
        return bool(before) and before[-1] in signed_off

    newest = max((ms(beat.occurred_at), tuple(sorted(set(beat.queues or ["*"])))) for beat in beats)
    delivered = min(newest[0], end)
    return SourceCover(
        queues=list(newest[1]),
        delivered_to=at(delivered),
        covers=all(known(moment) for moment in range(start, end, 125)),
        last=delivered in signed_off,
    )


# ---- logs


words = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "ä", "other"]))
seconds = st.one_of(st.none(), st.integers(0, 40).map(lambda quarter: quarter / 4))


@st.composite
def contacts(draw: st.DrawFn, time: int) -> ContactEvent:
    return ContactEvent(
        type=draw(st.sampled_from(CONTACT_TYPES)),
        occurred_at=at(time),
        source="acd",
        tenant=draw(st.sampled_from(["acme", "busy", "played"])),
        channel="voice",
        queue=draw(st.sampled_from(["billing", "claims", "sales", "other"])),
        event_id=draw(st.sampled_from(["", "1", "2", "3", "4"])),
        transfer=draw(st.booleans()),
        reason=draw(words),
        site=draw(words),
        drill=draw(st.sampled_from([None, None, "spring"])),
        vip=draw(st.booleans()),
        sentiment=draw(st.sampled_from([None, -0.5, 0.0, 0.5])),
        wait_seconds=draw(seconds),
        handle_seconds=draw(seconds),
    )


@st.composite
def heartbeats(draw: st.DrawFn, time: int) -> ContactEvent:
    return ContactEvent(
        type="heartbeat",
        occurred_at=at(time),
        source=draw(st.sampled_from(["s1", "s2", "s3"])),
        tenant=draw(st.sampled_from(["acme", "busy", "played", ""])),
        channel="voice",
        queues=draw(st.sampled_from([None, ["*"], ["billing"], ["sales", "billing"]])),
        last=draw(st.integers(0, 5)) == 0,
    )


@st.composite
def logs(draw: st.DrawFn, *, steady: bool = False) -> list[Record]:
    """Arrivals mostly rise (always, if `steady`); event times lie around them, some too late and some too early."""
    arrival, offset, log = BASE + 60_000, draw(st.integers(0, 3)), []
    for _ in range(draw(st.integers(1, 60))):
        back = 0 if steady else draw(st.sampled_from([0, 0, 0, 0, -8]))
        arrival += 250 * (draw(st.sampled_from([0, 0, 1, 2, 4, 30])) + back)
        around = draw(st.sampled_from([0, 0, 0, -1, -2, -4, -8, -12, -16, -40, 3, 60, 90]))
        time = arrival // 250 * 250 + 250 * around
        kind = draw(st.integers(0, 9))
        event = None if kind == 0 else draw(heartbeats(time)) if kind <= 3 else draw(contacts(time))
        log.append(Record(offset, arrival, event))
        offset += draw(st.sampled_from([1, 1, 1, 2]))
    return log


# ---- running the panes


class Run:
    """A reader that may commit, die and start again at any record."""

    def __init__(self, rules: PaneRules = RULES, *, keeps_metadata: bool = True) -> None:
        self.rules = rules
        self.keeps_metadata = keeps_metadata
        self.finals: list[tuple[QueuePane, bytes]] = []
        self.opened: list[QueuePane] = []
        self.verdicts: dict[str, set[int]] = defaultdict(set)
        self.refused: set[int] = set()
        self.committed: tuple[int, str | None] = (0, None)
        self.start()

    def start(self) -> None:
        self.panes = PanePartition("voice", 3, self.rules, *self.committed)

    def feed(self, *records: Record) -> None:
        events = [record.event or ValueError("unreadable") for record in records]
        offsets, arrivals = [record.offset for record in records], [record.arrival for record in records]
        noted = dict(self.panes.feed(offsets, arrivals, events))
        for n, record in enumerate(records):
            verdict = noted.get(record.offset, "counted")
            if isinstance(verdict, BadMessage):
                assert verdict.reason == "future"
                self.refused.add(record.offset)
            elif isinstance(verdict, Exception):
                assert verdict is events[n]
            else:
                self.verdicts[verdict].add(record.offset)

    def take(self) -> None:
        for record, value in self.panes.take():
            assert value == codec.encode(record)
            if record.final:
                self.finals.append((record, value))
            else:
                self.opened.append(record)

    def commit(self) -> None:
        point = self.panes.checkpoint()
        assert len(point.metadata) <= 4096
        self.committed = (point.offset, point.metadata if self.keeps_metadata else None)

    def read(self, log: list[Record]) -> None:
        self.feed(*log)
        self.take()

    def sticky(self) -> dict[Any, bytes]:
        """What a reader keeps that ignores everything after a final."""
        kept: dict[Any, bytes] = {}
        for record, value in self.finals:
            kept.setdefault((record.tenant, record.pane_start, record.part), value)
        return kept


def whole(log: list[Record]) -> Run:
    run = Run()
    run.read(log)
    return run


acts = st.lists(st.sampled_from(["", "", "", "take", "commit", "commit", "die"]), min_size=60, max_size=60)


def with_accidents(log: list[Record], script: list[str], run: Run) -> Run:
    """After the n-th record the n-th act; dying goes back to what was committed last."""
    at_record, acts_left = 0, list(script)
    while at_record < len(log):
        run.feed(log[at_record])
        at_record += 1
        act = acts_left.pop() if acts_left else ""
        if act in ("take", "commit"):
            run.take()
        if act == "commit":
            run.commit()
        if act == "die":
            run.start()
            at_record = next(
                n for n, record in enumerate([*log, None]) if record is None or record.offset >= run.committed[0]
            )
    run.take()
    return run


# ---- properties


@given(logs())
@settings(max_examples=150, deadline=None)
def test_the_panes_are_those_of_the_second_account(log: list[Record]) -> None:
    run, judged = whole(log), judge(log)
    assert {(record.tenant, ms(record.pane_start)): record for record, _ in run.finals} == judged.finals
    assert len(run.finals) == len(judged.finals)
    assert run.verdicts["late"] == judged.late
    assert run.verdicts["counted"] == judged.counted
    assert run.verdicts["duplicate"] == judged.duplicates
    assert not run.verdicts["skipped"]


@given(logs(), acts)
@settings(max_examples=150, deadline=None)
def test_batch_borders_and_restarts_change_no_byte_of_a_final_and_make_nothing_late(
    log: list[Record], script: list[str]
) -> None:
    straight, run = whole(log), with_accidents(log, script, Run())
    assert {value for _, value in run.finals} == {value for _, value in straight.finals}
    assert run.verdicts["late"] == straight.verdicts["late"]
    assert run.refused == straight.refused


@given(logs(steady=True), acts)
@settings(max_examples=100, deadline=None)
def test_without_metadata_the_first_final_is_the_right_one_and_nothing_punctual_is_late(
    log: list[Record], script: list[str]
) -> None:
    straight, run = whole(log), with_accidents(log, script, Run(keeps_metadata=False))
    told, wanted = run.sticky(), straight.sticky()
    # More may be told: without its mark a tenant is not known to be past panes that nothing had touched, and a late
    # record opens them anew, behind what is complete.
    assert {place: told.get(place) for place in wanted} == wanted
    assert run.verdicts["late"] <= straight.verdicts["late"]


@given(logs(), acts)
@settings(max_examples=100, deadline=None)
def test_an_open_record_has_the_position_as_version_and_never_outranks_the_final(
    log: list[Record], script: list[str]
) -> None:
    run = with_accidents(log, [act for act in script if act != "die"], Run())
    versions = {(record.tenant, record.pane_start): record.version for record, _ in run.finals}
    last: dict[Any, int] = {}
    for record in run.opened:
        identity = (record.tenant, record.pane_start)
        assert record.tenant != "played", "a tenant with its own clock gets finals alone"
        assert record.version > last.get(identity, -1)
        assert record.version < versions.get(identity, 10**9)
        assert not any(source.covers for source in record.sources.values())
        last[identity] = record.version


@given(logs(), acts)
@settings(max_examples=100, deadline=None)
def test_the_sequence_of_a_played_tenant_is_that_of_the_log(log: list[Record], script: list[str]) -> None:
    def played(run: Run) -> list[bytes]:
        return [value for record, value in run.finals if record.tenant == "played"]

    assert played(with_accidents(log, [act for act in script if act != "die"], Run())) == played(whole(log))


@st.composite
def punctual(draw: st.DrawFn) -> tuple[list[ContactEvent], list[int], list[int]]:
    """Contacts, and two sets of delays under the lateness: two orders of the same day."""
    n = draw(st.integers(1, 40))
    times = sorted(draw(st.lists(st.integers(0, 80), min_size=n, max_size=n)))
    events = [draw(contacts(BASE + 60_000 + 250 * time)) for time in times]
    events = [msgspec.structs.replace(event, event_id=f"{k}") for k, event in enumerate(events)]
    delays = st.lists(st.integers(0, LATENESS - 1), min_size=n, max_size=n)
    return events, draw(delays), draw(delays)


def in_order_of(events: list[ContactEvent], delays: list[int], *, twice: bool) -> list[Record]:
    arriving = sorted(
        (ms(event.occurred_at) + delay, k) for k, (event, delay) in enumerate(zip(events, delays, strict=True))
    )
    log = []
    for arrival, k in arriving:
        for _ in range(1 + (twice and k % 3 == 0)):
            log.append(Record(len(log), arrival, events[k]))
    end = BASE + 60_000 + 250 * 80 + LATENESS + IDLE + 2 * PANE
    for tenant in ("acme", "busy", "played"):
        beat = ContactEvent(type="heartbeat", occurred_at=at(end), source="s1", tenant=tenant, channel="voice")
        log.append(Record(len(log), end, beat))
    return log


@given(punctual())
@settings(max_examples=100, deadline=None)
def test_order_within_lateness_and_duplicates_change_no_count(
    day: tuple[list[ContactEvent], list[int], list[int]],
) -> None:
    events, delays, others = day
    once, again = whole(in_order_of(events, delays, twice=False)), whole(in_order_of(events, others, twice=True))
    queues = [{(record.tenant, record.pane_start): record.queues for record, _ in run.finals} for run in (once, again)]
    assert queues[0] == queues[1]
    for run in (once, again):
        assert not run.verdicts["late"]
        assert total(run) == len(events)


def total(run: Run) -> int:
    kinds = [*CONTACT_TYPES, "offered_by_transfer"]
    return sum(getattr(queue, kind) for record, _ in run.finals for queue in record.queues.values() for kind in kinds)


@given(logs(), st.integers(700, 1200))
@settings(max_examples=40, deadline=None)
def test_parts_fit_and_add_up_to_the_whole(log: list[Record], bytes_max: int) -> None:
    small = Run(msgspec.structs.replace(RULES, record_bytes_max=bytes_max, queues_a_pane_max=50))
    large = Run(msgspec.structs.replace(RULES, queues_a_pane_max=50))
    small.read(log)
    large.read(log)
    pieces: dict[Any, list[QueuePane]] = defaultdict(list)
    for record, value in small.finals:
        pieces[record.tenant, record.pane_start].append(record)
        assert len(value) <= bytes_max or len(record.queues) <= 1
    for record, _ in large.finals:
        parts = pieces[record.tenant, record.pane_start]
        assert [part.part for part in parts] == list(range(parts[0].parts))
        names = [name for part in parts for name in part.queues]
        assert sorted(names) == sorted(record.queues)
        offered = sum(queue.offered for part in parts for queue in part.queues.values())
        assert offered == sum(queue.offered for queue in record.queues.values())
