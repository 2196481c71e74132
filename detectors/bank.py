"""All series of one tenant's channel at once: series 0 is the channel, the others are its queues.

Read `close` top down: that is what happens to a closed pane. `score` says what an open pane would show; it changes
nothing. Neither knows of signals.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.baseline import Dispersion, Level, Season
from detectors.budget import SHIFTS
from detectors.columns import Column, Columns, Flags, Lanes, Numbers
from detectors.evidence import DROP, SURGE, Evidence
from detectors.outlook import Outlook
from detectors.parameters import CountParams
from detectors.shifts import Block, Shifts
from detectors.slots import LocalTime, Moment

CURVE = 8  # panes of the statistic that are kept before a signal opens


class Meters(Columns):
    """What is being summed for each series. Contacts that wait are counted here too: `backlog`."""

    columns: ClassVar[dict[str, Column]] = {
        "visit": ((4,), np.float32),  # seen, expected, seconds of this half hour; seconds * variance of expected
        "quarter": ((2,), np.float32),  # seen, expected by the season alone, of this slow pane
        "curve": ((CURVE,), np.float16),
        "frozen_since": ((), np.uint32),
        "spread": ((), np.float32),  # relative variance of the counts, as the band has it since the last block
        "room": ((), np.float32),  # half-width of the band at the last pane
        "heard": ((), np.uint32),  # end of the last pane with a contact
        "backlog": ((), np.uint32),
    }
    visit: NDArray[np.float32]
    quarter: NDArray[np.float32]
    curve: NDArray[np.float16]
    frozen_since: NDArray[np.uint32]
    spread: NDArray[np.float32]
    room: NDArray[np.float32]
    heard: NDArray[np.uint32]
    backlog: NDArray[np.uint32]


class Facts(Columns):
    """What rarely changes."""

    columns: ClassVar[dict[str, Column]] = {
        "scale": ((), np.float32),  # of the season, less one: moved when a new normal is accepted
        "born": ((), np.uint32),
    }
    scale: NDArray[np.float32]
    born: NDArray[np.uint32]


class Clocks(msgspec.Struct):
    """Which half hour, slow pane and block the sums belong to (-1: none yet)."""

    visit: int = -1
    slot: int = 0
    ordinary: bool = True
    quarter: int = -1
    pane_seconds: int = 0
    block: int = -1

    def times(self) -> tuple[int, int, int, int]:
        return self.visit, self.slot, self.quarter, self.block

    def passed(self, before: tuple[int, int, int, int]) -> set[str]:
        """What ended since then, in a channel's words for what changed."""
        visit, slot, quarter, block = before
        found = {f"season/{slot}"} if self.visit != visit else set()
        found |= {"slow"} if self.quarter != quarter else set()
        return found | {"shifts"} if self.block != block else found


class Closed(NamedTuple):
    """What one closed pane shows. `statistic` by direction and series; `slow` only where a slow pane ended."""

    start: int
    seconds: int
    seen: Numbers
    expected: Numbers
    seasonal: Numbers
    statistic: Numbers
    slow: Numbers | None

    def of(self, rows: slice) -> Closed:
        """These series."""
        seen, expected, seasonal, statistic = self.seen[rows], self.expected[rows], self.seasonal[rows], self.statistic
        slow = None if self.slow is None else self.slow[:, rows]
        return Closed(self.start, self.seconds, seen, expected, seasonal, statistic[:, rows], slow)


