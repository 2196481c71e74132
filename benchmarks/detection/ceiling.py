"""What a detector could do that knows everything about the traffic but how busy day and hour are.

The oracle is told the true mean, busyness and all. This one is told the season, the laws of the noise and the ratio of
the surge, and follows the busyness as well as counts can show it: a Kalman filter of yesterday's, today's and the
hour's logarithm; one that sees no surge, and one more for each bucket in which a surge may have begun. Its statistic is
Shiryaev's and Roberts': the sum, over those buckets, of the likelihood ratios (Willsky & Jones 1976; Pollak &
Tartakovsky 2009). Who has to learn season and noise as well cannot be expected to do better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.generator import CORRELATION_MINUTES, DAWN_HOUR, DAY_SECONDS, NOISES, START, Traffic
from benchmarks.detection.peers import SILENT, Rule

Numbers = NDArray[np.float64]
LONGEST = 180  # buckets ago that a surge may have begun
_YESTERDAY, _TODAY, _HOUR = range(3)


class Ceiling(Rule):
    """Surges of `ratio` in `traffic`; the days before the last one that is learned are let pass unseen."""

    nominal = float("inf")

    def __init__(self, traffic: Traffic, ratio: float, name: str = "ceiling") -> None:
        super().__init__(len(traffic.rates), traffic.seconds)
        self.name = name
        self._traffic = traffic
        self._begins = START + (traffic.learn_days - 1) * DAY_SECONDS
        self._keep = float(np.exp(-traffic.seconds / 60 / CORRELATION_MINUTES))
        self._step = np.log(ratio)
        n = self.series
        day, hour, shape = np.array([NOISES[name] for name in traffic.noises]).T
        self.day, self.hour, self.chance = day**2, hour**2, 1 / shape
        self.usual = np.zeros((traffic.buckets, n))
        # of the logarithms, against their averages; the first hypothesis is that of no surge
        self.means = np.zeros((3, 1 + LONGEST, n))
        self.variance = np.zeros((3, 3, n))
        self.variance[_TODAY, _TODAY] = self.day
        self.variance[_HOUR, _HOUR] = self.hour
        self.ratios = np.full((LONGEST, n), -np.inf)  # logarithms of the likelihood ratios
        self.at = 0

    def step(self, start: int, seen: Numbers) -> Numbers:
        if start < self._begins:
            return self._nothing()
        day, second = divmod(start - START, DAY_SECONDS)
        if not second:
            self._midnight(day)
        self._foresee()
        oldest = self.at % LONGEST  # makes room for the surge that begins now
        self.means[:, 1 + oldest] = self.means[:, 0]
        self.ratios[oldest] = 0.0
        self._see(self.usual[second // self.seconds], (second + self.seconds / 2) / 3600, seen)
        self.at += 1
        highest = self.ratios.max(axis=0)
        return np.stack([highest + np.log(np.exp(self.ratios - highest).sum(axis=0)), np.full(self.series, SILENT)])

    def _midnight(self, day: int) -> None:
        usual = self._traffic.usual(day)
        self.usual = np.tile(usual, self.series // usual.shape[1])
        self.means[_YESTERDAY], self.means[_TODAY] = self.means[_TODAY], 0.0
        self.variance[_YESTERDAY] = self.variance[_TODAY]
        self.variance[:, _YESTERDAY] = self.variance[:, _TODAY]
        self.variance[_TODAY] = self.variance[:, _TODAY] = 0.0
        self.variance[_TODAY, _TODAY] = self.day

    def _foresee(self) -> None:
        """The hour's busyness forgets."""
        self.means[_HOUR] *= self._keep
        self.variance[_HOUR] *= self._keep
        self.variance[:, _HOUR] *= self._keep
        self.variance[_HOUR, _HOUR] += self.hour * (1 - self._keep**2)

    def _see(self, usual: Numbers, hour: float, seen: Numbers) -> None:
        dawn = min(hour / DAWN_HOUR, 1.0)
        part = np.array([1 - dawn, dawn, 1.0])
        along = np.einsum("i,ijn->jn", part, self.variance)
        unknown = np.einsum("i,in->n", part, along)
        busy = np.einsum("i,isn->sn", part, self.means)
        busy[1:] += self._step
        # the average of a busyness is 1 when nothing is known of it
        average = (self.hour + self.day * (dawn**2 + (1 - dawn) ** 2) - unknown) / 2
        mean = usual * np.exp(busy - average)
        # the counts' own law, widened by what is not known of the mean, and the likelihood ratios of two such
        wide = 1 / (self.chance + unknown * (1 + self.chance))
        self.ratios += seen * (busy[1:] - busy[0]) - (seen + wide) * np.log((wide + mean[1:]) / (wide + mean[0]))
        # the gain is that of no surge for all: where contacts are many it hardly depends on how many
        gain = along / (unknown + self.chance + 1 / mean[0])
        self.means += gain[:, None] * (seen / mean - 1)
        self.variance -= gain[:, None] * along
