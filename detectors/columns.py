"""Struct of arrays: named numpy arrays whose last axis is the series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]
Column = tuple[tuple[int, ...], Any]  # the axes before the series, and the type


class Lanes(NamedTuple):
    """Which rows belong together: each lane is one channel, held under one setting. `parts` are the rows by lane, of
    which the first is the channel itself; `of` is the lane of each row."""

    parts: tuple[slice, ...]
    heads: Places
    of: Places

    @classmethod
    def interleaved(cls, size: int, lanes: int) -> Lanes:
        """`size` rows of as many series a lane: row = series * lanes + lane."""
        return cls(tuple(slice(n, None, lanes) for n in range(lanes)), np.arange(lanes), np.arange(size) % lanes)

    @classmethod
    def side_by_side(cls, sizes: Sequence[int]) -> Lanes:
        """One lane behind the other, each of its own size."""
        ends = np.cumsum(sizes).tolist()
        parts = tuple(slice(end - size, end) for end, size in zip(ends, sizes, strict=True))
        return cls(parts, np.array([part.start for part in parts]), np.repeat(np.arange(len(sizes)), sizes))


class Columns:
    """State kept by series. Small types: what is kept here is written for every closed pane, 300 bytes a series at
    most. Sums are formed in 64 bits and rounded once, where they are kept, so a restored state continues identically.
    """

    columns: ClassVar[dict[str, Column]]

    def __init__(self) -> None:
        for name, (rows, kind) in self.columns.items():
            setattr(self, name, np.zeros((*rows, 0), kind))

    def grow(self, more: int) -> None:
        """Room for `more` new series behind the others; all of theirs is zero."""
        for name, (rows, kind) in self.columns.items():
            setattr(self, name, np.concatenate([getattr(self, name), np.zeros((*rows, more), kind)], axis=-1))

    def keep(self, wanted: Flags) -> None:
        """Forgets the series that are not wanted."""
        for name in self.columns:
            setattr(self, name, np.ascontiguousarray(getattr(self, name)[..., wanted]))

    def unite(self, members: Sequence[Self]) -> None:
        """Holds the series of all `members` side by side; what they hold are views of it from now on."""
        for name in self.columns:
            setattr(self, name, united(members, name))

    def pack(self, low: int, high: int) -> bytes:
        """The bytes of the series from `low` to before `high`."""
        return b"".join(getattr(self, name)[..., low:high].tobytes() for name in self.columns)

    def unpack(self, raw: bytes, low: int, high: int) -> None:
        """The reverse of `pack`. Raises ValueError where the length is another."""
        if len(raw) != self.bytes_a_series() * (high - low):
            raise ValueError(f"{len(raw)} bytes for {high - low} series")
        at = 0
        for name, (rows, kind) in self.columns.items():
            part = np.zeros((*rows, high - low), kind)
            part[...] = np.frombuffer(raw, kind, part.size, at).reshape(part.shape)
            getattr(self, name)[..., low:high] = part
            at += part.nbytes

    def bytes_a_series(self) -> int:
        return sum(int(np.prod(rows, dtype=int)) * np.dtype(kind).itemsize for rows, kind in self.columns.values())


def united(members: Sequence[Any], name: str) -> NDArray[Any]:
    """The arrays of this name, side by side along the last axis; those of the members are views of it from now on."""
    found = [getattr(one, name) for one in members]
    whole = np.concatenate(found, axis=-1)
    low = 0
    for one, array in zip(members, found, strict=True):
        high = low + array.shape[-1]
        setattr(one, name, whole[..., low:high])
        low = high
    return whole


def joined(parts: Sequence[NDArray[Any] | None], sizes: Sequence[int]) -> NDArray[Any] | None:
    """Side by side, where None stands for ones throughout; None where all are."""
    if all(part is None for part in parts):
        return None
    pairs = zip(parts, sizes, strict=True)
    return np.concatenate([np.ones(size, bool) if part is None else part for part, size in pairs])


def six(value: float) -> float:
    """Rounded to 6 significant digits, as all numbers are that leave the bank."""
    return float(value if value % 1 == 0 and -1e6 < value < 1e6 else f"{value:.6g}")


def sixes(values: list[float]) -> list[float]:
    """`six` of each, written and read in one go."""
    return [float(number) for number in ("%.6g " * len(values) % tuple(values)).split()]
