"""The last half hour of a bank: what each pane showed, so that a signal can tell how it came to be."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.columns import Flags, Numbers

LENGTH = 30


class Point(msgspec.Struct, frozen=True):
    """One pane of one row: its end (Unix seconds), what came, what is usual, the statistic after it."""

    at: int
    observed: float
    expected: float
    statistic: float


class Column(msgspec.Struct, array_like=True):
    """One pane of all rows, as it is kept."""

    at: int
    packed: bytes


class Trail:
    """A ring of the last `LENGTH` panes; each is written once, under its place in the ring."""

    def __init__(self) -> None:
        self.ends: list[int] = [0] * LENGTH
        self.values: NDArray[np.float32] = np.zeros((LENGTH, 3, 0), np.float32)
        self.next = 0
        self.fresh: set[int] = set()  # places that are to be written

    def grow(self, more: int) -> None:
        self.values = np.concatenate([self.values, np.zeros((LENGTH, 3, more), np.float32)], axis=2)

    def keep(self, wanted: Flags) -> None:
        self.values = np.ascontiguousarray(self.values[..., wanted])
        self.fresh = {place for place in range(LENGTH) if self.ends[place]}

    def push(self, end: int, observed: Numbers, expected: Numbers, statistic: Numbers) -> None:
        """The pane that ended at `end`."""
        place = self.next
        self.ends[place], self.next = end, (place + 1) % LENGTH
        column = self.values[place]
        column[0], column[1], column[2] = observed, expected, np.maximum(statistic, -99)
        self.fresh.add(place)

    def points(self, row: int) -> Iterator[Point]:
        """Oldest first; panes from before the row was watched hold nothing."""
        for step in range(LENGTH):
            place = (self.next + step) % LENGTH
            if self.ends[place]:
                yield Point(self.ends[place], *(float(value) for value in self.values[place, :, row]))

    def sums(self, since: float) -> Numbers:
        """What came (row 0) and what is usual (row 1) in panes that ended after `since`, by series."""
        places = [place for place, end in enumerate(self.ends) if end > since]
        found: Numbers = self.values[places, :2].astype(float).sum(axis=0)
        return found

    # -- state

    def changes(self) -> Iterator[tuple[int, Column]]:
        """Place and content of what is new since the last call."""
        fresh, self.fresh = sorted(self.fresh), set()
        for place in fresh:
            yield place, Column(self.ends[place], zlib.compress(self.values[place].tobytes(), 1))

    def fill(self, place: int, column: Column) -> None:
        """The reverse. Rows that came later hold nothing. Raises ValueError where the bytes are another's."""
        found = np.frombuffer(zlib.decompress(column.packed), np.float32).reshape(3, -1)
        self.values[place, :, : found.shape[1]] = found
        self.ends[place] = column.at
        newest = max(range(LENGTH), key=lambda n: self.ends[n])
        self.next = (newest + 1) % LENGTH
