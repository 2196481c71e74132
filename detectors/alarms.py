"""Which series left its usual range, since when, and when it came back. One alarm a series and direction.

An alarm is what a signal is about; `pipeline` and `wording` make messages of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from detectors.bank import Bank, Closed
from detectors.columns import Flags, Numbers
from detectors.evidence import DROP, SILENCE, SURGE, Evidence
from detectors.parameters import RATIOS, CountParams

Kind = Literal["surge", "drop", "silence"]
State = Literal["opened", "revised", "cleared"]
CURVE_MAX = 30
REVISE_SECONDS = 60
REVISE_RATIO = 1.1
REVISE_STATISTIC = 1.0

RECOVERED, ACCEPTED, SILENT, LEFT = "recovered", "accepted as normal", "became silence", "series left"
CLOSING = "closing time"
ALL = slice(None)


class Alarm(msgspec.Struct):
    """What is known of it. Times in Unix seconds; sums since `onset`; `relief` is the evidence that it is over."""

    series: str
    direction: int
    kind: Kind
    speed: Literal["fast", "slow"]
    opened: int
    pane_seconds: int
    onset: int
    observed: float
    expected: float
    statistic: float
    highest: float
    relief: float = 0.0
    revision: int = 0
    said_at: int = 0
    said_ratio: float = 0.0
    said_statistic: float = 0.0
    said_onset: int = 0
    curve: list[float] = []

    @property
    def ratio(self) -> float:
        return self.observed / self.expected if self.expected > 0 else 0.0


class Statement(NamedTuple):
    """Something to say about an alarm: `at` is the end of what decided it, `share` how much of the pane was seen."""

    state: State
    alarm: Alarm
    at: int
    pane_start: int
    share: float
    reason: str | None = None


class Fact(NamedTuple):
    """What a closed pane and the fast evidence say of one alarm's series, as plain numbers."""

    since: int
    observed: float
    expected: float
    statistic: float
    seen: float
    mean: float
    seasonal: float
    shape: float


class Sight(NamedTuple):
    """A pane, closed or open, as alarms see it: arrays by series; `mean` by direction and series. `facts` by row of the
    bank and direction, where those of many alarms were read at once."""

    start: int
    at: int
    seconds: int
    share: float
    seen: Numbers
    mean: Numbers | tuple[Numbers, Numbers]
    seasonal: Numbers
    statistic: Numbers
    gains: Numbers | None
    known: Flags | None
    facts: dict[tuple[int, int], Fact] | None = None


def of_closed(closed: Closed, known: Flags | None) -> Sight:
    mean = closed.expected, closed.expected
    end = closed.start + closed.seconds
    return Sight(
        closed.start, end, closed.seconds, 1.0, closed.seen, mean, closed.seasonal, closed.statistic, None, known
    )


def facts_of(bank: Bank, closed: Closed, rows: Sequence[int], directions: Sequence[int]) -> list[Fact]:
    """Of each row of the bank and direction."""
    fast, i, way = bank.fast, np.array(rows, int), np.array(directions, int)
    walks = fast.walks[:, i]
    best = np.where(way == SURGE, walks[:SILENCE].argmax(axis=0), SILENCE + walks[SILENCE:].argmax(axis=0))
    observed, expected = fast.sums[:, best, i].tolist()
    columns = (closed.statistic[way, i], closed.seen[i], closed.expected[i], closed.seasonal[i], fast.shape[i])
    numbers = (column.tolist() for column in columns)
    return list(map(Fact, fast.since[best, i].tolist(), observed, expected, *numbers))


