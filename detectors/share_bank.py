"""Many shares at once: baseline, tolerance and evidence of rows (a series and what is counted of it), in numpy.

Read `close` top down. A pane here is the finished minute of a channel, or its pane where that is longer.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import shares
from detectors.baseline import Dispersion
from detectors.columns import Column, Columns, Flags, Numbers
from detectors.parameters import CountParams
from detectors.shares import ShareParams
from detectors.slots import Moment

_TINY = 1e-300
_NOTHING = 1e-12


class Runs(Columns):
    """What speaks for each odds ratio; `since` is the start (Unix seconds) of the run that `walks` sums up."""

    def __init__(self, odds: int) -> None:
        names = ("runs", "walks", "observed", "of", "expected")
        # as many rows as there are odds
        self.columns = dict.fromkeys(names, ((odds,), np.float32)) | {"since": ((odds,), np.uint32)}  # type: ignore[misc]
        super().__init__()

    runs: NDArray[np.float32]
    walks: NDArray[np.float32]
    observed: NDArray[np.float32]
    of: NDArray[np.float32]
    expected: NDArray[np.float32]
    since: NDArray[np.uint32]


class Usual(Columns):
    """Discounted contacts concerned and decided, by slot of time."""

    def __init__(self, slots: int) -> None:
        self.columns = {"hits": ((slots,), np.float32), "of": ((slots,), np.float32)}  # type: ignore[misc]
        super().__init__()

    hits: NDArray[np.float32]
    of: NDArray[np.float32]


class Marks(Columns):
    """The block that is not over, and what rarely changes."""

    columns: ClassVar[dict[str, Column]] = {
        "block": ((3,), np.float32),  # contacts concerned, decided, seconds
        "frozen_since": ((), np.uint32),
        "exposure": ((), np.float32),  # seconds learned
    }
    block: NDArray[np.float32]
    frozen_since: NDArray[np.uint32]
    exposure: NDArray[np.float32]


class Sums(NamedTuple):
    """Of the run that a row's evidence speaks most for."""

    since: int
    observed: float
    of: float
    expected: float


