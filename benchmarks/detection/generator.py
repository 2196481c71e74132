"""Synthetic contact traffic: season, growth, busy days, busy hours, over-dispersed counts, incidents nobody labelled.

Days come one after another as matrices (buckets x series), so that weeks of thousands of series fit in memory. The
same seed gives the same traffic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
START = 1_767_571_200  # Monday, 5 January 2026, 00:00 UTC
DAY_SECONDS = 86_400
CORRELATION_MINUTES = 60.0
INCIDENTS_A_DAY = 1 / 7
DAWN_HOUR = 6.0
BUSINESS_HOURS = (9.0, 17.0)


class Noise(NamedTuple):
    """Relative standard deviations of a day's and of an hour's busyness; negative-binomial shape of the counts."""

    day: float
    hour: float
    shape: float


NOISES = {
    "clean": Noise(0.0, 0.0, np.inf),
    "mild": Noise(0.08, 0.05, 50.0),
    "real": Noise(0.12, 0.08, 20.0),
    "hard": Noise(0.20, 0.12, 8.0),
}
RATES = (0.2, 1.0, 5.0, 20.0, 100.0)  # contacts a minute in business hours


class Day(NamedTuple):
    """One day: the true means and what was counted, by bucket and series."""

    number: int
    means: Numbers
    counts: Numbers


class Traffic:
    """Series with business-hours means `rates` (contacts a minute) and the kinds of noise named in `noises`.

    `learn_days`: days at the start in which unlabelled incidents happen; the days after them are null, so that every
    alarm there is false.
    """

    def __init__(self, rates: Numbers, noises: list[str], seed: int, *, seconds: int = 60, learn_days: int) -> None:
        self.rates = np.asarray(rates, float)
        self.noises = noises
        self.seconds = seconds
        self.buckets = DAY_SECONDS // seconds
        self.learn_days = learn_days
        self._seed = seed
        kinds = np.array([NOISES[name] for name in noises])
        self._day_sd, self._hour_sd, self.shapes = kinds.T
        rng = np.random.default_rng([seed, 0])
        self._profile = self._usual_day(rng)
        self._weekend = np.log(rng.uniform(0.15, 0.7, len(self.rates)))
        self._hours = ((np.arange(self.buckets) + 0.5) * seconds / 3600)[:, None]
        self._growth = rng.uniform(-0.01, 0.03, len(self.rates))

    def days(self, number: int) -> Iterator[Day]:
        """The first `number` days in order."""
        state = np.random.default_rng([self._seed, 1]).standard_normal(len(self.rates))
        today = self._of_day(-1, np.random.default_rng([self._seed, 3]))
        for day in range(number):
            rng = np.random.default_rng([self._seed, 2, day])
            walk = self._busyness(rng, state)
            state = walk[-1]
            before, today = today, self._of_day(day, rng)
            dawn = np.minimum(self._hours / DAWN_HOUR, 1.0)
            factor = np.exp(before * (1 - dawn) + today * dawn)
            hour = np.exp(self._hour_sd * walk - self._hour_sd**2 / 2)
            growth = (1 + self._growth) ** (day / 7)
            means = self.rates * self.seconds / 60 * self._profile * growth * factor * hour
            if day < self.learn_days:
                means = means * self._incidents(rng)
            yield Day(day, means, self.draw(means, rng))

    def usual(self, day: int) -> Numbers:
        """The means of a day and hour that are as busy as on average."""
        dawn = np.minimum(self._hours / DAWN_HOUR, 1.0)
        weekend = self._weekend * (((day - 1) % 7 >= 5) * (1 - dawn) + (day % 7 >= 5) * dawn)
        growth = (1 + self._growth) ** (day / 7)
        usual: Numbers = self.rates * self.seconds / 60 * self._profile * growth * np.exp(weekend)
        return usual

    def draw(self, means: Numbers, rng: np.random.Generator) -> Numbers:
        """Counts of these means (the last axis is the series), negative-binomial with each series' shape."""
        finite = np.isfinite(self.shapes)
        shape = np.where(finite, self.shapes, 1.0)
        mixed = np.where(finite, rng.gamma(shape, 1 / shape, means.shape), 1.0)
        counts: Numbers = rng.poisson(means * mixed).astype(float)
        return counts

    def _of_day(self, day: int, rng: np.random.Generator) -> Numbers:
        """Logarithm of how busy a day is. It is reached at dawn: nothing jumps at midnight."""
        busy: Numbers = self._day_sd * rng.standard_normal(len(self.rates)) - self._day_sd**2 / 2
        return busy + self._weekend if day % 7 >= 5 else busy

    def _usual_day(self, rng: np.random.Generator) -> Numbers:
        """Two humps over a night floor; 1 on average over business hours."""
        n = len(self.rates)
        hour = ((np.arange(self.buckets) + 0.5) * self.seconds / 3600)[:, None]
        night = rng.uniform(0.05, 0.20, n)
        first = _hump(hour, rng.uniform(9.5, 11.0, n), rng.uniform(1.3, 2.0, n))
        second = _hump(hour, rng.uniform(14.5, 16.5, n), rng.uniform(1.6, 2.8, n))
        profile = night + (1 - night) * (first + rng.uniform(0.6, 1.0, n) * second)
        business = (hour[:, 0] >= BUSINESS_HOURS[0]) & (hour[:, 0] < BUSINESS_HOURS[1])
        usual: Numbers = profile / profile[business].mean(axis=0)
        return usual

    def _busyness(self, rng: np.random.Generator, state: Numbers) -> Numbers:
        """An AR(1) walk of standard deviation 1 that forgets within an hour."""
        keep = float(np.exp(-self.seconds / 60 / CORRELATION_MINUTES))
        steps: Numbers = rng.standard_normal((self.buckets, len(state))) * np.sqrt(1 - keep * keep)
        for step in steps:  # each row becomes the state after it
            state = step[...] = keep * state + step
        return steps

    def _incidents(self, rng: np.random.Generator) -> Numbers:
        """Factors of what went wrong that day: about once a week and series 2-5 times the contacts for 20-120 min."""
        n = len(self.rates)
        factors = np.ones((self.buckets, n))
        begins = rng.uniform(6.0, 21.0, n) * 3600 / self.seconds
        lasts = rng.uniform(20.0, 120.0, n) * 60 / self.seconds
        ratios = rng.uniform(2.0, 5.0, n)
        for i in np.nonzero(rng.random(n) < INCIDENTS_A_DAY)[0]:
            factors[int(begins[i]) : int(begins[i] + lasts[i]), i] = ratios[i]
        return factors


def _hump(hour: Numbers, at: Numbers, width: Numbers) -> Numbers:
    """A bell around `at` that goes on past midnight."""
    away = np.abs(hour - at)
    bell: Numbers = np.exp(-0.5 * (np.minimum(away, 24 - away) / width) ** 2)
    return bell
