"""What is possible at all: the CUSUM for counts with known law, known mean and known ratio, by its Markov chain.

No detector with the same mean time between false alarms has a smaller worst-case mean delay (Lorden 1971, Moustakides
1986). Delays are in buckets; 1.0 means caught in the first bucket. The counts are negative-binomial of shape k, the law
that the traffic really has: with k = 20 and 100 expected the variance is 600, not 100, and the Poisson figure is out of
anybody's reach. k infinite is Poisson. The logarithm of the likelihood ratio is a line in the count x for both,

    l(x) = s (x - kappa),   s = ln rho - ln((k + rho m) / (k + m)),   kappa = k ln((k + rho m) / (k + m)) / s

(Poisson: s = ln rho, kappa = m (rho - 1) / ln rho), so it walks on a lattice of contacts: W <- max(0, W + x -
kappa), kappa rounded to 1/b of a contact. The chain is that of Brook & Evans (1972). Between two lattice thresholds the
delay is interpolated in the logarithm of the run length, as a threshold that is drawn anew for each run would have it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
MONTH_SECONDS = 30 * 86_400
_STATES_WANTED = 200  # of the chain; finer lattices change the delays by less than 1 %
_LONGEST = 1e12  # run lengths beyond it are not told apart
_GRID = np.geomspace(0.1, 300.0, 16)  # means at which delays are solved exactly


def delay(mean: float, ratio: float, run_length: float, shape: float = math.inf) -> float:
    """Mean buckets from a change of `mean` to `ratio` times it until the alarm, started from no evidence.

    `run_length`: mean buckets between false alarms. `shape`: k of the counts.
    """
    if ratio == 0:
        return _silence_delay(mean, run_length, shape)
    walk = _Walk(mean, ratio, run_length, shape)
    high = walk.threshold(run_length)
    late, late_length = walk.length(high, mean * ratio), walk.length(high, mean)
    if high == 1:
        return late
    early, early_length = walk.length(high - 1, mean * ratio), walk.length(high - 1, mean)
    share = math.log(run_length / early_length) / math.log(late_length / early_length)
    return early + share * (late - early)


def delays(ratio: float, run_length: float, shape: float = math.inf) -> Callable[[Numbers], Numbers]:
    """The same for any mean, read between solved ones on logarithmic scales."""
    solved = np.log(_solved(ratio, run_length, shape))

    def read(mean: Numbers) -> Numbers:
        inside = np.clip(mean, _GRID[0], _GRID[-1])
        rare = inside / np.maximum(mean, 1e-9)  # below the grid what takes time is waiting for contacts
        found: Numbers = np.exp(np.interp(np.log(inside), np.log(_GRID), solved)) * np.maximum(rare, 1.0)
        return found

    return read


def path_delay(means: Numbers, ratio: float, run_length: float, shape: float = math.inf) -> Numbers:
    """The oracle's delay for a change at the first row of `means` (buckets x series), capped at their number.

    Where the mean moves, a bucket brings 1 / delay(its mean) of the evidence that is needed: exact for a constant
    mean, and close for one that moves slowly against the delay.
    """
    brought = 1 / delays(ratio, run_length, shape)(means)
    total = np.cumsum(brought, axis=0)
    full = total >= 1 - 1e-12
    first = np.argmax(full, axis=0)
    column = np.arange(means.shape[1])
    over = total[first, column] - 1
    found = first + 1 - over / brought[first, column]
    return np.where(full.any(axis=0), found, float(len(means)))


@cache
def _solved(ratio: float, run_length: float, shape: float) -> tuple[float, ...]:
    return tuple(delay(float(mean), ratio, run_length, shape) for mean in _GRID)


def _silence_delay(mean: float, run_length: float, shape: float) -> float:
    """r buckets without a contact in a row: their mean time is (e^(r a) - 1) / (1 - e^-a), where e^-a is the chance of
    none."""
    rare = mean if math.isinf(shape) else shape * math.log1p(mean / shape)
    return max(1.0, math.log1p(run_length * -math.expm1(-rare)) / rare)


class _Walk:
    """The CUSUM on its lattice; a change downwards is the same walk on -x."""

    def __init__(self, mean: float, ratio: float, run_length: float, shape: float) -> None:
        if math.isinf(shape):
            slope = math.log(ratio)
            kappa = mean * (ratio - 1) / slope
        else:
            wider = math.log((shape + ratio * mean) / (shape + mean))
            slope = math.log(ratio) - wider
            kappa = shape * wider / slope
        height = math.log(run_length) / abs(slope)  # contacts; more than the threshold
        fine = max(1, min(60, round(_STATES_WANTED / height)))
        self._fine = _denominator(kappa, abs(kappa - mean), fine)
        self._kappa = round(kappa * self._fine)
        self._sign = 1 if ratio > 1 else -1
        self._mean = mean
        self._shape = shape
        self._guess = max(1, round(0.6 * height * self._fine))

    def threshold(self, run_length: float) -> int:
        """The lowest one whose run length is at least this: the logarithm of it is nearly linear in the threshold."""
        wanted = math.log(run_length)
        low, high, low_length = 0, self._guess, 0.0
        while (high_length := self._log_null(high)) < wanted:
            low, low_length, high = high, high_length, high + max(1, high // 4)
        while high - low > 1:
            share = (wanted - low_length) / (high_length - low_length)
            middle = min(max(low + math.ceil(share * (high - low)), low + 1), high - 1)
            length = self._log_null(middle)
            if length < wanted:
                low, low_length = middle, length
            else:
                high, high_length = middle, length
        return high

    def _log_null(self, threshold: int) -> float:
        """Logarithm of the run length when nothing changed; beyond 1e12 the chain is too near singular to tell."""
        length = self.length(threshold, self._mean)
        return math.log(length) if 0 < length < _LONGEST else math.log(_LONGEST)

    def length(self, threshold: int, mean: float) -> float:
        """Mean buckets until W reaches `threshold` (lattice steps) when counts have this mean."""
        chances = _chances(mean, self._shape)
        steps = self._sign * (np.arange(len(chances)) * self._fine - self._kappa)
        # chance of each step between two states; what leads to 0 or below is what is left of the row's lower tail
        step = np.zeros(2 * threshold + 1)
        near = np.abs(steps) < threshold
        step[steps[near] + threshold] = chances[near]
        states = np.arange(threshold)
        chain = step[states[None, :] - states[:, None] + threshold]
        order = np.argsort(steps)
        to_zero = np.searchsorted(steps[order], -states, side="right")
        chain[:, 0] = np.concatenate([[0.0], np.cumsum(chances[order])])[to_zero]
        return float(np.linalg.solve(np.eye(threshold) - chain, np.ones(threshold))[0])


def _denominator(kappa: float, drift: float, wanted: int) -> int:
    """b near `wanted` whose multiples of 1/b come close to kappa; finer until the error is small against the drift."""
    while True:
        found = min(range(wanted, 2 * wanted), key=lambda b: abs(round(kappa * b) / b - kappa))
        if abs(round(kappa * found) / found - kappa) < 0.01 * drift:
            return found
        wanted *= 2


def _chances(mean: float, shape: float) -> Numbers:
    """Of 0, 1, 2 ... contacts, until what is left does not matter."""
    spread = math.sqrt(mean + (0.0 if math.isinf(shape) else mean * mean / shape))
    counts = np.arange(int(mean + 14 * spread + 25) + 1)
    if math.isinf(shape):
        logs = counts * math.log(mean) - mean - np.concatenate([[0.0], np.cumsum(np.log(counts[1:]))])
    else:
        more = np.log(shape + counts[:-1]) - np.log(counts[1:])
        logs = counts * math.log(mean / (shape + mean)) - shape * math.log1p(mean / shape)
        logs = logs + np.concatenate([[0.0], np.cumsum(more)])
    chances: Numbers = np.exp(logs)
    return chances
