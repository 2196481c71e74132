"""What is usual, for many series at once: season, level and dispersion of a channel's series.

Expected contacts of a pane = seconds * season(time of week) * level. All are rates, so panes of any length feed them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Column, Columns, Flags, Lanes, Numbers, Places
from detectors.parameters import DAY_SECONDS, CountParams
from detectors.slots import DAY_SLOTS, SLOT_SECONDS, WEEK_SLOTS

Pair = tuple[Numbers, Numbers]

_WEEK_SECONDS = 7 * DAY_SECONDS
_SATURDAY = 5
_AROUND = 4  # half hours before and after, in which a day is as busy
_WINDOW = 2 * _AROUND + 1
_AT_ONCE = 16_384  # half hours times series that are worked out together: few calls of many series need little memory
_NOTHING = 1e-12


class Totals(NamedTuple):
    """Of the whole week, by series: contacts and seconds learned; contacts for each of its channel's (series 0)."""

    seen: Numbers
    exposure: Numbers
    share: Numbers


class Season(Columns):
    """336 half hours of local time a week: discounted counts and exposures (seconds), learned at the end of each visit.

    What a half hour of a day gets = what that time of day gets on weekdays * how busy this day is around that time,
    joined with what the half hour itself has shown. The first two are robust means: a time of day over the weekdays, a
    day over the half hours around, each without what is far from the middle. So one incident in two weeks of memory
    moves neither, a Monday night may be as quiet as the Sunday before it, and who works from Sunday to Thursday need
    not say so.
    """

    columns: ClassVar[dict[str, Column]] = {
        "counts": ((WEEK_SLOTS,), np.float32),
        "exposure": ((WEEK_SLOTS,), np.float32),
    }
    counts: NDArray[np.float32]
    exposure: NDArray[np.float32]

    def __init__(self, params: CountParams, lanes: int = 1) -> None:
        super().__init__()
        self._params = params
        self._abreast = lanes
        self.lanes = Lanes.interleaved(0, lanes)
        self._weekdays: dict[int, Numbers] = {}  # by time of day: contacts and visits
        self._days: dict[int, Numbers] = {}  # what `totals` sums, by day of the week

    def grow(self, more: int) -> None:
        super().grow(more)
        self.lanes = Lanes.interleaved(self.counts.shape[1], self._abreast)

    def keep(self, wanted: Flags) -> None:
        super().keep(wanted)
        self.lanes = Lanes.interleaved(self.counts.shape[1], self._abreast)

    def forget(self) -> None:
        """What is derived from the columns is derived anew: to be called where they were changed from outside."""
        self._weekdays.clear()
        self._days.clear()

    def learn(self, slot: int, seen: Numbers, expected: Numbers, exposure: Numbers, variance: Numbers) -> None:
        """The end of a visit: `seen` contacts in `exposure` seconds where `expected` were, with relative `variance`.

        What is far from expected counts little, so that an outage is never learned as usual.
        """
        params = self._params
        weight = np.minimum(exposure / SLOT_SECONDS, 1.0)
        if params.robust:
            trust = self._trust(seen, expected, variance)
            trust = np.where(variance > params.robust_variance_max, 1.0, trust)
        else:
            trust = np.ones_like(weight)
        self._weekdays.pop(slot % DAY_SLOTS, None)
        self._days.pop(slot // DAY_SLOTS, None)
        kept = 1 - (1 - params.visit_discount) * weight * trust
        if params.robust:
            kept *= 1 - weight * self._disowned(slot, seen, expected, exposure)
        self.counts[slot] = self.counts[slot] * kept + trust * seen
        self.exposure[slot] = self.exposure[slot] * kept + trust * exposure

    def _disowned(self, slot: int, seen: Numbers, expected: Numbers, exposure: Numbers) -> Numbers:
        """How much of its memory a slot gives up that one visit alone has made, where the next one is far from it and
        as expected: the first held an incident, and nothing was known then by which to distrust it."""
        params, known = self._params, np.maximum(self.exposure[slot].astype(float), _NOTHING)
        memory = self.counts[slot] / known * exposure
        most = params.robust_z**2 * (2 * params.visit_variance + 1 / (memory + 1) + 1 / (seen + 1))
        stands, usual = (
            np.minimum(1.0, most / np.maximum(np.log((each + 1) / (seen + 1)) ** 2, _NOTHING)) ** 2
            for each in (memory, expected)
        )
        alone = np.minimum(1.0, (params.doubtful_days * SLOT_SECONDS / known) ** 4)
        given_up: Numbers = (1 - stands) * usual * alone
        return given_up

    def totals(self) -> Totals:
        """What is summed over the whole week."""
        days = range(WEEK_SLOTS // DAY_SLOTS)
        self._days |= {day: self._day_totals(day) for day in days if day not in self._days}
        seen, known, of_channel = np.sum([self._days[day] for day in days], axis=0)
        share = seen / np.maximum(of_channel, _NOTHING) if self._has_siblings else np.zeros_like(seen)
        return Totals(seen, known, share)

    @property
    def _has_siblings(self) -> bool:
        return self._params.siblings and self.counts.shape[1] > len(self.lanes.parts)

    def _day_totals(self, day: int) -> Numbers:
        """Of a day of the week: contacts, seconds, and what the channel got in as much time at the same times."""
        slots = slice(day * DAY_SLOTS, (day + 1) * DAY_SLOTS)
        counts, exposure, of_channel = self.counts[slots], self.exposure[slots], np.zeros(self.counts.shape[1])
        if self._has_siblings:
            heads = self.lanes.heads
            channel = counts[:, heads].astype(float) / np.maximum(exposure[:, heads], 1.0)
            of_channel = (channel[:, self.lanes.of] * exposure).sum(axis=0)
        return np.array([counts.sum(axis=0, dtype=float), exposure.sum(axis=0, dtype=float), of_channel])

    def rates(self, slots: Sequence[int], totals: Totals) -> tuple[Numbers, Numbers]:
        """By slot and series: contacts a second, and the relative variance of that."""
        found = [self._slots(np.array(part), totals) for part in self._parts(slots)]
        visits, variances = (np.concatenate(each) for each in zip(*found, strict=True))
        return visits / SLOT_SECONDS, variances

    def _parts(self, half_hours: Sequence[int]) -> Iterator[Sequence[int]]:
        """As many at a time as there is memory near for: all where there are few series."""
        together = max(_AT_ONCE // max(self.counts.shape[1], 1), 1)
        return (half_hours[low : low + together] for low in range(0, len(half_hours), together))

    def _slots(self, slots: Places, totals: Totals) -> Pair:
        """Contacts a visit of some slots, and the relative variance of that. The axes are half hours around, slots and
        series."""
        params = self._params
        day, time_of_day = np.divmod(slots, DAY_SLOTS)
        low = np.clip(time_of_day - _AROUND, 0, DAY_SLOTS - _WINDOW)
        at = time_of_day - low, np.arange(len(slots))
        times = low + np.arange(_WINDOW)[:, None]
        usual, of_usual = self._usual(times, at, totals)
        around = day * DAY_SLOTS + times
        counts = self.counts[around].astype(float)
        visits = self.exposure[around].astype(float) / SLOT_SECONDS
        busy, of_busy, either = self._busy(day[:, None] < _SATURDAY, counts, visits, usual)
        rate, variance = usual[at] * busy, of_usual + of_busy
        counts, visits = counts[at], visits[at]
        if self._has_siblings:
            own = slice(None), self.lanes.heads
            channel = self._join(rate[own], variance[own] + params.shape_variance, counts[own], visits[own])
            rate, variance = self._like_channel(rate, variance, channel, totals)
        rate, variance = self._join(rate, variance + params.shape_variance, counts, visits)
        return rate, variance + either

    def flat(self, totals: Totals) -> Numbers:
        """Contacts a visit where a time of day is like any other."""
        found: Numbers = (totals.seen + 0.5) / np.maximum(totals.exposure, SLOT_SECONDS) * SLOT_SECONDS
        return found

    def _usual(self, times: Places, at: tuple[Places, Places], totals: Totals) -> Pair:
        """Contacts a visit by time of day, on weekdays (on other days where no weekday is known), and the relative
        variance of that at one time of each window. Of a shape of which nothing is known a flat one is a guess."""
        params = self._params
        wanted = range(int(times.min()), int(times.max()) + 1)
        for part in self._parts([time for time in wanted if time not in self._weekdays]):
            self._read_weekdays(part)
        if len(self._weekdays) > 4 * _WINDOW:
            self._weekdays = {time: self._weekdays[time] for time in wanted}
        sums = np.array([self._weekdays[time] for time in wanted])[times - wanted.start]
        seen, known = sums[:, :, 0], sums[:, :, 1]
        usual = (seen + params.flat_visits * self.flat(totals)) / (known + params.flat_visits)
        days = np.maximum(known[at], params.flat_visits)
        # one day alone may hold an incident, or be unlike the others; several bear each other out
        variance = params.visit_variance / days + params.one_day_variance / days**2 + 1 / (seen[at] + 0.5)
        return usual, np.minimum(variance, params.flat_variance)

    def _read_weekdays(self, times: Sequence[int]) -> None:
        """Contacts and visits of times of day, without what is far from the middle."""
        days = np.arange(0, WEEK_SLOTS, DAY_SLOTS)[:, None] + times
        counts = self.counts[days].astype(float)
        visits = self.exposure[days].astype(float) / SLOT_SECONDS
        visits[_SATURDAY:] *= visits[:_SATURDAY].sum(axis=0) <= 0
        if visits[_SATURDAY:].any():
            counts[_SATURDAY:] *= visits[_SATURDAY:] > 0
        else:
            counts, visits = counts[:_SATURDAY], visits[:_SATURDAY]
        sums = self._robust_sums(counts, visits, self._params.visit_variance / np.maximum(visits, 0.5))
        self._weekdays |= zip(times, np.stack(sums, axis=1), strict=True)

    def _busy(
        self, weekday: Flags, counts: Numbers, visits: Numbers, usual: Numbers
    ) -> tuple[Numbers, Numbers, Numbers]:
        """How many times as much this day gets as is usual, around that time, and the relative variance of that.

        Weekdays are alike unless they show otherwise: their ratio is drawn to 1 by what chance explains of it. A day
        that came once and is far from its like was an outage or a crowd, or is what such a day is: its ratio is
        doubted, and that it is either is the third number, a variance too. A Saturday with less is no wonder.
        """
        params = self._params
        known = np.maximum(visits.max(axis=0), _NOTHING)
        each = params.visit_variance / np.maximum(visits, 0.5)
        seen, mean = self._robust_sums(counts, visits * usual, each)
        ratio = np.log((seen + 0.5) / (mean + 0.5))
        chance = params.day_variance / known + 1 / np.maximum(mean, _NOTHING)
        unlike = np.where(weekday, np.maximum(ratio**2 - chance, params.alike_variance), params.weekend_variance)
        drawn = unlike / (unlike + chance)
        most, alike = params.robust_z**2, chance + params.alike_variance
        trust = np.minimum(1.0, most * alike / np.maximum(ratio**2, _NOTHING)) if params.robust else np.ones_like(ratio)
        days = np.maximum(visits.mean(axis=0), _NOTHING)
        doubt = (1 - trust) * np.minimum(1.0, (params.doubtful_days / days) ** 4) * (weekday | (ratio > 0))
        drawn = drawn * (1 - doubt)
        return np.exp(drawn * ratio), drawn * chance, doubt / 4 * ratio**2

    def _like_channel(self, rate: Numbers, variance: Numbers, channel: Pair, totals: Totals) -> Pair:
        """Joined with its share of what the channel gets in a slot; the channel itself is as it is."""
        params, lanes = self._params, self.lanes
        of_all, variance_of_all = (each[:, lanes.of] for each in channel)
        weeks = totals.exposure / (WEEK_SLOTS * SLOT_SECONDS)
        unlike = params.sibling_variance * (1 + params.sibling_fade_weeks * weeks)
        of_sibling = unlike + variance_of_all + 1 / (totals.seen + 0.5)
        share = variance / (variance + of_sibling)
        share[:, lanes.heads] = 0.0
        joined = rate * (1 - share) + of_all * totals.share * share
        return joined, variance * (1 - share)

    def _join(self, rate: Numbers, variance: Numbers, counts: Numbers, visits: Numbers) -> tuple[Numbers, Numbers]:
        """What is expected of a slot, with what it has shown itself. One visit or two that are far from expected may
        hold an incident; four are what is usual. While that is open, the variance covers both."""
        params = self._params
        known = np.maximum(visits, _NOTHING)
        own = counts / known
        of_own = params.visit_variance / known + 1 / np.maximum(visits * rate, _NOTHING)
        apart = np.log((counts + 1) / (visits * rate + 1))
        far = apart**2 / (of_own + variance)
        trust = np.minimum(1.0, params.robust_z**2 / np.maximum(far, _NOTHING)) ** 2 if params.robust else 1.0
        doubtful = np.minimum(1.0, (params.doubtful_visits / np.maximum(known, 0.1)) ** 4)
        # what is no incident any more shows that this half hour is unlike its like
        variance = variance + (1 - doubtful) * np.maximum(apart**2 - variance - of_own, 0.0)
        share = variance / (variance + of_own) * (1 - (1 - trust) * doubtful) * (visits > 0)
        joined = share * own + (1 - share) * rate
        either = share * (1 - share) * apart**2 * (far > params.robust_z**2)
        return joined, share**2 * of_own + (1 - share) ** 2 * variance + either

    def _robust_sums(self, counts: Numbers, means: Numbers, variance: Numbers) -> tuple[Numbers, Numbers]:
        """Sums over the first axis of counts and of their means (0: not known), without what is far from the middle
        ratio of the two. The middle alone would be wrong where counts are few."""
        if not self._params.robust:
            return counts.sum(axis=0), means.sum(axis=0)
        middle = _middle((counts + 0.5) / (means + 0.5), means > 0)
        trust = self._trust(counts, means * middle, variance)
        trust[means <= 0] = 0.0
        return (trust * counts).sum(axis=0), (trust * means).sum(axis=0)

    def _trust(self, seen: Numbers, expected: Numbers, variance: Numbers) -> Numbers:
        """Weight of a count that is far from expected (Noufaily et al. 2013)."""
        spread = expected**2
        spread *= variance
        spread += expected
        np.maximum(spread, 0.25, out=spread)
        z_square: Numbers = seen - expected
        z_square *= z_square
        z_square /= spread
        np.maximum(z_square, _NOTHING, out=z_square)
        trust = np.divide(self._params.robust_z**2, z_square, out=z_square)
        return np.minimum(trust, 1.0, out=trust)


def _middle(values: Numbers, known: Flags) -> Numbers:
    """The median over the first axis of what is known; 1 where nothing is."""
    ordered = np.sort(np.where(known, values, np.inf), axis=0)
    many = known.sum(axis=0, keepdims=True)
    _, half_hours, series = np.ogrid[: len(values), : values.shape[1], : values.shape[2]]
    low = ordered[np.maximum(many - 1, 0) // 2, half_hours, series][0]
    high = ordered[np.minimum(many // 2, len(values) - 1), half_hours, series][0]
    high = np.where(many[0] % 2 == 1, low, high)
    return np.where(many[0] > 0, (low + high) / 2, 1.0)


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
        each = params.level_block_seconds
        self._fades = (
            0.5 ** (each / params.level_half_life_seconds),
            0.5 ** (each / params.level_guess_half_life_seconds),
        )
        self.block = 0

    def roll(self, block: int, frozen: Flags, beside_guess: Flags) -> bool:
        """Moves to the block of time `block`; says whether the level may have changed."""
        passed = block - self.block
        if passed <= 0:
            return False
        self.block = block
        free, fade = ~frozen, self._faded(1, beside_guess)
        for _ in range(min(passed, 3)):
            self.sums[...] = np.where(frozen, self.sums, self.sums * fade + self.pending[0])
            self.pending[0] = self.pending[1]
            self.pending[1] = self.current * free
            self.current[...] = 0
        if passed > 3:
            self.sums[...] = np.where(frozen, self.sums, self.sums * self._faded(passed - 3, beside_guess))
        return True

    def _faded(self, blocks: int, beside_guess: Flags) -> NDArray[np.float32]:
        """What is left after so many blocks."""
        usual, quick = (np.float32(fade ** min(blocks, 1000)) for fade in self._fades)
        return np.where(beside_guess, quick, usual)

    def limit(self, low: Numbers, high: Numbers) -> None:
        """What the block that ends has seen counts as no less and no more than this: the level follows busy hours at
        once, and what is no busy hour slowly."""
        self.current[0] = np.minimum(np.maximum(self.current[0], low), high)

    def add(self, both: Numbers) -> None:
        """What was seen and what the season expects."""
        self.current[...] = self.current + both

    def scale(self, by: Numbers) -> None:
        """What was seen and what the season expected of it are so many times as much (2, series)."""
        for column in (self.sums, self.pending, self.current):
            column[...] = column.astype(float) * by

    def become(self, series: int, level: float, young: bool) -> None:
        """Of one series: this, as surely as before, and nothing of what has not entered."""
        params = self._params
        prior = params.level_prior_young if young else params.level_prior
        self.sums[0, series] = max(level * (prior + float(self.sums[1, series])) - prior, 0.0)
        self.pending[..., series] = 0
        self.current[:, series] = 0

    def estimate(self, young: Flags, worth: Numbers | float = 1.0) -> tuple[Numbers, Numbers]:
        """The level and the relative variance of it, where what was taken in is worth this share of what it was."""
        params = self._params
        if not params.level:
            return np.ones(young.shape), np.full(young.shape, params.slow_variance_prior)
        prior = np.where(young, params.level_prior_young, params.level_prior)
        seen, expected = self.sums.astype(float) * worth
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
        self._offsets = np.array([[prior_weight * prior], [prior_weight]])
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
        safe_square = safe * safe
        told = seen - mean
        told *= told
        most = safe_square * variance
        most += safe
        most *= self._params.winsor_sd**2
        np.minimum(told, most, out=told)
        told -= safe
        told /= safe_square
        told -= noise
        weight = safe * self._prior
        weight += 1
        np.divide(safe, weight, out=weight)
        weight *= weight
        weight *= counted
        told *= weight
        fade = 0.5 ** (seconds / self._half_life)
        sums = self.sums.astype(float)
        sums *= fade if counted.all() else np.where(counted, fade, 1.0)
        sums[0] += told
        sums[1] += weight
        self.sums[...] = sums

    def estimate(self) -> Numbers:
        found = self.sums + self._offsets
        ratio: Numbers = found[0] / found[1]
        np.maximum(ratio, self._params.dispersion_min, out=ratio)
        return np.minimum(ratio, self._params.dispersion_max, out=ratio)
