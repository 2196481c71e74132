"""One channel of one tenant: its log of panes, its sources, its series, its alarms and its minute."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np

from detectors import budget, telling
from detectors.alarms import CLOSING, Alarms, Statement
from detectors.bank import Bank, Clocks, Closed
from detectors.calendar import Opening
from detectors.columns import Flags, Numbers
from detectors.following import Sight, of_closed
from detectors.load import (
    ANSWERED,
    FINISHED,
    MINUTE,
    OFFERED,
    QUARTER,
    QUARTERS,
    ChannelLoad,
    Counts,
    Minute,
    Usual,
    wait,
)
from detectors.merge import FIELDS, OPEN_PANES_MAX, ChannelLog, Merged
from detectors.metrics import Metrics, MetricStatement
from detectors.parameters import DAY_SECONDS, CountParams
from detectors.roster import Roster
from detectors.slots import LocalTime
from detectors.telling import Say
from detectors.trail import Trail
from detectors.wave_alarms import WaveStatement
from detectors.waves import Told, Waves
from schemas.centre import Centre
from schemas.pane import QueuePane
from schemas.topics import contact_events

if TYPE_CHECKING:
    from detectors.stack import Stack

OTHER = "other"
# A source's last heartbeat and a contact behind it may come in records half a second apart; progress in a second.
AHEAD_SECONDS = 1.5
OPEN_SECONDS_MAX = 90  # open panes that are scored together
_NO_PANE: Numbers = np.zeros((2, 0))


class Pane(NamedTuple):
    """A pane that is complete: what came, by series; which series are known (None: all are), and whether any queue was
    named at all. `aside`: it was set aside."""

    start: int
    seconds: int
    counts: Counts
    known: Flags | None
    told: bool
    aside: bool

    @property
    def end(self) -> int:
        return self.start + self.seconds

    @property
    def judged(self) -> bool:
        """Whether anything is known of it."""
        return not self.aside and (self.known is None or bool(self.known.any()))


class Head(msgspec.Struct):
    """The channel's own facts, small; written whole. `closed_to` is the end of the last closed pane (0: none yet)."""

    channel: str
    clock: Literal["system", "event"] = "system"
    silence: Literal["unknown", "zero"] = "unknown"
    pane_seconds: int = 0
    closed_to: int = 0
    passed: dict[int, int] = {}
    roster: Roster = msgspec.field(default_factory=Roster)
    clocks: Clocks = msgspec.field(default_factory=Clocks)
    block: int = 0
    names: int = 0
    aside: list[int] = []
    # what leaves the queue here: an answer where answers are told of, else the end
    answers: bool = False
    finishes: bool = False
    scored_to: int = 0
    centre_after: int | None = None
    ended: dict[str, int] = {}