class ShareBank:
    """The rows of one channel. `falling` rows watch a share fall: they are given its complement."""

    def __init__(self, params: ShareParams, counts: CountParams) -> None:
        self.params = params
        self.runs = Runs(len(params.odds))
        self.usual = Usual(params.slots)
        self.marks = Marks()
        life = params.half_life_seconds
        self.pane_spread = Dispersion(params.pane_variance, params.pane_weight, life, counts)
        self.block_spread = Dispersion(params.block_variance, params.block_weight, life, counts)
        self.block = self.slot = -1
        self.falling: Flags = np.zeros(0, bool)
        self.alarmed: Flags = np.zeros(0, bool)
        self.threshold: Numbers = np.zeros(0)
        self._odds = np.array(params.odds)[:, None]
        self._fresh = False

    @property
    def size(self) -> int:
        return len(self.falling)

    @property
    def hot(self) -> tuple[Columns, ...]:
        """What changes with every pane."""
        return self.runs, self.marks, self.pane_spread

    @property
    def cold(self) -> tuple[Columns, ...]:
        """What changes when a block ends."""
        return self.usual, self.block_spread

    def grow(self, falling: Flags) -> None:
        for part in (*self.hot, *self.cold):
            part.grow(len(falling))
        self.falling = np.append(self.falling, falling)
        self.alarmed = np.append(self.alarmed, np.zeros(len(falling), bool))
        self.threshold = np.append(self.threshold, np.full(len(falling), np.inf))
        self._fresh = False

    def keep(self, wanted: Flags) -> None:
        for part in (*self.hot, *self.cold):
            part.keep(wanted)
        self.falling, self.alarmed = self.falling[wanted], self.alarmed[wanted]
        self.threshold = self.threshold[wanted]
        self._fresh = False

    def limit(self, threshold: Numbers) -> None:
        """h by row. Evidence is kept at 4h."""
        self.threshold = threshold
        self._cap = np.exp(np.minimum(4 * threshold, self.params.evidence_max))

    # -- a pane

    def close(self, start: int, seconds: int, moment: Moment, y: Numbers, n: Numbers, known: Flags) -> Numbers:
        """Takes in one pane: y of n by row; returns S. Rows that are not `known` neither score nor learn."""
        self._roll(start, moment)
        if not self._fresh:
            self._read()
        told = known & (n > 0)
        scored = told & self.ready
        statistic = self._score(start, y, n, scored)
        self._learn(start, seconds, y, n, told, known)
        return statistic

    def _score(self, start: int, y: Numbers, n: Numbers, scored: Flags) -> Numbers:
        runs = self.runs
        phi = shares.trust(n, self.icc)
        gains = np.minimum(shares.gains(y, n, self.edge, self._odds, phi), self.params.gain_max)
        grown = np.minimum((runs.runs.astype(float) + 1.0) * np.exp(gains), self._cap)
        walks = np.maximum(runs.walks + gains, 0.0)
        alive = walks > 0
        new: tuple[Any, ...] = (
            grown,
            walks,
            (runs.observed + y) * alive,
            (runs.of + n) * alive,
            (runs.expected + n * self.share) * alive,
            np.where(alive, np.where(runs.walks > 0, runs.since, start), 0),
        )
        for name, after in zip(runs.columns, new, strict=True):
            before = getattr(runs, name)
            before[...] = np.where(scored, after, before)
        return _statistic(np.where(scored, grown, runs.runs))

    def statistic(self) -> Numbers:
        """S by row, as the last pane left it."""
        return _statistic(self.runs.runs.astype(float))

    # -- what is usual

    def _read(self) -> None:
        """What follows from the state; it moves when a block or a slot ends."""
        self._fresh = True
        params = self.params
        hits, of = self.usual.hits.astype(float), self.usual.of.astype(float)
        all_hits, all_of = hits.sum(axis=0), of.sum(axis=0)
        general = np.maximum((all_hits + 0.5) / (all_of + 1.0), _NOTHING)
        worth = (1 - general) / (general * params.slot_variance)
        slot = max(self.slot, 0)
        if params.slots == 1:
            share, weight = general, all_of + 1.0
        else:
            share = (hits[slot] + worth * general) / (of[slot] + worth)
            weight = of[slot] + np.minimum(worth, all_of + 1.0)
        self.share = np.maximum(share, params.share_least)
        base = np.where(self.falling, 1 - share, share)
        self._scarce = (1 - self.share) / np.maximum(self.share * weight, _NOTHING)
        scarce = (1 - base) / np.maximum(base * weight, _NOTHING)
        slow = self.block_spread.estimate() * np.where(self.falling, (share / np.maximum(base, _NOTHING)) ** 2, 1.0)
        wide = params.tolerance_sd * np.sqrt(scarce + slow + params.tolerance_floor_variance)
        self.tolerance = np.clip(wide, params.tolerance_min, params.tolerance_max)
        self.edge = shares.edge(self.share, self.tolerance, self.falling)
        self.icc = self._icc()
        self.ready = (all_of >= params.warm_up_of) & (self.marks.exposure >= params.warm_up_seconds)

    def _slot_of(self, moment: Moment) -> int:
        slots = self.params.slots
        return 0 if slots == 1 else moment.slot // 2 % slots

    def _roll(self, start: int, moment: Moment) -> None:
        """Ends the block that is over."""
        block, slot = start // self.params.block_seconds, self._slot_of(moment)
        if block != self.block:
            if self.block >= 0:
                self._learn_block()
            self.block = block
            self._fresh = False
        if slot != self.slot:
            self.slot, self._fresh = slot, False

    def _learn_block(self) -> None:
        y, n, seconds = self.marks.block.astype(float)
        if seconds.any():
            params = self.params
            if not self._fresh:
                self._read()
            share = self.share
            mean = n * share
            variance = self.block_spread.estimate()
            some = (n > 0) & self.ready
            # binomial, not Poisson; and what is not known of the share is no difference between hours
            noise = self._scarce - 1 / np.maximum(n, 1.0)
            spread = np.maximum(mean * (1 - share) + mean**2 * variance, 0.25)
            far = params.robust_z**2 * spread / np.maximum((y - mean) ** 2, _NOTHING)
            weight = np.where(self.ready, np.minimum(1.0, far), 1.0)
            self.block_spread.learn(y, mean, variance, params.block_seconds, some, noise)
            slot = max(self.slot, 0)
            keep = 1 - (1 - params.block_keep) * weight * (n > 0)
            self.usual.hits[slot] = self.usual.hits[slot] * keep + weight * y
            self.usual.of[slot] = self.usual.of[slot] * keep + weight * n
            self.marks.exposure += seconds
        self.marks.block[...] = 0

    def _learn(self, start: int, seconds: int, y: Numbers, n: Numbers, told: Flags, known: Flags) -> None:
        marks, params = self.marks, self.params
        excited: Flags = np.where(self.alarmed, True, self._excited())
        marks.frozen_since[...] = np.where(excited, np.where(marks.frozen_since > 0, marks.frozen_since, start), 0)
        learns = known & (~excited | (start - marks.frozen_since.astype(float) > params.freeze_seconds_max))
        self.pane_spread.learn(
            y, n * self.share, self.pane_spread.estimate(), seconds, told & learns & self.ready, -1 / np.maximum(n, 1.0)
        )
        marks.block += np.array([y, n, np.full(self.size, float(seconds))]) * learns
        # the estimate for the next panes; the shares themselves move with blocks
        self.icc = self._icc()

    def _icc(self) -> Numbers:
        found: Numbers = np.minimum(
            self.pane_spread.estimate() * self.share / np.maximum(1 - self.share, _NOTHING), 1.0
        )
        return found

    def _excited(self) -> Flags:
        runs, params = self.runs, self.params
        high = (runs.walks > params.freeze) & (runs.observed > params.freeze_ratio * runs.expected)
        found: Flags = np.logical_or.reduce(high, axis=0)
        return found

    # -- one row

    def sums(self, row: int) -> Sums:
        """Of the best run: when it began, and what was in it."""
        runs = self.runs
        j = int(np.argmax(runs.walks[:, row]))
        return Sums(
            int(runs.since[j, row]), float(runs.observed[j, row]), float(runs.of[j, row]), float(runs.expected[j, row])
        )

    def relief(self, row: int, odds: float, y: float, n: float) -> float:
        """What one pane says against the row's alarm: minus the gain of the root of its odds, from the usual share."""
        params = self.params
        ratio = np.sqrt(min(max(odds, params.recovery_odds_min), params.recovery_odds_max))
        one = np.array([float(self.share[row])])
        usual = np.clip(one, 1e-6, 0.999)
        phi = shares.trust(np.array([n]), self.icc[row : row + 1])
        gain = float(shares.gains(np.array([y]), np.array([n]), usual, np.array([[ratio]]), phi)[0, 0])
        return -max(min(gain, params.gain_max), -params.gain_max)

    def clear(self, row: int) -> None:
        """Sets the evidence of a row to nothing."""
        for name in self.runs.columns:
            getattr(self.runs, name)[:, row] = 0

    def accept(self, row: int, share: float) -> None:
        """What is seen is usual from now on."""
        self.usual.hits[:, row] = self.usual.of[:, row] * share
        self.marks.block[:, row] = 0
        self.clear(row)
        self._fresh = False


def _statistic(runs: Numbers) -> Numbers:
    statistic: Numbers = np.log(np.maximum(runs.mean(axis=0), _TINY)).round(6)
    return statistic
