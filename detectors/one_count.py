"""What is usual of one series of counts, in plain floats: the way of `Bank`, whose numbers it gives.

The season (`one_season`) is looked at once a half hour. Level, band, dispersion and evidence are moved with every pane.
What a pane does when a block or a half hour has ended is done on a copy: reading stays pure.
"""

from __future__ import annotations

import math
from array import array
from typing import NamedTuple

import msgspec

from detectors import one_evidence, one_shift, one_slow
from detectors.evidence import DROP, SURGE, UPS
from detectors.one_season import OneSeason
from detectors.one_shift import OneShift, ShiftReading, ShiftState
from detectors.one_slow import OneSlow, SlowState, SlowView
from detectors.parameters import RATIOS, SHIFT_BLOCKS, CountParams
from detectors.singles import Singles, Spread, fork, times, zeros
from detectors.slots import WEEK_SLOTS, Moment

_ROWS = len(RATIOS)
_SEASON = ("counts", "exposure")
# what only a pane that is learned changes: reading needs no copy of it
_LEARNED = ("dispersion", "room", "scale", "visit_sums", "runs", "walks", "observed", "expected")


class CountState(msgspec.Struct, array_like=True):
    """As the bank keeps it: the season (`counts`, `exposure`), what is followed (`level` to `scale`), the half hour
    that is not over (`visit_sums`), the evidence by ratio (`runs` to `since`), the slow speed, and small shifts."""

    counts: Singles
    exposure: Singles
    level: Singles
    current: Singles
    pending: Singles
    dispersion: Singles
    tracking: Singles
    spread: Singles
    room: Singles
    scale: Singles
    visit_sums: Singles
    runs: Singles
    walks: Singles
    observed: Singles
    expected: Singles
    since: list[int]
    slow: SlowState
    shift: ShiftState
    born: int = 0
    frozen_since: int = 0
    block: int = 0
    visit: int = -1
    slot: int = 0
    ordinary: bool = True
    pane_seconds: int = 0
    step: int = 0
    first: float = 0.0
    alarms: list[Alarm | None] = msgspec.field(default_factory=lambda: [None, None])


class Alarm(msgspec.Struct, array_like=True):
    """An open alarm of one direction. `relief` is the evidence that it is over."""

    opened: int
    onset: int
    observed: float
    expected: float
    relief: float = 0.0
    far: bool = False
    slow: bool = False

    @property
    def ratio(self) -> float:
        return self.observed / self.expected if self.expected > 0 else 0.0


def empty() -> CountState:
    """Of a series of which nothing is known."""
    return CountState(
        counts=zeros(WEEK_SLOTS),
        exposure=zeros(WEEK_SLOTS),
        level=zeros(2),
        current=zeros(2),
        pending=zeros(4),
        dispersion=zeros(2),
        tracking=zeros(2),
        spread=Singles((CountParams().dispersion_prior,)),
        room=zeros(1),
        scale=zeros(1),
        visit_sums=zeros(4),
        runs=zeros(_ROWS),
        walks=zeros(_ROWS),
        observed=zeros(_ROWS),
        expected=zeros(_ROWS),
        since=[0] * _ROWS,
        slow=one_slow.empty(),
        shift=one_shift.empty(),
    )


class View(NamedTuple):
    """What the season says around a moment, and the band: they move when a half hour or a block ends."""

    key: tuple[int, int, bool, int, int]
    before: float
    after: float
    variance: float
    ready: bool
    steep: bool
    learned_weeks: float
    level: float
    judged: bool
    up: float
    down: float
    doubt: float
    shape: float
    variance_of_counts: float
    edges: one_evidence.Band
    slow: SlowView


