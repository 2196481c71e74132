"""How many customers will escalate after an outage, when, and how sure that is: gamma-Poisson with a delay law.

The total W of extra escalations is unknown: a gamma law around ESCALATE_SHARE of the contacts that an outage kept from
being answered as usual, as wide as its own mean. They come with a delay after the recovery whose law is log-normal
(median MEDIAN_HOURS, cut at the watch's end): what is seen of the extra ones sharpens W, and the rest of W is still to
come, negative-binomially in each stretch of hours (Gelman et al., Bayesian Data Analysis, 2.6: conjugate Poisson).
Share and delays are a prior written by people; the seen outweighs it within hours.
"""

from __future__ import annotations

import math

import msgspec
from scipy.special import betainc

from schemas.recovery import Between

ESCALATE_SHARE = 0.05
MEDIAN_HOURS = 6.0
SPREAD = 1.0  # of the logarithm
PRIOR_SHAPE = 1.5
PRIOR_LEAST = 1.0  # extra escalations expected at the least: never quite sure that nothing comes
TAIL = 0.05  # on either side: nine in ten outcomes lie in the band


class Wave(msgspec.Struct, frozen=True, kw_only=True):
    """The law of W: gamma with this shape and rate (per escalation)."""

    shape: float
    rate: float

    @property
    def total(self) -> Between:
        """All that came and will come."""
        return self.between(1.0)

    def between(self, share: float) -> Between:
        """How many of W fall where `share` of the delay law lies: negative binomial, not seen yet."""
        mean = self.shape / self.rate * share
        return Between(expected=_six(mean), low=self._quantile(share, TAIL), high=self._quantile(share, 1 - TAIL))

    def _quantile(self, share: float, level: float) -> float:
        """The smallest count with at least `level` of the probability at or below it."""
        if share <= 0:
            return 0.0
        success = self.rate / (self.rate + share)

        def below(count: int) -> float:
            return float(betainc(self.shape, count + 1, success))

        high = 1
        while below(high) < level:
            high *= 2
        low = -1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if below(middle) >= level else (middle, high)
        return float(high)


def learn(affected: float, extra_seen: float, hours: float, watch_hours: float) -> Wave:
    """The law of W for so many `affected` contacts after `extra_seen` more escalations than usual in the first
    `hours`."""
    mean = max(PRIOR_LEAST, ESCALATE_SHARE * affected)
    return Wave(shape=PRIOR_SHAPE + max(0.0, extra_seen), rate=PRIOR_SHAPE / mean + arrived(hours, watch_hours))


def arrived(hours: float, watch_hours: float) -> float:
    """The share of the wave that has come so long after the recovery."""
    if hours <= 0:
        return 0.0
    return min(1.0, _log_normal(hours) / _log_normal(watch_hours))


def _log_normal(hours: float) -> float:
    return 0.5 * (1.0 + math.erf(math.log(hours / MEDIAN_HOURS) / (SPREAD * math.sqrt(2.0))))


def _six(value: float) -> float:
    return float(f"{value:.6g}")
