"""What is tried again: a SOURCE of `breakwater replay`, read once, its panes told as often as they are counted anew."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from schemas import topics
from schemas.base import Origin
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.pane import PaneRecord, QueuePane
from streams import feed, history, replay_readers, replay_sources, replay_state
from streams.config import Settings
from streams.refolding import Replay
from streams.replay_readers import Reader

PANES = topics.QUEUE_PANES.name
Step = Callable[[str, int], None]
Hear = Callable[[PaneRecord, Origin], None]


class Wanted(NamedTuple):
    """Which source, and which part of it; `window` knows the part, given the zone of times without an offset."""

    source: str
    map_path: Path | None = None
    topic: str | None = None  # of an archive
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
    """Of what was told: its range (Unix seconds), its channels, its tenants, and the budgets of the models in it."""

    first: float
    last: float
    channels: frozenset[str]
    tenants: frozenset[str]
    budgets: Mapping[str, float] = MappingProxyType({})

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
        self._budgets: dict[str, float] = {}

    def pane(self, record: PaneRecord, origin: Origin) -> None:
        if isinstance(record, QueuePane):
            start = record.pane_start.timestamp()
            self._first = min(self._first or start, start)
            self._last = max(self._last, record.pane_start.timestamp() + record.pane_seconds)
            self._channels.add(record.channel)
            self._tenants.add(record.tenant)
        elif isinstance(record, Centre):
            self._budgets[record.tenant] = record.budget_false_incidents_per_month
        self._hear(record, origin)

    def heard(self) -> Heard:
        """Raises BadConfig where there was no pane."""
        if not self._channels:
            raise BadConfig([("SOURCE", "holds no pane in that range")])
        tenants = frozenset(self._tenants)
        return Heard(self._first, self._last, frozenset(self._channels), tenants, self._budgets)


@contextlib.contextmanager
def opened(wanted: Wanted, settings: Settings, step: Step) -> Iterator[Source]:
    """Raises BadConfig for what cannot be read, Unavailable."""
    log, archive = replay_readers.log_of(wanted.source, wanted.topic)
    if log != replay_state.CONTACTS:
        yield _Topic(wanted, log, archive)
        return
    path = replay_readers.existing(wanted.source) if archive is None else Path(wanted.source)
    read: Reader
    zone: str | None = None
    if archive is None:
        read, zone = replay_readers.of_file(path, wanted.map_path)
    else:
        read = replay_readers.of_archive(archive)
    window = wanted.window(ZoneInfo(zone) if zone else None)
    with contextlib.ExitStack() as stack:
        events, _ = stack.enter_context(read(path, settings, window, lambda report: step("rows", report.read)))
        weeks = None
        if wanted.learn_path is not None:
            told = read(wanted.learn_path, settings, (None, None), lambda report: step("rows to learn", report.read))
            weeks, _ = stack.enter_context(told)
        yield _Export(events, weeks, zone)


class _Export:
    contacts = True

    def __init__(self, events: feed.SortedEvents, weeks: feed.SortedEvents | None, zone: str | None) -> None:
        self._events, self._weeks, self._name = events, weeks, zone or "UTC"
        self.zone: ZoneInfo | None = ZoneInfo(self._name)

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

    def __init__(self, wanted: Wanted, name: str, archive: str | None) -> None:
        if name != PANES:
            why = "holds signals that are made" if name == topics.DESK.name else "has no panes to judge"
            raise BadConfig([("SOURCE", f"{name} {why}: give {PANES}, or contacts")])
        replay_readers.refuse_of_exports(wanted.map_path, None, wanted.learn_path)
        self._window, self._archive = wanted.window(None), archive

    def models(self, centre: Centre | None) -> dict[str, Centre]:
        del centre  # replaces those that come with the panes
        return {}

    def tell(self, settings: Settings, centre: Centre | None, hear: Hear, step: Step) -> Heard:
        del centre
        listener = Listener(settings, hear)
        replay_sources.of_topic(settings, PANES, self._window, listener, _Nobody(), step, self._archive)
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
