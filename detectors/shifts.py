"""Small shifts that last, for many series at once: what the level would follow before the evidence is in.

A level that follows busy hours also follows half as many contacts again, within the hour. So beside it stands a filter
of the logarithm of how busy day and hour are, each of which forgets in its own time (Kalman 1960), and one more state
of it for each block of time in which a shift by `shift_ratio` may have begun: the same filter of what that shift leaves
(Willsky & Jones 1976). What speaks for a shift is the sum of their likelihood ratios (Shiryaev's and Roberts': Pollak &
Tartakovsky 2009), each of two negative-binomial laws that are as wide as the counts' own and what is not known of the
mean. Its budget is a part of the slow speed's.

Shifts upwards alone, where contacts are many: of few no method tells half as many again before the hour is over.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Column, Columns, Flags, Numbers
from detectors.parameters import SHIFT_BLOCKS, CountParams

_DAY, _HOUR, _BOTH = range(3)
_TINY = 1e-300
_LEAST = 1e-6  # relative variance that is always left


class Block(NamedTuple):
    """A block of time that is over, by its number, and how many have passed since the last; what was seen in it and
    what the season expects; which series can be judged; relative variances of its counts beyond Poisson's, and of how
    busy an hour is."""

    number: int
    passed: int
    seen: Numbers
    expected: Numbers
    judged: Flags
    noise: Numbers
    hour: Numbers


class Found(NamedTuple):
    """The shift of one series that most speaks for: blocks it has lasted; what was seen in them, and what would have
    been without it; how busy it is without it."""

    blocks: int
    seen: float
    expected: float
    level: float


class Shifts(Columns):
    """State by series. The last `SHIFT_BLOCKS` blocks have a slot each, by their number."""

    columns: ClassVar[dict[str, Column]] = {
        # logarithms of how busy day and hour are: if no shift has begun, and if one began with the block of each slot
        "busy": ((2, 1 + SHIFT_BLOCKS), np.float32),
        # how much less of them is unknown than when nothing was: variances of day and hour, and their covariance
        "known": ((3,), np.float32),
        "ratios": ((SHIFT_BLOCKS,), np.float32),  # of the likelihoods that a shift began there, and that none did
        "blocks": ((2, SHIFT_BLOCKS), np.float32),  # seen, and expected by the season
        "before": ((2,), np.float32),  # of the slow pane that goes on, what lies in blocks that are over
    }
    busy: NDArray[np.float32]
    known: NDArray[np.float32]
    ratios: NDArray[np.float32]
    blocks: NDArray[np.float32]
    before: NDArray[np.float32]

    def __init__(self, params: CountParams) -> None:
        super().__init__()
        self._params = params
        self._step = math.log(params.shift_ratio)
        self._most = math.exp(params.evidence_max)

    def look(self, block: Block) -> Numbers:
        """Takes in a block; returns the logarithm of the sum of likelihood ratios, which counts blocks."""
        self._pass(block)
        rows = np.flatnonzero(block.judged & (block.expected >= self._params.shift_contacts_min))
        slot = block.number % SHIFT_BLOCKS
        self.blocks[:, slot] = block.seen, block.expected
        before = self.ratios[:, rows].astype(float)
        self.ratios[...] = 0
        if len(rows):
            before[slot] = 1.0
            self._see(block, rows, slot, before)
        total = np.zeros(len(block.seen))
        for each in self.ratios:  # in this order, however many series there are
            total += each
        return np.log(np.maximum(total, _TINY))

    def _pass(self, block: Block) -> None:
        """The time since the last block: what is known fades, and shifts that began too long ago are left."""
        day, hour = fades(self._params, block.passed)
        self.busy[_DAY] = self.busy[_DAY].astype(float) * day
        self.busy[_HOUR] = self.busy[_HOUR].astype(float) * hour
        self.known[...] = self.known.astype(float) * np.array([[day * day], [hour * hour], [day * hour]])
        for skipped in range(block.number - min(block.passed, SHIFT_BLOCKS) + 1, block.number):
            self.ratios[skipped % SHIFT_BLOCKS] = 0
            self.blocks[:, skipped % SHIFT_BLOCKS] = 0

    def _see(self, block: Block, rows: NDArray[np.int64], slot: int, before: Numbers) -> None:
        params = self._params
        seen, expected, noise, hour = block.seen[rows], block.expected[rows], block.noise[rows], block.hour[rows]
        busy, known = self.busy[:, :, rows].astype(float), self.known[:, rows].astype(float)
        busy[:, 1 + slot] = busy[:, 0]
        day = np.maximum(params.shift_day_variance - known[_DAY], 0.0) - known[_BOTH]
        hour = np.maximum(hour - known[_HOUR], 0.0) - known[_BOTH]
        unknown = np.maximum(day + hour, _LEAST)
        total = busy[_DAY] + busy[_HOUR]
        total[1:] += self._step
        mean = expected * np.exp(total)
        # the counts' own law, widened by what is not known of the mean
        wide = 1 / (noise + unknown * (1 + noise))
        gains = seen * (total[1:] - total[0])
        gains -= (seen + wide) * np.log((wide + mean[1:]) / (wide + mean[0]))
        np.minimum(gains, params.gain_max, out=gains)
        self.ratios[:, rows] = np.minimum(before * np.exp(gains), self._most)
        # the gain is that of no shift for all: where contacts are many it hardly depends on how many
        gain = 1 / (unknown + noise + 1 / mean[0])
        apart = np.minimum(seen / mean - 1, params.shift_surprise_max)
        busy[_DAY] += gain * day * apart
        busy[_HOUR] += gain * hour * apart
        known += gain * np.array([day * day, hour * hour, day * hour])
        self.busy[:, :, rows], self.known[:, rows] = busy, known

    def found(self, series: int, number: int) -> Found:
        """In one series, with the block of this number."""
        slot = int(np.argmax(self.ratios[:, series]))
        lasted = (number - slot) % SHIFT_BLOCKS + 1
        level = math.exp(float(self.busy[_DAY, 1 + slot, series]) + float(self.busy[_HOUR, 1 + slot, series]))
        seen, expected = 0.0, 0.0
        for each in range(number - lasted + 1, number + 1):
            seen += float(self.blocks[0, each % SHIFT_BLOCKS, series])
            expected += float(self.blocks[1, each % SHIFT_BLOCKS, series])
        return Found(lasted, seen, expected * level, level)

    def clear(self, series: int) -> None:
        """Sets the evidence of one series to nothing."""
        self.ratios[:, series] = 0

    def forget(self, series: int) -> None:
        """Of one series nothing is known of how busy it is."""
        self.busy[..., series] = 0
        self.known[:, series] = 0
        self.clear(series)


def fades(params: CountParams, blocks: int) -> tuple[float, float]:
    """What is left of a day's and of an hour's busyness after so many blocks."""
    seconds = min(blocks, 100_000) * params.level_block_seconds
    return math.exp(-seconds / params.shift_day_seconds), math.exp(-seconds / params.shift_hour_seconds)
