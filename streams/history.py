"""What happened before, as pane records: an export of contacts, or the panes that are still on the bus."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

import msgspec
import polars as pl

from detectors.panes import EPOCH, MILLISECOND, PanePartition, Verdict
from schemas import topics
from schemas.contact import ContactEvent
from schemas.errors import BadConfig, BadMessage
from schemas.pane import PaneRecord, Progress, QueuePane
from streams import feed, log_reader, player
from streams.config import Settings, Tenant
from streams.frames import contacts as contact_frames
from streams.frames import records as pane_records
from streams.frames.panes import PaneCounter
from streams.frames.played import PlayedLog
from streams.ingest.rules import pane_rules
from streams.log_reader import Start
from streams.values import value_of

SOURCE = "history"
REPORT_EVERY = 2_000


def of_export(
    events: feed.SortedEvents,
    settings: Settings,
    tenant: str,
    progress: Callable[[int], None] = lambda _: None,
    only: Collection[str] | None = None,
) -> Iterator[PaneRecord]:
    """The panes of one tenant's sorted events (of all channels, or `only` some), as the ingest closes them. Raises
    BadConfig where there are none."""
    channels = sorted(channel for name, channel in events.lanes if name == tenant and channel in (only or (channel,)))
    if not channels or events.first is None:
        there = ", ".join(sorted({name for name, _ in events.lanes})) or "nobody"
        raise BadConfig([("--tenant", f"{tenant} has no contacts in the export: there is {there}")])
    yield from of_sorted(events, settings, {(tenant, channel) for channel in channels}, progress)


def of_sorted(
    events: feed.SortedEvents,
    settings: Settings,
    lanes: Collection[tuple[str, str]],
    progress: Callable[[int], None] = lambda _: None,
    noted: Counter[str] | None = None,
) -> Iterator[PaneRecord]:
    """`closed` for sorted events, of `lanes` alone: counted as frames, except where tenants would be turned away."""
    start = events.start(max(lane.pane for lane in _lanes(settings, lanes)))
    of_channel = Counter(channel for _, channel in lanes)
    if max(of_channel.values()) > settings.ingest.tenants_a_partition_max:
        yield from closed(_one_by_one(events, lanes), lanes, settings, start, progress, noted)
        return
    slices = events.slices()
    if set(lanes) != events.lanes:
        wanted = pl.DataFrame(sorted(lanes), schema=["tenant", "channel"], orient="row")
        slices = (
            (end, frame.join(wanted, on=["tenant", "channel"], how="semi", maintain_order="left"))
            for end, frame in slices
        )
    yield from counted(slices, lanes, settings, start, progress, noted)


def _one_by_one(events: feed.SortedEvents, lanes: Collection[tuple[str, str]]) -> Iterator[ContactEvent]:
    for _, frame in events.slices():
        for event in contact_frames.events_of(contact_frames.checked(frame)):
            if event is not None and (event.tenant, event.channel) in lanes:
                yield event


def counted(
    slices: Iterable[tuple[datetime, pl.DataFrame]],
    lanes: Collection[tuple[str, str]],
    settings: Settings,
    start: datetime,
    progress: Callable[[int], None] = lambda _: None,
    noted: Counter[str] | None = None,
) -> Iterator[PaneRecord]:
    """What `closed` gives, of frames (`streams.frames.panes.SAID`) of what happened before each moment, sorted."""
    settings = _played(settings, lanes)
    counters = {name: PaneCounter(name, pane_rules(settings, name)) for name in sorted({name for _, name in lanes})}
    yield _partitions(counters, start)
    log = PlayedLog(_lanes(settings, lanes), SOURCE, start)
    n = 0
    for end, contacts in slices:
        yield from _closed_by(log.until(contacts, end), counters)
        n += len(contacts)
        progress(n)
    yield from _closed_by(log.rest(), counters)
    if noted is not None:
        for counter in counters.values():
            noted.update(counter.noted)


def _closed_by(logs: Iterable[tuple[str, pl.DataFrame]], counters: Mapping[str, PaneCounter]) -> Iterator[QueuePane]:
    """In the order in which they were closed, over all channels."""
    found = [pane_records.in_order(counters[channel].feed(log), counters[channel]) for channel, log in logs]
    return (record for _, record in heapq.merge(*found, key=itemgetter(0)))


def closed(
    contacts: Iterable[ContactEvent],
    lanes: Collection[tuple[str, str]],
    settings: Settings,
    start: datetime,
    progress: Callable[[int], None] = lambda _: None,
    noted: Counter[str] | None = None,
) -> Iterator[PaneRecord]:
    """The final panes of sorted contacts, as the ingest closes them for tenants whose time is that of their events; a
    channel is one partition. `lanes`: (tenant, channel) that are heartbeaten. `noted` gets what was not counted."""
    settings = _played(settings, lanes)
    rules = {channel: pane_rules(settings, channel) for _, channel in lanes}
    panes = {channel: PanePartition(channel, 0, rules[channel]) for channel in sorted(rules)}
    yield _partitions(panes, start)
    places: dict[str, list[int]] = {channel: [] for channel in panes}  # of a batch's records in the order of all
    offsets: Counter[str] = Counter()
    due, n = player.due(contacts, _lanes(settings, lanes), SOURCE, start), 0
    while batch := list(islice(due, REPORT_EVERY)):
        for channel, said in _by_channel(batch):
            first = offsets[channel]
            offsets[channel] += len(said)
            places[channel] = [place for place, _ in said]
            events = [event for _, event in said]
            arrivals = [(event.occurred_at - EPOCH) // MILLISECOND for event in events]
            found = panes[channel].feed(range(first, offsets[channel]), arrivals, events)
            if noted is not None:
                noted.update(_why(verdict) for _, verdict in found if verdict != "heartbeat")
        taken = [record for channel in panes for record, _ in panes[channel].take()]
        # in the order in which they were closed, as if each had been taken at once
        yield from sorted(taken, key=lambda pane: places[pane.channel][pane.version - 1 - offsets[pane.channel]])
        n += len(batch)
        progress(n)


def _by_channel(batch: Iterable[player.Due]) -> Iterable[tuple[str, list[tuple[int, ContactEvent]]]]:
    found: dict[str, list[tuple[int, ContactEvent]]] = {}
    for place, (_, event, _) in enumerate(batch):
        assert isinstance(event, ContactEvent)
        found.setdefault(event.channel, []).append((place, event))
    return found.items()


def _lanes(settings: Settings, lanes: Iterable[tuple[str, str]]) -> list[player.Lane]:
    return [player.lane(tenant, channel, settings.channels[channel]) for tenant, channel in sorted(lanes)]


def _partitions(channels: Iterable[str], start: datetime) -> Progress:
    return Progress(at=start, read_to={}, partitions=dict.fromkeys(map(_topic, channels), 1))


def _why(verdict: Verdict | Exception) -> str:
    return getattr(verdict, "reason", "defect") if isinstance(verdict, Exception) else verdict


def _topic(channel: str) -> str:
    return topics.contact_events(channel).name


def _played(settings: Settings, lanes: Iterable[tuple[str, str]]) -> Settings:
    """One partition a channel, and the tenants' time that of their events."""
    one = {name: settings.channels[name].model_copy(update={"partitions": 1}) for _, name in lanes}
    clock = {name: settings.tenants.get(name, Tenant()).model_copy(update={"clock": "event"}) for name, _ in lanes}
    return settings.model_copy(update={"channels": settings.channels | one, "tenants": settings.tenants | clock})


