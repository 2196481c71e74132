"""The count detector for all series of one channel at once: season, level, evidence, alarms. Series 0 is the channel."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.baseline import Dispersion, Level, Season
from detectors.columns import Columns, Flags, Numbers
from detectors.evidence import SILENCE, SURGE, Evidence
from detectors.parameters import CountParams
from detectors.slots import LocalTime, Moment

CURVE_MAX = 30
SPEEDS: tuple[Literal["fast"], Literal["slow"]] = ("fast", "slow")
_TINY = 1e-12


class Sums(Columns):
    """What is being added up: the visit of a half hour, the slow channel's quarter, and how long a series is known."""

    columns = {
        "visit": ((3,), np.float64),  # seen, expected, exposure
        "slow": ((2,), np.float64),  # seen, expected
        "known_seconds": ((), np.float64),
        "contacts": ((), np.float64),
        "hot_since": ((), np.uint32),
        "curve": ((CURVE_MAX,), np.float32),
    }
    visit: Numbers
    slow: Numbers
    known_seconds: Numbers
    contacts: Numbers
    hot_since: NDArray[np.uint32]
    curve: NDArray[np.float32]


class Alarm(msgspec.Struct, kw_only=True):
    """A series that left its usual range: sums since onset, and the evidence for its return."""

    series: int
    direction: int
    speed: int
    kind: str
    opened: int
    onset: int
    observed: float
    expected: float
    panes: int
    recovery: float = 0.0
    revision: int = 0
    said_at: int = 0
    said_ratio: float = 1.0
    statistic: float = 0.0


class Verdict(NamedTuple):
    """An alarm that opened, goes on or ended with this pane."""

    alarm: Alarm
    state: Literal["opened", "held", "cleared"]
    reason: str | None


class PaneView(NamedTuple):
    """What was expected of a closed pane, by series."""

    mean: Numbers
    low: Numbers
    high: Numbers
    tolerance: Numbers
    level: Numbers


