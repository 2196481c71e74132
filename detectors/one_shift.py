"""Small shifts of one series in plain floats: the way of `Shifts`, whose numbers it gives."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from detectors.budget import SHIFTS
from detectors.parameters import SHIFT_BLOCKS, CountParams
from detectors.shifts import Found, fades
from detectors.singles import Singles, zeros

_TINY = 1e-300
_LEAST = 1e-6  # relative variance that is always left


class ShiftState(msgspec.Struct, array_like=True):
    """As the bank keeps it. `day` and `hour`: logarithms of how busy they are, if no shift has begun and by the block
    in which one may have; `seen` and `expected` by block."""

    day: Singles
    hour: Singles
    known: Singles
    ratios: Singles
    seen: Singles
    expected: Singles
    before: Singles
    block: int = -1


class ShiftReading(NamedTuple):
    """What a block shows that is over: what speaks for a shift, as the fast speed's line has it; the state after it;
    and its number."""

    statistic: float
    state: ShiftState
    number: int

    def found(self) -> Found:
        """The shift that most speaks for."""
        state, ratios = self.state, self.state.ratios.tolist()
        slot = ratios.index(max(ratios))
        lasted = (self.number - slot) % SHIFT_BLOCKS + 1
        level = math.exp(state.day[1 + slot] + state.hour[1 + slot])
        slots = [number % SHIFT_BLOCKS for number in range(self.number - lasted + 1, self.number + 1)]
        seen, expected = (sum(column[slot] for slot in slots) for column in (state.seen, state.expected))
        return Found(lasted, seen, expected * level, level)


def empty() -> ShiftState:
    """Of a series of which nothing is known."""
    day, hour = zeros(1 + SHIFT_BLOCKS), zeros(1 + SHIFT_BLOCKS)
    ratios, seen, expected = (zeros(SHIFT_BLOCKS) for _ in range(3))
    return ShiftState(day, hour, zeros(3), ratios, seen, expected, zeros(2))


class OneShift:
    """The arithmetic with these settings; the state is handed in."""

    def __init__(self, params: CountParams) -> None:
        self.params = params
        self.seconds = params.level_block_seconds
        self._on = params.shifts and params.level
        self._step = math.log(params.shift_ratio)
        self._most = math.exp(params.evidence_max)

    def ends(self, state: ShiftState, end: int) -> bool:
        """Whether a block is over at the end of a pane."""
        return end // self.seconds != state.block and self._on

    def read(
        self, state: ShiftState, end: int, sums: Singles, judged: bool, noise: float, hour: float, pane_seconds: int
    ) -> ShiftReading:
        """The block that is over with a pane: the pane's end, the slow pane's sums with it, whether it can be judged;
        relative variances of its counts and of how busy an hour is."""
        number = end // self.seconds
        made = self._passed(state, number - state.block, number - 1)
        seen, expected = sums[0] - state.before[0], sums[1] - state.before[1]
        made.before, made.block = sums, number
        slot = (number - 1) % SHIFT_BLOCKS
        made.seen[slot], made.expected[slot] = seen, expected
        if judged and expected >= self.params.shift_contacts_min:
            made.day[1 + slot], made.hour[1 + slot], made.ratios[slot] = made.day[0], made.hour[0], 1.0
            self._see(made, seen, expected, noise, hour)
        else:
            made.ratios = zeros(SHIFT_BLOCKS)
        speaks = math.log(max(sum(made.ratios.tolist()), _TINY)) + math.log(SHIFTS * self.seconds / pane_seconds)
        return ShiftReading(speaks, made, number - 1)

    def _passed(self, state: ShiftState, blocks: int, number: int) -> ShiftState:
        day, hour = fades(self.params, blocks)
        at_day, at_hour, both = state.known
        made = ShiftState(
            Singles([value * day for value in state.day.tolist()]),
            Singles([value * hour for value in state.hour.tolist()]),
            Singles((at_day * (day * day), at_hour * (hour * hour), both * (day * hour))),
            Singles(state.ratios),
            Singles(state.seen),
            Singles(state.expected),
            state.before,
        )
        for skipped in range(number - min(blocks, SHIFT_BLOCKS) + 1, number):
            for column in (made.ratios, made.seen, made.expected):
                column[skipped % SHIFT_BLOCKS] = 0.0
        return made

    def _see(self, state: ShiftState, seen: float, expected: float, noise: float, hour: float) -> None:
        params, exp, log = self.params, math.exp, math.log
        of_day, of_hour, both = state.known
        day = max(params.shift_day_variance - of_day, 0.0) - both
        hour = max(hour - of_hour, 0.0) - both
        unknown = max(day + hour, _LEAST)
        wide = 1 / (noise + unknown * (1 + noise))
        days, hours = state.day.tolist(), state.hour.tolist()
        usual = days[0] + hours[0]
        mean = expected * exp(usual)
        totals = [at_day + at_hour + self._step for at_day, at_hour in zip(days[1:], hours[1:], strict=True)]
        means = [expected * exp(total) for total in totals]
        most, all_of, near = params.gain_max, seen + wide, wide + mean
        gains = [
            seen * (total - usual) - all_of * log((wide + here) / near)
            for total, here in zip(totals, means, strict=True)
        ]
        if max(gains) > most:
            gains = [min(gain, most) for gain in gains]
        ratios = [ratio * exp(gain) for ratio, gain in zip(state.ratios.tolist(), gains, strict=True)]
        state.ratios = Singles(ratios if max(ratios) <= self._most else [min(ratio, self._most) for ratio in ratios])
        gain, most = 1 / (unknown + noise + 1 / mean), params.shift_surprise_max
        aparts = [seen / here - 1 for here in (mean, *means)]
        if max(aparts) > most:
            aparts = [min(apart, most) for apart in aparts]
        of = gain * day
        state.day = Singles([value + of * apart for value, apart in zip(days, aparts, strict=True)])
        of = gain * hour
        state.hour = Singles([value + of * apart for value, apart in zip(hours, aparts, strict=True)])
        state.known = Singles((of_day + gain * (day * day), of_hour + gain * (hour * hour), both + gain * (day * hour)))
