"""Struct of arrays: named numpy arrays whose last axis is the series."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Column = tuple[tuple[int, ...], Any]  # the axes before the series, and the type


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


def six(value: float) -> float:
    """Rounded to 6 significant digits, as all numbers are that leave the bank."""
    return float(value if value % 1 == 0 and -1e6 < value < 1e6 else f"{value:.6g}")


def sixes(values: list[float]) -> list[float]:
    """`six` of each, written and read in one go."""
    return [float(number) for number in ("%.6g " * len(values) % tuple(values)).split()]
