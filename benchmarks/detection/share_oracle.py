"""What is possible for a share: the exact CUSUM for binomial counts with both shares known, by its Markov chain.

A bucket brings y ~ Poisson(m p) contacts concerned and z ~ Poisson(m (1 - p)) others, and W <- max(0, W + a y - b z),
a = ln(p1 / p0), b = ln((1 - p0) / (1 - p1)). The chain (Brook & Evans 1972) is laid on a grid; each step is split
between its two neighbours on it, so that the mean step is kept.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
STATES = 250
_GRID = np.geomspace(0.5, 60.0, 8)  # contacts a bucket at which delays are solved
_REACH = 9.0  # standard deviations of the counts that are looked at


@cache
def delay(mean: float, usual: float, changed: float, run_length: float) -> float:
    """Mean buckets from a change of the share `usual` to `changed` until the alarm, with `mean` contacts a bucket and
    `run_length` buckets between false alarms."""
    low, high, wanted = 1.0, math.log(run_length) + 3, math.log(run_length)
    while high - low > 1e-3:
        middle = (low + high) / 2
        length = _length(mean, usual, usual, changed, middle)
        # too near singular to tell: far above what is wanted
        if length > 0 and math.log(length) < wanted:
            low = middle
        else:
            high = middle
    return _length(mean, changed, usual, changed, high)


def delays(means: Numbers, usual: float, changed: float, run_length: float) -> Numbers:
    """The same for many means, read between solved ones on logarithmic scales."""
    solved = [math.log(delay(float(mean), usual, changed, run_length)) for mean in _GRID]
    inside = np.clip(means, _GRID[0], _GRID[-1])
    found: Numbers = np.exp(np.interp(np.log(inside), np.log(_GRID), solved))
    return found


def _length(mean: float, share: float, usual: float, changed: float, threshold: float) -> float:
    """Mean buckets until W reaches the threshold from nothing, when the share is `share`."""
    a, b = math.log(changed / usual), math.log((1 - usual) / (1 - changed))
    y, of_y = _poisson(mean * share)
    z, of_z = _poisson(mean * (1 - share))
    steps = (a * y[:, None] - b * z[None, :]).ravel() * (STATES / threshold)
    chances = (of_y[:, None] * of_z[None, :]).ravel()
    floor = np.floor(steps).astype(int)
    above = steps - floor
    span = 2 * STATES
    law = np.zeros(2 * span + 1)
    for place, part in ((floor, 1 - above), (floor + 1, above)):
        np.add.at(law, np.clip(place, -span, span) + span, chances * part)
    states = np.arange(STATES)
    chain = law[states[None, :] - states[:, None] + span]
    # what leads to nothing or below it
    below = np.cumsum(law)
    chain[:, 0] = below[span - states]
    return float(np.linalg.solve(np.eye(STATES) - chain, np.ones(STATES))[0])


def _poisson(mean: float) -> tuple[Numbers, Numbers]:
    counts = np.arange(int(mean + _REACH * math.sqrt(mean) + 12) + 1)
    logs = counts * math.log(mean) - mean - np.concatenate([[0.0], np.cumsum(np.log(counts[1:]))])
    return counts.astype(float), np.exp(logs)
