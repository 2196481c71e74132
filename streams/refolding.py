"""Recorded logs and exports through the same decoding and the same folds as live: the same outputs, byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from schemas import topics
from schemas.base import Origin
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.errors import BadMessage
from schemas.fold import Fold, Output
from schemas.pane import PaneRecord, QueuePane
from streams import replay_state
from streams.config import Settings
from streams.faust_handler import Arrival, FoldRole
from streams.own_ticks import OwnTicks
from streams.replay_state import Saved
from streams.roles import detect_role, respond_role
from streams.state import Source

States = Mapping[Source, Mapping[str, bytes]]
SETTLE_EVERY = 10_000  # records, after which a fold is asked what changed, so that it need not remember it longer


class Refolding:
    """The folds of one role, one a source partition, each from its entries in `states` or from nothing."""

    def __init__(self, role: FoldRole, states: States | None = None) -> None:
        self._role = role
        self._entries = {source: dict(entries) for source, entries in (states or {}).items()}
        self._folds: dict[Source, Fold] = {}
        self._steps: Counter[Source] = Counter()
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
            fold.restore(self._entries.get(source, {}))
            self._role.restored(fold)
        outputs = self._folds[source].step(record, origin)
        self._steps[source] += 1
        if self._steps[source] % SETTLE_EVERY == 0:
            self._settle(source)
        return outputs

    def states(self) -> States:
        """What the folds have learned, by source: what they would begin from."""
        for source in self._folds:
            self._settle(source)
        return self._entries

    def _settle(self, source: Source) -> None:
        entries = self._entries.setdefault(source, {})
        for name, value in self._folds[source].changes().items():
            if value is None:
                entries.pop(name, None)
            else:
                entries[name] = value


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

    def __init__(
        self,
        settings: Settings,
        tell: Callable[[int, Output], None],
        states: States | None = None,
        wait: Callable[[datetime], None] = lambda _: None,
        saved: Saved | None = None,
    ) -> None:
        """`wait` is called with the time of each pane (its end) and each entry of a desk's log before it is folded.
        With what was `saved` it goes on where another ended."""
        self._tell = tell
        self._wait = wait
        before = saved or Saved(of="")
        self._detect = Refolding(detect_role(settings), states or replay_state.by_source(before.detect))
        self._respond = Refolding(respond_role(settings, OwnTicks(settings)), replay_state.by_source(before.respond))
        self._said: Counter[int] = Counter(before.said)
        self.begun = before.next  # the first offset that was not folded before, by source
        self._next = dict(before.next)

    @property
    def unreadable(self) -> int:
        return self._detect.unreadable + self._respond.unreadable

    def read_pane(self, arrival: Arrival) -> PaneRecord | None:
        """None, too, for one that was folded before what was saved."""
        record: PaneRecord | None = None if self._was_folded(arrival) else self._detect.read(arrival)
        return record

    def read_entry(self, arrival: Arrival) -> DeskEntry | None:
        """As `read_pane`."""
        if self._was_folded(arrival):
            return None
        entry: DeskEntry | None = self._respond.read(arrival)
        self._wait(arrival.at)
        return entry

    def next_offset(self, source: Source) -> int:
        """The first one that was not folded."""
        return self._next.get(source.name(), 0)

    def saved(self, of: str) -> Saved:
        """What was learned from `of`, to go on from."""
        return Saved(
            of=of,
            detect=replay_state.named(self._detect.states()),
            respond=replay_state.named(self._respond.states()),
            next=self._next,
            said=dict(self._said),
        )

    def pane(self, record: PaneRecord, origin: Origin) -> None:
        """One record of `queue-panes`, and all that follows from it."""
        self._folded(origin)
        if isinstance(record, QueuePane):
            self._wait(record.complete_to)
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
        self._folded(origin)
        for output in self._respond.step(entry, origin):
            self._tell(origin.partition, output)

    def _onto_desk(self, partition: int, entry: DeskEntry) -> None:
        offset = self._said[partition]
        self._said[partition] += 1
        self.entry(entry, Origin(topic=topics.DESK.name, partition=partition, offset=offset))

    def _folded(self, origin: Origin) -> None:
        self._next[Source(origin.topic, origin.partition).name()] = origin.offset + 1

    def _was_folded(self, arrival: Arrival) -> bool:
        return arrival.offset < self.next_offset(Source(arrival.topic, arrival.partition))
