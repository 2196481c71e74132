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
        self._step = math.log(params.shift_ratio)
        self._most = math.exp(params.evidence_max)

    def ends(self, state: ShiftState, end: int) -> bool:
        """Whether a block is over at the end of a pane."""
        return self.params.shifts and self.params.level and end // self.seconds != state.block

    def read(
        self, state: ShiftState, end: int, sums: Singles, judged: bool, noise: float, hour: float, pane_seconds: int
    ) -> ShiftReading:
        """The block that is over with a pane: the pane's end, the slow pane's sums with it, whether it can be judged;
        relative variances of its counts and of how busy an hour is."""
        number = end // self.seconds
        made = self._passed(state, number - state.block, number - 1)
        seen, expected = (now - before for now, before in zip(sums, state.before, strict=True))
        made.before, made.block = Singles(sums), number
        slot = (number - 1) % SHIFT_BLOCKS
        made.seen[slot], made.expected[slot] = seen, expected
        if judged and expected >= self.params.shift_contacts_min:
            self._see(made, slot, seen, expected, noise, hour)
        else:
            made.ratios = zeros(SHIFT_BLOCKS)
        speaks = math.log(max(sum(made.ratios.tolist()), _TINY)) + math.log(SHIFTS * self.seconds / pane_seconds)
        return ShiftReading(speaks, made, number - 1)

    def _passed(self, state: ShiftState, blocks: int, number: int) -> ShiftState:
        day, hour = fades(self.params, blocks)
        at_day, at_hour, both = state.known
        made = msgspec.structs.replace(
            state,
            day=Singles([value * day for value in state.day.tolist()]),
            hour=Singles([value * hour for value in state.hour.tolist()]),
            known=Singles([at_day * (day * day), at_hour * (hour * hour), both * (day * hour)]),
            ratios=Singles(state.ratios),
            seen=Singles(state.seen),
            expected=Singles(state.expected),
        )
        for skipped in range(number - min(blocks, SHIFT_BLOCKS) + 1, number):
            for column in (made.ratios, made.seen, made.expected):
                column[skipped % SHIFT_BLOCKS] = 0.0
        return made

    def _see(self, state: ShiftState, slot: int, seen: float, expected: float, noise: float, hour: float) -> None:
        params = self.params
        state.day[1 + slot], state.hour[1 + slot] = state.day[0], state.hour[0]
        of_day, of_hour, both = state.known
        day = max(params.shift_day_variance - of_day, 0.0) - both
        hour = max(hour - of_hour, 0.0) - both
        unknown = max(day + hour, _LEAST)
        wide = 1 / (noise + unknown * (1 + noise))
        usual = state.day[0] + state.hour[0]
        mean = expected * math.exp(usual)
        gain, most = 1 / (unknown + noise + 1 / mean), params.shift_surprise_max
        for j, (at_day, at_hour) in enumerate(zip(state.day.tolist(), state.hour.tolist(), strict=True)):
            total = at_day + at_hour + (self._step if j else 0.0)
            here = expected * math.exp(total)
            if j:
                before = 1.0 if j == 1 + slot else state.ratios[j - 1]
                speaks = seen * (total - usual) - (seen + wide) * math.log((wide + here) / (wide + mean))
                state.ratios[j - 1] = min(before * math.exp(min(speaks, params.gain_max)), self._most)
            apart = min(max(seen / here - 1, -most), most)
            state.day[j], state.hour[j] = at_day + gain * day * apart, at_hour + gain * hour * apart
        state.known = Singles([of_day + gain * (day * day), of_hour + gain * (hour * hour), both + gain * (day * hour)])
