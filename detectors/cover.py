"""How far one source says it has delivered, as seen from one pane."""

from __future__ import annotations

from collections.abc import Sequence

ALL: tuple[str, ...] = ("*",)
Span = tuple[int, int, bool]  # covered from, to (milliseconds), and whether the source signed off there


def queues_of(names: Sequence[str] | None, most: int) -> tuple[str, ...]:
    """The queues a heartbeat speaks for, sorted; of more than `most`, "*" has to be said for the rest to be known."""
    if not names or "*" in names:
        return ALL
    return tuple(sorted(set(names))[:most])


class Cover:
    """The heartbeats of one source that touch one pane.

    A heartbeat at h covers h - unknown_after to h: a moment is covered if the next heartbeat at or after it is at most
    `unknown_after` later. The pane keeps what falls within it, so it needs no heartbeat from before its start, and is
    the same after a restart. Spans are sorted and apart; mostly there is one.
    """

    __slots__ = ("end", "newest", "queues", "spans", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.spans: list[Span] = []
        self.newest = -1
        self.queues: tuple[str, ...] = ALL

    def add(self, heard: int, since: int, last: bool, queues: tuple[str, ...]) -> bool:
        """Takes in a heartbeat at `heard` that covers from `since`; says whether anything changed for the pane."""
        if (heard, queues) > (self.newest, self.queues):
            changed = queues != self.queues
            self.newest, self.queues = heard, queues
        else:
            changed = False
        span = (max(since, self.start), min(heard, self.end), last and heard < self.end)
        if self.spans:
            low, high, signed_off = self.spans[-1]
            if low <= span[0] and span[1] <= high and (span[1] < high or signed_off >= span[2]):
                return changed
        before = self.spans
        self.spans = _joined([*before, span])
        return changed or self.spans != before

    @property
    def delivered_to(self) -> int:
        """Milliseconds; at most the pane's end."""
        return self.spans[-1][1]

    @property
    def last(self) -> bool:
        """The source signed off inside the pane and did not come back in it."""
        return self.spans[-1][2]

    def whole(self) -> bool:
        """Whether all that the source owes of the pane is covered; between signing off and coming back it owes none."""
        known_to, owes = self.start, True
        for low, high, signed_off in self.spans:
            if low > known_to and owes:
                return False
            known_to, owes = high, not signed_off
        return known_to >= self.end or not owes


def _joined(spans: list[Span]) -> list[Span]:
    spans.sort()
    joined = spans[:1]
    for low, high, signed_off in spans[1:]:
        before_low, before_high, before_off = joined[-1]
        if low > before_high:
            joined.append((low, high, signed_off))
        elif high > before_high:
            joined[-1] = (before_low, high, signed_off)
        elif high == before_high:
            joined[-1] = (before_low, high, before_off or signed_off)
    return joined