class OfTopic(NamedTuple):
    """Panes that lie on the bus, in the order of time, and the offset of the last record that was read."""

    records: Iterator[PaneRecord]
    offset: int


def of_topic(settings: Settings, tenant: str, since: datetime | None, before: datetime | None) -> OfTopic:
    """The final panes of `queue-panes` between two moments. Raises Unavailable, BadConfig."""
    offset = -1
    found: dict[tuple[str, datetime, int, int], QueuePane] = {}
    start = Start() if since is None else Start(since=since - timedelta(minutes=1))
    for record in log_reader.read_to_end(settings, [topics.QUEUE_PANES], start):
        if record.key != tenant.encode():
            continue
        offset = max(offset, record.offset)
        try:
            pane = value_of(record.topic, record.value)
        except BadMessage:
            continue
        if not isinstance(pane, QueuePane) or not pane.final or (since and pane.pane_start < since):
            continue
        if before is None or pane.pane_start < before:
            # the first final is the one that counts
            found.setdefault((pane.channel, pane.pane_start, pane.partition, pane.part), pane)
    if not found:
        raise BadConfig([("--tenant", f"{tenant} has no final panes on {topics.QUEUE_PANES.name} in that time")])
    return OfTopic(in_order(found.values()), offset)


def in_order(panes: Iterable[QueuePane]) -> Iterator[PaneRecord]:
    """Final panes as a played tenant's: by their end, partitions counted from 0, so that all of a channel close."""
    panes = sorted(panes, key=lambda pane: (pane.complete_to, pane.channel, pane.partition, pane.part))
    numbers: dict[str, dict[int, int]] = {}
    for pane in panes:
        of_channel = numbers.setdefault(pane.channel, {})
        of_channel.setdefault(pane.partition, len(of_channel))
    partitions = {topics.contact_events(name).name: len(of) for name, of in numbers.items()}
    yield Progress(at=panes[0].pane_start, read_to={}, partitions=partitions)
    for pane in panes:
        number = numbers[pane.channel][pane.partition]
        yield msgspec.structs.replace(pane, clock="event", partition=number)
