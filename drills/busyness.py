"""How a real centre's traffic varies around its season: busy days, busy hours, and counts wider than chance.

The figures are those of noise class *real*, against which detection is measured: days differ by 12 %, an hour by 8 %
(each its standard deviation; an hour's forgets within an hour), and counts are negative-binomial with shape 20.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.base import QueueRef

DAY_SD, HOUR_SD, SHAPE = 0.12, 0.08, 20.0
FORGETS_SECONDS = 3600.0


class Busyness:
    """The factors of one day, by queue and stretch of `seconds`."""

    def __init__(self, random: np.random.Generator, places: list[QueueRef], seconds: float, stretches: int) -> None:
        self._random = random
        self._seconds = seconds
        self._walks = {at: self._walk(stretches) for at in places}

    def factor(self, at: QueueRef, second: float) -> float:
        """How much busier than its season a queue is at that second; its last word holds on."""
        walk = self._walks[at]
        return float(walk[min(max(0, int(second // self._seconds)), len(walk) - 1)])

    def count(self, mean: float) -> int:
        """So many contacts come where `mean` are due."""
        return int(self._random.poisson(mean * self._random.gamma(SHAPE, 1 / SHAPE)))

    def _walk(self, stretches: int) -> NDArray[np.float64]:
        keeps = float(np.exp(-self._seconds / FORGETS_SECONDS))
        day = self._random.normal(-(DAY_SD**2) / 2, DAY_SD)
        value, found = self._random.standard_normal(), np.empty(stretches)
        for n, shock in enumerate(self._random.standard_normal(stretches)):
            found[n] = value
            value = keeps * value + float(np.sqrt(1 - keeps * keeps)) * shock
        return np.asarray(np.exp(day + HOUR_SD * found - HOUR_SD**2 / 2))
