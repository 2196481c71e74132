"""The counts of one queue in one pane, as they grow; every map bounded so that order does not matter."""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict

from schemas.contact import ContactEvent
from schemas.pane import QueueCounts

OTHER = "other"


class SmallestNames:
    """Keeps the `most` smallest names in byte order, whatever the order in which they come.

    A name that is kept at the end was never turned away before (fewer than `most` smaller ones exist), so its count is
    whole; that also holds when such maps are added and bounded again.
    """

    __slots__ = ("most", "order")

    def __init__(self, most: int) -> None:
        self.most = most
        self.order: list[str] = []

    def admit(self, name: str) -> str | None:
        """Takes a new name in; returns the one that has no place any more, which may be `name` itself."""
        insort(self.order, name)  # code points order like UTF-8 bytes
        return self.order.pop() if len(self.order) > self.most else None


class NameCounts:
    """A bounded map from name to count; what has no place of its own is summed under "other"."""

    __slots__ = ("counts", "names", "over")

    def __init__(self, most: int, over: Counter[str]) -> None:
        self.counts: dict[str, int] = {}
        self.names = SmallestNames(most)
        self.over = over

    def add(self, name: str, n: int = 1) -> None:
        counts = self.counts
        if name in counts:
            counts[name] += n
            return
        loser = None if name == OTHER else self.names.admit(name)
        counts[name] = n
        if loser is not None:
            self.over["names"] += 1
            counts[OTHER] = counts.get(OTHER, 0) + counts.pop(loser)


class Tally:
    """Counts of one queue in one pane. `n` is keyed by the fields of QueueCounts.

    Arrivals are `offered` that come from no transfer; `vip` and the maps count arrivals alone. Times and sentiment are
    taken from whichever event carries them, times as integer milliseconds so that sums are exact in any order.
    """

    __slots__ = ("maps", "most", "n", "over")

    def __init__(self, most: int, over: Counter[str]) -> None:
        self.n: dict[str, int] = defaultdict(int)
        self.maps: dict[str, NameCounts] = {}
        self.most = most
        self.over = over

    def add(self, event: ContactEvent) -> None:
        n, kind = self.n, event.type
        if kind != "offered":
            n[kind] += 1
        elif event.transfer:
            n["offered_by_transfer"] += 1
        else:
            n["offered"] += 1
            if event.vip:
                n["vip"] += 1
            if event.reason is not None:
                self._map("by_reason").add(event.reason)
            if event.site is not None:
                self._map("by_site").add(event.site)
            if event.region is not None:
                self._map("by_region").add(event.region)
            if event.provider is not None:
                self._map("by_provider").add(event.provider)
            if event.drill is not None:
                self._map("by_drill").add(event.drill)
        if event.wait_seconds is not None:
            n["wait_milliseconds"] += round(event.wait_seconds * 1000)
            n["wait_n"] += 1
        if event.handle_seconds is not None:
            n["handle_milliseconds"] += round(event.handle_seconds * 1000)
            n["handle_n"] += 1
        if event.sentiment is not None:
            n["sentiment_n"] += 1
            n["sentiment_negative"] += event.sentiment < 0

    def merge(self, other: Tally) -> None:
        """Adds the counts of a queue that lost its place."""
        for field, n in other.n.items():
            self.n[field] += n
        for field, names in other.maps.items():
            mine = self._map(field)
            for name, n in names.counts.items():
                mine.add(name, n)

    def counts(self) -> QueueCounts:
        maps = {field: dict(names.counts) for field, names in self.maps.items()}
        return QueueCounts(**self.n, **maps)  # type: ignore[arg-type]  # two kinds of fields, each by its own name

    def _map(self, field: str) -> NameCounts:
        found = self.maps.get(field)
        if found is None:
            found = self.maps[field] = NameCounts(self.most, self.over)
        return found