class Alarms:
    """The open alarms of one channel. `names` are those of the bank's series, in its order; of a bank with lanes,
    those in `rows`. `index` says in which row of the bank each of them is."""

    def __init__(self, bank: Bank, names: list[str], index: dict[str, int], rows: slice = ALL) -> None:
        self.bank = bank
        self.names = names
        self.index = index
        self.rows = rows
        self.open: dict[tuple[str, int], Alarm] = {}
        # what ended, by pane: a signal's id is that of its opening pane, so it opens once in it
        self.ended: dict[str, int] = {}
        self.written: set[str] = set()  # entries of state

    @property
    def params(self) -> CountParams:
        return self.bank.params

    def look(self, sight: Sight, slow: Numbers | None = None, *, news: bool = True) -> list[Statement]:
        """What is to be said after a pane. `sight.gains` is given for an open pane, which decides but is not learned;
        `slow` where a slow pane ended with it. Without `news` no statistic reached its threshold that has no alarm."""
        found: list[Statement] = []
        self.bank.far[self.rows] = False
        if self.ended and sight.start > max(self.ended.values()):
            self.ended.clear()
        for _, alarm in sorted(self.open.items()):
            found += self._follow(alarm, sight, slow)
        if not news:
            return found
        if self._reached(sight.statistic, self.bank.fast).any():
            found += self._open_new(sight, sight.statistic, "fast", self.bank.fast)
        if slow is not None and self._reached(slow, self.bank.slow).any():
            found += self._open_new(sight, slow, "slow", self.bank.slow)
        return found

    def leave(self, series: str, at: int) -> list[Statement]:
        """The series is watched no more."""
        mine = [alarm for _, alarm in sorted(self.open.items()) if alarm.series == series]
        return [self._clear(alarm, at, at, 0.0, LEFT) for alarm in mine]

    def accept(self, queue: str | None, at: int, start: int) -> list[Statement]:
        """A person says that this is usual now: of one queue, or of all series for None. Silence is never usual."""
        chosen = [alarm for _, alarm in sorted(self.open.items()) if queue in (None, alarm.series)]
        found = []
        for alarm in chosen:
            if alarm.ratio > 0:
                self._accept(alarm, self.index[alarm.series])
                found.append(self._clear(alarm, at, start, 1.0, ACCEPTED))
        return found

    def mark(self) -> None:
        """Tells the bank which series have an alarm."""
        self.bank.alarmed[self.rows] = self.bank.far[self.rows] = False
        for _, alarm in sorted(self.open.items()):
            self._mark(alarm)

    def _mark(self, alarm: Alarm) -> None:
        i, params, ratio = self.index[alarm.series], self.bank.params, alarm.ratio
        self.bank.alarmed[i] = True
        if not params.far_down <= ratio <= params.far_up and not self._learning(i, alarm.said_at):
            self.bank.far[i] = True

    # -- opening

    def _reached(self, statistic: Numbers, evidence: Evidence) -> Flags:
        reached: Flags = statistic[:, self.rows] >= evidence.threshold[:, self.rows]
        return reached

    def _open_new(
        self, sight: Sight, statistic: Numbers, speed: Literal["fast", "slow"], evidence: Evidence
    ) -> list[Statement]:
        found = []
        for direction, n in zip(*np.nonzero(self._reached(statistic, evidence)), strict=True):
            name = self.names[n]
            i, key = self.index[name], (name, int(direction))
            if key in self.open or (sight.known is not None and not sight.known[i]):
                continue
            row, since, observed, expected = self._sums(evidence, i, int(direction), sight)
            if expected <= 0:
                continue  # a run that has just ended; evidence without a run says nothing about when and how much
            silent = direction == DROP and self._is_silent(evidence, i, row, sight)
            if silent:
                row, since, observed, expected = self._sums(evidence, i, int(direction), sight, SILENCE)
            kind: Kind = "silence" if silent else "drop" if direction == DROP else "surge"
            if f"{kind} {name}" in self.ended:
                continue
            high = float(statistic[direction, i])
            alarm = self.open[key] = Alarm(
                series=name,
                direction=int(direction),
                kind=kind,
                speed=speed,
                opened=sight.start,
                pane_seconds=sight.seconds if speed == "fast" else self.params.slow_seconds,
                onset=since,
                observed=observed,
                expected=expected,
                statistic=high,
                highest=high,
                curve=[float(value) for value in self.bank.meters.curve[:, i]],
            )
            self._mark(alarm)
            found.append(self._say("opened", alarm, sight))
        return found

    def _is_silent(self, evidence: Evidence, i: int, row: int, sight: Sight) -> bool:
        """Nothing at all has come since the run of rho = 0 began, and it is the best or close to it."""
        if row == SILENCE:
            return True
        if sight.seen[i] > 0:
            return False
        walks = evidence.walks[:, i]
        return bool(evidence.sums[1, SILENCE, i] > 0 and walks[SILENCE] >= 0.5 * walks[row])

    def _sums(
        self, evidence: Evidence, i: int, direction: int, sight: Sight, row: int | None = None
    ) -> tuple[int, int, float, float]:
        """The best row of the run, its start, and what was seen and expected in it, with the open pane's part."""
        if sight.gains is None or evidence is self.bank.slow:
            row = evidence.best(i, direction) if row is None else row
            observed, expected = evidence.sums[:, row, i].tolist()
            return row, int(evidence.since[row, i]), observed, expected
        walks = evidence.walks[:, i] + sight.gains[:, i]
        if row is None:
            low, high = (0, SILENCE) if direction == SURGE else (SILENCE, len(RATIOS))
            row = low + int(np.argmax(walks[low:high]))
        if walks[row] <= 0:
            return row, sight.start, 0.0, 0.0
        since = int(evidence.since[row, i]) if evidence.walks[row, i] > 0 else sight.start
        observed, expected = evidence.sums[:, row, i].tolist()
        return row, since, observed + float(sight.seen[i]), expected + float(sight.mean[direction][i])

    # -- following

    def _follow(self, alarm: Alarm, sight: Sight, slow: Numbers | None) -> list[Statement]:
        i = self.index[alarm.series]
        self._mark(alarm)
        if self.bank.is_closed(i) and alarm.direction == SURGE:
            return [self._clear(alarm, sight.at, sight.start, sight.share, CLOSING)]
        if sight.known is not None and not sight.known[i]:
            return []  # unknown resolves nothing and says nothing
        closed = sight.gains is None
        fact = sight.facts.get((i, alarm.direction)) if sight.facts else None
        relief = self._relief(alarm, i, sight, fact)
        if closed:
            alarm.relief = relief
        if relief > self.params.recovery_line:
            frozen = self.bank.frozen_seconds(i, sight.at)
            # longer than the level stays frozen: it has come to meet it
            reason = RECOVERED if frozen <= self.params.freeze_seconds_max or self.bank.far[i] else ACCEPTED
            return [self._clear(alarm, sight.at, sight.start, sight.share, reason)]
        self._measure(alarm, i, sight, slow, fact)
        self._mark(alarm)
        if closed and sight.at - alarm.onset >= self.params.accept_seconds and self._acceptable(alarm, i, sight.at):
            self._accept(alarm, i)
            if sight.facts:
                sight.facts.pop((i, 1 - alarm.direction), None)  # the evidence of both begins anew
            return [self._clear(alarm, sight.at, sight.start, sight.share, ACCEPTED)]
        if closed and alarm.kind == "drop" and self._became_silent(alarm, i):
            return self._turn_silent(alarm, i, sight)
        if self._notable(alarm, sight.at):
            return [self._say("revised", alarm, sight)]
        return []

    def _measure(self, alarm: Alarm, i: int, sight: Sight, slow: Numbers | None, fact: Fact | None) -> None:
        if alarm.speed == "slow" and slow is None:
            return
        if fact is not None and alarm.speed == "fast" and alarm.kind != "silence":
            if fact.expected > 0:
                alarm.onset, alarm.observed, alarm.expected = fact.since, fact.observed, fact.expected
            self._note(alarm, fact.statistic, sight)
            return
        evidence = self.bank.fast if alarm.speed == "fast" else self.bank.slow
        row = SILENCE if alarm.kind == "silence" else None
        _, since, observed, expected = self._sums(evidence, i, alarm.direction, sight, row)
        # a silence that began later is another one: what is told of this one stays
        if expected > 0 and not (row == SILENCE and since > alarm.onset):
            alarm.onset, alarm.observed, alarm.expected = since, observed, expected
        statistic = sight.statistic if slow is None or alarm.speed == "fast" else slow
        self._note(alarm, float(statistic[alarm.direction, i]), sight)

    def _note(self, alarm: Alarm, statistic: float, sight: Sight) -> None:
        alarm.statistic = statistic
        alarm.highest = max(alarm.highest, statistic)
        if sight.gains is None:
            alarm.curve = [*alarm.curve, statistic][-CURVE_MAX:]

    def _relief(self, alarm: Alarm, i: int, sight: Sight, fact: Fact | None) -> float:
        """Evidence against the alarm's own ratio: it is over once usual traffic is 100 times as likely."""
        params = self.params
        if alarm.direction == SURGE:
            rho = math.sqrt(min(max(alarm.ratio, params.recovery_ratio_min), params.recovery_ratio_max))
        else:
            rho = math.sqrt(max(min(alarm.ratio, 1 / params.recovery_ratio_min), 1 / params.recovery_ratio_max))
        mean, seen, shape = self._seen(alarm, i, sight, fact)
        if mean <= 0:
            return alarm.relief
        gain = seen * math.log(rho) - (seen + shape) * math.log((shape + rho * mean) / (shape + mean))
        return max(0.0, alarm.relief - max(min(gain, params.gain_max), -params.gain_max))

    def _seen(self, alarm: Alarm, i: int, sight: Sight, fact: Fact | None) -> tuple[float, float, float]:
        """What was expected and seen of the series, and the shape of its counts."""
        if fact is not None:
            mean = fact.mean if alarm.speed == "fast" else fact.seasonal * (fact.mean / max(fact.mean, 1e-12))
            return mean, fact.seen, fact.shape
        # in an open pane the share that makes it harder to be over
        mean = float(sight.mean[1 - alarm.direction][i])
        if alarm.speed == "slow":
            larger = max(float(sight.mean[SURGE][i]), float(sight.mean[DROP][i]), 1e-12)
            mean = float(sight.seasonal[i]) * (mean / larger)
        return mean, float(sight.seen[i]), float(self.bank.fast.shape[i])

    def _notable(self, alarm: Alarm, at: int) -> bool:
        if at - alarm.said_at < REVISE_SECONDS:
            return False
        before, now = max(alarm.said_ratio, 0.01), max(alarm.ratio, 0.01)
        return (
            max(before, now) >= REVISE_RATIO * min(before, now)
            or alarm.onset != alarm.said_onset
            or alarm.highest >= alarm.said_statistic + REVISE_STATISTIC
        )

    # -- ending

    def _learning(self, i: int, now: int) -> bool:
        """While little is known, an alarm may be wrong: it must not stop the learning that would show it."""
        return now - float(self.bank.facts.born[i]) < self.params.learning_seconds

    def _acceptable(self, alarm: Alarm, i: int, now: int) -> bool:
        """A shift of a day may be the new normal; an outage never is, and where nothing is normal yet, nothing is."""
        if self._learning(i, now):
            return False
        return self.params.accept_ratio_min <= alarm.ratio <= self.params.accept_ratio_max

    def _accept(self, alarm: Alarm, i: int) -> None:
        level = float(self.bank.level_now[i]) if alarm.speed == "fast" else 1.0
        self.bank.accept(i, alarm.ratio * level)

    def _became_silent(self, alarm: Alarm, i: int) -> bool:
        fast = self.bank.fast
        return alarm.speed == "fast" and bool(fast.walks[SILENCE, i] >= fast.threshold[DROP, i])

    def _turn_silent(self, alarm: Alarm, i: int, sight: Sight) -> list[Statement]:
        ended = self._say("cleared", alarm, sight, SILENT)
        _, since, observed, expected = self._sums(self.bank.fast, i, DROP, sight, SILENCE)
        silent = msgspec.structs.replace(
            alarm, kind="silence", opened=sight.start, onset=since, observed=observed, expected=expected, revision=0
        )
        silent.relief = 0.0
        self.open[alarm.series, alarm.direction] = silent
        return [ended, self._say("opened", silent, sight)]

    def _clear(self, alarm: Alarm, at: int, start: int, share: float, reason: str) -> Statement:
        i = self.index[alarm.series]
        del self.open[alarm.series, alarm.direction]
        self.ended[f"{alarm.kind} {alarm.series}"] = start
        self.bank.clear(i, alarm.direction)
        self.mark()
        alarm.revision += 1
        return Statement("cleared", alarm, at, start, share, reason)

    def _say(self, state: State, alarm: Alarm, sight: Sight, reason: str | None = None) -> Statement:
        if state != "opened":
            alarm.revision += 1
        alarm.said_at, alarm.said_ratio = sight.at, alarm.ratio
        alarm.said_statistic, alarm.said_onset = alarm.highest, alarm.onset
        # a statement outlives what happens to the alarm next
        return Statement(
            state, msgspec.structs.replace(alarm, curve=list(alarm.curve)), sight.at, sight.start, sight.share, reason
        )
