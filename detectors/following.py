"""An open alarm, and what a pane makes of all alarms that are open, at once: the rules stand here, over arrays.

`Alarms` carries out what is found; a sweep asks for the alarms of all of its settings in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bank import Bank, Closed
from detectors.columns import Flags, Numbers
from detectors.evidence import DROP, SILENCE, SURGE, Evidence
from detectors.parameters import CountParams

Kind = Literal["surge", "drop", "silence"]
Rows = NDArray[np.int64]
REVISE_SECONDS = 60
REVISE_RATIO = 1.1
REVISE_STATISTIC = 1.0
# what a pane may make of an alarm; of several the first
CLOSES, UNKNOWN, OVER, USUAL, SILENCED, NEWS, NOTHING = range(7)


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


Open = tuple[Alarm, int]  # with its row in the bank


class Sight(NamedTuple):
    """A pane, closed or open, as alarms see it: arrays by series; `mean` by direction and series. `gains` of an open
    pane, which decides but is not learned."""

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


def of_closed(closed: Closed, known: Flags | None) -> Sight:
    mean = closed.expected, closed.expected
    end = closed.start + closed.seconds
    return Sight(
        closed.start, end, closed.seconds, 1.0, closed.seen, mean, closed.seasonal, closed.statistic, None, known
    )


class Moved(NamedTuple):
    """An alarm and its row in the bank; its numbers after a pane, whether it is `far` from what is usual, and what has
    to be done: `event`. `noted`: the statistic is this pane's."""

    alarm: Alarm
    row: int
    event: int
    far: bool
    noted: bool
    relief: float
    onset: int
    observed: float
    expected: float
    statistic: float
    highest: float


class Run(NamedTuple):
    """What speaks most for an alarm: the ratio (row of the evidence), its start, what was seen and expected in it."""

    row: Rows
    since: Numbers
    observed: Numbers
    expected: Numbers


class _Columns(NamedTuple):
    """Alarms as columns; `way` is the direction."""

    way: Rows
    slow: Flags
    silence: Flags
    onset: Numbers
    observed: Numbers
    expected: Numbers
    statistic: Numbers
    highest: Numbers
    relief: Numbers
    said_at: Numbers
    said_ratio: Numbers
    said_statistic: Numbers
    said_onset: Numbers

    @property
    def ratio(self) -> Numbers:
        known = self.expected > 0
        return np.divide(self.observed, self.expected, out=np.zeros(len(known)), where=known)


_numbers = attrgetter(*_Columns._fields[3:])  # those that an alarm has by the same names


def runs(bank: Bank, evidence: Evidence, row: Rows, way: Rows, sight: Sight, silence: Flags | bool = False) -> Run:
    """By rows of the bank and directions; of nothing having come at all where it is `silence`. An open pane has its
    part in what is fast."""
    gains = sight.gains if evidence is bank.fast else None
    walks = evidence.walks[:, row] if gains is None else evidence.walks[:, row] + gains[:, row]
    best = np.where(way == SURGE, walks[:SILENCE].argmax(axis=0), SILENCE + walks[SILENCE:].argmax(axis=0))
    best = np.where(silence, SILENCE, best)
    since = evidence.since[best, row].astype(float)
    observed, expected = evidence.sums[:, best, row].astype(float)
    if gains is None:
        return Run(best, since, observed, expected)
    lasts, begun = walks[best, np.arange(len(row))] > 0, evidence.walks[best, row] > 0
    return Run(
        best,
        np.where(lasts & begun, since, sight.start),
        np.where(lasts, observed + sight.seen[row], 0.0),
        np.where(lasts, expected + _of(sight.mean, way, row), 0.0),
    )


def is_far(params: CountParams, ratio: Any, age: Any) -> Any:
    """Further away than busy and quiet days are, of numbers or arrays. While little is known of a series (`age` is in
    seconds), an alarm may be wrong: it must not stop the learning that would show it."""
    return ((ratio < params.far_down) | (ratio > params.far_up)) & (age >= params.learning_seconds)


def is_news(alarms: Any, ratio: Any, at: int) -> Any:
    """It has been said for a while, and another ratio, onset or certainty since: of an alarm, or columns of them."""
    before, now = np.maximum(alarms.said_ratio, 0.01), np.maximum(ratio, 0.01)
    news = np.maximum(before, now) >= REVISE_RATIO * np.minimum(before, now)
    news = news | (alarms.onset != alarms.said_onset)
    news = news | (alarms.highest >= alarms.said_statistic + REVISE_STATISTIC)
    return news & (at - alarms.said_at >= REVISE_SECONDS)


