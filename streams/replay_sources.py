"""What can be replayed: an export of contacts, or a stretch of a topic; each told in its order to a `Replay`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Protocol

from detectors.pipeline import READ_SECONDS
from schemas import topics
from schemas.base import Origin
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.pane import PaneRecord, Progress, QueuePane
from streams import counting, feed, history, learned, log_reader
from streams.archive import reader
from streams.config import Settings
from streams.faust_handler import Arrival
from streams.log_reader import Start
from streams.refolding import Replay, States, place_of
from streams.state import Source

TOPICS = {topic.name: topic for topic in (topics.QUEUE_PANES, topics.DESK)}
REPORT_EVERY = 2_000

Tell = Callable[[str, int], None]


class Retells(Protocol):
    """Who hears of the models and the desk's entries that lie on a topic."""

    def model(self, centre: Centre) -> None: ...

    def entry(self, partition: int, entry: DeskEntry, raw: bytes | None = None) -> None: ...


class Counted:
    """Final panes and the contacts in them, each once, however often a restart wrote them."""

    def __init__(self) -> None:
        self.panes = 0
        self.contacts = 0
        self._last: dict[tuple[str, str, int, int], datetime] = {}

    def hear(self, record: PaneRecord) -> None:
        if not isinstance(record, QueuePane) or not record.final:
            return
        # a partition closes a tenant's panes in the order of time: what comes again is not later
        place = (record.tenant, record.channel, record.partition, record.part)
        if place in self._last and record.pane_start <= self._last[place]:
            return
        self._last[place] = record.pane_start
        self.panes += record.part == 0
        self.contacts += sum(counts.offered for counts in record.queues.values())


def models(events: feed.SortedEvents, zone: str, centre: Centre | None) -> dict[str, Centre]:
    """Each tenant's model: the one given, else a bare one in the export's time zone. Raises BadConfig."""
    found = {tenant: Centre(tenant=tenant, time_zone=zone) for tenant, _ in sorted(events.lanes)}
    if centre is not None:
        if centre.tenant not in found:
            there = ", ".join(found) or "nobody"
            raise BadConfig([("--centre", f"is of {centre.tenant}, the export has contacts of {there}")])
        found[centre.tenant] = centre
    return found


def learned_states(settings: Settings, events: feed.SortedEvents, of: Mapping[str, Centre]) -> States:
    """What detection knows after the weeks of another export, by partition. Raises BadConfig where it has less than a
    day of a tenant."""
    states: dict[Source, dict[str, bytes]] = {}
    for tenant, centre in of.items():
        try:
            found = learned.bootstrap(settings, centre, history.of_export(events, settings, tenant))
        except BadConfig as error:
            raise BadConfig([("--learn-from", text) for _, text in error.problems]) from None
        states.setdefault(learned.source_of(tenant), {}).update(found.entries)
    return states


def contacts(
    events: feed.SortedEvents,
    settings: Settings,
    of: Mapping[str, Centre],
    replay: Replay,
    noted: Counter[str],
    progress: Tell,
) -> Counted:
    """Sorted contacts, counted as the ingest counts those of a played tenant, then detected and responded to.

    Raises BadConfig where there are none.
    """
    if events.first is None:
        raise BadConfig([("SOURCE", "no contact came out of it: see what was refused, left out, or outside the range")])
    counted = Counted()
    sources = {tenant: learned.source_of(tenant) for tenant in of}
    places = {tenant: source.partition for tenant, source in sources.items()}
    offsets = Counter({source.partition: replay.next_offset(source) for source in sources.values()})
    for model in of.values():
        tell(replay, model, places[model.tenant], offsets)
    with closing(counting.beside(events, settings, noted, lambda n: progress("contacts", n))) as panes:
        for record in chain(known(panes, events), all_was_read(events.last or events.first)):
            counted.hear(record)
            # progress is told to every partition, as live
            for partition in [places[record.tenant]] if isinstance(record, QueuePane) else sorted(set(places.values())):
                tell(replay, record, partition, offsets)
    return counted


def known(panes: Iterator[PaneRecord], events: feed.SortedEvents) -> Iterator[PaneRecord]:
    """Without the panes before the first contact and after the last: heartbeats reach there, and say that it was
    silent; of what the export does not hold nothing is known."""
    assert events.first is not None and events.last is not None
    for record in panes:
        if not isinstance(record, QueuePane) or (
            record.complete_to > events.first and record.pane_start <= events.last
        ):
            yield record


def all_was_read(at: datetime) -> Iterator[Progress]:
    """The end is known: nothing waits any longer for channels that could still come."""
    for seconds in (0.0, READ_SECONDS):
        yield Progress(at=at + timedelta(seconds=seconds), read_to={}, partitions={})


def tell(replay: Replay, record: PaneRecord, partition: int, offsets: Counter[int]) -> None:
    replay.pane(record, Origin(topic=topics.QUEUE_PANES.name, partition=partition, offset=offsets[partition]))
    offsets[partition] += 1


def of_topic(
    settings: Settings,
    name: str,
    window: feed.Window,
    replay: Replay,
    retold: Retells,
    progress: Tell,
    archive: str | None = None,
) -> tuple[Counted, dict[str, int]]:
    """A stretch of `queue-panes` or `desk`, from the bus or an archive, by the broker's time of its records; with the
    first offset of each partition. Raises BadConfig where nothing lies there, Unavailable."""
    counted, begins = Counted(), dict[str, int]()
    n = 0
    found = _arrivals(settings, name, window) if archive is None else reader.arrivals(archive, name, *window)
    for n, arrival in enumerate(found, 1):
        begins.setdefault(f"{arrival.topic}/{arrival.partition}", arrival.offset)
        if name == topics.DESK.name:
            _entry(arrival, replay, retold)
        elif (record := replay.read_pane(arrival)) is not None:
            counted.hear(record)
            if isinstance(record, Centre):
                retold.model(record)
            replay.pane(record, place_of(arrival))
        if n % REPORT_EVERY == 0:
            progress("records", n)
    if not n:
        raise BadConfig([("SOURCE", f"topic {name} holds no record in that range")])
    return counted, begins


def _entry(arrival: Arrival, replay: Replay, retold: Retells) -> None:
    entry = replay.read_entry(arrival)
    if entry is not None:
        if isinstance(entry.body, Centre):
            retold.model(entry.body)
        retold.entry(arrival.partition, entry, arrival.value)
        replay.entry(entry, place_of(arrival))


def _arrivals(settings: Settings, name: str, window: feed.Window) -> Iterator[Arrival]:
    since, before = window

    def wanted(record: Any) -> bool:
        return before is None or record.at < before

    for record in log_reader.read_to_end(settings, [TOPICS[name]], Start(since=since), wanted):
        yield Arrival(
            record.topic, record.partition, record.offset, record.key, record.value, record.headers, record.at
        )
