"""Which series left its usual range, since when, and when it came back. One alarm a series and direction.

An alarm is what a signal is about; `pipeline` and `wording` make messages of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from detectors import following
from detectors.bank import Bank
from detectors.columns import Flags, Numbers
from detectors.evidence import DROP, SILENCE, Evidence
from detectors.following import CLOSES, NEWS, NOTHING, OVER, SILENCED, UNKNOWN, USUAL, Alarm, Kind, Moved, Open, Sight
from detectors.parameters import CountParams

State = Literal["opened", "revised", "cleared"]
CURVE_MAX = 30

RECOVERED, ACCEPTED, SILENT, LEFT = "recovered", "accepted as normal", "became silence", "series left"
CLOSING = "closing time"
ALL = slice(None)


class Statement(NamedTuple):
    """Something to say about an alarm: `at` is the end of what decided it, `share` how much of the pane was seen."""

    state: State
    alarm: Alarm
    at: int
    pane_start: int
    share: float
    reason: str | None = None


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

    @property
    def quiet(self) -> bool:
        """Whether a pane without news changes nothing here."""
        return not self.open and not self.ended

    def following(self) -> list[Open]:
        """What is open, in the order in which it is followed, and the rows of the bank."""
        return [(alarm, self.index[alarm.series]) for _, alarm in sorted(self.open.items())]

    def look(
        self, sight: Sight, slow: Numbers | None = None, *, moved: Sequence[Moved] | None = None, news: bool = True
    ) -> list[Statement]:
        """What is to be said after a pane; `slow` is given where a slow pane ended with it. `moved` is what the pane
        makes of what is open, where that is known already. Without `news` no statistic reached its threshold that has
        no alarm."""
        found: list[Statement] = []
        self.bank.far[self.rows] = False
        if self.ended and sight.start > max(self.ended.values()):
            self.ended.clear()
        found += self._follow_all(sight, slow, moved) if self.open else []
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
        i = self.index[alarm.series]
        self.bank.alarmed[i] = True
        if following.is_far(self.params, alarm.ratio, alarm.said_at - float(self.bank.facts.born[i])):
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
            row, since, observed, expected = self._run(evidence, i, int(direction), sight)
            if expected <= 0:
                continue  # a run that has just ended; evidence without a run says nothing about when and how much
            silent = direction == DROP and self._is_silent(evidence, i, row, sight)
            if silent:
                row, since, observed, expected = self._run(evidence, i, int(direction), sight, silence=True)
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

    def _run(
        self, evidence: Evidence, i: int, direction: int, sight: Sight, *, silence: bool = False
    ) -> tuple[int, int, float, float]:
        """The row of the evidence, its start, and what was seen and expected in it."""
        found = following.runs(self.bank, evidence, np.array([i]), np.array([direction]), sight, silence)
        return int(found.row[0]), int(found.since[0]), float(found.observed[0]), float(found.expected[0])

    # -- following

    def _follow_all(self, sight: Sight, slow: Numbers | None, moved: Sequence[Moved] | None) -> list[Statement]:
        found, anew = list[Statement](), -1
        for move in following.moves(self.bank, self.following(), sight, slow) if moved is None else moved:
            # where a new normal was accepted, the evidence of the other direction has begun anew too
            one = following.moves(self.bank, [(move.alarm, move.row)], sight, slow)[0] if move.row == anew else move
            if one.far:
                self.bank.far[one.row] = True
            if one.event > OVER:
                self._take(one, closed=sight.gains is None)
            if one.event != NOTHING:
                found += self._act(one, sight)
                anew = one.row if one.event == USUAL else anew
        return found

    def _take(self, one: Moved, *, closed: bool) -> None:
        alarm = one.alarm
        alarm.onset, alarm.observed, alarm.expected = one.onset, one.observed, one.expected
        alarm.statistic, alarm.highest = one.statistic, one.highest
        if closed:
            alarm.relief = one.relief
            if one.noted:
                alarm.curve.append(one.statistic)
                del alarm.curve[:-CURVE_MAX]

    def _act(self, one: Moved, sight: Sight) -> list[Statement]:
        """Carries out what the pane made of an alarm."""
        alarm, i = one.alarm, one.row
        if one.event == UNKNOWN:
            return []  # unknown resolves nothing and says nothing
        if one.event == NEWS:
            return [self._say("revised", alarm, sight)]
        if one.event == SILENCED:
            return self._turn_silent(alarm, i, sight)
        if one.event == CLOSES:
            reason = CLOSING
        elif one.event == USUAL:
            self._accept(alarm, i)
            reason = ACCEPTED
        else:
            frozen = self.bank.frozen_seconds(i, sight.at)
            # longer than the level stays frozen: it has come to meet it
            reason = RECOVERED if frozen <= self.params.freeze_seconds_max or self.bank.far[i] else ACCEPTED
        return [self._clear(alarm, sight.at, sight.start, sight.share, reason)]

    # -- ending

    def _accept(self, alarm: Alarm, i: int) -> None:
        level = float(self.bank.level_now[i]) if alarm.speed == "fast" else 1.0
        self.bank.accept(i, alarm.ratio * level)

    def _turn_silent(self, alarm: Alarm, i: int, sight: Sight) -> list[Statement]:
        ended = self._say("cleared", alarm, sight, SILENT)
        _, since, observed, expected = self._run(self.bank.fast, i, DROP, sight, silence=True)
        silent = msgspec.structs.replace(
            alarm,
            kind="silence",
            opened=sight.start,
            onset=since,
            observed=observed,
            expected=expected,
            revision=0,
            relief=0.0,
        )
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