def moves(bank: Bank, alarms: Sequence[Open], sight: Sight, slow: Numbers | None) -> list[Moved]:
    """Of each alarm. `slow` is given where a slow pane ended with this one."""
    named, rows = zip(*alarms, strict=True)
    params, before, row = bank.params, _columns(named), np.array(rows)
    relief = _relief(bank, before, row, sight)
    noted, after = _measured(bank, before, row, sight, slow)
    born, ratio, closed = bank.facts.born[row].astype(float), after.ratio, sight.gains is None
    far_before = is_far(params, before.ratio, before.said_at - born)
    far = far_before | is_far(params, ratio, before.said_at - born)
    event = np.where(is_news(after, ratio, sight.at), NEWS, NOTHING)
    if closed:
        event[_is_silent(bank, before, row)] = SILENCED
        # a shift of a day may be the new normal; an outage never is, and where nothing is normal yet, nothing is
        usual = (params.accept_ratio_min <= ratio) & (ratio <= params.accept_ratio_max)
        usual &= (sight.at - after.onset >= params.accept_seconds) & (sight.at - born >= params.learning_seconds)
        event[usual] = USUAL
    event[relief > params.recovery_line] = OVER
    if sight.known is not None:
        event[~sight.known[row]] = UNKNOWN
    if bank.closed is not None:
        event[bank.closed[row] & (before.way == SURGE)] = CLOSES
    far = np.where(event <= OVER, far_before, far)
    onset = after.onset.astype(int)
    found = event, far, noted, relief, onset, after.observed, after.expected, after.statistic, after.highest
    return list(map(Moved, named, rows, *(column.tolist() for column in found)))


def _columns(alarms: Sequence[Alarm]) -> _Columns:
    way = np.array([one.direction for one in alarms])
    slow = np.array([one.speed == "slow" for one in alarms])
    silence = np.array([one.kind == "silence" for one in alarms])
    return _Columns(way, slow, silence, *np.array([_numbers(one) for one in alarms], float).T)


def _relief(bank: Bank, alarms: _Columns, row: Rows, sight: Sight) -> Numbers:
    """Evidence against the alarm's own ratio: it is over once usual traffic is 100 times as likely."""
    params, ratio = bank.params, alarms.ratio
    least, most = params.recovery_ratio_min, params.recovery_ratio_max
    up = np.minimum(np.maximum(ratio, least), most)
    rho = np.sqrt(np.where(alarms.way == SURGE, up, np.maximum(np.minimum(ratio, 1 / least), 1 / most)))
    mean, seen, shape = _against(alarms, row, sight), sight.seen[row], bank.fast.shape[row]
    gain = seen * np.log(rho) - (seen + shape) * np.log((shape + rho * mean) / (shape + mean))
    relief = np.maximum(alarms.relief - np.maximum(np.minimum(gain, params.gain_max), -params.gain_max), 0.0)
    found: Numbers = np.where(mean > 0, relief, alarms.relief)
    return found


def _against(alarms: _Columns, row: Rows, sight: Sight) -> Numbers:
    """What would be usual; in an open pane by the share that makes it harder to be over."""
    mean = _of(sight.mean, 1 - alarms.way, row)
    if not alarms.slow.any():
        return mean
    larger = np.maximum(np.maximum(sight.mean[SURGE][row], sight.mean[DROP][row]), 1e-12)
    found: Numbers = np.where(alarms.slow, sight.seasonal[row] * (mean / larger), mean)
    return found


def _measured(bank: Bank, alarms: _Columns, row: Rows, sight: Sight, slow: Numbers | None) -> tuple[Flags, _Columns]:
    """Which of them the pane says something of, and their onset, sums and statistics after it."""
    run = runs(bank, bank.fast, row, alarms.way, sight, alarms.silence)
    since, observed, expected, statistic = *run[1:], sight.statistic[alarms.way, row]
    noted = ~alarms.slow
    if slow is not None and alarms.slow.any():
        run = runs(bank, bank.slow, row, alarms.way, sight, alarms.silence)
        slow_too = zip((*run[1:], slow[alarms.way, row]), (since, observed, expected, statistic), strict=True)
        since, observed, expected, statistic = (np.where(alarms.slow, its, fast) for its, fast in slow_too)
        noted = np.ones_like(noted)
    # a silence that began later is another one: what is told of this one stays
    new = noted & (expected > 0) & ~(alarms.silence & (since > alarms.onset))
    statistic = np.where(noted, statistic, alarms.statistic)
    return noted, alarms._replace(
        onset=np.where(new, since, alarms.onset),
        observed=np.where(new, observed, alarms.observed),
        expected=np.where(new, expected, alarms.expected),
        statistic=statistic,
        highest=np.where(noted, np.maximum(alarms.highest, statistic), alarms.highest),
    )


def _is_silent(bank: Bank, alarms: _Columns, row: Rows) -> Flags:
    """Drops that have become silence."""
    drop = (alarms.way == DROP) & ~alarms.silence & ~alarms.slow
    found: Flags = drop & (bank.fast.walks[SILENCE, row] >= bank.fast.threshold[DROP, row])
    return found


def _of(two: Numbers | tuple[Numbers, Numbers], way: Rows, row: Rows) -> Numbers:
    """Of numbers by direction and row."""
    found: Numbers = np.where(way == SURGE, two[SURGE][row], two[DROP][row])
    return found
