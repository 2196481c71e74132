"""Channels whose panes end at the same moment, judged together: one bank over the series of all of them.

What a bank of few series costs is the calls, not the numbers: four channels judged at once cost little more than one.
What is said and what is kept is, to the byte, what each channel would say and keep that is judged by itself. A stack
holds the joint arrays, and those of its channels are views of them; what is derived of them a channel is lent when it
has something to say. Whatever else happens to a channel dissolves its stack (`Channel.stand_alone`), and the next
moment stacks anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import msgspec
import numpy as np

from detectors.bank import Bank, Closed
from detectors.channel import Channel
from detectors.columns import Flags, Lanes, Numbers, Places, joined, united
from detectors.load import OFFERED, QUARTER, QUARTERS, Minute, wait
from detectors.means import MEASURES, Means
from detectors.merge import Merged
from detectors.metrics import MetricStatement, hour_of
from detectors.share_bank import ShareBank
from detectors.slots import LocalTime
from detectors.wave_alarms import Seen, WaveStatement
from detectors.waves import Group, Shares, Told, Watched, Waves, decided, mixes
from schemas.base import Origin
from schemas.signal import Signal

_NOWHERE = Origin(topic="", partition=0, offset=0)
SERIES_MAX = 200  # of a channel: beyond it the numbers cost more than the calls


class Work:
    """One channel's pane of the moment; what is said of it is kept until all were judged: its place is known then."""

    def __init__(self, channel: Channel, merged: Merged) -> None:
        self.channel = channel
        self.said: list[tuple[int, Signal]] = []
        self.pane = channel.hear(merged, 0, self.say)

    def say(self, at: int, make: Callable[[Origin], Signal]) -> None:
        self.said.append((at, make(_NOWHERE)))

    def alone(self) -> None:
        self.channel.stand_alone()
        self.channel.judge(self.pane, self.say)

    def goes_with(self, other: Work) -> bool:
        """Whether the two have seen the same time pass, so that one bank can hold both."""
        mine, theirs = self.channel, other.channel
        return (
            self.pane.start == other.pane.start
            and mine.minute.begun == theirs.minute.begun
            and mine.bank.level.block == theirs.bank.level.block
            and mine.bank.clocks == theirs.bank.clocks
            and mine.bank.local.is_like(theirs.bank.local)
        )


def close(moment: Sequence[Work]) -> None:
    """Closes panes that end at the same moment, of channels whose series stay as they are."""
    together: list[list[Work]] = []
    for work in moment:
        stacks = work.pane.judged and 1 < len(work.channel.names) <= SERIES_MAX
        found = next((group for group in together if group[0].goes_with(work)), None) if stacks else None
        if found is not None:
            found.append(work)
        elif stacks:
            together.append([work])
        else:
            work.alone()
    for group in together:
        if len(group) > 1:
            stack_of([work.channel for work in group]).close(group)
        else:
            group[0].alone()


def stack_of(channels: list[Channel]) -> Stack:
    """The stack of exactly these, built where there is none."""
    held = channels[0].stack
    if held is not None and held.channels == channels:
        return held
    for channel in channels:
        channel.stand_alone()
    return Stack(channels)


