"""Metric surprise: handle time, wait, tool latency, sentiment, any number. A sum of three calibrated surprises.

1. Density given time: x = -log10 p(bin | hour of the week), bins of a sixteenth of the first values' range, a back-off
   chain over all times, four hours of the day, the hour of the day, the hour of the week.
2. Range record: how far beyond all that was seen, as a share of that range.
3. Sustained surprise: the exponentially weighted mean of x.

Each becomes its rarity in its own history (`tails`), and they are summed. Only a new peak is said: the sum counts where
it exceeds the last peak, which fades; an alert is an onset and not a state. No count law holds here, so no budget is
promised: what a line costs is shown by the alarms a day on the series itself.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from detectors.contract import Direction, Features, Method, Verdict, number
from detectors.slots import LocalTime
from detectors.tails import Tail, cell_of

_LARGEST = 1e150
_HOURS = 24
_UNUSUAL = 1.0  # power of ten: such values in a row are one run


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """Measured on many shapes of series; lengths are in values, not in time."""

    line: float = 5.0  # the sum of rarities, powers of ten
    first: int = 150  # values whose range sets the bins; nothing is said before
    settling: int = 50  # of those, the first whose surprises are no measure yet
    bins: int = 16  # in that range; beyond it they grow with the distance
    reach: float = 1e9  # ranges away from it where the last bin lies
    prior: float = 10.0  # values that the coarser time's word is worth
    unseen: float = 0.01  # probability of a bin that was never seen at any time
    half_life: float = 36.0  # of sustained surprise
    tail: float = 0.02  # share of a history that is its tail
    slope: float = 3.0  # of a Pareto tail of which nothing is known
    slope_weight: float = 5.0
    density_floor: float = 0.3
    record_floor: float = 0.1
    sustained_floor: float = 0.2
    fade: float = 200.0  # until a peak is forgotten
    time_zone: str = "UTC"  # whose hours the season follows


class State(msgspec.Struct):
    """`first` holds (at, value) until there are enough. `counts` and `sums` are by cell of time, then by bin."""

    density: Tail
    record: Tail
    sustained: Tail
    first: list[tuple[float, float]] = []
    begun: bool = False
    origin: float = 0.0
    width: float = 0.0
    low: float = 0.0
    high: float = 0.0
    counts: dict[int, dict[int, float]] = {}
    sums: dict[int, float] = {}
    mean: float = 0.0
    peak: float = 0.0
    since_peak: float = 0.0
    since: float = 0.0  # when the present run of unusual values began; 0 while there is none


class Reading(NamedTuple):
    """What a value shows: its surprises, their rarities, and S, which is 0 unless it is a new peak."""

    statistic: float
    value: float
    hour: int = 0
    bin: int = 0
    width: float = 0.0
    surprises: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rarities: tuple[float, float, float] = (0.0, 0.0, 0.0)


class Metric(Method[Reading, State]):
    """Scores one series of numbers at any regular spacing."""

    def __init__(self, params: Params | None = None) -> None:
        self.params = params = params or Params()
        self.line = params.line
        self._local = LocalTime(params.time_zone)
        self._gain = 1.0 - 0.5 ** (1.0 / params.half_life)
        self._farthest = params.bins * (1 + math.log1p(params.reach))

        def tail(floor: float) -> Tail:
            return Tail(cell_of(floor), params.tail, params.slope, params.slope_weight)

        super().__init__(State(tail(params.density_floor), tail(params.record_floor), tail(params.sustained_floor)))

    def read(self, x: Features) -> Reading:
        value, at = number(x, "value"), number(x, "at")
        if not (-_LARGEST < value < _LARGEST and math.isfinite(at)):
            return Reading(0.0, math.nan)
        if not self.state.begun:
            return Reading(0.0, value)
        reading = self._surprises(value, self._hour(at))
        total = sum(reading.rarities)
        params, state = self.params, self.state
        faded = state.peak * (1.0 - state.since_peak / params.fade)
        return reading._replace(statistic=total) if total > max(faded, 0.0) else reading

    def commit(self, x: Features, reading: Reading) -> None:
        if math.isnan(reading.value):
            return
        state = self.state
        if not state.begun:
            state.first.append((number(x, "at"), reading.value))
            if len(state.first) >= self.params.first:
                self._begin()
            return
        self._learn(reading)
        state.density.add(reading.surprises[0])
        state.record.add(reading.surprises[1])
        state.sustained.add(reading.surprises[2])
        state.since_peak += 1.0
        if reading.statistic > 0:
            state.peak, state.since_peak = reading.statistic, 0.0
        if reading.rarities[0] < _UNUSUAL:
            state.since = 0.0
        elif not state.since:
            state.since = number(x, "at")

    def explain(self, x: Features, reading: Reading) -> Verdict:
        expected = self._expected(reading.hour)
        names = ("unusual at this time", "beyond all that was seen", "unusual for long")
        parts = ", ".join(
            f"{name} (once in {10**rarity:,.0f})"
            for name, rarity in zip(names, reading.rarities, strict=True)
            if rarity >= 1
        )
        since = self.state.since or number(x, "at")
        direction: Direction = "up" if reading.value >= expected else "down"
        reason = f"{reading.value:g} where {expected:g} is usual: {parts}"
        return Verdict(direction, reading.value, expected, since, reason)

    # -- surprises

    def _hour(self, at: float) -> int:
        """Of the week, local time."""
        return self._local.moment(at).slot // 2

    def _surprises(self, value: float, hour: int) -> Reading:
        state, params = self.state, self.params
        # a series that was constant has no range: its first other value sets one
        width = state.width or abs(value - state.origin) / params.bins
        place = self._bin(value, width)
        density = self._density(hour, place)
        beyond = max(value - state.high, state.low - value)
        record = beyond / max(state.high - state.low, width * params.bins) if beyond > 0 else 0.0
        sustained = state.mean + self._gain * (density - state.mean)
        rarities = (state.density.rarity(density), state.record.rarity(record), state.sustained.rarity(sustained))
        return Reading(0.0, value, hour, place, width, (density, record, sustained), rarities)

    def _bin(self, value: float, width: float) -> int:
        """Bins of `width` from the origin on, as many as `bins`; beyond them they widen with the distance."""
        if not width:
            return 0
        bins = self.params.bins
        place = (value - self.state.origin) / width
        if 0.0 <= place < bins:
            return int(place)
        beyond = -place if place < 0 else place - bins
        steps = int(min(bins * math.log1p(beyond / bins), self._farthest))
        return -1 - steps if place < 0 else bins + steps

    def _density(self, hour: int, place: int) -> float:
        """-log10 p(bin | time): each finer time is drawn to the coarser one."""
        state, prior = self.state, self.params.prior
        p = self.params.unseen
        for cell in _cells(hour):
            counts = state.counts.get(cell)
            if counts is not None:
                p = (counts.get(place, 0.0) + prior * p) / (state.sums[cell] + prior)
        return -math.log10(p)

    # -- learning

    def _learn(self, reading: Reading) -> None:
        state, place = self.state, reading.bin
        state.width = reading.width
        for cell in _cells(reading.hour):
            counts = state.counts.setdefault(cell, {})
            counts[place] = counts.get(place, 0.0) + 1.0
            counts[place - 1] = counts.get(place - 1, 0.0) + 0.5
            counts[place + 1] = counts.get(place + 1, 0.0) + 0.5
            state.sums[cell] = state.sums.get(cell, 0.0) + 2.0
        state.low = min(state.low, reading.value)
        state.high = max(state.high, reading.value)
        state.mean = reading.surprises[2]

    def _begin(self) -> None:
        """There are enough values for a range: they are learned one by one, as if it had been known."""
        state = self.state
        values = [value for _, value in state.first]
        state.low, state.high = min(values), max(values)
        state.origin, state.width = state.low, (state.high - state.low) / self.params.bins
        state.begun = True
        low = high = values[0]
        for n, (at, value) in enumerate(state.first):
            reading = self._surprises(value, self._hour(at))
            self._learn(reading)
            if n >= self.params.settling:
                beyond = max(value - high, low - value, 0.0)
                state.density.add(reading.surprises[0])
                state.record.add(beyond / (state.high - state.low) if beyond else 0.0)
                state.sustained.add(reading.surprises[2])
            low, high = min(low, value), max(high, value)
        state.first = []

    def _expected(self, hour: int) -> float:
        """The middle of what was seen at this hour, of all times where it was seen too little."""
        state = self.state
        cell = next(cell for cell in reversed(_cells(hour)) if state.sums.get(cell, 0.0) >= 40.0 or cell == 0)
        counts, half = sorted(state.counts[cell].items()), 0.0
        for place, count in counts:
            half += count
            if 2.0 * half >= state.sums[cell]:
                return self._middle(place)
        return math.nan

    def _middle(self, place: int) -> float:
        """The value in the middle of a bin."""
        bins, state = self.params.bins, self.state
        if 0 <= place < bins:
            return state.origin + (place + 0.5) * state.width
        steps = -place - 0.5 if place < 0 else place - bins + 0.5
        beyond = bins * math.expm1(steps / bins)
        return state.origin + state.width * (-beyond if place < 0 else bins + beyond)


def _cells(hour: int) -> tuple[int, int, int, int]:
    """From coarse to fine: all times, four hours of the day, the hour of the day, the hour of the week."""
    of_day = hour % _HOURS
    return 0, 1 + of_day // 4, 7 + of_day, 31 + hour


def build(time_zone: str = "UTC") -> Metric:
    """With the defaults."""
    return Metric(Params(time_zone=time_zone))
