"""Which share left its usual band, since when, and when it came back. One alarm a series and measure.

The same life as that of counts (`alarms`): opened by S >= h, followed pane by pane, ended by a test of its own, never
by what is unknown, accepted as normal after a day.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from detectors import shares
from detectors.alarms import ACCEPTED, RECOVERED, State
from detectors.columns import Flags, Numbers
from detectors.following import is_news
from detectors.share_bank import ShareBank
from schemas.signal import SignalKind

KINDS: dict[str, SignalKind] = {
    "escalated": "escalation-wave",
    "abandoned": "abandonment-wave",
    "negative": "sentiment-wave",
    "reason": "mix-shift",
    "backlog": "backlog-growth",
}


class Row(msgspec.Struct, frozen=True, array_like=True):
    """What a row of a bank watches: a measure of a series ("" is the channel), or one category in a mix of it."""

    series: str
    measure: str
    category: str | None = None
    falling: bool = False


class WaveAlarm(msgspec.Struct):
    """What is known of it. Unix seconds; `observed` of `of` since `onset`, where `expected` were usual; of a falling
    category what was left. `relief` is the evidence that it is over."""

    row: Row
    opened: int
    pane_seconds: int
    onset: int
    observed: float
    of: float
    expected: float
    statistic: float
    highest: float
    relief: float = 0.0
    revision: int = 0
    said_at: int = 0
    said_ratio: float = 0.0
    said_statistic: float = 0.0
    said_onset: int = 0
    waiting: int = 0  # now, for a backlog

    @property
    def kind(self) -> SignalKind:
        return KINDS[self.row.measure]

    @property
    def ratio(self) -> float:
        return self.observed / self.expected if self.expected > 0 else 0.0


class WaveStatement(NamedTuple):
    """Something to say; `at` is the end of the pane that decided it."""

    state: State
    alarm: WaveAlarm
    at: int
    pane_start: int
    reason: str | None = None


class Seen(NamedTuple):
    """One pane of all rows: y of n, where `usual` is what y usually is."""

    start: int
    seconds: int
    y: Numbers
    n: Numbers
    known: Flags
    statistic: Numbers
    usual: Numbers

    @property
    def at(self) -> int:
        return self.start + self.seconds

    def of(self, rows: slice) -> Seen:
        """These rows."""
        told = self.y[rows], self.n[rows], self.known[rows]
        return Seen(self.start, self.seconds, *told, self.statistic[rows], self.usual[rows])


class WaveAlarms:
    """The open alarms of one bank. `rows` are the bank's, in its order."""

    def __init__(self, bank: ShareBank, rows: list[Row]) -> None:
        self.bank = bank
        self.rows = rows
        self.index: dict[Row, int] = {}
        self.open: dict[tuple[str, str], WaveAlarm] = {}
        self.ended: dict[str, int] = {}  # by kind and series, the pane in which one ended

    def reindex(self) -> None:
        """After rows came or went."""
        self.index = {row: i for i, row in enumerate(self.rows)}
        self._mark()

    def _mark(self) -> None:
        self.bank.alarmed[...] = False
        if self.open:
            for i, row in enumerate(self.rows):
                self.bank.alarmed[i] = (row.series, row.measure) in self.open

    def look(self, seen: Seen) -> list[WaveStatement]:
        """What is to be said after a pane."""
        if self.ended:
            self.ended = {name: start for name, start in self.ended.items() if start >= seen.start}
        reached = seen.statistic >= self.bank.threshold
        if not self.open and not np.logical_or.reduce(reached):
            return []
        found: list[WaveStatement] = []
        before = set(self.open)
        for _, alarm in sorted(self.open.items()):
            found += self._follow(alarm, seen)
        high = seen.known & (seen.n > 0) & reached
        if high.any():
            found += self._open_new(seen, high)
        if set(self.open) != before:
            self._mark()
        return found

    def leave(self, series: str, at: int, why: str) -> list[WaveStatement]:
        """The series is watched no more, or not for now."""
        mine = [alarm for _, alarm in sorted(self.open.items()) if alarm.row.series == series]
        return [self._clear(alarm, at, at, why) for alarm in mine]

    def _open_new(self, seen: Seen, high: Flags) -> list[WaveStatement]:
        found = []
        # the strongest of a mix is the one that moved; the others only made room
        for i in sorted(np.nonzero(high)[0].tolist(), key=lambda i: (-seen.statistic[i], i)):
            row = self.rows[i]
            key = (row.series, row.measure)
            sums = self.bank.sums(i)
            if key in self.open or sums.expected <= 0 or f"{row.measure} {row.series}" in self.ended:
                continue
            statistic = float(seen.statistic[i])
            alarm = self.open[key] = WaveAlarm(
                row=row,
                opened=seen.start,
                pane_seconds=seen.seconds,
                onset=sums.since,
                observed=sums.observed,
                of=sums.of,
                expected=sums.expected,
                statistic=statistic,
                highest=statistic,
            )
            found.append(self._say("opened", alarm, seen))
        return sorted(found, key=lambda said: (said.alarm.row.series, said.alarm.row.measure))

    def _follow(self, alarm: WaveAlarm, seen: Seen) -> list[WaveStatement]:
        i = self.index[alarm.row]
        if not seen.known[i] or not seen.n[i]:
            return []  # unknown resolves nothing and says nothing
        bank = self.bank
        odds = shares.odds_ratio(alarm.observed, alarm.of, alarm.expected)
        alarm.relief = max(0.0, alarm.relief + bank.relief(i, odds, float(seen.y[i]), float(seen.n[i])))
        if alarm.relief > bank.params.recovery_line:
            return [self._clear(alarm, seen.at, seen.start, RECOVERED)]
        sums = bank.sums(i)
        if sums.expected > 0:
            alarm.onset, alarm.observed, alarm.of, alarm.expected = sums
        alarm.statistic = float(seen.statistic[i])
        alarm.highest = max(alarm.highest, alarm.statistic)
        if seen.at - alarm.onset >= bank.params.accept_seconds and alarm.of:
            bank.accept(i, alarm.observed / alarm.of)
            return [self._clear(alarm, seen.at, seen.start, ACCEPTED)]
        return [self._say("revised", alarm, seen)] if is_news(alarm, alarm.ratio, seen.at) else []

    def _clear(self, alarm: WaveAlarm, at: int, start: int, reason: str) -> WaveStatement:
        row = alarm.row
        del self.open[row.series, row.measure]
        self.ended[f"{row.measure} {row.series}"] = start
        for i, other in enumerate(self.rows):
            if (other.series, other.measure) == (row.series, row.measure):
                self.bank.clear(i)
        self._mark()
        alarm.revision += 1
        return WaveStatement("cleared", alarm, at, start, reason)

    def _say(self, state: State, alarm: WaveAlarm, seen: Seen) -> WaveStatement:
        if state != "opened":
            alarm.revision += 1
        alarm.said_at, alarm.said_ratio = seen.at, alarm.ratio
        alarm.said_statistic, alarm.said_onset = alarm.highest, alarm.onset
        # a statement outlives what happens to the alarm next
        return WaveStatement(state, msgspec.structs.replace(alarm), seen.at, seen.start)
