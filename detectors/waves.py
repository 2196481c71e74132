"""What one channel's minutes say besides counts: shares of what was decided, the mix of reasons, backlogs.

| group | rows, of the channel and each queue | y of n |
|---|---|---|
| shares | escalated | of the finished |
| | abandoned | of the answered or abandoned |
| | negative | of the rated |
| mix | each reason, rising and falling | arrivals with the reason, of arrivals with any |
| backlog | backlog | arrivals, of arrivals and those who left |
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import budget
from detectors.alarms import LEFT
from detectors.columns import Flags, Numbers, Places
from detectors.load import ABANDONED, ANSWERED, BY_TRANSFER, ESCALATED, FINISHED, NEGATIVE, OFFERED, RATED, Counts
from detectors.mix import Category, Mix
from detectors.parameters import CountParams
from detectors.share_bank import ShareBank
from detectors.shares import BACKLOG, MIX, ShareParams
from detectors.slots import LocalTime
from detectors.trail import Trail
from detectors.wave_alarms import Row, Seen, WaveAlarm, WaveAlarms, WaveStatement

SHARES = ("escalated", "abandoned", "negative")


class Told(NamedTuple):
    """What the channel's events tell of: whether contacts are ever answered, and finished. Of several channels by
    series."""

    answers: bool | Flags
    finishes: bool | Flags


class Shares(NamedTuple):
    """One minute of the rows of a group: y of n, and which of them are known."""

    y: Numbers
    n: Numbers
    known: Flags

    def of(self, rows: slice | Places) -> Shares:
        """These rows."""
        return Shares(self.y[rows], self.n[rows], self.known[rows])


class Watched(NamedTuple):
    """By row of a mix: the place of its category, and that of its series."""

    reasons: Places
    series: Places


class Group:
    """A bank of shares with its rows, alarms and trail. `portion` names its part of the budget."""

    def __init__(self, name: str, params: ShareParams, counts: CountParams) -> None:
        self.name = name
        self.bank = ShareBank(params, counts)
        self.rows: list[Row] = []
        self.alarms = WaveAlarms(self.bank, self.rows)
        self.trail = Trail()
        self.dirty: set[str] = set()
        self.written: set[str] = set()  # entries of open alarms

    def grow(self, rows: list[Row]) -> None:
        self.rows += rows
        self.bank.grow(np.array([row.falling for row in rows], bool))
        self.trail.grow(len(rows))
        self.alarms.reindex()
        self.dirty |= {"hot", "cold"}

    def keep(self, gone: set[str]) -> None:
        """Forgets the rows of series that left."""
        wanted = np.array([row.series not in gone for row in self.rows], bool)
        self.rows[:] = [row for row, stays in zip(self.rows, wanted, strict=True) if stays]
        self.bank.keep(wanted)
        self.trail.keep(wanted)
        self.alarms.reindex()
        self.dirty |= {"hot", "cold", "alarms"}

    def close(self, start: int, seconds: int, local: LocalTime, minute: Shares) -> list[WaveStatement]:
        """One minute of all rows."""
        block = self.bank.block
        statistic = self.bank.close(start, seconds, local.moment(start + seconds / 2), *minute)
        return self.hear(
            Seen(start, seconds, *minute, statistic, minute.n * self.bank.share), learned=self.bank.block != block
        )

    def hear(self, seen: Seen, *, learned: bool, news: bool = True) -> list[WaveStatement]:
        """What the bank says of a minute; `learned` where a block ended with it. Without `news` no statistic has
        reached its threshold."""
        self.trail.push(seen.at, seen.y, seen.usual, seen.statistic)
        said = self.alarms.look(seen) if news or self.alarms.open or self.alarms.ended else []
        self.dirty.add("hot")
        if learned or any(one.reason for one in said):
            self.dirty.add("cold")
        if self.alarms.open or said:
            self.dirty.add("alarms")
        return said

    def limit(self, portion: float, channels: int, queues: int) -> None:
        """Thresholds of the rows: half of the portion for rows of channels, half for rows of queues."""
        many = [row.series != "" for row in self.rows]
        # as many rows a series on average as there are here
        series = max(len({row.series for row in self.rows}), 1)
        each = len(self.rows) / series
        of_channel = budget.threshold(portion / 2 / max(channels * each, 1), 60)
        of_queue = budget.threshold(portion / 2 / max(queues * each, 1), 60)
        self.bank.limit(np.where(many, of_queue, of_channel))


class Waves:
    """The groups of one channel. `names` are its series: "" is the channel, then its queues."""

    def __init__(self, names: list[str], params: CountParams) -> None:
        self.names = names
        self.shares = Group("shares", ShareParams(), params)
        self.mix = Group("mix", MIX, params)
        self.backlog = Group("backlog", BACKLOG, params)
        self.categories = Mix()
        self.categories_new = False  # since they were last written
        self._watched: Watched | None = None  # None: to be found
        self._budget = (4.0, 1, 1)

    @property
    def groups(self) -> tuple[Group, ...]:
        return self.shares, self.mix, self.backlog

    def grow(self, new: list[str]) -> None:
        """Takes in new series."""
        self.shares.grow([Row(name, measure) for name in new for measure in SHARES])
        self.backlog.grow([Row(name, "backlog") for name in new])
        self.limit(*self._budget)

    def keep(self, gone: set[str]) -> None:
        for group in self.groups:
            group.keep(gone)
        self.categories.keep(gone)
        self.categories_new = True
        self._watched = None
        self.limit(*self._budget)

    def settle(self) -> None:
        """Keeps what is usual and forgets what is going on."""
        for group in self.groups:
            group.alarms.open.clear()
            group.alarms.reindex()
            group.bank.settle()
            group.dirty |= {"alarms", "hot", "cold"}

    def limit(self, false_a_month: float, channels: int, queues: int) -> None:
        """The tenant's budget and how many channels and queues share it."""
        self._budget = false_a_month, channels, queues
        for group, portion in zip(self.groups, (budget.SHARES, budget.MIX, budget.BACKLOGS), strict=True):
            group.limit(false_a_month * portion, channels, queues)

    def meet(self) -> None:
        """Categories came up that were never seen."""
        watched = {(row.series, row.category) for row in self.mix.rows}
        new = [
            Row(category.series, "reason", category.name, falling)
            for category in self.categories.rows
            if category.dimension == "reason" and (category.series, category.name) not in watched
            for falling in (False, True)
        ]
        self.categories_new = True
        if new:
            self.mix.grow(new)
            self._watched = None
            self.limit(*self._budget)

    @property
    def watched(self) -> Watched:
        """What the rows of the mix are of."""
        if self._watched is None:
            where = {name: i for i, name in enumerate(self.names)}
            index, rows = self.categories.index, self.mix.rows
            reasons = [index[Category(row.series, "reason", row.category or "")] for row in rows]
            series = [where[row.series] for row in rows]
            self._watched = Watched(np.array(reasons, np.int64), np.array(series, np.int64))
        return self._watched

    # -- a minute

    def close(
        self,
        start: int,
        end: int,
        counts: Counts,
        known: Flags,
        told: Told,
        waiting: NDArray[np.uint32],
        local: LocalTime,
    ) -> list[WaveStatement]:
        """Takes in a finished minute: the sums of its panes by series, and which series are known throughout."""
        seconds = end - start
        shares, backlogs = decided(counts, known, told)
        now = self.turn(start, end)
        said = self.shares.close(start, seconds, local, shares)
        if self.mix.rows:
            said += self.mix.close(start, seconds, local, mixes(now, self.watched, self.mix.bank.falling, known))
        said += self.backlog.close(start, seconds, local, backlogs)
        return self.waiting(said, waiting)

    def waiting(self, said: list[WaveStatement], waiting: NDArray[np.uint32]) -> list[WaveStatement]:
        """What is said, of backlogs with how many contacts wait now."""
        for one in said:
            if one.alarm.row.measure == "backlog":
                one.alarm.waiting = int(waiting[self.names.index(one.alarm.row.series)])
        return said

    def turn(self, start: int, end: int) -> Numbers:
        """How often each category was named in the minute that is over."""
        return self.categories.close(start, end, {alarm.row.series for alarm in self.mix.alarms.open.values()})

    @property
    def alarmed(self) -> set[str]:
        """Series of which something is out of its usual range."""
        return {series for group in self.groups for series, _ in group.alarms.open}

    def leave(self, series: str, at: int, why: str = LEFT) -> list[WaveStatement]:
        """The series is watched no more, or not for now."""
        found: list[WaveStatement] = []
        for group in self.groups:
            if said := group.alarms.leave(series, at, why):
                group.dirty |= {"alarms", "hot"}
                found += said
        return found

    def group_of(self, alarm: WaveAlarm) -> Group:
        measure = alarm.row.measure
        return self.backlog if measure == "backlog" else self.mix if measure == "reason" else self.shares


