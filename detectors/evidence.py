"""Mixture Shiryaev-Roberts e-detector for many series at once: evidence, onset, ratio.

    l_j = x ln(rho_j) - (x + k) ln((k + rho_j m0) / (k + m0))      gain of ratio j, negative-binomial shape k
    R_j <- (1 + R_j) exp(l_j)        S = ln(mean_j R_j)            alarm when S >= h
    W_j <- max(0, W_j + l_j)         with observed, expected and start, reset at 0

`m0` is the edge of the usual band. E[exp(l_j)] <= 1 for every count law that is no wider than NB(m, k) with m below the
edge (above it, for drops), so the mean time to a false alarm is at least exp(h), without simulation or tuning.
Inside an open pane l_j(x so far, m0 * share) is the likelihood ratio of the two Polya processes given all that was seen
of the pane, a martingale in the share too: scoring it at any time keeps the promise.

References: Shin, Ramdas, Rinaldo 2024 (e-detectors); Pollak & Tartakovsky 2009 (Shiryaev-Roberts); Hohle & Paul 2008
(count data).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Column, Columns, Flags, Numbers
from detectors.parameters import DOWN, RATIOS, UP, CountParams

UPS, DOWNS = len(UP), len(DOWN)
SURGE, DROP = 0, 1  # rows of what is kept by direction
SILENCE = UPS  # the row of rho = 0
_DIRECTION = np.array([SURGE] * UPS + [DROP] * DOWNS)
_RATIO = np.array(RATIOS)[:, None]
# ln 0 as a number: the first contact takes all evidence of silence, and 0 * ln 0 is 0
_LOG_RATIO = np.log(np.where(_RATIO > 0, _RATIO, 1.0)) - 1e9 * (_RATIO == 0)
_TINY = 1e-300
_ALL = slice(None)
_PART = 4096  # series at a time: what they need of memory stays near the processor


class Evidence(Columns):
    """What speaks for each ratio, by series; `since` is the start (Unix seconds) of the run that `walks` sums up."""

    columns: ClassVar[dict[str, Column]] = {
        "runs": ((UPS + DOWNS,), np.float32),
        "walks": ((UPS + DOWNS,), np.float32),
        "sums": ((2, UPS + DOWNS), np.float32),  # what was seen and what was expected in the run
        "since": ((UPS + DOWNS,), np.uint32),
    }
    runs: NDArray[np.float32]
    walks: NDArray[np.float32]
    sums: NDArray[np.float32]
    since: NDArray[np.uint32]

    def __init__(self, params: CountParams) -> None:
        super().__init__()
        self._params = params
        self.limit(np.zeros((2, 0)))
        self.band(np.zeros(0), np.zeros(0), np.ones(0))

    def band(self, up: Numbers, down: Numbers, shape: Numbers) -> None:
        """The edges of what is usual, by the half-widths of the band, and the shape k of the counts."""
        self.shape = shape
        self._edges = np.array([1 + up, 1 / (1 + down)])
        self._far_edges = self._edges[_DIRECTION] * _RATIO

    def limit(self, threshold: Numbers) -> None:
        """`threshold` h by direction and series. Evidence is kept at 4h: what lies beyond decides nothing."""
        self.threshold = threshold
        self._cap = np.exp(np.minimum(4 * threshold, self._params.evidence_max))[_DIRECTION]

    def gains(self, seen: Numbers, mean: Numbers, part: slice = _ALL) -> Numbers:
        """l_j by ratio and series of `part`. `mean` is one number a series, or two: for the surge and the drop side."""
        shape = self.shape[part]
        near = np.log(shape + mean * self._edges[:, part])
        far = (mean if mean.ndim == 1 else mean[_DIRECTION]) * self._far_edges[:, part]
        far += shape
        np.log(far, out=far)
        far[:UPS] -= near[SURGE]
        far[UPS:] -= near[DROP]
        far *= seen + shape
        gains: Numbers = seen * _LOG_RATIO
        gains -= far
        np.minimum(gains, self._params.gain_max, out=gains)
        return gains

    def with_gains(self, gains: Numbers, part: slice = _ALL) -> Numbers:
        """R_j as it would be with these gains."""
        runs: Numbers = np.exp(gains)
        runs *= np.add(self.runs[:, part], 1.0, dtype=float)
        np.minimum(runs, self._cap[:, part], out=runs)
        return runs

    def statistic(self, runs: Numbers) -> Numbers:
        """S by direction and series, rounded to 1e-6 so that a tie at the threshold is the same everywhere."""
        mean = np.array([np.add.reduce(runs[:UPS]) / UPS, np.add.reduce(runs[UPS:]) / DOWNS])
        statistic: Numbers = np.log(np.maximum(mean, _TINY)).round(6)
        return statistic

    def update(
        self, seen: Numbers, mean: Numbers, start: int, known: Flags | None, steps: Numbers | None = None
    ) -> Numbers:
        """Takes in a closed pane that starts at `start`; returns S. Series not `known` keep what they have. `steps`
        widens the band of this pane alone: factors of the mean by direction and series."""
        if len(seen) <= _PART:
            edge = mean if steps is None else mean * steps
            return self._update(_ALL, seen, mean, edge, start, known)
        statistic = np.empty((2, len(seen)))
        for low in range(0, len(seen), _PART):
            part = slice(low, low + _PART)
            edge = mean[part] if steps is None else mean[part] * steps[:, part]
            learns = None if known is None or known[part].all() else known[part]
            statistic[:, part] = self._update(part, seen[part], mean[part], edge, start, learns)
        return statistic

    def _update(
        self, part: slice, seen: Numbers, mean: Numbers, edge: Numbers, start: int, known: Flags | None
    ) -> Numbers:
        if known is not None:
            seen, mean, edge = seen * known, mean * known, edge * known  # nothing of nothing: all gains are 0
        gains = self.gains(seen, edge, part)
        runs = self.with_gains(gains, part)
        if known is not None:
            runs = np.where(known, runs, self.runs[:, part])
        before, since = self.walks[:, part], self.since[:, part]
        np.copyto(since, np.uint32(start), where=before <= 0)
        gains += before
        walks = np.maximum(gains, 0.0, out=gains)
        alive = walks > 0
        since *= alive
        self.runs[:, part] = runs
        self.walks[:, part] = walks
        sums = self.sums[:, :, part] + np.array([seen, mean])[:, None]
        self.sums[:, :, part] = np.multiply(sums, alive, out=sums)
        return self.statistic(runs)

    def excited(self) -> Flags:
        """Series with evidence, which the level should not follow."""
        params = self._params
        up = np.maximum.reduce(self.walks[:UPS]) > params.freeze_up
        down = np.maximum.reduce(self.walks[UPS:]) > params.freeze_down
        found: Flags = up | down
        return found

    def best(self, series: int, direction: int) -> int:
        """The ratio (row) that the run of this series speaks most for."""
        low, high = (0, UPS) if direction == SURGE else (UPS, UPS + DOWNS)
        return low + int(np.argmax(self.walks[low:high, series]))

    def clear(self, series: int, direction: int | None = None) -> None:
        """Sets the evidence of one series to nothing."""
        rows = slice(None) if direction is None else slice(0, UPS) if direction == SURGE else slice(UPS, None)
        for name in self.columns:
            getattr(self, name)[..., rows, series] = 0
