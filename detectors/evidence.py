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

import math
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
_MANY = np.array([[UPS], [DOWNS]])
_TINY = 1e-300


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
        # as wide as all series: numpy is slower by half where it has one number for many
        self._ratio, self._log_ratio = _RATIO[:, :0], _LOG_RATIO[:, :0]
        self._nothing = np.zeros(self._ratio.shape, np.float32)
        self.limit(np.zeros((2, 0)))
        self.band(np.zeros(0), np.zeros(0), np.ones(0))

    def band(self, up: Numbers, down: Numbers, shape: Numbers) -> None:
        """The edges of what is usual, by the half-widths of the band, and the shape k of the counts."""
        self.shape = shape
        self._edges = np.array([1 + up, 1 / (1 + down)])
        if len(shape) != self._log_ratio.shape[1]:
            self._ratio, self._log_ratio = (np.repeat(one, len(shape), axis=1) for one in (_RATIO, _LOG_RATIO))
            self._nothing = np.zeros(self._log_ratio.shape, np.float32)
        self._far_edges = self._edges[_DIRECTION]
        self._far_edges *= self._ratio

    def limit(self, threshold: Numbers) -> None:
        """`threshold` h by direction and series. Evidence is kept at 4h: what lies beyond decides nothing."""
        self.threshold = threshold
        self._cap = np.exp(np.minimum(4 * threshold, self._params.evidence_max))[_DIRECTION]
        self._cap_min = float(self._cap.min(initial=np.inf))

    def gains(self, seen: Numbers, mean: Numbers) -> Numbers:
        """l_j by ratio and series. `mean` is one number a series, or two: for the surge and the drop side."""
        near = mean * self._edges
        near += self.shape
        np.log(near, out=near)
        far = (mean if mean.ndim == 1 else mean[_DIRECTION]) * self._far_edges
        far += self.shape
        np.log(far, out=far)
        far[:UPS] -= near[SURGE]
        far[UPS:] -= near[DROP]
        far *= seen + self.shape
        gains: Numbers = seen * self._log_ratio
        gains -= far
        most = self._params.gain_max
        if np.maximum.reduce(gains, axis=None, initial=0.0) > most:
            np.minimum(gains, most, out=gains)
        return gains

    def with_gains(self, gains: Numbers) -> Numbers:
        """R_j as it would be with these gains."""
        runs: Numbers = np.exp(gains)
        before = self.runs.astype(float)
        before += 1.0
        runs *= before
        if np.maximum.reduce(runs, axis=None, initial=0.0) > self._cap_min:
            np.minimum(runs, self._cap, out=runs)
        return runs

    def statistic(self, runs: Numbers) -> Numbers:
        """S by direction and series, rounded to 1e-6 so that a tie at the threshold is the same everywhere."""
        statistic: Numbers = np.array([np.add.reduce(runs[:UPS]), np.add.reduce(runs[UPS:])])
        statistic /= _MANY
        np.maximum(statistic, _TINY, out=statistic)
        np.log(statistic, out=statistic)
        return np.round(statistic, 6, out=statistic)

    def update(
        self, seen: Numbers, mean: Numbers, start: int, known: Flags | None, steps: Numbers | None = None
    ) -> Numbers:
        """Takes in a closed pane that starts at `start`; returns S. Series not `known` keep what they have. `steps`
        widens the band of this pane alone: factors of the mean by direction and series."""
        edge = mean if steps is None else mean * steps
        if known is not None:
            seen, mean, edge = seen * known, mean * known, edge * known  # nothing of nothing: all gains are 0
        gains = self.gains(seen, edge)
        runs = self.with_gains(gains)
        if known is not None:
            runs = np.where(known, runs, self.runs)
        self.runs[...] = runs
        # in place and by products: memory and branches are what is dear here
        walks, since, sums = self.walks, self.since, self.sums
        since += np.multiply(walks <= 0, np.uint32(start))  # a run of nothing has no start yet
        gains += walks
        walks[...] = gains
        np.maximum(walks, self._nothing, out=walks)
        alive = walks > 0
        since *= alive
        sums[0] += seen.astype(np.float32)
        sums[1] = np.add(mean, sums[1], out=gains)
        sums *= alive.astype(np.float32)
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

    def become(self, series: int, since: int, seen: float, expected: float, statistic: float) -> None:
        """Of one series: a surge that is S = `statistic` sure and began at `since`, where so much was seen and
        expected. It is put down to the ratio that comes nearest."""
        beyond = seen / expected / float(self._edges[SURGE, series])
        row = min(range(UPS), key=lambda j: abs(math.log(UP[j] / beyond)))
        self.clear(series, SURGE)
        self.runs[row, series] = math.exp(min(statistic, self._params.evidence_max)) * UPS
        self.walks[row, series] = statistic
        self.sums[:, row, series] = seen, expected
        self.since[row, series] = since

    def clear(self, series: int, direction: int | None = None) -> None:
        """Sets the evidence of one series to nothing."""
        rows = slice(None) if direction is None else slice(0, UPS) if direction == SURGE else slice(UPS, None)
        for name in self.columns:
            getattr(self, name)[..., rows, series] = 0
