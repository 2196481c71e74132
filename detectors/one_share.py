"""A share of one series behind river's interface: the arithmetic of `shares`, the way of `share_bank`, in plain floats.

Equal to one row of the bank. What a pane does when a half hour has ended is done on a copy, so that reading is pure.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from array import array
from typing import NamedTuple

import msgspec

from detectors import budget, one_evidence
from detectors.contract import Features, Method, Verdict, number
from detectors.hours import Hours
from detectors.parameters import CountParams
from detectors.shares import DAY_HOURS, EDGE_MAX, EDGE_MIN, ShareParams, odds_ratio, slot_of
from detectors.singles import Singles, Spread, fork, times, zeros
from detectors.slots import Moment

_NOTHING = 1e-12
_MOST = 1e15  # contacts of one pane; more are a mistake
_COUNTS = CountParams()


class ShareState(msgspec.Struct):
    """`runs` to `since` are by odds ratio, `hits` and `decided` by slot of time. `step` is the length of a pane, and 0
    while that is not known."""

    runs: Singles
    walks: Singles
    observed: Singles
    of: Singles
    expected: Singles
    since: list[int]
    hits: Singles
    decided: Singles
    pane_spread: Singles
    block_spread: Singles
    sums: Singles  # of the half hour that is not over: concerned, decided, seconds
    exposure: Singles
    frozen_since: int = 0
    block: int = -1
    slot: int = -1
    first: float = 0.0
    step: float = 0.0
    alarm: ShareAlarm | None = None


class ShareAlarm(msgspec.Struct):
    """What an open alarm is about. `relief` is the evidence that it is over."""

    since: int
    observed: float
    of: float
    expected: float
    relief: float = 0.0


def empty(odds: int, slots: int) -> ShareState:
    """Of a series of which nothing is known."""
    return ShareState(
        runs=zeros(odds),
        walks=zeros(odds),
        observed=zeros(odds),
        of=zeros(odds),
        expected=zeros(odds),
        since=[0] * odds,
        hits=zeros(slots),
        decided=zeros(slots),
        pane_spread=zeros(2),
        block_spread=zeros(2),
        sums=zeros(3),
        exposure=zeros(1),
    )


class View(NamedTuple):
    """What follows from the state until a half hour or a slot ends."""

    share: float
    scarce: float
    edge: float
    ready: bool
    logs: tuple[tuple[float, float], ...]  # by odds: of q_j / q0, and of (1 - q_j) / (1 - q0)


class ShareReading(NamedTuple):
    """What a pane shows: S without its cut, and as the bank has it. `state` and `view` are those of its time."""

    statistic: float
    kept: float
    y: float
    n: float
    at: int
    known: bool
    gains: tuple[float, ...]
    runs: list[float]
    state: ShareState
    view: View


class OneShare(Method[ShareReading, ShareState]):
    """y of n contacts, against what share of them is usual."""

    def __init__(self, params: ShareParams, false_a_month: float, time_zone: str, falling: bool = False) -> None:
        self.share_params = params
        self.false_a_month = false_a_month
        self.time_zone = time_zone
        self._hours = Hours(time_zone)
        self._falling = falling
        self._limits = (0.0, 0.0, 0.0)  # a pane's length, the line, the cut
        self._pane = Spread(params.pane_variance, params.pane_weight, params.half_life_seconds, _COUNTS)
        self._block = Spread(params.block_variance, params.block_weight, params.half_life_seconds, _COUNTS)
        self._view: tuple[ShareState, View] | None = None
        super().__init__(empty(len(params.odds), params.slots))

    @abstractmethod
    def counted(self, x: Features) -> tuple[float, float]:
        """y and n of a pane; NaN where they are unknown."""

    @property
    def line(self) -> float:  # type: ignore[override]  # it follows from the budget, once a pane's length is known
        return self._limit()[0]

    def _limit(self) -> tuple[float, float]:
        """The line, and where evidence is cut."""
        step = self.state.step or 60.0
        if self._limits[0] != step:
            line = budget.threshold(self.false_a_month, step)
            self._limits = step, line, math.exp(min(4 * line, self.share_params.evidence_max))
        return self._limits[1:]

    def read(self, x: Features) -> ShareReading:
        at, (y, n), state = number(x, "at"), self.counted(x), self.state
        if state.step and math.isfinite(at) and not at <= (self.order.last or 0.0):
            state = self._rolled(int(at), self._hours.at(at + state.step / 2)[0])
        view = self._look(state)
        known = math.isfinite(at) and 0 <= y <= n < _MOST
        start = int(at) if math.isfinite(at) else 0
        if not (known and n > 0 and view.ready and state.step):
            statistic = one_evidence.log_mean_of(state.runs)
            return ShareReading(statistic, statistic, y, n, start, known, (), [], state, view)
        phi, rest = 1 / (1 + max(n - 1, 0.0) * self._icc(state, view)), n - y
        free = [phi * (y * more + rest * less) for more, less in view.logs]
        most, cap = self.share_params.gain_max, self._limit()[1]
        gains = free if max(free) <= most else [min(gain, most) for gain in free]
        runs = one_evidence.grown(state.runs.tolist(), gains, cap)
        highest = statistic = one_evidence.log_mean_of(runs)
        if gains is not free or max(runs) == cap:
            # what is kept is cut; what is said need not be
            highest = one_evidence.uncut(state.runs, free)
        return ShareReading(highest, statistic, y, n, start, True, tuple(gains), runs, state, view)

    def commit(self, x: Features, reading: ShareReading) -> None:
        if not self.state.step:
            # the first two times tell how long a pane is
            self.state.step = number(x, "at") - self.state.first if self.state.first else 0.0
            self.state.first = number(x, "at")
            return
        state = self.state = reading.state
        if reading.gains:
            self._grow(reading)
        if reading.known:
            self._learn(reading)
            self._alarm(reading)
        self._view = (state, reading.view)

    def explain(self, x: Features, reading: ShareReading) -> Verdict:
        """The run that the evidence speaks most for, with this pane."""
        state, gains = reading.state, reading.gains or (0.0,) * len(reading.state.runs)
        j = max(range(len(gains)), key=lambda j: state.walks[j] + gains[j])
        alive = state.walks[j] > 0
        y, n = (reading.y, reading.n) if reading.gains else (0.0, 0.0)
        observed = (state.observed[j] if alive else 0.0) + y
        of = (state.of[j] if alive else 0.0) + n
        expected = (state.expected[j] if alive else 0.0) + n * reading.view.share
        onset = state.since[j] if alive else reading.at
        return Verdict("up", observed, expected, onset, self.words(observed, of, expected, onset, x))

    def words(self, observed: float, of: float, expected: float, onset: float, x: Features) -> str:
        """Why, for a person."""
        del onset, x
        odds = odds_ratio(observed, of, expected)
        return (
            f"{observed:,.0f} of {of:,.0f} ({observed / max(of, 1):.1%}) where {expected / max(of, 1):.1%} is usual, "
            f"odds x {odds:.2g}"
        )

    # -- evidence

    def _icc(self, state: ShareState, view: View) -> float:
        return min(self._pane.estimate(state.pane_spread) * view.share / max(1 - view.share, _NOTHING), 1.0)

    def _grow(self, reading: ShareReading) -> None:
        state, y, n, gains = reading.state, reading.y, reading.n, reading.gains
        walks, mean = state.walks, n * reading.view.share
        state.runs[:] = array("f", reading.runs)
        for j, gain in enumerate(gains):
            before = walks[j]
            walk = before + gain
            if walk > 0:
                walks[j] = walk
                state.observed[j] += y
                state.of[j] += n
                state.expected[j] += mean
                if not before > 0:
                    state.since[j] = reading.at
            elif before > 0:
                walks[j] = state.observed[j] = state.of[j] = state.expected[j] = 0.0
                state.since[j] = 0

    # -- what is usual

    def _look(self, state: ShareState) -> View:
        if self._view is not None and self._view[0] is state:
            return self._view[1]
        params = self.share_params
        all_hits, all_of = sum(state.hits), sum(state.decided)
        share, weight = max((all_hits + 0.5) / (all_of + 1.0), _NOTHING), all_of + 1.0
        if params.slots > 1:
            slot = max(state.slot, 0)
            hour = slice(slot % DAY_HOURS, None, DAY_HOURS)
            share, weight = self._nearer(share, weight, sum(state.hits[hour]), sum(state.decided[hour]))
            share, weight = self._nearer(share, weight, state.hits[slot], state.decided[slot])
        base = 1 - share if self._falling else share
        scarce = (1 - base) / max(base * weight, _NOTHING)
        slow = self._block.estimate(state.block_spread)
        if self._falling:
            slow *= (share / max(base, _NOTHING)) ** 2
        share = max(share, params.share_least)
        wide = params.tolerance_sd * math.sqrt(scarce + slow + params.tolerance_floor_variance)
        wide = min(max(wide, params.tolerance_min), params.tolerance_max)
        edge = 1 - (1 - share) / (1 + wide) if self._falling else share * (1 + wide)
        ready = all_of >= params.warm_up_of and state.exposure[0] >= params.warm_up_seconds
        of_share = (1 - share) / max(share * weight, _NOTHING)
        edge = min(max(edge, EDGE_MIN), EDGE_MAX)
        view = View(share, of_share, edge, ready, tuple(_logs(edge, odds) for odds in params.odds))
        if state is self.state:
            self._view = (state, view)
        return view

    def _nearer(self, share: float, weight: float, hits: float, of: float) -> tuple[float, float]:
        worth = max(1 - share, _NOTHING) / (share * self.share_params.slot_variance)
        return (hits + worth * share) / (of + worth), of + min(worth, weight)

    # -- learning

    def _rolled(self, start: int, moment: Moment) -> ShareState:
        """The state at this time: a copy where a half hour or a slot has ended."""
        params, state = self.share_params, self.state
        block = start // params.block_seconds
        slot = slot_of(moment, params.slots)
        if block == state.block and slot == state.slot:
            return state
        rolled = fork(state)
        if block != state.block:
            if state.block >= 0:
                self._learn_block(rolled)
            rolled.block = block
        rolled.slot = slot
        return rolled

    def _learn_block(self, state: ShareState) -> None:
        y, n, seconds = state.sums
        if not (y or n or seconds):
            return
        params, view, slot = self.share_params, self._look(self.state), max(state.slot, 0)
        mean, variance = n * view.share, self._block.estimate(state.block_spread)
        weight = 1.0
        if view.ready:
            spread = max(mean * (1 - view.share) + mean**2 * variance, 0.25)
            weight = min(1.0, params.robust_z**2 * spread / max((y - mean) ** 2, _NOTHING))
            if n > 0:
                noise = view.scarce - 1 / max(n, 1.0)
                self._block.learn(state.block_spread, y, mean, variance, params.block_seconds, noise)
        keep = 1 - (1 - params.block_keep) * weight * (n > 0)
        state.hits[slot] = state.hits[slot] * keep + weight * y
        state.decided[slot] = state.decided[slot] * keep + weight * n
        state.exposure[0] += seconds
        state.sums = zeros(3)

    def _learn(self, reading: ShareReading) -> None:
        state, params, n = reading.state, self.share_params, reading.n
        if not self._excited(state):
            state.frozen_since = 0
        elif not state.frozen_since:
            state.frozen_since = reading.at
        if state.frozen_since and reading.at - state.frozen_since <= params.freeze_seconds_max:
            return
        y = reading.y
        if n > 0 and reading.view.ready:
            variance = self._pane.estimate(state.pane_spread)
            mean = n * reading.view.share
            self._pane.learn(state.pane_spread, y, mean, variance, state.step, -1 / max(n, 1.0))
        state.sums[0] += y
        state.sums[1] += n
        state.sums[2] += state.step

    def _excited(self, state: ShareState) -> bool:
        params = self.share_params
        runs = zip(state.walks, state.observed, state.expected, strict=True)
        return state.alarm is not None or any(
            w > params.freeze and seen > times(params.freeze_ratio, usual) for w, seen, usual in runs
        )

    # -- alarms

    def _alarm(self, reading: ShareReading) -> None:
        """Opens what reached the line, follows it, ends what is over: its evidence begins anew."""
        state, alarm = reading.state, reading.state.alarm
        if alarm is not None and reading.n > 0 and self._over(alarm, reading):
            state.alarm = None
            for each in (state.runs, state.walks, state.observed, state.of, state.expected):
                each[:] = zeros(len(each))
            state.since = [0] * len(state.since)
        elif alarm is not None or reading.kept >= self.line:
            j = max(range(len(state.walks)), key=lambda j: state.walks[j])
            if state.walks[j] > 0:
                relief = alarm.relief if alarm is not None else 0.0
                state.alarm = ShareAlarm(state.since[j], state.observed[j], state.of[j], state.expected[j], relief)

    def _over(self, alarm: ShareAlarm, reading: ShareReading) -> bool:
        """The usual share is a hundred times as likely as the alarm's own."""
        params, y, n = self.share_params, reading.y, reading.n
        odds = odds_ratio(alarm.observed, alarm.of, alarm.expected)
        odds = math.sqrt(min(max(odds, params.recovery_odds_min), params.recovery_odds_max))
        more, less = _logs(min(max(reading.view.share, EDGE_MIN), EDGE_MAX), odds)
        phi = 1 / (1 + max(n - 1, 0.0) * self._icc(reading.state, reading.view))
        gain = phi * (y * more + (n - y) * less)
        alarm.relief = max(0.0, alarm.relief - max(min(gain, params.gain_max), -params.gain_max))
        return alarm.relief > params.recovery_line


def _logs(edge: float, odds: float) -> tuple[float, float]:
    far = odds * edge / (1 - edge + odds * edge)
    return math.log(far / edge), math.log((1 - far) / (1 - edge))
