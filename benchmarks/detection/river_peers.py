"""River's own detectors, one object a series, driven as their documentation says."""

# ruff: noqa: ARG002  # a rule need not look at the clock
from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from river import anomaly, compose, drift, preprocessing, time_series

Numbers = NDArray[np.float64]
DAY = 86_400


class One(Protocol):
    """A detector of one series: scores a count for more and for fewer than usual, then learns it."""

    def score(self, start: int, seen: float) -> tuple[float, float]: ...


class Trees:
    """Half-space trees over the count and the time of day; a score does not say which way it is unusual."""

    def __init__(self) -> None:
        self._model = compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=1, n_trees=10))

    def score(self, start: int, seen: float) -> tuple[float, float]:
        x = {"seen": seen, "time": start % DAY / DAY}
        score = self._model.score_one(x)
        self._model.learn_one(x)
        return score, score


class Gaussian:
    """How far in the tail of a normal distribution of the last day; the sign is that of the distance to its mean."""

    def __init__(self) -> None:
        self._model = anomaly.GaussianScorer(window_size=1440)

    def score(self, start: int, seen: float) -> tuple[float, float]:
        score = self._model.score_one(None, seen)
        up = seen >= self._model.gaussian.mu if self._model.gaussian.n_samples else True
        self._model.learn_one(None, seen)
        return (score, 0.0) if up else (0.0, score)


class Predictive:
    """The error of a Holt-Winters forecast with a day's season of hours, beside its usual size."""

    def __init__(self) -> None:
        forecast = time_series.HoltWinters(alpha=0.1, beta=0.001, gamma=0.1, seasonality=1440)
        self._model = anomaly.PredictiveAnomalyDetection(forecast, n_std=3.0, warmup_period=2880)
        self._steps = 0

    def score(self, start: int, seen: float) -> tuple[float, float]:
        self._steps += 1
        score, up = 0.0, True
        if self._steps > 2880:  # the forecast needs two seasons before its first word
            up = seen >= self._model.predictive_model.forecast(1)[0]
            score = self._model.score_one(None, seen)
        self._model.learn_one(None, seen)
        return (score, 0.0) if up else (0.0, score)


class Drift:
    """A drift detector says yes or no. Several, ever less sensitive, make a score: how many of them say yes.

    The first is the detector as it comes. Which way it went is told by the mean of ten counts against the hour's.
    """

    def __init__(self, ladder: list[Any]) -> None:
        self._ladder = ladder
        self._fast = self._slow = 0.0

    def score(self, start: int, seen: float) -> tuple[float, float]:
        self._fast += 0.2 * (seen - self._fast)
        self._slow += 0.02 * (seen - self._slow)
        said = 0.0
        for rung, detector in enumerate(self._ladder):
            detector.update(seen)
            if detector.drift_detected:
                said = rung + 1.0
        return (said, 0.0) if self._fast >= self._slow else (0.0, said)


def adwin() -> Drift:
    return Drift([drift.ADWIN(delta=delta, clock=1) for delta in (2e-3, 1e-6, 1e-12, 1e-30)])


def page_hinkley() -> Drift:
    return Drift([drift.PageHinkley(threshold=threshold) for threshold in (50.0, 200.0, 1000.0, 5000.0, 25_000.0)])


class ObjectPeer:
    """The same detector for every series."""

    def __init__(self, name: str, nominal: float, make: Callable[[], One], series: int) -> None:
        self.name = name
        self.nominal = nominal
        self._ones = [make() for _ in range(series)]

    def step(self, start: int, seen: Numbers) -> Numbers:
        return np.array([one.score(start, value) for one, value in zip(self._ones, seen.tolist(), strict=True)]).T

    def fork(self, copies: int) -> ObjectPeer:
        made = copy.copy(self)
        made._ones = [copy.deepcopy(one) for _ in range(copies) for one in self._ones]
        return made


# name, the threshold at which it alarms as it comes, and its maker
RIVER: tuple[tuple[str, float, Callable[[], One]], ...] = (
    ("river HalfSpaceTrees", 0.95, Trees),
    ("river GaussianScorer", 0.9973, Gaussian),
    ("river PredictiveAnomalyDetection", 1.0, Predictive),
    ("river ADWIN", 1.0, adwin),
    ("river PageHinkley", 1.0, page_hinkley),
)