class OneCount:
    """The arithmetic of one series with these settings; the state is handed in."""

    def __init__(self, params: CountParams) -> None:
        self.params = params
        self._kept: OneSeason | None = None
        self.slow = OneSlow(params)
        self.shift = OneShift(params)
        self._freeze = min(params.freeze_up, params.freeze_down), params.freeze_up, params.freeze_down
        each = params.level_block_seconds
        self._fades = (
            0.5 ** (each / params.level_half_life_seconds),
            0.5 ** (each / params.level_guess_half_life_seconds),
        )
        self.dispersion = Spread(
            params.dispersion_prior, params.dispersion_prior_weight, params.dispersion_half_life_seconds, params
        )
        self.tracking = Spread(
            params.tracking_variance, params.tracking_weight, params.tracking_half_life_seconds, params
        )

    # -- what is usual

    def key(self, state: CountState, moment: Moment) -> tuple[int, int, bool, int, int]:
        """What a view holds for."""
        return moment.before, moment.after, moment.known, moment.visit, state.block

    def view(self, state: CountState, moment: Moment, old: View | None) -> View:
        """The season and the band at a moment; the season is that of `old` where the half hour is the same."""
        key, params = self.key(state, moment), self.params
        if old is not None and old.key[:4] == key[:4]:
            before, after, season, ready, steep, weeks = old[1:7]
        else:
            before, after, season, ready, steep, weeks = self._season(state, moment)
        worth = self._worth(state, moment, season)
        level, variance = self.level(state, worth)
        tracking = self.followed(state)
        unseen = math.exp(-state.level[0] * worth / params.level_tells)
        unknown = max(season - params.tolerance_known_variance, 0.0) * unseen
        told = variance + season / 2 + tracking + params.unknown_weight * unknown
        most = min(params.tolerance_max + params.unknown_room * unknown, params.tolerance_unknown_max)
        up, down = self._tolerance(told, most, params.tolerance_sd)
        return View(
            key,
            before,
            after,
            season,
            ready,
            steep,
            weeks,
            level=level,
            judged=ready and season * unseen < params.quiet_variance,
            up=up,
            down=down,
            doubt=variance + season + params.visit_variance + tracking,
            shape=1 / state.spread[0],
            variance_of_counts=state.spread[0],
            edges=one_evidence.band(up, down),
            slow=self._slow_view(state, season, ready),
        )

    def _slow_view(self, state: CountState, season: float, ready: bool) -> SlowView:
        params = self.params
        variance = self.slow.variance(state.slow) + season + params.tolerance_floor_variance
        wide = self._tolerance(variance, params.tolerance_max, params.slow_tolerance_sd)
        return SlowView(ready and season < params.slow_season_variance_max, one_evidence.band(*wide))

    def _season(self, state: CountState, moment: Moment) -> tuple[float, float, float, bool, bool, float]:
        params, season = self.params, self._table(state)
        (before, known), (after, other) = season.rate(moment.before), season.rate(moment.after)
        if (known < params.guess_variance) != (other < params.guess_variance):
            before = after = before if known > other else after
        variance = max(known, other)
        if not moment.known:
            variance += params.special_variance
        ready = season.seconds >= params.warm_up_seconds and season.seen >= params.warm_up_contacts
        steep = abs(math.log(after / before)) > math.log(params.step_ratio)
        return before, after, variance, ready, steep, season.seconds / (7 * 86_400)

    def _table(self, state: CountState) -> OneSeason:
        """The season of the state's own tables; the last one is kept, for it remembers what it has worked out."""
        if self._kept is None or self._kept.counts is not state.counts:
            self._kept = OneSeason(self.params, state.counts, state.exposure)
        return self._kept

    def level(self, state: CountState, worth: float = 1.0) -> tuple[float, float]:
        """How busy it is against the season, and the relative variance of that, where what was taken in is worth this
        share of what it was."""
        params = self.params
        if not params.level:
            return 1.0, params.slow_variance_prior
        young = self._young(state)
        prior = params.level_prior_young if young else params.level_prior
        low = params.level_min_young if young else params.level_min
        high = params.level_max_young if young else params.level_max
        seen, expected = state.level[0] * worth, state.level[1] * worth
        return min(max((prior + seen) / (prior + expected), low), high), 1 / (prior + expected)

    def _worth(self, state: CountState, moment: Moment, season: float) -> float:
        """What the level is worth in another half hour than it was learned in: as in `Bank._worth_here`."""
        if moment.visit == state.visit:
            return 1.0
        params, guessed = self.params, self._guessed(state)
        if guessed <= params.quiet_variance or season >= guessed * params.level_known_ratio:
            return 1.0
        return 1 / (1 + state.level[1] * (guessed - season))

    def _guessed(self, state: CountState) -> float:
        """How unsure the season was so far in the half hour that is not over, as a relative variance."""
        _, _, exposure, doubt = state.visit_sums
        return doubt / max(exposure, 1.0) - self.params.visit_variance - self.followed(state)

    def _young(self, state: CountState) -> bool:
        return state.born + self.params.young_seconds > state.block * self.params.level_block_seconds

    def followed(self, state: CountState) -> float:
        """How well the level follows, as its blocks have shown."""
        found = max(self.tracking.estimate(state.tracking), self.params.tracking_variance_min)
        return min(found, self.params.tracking_variance_max)

    def _tolerance(self, variance: float, most: float, sd: float) -> tuple[float, float]:
        params = self.params
        if not params.tolerance:
            return 0.0, 0.0
        spread = math.sqrt(variance)
        up = max(min(sd * spread, most), params.tolerance_min)
        wide = params.tolerance_down_sd * spread * (1 + params.tolerance_skew * variance)
        down = min(wide, params.tolerance_down_max)
        return up, max(down, params.tolerance_min)

    def steps(self, view: View, share: float) -> tuple[float, float]:
        """Factors of a steep view's band: one half hour has much more than the next, and may begin at any minute."""
        rate = view.before + (view.after - view.before) * share
        ramp = math.sqrt(self.params.step_ratio)
        high, low = max(view.before, view.after), min(view.before, view.after)
        return max(high / rate / ramp, 1.0), min(low / rate * ramp, 1.0)

    # -- time

    def rolled(self, state: CountState, start: int, moment: Moment) -> CountState:
        """The state at this time: a copy where a block or a half hour has ended."""
        block = start // self.params.level_block_seconds
        if block <= state.block and moment.visit == state.visit:
            return state
        another = moment.visit != state.visit
        old, state = state, fork(state, _LEARNED if another else (*_LEARNED, *_SEASON))
        state.born = state.born or start
        if block > state.block:
            self._follow_level(state)
            self._roll_level(state, block, self.frozen(state, start))
            state.spread[0] = self.dispersion.estimate(state.dispersion)
        if another:
            flat = self._table(old).flat
            if state.visit != -1 and state.ordinary:
                self._learn_visit(state, old)
            self._turn(state, moment, flat)
            state.visit_sums = zeros(4)
            state.visit, state.slot, state.ordinary = moment.visit, moment.slot, moment.ordinary
        return state

    def frozen(self, state: CountState, now: int) -> bool:
        """Nothing is learned while there is evidence, for so long at most; what is far away stays out."""
        return state.frozen_since > 0 and not self.thawed(state, now)

    def thawed(self, state: CountState, now: int) -> bool:
        return now - state.frozen_since > self.params.freeze_seconds_max and not self.far(state)

    def far(self, state: CountState) -> bool:
        """There is an alarm, and it is further away than busy and quiet days are."""
        return any(alarm is not None and alarm.far for alarm in state.alarms)

    def _follow_level(self, state: CountState) -> None:
        params, block_seconds = self.params, self.params.level_block_seconds
        seen, seasonal = state.current
        noise = state.spread[0] * (state.pane_seconds / block_seconds)
        expected = seasonal * self.level(state)[0]
        if seasonal > 0:
            self.tracking.learn(state.tracking, seen, expected, self.followed(state) + noise, block_seconds, noise)
        room = 1 + state.room[0] + params.level_limit_sd * math.sqrt(noise + 1 / max(expected, 1.0))
        state.current[0] = min(max(state.current[0], expected / room), expected * room)

    def _roll_level(self, state: CountState, block: int, frozen: bool) -> None:
        passed, fade = block - state.block, self._fades[self._guessed(state) >= self.params.guess_variance]
        level, pending, current = state.level, state.pending, state.current
        state.block = block
        for _ in range(min(passed, 3)):
            for i in (0, 1):
                if not frozen:
                    level[i] = times(fade, level[i]) + pending[i]
                pending[i] = pending[2 + i]
                pending[2 + i] = 0.0 if frozen else current[i]
                current[i] = 0.0
        if passed > 3 and not frozen:
            for i in (0, 1):
                level[i] = times(fade ** min(passed - 3, 1000), level[i])

    def _turn(self, state: CountState, moment: Moment, flat: float) -> None:
        """Of the level, what holds in the half hour that begins: as in `Bank._turn`."""
        season = self._season(state, moment)[2]
        worth = self._worth(state, moment, season)
        guess = self._table(state).flat / flat if season >= self.params.guess_variance else 1.0
        if worth == guess == 1.0:
            return
        for column in (state.level, state.pending, state.current):
            column[::2] = Singles(each * worth for each in column[::2])
            column[1::2] = Singles(each * (worth * guess) for each in column[1::2])

    def _learn_visit(self, state: CountState, old: CountState) -> None:
        """The half hour that ended becomes part of the season, which is `old`'s until then."""
        (seen, expected, exposure, variance), scale = state.visit_sums, 1.0 + state.scale[0]
        if not exposure:
            return
        variance /= max(exposure, 1.0)
        tables = state.counts, state.exposure
        self._kept = self._table(old).learned(state.slot, seen / scale, expected / scale, exposure, variance, tables)

    # -- a pane

    def shifted(self, state: CountState, view: View, end: int, seen: float, seasonal: float) -> ShiftReading:
        """The block that is over with a pane: the pane's end, what was seen in it and what the season expects."""
        params, pane_seconds = self.params, min(state.step, self.params.level_block_seconds)
        sums = Singles((state.slow.sums[0] + seen, state.slow.sums[1] + seasonal))
        known = view.ready and view.variance < params.shift_season_variance_max
        judged = known and not view.steep and not any(state.alarms)
        noise = view.variance_of_counts * (pane_seconds / params.level_block_seconds)
        hour = params.shift_hour_share * self.followed(state) + max(view.variance - params.shift_known_variance, 0.0)
        return self.shift.read(state.shift, end, sums, judged, noise, hour, pane_seconds)

    def take_back(self, state: CountState, view: View, reading: ShiftReading) -> None:
        """The level is again as it is without the shift, and what it had taken in is evidence."""
        found, params = reading.found(), self.params
        prior = params.level_prior_young if self._young(state) else params.level_prior
        state.level[0] = max(found.level * (prior + state.level[1]) - prior, 0.0)
        state.pending, state.current = zeros(4), zeros(2)
        beyond = found.seen / found.expected / view.edges[SURGE][0]
        row = min(one_evidence.MEMBERS[SURGE], key=lambda j: abs(math.log(RATIOS[j] / beyond)))
        self._clear(state, SURGE)
        state.runs[row] = math.exp(min(reading.statistic, params.evidence_max)) * UPS
        state.walks[row], state.observed[row], state.expected[row] = reading.statistic, found.seen, found.expected
        state.since[row] = (reading.number + 1 - found.blocks) * params.level_block_seconds

    def grow(self, state: CountState, added: list[float], runs: list[float], pane: tuple[int, float, float]) -> None:
        """The evidence of a pane: its start, what was seen and expected."""
        start, seen, mean = pane
        walks, observed, expected = state.walks, state.observed, state.expected
        state.runs[:] = array("f", runs)
        for j, before in enumerate(walks.tolist()):
            walk = before + added[j]
            if walk > 0:
                walks[j] = walk
                observed[j] += seen
                expected[j] += mean
                if before <= 0:
                    state.since[j] = start
            elif before > 0:
                walks[j] = observed[j] = expected[j] = 0.0
                state.since[j] = 0

    def learn(self, state: CountState, view: View, start: int, seen: float, seasonal: float, known: bool) -> None:
        """Level, dispersion and half hour take in a pane, unless there is evidence."""
        params, (up, down) = self.params, state.alarms
        excited = up is not None or down is not None or self._high(state.walks)
        state.frozen_since = (state.frozen_since or start) if excited else 0
        state.room[0] = view.up
        state.pane_seconds = min(state.step, params.level_block_seconds)
        if not known:
            return
        mean = seasonal * view.level
        if view.ready and (not excited or self.thawed(state, start)):
            state.current[0] += seen
            state.current[1] += seasonal
            if view.variance < params.guess_variance:
                self.dispersion.learn(state.dispersion, seen, mean, view.variance_of_counts, state.step)
        far = excited and self.far(state) and view.variance <= params.outage_variance_max
        usual, sums = params.far_weight if far else 1.0, state.visit_sums
        sums[0] += seen * usual
        sums[1] += mean * usual
        sums[2] += state.step * usual
        sums[3] += state.step * view.doubt * usual

    def _high(self, walks: Singles) -> bool:
        """There is evidence."""
        values, (least, up, down) = walks.tolist(), self._freeze
        return max(values) > least and (max(values[:UPS]) > up or max(values[UPS:]) > down)

    def clear(self, state: CountState, direction: int | None) -> None:
        """Sets evidence to nothing."""
        self._clear(state, direction)
        self.slow.clear(state.slow, direction)
        if direction != DROP:
            state.shift.ratios = zeros(SHIFT_BLOCKS)

    def _clear(self, state: CountState, direction: int | None) -> None:
        for way in (SURGE, DROP) if direction is None else (direction,):
            for j in one_evidence.MEMBERS[way]:
                state.runs[j] = state.walks[j] = state.observed[j] = state.expected[j] = 0.0
                state.since[j] = 0

    def accept(self, state: CountState, ratio: float) -> None:
        """What is seen is the new normal."""
        state.scale[0] = (1 + state.scale[0]) * ratio - 1
        state.level, state.current, state.pending = zeros(2), zeros(2), zeros(4)
        shift, many = state.shift, 1 + SHIFT_BLOCKS
        shift.day, shift.hour, shift.known = zeros(many), zeros(many), zeros(3)
        self.clear(state, None)