class Channel:
    """All that is known of one channel; `dirty` names what changed since it was last written."""

    def __init__(self, name: str, centre: Centre, local: LocalTime, params: CountParams, forget: tuple[float, float]):
        self.name = name
        self.topic = contact_events(name).name
        self.sized = (0, 0)  # series and pane length that the thresholds are for
        self.head = Head(channel=name)
        self.log = ChannelLog()
        self.params = params
        self.source_forget, self.series_forget = forget
        self.centre = centre
        self.bank = Bank(params, local)
        self.names: list[str] = []
        self.index: dict[str, int] = {}
        self.alarms = Alarms(self.bank, self.names, self.index)
        self.trail = Trail()  # of closed panes
        self.minute = Minute()
        self.minutes = Trail()
        self.pane = _NO_PANE  # what came and what is usual in the pane that is being judged
        self.waves = Waves(self.names, params)
        self.metrics = Metrics(self.names)
        self.loads: dict[int, ChannelLoad] = {}  # by the end of the minute; whoever reads them takes them out
        self.counted: Counter[str] = Counter()
        month = centre.budget_false_incidents_per_month
        # until the tenant's series are counted, as if this were all of it
        self.limits = budget.thresholds(month, 1, 1, MINUTE, params.slow_seconds)
        self.dirty: set[str] = set()
        self.stack: Stack | None = None  # in which it is judged together with others
        self.stale = False  # an alarm that ended changed what the stack goes by

    # -- time

    def stand_alone(self) -> None:
        """Whatever it is judged with, from here on it is judged by itself."""
        if self.stack is not None:
            self.stack.dissolve()

    def set_centre(self, centre: Centre, local: LocalTime) -> None:
        """The model in force from the next pane on."""
        self.stand_alone()
        self.centre = centre
        self.bank.outlook.local = LocalTime(centre.time_zone, centre.calendar, self.name) if centre.calendar else local
        self.bank.floor = centre.ignore_within_ratio
        self.read_hours()
        self.bank.refresh()

    def read_hours(self) -> None:
        """The opening hours of the series as they are now."""
        self.bank.outlook.opening = Opening(self.centre, self.name, self.names, self.bank.local.calendar)

    def put(self, record: QueuePane) -> bool:
        """Takes in a pane record; says whether it counts."""
        start = int(record.pane_start.timestamp())
        if start in self.head.aside:
            self.counted["aside"] += 1
            return False
        if not self.log.put(record, self.head.closed_to):
            return False
        head = self.head
        head.clock, head.silence, head.passed = record.clock, record.silence, self.log.passed
        if not head.pane_seconds:
            head.pane_seconds = record.pane_seconds
        self.dirty.add("head")
        return True

    def is_gone(self) -> bool:
        """Whether all of its sources left, and nothing waits: time does not pass here."""
        return self.head.roster.ever and not self.head.roster.sources and not self.log.panes

    def next_pane(self) -> tuple[int, int] | None:
        """Start and length of the pane that closes next; None where none is known."""
        head = self.head
        start = self.log.next_start(head.closed_to)
        if start is None:
            return None if not head.closed_to or self.is_gone() else (head.closed_to, head.pane_seconds)
        long_gap = start - head.closed_to > OPEN_PANES_MAX * head.pane_seconds
        if not head.closed_to or start == head.closed_to or long_gap or not self._waits():
            return start, self._length(start)
        return head.closed_to, min(head.pane_seconds, start - head.closed_to)

    def _waits(self) -> bool:
        """Whether panes without a record mean anything: a source owes them, or silence is zero."""
        return bool(self.head.roster.sources) or (not self.head.roster.ever and self.head.silence == "zero")

    def _length(self, start: int) -> int:
        accounts = self.log.panes[start]
        first = accounts[min(accounts)]
        return first.parts[min(first.parts)].pane_seconds

    # -- a closed pane

    def close(self, start: int, seconds: int, partitions: int, room: int, say: Say) -> list[str]:
        """Closes the pane; returns the names of the state entries of its records, which are of no use any more. `room`
        is how many series may be added."""
        self.stand_alone()
        merged, spent = self.take(start, seconds, partitions)
        self.judge(self.hear(merged, room, say), say)
        return spent

    def judge(self, pane: Pane, say: Say) -> None:
        """All that follows from what came."""
        start, seconds, known = pane.start, pane.seconds, pane.known
        if pane.judged:
            expected = self._judge(start, seconds, pane.counts, known, say)
        else:
            expected, known = self.bank.expect(start, seconds), np.zeros(len(self.names), bool)
        if pane.told:
            self._wait(pane.counts)
        self._sum_minute(start, seconds, pane.counts, expected, known, say)
        if pane.end // DAY_SECONDS != start // DAY_SECONDS:
            self._forget(pane.end, say)

    def is_calm(self, start: int, seconds: int) -> bool:
        """Whether this pane changes nothing about who is watched, and how: neither the series, nor the model, nor what
        the budget is shared by."""
        head, end = self.head, start + seconds
        if self.sized != (len(self.names), seconds) or (head.centre_after is not None and start >= head.centre_after):
            return False
        if end // DAY_SECONDS != start // DAY_SECONDS and self._gone(end).any():
            return False
        return self.log.queues(start) <= self.index.keys()

    def take(self, start: int, seconds: int, partitions: int) -> tuple[Merged, list[str]]:
        """What came of a pane, out of the log, and the names of the state entries of its records."""
        merged = self.log.merged(start, seconds, partitions)
        return merged, [f"{start}/{partition}/{part}" for partition, part in self.log.take(start)]

    def hear(self, merged: Merged, room: int, say: Say) -> Pane:
        """Takes in what came of the next pane: sources, series, categories."""
        head, start, end = self.head, merged.start, merged.start + merged.seconds
        aside = start in head.aside
        if aside:
            head.aside = [one for one in head.aside if one != start]
            merged = Merged(start, merged.seconds, {}, {}, False, [])
        else:
            for change in head.roster.hear(start, end, merged.sources, self.source_forget):
                telling.source(self, change, start, end, say)
        counts = self._counts(merged, end, room)
        if not head.closed_to:
            # what was learned before this stream began was heard until it did
            self.bank.meters.heard[...] = np.maximum(self.bank.meters.heard, start)
        if merged.named and self.waves.categories.add(merged.named, self.index):
            self.stand_alone()
            self.waves.meet()
        head.closed_to, head.pane_seconds, head.scored_to = end, merged.seconds, max(head.scored_to, end)
        self.dirty |= {"head", "hot"}
        known = None if aside else self._known(merged)
        return Pane(start, merged.seconds, counts, known, bool(merged.queues), aside)

    def _known(self, merged: Merged) -> Flags | None:
        """Which series are known; None where all are."""
        roster, silence = self.head.roster, self.head.silence
        whole = roster.whole(merged.sources, silence)
        if not roster.ever or all("*" in source.queues for source in roster.sources.values()):
            return None if whole else np.zeros(len(self.names), bool)
        flags = [roster.knows(name, merged.sources, silence) for name in self.names[1:]]
        return np.array([whole, *flags])

    def _counts(self, merged: Merged, end: int, room: int) -> Counts:
        new = [name for name in merged.queues if name not in self.index]
        if not self.names:
            # the channel as a whole is watched however little room there is
            new, room = ["", *new], max(room, 1)
        over = new[room:]
        if over:
            self.counted["series"] += len(over)
            new = new[:room] + ([OTHER] if OTHER not in self.index and OTHER not in new[:room] else [])
        if new:
            self._add(new, end)
        counts: Counts = np.zeros((len(FIELDS), len(self.names)), np.int64)
        for name, values in merged.queues.items():
            counts[:, self.index[name if name in self.index else OTHER]] += values
        counts[:, 0] = counts[:, 1:].sum(axis=1)
        return counts

    def _judge(self, start: int, seconds: int, counts: Counts, known: Flags | None, say: Say) -> Numbers:
        before = self.bank.clocks.times()
        closed = self.bank.close(start, seconds, counts[OFFERED].astype(float), known)
        self.dirty |= self.bank.clocks.passed(before)
        self.look(closed, known, say)
        return closed.expected

    def look(self, closed: Closed, known: Flags | None, say: Say, *, news: bool = True) -> None:
        """What is to be said of a pane that the bank closed. Without `news` no statistic reached its threshold."""
        usual = closed.expected if known is None else closed.expected * known
        self.trail.push(closed.start + closed.seconds, closed.seen, usual, np.maximum.reduce(closed.statistic))
        if not news and self.alarms.quiet:
            return
        self.pane = np.array([closed.seen, usual])
        self._state(self.alarms.look(of_closed(closed, self.bank.without_closed(known)), closed.slow), say)
        self.pane = _NO_PANE

    def _state(self, statements: list[Statement], say: Say) -> None:
        if statements:
            self.dirty |= {"alarms", "hot", "slow", "shifts"}
            self.stale |= any(said.state == "cleared" for said in statements)
        for said in statements:
            telling.alarm(self, said, say)
        if self.alarms.open:
            self.dirty.add("alarms")

    def accept(self, queue: str | None, say: Say) -> bool:
        """Takes what an alarm shows for the new normal, of one queue or of the channel with all of its queues; says
        whether there was one."""
        self.stand_alone()
        head = self.head
        found = self.alarms.accept(queue, head.closed_to, head.closed_to - head.pane_seconds)
        self._state(found, say)
        if found:
            self.dirty |= {"head", "slow", "shifts", "hot", "alarms"}
        return bool(found)

    def settle(self) -> None:
        """Keeps what is usual and forgets the present, for a stream that begins at another time."""
        self.stand_alone()
        before = self.head
        self.head = Head(
            channel=self.name,
            pane_seconds=before.pane_seconds,
            names=before.names,
            answers=before.answers,
            finishes=before.finishes,
        )
        self.log = ChannelLog()
        self.alarms.open.clear()
        self.alarms.ended.clear()
        self.alarms.mark()
        self.bank.settle()
        self.minute.reset()
        self.loads.clear()
        self.waves.settle()
        self.dirty |= {"head", "hot", "slow", "shifts", "alarms", "minute", "names", "season"}

    # -- an open pane

    def look_ahead(self, partitions: int, progress_at: float, say: Say) -> None:
        """Scores what is seen of the panes that are not closed, once a heartbeat of the slowest source moved it on.

        Open panes are scored as one, as far as all sources have surely delivered. What may have been seen beyond that
        (contacts come a little before the heartbeat behind them) lengthens the share against which a surge is scored.
        """
        self.stand_alone()
        head = self.head
        sources = head.roster.sources
        if not head.closed_to or not sources or not self.names:
            return
        found = self._open_panes(partitions)
        if found is None:
            return
        end, delivered, most, counts = found
        seconds = end - head.closed_to
        head.scored_to = delivered
        self.dirty.add("head")
        down = (delivered - head.closed_to) / seconds
        up = min((max(progress_at + AHEAD_SECONDS, most) - head.closed_to) / seconds, 1.0)
        bank = self.bank
        known = np.ones(len(self.names), bool)
        statistic, mean, gains = bank.score(head.closed_to, seconds, counts, max(up, down), down, known)
        seasonal = mean[1] / np.maximum(bank.level_now, 1e-12)
        at = delivered
        sight = Sight(head.closed_to, at, seconds, down, counts, mean, seasonal, statistic, gains, None)
        self._state(self.alarms.look(sight), say)

    def _open_panes(self, partitions: int) -> tuple[int, int, int, Numbers] | None:
        """End, how far surely and how far at most delivered, and the counts, of the open panes that follow on the last
        closed one; None where nothing new is delivered."""
        head = self.head
        start, delivered, most = head.closed_to, 0, 0
        counts = np.zeros(len(self.names))
        while start in self.log.panes and start not in head.aside and start - head.closed_to < OPEN_SECONDS_MAX:
            end = start + self._length(start)
            merged = self.log.merged(start, end - start, partitions)
            seen = [merged.sources.get(name) for name in head.roster.sources]
            if not all(one is not None and one.present and not one.last for one in seen):
                break
            delivered = min(one.least_delivered for one in seen if one)
            most = max(one.most_delivered for one in seen if one)
            for name, values in merged.queues.items():
                counts[0] += values[OFFERED]
                if name in self.index:
                    counts[self.index[name]] += values[OFFERED]
            start = end
            if delivered < end:
                break
        return (start, delivered, most, counts) if delivered > max(head.scored_to, head.closed_to) else None

    # -- the minute

    def _wait(self, counts: Counts) -> None:
        self.tells(counts)
        wait(self.bank.meters.backlog, counts, self.head.answers, self.bank.lanes)

    def tells(self, counts: Counts) -> None:
        """Whether answers, and ends, are told of here."""
        head = self.head
        head.answers = head.answers or bool(counts[ANSWERED, 0])
        head.finishes = head.finishes or bool(counts[FINISHED, 0])

    def _sum_minute(
        self, start: int, seconds: int, counts: Counts, expected: Numbers, known: Flags | None, say: Say
    ) -> None:
        bank, minute, end = self.bank, self.minute, start + seconds
        minute.add(start, seconds, counts, expected, bank.room_variance, known)
        if minute.is_over(end):
            ahead = bank.ahead(end, QUARTER, QUARTERS) if self.looks_ahead(end) else None
            self.load(end, minute.usual(), ahead)
            self._judge_minute(end, say)
            minute.reset()
        self.dirty.add("minute")

    def looks_ahead(self, end: int) -> bool:
        """What is ahead changes slowly: told with the first minute of each quarter of an hour."""
        return self.params.looks_ahead and len(self.names) > 1 and end // QUARTER != self.minute.begun // QUARTER

    def load(self, end: int, usual: Usual, ahead: Numbers | None) -> None:
        """The minute's load, that ends with the pane at `end`."""
        bank, minute, head = self.bank, self.minute, self.head
        backlog = bank.meters.backlog.astype(float) if head.answers or head.finishes else None
        rows = minute.rows(self.name, self.names, backlog, bank.facts.born.astype(float), usual, ahead)
        self.loads[end // MINUTE * MINUTE] = ChannelLoad(float(end - minute.begun), rows)

    def _judge_minute(self, end: int, say: Say) -> None:
        """Shares, mixes, backlogs and means of the minute that is over. Of what is closed none is judged or learned:
        the few who come then, or end late, are not like the others."""
        minute, local = self.minute, self.bank.local
        expected, known = minute.known(end)
        closed = self.bank.closed_throughout(minute.begun, end - minute.begun)
        if closed is not None:
            known &= ~closed
            self.end_of_closed(closed, end, say)
        self.minutes.push(end, minute.counts[OFFERED], expected, np.zeros(len(self.names)))
        told = Told(self.head.answers, self.head.finishes)
        waiting = self.bank.meters.backlog
        said = self.waves.close(minute.begun, end, minute.counts, known, told, waiting, local)
        self.say_waves(said, self.metrics.close(minute.begun, end, minute.counts, known, local), say)

    def end_of_closed(self, closed: Flags, now: int, say: Say) -> None:
        """What was out of its usual range ends with the opening hours."""
        for name in sorted(self.waves.alarmed | self.metrics.alarmed):
            if closed[self.index[name]]:
                self.say_waves(self.waves.leave(name, now, CLOSING), self.metrics.leave(name, now, CLOSING), say)

    def say_waves(self, waves: list[WaveStatement], metrics: list[MetricStatement], say: Say) -> None:
        self.dirty.add("waves")
        for wave in waves:
            self.stale |= wave.state == "cleared"
            telling.wave(self, wave, say)
        for metric in metrics:
            telling.metric(self, metric, say)

    # -- series

    def _add(self, new: list[str], now: int) -> None:
        self.stand_alone()
        for name in new:
            self.index[name] = len(self.names)
            self.names.append(name)
        self.bank.grow(len(new), now)
        self.read_hours()
        self.minute.grow(len(self.names))
        self.trail.grow(len(new))
        self.minutes.grow(len(new))
        self.waves.grow(new)
        self.metrics.grow(len(new))
        self.set_thresholds(self.limits)
        self.head.names = len(self.names)
        self.dirty |= {"names", "slow", "shifts", "size"}

    def _gone(self, now: int) -> Flags:
        """Queues without a contact for long."""
        gone: Flags = self.bank.meters.heard.astype(float) + self.series_forget <= now
        gone[0] = False
        return gone

    def _forget(self, now: int, say: Say) -> None:
        """Queues without a contact for long leave; their signals with them."""
        wanted = ~self._gone(now)
        if wanted.all():
            return
        self.stand_alone()
        gone = {name for name, keep in zip(self.names, wanted, strict=True) if not keep}
        for name in sorted(gone):
            self._state(self.alarms.leave(name, now), say)
            self.say_waves(self.waves.leave(name, now), self.metrics.leave(name, now), say)
        self.bank.keep(wanted)
        self.bank.meters.backlog[0] = self.bank.meters.backlog[1:].sum()
        self.minute.keep(wanted)
        self.trail.keep(wanted)
        self.minutes.keep(wanted)
        self.waves.keep(gone)
        self.metrics.keep(wanted)
        kept = [name for name, keep in zip(self.names, wanted, strict=True) if keep]
        self.names[:] = kept
        self.index.clear()
        self.index.update({name: i for i, name in enumerate(kept)})
        self.read_hours()
        self.set_thresholds(self.limits)
        self.head.names = len(kept)
        self.dirty |= {"names", "hot", "slow", "shifts", "season", "size", "alarms", "minute", "waves"}

    def set_thresholds(self, limits: budget.Thresholds) -> None:
        self.stand_alone()
        self.limits = limits
        self.waves.limit(limits.false_a_month, limits.channels, limits.queues)
        queues = len(self.names) - 1
        if queues < 0:
            return
        self.bank.fast.limit(np.repeat([[limits.channel_fast] + [limits.queue_fast] * queues], 2, axis=0))
        self.bank.slow.limit(np.repeat([[limits.channel_slow] + [limits.queue_slow] * queues], 2, axis=0))
