"""Which sources a channel has: learned from their heartbeats, remembered until they leave."""

from __future__ import annotations

from collections.abc import Mapping

from detectors.gather import ClosedPane

ALL = "*"


class Roster:
    """`sources`: the queues of each source; `heard`: the end of the last pane that it covered, Unix seconds."""

    def __init__(self, forget_seconds: float) -> None:
        self.forget_seconds = forget_seconds
        self.sources: dict[str, list[str]] = {}
        self.heard: dict[str, int] = {}

    def hear(self, pane: ClosedPane, partitions: int) -> tuple[set[str], set[str], set[str]]:
        """Takes in a closed pane. Returns (sources that cover it wholly, that do not, that left)."""
        end = pane.start + pane.seconds
        covering: set[str] = set()
        left: set[str] = set()
        for name, covers in pane.covers.items():
            self.sources[name] = sorted({queue for cover in covers for queue in cover.queues})
            if len(covers) >= partitions and all(cover.covers for cover in covers):
                covering.add(name)
                self.heard[name] = end
            self.heard.setdefault(name, end)
            if any(cover.last for cover in covers):
                left.add(name)
        left |= {name for name in self.sources if end - self.heard[name] > self.forget_seconds}
        missing = set(self.sources) - covering - left
        for name in left:
            del self.sources[name]
            del self.heard[name]
        return covering, missing, left

    def knows(self, queue: str | None, covering: set[str], silence: str) -> bool:
        """Whether what was not seen of a queue (None: the whole channel) did not happen."""
        if not self.sources:
            return silence == "zero"
        mine = [name for name, queues in self.sources.items() if queue is None or ALL in queues or queue in queues]
        return all(name in covering for name in mine) if mine else silence == "zero"

    def state(self) -> dict[str, tuple[list[str], int]]:
        return {name: (queues, self.heard[name]) for name, queues in sorted(self.sources.items())}

    def restore(self, state: Mapping[str, tuple[list[str], int]]) -> None:
        for name, (queues, heard) in state.items():
            self.sources[name], self.heard[name] = list(queues), heard