def decided(counts: Counts, known: Flags, told: Told) -> tuple[Shares, Shares]:
    """Of a minute's sums by series: the rows of the shares, and those of the backlogs."""
    c = counts.astype(float)
    left = c[ABANDONED] + np.where(told.answers, c[ANSWERED], c[FINISHED])
    came = c[OFFERED] + c[BY_TRANSFER]
    watched = known & np.logical_or(told.answers, told.finishes)
    return _shares(c, left, known, told), Shares(came, came + left, watched)


def mixes(now: Numbers, watched: Watched, falling: Flags, known: Flags) -> Shares:
    """Of a minute's counts by category: the rows of the mixes; `known` by series."""
    mine = now[watched.reasons]
    whole = np.bincount(watched.series, mine * ~falling).astype(float)[watched.series]
    return Shares(np.where(falling, whole - mine, mine), whole, known[watched.series])


def _shares(c: Numbers, left: Numbers, known: Flags, told: Told) -> Shares:
    """y and n of escalated, abandoned and negative by series, each at the moment of its decision. A contact that
    escalates before its end is decided by that."""
    ended = np.where(told.finishes, c[FINISHED], np.where(told.answers, c[ANSWERED], c[OFFERED]))
    y = np.array([c[ESCALATED], c[ABANDONED], c[NEGATIVE]])
    n = np.maximum(np.array([ended, left, c[RATED]]), y)
    return Shares(y.T.ravel(), n.T.ravel(), np.repeat(known, len(SHARES)))
