"""Numbers that are no counts: mean handle time and mean wait of a series, one value a minute, for many series at once.

No count law holds, so no budget is promised. What is unusual is found by a sum of calibrated surprises:

1. Density given time: x = -log10 p(bin | time), bins of a sixteenth of the first values' range, wider beyond it, and
   a back-off chain of all times, four hours of the day, the hour of the day: p = (n + 10 p_coarser) / (N + 10).
2. Range record: how far beyond all that was seen, as a share of that range.
3. Sustained surprise: the exponentially weighted mean of x.

Each becomes its rarity in its own history, -log10 P(statistic >= now): a sketch of 3 % cells, above its 98 % quantile a
Pareto tail whose slope is Hill's (1975), drawn to 3 with the weight of 5. The sum alerts at 5 where it exceeds the last
peak, which fades over 200 values: an alert is an onset.

An alert becomes a signal once it lasts: `LASTS` values in a row beyond what 95 % of values are, and beyond a person's
interest, on one side (`metrics`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Column, Columns, Flags, Numbers

FIRST = 60  # values whose range sets the bins; nothing is said before
INSIDE, OUTSIDE = 16, 4  # bins in that range, and beyond it on each side
BINS = INSIDE + 2 * OUTSIDE
TIMES = 1 + 6 + 24
CELLS = 160
PRIOR = 10.0
UNSEEN = 0.01
HALF_LIFE = 36.0  # values
FADE = 200.0  # values until a peak is forgotten
LINE = 5.0
TAIL = 0.02
SLOPE, SLOPE_WEIGHT = 3.0, 5.0
LASTS = 3
ALERT_LASTS = 15  # values within which an alert may still become a signal
USUAL_HALF_LIFE = 500.0
RATIO_MIN = 1.25  # nearer to the usual is of no interest, however rare
Z95 = 1.96
_SPREAD = 0.04  # of the logarithm, before it is known
_STEP = float(np.log(1.03))
_FLOORS = np.log(np.array([0.1, 0.03, 0.1]))[:, None]  # where each sketch begins
_TEN = float(np.log(10.0))
_GAIN = 1 - 0.5 ** (1 / HALF_LIFE)
_LARGE = 60_000
_STATISTICS = np.arange(3)[:, None]

Places = NDArray[np.int64]


class Histories(Columns):
    """What was learned; counts in halves of a value."""

    columns: ClassVar[dict[str, Column]] = {
        "offset": ((), np.float32),  # added to values before their logarithm is taken: what is less is of no interest
        "first": ((FIRST,), np.float32),
        "seen": ((), np.uint32),  # values
        "counts": ((TIMES, BINS), np.uint16),
        "sketch": ((3, CELLS), np.uint16),
        "range": ((4,), np.float32),  # origin and width of the bins, lowest and highest value
        "surprise": ((3,), np.float32),  # mean of x; the last peak, and values since it
        "usual": ((24,), np.float32),  # mean of ln(offset + value) by hour of the day
        "known": ((24,), np.float32),  # values that this mean is of, at most those of two half-lives
        "spread": ((), np.float32),  # variance of ln(offset + value) around it
    }
    offset: NDArray[np.float32]
    first: NDArray[np.float32]
    seen: NDArray[np.uint32]
    counts: NDArray[np.uint16]
    sketch: NDArray[np.uint16]
    range: NDArray[np.float32]
    surprise: NDArray[np.float32]
    usual: NDArray[np.float32]
    known: NDArray[np.float32]
    spread: NDArray[np.float32]


class Shown(NamedTuple):
    """What one value of each row shows. `total` is 0 unless it is a new peak; `expected` in the value's unit, `spread`
    the standard deviation of its logarithm, `away` how far the logarithm is from the usual one.

    The last four are what `learn` needs again: where the value and its surprises are counted, and the two logarithms.
    """

    surprises: Numbers
    rarities: Numbers
    total: Numbers
    expected: Numbers
    spread: Numbers
    away: Numbers
    ready: Flags
    bins: Places
    cells: Places
    logs: Numbers
    usual: Numbers


class MetricBank:
    """The rows of one channel. `read` is pure; `learn` commits."""

    def __init__(self) -> None:
        self.histories = Histories()

    @property
    def size(self) -> int:
        return len(self.histories.seen)

    # -- what a value shows

    def read(self, values: Numbers, hour: int) -> Shown:
        """`hour` is that of the day, local. NaN shows nothing."""
        h = self.histories
        told = np.isfinite(values)
        value = np.where(told, values, 0.0)
        ready = told & (h.seen >= FIRST)
        bins = self._bins(value)
        surprises = self._surprises(value, self._density(bins, hour))
        depths = np.log(np.maximum(surprises, 1e-12)) - _FLOORS
        cells = _cells(depths)
        rarities = self._rarities(depths, cells, told)
        total = np.add.reduce(rarities, axis=0)
        peak = h.surprise[1] * np.maximum(1 - h.surprise[2] / FADE, 0.0)
        usual = self._usual(hour)
        logs = np.log(h.offset + np.maximum(value, 0.0))
        known = np.minimum(h.seen, 200)
        return Shown(
            surprises,
            rarities,
            np.where(ready & (total > peak), total.round(6), 0.0),
            np.exp(usual) - h.offset,
            np.sqrt((h.spread * known + 20 * _SPREAD) / (known + 20.0)),
            np.where(ready, logs - usual, 0.0),
            ready,
            bins,
            cells,
            logs,
            usual,
        )

    def _surprises(self, value: Numbers, density: Numbers) -> Numbers:
        _, _, low, high = self.histories.range.astype(float)
        beyond = np.maximum(np.maximum(value - high, low - value), 0.0)
        record = beyond / np.maximum(high - low, 1e-9 + 0.01 * np.abs(high))
        mean = self.histories.surprise[0].astype(float)
        return np.array([density, record, mean + _GAIN * (density - mean)])

    def _usual(self, hour: int) -> Numbers:
        h = self.histories
        known = h.known.astype(float)
        general = np.add.reduce(known * h.usual, axis=0) / np.maximum(np.add.reduce(known, axis=0), 1e-9)
        found: Numbers = (known[hour] * h.usual[hour] + PRIOR * general) / (known[hour] + PRIOR)
        return found

    def _bins(self, values: Numbers) -> Places:
        origin, width = self.histories.range[:2].astype(float)
        place = (values - origin) / np.maximum(width, 1e-9)
        found: Places = np.minimum(np.maximum(place, 0.0), INSIDE - 1).astype(np.int64) + OUTSIDE
        below, beyond = place < 0, place >= INSIDE
        if np.logical_or.reduce(below | beyond):
            out = np.maximum(np.where(below, -place, place - INSIDE), 0.0)
            steps = np.minimum(np.log1p(out / 4), OUTSIDE - 1).astype(np.int64)
            found += np.where(beyond, 1 + steps, 0) - np.where(below, 1 + steps, 0)
        return found

    def _density(self, bins: Places, hour: int) -> Numbers:
        """-log10 p(bin | time): each finer time is drawn to the coarser one."""
        counts = self.histories.counts[_times(hour)]
        of_bin = counts[:, bins, np.arange(len(bins))] / 2
        of_all = np.add.reduce(counts, axis=1, dtype=np.int32) / 2 + PRIOR
        p = np.full(len(bins), UNSEEN)
        for mine, total in zip(of_bin, of_all, strict=True):
            p = (mine + PRIOR * p) / total
        found: Numbers = -np.log10(p)
        return found

    def _rarities(self, depths: Numbers, cells: Places, told: Flags) -> Numbers:
        """-log10 P(statistic >= now), by statistic and row; 0 for rows that are not told."""
        if np.logical_and.reduce(told):
            return _rarities(self.histories.sketch, depths, cells)
        found = np.zeros_like(depths)
        rows = np.nonzero(told)[0]
        found[:, rows] = _rarities(self.histories.sketch[:, :, rows], depths[:, rows], cells[:, rows])
        return found

    # -- learning

    def learn(self, values: Numbers, hour: int, shown: Shown | None = None) -> None:
        """Takes in one value of each row; NaN teaches nothing. `shown`: what `read` says of these or of more."""
        h = self.histories
        told = np.isfinite(values)
        young = told & (h.seen < FIRST)
        old = told & ~young
        shown = shown or self.read(values, hour)
        if np.logical_or.reduce(old):
            self._learn_old(values, hour, old, shown)
        some_young = bool(np.logical_or.reduce(young))
        if some_young:
            rows = np.nonzero(young)[0]
            h.first[h.seen[rows], rows] = values[rows]
        self._learn_usual(hour, told, shown)
        h.seen += told
        if some_young:
            begun = np.nonzero(young & (h.seen == FIRST))[0]
            if len(begun):
                self._begin(begun)

    def _learn_old(self, values: Numbers, hour: int, old: Flags, shown: Shown) -> None:
        h = self.histories
        rows = np.nonzero(old)[0]
        self._count(shown.bins[rows], _times(hour), rows)
        self._sketch(shown.cells[:, rows], rows)
        new = old & (shown.total > 0)
        _put(h.surprise[0], shown.surprises[2], old)
        _put(h.surprise[1], shown.total, new)
        h.surprise[2] += old
        h.surprise[2, new] = 0.0
        _put(h.range[2], np.minimum(h.range[2], values), old)
        _put(h.range[3], np.maximum(h.range[3], values), old)

    def _learn_usual(self, hour: int, told: Flags, shown: Shown) -> None:
        h = self.histories
        away = shown.logs - shown.usual
        most = 3 * np.sqrt(np.maximum(h.spread, 1e-4))
        kept = np.where(h.seen < FIRST, away, np.minimum(np.maximum(away, -most), most))
        share = 1 / np.minimum(h.seen + 1.0, USUAL_HALF_LIFE)
        _put(h.spread, h.spread + share * (kept**2 - h.spread), told & (h.seen > 0))
        usual, before = h.usual[hour], h.known[hour]
        known = np.minimum(before + 1.0, USUAL_HALF_LIFE)
        near = np.where(before > 0, usual + (kept + shown.usual - usual) / known, shown.logs)
        _put(usual, near, told)
        _put(before, known, told)

    def _begin(self, rows: NDArray[np.int64]) -> None:
        """There are enough values for a range: those that there were are counted, for all times of day."""
        h = self.histories
        first = h.first[:, rows].astype(float)
        low, high = first.min(axis=0), first.max(axis=0)
        h.range[:, rows] = np.array([low, np.maximum((high - low) / INSIDE, 1e-6), low, high])
        for number, values in enumerate(first):
            of_all = np.zeros(self.size)
            of_all[rows] = values
            bins = self._bins(of_all)
            density = self._density(bins, 0)[rows]
            h.surprise[0, rows] += _GAIN * (density - h.surprise[0, rows])
            if number >= FIRST // 3:
                surprises = np.array([density, np.zeros(len(rows)), h.surprise[0, rows].astype(float)])
                self._sketch(_cells(np.log(np.maximum(surprises, 1e-12)) - _FLOORS), rows)
            self._count(bins[rows], [0], rows)

    def _count(self, bins: Places, times: list[int], rows: Places) -> None:
        counts = self.histories.counts
        if 3 * int(self.histories.seen.max()) >= _LARGE:  # at most so many are in one place
            _halve_full(counts, times, rows)
        when = np.array(times)[:, None]
        counts[when, bins, rows] += 2
        counts[when, np.maximum(bins - 1, 0), rows] += 1
        counts[when, np.minimum(bins + 1, BINS - 1), rows] += 1

    def _sketch(self, cells: Places, rows: Places) -> None:
        sketch = self.histories.sketch
        if int(self.histories.seen.max()) >= _LARGE:
            _halve_full(sketch, range(len(sketch)), rows)
        sketch[_STATISTICS, cells, rows] += 1


def _times(hour: int) -> list[int]:
    """From coarse to fine: all times, four hours of the day, the hour of the day."""
    return [0, 1 + hour // 4, 7 + hour]


def _cells(depths: Numbers) -> Places:
    """Of logarithms above the sketches' floors."""
    found: Places = np.minimum(np.maximum(1 + depths / _STEP, 0), CELLS - 1).astype(np.int64)
    return found


