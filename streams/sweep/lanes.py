"""A tape judged under many settings abreast, in one bank: what each of them would have signalled about counts.

The arithmetic is the live bank's and the alarms are the live alarms. Not judged: open panes (a channel with the
system's clock hears of a surge up to a pane earlier), shares, mixes, backlogs, means.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import msgspec
import numpy as np

from detectors import budget, following, wording
from detectors.alarms import ACCEPTED, Alarms, Statement
from detectors.bank import Bank, Closed
from detectors.calendar import Opening
from detectors.columns import Flags, Numbers
from detectors.following import Moved, Sight, of_closed
from detectors.load import MINUTE
from detectors.parameters import CountParams
from detectors.slots import LocalTime
from schemas.base import QueueRef
from schemas.centre import Centre
from schemas.fold import digest
from streams.sweep.tape import Accept, Grow, Keep, Limits, Model, Op, Pane, Settle


class Lane(NamedTuple):
    """One setting of a sweep, as far as it changes what is judged; None: as the model says."""

    budget: float | None = None  # false incidents a month
    tolerance: float | None = None  # a ratio within this band is never of interest


class Fired(msgspec.Struct):
    """One alarm from its opening on: `at` decided it, `ended` is None while it is open. Unix seconds."""

    tenant: str
    channel: str
    queue: str | None
    signal_id: str
    kind: str
    speed: str
    at: int
    onset: int
    observed: float
    expected: float
    opened_ratio: float  # of observed to expected, when it was opened
    wakes: bool  # it is not explained, nor still learning, nor the staff's own
    ended: int | None = None
    revisions: int = 0


class Lanes:
    """One channel under all of the settings; `fired` is what each of them said, in order."""

    def __init__(self, channel: str, lanes: Iterable[Lane], params: CountParams | None = None) -> None:
        self.channel = channel
        self.lanes = tuple(lanes)
        self.params = params or CountParams(looks_ahead=False)  # nobody hears of loads here
        self.centre = Centre(tenant="")
        self.names: list[str] = []
        many = len(self.lanes)
        self.bank = Bank(self.params, LocalTime(), many)
        self.index: list[dict[str, int]] = [{} for _ in self.lanes]
        self.alarms = [Alarms(self.bank, self.names, index, slice(n, None, many)) for n, index in enumerate(self.index)]
        self.fired: list[list[Fired]] = [[] for _ in self.lanes]
        self._open: list[dict[tuple[str, str], Fired]] = [{} for _ in self.lanes]
        self._alarmed: set[int] = set()  # lanes with an open alarm
        self._watched: Flags = np.zeros((2, 0), bool)  # by direction and row: has an open alarm
        self._limits: Limits | None = None

    def apply(self, op: Op) -> None:
        """What a tape says next."""
        match op:
            case Pane():
                self._pane(op)
            case Grow():
                self.names += op.names
                self.bank.grow(len(op.names) * len(self.lanes), op.at)
                self._arrange()
            case Limits():
                self._limits = op
                self._share()
            case Model():
                self._model(op.centre)
            case Keep():
                self._keep(op)
            case Accept():
                for lane, alarms in enumerate(self.alarms):
                    self._hear(lane, alarms.accept(op.queue, op.at, op.pane_start))
            case Settle():
                self._settle()

    # -- a pane

    def _pane(self, pane: Pane) -> None:
        seen, known = self.rows_of(pane)
        closed = self.bank.close(pane.start, pane.seconds, seen, known)
        self.hear(closed, self.bank.without_closed(known))

    def rows_of(self, pane: Pane) -> tuple[Numbers, Flags | None]:
        """By rows of the bank: what came, and whether that is known."""
        known, many = pane.flags(), len(self.lanes)
        return np.repeat(pane.counts(), many), None if known is None else np.repeat(known, many)

    def hear(self, closed: Closed, known: Flags | None) -> bool:
        """Takes note of what a closed pane says; says whether a new normal was accepted."""
        news = self._news(closed)
        sight = of_closed(closed, known)
        moved = self._moved(sight, closed.slow)
        accepted = False
        for lane in sorted(news | moved.keys()):
            said = self.alarms[lane].look(sight, closed.slow, moved=moved.get(lane), news=lane in news)
            self._hear(lane, said)
            accepted |= any(one.reason == ACCEPTED for one in said)
        return accepted

    def _news(self, closed: Closed) -> set[int]:
        """Lanes of which a statistic has reached its threshold that has no alarm yet."""
        reached: Flags = closed.statistic >= self.bank.fast.threshold
        if closed.slow is not None:
            reached |= closed.slow >= self.bank.slow.threshold
        if not np.logical_or.reduce(reached, axis=None):
            return set()
        _, rows = np.nonzero(reached & ~self._watched)
        return set((rows % len(self.lanes)).tolist())

    def _moved(self, sight: Sight, slow: Numbers | None) -> dict[int, list[Moved]]:
        """What the pane makes of all open alarms, by lane."""
        if not self._alarmed:
            return {}
        open_now = {lane: self.alarms[lane].following() for lane in sorted(self._alarmed)}
        moves = iter(following.moves(self.bank, [one for each in open_now.values() for one in each], sight, slow))
        return {lane: list(islice(moves, len(each))) for lane, each in open_now.items()}

    def _hear(self, lane: int, said: list[Statement]) -> None:
        open_here = self._open[lane]
        for one in said:
            alarm = one.alarm
            key = alarm.kind, alarm.series
            self._watched[alarm.direction, self.index[lane][alarm.series]] = one.state != "cleared"
            if one.state == "opened":
                open_here[key] = self._opened(one, lane)
                self.fired[lane].append(open_here[key])
            held = open_here[key]
            held.onset, held.observed, held.expected = alarm.onset, alarm.observed, alarm.expected
            held.revisions = alarm.revision
            if one.state == "cleared":
                held.ended = one.at
                del open_here[key]
        if open_here:
            self._alarmed.add(lane)
        else:
            self._alarmed.discard(lane)

    def _opened(self, said: Statement, lane: int) -> Fired:
        alarm, bank = said.alarm, self.bank
        at = QueueRef(channel=self.channel, queue=alarm.series or None)
        born = float(bank.facts.born[self.index[lane][alarm.series]])
        quiet = (
            said.at - born < self.params.learning_seconds
            or bank.local.explains(alarm.onset, said.at, alarm.kind, alarm.ratio) is not None
            or wording.audience(self.centre, self.channel) == "internal"
        )
        return Fired(
            tenant=self.centre.tenant,
            channel=self.channel,
            queue=at.queue,
            signal_id=digest(self.centre.tenant, at, "offered", alarm.kind, alarm.opened),
            kind=alarm.kind,
            speed=alarm.speed,
            at=said.at,
            onset=alarm.onset,
            observed=alarm.observed,
            expected=alarm.expected,
            opened_ratio=alarm.ratio,
            wakes=not quiet,
        )

    # -- what is watched, and how

    def _arrange(self) -> None:
        """Rows, opening hours, bands and thresholds of the series as they are now."""
        many, bank = len(self.lanes), self.bank
        for lane, index in enumerate(self.index):
            index.clear()
            index.update({name: n * many + lane for n, name in enumerate(self.names)})
        self._watched = np.zeros((2, bank.size), bool)
        for alarms in self.alarms:
            for alarm, row in alarms.following():
                self._watched[alarm.direction, row] = True
        rows = [name for name in self.names for _ in self.lanes]
        bank.outlook.opening = Opening(self.centre, self.channel, rows, bank.local.calendar)
        usual = self.centre.ignore_within_ratio
        floors = np.array([usual if lane.tolerance is None else lane.tolerance for lane in self.lanes])
        bank.floor = np.tile(floors, len(self.names))
        self._share()

    def _share(self) -> None:
        """The thresholds of each lane's own budget."""
        queues = len(self.names) - 1
        if queues < 0:
            return
        usual = self.centre.budget_false_incidents_per_month
        shared = self._limits or Limits(usual, 1, 1, MINUTE)
        found = [
            budget.thresholds(
                shared.false_a_month if lane.budget is None else lane.budget,
                shared.channels,
                shared.queues,
                shared.pane_seconds,
                self.params.slow_seconds,
            )
            for lane in self.lanes
        ]
        fast = [one.channel_fast for one in found] + [one.queue_fast for one in found] * queues
        slow = [one.channel_slow for one in found] + [one.queue_slow for one in found] * queues
        self.bank.fast.limit(np.array([fast, fast]))
        self.bank.slow.limit(np.array([slow, slow]))

    def _model(self, centre: Centre) -> None:
        self.centre = centre
        self.bank.outlook.local = LocalTime(centre.time_zone, centre.calendar, self.channel)
        self._arrange()
        self.bank.refresh()

    def _keep(self, op: Keep) -> None:
        wanted: Flags = np.isin(self.names, op.names)
        gone = sorted(set(self.names) - set(op.names))
        for lane, alarms in enumerate(self.alarms):
            for name in gone:
                self._hear(lane, alarms.leave(name, op.at))
        self.bank.keep(np.repeat(wanted, len(self.lanes)))
        self.names[:] = op.names
        self._arrange()

    def _settle(self) -> None:
        self.bank.settle()
        for lane, alarms in enumerate(self.alarms):
            alarms.open.clear()
            alarms.ended.clear()
            alarms.mark()
            self.fired[lane].clear()
            self._open[lane].clear()
        self._alarmed.clear()
        self._watched[...] = False
