"""What contacts are about and where they come from: reason, site, region, provider, each with its usual share; and
which exercise they belong to.

Two uses: who carries a signal (`contributors`), and which reason a mix shifted to (the rows of a bank of shares). What
is counted are arrivals, by the events' own words, as the panes have them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.columns import Column, Columns, Flags, Numbers
from schemas.pane import QueueCounts
from schemas.signal import Dimension

MINUTES = 30
OTHER = "other"
CATEGORIES_MAX = 24  # of one dimension of one queue; the rest is "other"
BLOCK_SECONDS = 1800
KEEP = 0.999  # of what is learned, at each block: about two weeks
FIELDS: tuple[tuple[str, Dimension], ...] = (
    ("by_reason", "reason"),
    ("by_site", "site"),
    ("by_region", "region"),
    ("by_provider", "provider"),
    ("by_drill", "drill"),
)


class Category(msgspec.Struct, frozen=True, array_like=True):
    """One name in one dimension of one series ("" is the channel)."""

    series: str
    dimension: Dimension
    name: str


class Usual(Columns):
    """Discounted arrivals, those of the block that is not over, and of the minute that is not over."""

    columns: ClassVar[dict[str, Column]] = {
        "base": ((), np.float32),
        "block": ((), np.float32),
        "now": ((), np.uint32),
    }
    base: NDArray[np.float32]
    block: NDArray[np.float32]
    now: NDArray[np.uint32]


class Part(NamedTuple):
    """One category since an onset: what came, and which part of its series' arrivals is usually of it."""

    category: Category
    observed: float
    usual_share: float


class Minutes(msgspec.Struct, array_like=True):
    """One place of the ring, as it is kept."""

    at: int
    packed: bytes


class Mix:
    """The categories of one channel; each minute of the last half hour is kept."""

    def __init__(self) -> None:
        self.rows: list[Category] = []
        self.index: dict[Category, int] = {}
        self.usual = Usual()
        self.block = -1
        self.ends = [0] * MINUTES
        self.ring: NDArray[np.uint32] = np.zeros((MINUTES, 0), np.uint32)
        self.fresh: set[int] = set()
        self.groups: dict[tuple[str, Dimension], list[int]] = {}
        # rows of a name's queue and of the channel
        self._both: dict[tuple[str, Dimension], dict[str, tuple[int, int]]] = {}

    def add(self, parts: Iterable[tuple[str, QueueCounts]], known: Mapping[str, int]) -> bool:
        """One pane's records, by queue; those of queues that are not `known` count under "other". Says whether there
        are new rows."""
        before = len(self.rows)
        found: dict[int, int] = {}
        for queue, counts in parts:
            series = queue if queue in known else OTHER
            for field, dimension in FIELDS:
                if names := getattr(counts, field):
                    both = self._both.setdefault((series, dimension), {})
                    for name, n in names.items():
                        mine, whole = both.get(name) or self._rows(series, dimension, name)
                        found[mine] = found.get(mine, 0) + n
                        found[whole] = found.get(whole, 0) + n
        if len(self.rows) > before:
            self._grow()
        self.usual.now[list(found)] += np.fromiter(found.values(), np.uint32, len(found))
        return len(self.rows) > before

    def _rows(self, series: str, dimension: Dimension, name: str) -> tuple[int, int]:
        both = self._row(series, dimension, name), self._row("", dimension, name)
        if all(self.rows[row].name == name for row in both):  # names that have no rows of their own are without number
            self._both.setdefault((series, dimension), {})[name] = both
        return both

    def _row(self, series: str, dimension: Dimension, name: str) -> int:
        row = self.index.get(category := Category(series, dimension, name))
        if row is not None:
            return row
        mine = self.groups.setdefault((series, dimension), [])
        if len(mine) >= CATEGORIES_MAX and name != OTHER:
            return self._row(series, dimension, OTHER)
        self.index[category] = row = len(self.rows)
        self.rows.append(category)
        mine.append(row)
        return row

    def _grow(self) -> None:
        more = len(self.rows) - self.ring.shape[1]
        self.usual.grow(more)
        self.ring = np.concatenate([self.ring, np.zeros((MINUTES, more), np.uint32)], axis=1)

    def keep(self, gone: set[str]) -> Flags:
        """Forgets the categories of series that left; says which rows stayed."""
        wanted = np.array([row.series not in gone for row in self.rows], bool)
        self.usual.keep(wanted)
        self.ring = np.ascontiguousarray(self.ring[:, wanted])
        self.reset([row for row, stays in zip(self.rows, wanted, strict=True) if stays])
        self.fresh = {place for place in range(MINUTES) if self.ends[place]}
        return wanted

    def reset(self, rows: list[Category]) -> None:
        """These are the rows."""
        self.rows = rows
        self.index = {row: i for i, row in enumerate(rows)}
        self.groups, self._both = {}, {}
        for i, row in enumerate(rows):
            self.groups.setdefault((row.series, row.dimension), []).append(i)
        self._grow()

    def close(self, start: int, end: int, frozen: set[str]) -> Numbers:
        """Ends the minute; returns its counts. What comes while a series has an alarm is not learned."""
        usual = self.usual
        block = start // BLOCK_SECONDS
        if block != self.block:
            usual.base[...] = usual.base * KEEP + usual.block
            usual.block[...] = 0
            self.block = block
        now = usual.now.astype(float)
        learns = np.array([row.series not in frozen for row in self.rows], bool) if frozen else True
        usual.block += now * learns
        place = end // 60 % MINUTES
        self.ring[place], self.ends[place] = usual.now, end
        self.fresh.add(place)
        usual.now[...] = 0
        return now

    def parts(self, series: str, dimension: Dimension, since: float) -> list[Part]:
        """The categories of a series, since `since` or for the last half hour, with the minute that is not over."""
        rows = self.groups.get((series, dimension), [])
        usual = self.usual.base[rows].astype(float) + self.usual.block[rows]
        total = usual.sum()
        if total <= 0:
            return []
        return [
            Part(self.rows[row], float(n), float(share))
            for row, n, share in zip(rows, self._seen(rows, since), usual / total, strict=True)
        ]

    def counts(self, series: str, dimension: Dimension, since: float) -> dict[str, int]:
        """What came of each category meanwhile, whatever is usual."""
        rows = self.groups.get((series, dimension), [])
        return {self.rows[row].name: int(n) for row, n in zip(rows, self._seen(rows, since), strict=True)}

    def _seen(self, rows: list[int], since: float) -> NDArray[np.uint32]:
        newest = max(self.ends)
        places = [n for n, at in enumerate(self.ends) if max(since, newest - 60 * MINUTES) < at]
        seen: NDArray[np.uint32] = self.ring[places][:, rows].sum(axis=0) + self.usual.now[rows]
        return seen

    # -- state

    def changes(self) -> Iterator[tuple[int, Minutes]]:
        """Places of the ring that are new since the last call."""
        fresh, self.fresh = sorted(self.fresh), set()
        for place in fresh:
            yield place, Minutes(self.ends[place], zlib.compress(self.ring[place].tobytes(), 1))

    def fill(self, place: int, minutes: Minutes) -> None:
        """The reverse. Raises ValueError where the bytes are another's."""
        found = np.frombuffer(zlib.decompress(minutes.packed), np.uint32)
        self.ring[place, : len(found)] = found
        self.ends[place] = minutes.at
