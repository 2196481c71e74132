"""What is usual, for many series at once: season, level and dispersion of a channel's series.

Expected contacts of a pane = seconds * season(time of week) * level. All are rates, so panes of any length feed them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Columns, Flags, Numbers
from detectors.parameters import DAY_SECONDS, CountParams
from detectors.slots import DAY_SLOTS, SLOT_SECONDS, WEEK_SLOTS

_WEEK_SECONDS = 7 * DAY_SECONDS
_SATURDAY = 5
_NOTHING = 1e-12


class Season(Columns):
    """336 half hours of local time a week: discounted counts and exposures (seconds), learned at the end of each visit.

    A slot's rate is pooled with what is known beside it, each by its precision: the series' mean, its channel's shape,
    the time of day on all days, the time of day in its group of days (weekdays, Saturday, Sunday), the slot itself.
    """

    columns = {"counts": ((WEEK_SLOTS,), np.float32), "exposure": ((WEEK_SLOTS,), np.float32)}
    counts: NDArray[np.float32]
    exposure: NDArray[np.float32]

    def __init__(self, params: CountParams) -> None:
        super().__init__()
        self._params = params

    def learn(self, slot: int, seen: Numbers, expected: Numbers, exposure: Numbers, variance: Numbers) -> None:
        """The end of a visit: `seen` contacts in `exposure` seconds where `expected` were, with relative `variance`.

        What is far from expected counts little, so that an outage is never learned as usual.
        """
        params = self._params
        weight = np.minimum(exposure / SLOT_SECONDS, 1.0)
        if params.robust:
            z_square = (seen - expected) ** 2 / np.maximum(expected + expected**2 * variance, 0.25)
            trust = np.minimum(1.0, params.robust_z**2 / np.maximum(z_square, _NOTHING))
        else:
            trust = np.ones_like(weight)
        kept = 1 - (1 - params.visit_discount) * weight * trust
        self.counts[slot] = self.counts[slot] * kept + trust * seen
        self.exposure[slot] = self.exposure[slot] * kept + trust * exposure

    def totals(self) -> tuple[Numbers, Numbers, Numbers]:
        """By series: contacts and seconds learned, and contacts a second for each of its channel's (series 0)."""
        seen, exposure = self.counts.sum(axis=0, dtype=float), self.exposure.sum(axis=0, dtype=float)
        if not self._params.siblings or len(seen) < 2:
            return seen, exposure, np.zeros_like(seen)
        channel = self.counts[:, 0] / np.maximum(self.exposure[:, 0], np.float32(1.0))
        alike = channel.astype(float) @ self.exposure.astype(float)
        return seen, exposure, seen / np.maximum(alike, _NOTHING)

    def rates(self, slot: int, totals: tuple[Numbers, Numbers, Numbers]) -> tuple[Numbers, Numbers]:
        """Contacts a second in this slot, and the relative variance of that, by series."""
        params = self._params
        all_counts, all_exposure, share = totals
        rate = (all_counts + 0.5) / np.maximum(all_exposure, SLOT_SECONDS)
        precision = 1 / (params.flat_variance + 1 / (all_counts + 0.5))
        day, time_of_day = divmod(slot, DAY_SLOTS)
        same_time = slice(time_of_day, WEEK_SLOTS, DAY_SLOTS)
        counts, exposure = self.counts[same_time].astype(float), self.exposure[same_time].astype(float)
        group = slice(0, _SATURDAY) if day < _SATURDAY else slice(day, day + 1)
        in_group = counts[group].sum(axis=0), exposure[group].sum(axis=0)
        others = counts.sum(axis=0) - in_group[0], exposure.sum(axis=0) - in_group[1]
        beside = in_group[0] - counts[day], in_group[1] - exposure[day]
        rate, precision = self._pool(rate, precision, *others, params.any_day_variance)
        rate, precision = self._pool(rate, precision, *beside, params.day_group_variance)
        rate, precision = self._pool(rate, precision, counts[day], exposure[day], 0.0)
        if params.siblings and len(rate) > 1:
            more = 1 / (params.sibling_variance + 1 / precision[0] + 1 / (all_counts[1:] + 0.5))
            rate[1:] = (rate[1:] * precision[1:] + rate[0] * share[1:] * more) / (precision[1:] + more)
            precision[1:] += more
        return rate, 1 / precision

    def _pool(
        self, rate: Numbers, precision: Numbers, counts: Numbers, exposure: Numbers, variance: float
    ) -> tuple[Numbers, Numbers]:
        """Joins what is known so far with one more source, whose own `variance` is that of its likeness."""
        visits = np.maximum(exposure / SLOT_SECONDS, _NOTHING)
        of_counting = 1 / np.maximum(exposure * rate, _NOTHING)
        more = 1 / (variance + self._params.visit_variance / visits + of_counting)
        own = counts / np.maximum(exposure, _NOTHING)
        return (rate * precision + own * more) / (precision + more), precision + more


