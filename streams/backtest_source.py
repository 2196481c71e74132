"""What is tried again: a SOURCE of `breakwater replay`, read once, its panes told as often as they are counted anew."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from schemas import topics
from schemas.base import Origin
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.pane import PaneRecord, QueuePane
from streams import feed, history, mapping, replay_sources
from streams.config import Settings
from streams.replay import Replay

TOPIC = "topic:"
Step = Callable[[str, int], None]
Hear = Callable[[PaneRecord, Origin], None]


class Wanted(NamedTuple):
    """Which source, and which part of it; `window` knows the part, given the zone of times without an offset."""

    source: str
    map_path: Path | None = None
    learn_path: Path | None = None
    window: Callable[[ZoneInfo | None], feed.Window] = lambda _zone: (None, None)


class Source(Protocol):
    """`contacts`: panes can be counted in another way; what lies on a topic was counted when it was written."""

    contacts: bool
    zone: ZoneInfo | None

    def models(self, centre: Centre | None) -> dict[str, Centre]:
        """Of each tenant, where they are not among the panes. Raises BadConfig where `centre` is somebody else's."""
        ...

    def tell(self, settings: Settings, centre: Centre | None, hear: Hear, step: Step) -> Heard:
        """All of it, in order. Raises BadConfig where there is nothing."""
        ...

    def weeks(self, settings: Settings, step: Step) -> Mapping[str, Iterator[PaneRecord]]:
        """By tenant, the history that is to be learned before."""
        ...


class Heard(NamedTuple):
    """Of what was told: its range (Unix seconds), its channels, its tenants."""

    first: float
    last: float
    channels: frozenset[str]
    tenants: frozenset[str]

    @property
    def days(self) -> float:
        return (self.last - self.first) / 86_400


class Listener(Replay):
    """Hears the records that a replay would fold, and folds none."""

    def __init__(self, settings: Settings, hear: Hear) -> None:
        super().__init__(settings, lambda _partition, _output: None)
        self._hear = hear
        self._first = self._last = 0.0
        self._channels: set[str] = set()
        self._tenants: set[str] = set()

    def pane(self, record: PaneRecord, origin: Origin) -> None:
        if isinstance(record, QueuePane):
            start = record.pane_start.timestamp()
            self._first = min(self._first or start, start)
            self._last = max(self._last, record.pane_start.timestamp() + record.pane_seconds)
            self._channels.add(record.channel)
            self._tenants.add(record.tenant)
        self._hear(record, origin)

    def heard(self) -> Heard:
        """Raises BadConfig where there was no pane."""
        if not self._channels:
            raise BadConfig([("SOURCE", "holds no pane in that range")])
        return Heard(self._first, self._last, frozenset(self._channels), frozenset(self._tenants))


@contextlib.contextmanager
def opened(wanted: Wanted, settings: Settings, step: Step) -> Iterator[Source]:
    """Raises BadConfig for what cannot be read, Unavailable."""
    if wanted.source.startswith(TOPIC):
        yield _Topic(wanted)
        return
    if wanted.map_path is None:
        raise BadConfig([("--map", "is needed to read an export: docs/feeding.md says how to write one")])
    path = Path(wanted.source)
    if not path.exists():
        there = f"a file, a folder, or {TOPIC}{topics.QUEUE_PANES.name}"
        raise BadConfig([("SOURCE", f"{wanted.source} does not exist: give {there}")])
    meaning = mapping.load(wanted.map_path)
    window = wanted.window(ZoneInfo(meaning.time_zone))
    with contextlib.ExitStack() as stack:
        read = feed.read(path, meaning, settings, window, lambda report: step("rows", report.read))
        events, _ = stack.enter_context(read)
        weeks = None
        if wanted.learn_path is not None:
            told = feed.read(wanted.learn_path, meaning, settings, progress=lambda r: step("rows to learn", r.read))
            weeks, _ = stack.enter_context(told)
        yield _Export(events, weeks, meaning.time_zone)


class _Export:
    contacts = True

    def __init__(self, events: feed.SortedEvents, weeks: feed.SortedEvents | None, zone: str) -> None:
        self._events, self._weeks, self._name = events, weeks, zone
        self.zone: ZoneInfo | None = ZoneInfo(zone)

    def models(self, centre: Centre | None) -> dict[str, Centre]:
        return replay_sources.models(self._events, self._name, centre)

    def tell(self, settings: Settings, centre: Centre | None, hear: Hear, step: Step) -> Heard:
        listener = Listener(settings, hear)
        replay_sources.contacts(self._events, settings, self.models(centre), listener, Counter(), step)
        return listener.heard()

    def weeks(self, settings: Settings, step: Step) -> Mapping[str, Iterator[PaneRecord]]:
        if self._weeks is None:
            return {}
        weeks, told = self._weeks, lambda n: step("contacts to learn", n)
        tenants = sorted({tenant for tenant, _ in self._events.lanes})
        return {tenant: history.of_export(weeks, settings, tenant, told) for tenant in tenants}


class _Topic:
    contacts = False
    zone: ZoneInfo | None = None

    def __init__(self, wanted: Wanted) -> None:
        self._name = wanted.source.removeprefix(TOPIC)
        if self._name != topics.QUEUE_PANES.name:
            why = "has no panes to judge anew" if self._name != topics.DESK.name else "holds signals that are made"
            raise BadConfig([("SOURCE", f"{wanted.source} {why}: give {TOPIC}{topics.QUEUE_PANES.name} or an export")])
        given = [("--map", wanted.map_path), ("--learn-from", wanted.learn_path)]
        if problems := [(name, "is for an export: a topic brings its own") for name, path in given if path]:
            raise BadConfig(problems)
        self._window = wanted.window(None)

    def models(self, centre: Centre | None) -> dict[str, Centre]:
        del centre  # replaces those that come with the panes
        return {}

    def tell(self, settings: Settings, centre: Centre | None, hear: Hear, step: Step) -> Heard:
        del centre
        listener = Listener(settings, hear)
        replay_sources.of_topic(settings, self._name, self._window, listener, _Nobody(), step)
        return listener.heard()

    def weeks(self, settings: Settings, step: Step) -> Mapping[str, Iterator[PaneRecord]]:
        del settings, step
        return {}


class _Nobody:
    """Whom nothing on a topic concerns but its panes."""

    def model(self, centre: Centre) -> None:
        """A model is one of the records that are heard."""

    def entry(self, partition: int, entry: DeskEntry, raw: bytes | None = None) -> None:
        """Nor are there entries of the desk among panes."""
