"""River's GaussianScorer: how far in the tail of one normal distribution. Its own score is 1.0 from eight deviations
on; here the tail's logarithm is taken, which has no end."""

from __future__ import annotations

import math

from river import anomaly

from detectors.contract import Features
from detectors.peer import Peer, PeerReading, PeerState

_FAR = 8.0
_RARITY = 2.57  # -log10 of 0.0027: three standard deviations


class Gaussian(Peer):
    """For numbers without season or trend."""

    said = "rarity under a normal distribution, in powers of ten,"
    line = _RARITY

    def __init__(self, window: int = 1440, grace: int = 100) -> None:
        self.window, self.grace = window, grace
        super().__init__(PeerState(anomaly.GaussianScorer(window_size=window, grace_period=grace)))

    def look(self, x: Features, value: float) -> PeerReading:  # noqa: ARG002  # it knows no time
        gaussian = self.state.model.gaussian
        if gaussian.n_samples < self.grace or not gaussian.sigma > 0:
            return PeerReading(0.0, value)
        return PeerReading(two_sided(abs(value - gaussian.mu) / gaussian.sigma), value)

    def take(self, reading: PeerReading) -> None:
        self.state.model.learn_one(None, reading.value)


def two_sided(z: float) -> float:
    """-log10 P(|Z| >= z) of a standard normal; far out by the first term of its expansion."""
    if z < _FAR:
        return -math.log10(math.erfc(z / math.sqrt(2)))
    return (z * z / 2 + math.log(z) + math.log(math.pi / 2) / 2) / math.log(10)


def build(time_zone: str = "UTC") -> Gaussian:
    """With the defaults; it knows no season."""
    del time_zone
    return Gaussian()
