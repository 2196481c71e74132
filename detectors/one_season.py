"""`Season` for one series in plain floats: 336 half hours of local time a week, as `baseline` has them for many.

It is made for one pair of tables, which it does not change, and remembers what it worked out of them. What was learned
is a new one, which takes over what the half hour that ended has no part in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from detectors.parameters import CountParams
from detectors.singles import Singles
from detectors.slots import DAY_SLOTS, SLOT_SECONDS

_SATURDAY, _DAYS = 5, 7
_AROUND = 4  # half hours before and after, in which a day is as busy
_NOTHING = 1e-12


class OneSeason:
    """What the discounted `counts` and `exposure` (seconds) of each half hour say."""

    def __init__(self, params: CountParams, counts: Singles, exposure: Singles) -> None:
        self.counts, self.exposure = counts, exposure
        self.seen, self.seconds = math.fsum(counts), math.fsum(exposure)  # of the whole week
        self._params = params
        self.flat = (self.seen + 0.5) / max(self.seconds, SLOT_SECONDS) * SLOT_SECONDS
        self._weekdays: dict[int, tuple[float, float]] = {}
        self._usual: dict[int, float] = {}
        self._rates: dict[int, tuple[float, float]] = {}

    def learned(
        self, slot: int, seen: float, expected: float, exposure: float, variance: float, into: tuple[Singles, Singles]
    ) -> OneSeason:
        """At the end of a visit: `seen` contacts in `exposure` seconds where `expected` were, with relative `variance`.
        What is `into` is a copy of the tables; it is changed and belongs to what is returned."""
        params, (counts, exposures) = self._params, into
        distrusted = params.robust and variance <= params.robust_variance_max
        trust = self._trust(seen, expected, variance) if distrusted else 1.0
        weight = min(exposure / SLOT_SECONDS, 1.0)
        kept = 1 - (1 - params.visit_discount) * weight * trust
        if params.robust:
            kept *= 1 - weight * self._disowned(slot, seen, expected, exposure)
        counts[slot] = counts[slot] * kept + trust * seen
        exposures[slot] = exposures[slot] * kept + trust * exposure
        made = OneSeason(params, counts, exposures)
        made._weekdays = {**self._weekdays}
        made._weekdays.pop(slot % DAY_SLOTS, None)
        return made

    def _disowned(self, slot: int, seen: float, expected: float, exposure: float) -> float:
        """How much of its memory a slot gives up that one visit alone has made, where the next one is far from it and
        as expected: the first held an incident, and nothing was known then by which to distrust it."""
        params, known = self._params, max(self.exposure[slot], _NOTHING)
        memory = self.counts[slot] / known * exposure
        most = params.robust_z**2 * (2 * params.visit_variance + 1 / (memory + 1) + 1 / (seen + 1))
        stands, usual = (
            min(1.0, most / max(math.log((each + 1) / (seen + 1)) ** 2, _NOTHING)) ** 2 for each in (memory, expected)
        )
        return (1 - stands) * usual * min(1.0, (params.doubtful_days * SLOT_SECONDS / known) ** 4)

    def rate(self, slot: int) -> tuple[float, float]:
        """Contacts a second in a slot, and the relative variance of that."""
        found = self._rates.get(slot)
        if found is None:
            visit, variance = self._slot(slot)
            found = self._rates[slot] = visit / SLOT_SECONDS, variance
        return found

    def _slot(self, slot: int) -> tuple[float, float]:
        """Contacts a visit of one slot, and the relative variance of that."""
        day, time_of_day = divmod(slot, DAY_SLOTS)
        low = min(max(time_of_day - _AROUND, 0), DAY_SLOTS - 2 * _AROUND - 1)
        at, many, first = time_of_day - low, 2 * _AROUND + 1, day * DAY_SLOTS + low
        usual = [self._usual_of(time) for time in range(low, low + many)]
        counts = self.counts[first : first + many].tolist()
        visits = [seconds / SLOT_SECONDS for seconds in self.exposure[first : first + many]]
        busy, of_busy, either = self._busy(day, counts, visits, usual)
        variance = self._usual_variance(time_of_day) + of_busy + self._params.shape_variance
        rate, variance = self._join(usual[at] * busy, variance, counts[at], visits[at])
        return rate, variance + either

    def _usual_of(self, time_of_day: int) -> float:
        """Contacts a visit at a time of day, on weekdays (on other days where no weekday is known). Of a shape of which
        nothing is known a flat one is a guess."""
        found = self._usual.get(time_of_day)
        if found is None:
            (seen, known), worth = self._on_weekdays(time_of_day), self._params.flat_visits
            found = self._usual[time_of_day] = (seen + worth * self.flat) / (known + worth)
        return found

    def _usual_variance(self, time_of_day: int) -> float:
        """The relative variance of that. One day alone may hold an incident, or be unlike the others; several bear each
        other out."""
        params, (seen, known) = self._params, self._on_weekdays(time_of_day)
        days = max(known, params.flat_visits)
        variance = params.visit_variance / days + params.one_day_variance / days**2 + 1 / (seen + 0.5)
        return min(variance, params.flat_variance)

    def _on_weekdays(self, time_of_day: int) -> tuple[float, float]:
        """Contacts and visits of one time of day, without what is far from the middle."""
        found = self._weekdays.get(time_of_day)
        if found is None:
            counts = self.counts[time_of_day::DAY_SLOTS].tolist()
            visits = [seconds / SLOT_SECONDS for seconds in self.exposure[time_of_day::DAY_SLOTS]]
            days = slice(0, _SATURDAY) if sum(visits[:_SATURDAY]) > 0 else slice(0, _DAYS)
            found = self._weekdays[time_of_day] = self._robust_sums(counts[days], visits[days], visits[days])
        return found

    def _busy(
        self, day: int, counts: Sequence[float], visits: Sequence[float], usual: Sequence[float]
    ) -> tuple[float, float, float]:
        """How many times as much this day gets as is usual, around that time, and the relative variance of that.

        Weekdays are alike unless they show otherwise: their ratio is drawn to 1 by what chance explains of it. A day
        that came once and is far from its like was an outage or a crowd, or is what such a day is: its ratio is
        doubted, and that it is either is the third number, a variance too. A Saturday with less is no wonder.
        """
        params = self._params
        means = [many * each for many, each in zip(visits, usual, strict=True)]
        seen, mean = self._robust_sums(counts, means, visits)
        ratio = math.log((seen + 0.5) / (mean + 0.5))
        known = max(*visits, _NOTHING)
        chance = params.day_variance / known + 1 / max(mean, _NOTHING)
        unlike = max(ratio**2 - chance, params.alike_variance) if day < _SATURDAY else params.weekend_variance
        drawn, doubt = unlike / (unlike + chance), 0.0
        if params.robust and (day < _SATURDAY or ratio > 0):
            trust = min(1.0, params.robust_z**2 * (chance + params.alike_variance) / max(ratio**2, _NOTHING))
            days = max(sum(visits) / len(visits), _NOTHING)
            doubt = (1 - trust) * min(1.0, (params.doubtful_days / days) ** 4)
        drawn *= 1 - doubt
        return math.exp(drawn * ratio), drawn * chance, doubt / 4 * ratio**2

    def _join(self, rate: float, variance: float, counts: float, visits: float) -> tuple[float, float]:
        """What is expected of a slot, with what it has shown itself. One visit or two that are far from expected may
        hold an incident; four are what is usual. While that is open, the variance covers both."""
        if not visits > 0:
            return rate, variance
        params = self._params
        known = max(visits, _NOTHING)
        own = counts / known
        of_own = params.visit_variance / known + 1 / max(visits * rate, _NOTHING)
        apart = math.log((counts + 1) / (visits * rate + 1)) ** 2
        far, most = apart / (of_own + variance), params.robust_z**2
        trust = min(1.0, most / max(far, _NOTHING)) ** 2 if params.robust else 1.0
        doubtful = min(1.0, (params.doubtful_visits / max(known, 0.1)) ** 4)
        # what is no incident any more shows that this half hour is unlike its like
        variance += (1 - doubtful) * max(apart - variance - of_own, 0.0)
        share = variance / (variance + of_own) * (1 - (1 - trust) * doubtful)
        either = share * (1 - share) * apart if far > most else 0.0
        return share * own + (1 - share) * rate, share**2 * of_own + (1 - share) ** 2 * variance + either

    def _robust_sums(
        self, counts: Sequence[float], means: Sequence[float], visits: Sequence[float]
    ) -> tuple[float, float]:
        """Sums of counts and of their means (0: not known), without what is far from the middle ratio of the two. The
        middle alone would be wrong where counts are few."""
        params = self._params
        if not params.robust:
            return sum(counts), sum(means)
        ratios = sorted([(count + 0.5) / (mean + 0.5) for count, mean in zip(counts, means, strict=True) if mean > 0])
        if not ratios:
            return 0.0, 0.0
        many = len(ratios)
        middle = (ratios[(many - 1) // 2] + ratios[many // 2]) / 2
        seen = known = 0.0
        for count, mean, times in zip(counts, means, visits, strict=True):
            if mean > 0:
                trust = self._trust(count, mean * middle, params.visit_variance / max(times, 0.5))
                seen += trust * count
                known += trust * mean
        return seen, known

    def _trust(self, seen: float, expected: float, variance: float) -> float:
        """Weight of a count that is far from expected (Noufaily et al. 2013)."""
        z_square = (seen - expected) ** 2 / max(expected + expected**2 * variance, 0.25)
        return min(1.0, self._params.robust_z**2 / max(z_square, _NOTHING))