class Stack:
    """Two or more channels with the same time."""

    def __init__(self, channels: list[Channel]) -> None:
        self.channels = channels
        lanes = Lanes.side_by_side([len(channel.names) for channel in channels])
        self.rows = lanes.parts
        self.bank = bank_of([channel.bank for channel in channels], lanes)
        self._said: list[tuple[bool, bool]] = []
        self.minute = _minute([channel.minute for channel in channels])
        self.joints = [_joints(list(groups)) for groups in zip(*(one.waves.groups for one in channels), strict=True)]
        self.watched = _watched([channel.waves for channel in channels], self.rows)
        self.falling = np.concatenate([channel.waves.mix.bank.falling for channel in channels])
        self.means = _means([channel.metrics.means for channel in channels])
        for channel in channels:
            channel.stack, channel.stale = self, False

    def dissolve(self) -> None:
        """Each channel by itself again: what is derived of its state it derives anew."""
        for channel, rows in zip(self.channels, self.rows, strict=True):
            lend(self.bank, channel.bank, rows)
            channel.bank.clocks = msgspec.structs.replace(self.bank.clocks)
            channel.bank.refresh()
            channel.stack = None
        for joint in chain.from_iterable(self.joints):
            joint.dissolve()

    def close(self, works: list[Work]) -> None:
        """Closes one pane of each channel."""
        pane, bank, minute = works[0].pane, self.bank, self.minute
        counts = np.concatenate([work.pane.counts for work in works], axis=1)
        known = joined([work.pane.known for work in works], [len(work.channel.names) for work in works])
        closed = self._judge(works, counts[OFFERED].astype(float), known)
        for work in works:
            if work.pane.told:
                work.channel.tells(work.pane.counts)
        wait(bank.meters.backlog, counts, self._told().answers, bank.lanes)
        minute.add(pane.start, pane.seconds, counts, closed.expected, bank.room_variance, known)
        for channel in self.channels:
            channel.minute.begun = minute.begun
            channel.dirty.add("minute")
        if minute.is_over(pane.end):
            self._end_minute(works, pane.end)
        if any(channel.stale for channel in self.channels):
            self.dissolve()

    def _judge(self, works: list[Work], seen: Numbers, known: Flags | None) -> Closed:
        bank, pane = self.bank, works[0].pane
        before = bank.clocks.times()
        closed = bank.close(pane.start, pane.seconds, seen, known)
        passed = bank.clocks.passed(before)
        reached = np.logical_or.reduce(closed.statistic >= bank.fast.threshold)
        if closed.slow is not None:
            reached |= np.logical_or.reduce(closed.slow >= bank.slow.threshold)
        for work, rows, news in zip(works, self.rows, _each(reached, self.rows), strict=True):
            channel = work.channel
            channel.dirty |= passed
            channel.bank.level.block = bank.level.block
            if news or not channel.alarms.quiet:
                lend(self.bank, channel.bank, rows)
            channel.look(closed.of(rows), work.pane.known, work.say, news=news)
        return closed

    def _told(self) -> Told:
        """By series: whether answers, and ends, are told of."""
        said = [(channel.head.answers, channel.head.finishes) for channel in self.channels]
        if said != self._said:
            self._said, by_lane = said, np.array(said)[self.bank.lanes.of]
            self._of_said = Told(by_lane[:, 0], by_lane[:, 1])
        return self._of_said

    # -- a minute

    def _end_minute(self, works: list[Work], end: int) -> None:
        minute = self.minute
        ahead = self.bank.ahead(end, QUARTER, QUARTERS) if self.channels[0].looks_ahead(end) else None
        usual, (expected, known) = minute.usual(), minute.known(end)
        closed = self.bank.closed_throughout(minute.begun, end - minute.begun)
        for work, rows in zip(works, self.rows, strict=True):
            channel = work.channel
            channel.load(end, usual.of(rows), None if ahead is None else ahead[:, rows])
            if closed is not None:
                channel.end_of_closed(closed[rows], end, work.say)
            channel.minutes.push(end, channel.minute.counts[OFFERED], expected[rows], np.zeros(len(channel.names)))
        if closed is not None:
            known &= ~closed
            self._stir()
        for work, waves, metrics in zip(works, self._waves(end, known), self._metrics(end, known), strict=True):
            work.channel.say_waves(waves, metrics, work.say)
        minute.reset()
        for channel in self.channels:
            channel.minute.begun = minute.begun

    def _stir(self) -> None:
        for joint in chain.from_iterable(self.joints):
            joint.bank.stir()

    def _waves(self, end: int, known: Flags) -> list[list[WaveStatement]]:
        """What is said of the minute, by channel: of shares, then of mixes, then of backlogs."""
        begun, minute = self.minute.begun, self.minute
        shares, backlogs = decided(minute.counts, known, self._told())
        now = np.concatenate([channel.waves.turn(begun, end) for channel in self.channels])
        said: list[list[WaveStatement]] = [[] for _ in self.channels]
        minutes = shares, mixes(now, self.watched, self.falling, known), backlogs
        pairs = [(joint, each) for joints, each in zip(self.joints, minutes, strict=True) for joint in joints]
        for joint, of_all in pairs:
            found = joint.close(begun, end - begun, self.bank.local, of_all)
            for n, statements in zip(joint.members, found, strict=True):
                said[n] += self.channels[n].waves.waiting(statements, self.channels[n].bank.meters.backlog)
        return said

    def _metrics(self, end: int, known: Flags) -> list[list[MetricStatement]]:
        """What is said of the minute's means, by channel."""
        begun = self.minute.begun
        for channel in self.channels:
            channel.metrics.begin(begun)
        taken = self.means.take(begun, self.minute.counts, known, hour_of(self.bank.local, begun, end))
        if taken is None:
            return [[] for _ in self.channels]
        means_rows = _wide(self.rows, len(MEASURES))
        full, lasting = (_each(each, means_rows) for each in (taken.full, self.means.lasting(taken.full)))
        said = [
            channel.metrics.hear(begun, end, taken.of(rows), news=news) if some else []
            for channel, rows, some, news in zip(self.channels, means_rows, full, lasting, strict=True)
        ]
        self.means.learn(taken)
        return said


