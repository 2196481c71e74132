"""By when a backlog is back to usual, and how sure that is.

The backlog goes down by what is finished and up by what comes. Both are counted over half an hour or so, so both are
known to within the square root of their counts, and both will vary as much again: after t seconds the backlog's
variance is (arrivals + finished) x (t + t^2 / T), T being the seconds behind the rates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
import numpy as np

from schemas.recovery import Between

STEP_SECONDS = 900.0
CURVE_STEPS = 16
HORIZON_STEPS = 7 * 24 * 4
BAND = 1.6449  # standard deviations: nine in ten outcomes lie within
_WEEK = np.arange(1, HORIZON_STEPS + 1) * STEP_SECONDS


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A backlog, where it shall get to, and how it moves. Rates are contacts a second, known from `seen_seconds`."""

    backlog: float
    usual: float
    arrivals: float
    finished: float
    seen_seconds: float

    def after(self, seconds: float, deviations: float = 0.0) -> float:
        """The backlog then, so many standard deviations above what is expected; never below nothing."""
        middle = self.backlog + (self.arrivals - self.finished) * seconds
        seen = max(self.seen_seconds, 60.0)
        spread = math.sqrt((self.arrivals + self.finished) * (seconds + seconds**2 / seen))
        return max(0.0, middle + deviations * spread)

    def usual_after(self, deviations: float = 0.0) -> float | None:
        """Seconds until it is usual again on this course, None if that is not within a week."""
        if self.after(0.0) <= self.usual:
            return 0.0
        # a course may rise for hours and fall then: the first step at which it is usual, of a whole week at once
        middle = self.backlog + (self.arrivals - self.finished) * _WEEK
        spread = np.sqrt((self.arrivals + self.finished) * (_WEEK + _WEEK**2 / max(self.seen_seconds, 60.0)))
        usual = np.nonzero(np.maximum(middle + deviations * spread, 0.0) <= self.usual)[0]
        if not len(usual):
            return None
        step = int(usual[0]) + 1
        before = self.after((step - 1) * STEP_SECONDS, deviations)
        part = (before - self.usual) / (before - self.after(step * STEP_SECONDS, deviations))
        return (step - 1 + part) * STEP_SECONDS

    def eta(self, now: datetime, deviations: float = 0.0) -> datetime | None:
        """To the minute: it is not known better."""
        seconds = self.usual_after(deviations)
        if seconds is None:
            return None
        return (now + timedelta(seconds=math.ceil(seconds / 60) * 60)).replace(second=0, microsecond=0)

    def curve(self) -> Iterator[Between]:
        """At the end of each quarter of an hour, until it is usual again."""
        for step in range(1, CURVE_STEPS + 1):
            seconds = step * STEP_SECONDS
            expected = self.after(seconds)
            low, high = self.after(seconds, -BAND), self.after(seconds, BAND)
            yield Between(expected=round(expected, 1), low=round(low, 1), high=round(high, 1))
            if expected <= self.usual:
                return
