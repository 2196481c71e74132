"""Detectors of pysad, driven as river's are: one object a series.

Of its eighteen those that a score a minute and series can be had from in under 100 microseconds, and that know no
season: a robust deviation of a sliding window, and densities on random projections of the count and the time of day.
"""

# ruff: noqa: ARG002  # a rule need not look at the clock
from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pysad.models import LODA, MedianAbsoluteDeviation

from benchmarks.detection.river_peers import DAY, One


class Deviation:
    """How many scaled median absolute deviations a count is from the median of the last hours; three of them alarm."""

    def __init__(self) -> None:
        self._model = MedianAbsoluteDeviation(absolute=False)

    def score(self, start: int, seen: float) -> tuple[float, float]:
        score = float(self._model.fit_score_partial(np.array([seen])))
        return score, -score


class Densities:
    """LODA (Pevny 2016) has no threshold of its own, and a score does not say which way it is unusual."""

    def __init__(self) -> None:
        self._model = LODA(random_state=1)

    def score(self, start: int, seen: float) -> tuple[float, float]:
        score = float(self._model.fit_score_partial(np.array([seen, start % DAY / DAY])))
        return score, score


# name, the threshold at which it alarms as it comes, and its maker
PYSAD: tuple[tuple[str, float, Callable[[], One]], ...] = (
    ("pysad MedianAbsoluteDeviation", 3.0, Deviation),
    ("pysad LODA", float("inf"), Densities),
)