class Bank:
    """Season, level, dispersion and evidence of the series of one channel. Times are Unix seconds.

    The series may be held under several settings abreast, in `lanes`: row = series * lanes + lane. What is said of one
    lane is what a bank of that lane alone would say, to the bit.
    """

    def __init__(self, params: CountParams, local: LocalTime, lanes: int = 1) -> None:
        self.params = params
        self.season = Season(params, lanes)
        self.outlook = Outlook(params, local, self.season)
        self.level = Level(params)
        day = params.dispersion_half_life_seconds
        self.dispersion = Dispersion(params.dispersion_prior, params.dispersion_prior_weight, day, params)
        week = params.slow_variance_half_life_seconds
        self.tracking = Dispersion(
            params.tracking_variance, params.tracking_weight, params.tracking_half_life_seconds, params
        )
        self.slow_variance = Dispersion(params.slow_variance_prior, params.slow_variance_weight, week, params)
        self.fast = Evidence(params)
        self.slow = Evidence(params)
        self.shifts = Shifts(params)
        self.meters = Meters()
        self.facts = Facts()
        self.clocks = Clocks()
        self.alarmed: Flags = np.zeros(0, bool)
        self.far: Flags = np.zeros(0, bool)  # alarmed, and further away than busy and quiet days are
        self.open_share: Numbers | None = None  # of the pane; None: all are open throughout
        self.closed: Flags | None = None  # None: none is
        self.floor: float | Numbers = 1.0  # a person's floor of the band, as a ratio; or one a row
        self._worth: float | Numbers = 1.0  # of what the level has taken in, around the moment that was read last
        self._band_due = self._slow_band_due = self._room_due = self._some_frozen = True

    @property
    def size(self) -> int:
        return len(self.facts.scale)

    @property
    def local(self) -> LocalTime:
        return self.outlook.local

    @property
    def lanes(self) -> Lanes:
        return self.season.lanes

    @property
    def parts(self) -> dict[str, Columns]:
        return {
            "season": self.season,
            "level": self.level,
            "dispersion": self.dispersion,
            "tracking": self.tracking,
            "slow-variance": self.slow_variance,
            "fast": self.fast,
            "slow": self.slow,
            "shifts": self.shifts,
            "meters": self.meters,
            "facts": self.facts,
        }

    def grow(self, more: int, now: int) -> None:
        """Takes in new series."""
        for part in self.parts.values():
            part.grow(more)
        self.alarmed = np.append(self.alarmed, np.zeros(more, bool))
        self.far = np.append(self.far, np.zeros(more, bool))
        if more:
            self.meters.spread[-more:] = self.params.dispersion_prior
            self.facts.born[-more:] = now
            self.meters.heard[-more:] = now
        self.refresh()

    def keep(self, wanted: Flags) -> None:
        """Forgets series."""
        for part in self.parts.values():
            part.keep(wanted)
        self.alarmed, self.far = self.alarmed[wanted], self.far[wanted]
        self.refresh()

    def refresh(self) -> None:
        """What is derived from the state is derived anew at the next pane."""
        self.season.forget()
        self.outlook.forget()
        self._band_due = self._slow_band_due = self._room_due = self._some_frozen = True

    # -- a pane

    def close(self, start: int, seconds: int, seen: Numbers, known: Flags | None = None) -> Closed:
        """Takes in one closed pane; series that are not `known` (None: all are) neither score nor learn."""
        moment = self.local.moment(start + seconds / 2)
        self._roll(start, moment, start + seconds / 2)
        seasonal = self._seasonal(moment, start, seconds)
        known = self.without_closed(known)
        expected = seasonal * self.level_now
        scored = self.judged if known is None else self.judged & known
        scored = None if known is None and self._all_judged else scored
        statistic = self.fast.update(seen, expected, start, scored, self.outlook.steps(moment))
        self.clocks.pane_seconds = min(seconds, self.params.level_block_seconds)
        self._learn(start, seconds, seen, expected, seasonal, known)
        self._close_block(start + seconds, statistic)
        return Closed(start, seconds, seen, expected, seasonal, statistic, self._close_slow(start + seconds))

    def score(
        self, start: int, seconds: int, seen: Numbers, share_up: float, share_down: float, known: Flags
    ) -> tuple[Numbers, Numbers, Numbers]:
        """An open pane of which `share_down` was surely delivered and from which at most `share_up` can have been
        seen: the statistic and the expected count by direction and series, and the gains."""
        moment = self.local.moment(start + seconds / 2)
        expected = self._seasonal(moment, start, seconds) * self.level_now
        open_and_known = self.without_closed(known)
        mean = expected * np.array([[share_up], [share_down]])
        steps = self.outlook.steps(moment)
        gains = self.fast.gains(seen, mean if steps is None else mean * steps)
        gains = np.where(self.judged & open_and_known, gains, 0.0)
        return self.fast.statistic(self.fast.with_gains(gains)), mean, gains

    def without_closed(self, known: Flags | None) -> Flags | None:
        """Of what is `known` (None: all) that which is open; None where all is."""
        if self.closed is None:
            return known
        return ~self.closed if known is None else known & ~self.closed

    def closed_throughout(self, start: int, seconds: int) -> Flags | None:
        """Which series are closed in all of a stretch of time; None where none is."""
        return _closed(self.outlook.shares(start, seconds))

    def expect(self, start: int, seconds: int) -> Numbers:
        """What a pane would hold of which nothing is known."""
        expected: Numbers = self._seasonal(self.local.moment(start + seconds / 2), start, seconds) * self.level_now
        return expected

    def ahead(self, end: int, seconds: int, many: int) -> Numbers:
        """Contacts that the season expects, at today's level, in each of the `many` stretches that follow on `end`."""
        ahead = self.outlook.ahead(end, seconds, many)
        expected: Numbers = ahead * (1.0 + self.facts.scale.astype(float)) * self.level_now
        return expected

    def accept(self, series: int, ratio: float) -> None:
        """Takes what is seen for the new normal: the season is scaled and the evidence begins anew."""
        self.facts.scale[series] = (1 + float(self.facts.scale[series])) * ratio - 1
        self.level.sums[:, series] = 0
        self.level.pending[..., series] = 0
        self.level.current[:, series] = 0
        self.shifts.forget(series)
        self.clear(series, None)
        self.refresh()

    def settle(self) -> None:
        """Keeps what is usual and forgets the present: level, evidence, sums that are not over."""
        for part in (self.level, self.fast, self.slow, self.shifts):
            for name in part.columns:
                getattr(part, name)[...] = 0
        meters = self.meters
        for column in (meters.visit, meters.quarter, meters.curve, meters.frozen_since, meters.backlog):
            column[...] = 0
        self.level.block, self.clocks = 0, Clocks()
        self.refresh()

    def clear(self, series: int, direction: int | None) -> None:
        self.fast.clear(series, direction)
        self.slow.clear(series, direction)
        if direction != DROP:
            self.shifts.clear(series)

    # -- what is expected

    def _seasonal(self, moment: Moment, start: int, seconds: float) -> Numbers:
        """Contacts that the season alone expects in the `seconds` from `start` on, around `moment`; in closed hours
        none."""
        self._look(moment, start + seconds / 2)
        if self._band_due:
            self._read_band()
        mean = self.outlook.mean(moment, seconds) * self._scale
        shares = self.open_share = self.outlook.shares(start, seconds)
        self.closed = _closed(shares)
        return mean if shares is None else mean * shares

    def _look(self, moment: Moment, at: float) -> None:
        """What follows from the season around a moment, unless that was looked at last."""
        if self.outlook.look(moment, at):
            self._band_due = self._slow_band_due = True
            self._scale = 1.0 + self.facts.scale.astype(float)
            self._worth = 1.0 if moment.visit == self.clocks.visit else self._worth_here()

    def _worth_here(self) -> Numbers:
        """What the level is worth in another half hour than it was learned in. Where nothing was known of the season it
        has made up for that, and where more is known it is no word on how busy it is: by series, the share of what it
        has taken in that leaves it as unsure as the season was."""
        params, season, guessed = self.params, self.outlook.variance, self._guessed()
        better = (guessed > params.quiet_variance) & (season < guessed * params.level_known_ratio)
        fewer = np.where(better, guessed - season, 0.0)
        worth: Numbers = 1 / (1 + self.level.sums[1].astype(float) * fewer)
        return worth

    def _guessed(self) -> Numbers:
        """How unsure the season was so far in the half hour that is not over, as a relative variance."""
        _, _, exposure, doubt = self.meters.visit.astype(float)
        found: Numbers = doubt / np.maximum(exposure, 1.0) - self.params.visit_variance - self._tracking()
        return found

    def _read_band(self) -> None:
        """Level, tolerance and shape: functions of the state, which move once a block at most."""
        params, season = self.params, self.outlook.variance
        self._band_due, self._room_due = False, True
        self.level_now, variance = self.level.estimate(self._young(), self._worth)
        self.relative_variance = self.meters.spread.astype(float)
        tracking = self._tracking()
        # what the season does not know, the level shows where contacts are many
        unseen = np.exp(-self.level.sums[0].astype(float) * self._worth / params.level_tells)
        unknown = np.maximum(season - params.tolerance_known_variance, 0.0) * unseen
        self.judged = self.outlook.ready & (season * unseen < params.quiet_variance)
        self._all_judged = bool(np.logical_and.reduce(self.judged))
        told = variance + season / 2 + tracking + params.unknown_weight * unknown
        most = np.minimum(params.tolerance_max + params.unknown_room * unknown, params.tolerance_unknown_max)
        self.tolerance = self._tolerance(told, most, params.tolerance_sd)
        self._doubt = variance + season + params.visit_variance + tracking
        self.fast.band(*self.tolerance, 1 / self.relative_variance)
        # of a count that is expected: what it may differ by beyond chance, as a relative variance
        self.room_variance = self.relative_variance + (self.tolerance[0] / 2) ** 2
        if self._slow_band_due:
            self._read_slow_band()

    def _read_slow_band(self) -> None:
        params = self.params
        self._slow_band_due = False
        self.slow_tolerance = self._tolerance(
            self.slow_variance.estimate() + self.outlook.variance + params.tolerance_floor_variance,
            params.tolerance_max,
            params.slow_tolerance_sd,
        )
        self.slow.band(*self.slow_tolerance, np.full(self.size, 1 / params.slow_dispersion))

    def _young(self) -> Flags:
        now = self.level.block * self.params.level_block_seconds
        young: Flags = self.facts.born.astype(float) + self.params.young_seconds > now
        return young

    def _tolerance(self, variance: Numbers, most: Numbers | float, sd: float) -> tuple[Numbers, Numbers]:
        """Half-widths of the band that is still usual, upwards and downwards; downwards it is wider where little is
        known: a gamma law of few contacts has its longer side there, as a ratio."""
        params = self.params
        if not params.tolerance:
            return np.full(self.size, self.floor - 1), np.full(self.size, self.floor - 1)
        spread = np.sqrt(variance)
        least = np.maximum(params.tolerance_min, self.floor - 1)
        up = np.maximum(np.minimum(sd * spread, most), least)
        wide = params.tolerance_down_sd * spread * (1 + params.tolerance_skew * variance)
        return up, np.maximum(np.minimum(wide, params.tolerance_down_max), least)

    # -- learning

    def _roll(self, start: int, moment: Moment, at: float) -> None:
        """Closes blocks and half hours that ended before this pane, whose middle is `at`."""
        clocks = self.clocks
        block = start // self.params.level_block_seconds
        if block > self.level.block:
            self._follow_level()
            beside_guess = self._guessed() >= self.params.guess_variance
            self.level.roll(block, (self.meters.frozen_since > 0) & ~self._thawed(start), beside_guess)
            self.meters.spread[...] = self.dispersion.estimate()
            self._band_due = True
        if moment.visit != clocks.visit:
            flat = self.outlook.flat()
            if clocks.visit != -1 and clocks.ordinary:
                self._learn_visit()
            self.outlook.forget()
            self._look(moment, at)
            self._turn(flat)
            self.meters.visit[...] = 0
            clocks.visit, clocks.slot, clocks.ordinary = moment.visit, moment.slot, moment.ordinary

    def _turn(self, flat: Numbers) -> None:
        """Of the level, what holds in the half hour that begins. Beside a guess it goes on from that which is made now;
        in the half hour before it was `flat`."""
        now = np.where(self.outlook.is_guess, self.outlook.flat() / flat, 1.0)
        self.level.scale(self._worth * np.array([np.ones(self.size), now]))
        self._worth = 1.0

    def _follow_level(self) -> None:
        """How far the block that ended was from what the level had said of it, beyond the counts' own noise; and how
        much of it the level may take in."""
        params, block_seconds = self.params, self.params.level_block_seconds
        seen, seasonal = self.level.current.astype(float)
        level, _ = self.level.estimate(self._young())
        noise: Numbers = self.meters.spread.astype(float) * (self.clocks.pane_seconds / block_seconds)
        expected = seasonal * level
        self.tracking.learn(seen, expected, self._tracking() + noise, block_seconds, seasonal > 0, noise)
        chance = params.level_limit_sd * np.sqrt(noise + 1 / np.maximum(expected, 1.0))
        room = 1 + self.meters.room.astype(float) + chance
        self.level.limit(expected / room, expected * room)

    def _tracking(self) -> Numbers:
        return np.minimum(
            np.maximum(self.tracking.estimate(), self.params.tracking_variance_min),
            self.params.tracking_variance_max,
        )

    def _learn_visit(self) -> None:
        seen, expected, exposure, variance = self.meters.visit.astype(float)
        if not exposure.any():
            return
        scale = 1.0 + self.facts.scale.astype(float)
        variance /= np.maximum(exposure, 1.0)
        self.season.learn(self.clocks.slot, seen / scale, expected / scale, exposure, variance)

    def frozen_seconds(self, series: int, now: int) -> float:
        since = int(self.meters.frozen_since[series])
        return float(now - since) if since else 0.0

    def _thawed(self, now: int) -> Flags:
        """Frozen for as long as may be. What is far away is no busy day: it stays frozen while its signal is open."""
        long = now - self.meters.frozen_since.astype(float) > self.params.freeze_seconds_max
        return long & ~self.far

    def _learn(
        self, start: int, seconds: int, seen: Numbers, expected: Numbers, seasonal: Numbers, known: Flags | None
    ) -> None:
        meters, params = self.meters, self.params
        counted = self._free(start) & self.outlook.ready
        seconds_known = np.float64(seconds) if self.open_share is None else seconds * self.open_share
        if known is not None:
            seen, expected, seasonal = seen * known, expected * known, seasonal * known
            seconds_known = seconds_known * known
            counted &= known
        both = np.array([seen, seasonal])
        meters.quarter[...] = meters.quarter + both
        both *= counted
        self.level.add(both)
        # beside a guess counts are far from expected for another reason than their own dispersion
        self.dispersion.learn(seen, expected, self.relative_variance, seconds, counted & ~self.outlook.is_guess)
        visit = np.empty(meters.visit.shape)
        visit[0], visit[1], visit[2] = seen, expected, seconds_known
        np.multiply(self._doubt, seconds_known, out=visit[3])
        if np.logical_or.reduce(self.far):
            visit *= np.where(self.far & (self.outlook.variance <= params.outage_variance_max), params.far_weight, 1.0)
        visit += meters.visit
        meters.visit[...] = visit
        if self._room_due:
            self._room_due = False
            meters.room[...] = self.tolerance[0]
        np.maximum(meters.heard, np.multiply(seen > 0, np.uint32(start + seconds)), out=meters.heard)

    def _free(self, start: int) -> Flags:
        """Series that may learn: not excited, or for so long that this may be how it is now."""
        since = self.meters.frozen_since
        excited = self.fast.excited() | self.alarmed
        before, self._some_frozen = self._some_frozen, bool(np.logical_or.reduce(excited))
        if before or self._some_frozen:
            since[...] = np.where(excited, np.where(since > 0, since, start), 0)
        free: Flags = ~excited
        return free | self._thawed(start) if self._some_frozen else free

    def _close_block(self, end: int, statistic: Numbers) -> None:
        """Ends the block where its time is over; what speaks for a shift in it counts among what speaks for a surge."""
        clocks, params = self.clocks, self.params
        number, length = end // params.level_block_seconds, params.level_block_seconds
        if number == clocks.block or not (params.shifts and params.level):
            return
        passed, clocks.block = number - clocks.block, number
        sums = self.meters.quarter.astype(float)
        seen, expected = sums - self.shifts.before
        self.shifts.before[...] = sums
        judged = self.outlook.is_known(params.shift_season_variance_max) & self.outlook.smooth & ~self.alarmed
        noise = self.relative_variance * (clocks.pane_seconds / length)
        hour = params.shift_hour_share * self._tracking()
        hour += np.maximum(self.outlook.variance - params.shift_known_variance, 0.0)
        speaks = self.shifts.look(Block(number - 1, passed, seen, expected, judged, noise, hour))
        # the threshold is that of evidence which counts panes, and has all of its budget
        speaks += math.log(SHIFTS * length / clocks.pane_seconds)
        rounded, threshold = np.round(speaks, 6), self.fast.threshold[SURGE]
        for series in np.flatnonzero((rounded >= threshold) & (statistic[SURGE] < threshold)).tolist():
            if not self._take_back(series, number - 1, float(speaks[series])):
                rounded[series] = statistic[SURGE, series]
        np.maximum(statistic[SURGE], rounded, out=statistic[SURGE])

    def _take_back(self, series: int, block: int, statistic: float) -> bool:
        """The level is again as it is without the shift, and what it had taken in is evidence; not where a person has
        said that so much is no matter."""
        found = self.shifts.found(series, block)
        if found.seen < found.expected * np.broadcast_to(self.floor, self.size)[series]:
            return False
        since = (block + 1 - found.blocks) * self.params.level_block_seconds
        self.level.become(series, found.level, bool(self._young()[series]))
        self.fast.become(series, since, found.seen, found.expected, statistic)
        self.level_now[series] = found.level
        self._band_due = True
        return True

    def _close_slow(self, end: int) -> Numbers | None:
        """Ends the slow pane where its time is over; returns its statistic."""
        clocks, params = self.clocks, self.params
        quarter = end // params.slow_seconds
        if quarter == clocks.quarter:
            return None
        clocks.quarter = quarter
        seen, expected = self.meters.quarter.astype(float)
        known = (expected > 0) & self.outlook.is_known(self.params.slow_season_variance_max)
        self.meters.quarter[...] = self.shifts.before[...] = 0
        self.slow_variance.learn(
            seen, expected, self.slow_variance.estimate(), params.slow_seconds, known & ~self.alarmed
        )
        self._slow_band_due = True
        return self.slow.update(seen, expected, end - params.slow_seconds, known)


def _closed(shares: Numbers | None) -> Flags | None:
    """Of what part of the time each is open: which are not at all; None where none is so."""
    return None if shares is None or shares.all() else shares == 0
