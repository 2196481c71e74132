"""Seeded traffic of a centre: weekly shape, busy days, slow noise. Contacts a minute, in blocks of five minutes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from drills.retailer import QueuePlan

BLOCK_SECONDS = 300
# Share of the peak rate at each full hour of an ordinary weekday: two humps and a quiet night.
_HOURS = (8, 6, 5, 5, 6, 10, 20, 38, 62, 84, 97, 100, 96, 92, 93, 95, 92, 84, 74, 66, 56, 42, 26, 14)
_WEEKDAY = (1.06, 1.0, 0.98, 0.97, 1.0, 0.78, 0.66)  # Monday first
_DAY_SD = 0.05
_SLOW_SD = 0.03
_SLOW_MINUTES = 60.0
_BLOCK_SHAPE = 250.0  # a gamma factor a block: counts are wider than Poisson

Floats = NDArray[np.float64]


def shape(moment: datetime, zone: ZoneInfo) -> float:
    """Share of the busiest hour's rate that is usual at `moment`, by the tenant's wall clock."""
    local = moment.astimezone(zone)
    hour = local.hour + local.minute / 60 + local.second / 3600
    return float(np.interp(hour, range(25), (*_HOURS, _HOURS[0]))) / 100 * _WEEKDAY[local.weekday()]


class Traffic:
    """Arrival rates of every queue from `start` to `end`, fixed by `seed`.

    A block's rate = plan x shape x the day's factor x a slow factor (AR(1), an hour) x the block's own factor. All
    queues share the day's factor, as customers do.
    """

    def __init__(self, plans: Sequence[QueuePlan], zone: str, seed: int, start: datetime, end: datetime) -> None:
        self.plans = tuple(plans)
        self.zone = ZoneInfo(zone)
        self.seed = seed
        self.start = start.astimezone(UTC)
        blocks = int((end - start).total_seconds() // BLOCK_SECONDS) + 1
        moments = [self.start + timedelta(seconds=BLOCK_SECONDS * (i + 0.5)) for i in range(blocks)]
        shared = np.array([shape(moment, self.zone) * self._day(moment) for moment in moments])
        self._rates = {plan.at: self._rate(plan, shared) for plan in plans}

    def per_minute(self, plan: QueuePlan, moment: datetime) -> float:
        """Contacts a minute that come to the queue at `moment`, scenario apart."""
        return float(self._rates[plan.at][self._block(moment)])

    def blocks(self, plan: QueuePlan, until: datetime) -> Floats:
        """The rate of every whole block from the start to `until`."""
        return self._rates[plan.at][: self._block(until)]

    def planned_per_minute(self, plan: QueuePlan, moment: datetime) -> float:
        """What the planners expected: no noise."""
        return plan.per_minute_peak * shape(moment, self.zone)

    def _block(self, moment: datetime) -> int:
        return int((moment - self.start).total_seconds() // BLOCK_SECONDS)

    def _day(self, moment: datetime) -> float:
        day: date = moment.astimezone(self.zone).date()
        return float(np.exp(np.random.default_rng([self.seed, day.toordinal()]).normal(0, _DAY_SD)))

    def _rate(self, plan: QueuePlan, shared: Floats) -> Floats:
        draw = np.random.default_rng([self.seed, zlib.crc32(str(plan.at).encode())])
        keeps = float(np.exp(-BLOCK_SECONDS / 60 / _SLOW_MINUTES))
        shocks = draw.normal(0, _SLOW_SD * np.sqrt(1 - keeps**2), len(shared))
        slow = np.empty(len(shared))
        value = draw.normal(0, _SLOW_SD)
        for i, shock in enumerate(shocks):
            value = keeps * value + shock
            slow[i] = value
        own = draw.gamma(_BLOCK_SHAPE, 1 / _BLOCK_SHAPE, len(shared))
        return np.asarray(plan.per_minute_peak * shared * np.exp(slow) * own)
