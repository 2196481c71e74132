"""What is usual, for many series at once: season, level and dispersion of a channel's series.

Expected contacts of a pane = seconds * season(time of week) * level. All are rates, so panes of any length feed them.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Column, Columns, Flags, Numbers
from detectors.parameters import DAY_SECONDS, CountParams
from detectors.slots import DAY_SLOTS, SLOT_SECONDS, WEEK_SLOTS

_WEEK_SECONDS = 7 * DAY_SECONDS
_SATURDAY = 5
_DAY_PARTS = 8
_NOTHING = 1e-12


class Totals(NamedTuple):
    """Of the whole week, by series: contacts and seconds learned; contacts for each of its channel's (series 0); what a
    weekday gets against all days, the relative variance of that, and of its shape against that of other days."""

    seen: Numbers
    exposure: Numbers
    share: Numbers
    days: Numbers
    day_variance: Numbers
    unlike: Numbers


class Season(Columns):
    """336 half hours of local time a week: discounted counts and exposures (seconds), learned at the end of each visit.

    A slot's rate is pooled with what is known beside it, each by its precision: the series' mean, its channel's shape,
    the time of day on all days, the time of day in its group of days (weekdays, Saturday, Sunday), the slot itself.
    """

    columns: ClassVar[dict[str, Column]] = {
        "counts": ((WEEK_SLOTS,), np.float32),
        "exposure": ((WEEK_SLOTS,), np.float32),
    }
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
            trust = np.where(variance > params.robust_variance_max, 1.0, trust)
        else:
            trust = np.ones_like(weight)
        kept = 1 - (1 - params.visit_discount) * weight * trust
        self.counts[slot] = self.counts[slot] * kept + trust * seen
        self.exposure[slot] = self.exposure[slot] * kept + trust * exposure

    def totals(self) -> Totals:
        """What is summed over the whole week."""
        counts, exposure = self.counts.astype(float), self.exposure.astype(float)
        seen, known = counts.sum(axis=0), exposure.sum(axis=0)
        share = np.zeros_like(seen)
        if self._params.siblings and len(seen) > 1:
            channel = counts[:, 0] / np.maximum(exposure[:, 0], 1.0)
            share = seen / np.maximum(channel @ exposure, _NOTHING)
        return Totals(seen, known, share, *self._days(counts, exposure))

    def _days(self, counts: Numbers, exposure: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """How many times as much a weekday gets as the same times of day do on all days, the variance of that, and how
        unlike others its shape is."""
        params = self._params
        by_day = counts.reshape(7, DAY_SLOTS, -1), exposure.reshape(7, DAY_SLOTS, -1)
        at_time = by_day[0].sum(axis=0) / np.maximum(by_day[1].sum(axis=0), 1.0)
        seen, alike = by_day[0].sum(axis=1), (by_day[1] * at_time).sum(axis=1)
        prior = np.full(seen.shape, 1 / params.day_variance)
        centre = (seen + prior) / (alike + prior)
        # weekdays are like one another
        working = (seen[:_SATURDAY].sum(axis=0) + prior[0]) / (alike[:_SATURDAY].sum(axis=0) + prior[0])
        likeness = 1 / params.day_group_variance
        centre[:_SATURDAY] = (seen[:_SATURDAY] + likeness * working) / (alike[:_SATURDAY] + likeness)
        prior[:_SATURDAY] = np.where(seen[:_SATURDAY].any(axis=0), likeness, prior[0])
        return centre, 1 / (alike + prior), self._unlikeness(*by_day, centre)

    def _unlikeness(self, counts: Numbers, exposure: Numbers, days: Numbers) -> Numbers:
        """How far the shape of a day is from that of its like (weekdays) or of all others (Saturday, Sunday): relative
        variance over eight parts of the day. The part that differs most is left out, as it may hold an incident."""
        parts = (7, _DAY_PARTS, DAY_SLOTS // _DAY_PARTS, -1)
        worth = exposure * days[:, None]
        seen = counts.reshape(parts).sum(axis=2)
        alike = worth.reshape(parts).sum(axis=2)
        others_seen, others_alike = seen.sum(axis=0) - seen, alike.sum(axis=0) - alike
        others_seen[:_SATURDAY] -= seen[_SATURDAY:].sum(axis=0)
        others_alike[:_SATURDAY] -= alike[_SATURDAY:].sum(axis=0)
        mean = others_seen / np.maximum(others_alike, 1.0) * alike
        squares = mean**2 * (others_alike > 0)
        excess = (seen - mean) ** 2 - mean - squares * self._params.visit_variance
        excess *= others_alike > 0
        most = np.expand_dims(excess.argmax(axis=1), 1)
        left = excess.sum(axis=1) - np.take_along_axis(excess, most, 1)[:, 0]
        of = squares.sum(axis=1) - np.take_along_axis(squares, most, 1)[:, 0]
        unlike: Numbers = np.clip(left / np.maximum(of, _NOTHING), 0.0, self._params.unlike_variance_max)
        return unlike

    def rates(self, slots: tuple[int, int], totals: Totals) -> tuple[Numbers, Numbers, Numbers]:
        """By slot and series: contacts a second in two slots, the relative variance of that, and how far (as a
        logarithm) what is known of it disagrees."""
        params = self._params
        days = [slot // DAY_SLOTS for slot in slots]
        of_day, day_variance = totals.days[days], totals.day_variance[days]
        rate = (totals.seen + 0.5) / np.maximum(totals.exposure, SLOT_SECONDS) * of_day
        worth = 1 / (params.flat_variance + day_variance + 1 / (totals.seen + 0.5))
        # counts and exposures by source of knowledge, slot and series
        found = np.array([self._sources(slot, totals.days) for slot in slots]).transpose(2, 1, 0, 3)
        alone = 1 / np.maximum(found[2][1] / SLOT_SECONDS, _NOTHING) ** 2 * (found[1][1] == 0)
        unlike = totals.unlike[days]
        variances = (
            params.any_day_variance + day_variance + unlike,
            params.day_group_variance + unlike,
            params.incident_variance * alone,
        )
        disagree = np.zeros_like(rate)
        for (counts, exposure), variance in zip(found, variances, strict=True):
            rate, worth, more = self._pool(rate, worth, counts, exposure, variance)
            disagree = np.maximum(disagree, more)
        if params.siblings and rate.shape[1] > 1:
            weeks = totals.exposure / (WEEK_SLOTS * SLOT_SECONDS)
            unlike_channel = params.sibling_variance * (1 + params.sibling_fade_weeks * weeks)
            more = 1 / (unlike_channel + 1 / worth[:, :1] + 1 / (totals.seen + 0.5))
            more[:, 0] = 0.0
            alike = np.maximum(rate[:, :1] * totals.share, _NOTHING)
            rate = (worth + more) / (worth / rate + more / alike)
            worth = worth + more
        return rate, 1 / worth, disagree

    def _sources(self, slot: int, days: Numbers) -> list[list[Numbers]]:
        """Counts, then exposures: of the same time on other kinds of days, on alike days, and of the slot itself. An
        hour of a day that gets twice as much is worth two."""
        day, time_of_day = divmod(slot, DAY_SLOTS)
        group = slice(0, _SATURDAY) if day < _SATURDAY else slice(day, day + 1)
        both = []
        for of, worth in ((self.counts, 1.0), (self.exposure, days / days[day])):
            week = of[time_of_day::DAY_SLOTS] * worth
            alike = week[group].sum(axis=0)
            both.append([week.sum(axis=0) - alike, alike - week[day], week[day]])
        return both

    def _pool(
        self, rate: Numbers, worth: Numbers, counts: Numbers, exposure: Numbers, variance: float | Numbers
    ) -> tuple[Numbers, Numbers, Numbers]:
        """Joins what is known so far, a gamma law of mean `rate` that is worth so many contacts, with one more source
        whose own `variance` is that of its likeness: a source is worth no more contacts than 1 / its variance."""
        params = self._params
        visits = np.maximum(exposure / SLOT_SECONDS, _NOTHING)
        seen = np.maximum(exposure, _NOTHING)
        likely = (worth + counts) / (worth / rate + seen)
        of_more = variance + params.visit_variance / visits + 1 / (seen * likely)
        own = counts / seen
        apart = (own - rate) / np.maximum(np.maximum(own, rate), _NOTHING)
        beyond = np.maximum(apart**2 - params.conflict_sd**2 * (of_more + 1 / worth), 0.0) * (exposure > 0)
        # where the two disagree neither is sure: few visits may hold an incident, and this day may be unlike others
        more = 1 / (of_more + beyond / visits**2)
        known = 1 / (1 / worth + beyond * params.conflict_share)
        share = more / (seen * likely)
        pooled = (known + counts * share) / (known / rate + seen * share)
        wide = np.abs(np.log((counts + 1) / (seen * rate + 1)))
        return pooled, known + more, np.where(beyond > 0, wide / np.maximum(visits, 1.0) ** 2, 0.0)


class Level(Columns):
    """How busy it is against the season: (A + seen) / (A + expected) over blocks that fade with a half-life and enter
    after a gap, so that the first minutes of a surge do not hide it. Frozen series neither learn nor fade."""

    columns: ClassVar[dict[str, Column]] = {
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

    def sleep(self) -> None:
        """Another day begins: what was learned yesterday is worth little."""
        self.sums *= np.minimum(1.0, self._params.level_overnight / np.maximum(self.sums[1], _NOTHING))
        self.pending[...] = 0
        self.current[...] = 0

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

    columns: ClassVar[dict[str, Column]] = {"sums": ((2,), np.float32)}
    sums: NDArray[np.float32]

    def __init__(self, prior: float, prior_weight: float, half_life_seconds: float, params: CountParams) -> None:
        super().__init__()
        self._prior = prior
        self._prior_weight = prior_weight
        self._half_life = half_life_seconds
        self._params = params

    def learn(
        self,
        seen: Numbers,
        mean: Numbers,
        variance: Numbers,
        seconds: float,
        counted: Flags,
        noise: Numbers | float = 0.0,
    ) -> None:
        """`variance` is the present estimate; only series that are `counted` learn. `noise` is the relative variance
        that is known to be of another kind."""
        safe = np.maximum(mean, _NOTHING)
        spread = safe + safe * safe * variance
        square = np.minimum((seen - mean) ** 2, self._params.winsor_sd**2 * spread)
        weight = np.where(counted, (safe / (1 + safe * self._prior)) ** 2, 0.0)
        fade = 0.5 ** (seconds / self._half_life)
        self.sums[0] = self.sums[0] * np.where(counted, fade, 1.0) + weight * ((square - safe) / (safe * safe) - noise)
        self.sums[1] = self.sums[1] * np.where(counted, fade, 1.0) + weight

    def estimate(self) -> Numbers:
        moments, weights = self.sums.astype(float)
        found = (moments + self._prior_weight * self._prior) / (weights + self._prior_weight)
        limited: Numbers = np.minimum(np.maximum(found, self._params.dispersion_min), self._params.dispersion_max)
        return limited
