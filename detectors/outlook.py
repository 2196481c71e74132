"""What the season says around a moment, of all series of a bank: the rates it lies between, how much of that is known,
and which series are closed. What was worked out is kept until the season learns, or the half hour is another."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

import numpy as np

from detectors.baseline import Season, Totals
from detectors.columns import Flags, Numbers
from detectors.parameters import DAY_SECONDS, CountParams
from detectors.slots import SLOT_SECONDS, WEEK_SLOTS, LocalTime, Moment

_WEEK_SECONDS = 7 * DAY_SECONDS
_SLOTS_AHEAD = 5  # that loads tell of


class Opens(Protocol):
    """As `calendar.Opening`."""

    def shares(self, start: float, end: float) -> Numbers | None: ...


class Outlook:
    """Of the moment that was looked at last, by series: contacts a second in the half hours `before` and `after` it,
    the relative `variance` of that, whether the series is `ready` to be judged and the traffic `smooth`."""

    before: Numbers
    after: Numbers
    variance: Numbers
    ready: Flags
    smooth: Flags
    learned_weeks: Numbers

    def __init__(self, params: CountParams, local: LocalTime, season: Season) -> None:
        self.local = local
        self._params, self._season = params, season
        self.opening: Opens | None = None
        self._fresh: tuple[int, int, bool, int] | None = None
        self._totals: Totals | None = None
        self._rates: dict[int, tuple[Numbers, Numbers]] = {}

    def forget(self) -> None:
        """The season has changed."""
        self._fresh = self._totals = None
        self._rates.clear()

    @property
    def size(self) -> int:
        return int(self._season.counts.shape[1])

    def flat(self) -> Numbers:
        """The guess where nothing is known of a time of day: contacts a visit."""
        return self._season.flat(self._whole_week())

    def _whole_week(self) -> Totals:
        self._totals = self._totals or self._season.totals()
        return self._totals

    # -- around a moment

    def look(self, moment: Moment, at: float) -> bool:
        """Says whether it has become another half hour."""
        key = (moment.before, moment.after, moment.known, moment.visit)
        if key == self._fresh:
            return False
        self._fresh = key
        self._read(moment, at)
        return True

    def _read(self, moment: Moment, at: float) -> None:
        params = self._params
        # those that will be looked at before this half hour is over
        later = _SLOTS_AHEAD if params.looks_ahead and self.size > len(self._season.lanes.parts) else 1
        coming = ((moment.slot + i) % WEEK_SLOTS for i in range(1, later + 1))
        rates = self._rates_of((moment.before, moment.after, *coming))
        (before, of_before), (after, of_after) = rates[moment.before], rates[moment.after]
        # no line is drawn from an open half hour to a closed one
        first = at - moment.share * SLOT_SECONDS
        opens, closes = self._is_open(first), self._is_open(first + SLOT_SECONDS)
        # nor between a known one and a guessed one: the level has got used to the guess
        first_known, then_known = of_before < params.guess_variance, of_after < params.guess_variance
        self.before = np.where((opens | ~closes) & (then_known | ~first_known), before, after)
        self.after = np.where((closes | ~opens) & (first_known | ~then_known), after, before)
        self._edge = opens != closes
        steep = (np.abs(np.log(self.after / self.before)) > math.log(params.step_ratio)) | self._edge
        self.smooth = ~steep
        self._steep: Flags = np.array([steep[lane].any() for lane in self._season.lanes.parts])  # by lane
        self.variance = np.maximum(of_before, of_after)
        if not moment.known:
            self.variance = self.variance + params.special_variance
        totals = self._whole_week()
        self.learned_weeks = totals.exposure / _WEEK_SECONDS
        self.ready = (totals.exposure >= params.warm_up_seconds) & (totals.seen >= params.warm_up_contacts)

    def mean(self, moment: Moment, seconds: float) -> Numbers:
        """Contacts in so many seconds around the moment, were all open."""
        return (self.before + (self.after - self.before) * moment.share) * (seconds * moment.factor)

    def is_known(self, most: float) -> Flags:
        """Whether the variance is less."""
        known: Flags = self.ready & (self.variance < most)
        return known

    @property
    def is_guess(self) -> Flags:
        """So little is known that the level must make up for it."""
        guess: Flags = self.variance >= self._params.guess_variance
        return guess

    def steps(self, moment: Moment) -> Numbers | None:
        """How far traffic may be from the line between two half hours, which it may step between at any minute: factors
        by direction and series; None where it can be nowhere. An opening hour is a step, and a season of half hours
        cannot know its minute."""
        if not np.logical_or.reduce(self._steep):
            return None
        rate = self.before + (self.after - self.before) * moment.share
        low, high = np.minimum(self.before, self.after), np.maximum(self.before, self.after)
        ramp = math.sqrt(self._params.step_ratio)
        # who waits for the doors to open comes at once, and before they close nobody does
        door = np.where(self._edge, self._params.step_ratio, 1.0)
        steps = np.array([np.maximum(high / rate / ramp, door), np.minimum(low / rate * ramp, 1 / door)])
        return steps if self._steep.all() else np.where(self._steep[self._season.lanes.of], steps, 1.0)

    # -- later

    def ahead(self, end: int, seconds: int, many: int) -> Numbers:
        """Contacts in each of the `many` stretches that follow on `end`."""
        moments = [self.local.moment(end + (i + 0.5) * seconds) for i in range(many)]
        rates = self._rates_of([slot for moment in moments for slot in (moment.before, moment.after)])
        before = np.array([rates[moment.before][0] for moment in moments])
        after = np.array([rates[moment.after][0] for moment in moments])
        share, factor = np.array([(moment.share, moment.factor) for moment in moments]).T[:, :, None]
        shares = [self.shares(end + i * seconds, seconds) for i in range(many)]
        found: Numbers = (before + (after - before) * share) * seconds * factor
        if any(each is not None for each in shares):
            found *= np.array([np.ones(self.size) if each is None else each for each in shares])
        return found

    def _rates_of(self, slots: Iterable[int]) -> dict[int, tuple[Numbers, Numbers]]:
        """At least of these slots: contacts a second, and the relative variance of that."""
        new = [slot for slot in dict.fromkeys(slots) if slot not in self._rates]
        if new:
            self._rates |= zip(new, zip(*self._season.rates(new, self._whole_week()), strict=True), strict=True)
        return self._rates

    # -- opening hours

    def shares(self, start: float, seconds: float) -> Numbers | None:
        """By series: how much of a stretch of time it is open; None where all are open throughout."""
        if self.opening is None:
            return None
        wall = self.local.wall(start)
        return self.opening.shares(wall, wall + seconds)

    def _is_open(self, centre: float) -> Flags:
        """In the half hour around a moment."""
        shares = self.shares(centre - SLOT_SECONDS / 2, SLOT_SECONDS)
        return np.ones(self.size, bool) if shares is None else shares > 0
