"""Recorded logs and exports through the same decoding and the same folds as live: the same outputs, byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from schemas import topics
from schemas.base import Origin
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.errors import BadMessage
from schemas.fold import Fold, Output
from schemas.pane import PaneRecord
from streams.config import Settings
from streams.faust_handler import Arrival, FoldRole
from streams.own_ticks import OwnTicks
from streams.roles import detect_role, respond_role
from streams.state import Source

States = Mapping[Source, Mapping[str, bytes]]


class Refolding:
    """The folds of one role, one a source partition, each from its entries in `states` or from nothing."""

    def __init__(self, role: FoldRole, states: States | None = None) -> None:
        self._role = role
        self._states = states or {}
        self._folds: dict[Source, Fold] = {}
        self.unreadable = 0

    def read(self, arrival: Arrival) -> Any:
        """The record; None for one that cannot be read, which is left out, as live, where it is a dead letter."""
        try:
            return self._role.decode(arrival)
        except BadMessage:
            self.unreadable += 1
            return None

    def step(self, record: Any, origin: Origin) -> list[Output]:
        source = Source(origin.topic, origin.partition)
        if source not in self._folds:
            fold = self._folds[source] = self._role.build()
            fold.restore(self._states.get(source, {}))
        return self._folds[source].step(record, origin)


def refold(role: FoldRole, log: Iterable[Arrival], states: States | None = None) -> Iterator[Output]:
    """What `role` says to the records of `log`, each partition in order, from `states` or from nothing."""
    folds = Refolding(role, states)
    for arrival in log:
        record = folds.read(arrival)
        if record is not None:
            yield from folds.step(record, place_of(arrival))


def place_of(arrival: Arrival) -> Origin:
    return Origin(topic=arrival.topic, partition=arrival.partition, offset=arrival.offset)


class Replay:
    """Both folds in one process, without a bus: panes become desk entries, desk entries become outputs.

    `tell` is shown every output with the source partition it came of. What detection says, and the models among the
    panes, are the desk's log: in this order, with offsets of its own.
    """

    def __init__(self, settings: Settings, tell: Callable[[int, Output], None], states: States | None = None) -> None:
        self._tell = tell
        self._detect = Refolding(detect_role(settings), states)
        self._respond = Refolding(respond_role(settings, OwnTicks(settings)))
        self._said: Counter[int] = Counter()

    @property
    def unreadable(self) -> int:
        return self._detect.unreadable + self._respond.unreadable

    def read_pane(self, arrival: Arrival) -> PaneRecord | None:
        record: PaneRecord | None = self._detect.read(arrival)
        return record

    def read_entry(self, arrival: Arrival) -> DeskEntry | None:
        entry: DeskEntry | None = self._respond.read(arrival)
        return entry

    def pane(self, record: PaneRecord, origin: Origin) -> None:
        """One record of `queue-panes`, and all that follows from it."""
        if isinstance(record, Centre):
            # live it comes to the desk from its own topic
            place = Origin(topic=topics.CENTRE.name, partition=origin.partition, offset=origin.offset)
            self._onto_desk(origin.partition, DeskEntry(tenant=record.tenant, origin=place, body=record))
        for output in self._detect.step(record, origin):
            self._tell(origin.partition, output)
            assert isinstance(output.value, DeskEntry), "detection speaks to the desk alone"
            self._onto_desk(origin.partition, output.value)

    def entry(self, entry: DeskEntry, origin: Origin) -> None:
        """One record of `desk`, and all that follows from it."""
        for output in self._respond.step(entry, origin):
            self._tell(origin.partition, output)

    def _onto_desk(self, partition: int, entry: DeskEntry) -> None:
        offset = self._said[partition]
        self._said[partition] += 1
        self.entry(entry, Origin(topic=topics.DESK.name, partition=partition, offset=offset))
