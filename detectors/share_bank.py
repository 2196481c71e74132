"""Many shares at once: baseline, tolerance and evidence of rows (a series and what is counted of it), in numpy.

Read `close` top down. A pane here is the finished minute of a channel, or its pane where that is longer.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import shares
from detectors.baseline import Dispersion
from detectors.columns import Column, Columns, Flags, Numbers
from detectors.parameters import CountParams
from detectors.shares import DAY_HOURS, ShareParams
from detectors.slots import Moment

_TINY = 1e-300
_NOTHING = 1e-12


class Runs(Columns):
    """What speaks for each odds ratio; `since` is the start (Unix seconds) of the run that `walks` sums up."""

    def __init__(self, odds: int) -> None:
        # as many rows as there are odds
        self.columns = {  # type: ignore[misc]
            "runs": ((odds,), np.float32),
            "walks": ((odds,), np.float32),
            "sums": ((3, odds), np.float32),  # contacts concerned, decided, and concerned as is usual
            "since": ((odds,), np.uint32),
        }
        super().__init__()

    runs: NDArray[np.float32]
    walks: NDArray[np.float32]
    sums: NDArray[np.float32]
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
        self.params, self.counts = params, counts
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
        self.refresh()

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
        self.refresh()

    def keep(self, wanted: Flags) -> None:
        for part in (*self.hot, *self.cold):
            part.keep(wanted)
        self.falling, self.alarmed = self.falling[wanted], self.alarmed[wanted]
        self.threshold = self.threshold[wanted]
        self.refresh()

    def settle(self) -> None:
        """Forgets what is going on."""
        for name in self.runs.columns:
            getattr(self.runs, name)[...] = 0
        self.refresh()

    def refresh(self) -> None:
        """What is derived from the state is derived anew at the next pane."""
        self._fresh = False
        self._calm: Numbers | None = None
        self._excited: Flags | None = None
        self._frozen = True

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
        # in most minutes of a quiet channel nothing is decided at all
        statistic = self._score(start, y, n, scored) if np.logical_or.reduce(scored) else self.statistic()
        free = self._free(start)
        learns = known if free is None else known & free
        if np.logical_or.reduce(told):
            self._learn(seconds, y, n, scored & learns)
            self.marks.block[0] += y * learns
            self.marks.block[1] += n * learns
        self.marks.block[2] += float(seconds) * learns
        return statistic

    def _score(self, start: int, y: Numbers, n: Numbers, scored: Flags) -> Numbers:
        runs = self.runs
        more, less = self._logs
        gains = y * more
        gains += (n - y) * less
        gains *= shares.trust(n, self.icc)
        np.minimum(gains, self.params.gain_max, out=gains)
        grown = np.exp(gains)
        grown *= np.add(runs.runs, 1.0, dtype=float)
        np.minimum(grown, self._cap, out=grown)
        gains += runs.walks
        walks = np.maximum(gains, 0.0, out=gains)
        alive = walks > 0
        sums = runs.sums + np.array([y, n, n * self.share])[:, None]
        sums *= alive
        np.copyto(runs.since, np.uint32(start), where=(runs.walks <= 0) & scored)
        np.copyto(runs.since, np.uint32(0), where=~alive & scored)
        if np.logical_and.reduce(scored):
            runs.runs[...], runs.walks[...], runs.sums[...] = grown, walks, sums
        else:
            grown = np.where(scored, grown, runs.runs)
            runs.runs[...] = grown
            np.copyto(runs.walks, walks, where=scored)
            np.copyto(runs.sums, sums, where=scored)
        self._calm = self._excited = None
        return _statistic(grown)

    def statistic(self) -> Numbers:
        """S by row, as the last pane left it."""
        if self._calm is None:
            self._calm = _statistic(self.runs.runs.astype(float))
        return self._calm

    # -- what is usual

    def _read(self) -> None:
        """What follows from the state; it moves when a block or a slot ends."""
        self._fresh = True
        params = self.params
        hits, of = self.usual.hits.astype(float), self.usual.of.astype(float)
        all_hits, all_of = hits.sum(axis=0), of.sum(axis=0)
        share, weight = np.maximum((all_hits + 0.5) / (all_of + 1.0), _NOTHING), all_of + 1.0
        if params.slots > 1:
            slot = max(self.slot, 0)
            of_hour = slice(slot % DAY_HOURS, None, DAY_HOURS)
            share, weight = self._nearer(share, weight, hits[of_hour].sum(axis=0), of[of_hour].sum(axis=0))
            share, weight = self._nearer(share, weight, hits[slot], of[slot])
        self.share = np.maximum(share, params.share_least)
        base = np.where(self.falling, 1 - share, share)
        self._scarce = (1 - self.share) / np.maximum(self.share * weight, _NOTHING)
        scarce = (1 - base) / np.maximum(base * weight, _NOTHING)
        slow = self.block_spread.estimate() * np.where(self.falling, (share / np.maximum(base, _NOTHING)) ** 2, 1.0)
        wide = params.tolerance_sd * np.sqrt(scarce + slow + params.tolerance_floor_variance)
        self.tolerance = np.minimum(np.maximum(wide, params.tolerance_min), params.tolerance_max)
        self._logs = shares.logs(shares.edge(self.share, self.tolerance, self.falling), self._odds)
        self.icc = self._icc()
        self.ready = (all_of >= params.warm_up_of) & (self.marks.exposure >= params.warm_up_seconds)

    def _nearer(self, share: Numbers, weight: Numbers, hits: Numbers, of: Numbers) -> tuple[Numbers, Numbers]:
        """A share and how many contacts it is of, with those of a part of the time, drawn to what all of it shows."""
        # of what was always so a little is left to learn: at none at all a part that was never seen would be no number
        worth = np.maximum(1 - share, _NOTHING) / (share * self.params.slot_variance)
        return (hits + worth * share) / (of + worth), of + np.minimum(worth, weight)

    def _roll(self, start: int, moment: Moment) -> None:
        """Ends the block that is over."""
        block, slot = start // self.params.block_seconds, shares.slot_of(moment, self.params.slots)
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

    def _learn(self, seconds: int, y: Numbers, n: Numbers, counted: Flags) -> None:
        if np.logical_or.reduce(counted):
            self.pane_spread.learn(y, n * self.share, self._spread, seconds, counted, -1 / np.maximum(n, 1.0))
            # the estimate for the next panes; the shares themselves move with blocks
            self.icc = self._icc()

    def _free(self, start: int) -> Flags | None:
        """Rows that may learn: not excited, or for so long that this may be how it is now. None: all may."""
        marks = self.marks
        if self._excited is None:
            self._excited = self._read_excited()
        excited = self._excited | self.alarmed
        some = bool(np.logical_or.reduce(excited))
        if some or self._frozen:
            marks.frozen_since[...] = np.where(excited, np.where(marks.frozen_since > 0, marks.frozen_since, start), 0)
        self._frozen = some
        if not some:
            return None
        return ~excited | (start - marks.frozen_since.astype(float) > self.params.freeze_seconds_max)

    def _icc(self) -> Numbers:
        self._spread = self.pane_spread.estimate()
        found: Numbers = np.minimum(self._spread * self.share / np.maximum(1 - self.share, _NOTHING), 1.0)
        return found

    def _read_excited(self) -> Flags:
        runs, params = self.runs, self.params
        high = runs.walks > params.freeze
        if np.logical_or.reduce(high, axis=None):
            high &= runs.sums[0] > params.freeze_ratio * runs.sums[2]
        found: Flags = np.logical_or.reduce(high, axis=0)
        return found

    # -- one row

    def sums(self, row: int) -> Sums:
        """Of the best run: when it began, and what was in it."""
        runs = self.runs
        j = int(np.argmax(runs.walks[:, row]))
        return Sums(int(runs.since[j, row]), *runs.sums[:, j, row].tolist())

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
            getattr(self.runs, name)[..., row] = 0
        self.stir()

    def stir(self) -> None:
        """The evidence changed."""
        self._calm = self._excited = None

    def accept(self, row: int, share: float) -> None:
        """What is seen is usual from now on."""
        self.usual.hits[:, row] = self.usual.of[:, row] * share
        self.marks.block[:, row] = 0
        self.clear(row)
        self._fresh = False


def _statistic(runs: Numbers) -> Numbers:
    mean = np.add.reduce(runs, axis=0) / len(runs)
    statistic: Numbers = np.log(np.maximum(mean, _TINY)).round(6)
    return statistic
