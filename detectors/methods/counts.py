"""Counts of contacts, up and down, and exact silence: a mixture Shiryaev-Roberts e-detector over season and level.

The readable reference of the bank that the product runs (`bank`, `evidence`, `baseline`): the same numbers for one
series. The mean time to a false alarm, of both directions and both speeds together, is at least what `false_a_month`
asks for while the true rate stays inside the usual band (Shin, Ramdas, Rinaldo 2024).

It leaves out what the bank has beyond one series: opening hours and calendar days, a person's floor of the band, and
what queues borrow from their channel.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from detectors import budget, one_evidence
from detectors.contract import Direction, Features, Method, Verdict, number
from detectors.evidence import DROP, SURGE
from detectors.hours import Hours
from detectors.one_count import Alarm, CountState, OneCount, View, empty
from detectors.one_shift import ShiftReading
from detectors.one_slow import SlowReading
from detectors.parameters import RATIOS, CountParams
from detectors.singles import zeros
from detectors.slots import Moment

_MOST = 1e15  # contacts of one pane; more are a mistake
_NONE: list[Alarm | None] = [None, None]
_WAYS: tuple[Direction, Direction] = ("up", "down")


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """`pane_seconds` 0: the first two times tell."""

    false_a_month: float = 1.0
    pane_seconds: int = 0
    time_zone: str = "UTC"
    count: CountParams = CountParams()


class Reading(NamedTuple):
    """What a pane shows: the greatest S of both directions and speeds, without its cut, as the fast speed's line has
    it; S by direction as the bank has it (unrounded), of panes alone in `fast`; the slow pane, and the block in which a
    small shift may show, where one ends."""

    statistic: float
    ways: tuple[float, float]
    seen: float
    seasonal: float
    expected: float
    at: int
    known: bool
    gains: list[float]
    runs: list[float]
    state: CountState
    view: View | None
    fast: tuple[float, float]
    slow: SlowReading | None = None
    shift: ShiftReading | None = None


class Glimpse(NamedTuple):
    """What an open pane shows: S and the expected count by direction, and the gains (0 where nothing is judged)."""

    ways: tuple[float, float]
    means: tuple[float, float]
    gains: list[float]


class Counts(Method[Reading, CountState]):
    """One series of counts."""

    def __init__(self, params: Params | None = None) -> None:
        self.params = params = params or Params()
        self._hours = Hours(params.time_zone)
        self._limits = (0, 0.0, 0.0, 0.0, 0.0)  # a pane's length, and what follows
        self._one = OneCount(params.count)
        self._cache: tuple[CountState, View] | None = None
        super().__init__(empty())
        self.state.step = params.pane_seconds

    @property
    def line(self) -> float:  # type: ignore[override]  # it follows from the budget, once a pane's length is known
        return self._limit()[0]

    def read(self, x: Features) -> Reading:
        at, seen, state, one = number(x, "at"), number(x, "value"), self.state, self._one
        if not (state.step and math.isfinite(at)):
            return Reading(0.0, (0.0, 0.0), seen, 0.0, 0.0, 0, False, [], [], state, None, (0.0, 0.0))
        start, (moment, share) = int(at), self._hours.at(at + state.step / 2)
        if not at <= (self.order.last or 0.0):
            state = one.rolled(state, start, moment)
        view = self._view(state, moment)
        seasonal = self._seasonal(state, view, moment, share)
        mean, known = seasonal * view.level, 0 <= seen < _MOST
        line, cap, near, slow_line = self._limit()
        slow = shift = None
        held = state.slow.highest  # between two slow panes the last one's word stands
        end = start + state.step
        if one.shift.ends(state.shift, end):
            shift = one.shifted(state, view, end, *((seen, seasonal) if known else (0.0, 0.0)))
        if one.slow.ends(state.slow, end):
            pane = (end, seen, seasonal) if known else (end, 0.0, 0.0)
            slow = one.slow.read(state.slow, view.slow, pane, slow_line)
            held = max(slow.ways)
        held += line - slow_line
        if not (known and view.judged):
            fast = one_evidence.statistic(state.runs)
            ways = fast if shift is None else _with(shift, fast)
            return Reading(
                max(*ways, held), ways, seen, seasonal, mean, start, known, [], [], state, view, fast, slow, shift
            )
        means, most = (mean, mean), one.params.gain_max
        if view.steep:
            up, down = one.steps(view, share)
            means = mean * up, mean * down
        gains = one_evidence.gains(seen, means, view.edges, view.shape, most)
        runs = one_evidence.grown(state.runs.tolist(), gains, cap)
        fast = one_evidence.statistic(runs)
        ways = fast if shift is None else _with(shift, fast)
        highest = max(fast)
        if highest >= near and (max(gains) == most or max(runs) == cap):
            # what is kept is cut; what is said need not be
            free = one_evidence.gains(seen, means, view.edges, view.shape, math.inf)
            highest = max(one_evidence.uncut(state.runs[row], free[row]) for row in one_evidence.ROWS)
        if shift is not None:
            held = max(held, shift.statistic)
        highest = max(highest, held)
        return Reading(highest, ways, seen, seasonal, mean, start, True, gains, runs, state, view, fast, slow, shift)

    def open(self, x: Features, share_up: float, share_down: float) -> Glimpse:
        """The pane after the last learned one before it is over: `share_down` of it was surely delivered, and what was
        seen can have come from at most `share_up`. Changes nothing; the pane is learned when it is closed."""
        at, seen, state, one = number(x, "at"), number(x, "value"), self.state, self._one
        if not (state.step and math.isfinite(at)):
            return Glimpse((0.0, 0.0), (0.0, 0.0), [0.0] * len(RATIOS))
        moment, share = self._hours.at(at + state.step / 2)
        view = self._view(state, moment)
        mean = self._seasonal(state, view, moment, share) * view.level
        means = mean * share_up, mean * share_down
        gains = [0.0] * len(RATIOS)
        if 0 <= seen < _MOST and view.judged:
            up, down = one.steps(view, share) if view.steep else (1.0, 1.0)
            edge = means[SURGE] * up, means[DROP] * down
            gains = one_evidence.gains(seen, edge, view.edges, view.shape, one.params.gain_max)
        runs = one_evidence.grown(state.runs.tolist(), gains, self._limit()[1])
        return Glimpse(one_evidence.statistic(runs), means, gains)

    def commit(self, x: Features, reading: Reading) -> None:
        state = self.state
        if reading.view is None:
            state.step = int(number(x, "at") - state.first) if state.first else 0
            state.first = number(x, "at")
            return
        state = self.state = reading.state
        if reading.gains:
            pane = reading.at, reading.seen, reading.expected
            self._one.grow(state, reading.gains, reading.runs, pane)
        self._one.learn(state, reading.view, reading.at, reading.seen, reading.seasonal, reading.known)
        self._cache = (state, reading.view)
        if reading.shift is not None:
            self._shift(reading, reading.view, reading.shift)
        if reading.slow is not None:
            self._one.slow.close(state.slow, reading.slow, state.alarms != _NONE)
            state.shift.before = zeros(2)
        elif reading.known:
            self._one.slow.add(state.slow, reading.seen, reading.seasonal)
        if reading.known:
            self._alarms(reading)

    def _shift(self, reading: Reading, view: View, shift: ShiftReading) -> None:
        """Takes in the block that is over; where a shift is as sure as a surge must be, it is one from now on."""
        state = reading.state
        state.shift = shift.state
        if shift.statistic >= self.line > reading.fast[SURGE]:
            self._one.take_back(state, view, shift)
            self._cache = None

    def explain(self, x: Features, reading: Reading) -> Verdict:
        del x
        way = SURGE if reading.ways[SURGE] >= reading.ways[DROP] else DROP
        alarm, state = reading.state.alarms[way], reading.state
        if reading.shift is not None and way == SURGE and reading.ways[SURGE] > reading.fast[SURGE]:
            found = reading.shift.found()
            length = self._one.params.level_block_seconds
            onset = (reading.shift.number + 1 - found.blocks) * length
            observed, expected = found.seen, found.expected
        elif reading.gains:
            walks = [max(walk + gain, 0.0) for walk, gain in zip(state.walks, reading.gains, strict=True)]
            j = one_evidence.best(walks, way)
            alive = state.walks[j] > 0
            onset = state.since[j] if alive else reading.at
            observed = (state.observed[j] if alive else 0.0) + reading.seen
            expected = (state.expected[j] if alive else 0.0) + reading.expected
        elif alarm is not None:
            onset, observed, expected = alarm.onset, alarm.observed, alarm.expected
        else:
            onset, observed, expected = reading.at, reading.seen, reading.expected
        days = budget.rarity_days(max(reading.ways), state.step or 60)
        change = f" ({(observed / expected - 1) * 100:+,.0f} %)" if expected > 0 else ""
        reason = (
            f"{observed:,.0f} where {expected:,.4g} are expected{change}, by chance less than once in {days:,.3g} days"
        )
        return Verdict(_WAYS[way], observed, expected, onset, reason)

    # -- alarms

    def _limit(self) -> tuple[float, float, float, float]:
        """The line; where evidence is cut; an S below which none can have been; and the line of the slow speed."""
        step, params = self.state.step or 60, self._one.params
        if self._limits[0] != step:
            each = self.params.false_a_month / (budget.SPEEDS * budget.DIRECTIONS)
            line, slow = budget.threshold(each, step), budget.slow_threshold(each, params.slow_seconds)
            cut = min(4 * line, params.evidence_max)
            near = min(cut, params.gain_max) - math.log(len(RATIOS))
            self._limits = step, line, math.exp(cut), near, slow
        return self._limits[1:]

    def _seasonal(self, state: CountState, view: View, moment: Moment, share: float) -> float:
        """Contacts that the season alone expects of a pane, `share` of the way between two half hours' middles."""
        rate = view.before + (view.after - view.before) * share
        return rate * (state.step * moment.factor) * (1.0 + state.scale[0])

    def _view(self, state: CountState, moment: Moment) -> View:
        of, old = self._cache or (None, None)
        if of is not self.state:
            old = None
        elif old is not None and state is of and old.key == self._one.key(state, moment):
            return old
        return self._one.view(state, moment, old)

    def _alarms(self, reading: Reading) -> None:
        """Opens what reached the line, follows what is open, ends what is over: its evidence begins anew."""
        state, (line, _, _, slow_line) = reading.state, self._limit()
        slow = reading.slow.ways if reading.slow is not None else (-math.inf, -math.inf)
        if max(reading.ways) < line and max(slow) < slow_line and state.alarms == _NONE:
            return
        for way in (SURGE, DROP):
            alarm = state.alarms[way]
            if alarm is None:
                if reading.ways[way] >= line:
                    self._open(way, reading, slow=False)
                if slow[way] >= slow_line and state.alarms[way] is None:
                    self._open(way, reading, slow=True)
            elif self._over(alarm, way, reading):
                state.alarms[way] = None
                self._one.clear(state, way)
            else:
                self._follow(alarm, way, reading)

    def _open(self, way: int, reading: Reading, *, slow: bool) -> None:
        state = reading.state
        onset, observed, expected = self._run(way, slow)
        if expected > 0:
            state.alarms[way] = alarm = Alarm(reading.at, onset, observed, expected, slow=slow)
            self._mark(alarm, reading.at)

    def _run(self, way: int, slow: bool) -> one_evidence.Sums:
        kept = self.state.slow if slow else self.state
        j = one_evidence.best(kept.walks, way)
        return kept.since[j], kept.observed[j], kept.expected[j]

    def _follow(self, alarm: Alarm, way: int, reading: Reading) -> None:
        params, now = self._one.params, reading.at + self.state.step
        onset, observed, expected = self._run(way, alarm.slow)
        if expected > 0 and (not alarm.slow or reading.slow is not None):
            alarm.onset, alarm.observed, alarm.expected = onset, observed, expected
        self._mark(alarm, reading.at)
        learned = now - self.state.born >= params.learning_seconds
        usual = params.accept_ratio_min <= alarm.ratio <= params.accept_ratio_max
        if now - alarm.onset >= params.accept_seconds and learned and usual and reading.view is not None:
            self.state.alarms[way] = None
            self._one.accept(self.state, alarm.ratio * (1.0 if alarm.slow else reading.view.level))
            self._cache = None

    def _mark(self, alarm: Alarm, now: int) -> None:
        """What is far away is no busy day, once enough is known to say so."""
        params = self._one.params
        learned = now - self.state.born >= params.learning_seconds
        alarm.far = learned and not params.far_down <= alarm.ratio <= params.far_up

    def _over(self, alarm: Alarm, way: int, reading: Reading) -> bool:
        """Usual traffic is a hundred times as likely as the alarm's own ratio."""
        params, mean = self._one.params, reading.seasonal if alarm.slow else reading.expected
        if way == SURGE:
            rho = math.sqrt(min(max(alarm.ratio, params.recovery_ratio_min), params.recovery_ratio_max))
        else:
            rho = math.sqrt(max(min(alarm.ratio, 1 / params.recovery_ratio_min), 1 / params.recovery_ratio_max))
        if mean > 0 and reading.view is not None:
            shape, seen = reading.view.shape, reading.seen
            gain = seen * math.log(rho) - (seen + shape) * math.log((shape + rho * mean) / (shape + mean))
            alarm.relief = max(0.0, alarm.relief - max(min(gain, params.gain_max), -params.gain_max))
        return alarm.relief > params.recovery_line


def _with(shift: ShiftReading, fast: tuple[float, float]) -> tuple[float, float]:
    """S by direction: what speaks for a shift speaks for a surge."""
    return max(fast[SURGE], shift.statistic), fast[DROP]


def build(time_zone: str = "UTC") -> Counts:
    """With the defaults."""
    return Counts(Params(time_zone=time_zone))