class Joint:
    """One group of several channels, `members` by their place in the stack, that have seen the same time pass."""

    def __init__(self, members: list[int], groups: list[Group], places: slice | Places) -> None:
        """`places`: of their rows among those of all channels."""
        self.members, self.groups, self.places = members, groups, places
        banks = [group.bank for group in groups]
        first = banks[0]
        self.rows = Lanes.side_by_side([bank.size for bank in banks]).parts
        self.bank = bank = ShareBank(first.params, first.counts)
        for n, part in enumerate((*bank.hot, *bank.cold)):
            part.unite([(*one.hot, *one.cold)[n] for one in banks])
        bank.falling, bank.alarmed = united(banks, "falling"), united(banks, "alarmed")
        bank.limit(np.concatenate([one.threshold for one in banks]))
        bank.block, bank.slot = first.block, first.slot

    def close(self, start: int, seconds: int, local: LocalTime, of_all: Shares) -> list[list[WaveStatement]]:
        """One minute of all rows; what is said of it, by member."""
        bank, block = self.bank, self.bank.block
        minute = of_all.of(self.places)
        statistic = bank.close(start, seconds, local.moment(start + seconds / 2), *minute)
        seen = Seen(start, seconds, *minute, statistic, minute.n * bank.share)
        reached = _each(statistic >= bank.threshold, self.rows)
        said = []
        for group, rows, news in zip(self.groups, self.rows, reached, strict=True):
            self._lend(group, rows)
            said.append(group.hear(seen.of(rows), learned=bank.block != block, news=news))
        return said

    def _lend(self, group: Group, rows: slice) -> None:
        of, to = self.bank, group.bank
        to.block, to.slot = of.block, of.slot
        to.share, to.tolerance, to.icc = of.share[rows], of.tolerance[rows], of.icc[rows]
        to.stir()

    def dissolve(self) -> None:
        for group in self.groups:
            group.bank.refresh()


class Openings:
    """The opening hours of several channels side by side."""

    def __init__(self, banks: Sequence[Bank]) -> None:
        self._banks = banks

    def shares(self, start: float, end: float) -> Numbers | None:
        """As `Opening.shares`."""
        hours = [bank.outlook.opening for bank in self._banks]
        found = [each.shares(start, end) if each else None for each in hours]
        shares: Numbers | None = joined(found, [bank.size for bank in self._banks])
        return shares


def lend(of: Bank, to: Bank, rows: slice) -> None:
    """What alarms, and the words for them, ask of a bank beside its state: of the joint bank to one of those in it."""
    to.level_now, to.relative_variance = of.level_now[rows], of.relative_variance[rows]
    to.tolerance = of.tolerance[0][rows], of.tolerance[1][rows]
    to.slow_tolerance = of.slow_tolerance[0][rows], of.slow_tolerance[1][rows]
    to.outlook.learned_weeks, to.fast.shape = of.outlook.learned_weeks[rows], of.fast.shape[rows]
    # as the channel alone would have it
    closed = None if of.closed is None else of.closed[rows]
    to.closed = closed if closed is not None and closed.any() else None


def bank_of(banks: list[Bank], lanes: Lanes) -> Bank:
    """One bank over the rows of several, whose arrays are views of its from now on."""
    first = banks[0]
    joint = Bank(first.params, first.local)
    for name, part in joint.parts.items():
        part.unite([bank.parts[name] for bank in banks])
    joint.alarmed, joint.far = united(banks, "alarmed"), united(banks, "far")
    joint.fast.limit(np.concatenate([bank.fast.threshold for bank in banks], axis=1))
    joint.slow.limit(np.concatenate([bank.slow.threshold for bank in banks], axis=1))
    joint.level.block, joint.clocks = first.level.block, msgspec.structs.replace(first.clocks)
    joint.floor = np.concatenate([np.broadcast_to(bank.floor, bank.size) for bank in banks])
    joint.outlook.opening = Openings(banks)
    joint.season.lanes = lanes
    joint.refresh()
    for bank in banks:
        bank.clocks = joint.clocks
    return joint


def _minute(minutes: list[Minute]) -> Minute:
    joint = Minute()
    joint.begun = minutes[0].begun
    joint.counts, joint.floats = united(minutes, "counts"), united(minutes, "floats")
    return joint


def _means(means: list[Means]) -> Means:
    joint = Means()
    joint.bank.histories.unite([one.bank.histories for one in means])
    joint.marks.unite([one.marks for one in means])
    return joint


def _joints(groups: list[Group]) -> list[Joint]:
    """Those with rows, by how far their blocks and hours are."""
    found: dict[tuple[int, int], list[int]] = {}
    for n, group in enumerate(groups):
        if group.rows:
            found.setdefault((group.bank.block, group.bank.slot), []).append(n)
    rows = Lanes.side_by_side([group.bank.size for group in groups]).parts
    places = np.arange(rows[-1].stop)
    return [
        Joint(
            members,
            [groups[n] for n in members],
            slice(None) if len(found) == 1 else np.concatenate([places[rows[n]] for n in members]),
        )
        for members in found.values()
    ]


def _watched(waves: list[Waves], rows: Sequence[slice]) -> Watched:
    ends = np.cumsum([len(each.categories.rows) for each in waves])
    reasons = [each.watched.reasons + end - len(each.categories.rows) for each, end in zip(waves, ends, strict=True)]
    series = [each.watched.series + part.start for each, part in zip(waves, rows, strict=True)]
    return Watched(np.concatenate(reasons), np.concatenate(series))


def _wide(rows: Iterable[slice], many: int) -> list[slice]:
    """The rows of series that have `many` each."""
    return [slice(part.start * many, part.stop * many) for part in rows]


def _each(flags: Flags, rows: Sequence[slice]) -> list[bool]:
    """Whether any is set, by part."""
    return [bool(flags[part].any()) for part in rows] if flags.any() else [False] * len(rows)
