"""Which sources a channel has, and whether they are heard: the difference between zero and unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from detectors.merge import SourceSeen

Fact = Literal["lost", "returned", "left", "forgotten"]


class Source(msgspec.Struct):
    """One writer of contact events. `covered_to` is the end of the last pane that it covered (0: none yet), `lost_in`
    the start of the pane since which it is lost."""

    queues: list[str]
    covered_to: int = 0
    lost_in: int | None = None


class Change(NamedTuple):
    """Something to say about a source; `lost_in` names the pane in which it was lost, where it was."""

    fact: Fact
    source: str
    lost_in: int | None
    covered_to: int


class Roster(msgspec.Struct):
    """A channel's sources by name. `ever`: whether there was one at any time; if not, the channel's setting says what
    silence means."""

    sources: dict[str, Source] = {}
    ever: bool = False

    def hear(self, start: int, end: int, seen: Mapping[str, SourceSeen], forget_seconds: float) -> list[Change]:
        """Takes in what a closed pane says of its sources. A source that has never covered a pane is joining: it makes
        its queues unknown, but it is not lost."""
        for name, one in seen.items():
            source = self.sources.get(name)
            if source is None:
                self.sources[name] = Source(queues=list(one.queues))
                self.ever = True
            elif list(one.queues) != source.queues:
                source.queues = list(one.queues)
        changes = []
        for name in sorted(self.sources):
            change = self._judge(name, start, end, seen.get(name), forget_seconds)
            if change is not None:
                changes.append(change)
        return changes

    def _judge(self, name: str, start: int, end: int, seen: SourceSeen | None, forget_seconds: float) -> Change | None:
        source = self.sources[name]
        lost_in, covered_to = source.lost_in, source.covered_to
        if seen is not None and seen.last:
            del self.sources[name]
            return Change("left", name, lost_in, max(covered_to, seen.least_delivered))
        if seen is not None and seen.covers:
            source.covered_to, source.lost_in = end, None
            return Change("returned", name, lost_in, covered_to) if lost_in is not None else None
        if not covered_to:
            return None
        if end - covered_to >= forget_seconds:
            del self.sources[name]
            return Change("forgotten", name, lost_in, covered_to)
        if lost_in is None:
            source.lost_in = start
            return Change("lost", name, start, covered_to)
        return None

    def whole(self, seen: Mapping[str, SourceSeen], silence: str) -> bool:
        """Whether the whole channel is known in a closed pane with these covers."""
        if not self.ever:
            return silence == "zero"
        return bool(self.sources) and all(name in seen and seen[name].covers for name in self.sources)

    def knows(self, queue: str, seen: Mapping[str, SourceSeen], silence: str) -> bool:
        """Whether a queue is known: all of its sources cover the pane. A queue that no source speaks for is as a
        channel without sources."""
        mine = [name for name, source in self.sources.items() if "*" in source.queues or queue in source.queues]
        if not mine:
            return silence == "zero"
        return all(name in seen and seen[name].covers for name in mine)