class Level(Columns):
    """How busy it is against the season: (A + seen) / (A + expected) over blocks that fade with a half-life and enter
    after a gap, so that the first minutes of a surge do not hide it. Frozen series neither learn nor fade."""

    columns = {
        "sums": ((2,), np.float32),
        "current": ((2,), np.float32),
        "pending": ((2, 2), np.float32),
    }
    sums: NDArray[np.float32]
    current: NDArray[np.float32]
    pending: NDArray[np.float32]

    def __init__(self, params: CountParams) -> None:
        super().__init__()
        self._params = params
        self._fade = 0.5 ** (params.level_block_seconds / params.level_half_life_seconds)
        self.block = 0

    def roll(self, block: int, frozen: Flags) -> bool:
        """Moves to the block of time `block`; says whether the level may have changed."""
        passed = block - self.block
        if passed <= 0:
            return False
        self.block = block
        free = ~frozen
        for _ in range(min(passed, 3)):
            self.sums[...] = np.where(frozen, self.sums, self.sums * self._fade + self.pending[0])
            self.pending[0] = self.pending[1]
            self.pending[1] = self.current * free
            self.current[...] = 0
        if passed > 3:
            self.sums[...] = np.where(frozen, self.sums, self.sums * self._fade ** min(passed - 3, 1000))
        return True

    def add(self, seen_and_expected: Numbers) -> None:
        self.current += seen_and_expected

    def estimate(self, young: Flags) -> tuple[Numbers, Numbers]:
        """The level and the relative variance of it."""
        params = self._params
        if not params.level:
            return np.ones(young.shape), np.full(young.shape, params.slow_variance_prior)
        prior = np.where(young, params.level_prior_young, params.level_prior)
        seen, expected = self.sums.astype(float)
        low = np.where(young, params.level_min_young, params.level_min)
        high = np.where(young, params.level_max_young, params.level_max)
        return np.minimum(np.maximum((prior + seen) / (prior + expected), low), high), 1 / (prior + expected)


class Dispersion(Columns):
    """Relative variance of counts beyond Poisson's, v = 1/k: winsorised moments that fade, each pane by how much it can
    tell, and a prior."""

    columns = {"sums": ((2,), np.float32)}
    sums: NDArray[np.float32]

    def __init__(self, prior: float, prior_weight: float, half_life_seconds: float, params: CountParams) -> None:
        super().__init__()
        self._prior = prior
        self._prior_weight = prior_weight
        self._half_life = half_life_seconds
        self._params = params

    def learn(self, seen: Numbers, mean: Numbers, variance: Numbers, seconds: float, counted: Flags) -> None:
        """`variance` is the present estimate; only series that are `counted` learn."""
        safe = np.maximum(mean, _NOTHING)
        spread = safe + safe * safe * variance
        square = np.minimum((seen - mean) ** 2, self._params.winsor_sd**2 * spread)
        weight = np.where(counted, (safe / (1 + safe * self._prior)) ** 2, 0.0)
        fade = 0.5 ** (seconds / self._half_life)
        self.sums[0] = self.sums[0] * np.where(counted, fade, 1.0) + weight * (square - safe) / (safe * safe)
        self.sums[1] = self.sums[1] * np.where(counted, fade, 1.0) + weight

    def estimate(self) -> Numbers:
        moments, weights = self.sums.astype(float)
        found = (moments + self._prior_weight * self._prior) / (weights + self._prior_weight)
        limited: Numbers = np.clip(found, self._params.dispersion_min, self._params.dispersion_max)
        return limited