class ChannelBank:
    """`names[0]` is None, the whole channel; the others are its queues in the order in which they came."""

    def __init__(self, params: CountParams, local: LocalTime) -> None:
        self.params = params
        self.local = local
        self.names: list[str | None] = []
        self.season = Season(params)
        self.level = Level(params)
        self.dispersion = Dispersion(
            params.dispersion_prior, params.dispersion_prior_weight, params.dispersion_half_life_seconds, params
        )
        self.slow_dispersion = Dispersion(
            params.slow_dispersion, params.slow_variance_weight, params.slow_variance_half_life_seconds, params
        )
        self.fast = Evidence(params)
        self.slow = Evidence(params)
        self.sums = Sums()
        self.alarms: dict[str, Alarm] = {}
        self.visit = -1
        self.visit_slot = 0
        self.quarter = -1
        self.last_start = -1
        self._rates: dict[int, tuple[Numbers, Numbers]] = {}

    # -- series

    def parts(self) -> tuple[Columns, ...]:
        return (self.level, self.dispersion, self.slow_dispersion, self.fast, self.slow, self.sums)

    def index(self, name: str | None) -> int:
        """The series of this name, made where it is new."""
        if name not in self.names:
            self.names.append(name)
            for part in (self.season, *self.parts()):
                part.grow(1)
            self._rates.clear()
        return self.names.index(name)

    # -- expecting

    def season_at(self, moment: Moment) -> tuple[Numbers, Numbers]:
        """Contacts a second and the relative variance of that: linear between the centres of half hours."""
        before, after = self._slot(moment.before), self._slot(moment.after)
        share = moment.share
        return before[0] * (1 - share) + after[0] * share, before[1] * (1 - share) + after[1] * share

    def _slot(self, slot: int) -> tuple[Numbers, Numbers]:
        if slot not in self._rates:
            self._rates[slot] = self.season.rates(slot, self.season.totals())
        return self._rates[slot]

    def young(self) -> Flags:
        return self.sums.known_seconds < self.params.young_seconds

    # -- one pane

    def step(
        self, start: int, seconds: int, seen: Numbers, known: Flags, thresholds: Numbers, floor_ratio: float
    ) -> tuple[PaneView, list[Verdict]]:
        """A closed pane: scores, decides, then learns. `thresholds` is h by speed and series.

        A pane that is not after the last one says and changes nothing.
        """
        moment = self.local.moment(start + seconds / 2)
        self._end_visit(moment)
        rate, slot_variance = self.season_at(moment)
        frozen = self._frozen(start)
        self.level.roll(start // self.params.level_block_seconds, frozen)
        level, level_variance = self.level.estimate(self.young())
        expected = rate * seconds
        mean = np.maximum(expected * level, _TINY)
        spread = self.dispersion.estimate()
        tolerance = self._tolerance(level_variance, slot_variance, floor_ratio)
        view = _view(mean, spread, tolerance, level)
        if start <= self.last_start:
            return view, []
        self.last_start = start
        ready = known & self._ready()
        self.fast.band(tolerance, 1 / spread)
        statistic = self.fast.update(seen, mean, start, ready)
        verdicts = self._recover(0, start, seen, mean, spread, known)
        verdicts += self._decide(0, start, statistic, thresholds[0], ready)
        verdicts += self._slow_step(
            start, seconds, seen, expected, known, ready, slot_variance, thresholds[1], floor_ratio
        )
        self._learn(seconds, seen, mean, expected, spread, known, frozen)
        self.fast.cap(thresholds[0])
        self.slow.cap(thresholds[1])
        return view, verdicts

    def _tolerance(self, level_variance: Numbers, slot_variance: Numbers, floor_ratio: float) -> Numbers:
        params = self.params
        if not params.tolerance:
            return np.full(level_variance.shape, 1e-9)
        width = params.tolerance_sd * np.sqrt(level_variance + slot_variance / 2 + params.tolerance_floor_variance)
        limited = np.clip(width, params.tolerance_min, params.tolerance_max)
        return np.asarray(np.maximum(limited, floor_ratio - 1), float)

    def _ready(self) -> Flags:
        ready: Flags = (self.sums.known_seconds >= self.params.warm_up_seconds) & (
            self.sums.contacts >= self.params.warm_up_contacts
        )
        return ready

    def _frozen(self, start: int) -> Flags:
        """Series with evidence neither move their level nor learn, for a few hours at most."""
        params = self.params
        walks = self.fast.walks
        hot = (walks[:SILENCE].max(axis=0, initial=0) > params.freeze_up) | (
            walks[SILENCE:].max(axis=0, initial=0) > params.freeze_down
        )
        since = self.sums.hot_since
        since[...] = np.where(hot, np.where(since > 0, since, start), 0)
        frozen: Flags = hot & (start - since.astype(np.int64) < params.freeze_seconds_max)
        return frozen

    def _slow_step(
        self,
        start: int,
        seconds: int,
        seen: Numbers,
        expected: Numbers,
        known: Flags,
        ready: Flags,
        slot_variance: Numbers,
        threshold: Numbers,
        floor_ratio: float,
    ) -> list[Verdict]:
        params = self.params
        verdicts: list[Verdict] = []
        quarter = start // params.slow_seconds
        if self.quarter >= 0 and quarter != self.quarter:
            total, mean = self.sums.slow
            # a season that was not seen whole cannot judge a whole quarter of an hour by itself
            told = ready & (mean > _TINY) & (self.sums.known_seconds >= params.learning_seconds)
            spread = self.slow_dispersion.estimate()
            width = params.tolerance_sd * np.sqrt(params.slow_variance_prior + slot_variance / 2)
            tolerance = np.maximum(np.clip(width, params.tolerance_min, params.tolerance_max), floor_ratio - 1)
            self.slow.band(tolerance, 1 / spread)
            safe = np.maximum(mean, _TINY)
            statistic = self.slow.update(total, safe, self.quarter * params.slow_seconds, told)
            verdicts += self._recover(1, start, total, safe, spread, told)
            verdicts += self._decide(1, start, statistic, threshold, told)
            self.slow_dispersion.learn(
                total, safe, spread, params.slow_seconds, told & (self.slow.walks.max(axis=0) < 3)
            )
            self.sums.slow[...] = 0
        self.quarter = quarter
        self.sums.slow += np.stack([seen, expected]) * known
        return verdicts

    def _decide(self, speed: int, start: int, statistic: Numbers, threshold: Numbers, ready: Flags) -> list[Verdict]:
        evidence = (self.fast, self.slow)[speed]
        verdicts: list[Verdict] = []
        if speed == 0:
            self.sums.curve[:-1] = self.sums.curve[1:]
            self.sums.curve[-1] = np.maximum(statistic.max(axis=0), 0.0)
        for alarm in self.alarms.values():
            if alarm.speed == speed:
                alarm.statistic = float(statistic[alarm.direction, alarm.series])
        over = (statistic >= threshold) & ready
        if not over.any():
            return verdicts
        for direction, series in zip(*np.nonzero(over), strict=True):
            key = f"{series}/{direction}/{speed}"
            if key in self.alarms:
                continue
            row = evidence.best(int(series), int(direction))
            alarm = Alarm(
                series=int(series),
                direction=int(direction),
                speed=speed,
                kind="surge" if direction == SURGE else "silence" if row == SILENCE else "drop",
                opened=start,
                onset=int(evidence.since[row, series]) or start,
                observed=float(evidence.observed[row, series]),
                expected=float(evidence.expected[row, series]),
                panes=1,
                statistic=float(statistic[direction, series]),
                said_at=start,
            )
            alarm.said_ratio = alarm.observed / max(alarm.expected, _TINY)
            self.alarms[key] = alarm
            verdicts.append(Verdict(alarm, "opened", None))
        return verdicts

    def _recover(
        self, speed: int, start: int, seen: Numbers, mean: Numbers, spread: Numbers, known: Flags
    ) -> list[Verdict]:
        """Its own test for the return: the alarm's statistic would stay high for hours."""
        params = self.params
        verdicts = []
        for key in [key for key, alarm in self.alarms.items() if alarm.speed == speed]:
            alarm = self.alarms[key]
            i = alarm.series
            if not known[i]:
                continue
            alarm.observed += float(seen[i])
            alarm.expected += float(mean[i])
            alarm.panes += 1
            ratio = alarm.observed / max(alarm.expected, _TINY)
            if alarm.direction == SURGE:
                away = math.sqrt(min(max(ratio, params.recovery_ratio_min), params.recovery_ratio_max**2))
            else:
                away = math.sqrt(min(max(ratio, 1 / params.recovery_ratio_max**2), 1 / params.recovery_ratio_min))
            shape = 1 / float(spread[i])
            x, m = float(seen[i]), float(mean[i])
            gain = x * math.log(away) - (x + shape) * math.log((shape + away * m) / (shape + m))
            alarm.recovery = max(0.0, alarm.recovery - gain)
            accepted = start - alarm.opened >= params.accept_seconds
            if alarm.recovery > params.recovery_line or accepted:
                del self.alarms[key]
                (self.fast, self.slow)[speed].clear(i, alarm.direction)
                verdicts.append(Verdict(alarm, "cleared", "accepted as normal" if accepted else "recovered"))
            else:
                verdicts.append(Verdict(alarm, "held", None))
        return verdicts

    # -- learning

    def _alarmed(self) -> Flags:
        """Never learn an outage as normal; but while a series is new, what is unusual is not yet known."""
        flags = np.zeros(len(self.names), bool)
        for alarm in self.alarms.values():
            flags[alarm.series] = True
        return flags & ~self.young()

    def _learn(
        self,
        seconds: int,
        seen: Numbers,
        mean: Numbers,
        expected: Numbers,
        spread: Numbers,
        known: Flags,
        frozen: Flags,
    ) -> None:
        calm = known & ~frozen & ~self._alarmed()
        self.level.add(np.stack([seen, expected]) * (known & ~frozen & (expected > _TINY)))
        self.dispersion.learn(seen, mean, spread, seconds, calm & self._ready())
        self.sums.visit += np.stack([seen, mean, np.full(seen.shape, float(seconds))]) * calm
        self.sums.known_seconds += seconds * known
        self.sums.contacts += seen * known

    def _end_visit(self, moment: Moment) -> None:
        """When another half hour begins, the one that ended is learned."""
        if moment.visit == self.visit:
            return
        if self.visit >= 0 and len(self.names):
            seen, expected, exposure = self.sums.visit
            if exposure.any():
                learned = exposure > 0
                variance = np.where(self.sums.known_seconds < self.params.young_seconds, 1.0, 0.06)
                before = self.season.counts[self.visit_slot].copy(), self.season.exposure[self.visit_slot].copy()
                self.season.learn(self.visit_slot, seen, expected, exposure, variance)
                self.season.counts[self.visit_slot] = np.where(learned, self.season.counts[self.visit_slot], before[0])
                self.season.exposure[self.visit_slot] = np.where(
                    learned, self.season.exposure[self.visit_slot], before[1]
                )
            self.sums.visit[...] = 0
            self._rates.clear()
        self.visit = moment.visit if moment.ordinary else -1
        self.visit_slot = moment.slot


def _view(mean: Numbers, spread: Numbers, tolerance: Numbers, level: Numbers) -> PaneView:
    half = 2.576 * np.sqrt(mean + mean * mean * spread)
    low = np.maximum(mean / (1 + tolerance) - half, 0.0)
    return PaneView(mean, low, mean * (1 + tolerance) + half, tolerance, level)
