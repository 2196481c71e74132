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
    the standard deviation of its logarithm, `away` how far the logarithm is from the usual one."""

    surprises: Numbers
    rarities: Numbers
    total: Numbers
    expected: Numbers
    spread: Numbers
    away: Numbers
    ready: Flags


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
        _, _, low, high = h.range.astype(float)
        density = self._density(self._bins(value), hour)
        beyond = np.maximum(np.maximum(value - high, low - value), 0.0)
        record = beyond / np.maximum(high - low, 1e-9 + 0.01 * np.abs(high))
        mean = h.surprise[0].astype(float)
        sustained = mean + _GAIN * (density - mean)
        surprises = np.array([density, record, sustained])
        rarities = np.zeros_like(surprises)
        rows = np.nonzero(told)[0]
        rarities[:, rows] = self._rarities(surprises[:, rows], rows)
        total = rarities.sum(axis=0)
        peak = h.surprise[1] * np.maximum(1 - h.surprise[2] / FADE, 0.0)
        usual = self._usual(hour)
        spread = np.sqrt((h.spread * np.minimum(h.seen, 200) + 20 * _SPREAD) / (np.minimum(h.seen, 200) + 20.0))
        return Shown(
            surprises,
            rarities,
            np.where(ready & (total > peak), total.round(6), 0.0),
            np.exp(usual) - h.offset,
            spread,
            np.where(ready, np.log(h.offset + value) - usual, 0.0),
            ready,
        )

    def _usual(self, hour: int) -> Numbers:
        h = self.histories
        known = h.known.astype(float)
        general = (known * h.usual).sum(axis=0) / np.maximum(known.sum(axis=0), 1e-9)
        found: Numbers = (known[hour] * h.usual[hour] + PRIOR * general) / (known[hour] + PRIOR)
        return found

    def _bins(self, values: Numbers) -> NDArray[np.int64]:
        origin, width, _, _ = self.histories.range.astype(float)
        place = (values - origin) / np.maximum(width, 1e-9)
        out = np.where(place < 0, -place, place - INSIDE)
        steps = np.minimum(np.log1p(np.maximum(out, 0.0) / 4), OUTSIDE - 1).astype(np.int64)
        inside = np.clip(place, 0, INSIDE - 1).astype(np.int64) + OUTSIDE
        found: NDArray[np.int64] = np.where(
            place < 0, OUTSIDE - 1 - steps, np.where(place >= INSIDE, OUTSIDE + INSIDE + steps, inside)
        )
        return found

    def _density(self, bins: NDArray[np.int64], hour: int) -> Numbers:
        """-log10 p(bin | time): each finer time is drawn to the coarser one."""
        p = np.full(len(bins), UNSEEN)
        column = np.arange(len(bins))
        for time in _times(hour):
            counts = self.histories.counts[time]
            p = (counts[bins, column] / 2 + PRIOR * p) / (counts.sum(axis=0) / 2 + PRIOR)
        found: Numbers = -np.log10(p)
        return found

    def _rarities(self, surprises: Numbers, rows: NDArray[np.int64]) -> Numbers:
        """-log10 P(statistic >= now), by statistic and some rows."""
        counts = self.histories.sketch[:, :, rows]
        above = counts[:, ::-1].cumsum(axis=1, dtype=np.int32)[:, ::-1]  # of each cell and beyond
        total = above[:, 0].astype(float)
        beyond_edge = above <= TAIL * total[:, None]
        edge = np.minimum(CELLS - beyond_edge.sum(axis=1), CELLS - 1)
        cells = _cells(surprises)
        which, row = np.ogrid[:3, : surprises.shape[1]]
        body = np.log10((total + 1) / (above[which, cells, row] + 1))
        in_tail = above[which, edge, row].astype(float)
        # cells beyond the edge, summed over what lies in the tail
        further = np.where(beyond_edge, above, 0).sum(axis=1) - in_tail * beyond_edge[which, edge, row]
        depth = (further + 0.5 * in_tail) * _STEP
        steep = (in_tail + SLOPE_WEIGHT) / (depth + SLOPE_WEIGHT / SLOPE)
        far = np.log(np.maximum(surprises, 1e-12)) - _FLOORS - (edge - 1) * _STEP
        tail = np.log10((total + 1) / (in_tail + 1)) + steep * np.maximum(far, 0.0) / _TEN
        found: Numbers = np.where(cells < edge, body, tail)
        return found

    # -- learning

    def learn(self, values: Numbers, hour: int, shown: Shown | None = None) -> None:
        """Takes in one value of each row; NaN teaches nothing. `shown`: what `read` says of these or of more."""
        h = self.histories
        told = np.isfinite(values)
        young = told & (h.seen < FIRST)
        old = told & ~young
        if old.any():
            self._learn_old(np.where(old, values, 0.0), hour, old, shown or self.read(values, hour))
        if young.any():
            rows = np.nonzero(young)[0]
            h.first[h.seen[rows], rows] = values[rows]
        self._learn_usual(np.where(told, values, 0.0), hour, told)
        h.seen += told
        begun = np.nonzero(young & (h.seen == FIRST))[0]
        if len(begun):
            self._begin(begun)

    def _learn_old(self, values: Numbers, hour: int, old: Flags, shown: Shown) -> None:
        h = self.histories
        self._count(self._bins(values), _times(hour), old)
        self._sketch(shown.surprises, old)
        h.surprise[0] = np.where(old, shown.surprises[2], h.surprise[0])
        new = old & (shown.total > 0)
        h.surprise[1] = np.where(new, shown.total, h.surprise[1])
        h.surprise[2] = np.where(new, 0.0, h.surprise[2] + old)
        h.range[2] = np.where(old, np.minimum(h.range[2], values), h.range[2])
        h.range[3] = np.where(old, np.maximum(h.range[3], values), h.range[3])

    def _learn_usual(self, values: Numbers, hour: int, told: Flags) -> None:
        h = self.histories
        logs = np.log(h.offset + np.maximum(values, 0.0))
        away = logs - self._usual(hour)
        spread = np.sqrt(np.maximum(h.spread, 1e-4))
        kept = np.where(h.seen < FIRST, away, np.clip(away, -3 * spread, 3 * spread))
        share = 1 / np.minimum(h.seen + 1.0, USUAL_HALF_LIFE)
        h.spread[...] = np.where(told & (h.seen > 0), h.spread + share * (kept**2 - h.spread), h.spread)
        known = np.minimum(h.known[hour] + 1.0, USUAL_HALF_LIFE)
        near = np.where(h.known[hour] > 0, h.usual[hour] + (kept + self._usual(hour) - h.usual[hour]) / known, logs)
        h.usual[hour] = np.where(told, near, h.usual[hour])
        h.known[hour] = np.where(told, known, h.known[hour])

    def _begin(self, rows: NDArray[np.int64]) -> None:
        """There are enough values for a range: those that there were are counted, for all times of day."""
        h = self.histories
        first = h.first[:, rows].astype(float)
        low, high = first.min(axis=0), first.max(axis=0)
        h.range[:, rows] = np.array([low, np.maximum((high - low) / INSIDE, 1e-6), low, high])
        mine = np.zeros(self.size, bool)
        mine[rows] = True
        for number, values in enumerate(first):
            of_all = np.zeros(self.size)
            of_all[rows] = values
            bins = self._bins(of_all)
            density = self._density(bins, 0)
            h.surprise[0] = np.where(mine, h.surprise[0] + _GAIN * (density - h.surprise[0]), h.surprise[0])
            if number >= FIRST // 3:
                self._sketch(np.array([density, np.zeros(self.size), h.surprise[0].astype(float)]), mine)
            self._count(bins, (0,), mine)

    def _count(self, bins: NDArray[np.int64], times: tuple[int, ...], mine: Flags) -> None:
        rows = np.nonzero(mine)[0]
        at = bins[rows]
        for time in times:
            counts = self.histories.counts[time]
            full = counts[:, rows].max(axis=0) >= _LARGE
            if full.any():
                counts[:, rows[full]] //= 2
            counts[at, rows] += 2
            counts[np.maximum(at - 1, 0), rows] += 1
            counts[np.minimum(at + 1, BINS - 1), rows] += 1

    def _sketch(self, surprises: Numbers, mine: Flags) -> None:
        rows = np.nonzero(mine)[0]
        sketch = self.histories.sketch
        for number, cells in enumerate(_cells(surprises[:, rows])):
            full = sketch[number][:, rows].max(axis=0) >= _LARGE
            if full.any():
                sketch[number][:, rows[full]] //= 2
            sketch[number, cells, rows] += 1


def _times(hour: int) -> tuple[int, int, int]:
    """From coarse to fine: all times, four hours of the day, the hour of the day."""
    return 0, 1 + hour // 4, 7 + hour


def _cells(surprises: Numbers) -> NDArray[np.int64]:
    place = 1 + (np.log(np.maximum(surprises, 1e-12)) - _FLOORS) / _STEP
    found: NDArray[np.int64] = np.clip(place, 0, CELLS - 1).astype(np.int64)
    return found