def _rarities(sketch: NDArray[np.uint16], depths: Numbers, cells: Places) -> Numbers:
    """-log10 P(statistic >= now), by statistic and row. `depths` are the logarithms above the sketch's floors."""
    above = sketch[:, ::-1].cumsum(axis=1, dtype=np.int32)  # of each cell and beyond, the last cell first
    all_told = above[:, -1]
    in_tail = above <= (TAIL * all_told).astype(np.int32)[:, None]
    many = np.add.reduce(in_tail, axis=1, dtype=np.int64)  # cells in the tail
    edge = np.minimum(CELLS - many, CELLS - 1)
    row = np.arange(cells.shape[1])
    total = all_told + 1.0
    body = np.log10(total / (above[_STATISTICS, CELLS - 1 - cells, row] + 1))
    of_edge = above[_STATISTICS, CELLS - 1 - edge, row].astype(float)
    # cells beyond the edge, summed over what lies in the tail
    further = np.add.reduce(above * in_tail, axis=1, dtype=np.int32) - of_edge * (many > 0)
    steep = (of_edge + SLOPE_WEIGHT) / ((further + 0.5 * of_edge) * _STEP + SLOPE_WEIGHT / SLOPE)
    far = depths - (edge - 1) * _STEP
    tail = np.log10(total / (of_edge + 1)) + steep * np.maximum(far, 0.0) / _TEN
    found: Numbers = np.where(cells < edge, body, tail)
    return found


def _put(column: NDArray[np.float32], values: NDArray[np.floating], where: Flags) -> None:
    np.copyto(column, values, where=where, casting="same_kind")


def _halve_full(counts: NDArray[np.uint16], which: Iterable[int], rows: Places) -> None:
    """Of `which` histograms those of the rows that no more fits in."""
    for one in which:
        full = rows[counts[one][:, rows].max(axis=0) >= _LARGE]
        counts[one][:, full] //= 2
