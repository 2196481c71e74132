"""Rules that people use, many series at once. Each is given the bucket's counts and knows nothing else.

Thresholds are those of vendors and papers. What a rule compares with is what it saw itself, so that its first answers
come when it has seen enough; until then it says nothing.
"""

# ruff: noqa: ARG002  # a rule need not look at the clock
from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
SILENT = -1e9
DAY, WEEK = 86_400, 604_800


class Past:
    """All counts seen, summed over a window that moves along; forks share what lies before them."""

    def __init__(self, series: int, window: int) -> None:
        self._rows: list[Numbers] = []
        self._columns = np.arange(series)
        self._window: list[Numbers] = []
        self._length = window
        self._shared = 0

    def add(self, seen: Numbers) -> Numbers:
        """The sum over the window that ends with this bucket."""
        self._window = [*self._window[1 - self._length :], seen] if self._length > 1 else [seen]
        total: Numbers = np.sum(self._window, axis=0)
        self._rows.append(total.astype(np.float32))
        return total

    def __len__(self) -> int:
        return len(self._rows)

    def at(self, number: int) -> Numbers:
        row = self._rows[number]
        return (row[self._columns] if number < self._shared else row).astype(float)

    def fork(self, copies: int) -> Past:
        made = copy.copy(self)
        assert not self._shared, "forks of forks"
        made._shared = len(self._rows)
        made._rows = list(self._rows)
        made._columns = np.tile(self._columns, copies)
        made._window = [np.tile(row, copies) for row in self._window]
        return made


class Rule:
    """Forks by repeating every array along its last axis, the series."""

    name = ""
    nominal = 0.0

    def __init__(self, series: int, seconds: int = 60) -> None:
        self.series = series
        self.seconds = seconds

    def step(self, start: int, seen: Numbers) -> Numbers:
        raise NotImplementedError

    def fork(self, copies: int) -> Any:
        made = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(made, name, np.tile(value, (1,) * (value.ndim - 1) + (copies,)))
            elif isinstance(value, Past):
                setattr(made, name, value.fork(copies))
        made.series = self.series * copies
        return made

    def _nothing(self) -> Numbers:
        return np.full((2, self.series), SILENT)


def both_sides(score: Numbers) -> Numbers:
    return np.stack([score, -score])


class RollingZ(Rule):
    """Standard deviations from the mean of the hour before; three of them alarm."""

    name = "rolling z"
    nominal = 3.0

    def __init__(self, series: int, seconds: int = 60) -> None:
        super().__init__(series, seconds)
        self.hour = np.zeros((3600 // seconds, series))
        self.n = 0

    def step(self, start: int, seen: Numbers) -> Numbers:
        scores = self._nothing()
        if self.n >= len(self.hour):
            spread = np.maximum(self.hour.std(axis=0), 0.5)
            scores = both_sides((seen - self.hour.mean(axis=0)) / spread)
        self.hour[self.n % len(self.hour)] = seen
        self.n += 1
        return scores


class LastWeek(Rule):
    """A quarter of an hour against the same one a week ago; half as much again alarms."""

    name = "ratio to last week"
    nominal = float(np.log(1.5))

    def __init__(self, series: int, seconds: int = 60) -> None:
        super().__init__(series, seconds)
        self.past = Past(series, 900 // seconds)

    def step(self, start: int, seen: Numbers) -> Numbers:
        now = self.past.add(seen)
        then = len(self.past) - 1 - WEEK // self.seconds
        return both_sides(np.log((now + 1) / (self.past.at(then) + 1))) if then >= 0 else self._nothing()


class EarsC2(Rule):
    """EARS C2 (Hutwagner et al. 2003): mean and deviation of seven days, the last two left out; three deviations alarm.
    Its day is here a quarter of an hour at the same time of day."""

    name = "EARS C2"
    nominal = 3.0

    def __init__(self, series: int, seconds: int = 60) -> None:
        super().__init__(series, seconds)
        self.past = Past(series, 900 // seconds)

    def step(self, start: int, seen: Numbers) -> Numbers:
        now = self.past.add(seen)
        day = DAY // self.seconds
        last = len(self.past) - 1
        if last < 9 * day:
            return self._nothing()
        baseline = np.stack([self.past.at(last - lag * day) for lag in range(3, 10)])
        return both_sides((now - baseline.mean(axis=0)) / np.maximum(baseline.std(axis=0, ddof=1), 1.0))


class Farrington(Rule):
    """After Farrington et al. 1996 and Noufaily et al. 2013: the same half hours of the weeks before, down-weighted
    where they were unusual, quasi-Poisson, on the 2/3-power scale; 2.58 deviations alarm."""

    name = "Farrington-like"
    nominal = 2.58

    def __init__(self, series: int, seconds: int = 60) -> None:
        super().__init__(series, seconds)
        self.past = Past(series, 1)

    def step(self, start: int, seen: Numbers) -> Numbers:
        self.past.add(seen)
        last, week, around = len(self.past) - 1, WEEK // self.seconds, 900 // self.seconds
        weeks = min(last // week, 5)
        if not weeks or (last % week < around and weeks == 1):
            return self._nothing()
        places = [
            last - n * week + shift
            for n in range(1, weeks + 1)
            for shift in range(-around, around + 1, max(1, around // 5))
        ]
        reference = np.stack([self.past.at(place) for place in places if place >= 0])
        mean = reference.mean(axis=0)
        off = (reference - mean) / np.sqrt(np.maximum(mean, 0.2))
        weight = np.where(off > 2.58, 2.58**2 / np.maximum(off, 1e-9) ** 2, 1.0)
        mean = np.maximum((weight * reference).sum(axis=0) / weight.sum(axis=0), 0.05)
        spread = np.maximum((weight * (reference - mean) ** 2).sum(axis=0) / (weight.sum(axis=0) - 1) / mean, 1.0)
        error = spread * mean + spread * mean / len(reference)
        return both_sides((seen ** (2 / 3) - mean ** (2 / 3)) / (2 / 3 * mean ** (-1 / 3) * np.sqrt(error)))


class HoltWinters(Rule):
    """Additive level and season of a week in quarters of an hour, as in Brutlag 2000: the residual against its usual
    size at that time; three of them alarm."""

    name = "Holt-Winters"
    nominal = 3.0
    _slots = WEEK // 900

    def __init__(self, series: int, seconds: int = 60) -> None:
        super().__init__(series, seconds)
        self.season = np.zeros((self._slots, series))
        self.visits = np.zeros((self._slots, 1))
        self.size = np.zeros((self._slots, series))
        self.level = np.zeros(series)
        self.n = 0

    def fork(self, copies: int) -> HoltWinters:
        made: HoltWinters = super().fork(copies)
        made.visits = self.visits.copy()
        return made

    def step(self, start: int, seen: Numbers) -> Numbers:
        slot = start % WEEK // 900
        expected = self.level + self.season[slot]
        residual = seen - expected
        ready = self.n * self.seconds >= WEEK
        usual = np.maximum(self.size[slot], 0.5)
        scores = both_sides(residual / usual) if ready else self._nothing()
        self.n += 1
        self.visits[slot] += 1
        fast = 1 / max(min(float(self.visits[slot, 0]), 60.0), 2.0)
        self.level += (0.01 if ready else 1 / min(self.n, 10_000)) * residual
        self.season[slot] += fast * (seen - self.level - self.season[slot])
        self.size[slot] += fast * (np.abs(residual) - self.size[slot])
        return scores


RULES = (RollingZ, LastWeek, EarsC2, Farrington, HoltWinters)
