"""Pane records of one channel until their pane is complete: the highest version of each part, a final for good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.pane import QueueCounts, QueuePane, SourceCover

FIELDS = tuple(name for name in QueueCounts.__struct_fields__ if not name.startswith("by_"))


class ClosedPane(NamedTuple):
    """A complete pane over all source partitions. Unix seconds."""

    start: int
    seconds: int
    counts: dict[str, dict[str, int]]
    covers: dict[str, list[SourceCover]]
    silence: str
    partitions_seen: int
    set_aside: bool


class Gather:
    """The open panes of one tenant's channel. `passed` is how far each source partition is, Unix seconds."""

    def __init__(self) -> None:
        self.parts: dict[int, dict[tuple[int, int], QueuePane]] = {}
        self.aside: set[int] = set()
        self.passed: dict[int, float] = {}
        self.partitions = 0
        self.pane_seconds = 0
        self.released_to = 0
        self.silence = "unknown"
        self.event_clock = False

    def add(self, pane: QueuePane) -> tuple[int, int, int] | None:
        """Keeps a record if it says more than what is known; its place, or None."""
        start = int(pane.pane_start.timestamp())
        self.pane_seconds, self.silence, self.event_clock = pane.pane_seconds, pane.silence, pane.clock == "event"
        if pane.final and pane.part == pane.parts - 1:
            end = pane.complete_to.timestamp()
            self.passed[pane.partition] = max(end, self.passed.get(pane.partition, 0.0))
        if start < self.released_to:
            return None
        known = self.parts.setdefault(start, {})
        place = (pane.partition, pane.part)
        before = known.get(place)
        if before is not None and (before.final or before.version >= pane.version):
            return None
        known[place] = pane
        return (start, *place)

    def complete_to(self) -> float | None:
        """How far every source partition is; None where that is not known of all."""
        if not self.partitions or len(self.passed) < self.partitions:
            return None
        return min(self.passed.values())

    def release(self, until: float) -> Iterator[ClosedPane]:
        """Panes that end at or before `until`, in order; each only once."""
        for start in sorted(self.parts):
            if start + self.pane_seconds > until:
                return
            yield self._close(start)

    def _close(self, start: int) -> ClosedPane:
        parts = self.parts.pop(start)
        counts: dict[str, dict[str, int]] = {}
        covers: dict[str, list[SourceCover]] = {}
        pane_seconds = self.pane_seconds
        for _, pane in sorted(parts.items()):
            pane_seconds = pane.pane_seconds
            for name in sorted(pane.queues):
                into = counts.setdefault(name, dict.fromkeys(FIELDS, 0))
                for field in FIELDS:
                    into[field] += getattr(pane.queues[name], field)
            if pane.part == 0:
                for name in sorted(pane.sources):
                    covers.setdefault(name, []).append(pane.sources[name])
        self.released_to = max(self.released_to, start + pane_seconds)
        finals = len({partition for (partition, _), pane in parts.items() if pane.final})
        aside = start in self.aside
        self.aside.discard(start)
        return ClosedPane(start, pane_seconds, counts, covers, self.silence, finals, aside)
