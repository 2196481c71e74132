"""How a queue served its contacts by the exact queues, as it was and as it would have been without what we moved.

By quarters of an hour, each in the steady state of its load (Erlang A; a backlog is drained in its order). Nothing
here says what an outage would have been like otherwise: arrivals beyond our own shifts are taken as they came.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from response.workload import Target, drain, erlang_a
from schemas.base import QueueRef
from schemas.recovery import Between

QUARTER_SECONDS = 900
# What is known least is tried: half and twice the patience; where nobody gives up, work a quarter faster and slower.
PATIENCE_TRIED = (0.5, 1.0, 2.0)
PACE_TRIED = (1.25, 1.0, 0.8)
TRIED = range(len(PATIENCE_TRIED))
_AS_KNOWN = PATIENCE_TRIED.index(1.0)
_HAIR = 1e-6


class Quarter(msgspec.Struct, kw_only=True):
    """One queue in one quarter of an hour that begins at `start`; rates are contacts a second.

    `slots`: what the people there could handle at once, `lent` of them by our commands (negative: they were lent away).
    Its people got `rate` + `guests` - `relieved`. Without our commands `kept_away` would have come too, and `brought`
    would not have had a way in; `moved_in` would have stayed where they were.
    """

    queue: QueueRef
    start: datetime
    seconds: float
    rate: float
    usual_rate: float
    handle_seconds: float
    usual_handle_seconds: float
    slots: float
    patience_seconds: float
    target: Target
    deferred: bool = False
    backlog: float = 0.0
    abandoned: int = 0
    lent: float = 0.0
    guests: float = 0.0
    relieved: float = 0.0
    kept_away: float = 0.0
    moved_in: float = 0.0
    brought: float = 0.0

    @property
    def offered(self) -> float:
        return self.rate * self.seconds

    @property
    def touched(self) -> bool:
        """Whether our commands changed anything here."""
        return any((self.lent, self.guests, self.relieved, self.kept_away, self.moved_in, self.brought))


class Served(NamedTuple):
    """Of the contacts offered: the share that was answered in time (by the target's definition), and how many were
    lost: they gave up, or were not finished by when they were due."""

    level: float
    lost: float


def as_it_was(quarter: Quarter, tried: int = _AS_KNOWN) -> Served:
    rate = max(0.0, quarter.rate + quarter.guests - quarter.relieved)
    return _served(quarter, rate, quarter.handle_seconds, quarter.slots, tried)


def as_usual(quarter: Quarter) -> Served:
    """The same people, none lent, with what usually comes and takes as long as usual."""
    slots = quarter.slots - quarter.lent
    usual = msgspec.structs.replace(quarter, backlog=0.0)
    return _served(usual, quarter.usual_rate, quarter.usual_handle_seconds, slots, _AS_KNOWN)


def _without_us(quarter: Quarter, tried: int, left_over: float) -> Served:
    rate = max(0.0, quarter.rate + quarter.kept_away - quarter.moved_in - quarter.brought)
    more = msgspec.structs.replace(quarter, backlog=quarter.backlog + left_over)
    here = _served(more, rate, quarter.handle_seconds, quarter.slots - quarter.lent, tried)
    return Served(here.level, here.lost + quarter.brought * quarter.seconds)


def _served(quarter: Quarter, rate: float, handle: float, slots: float, tried: int) -> Served:
    if rate <= 0:
        return Served(1.0, 0.0)
    there = max(0, math.floor(slots + _HAIR))
    if quarter.deferred:
        work = there / handle * PACE_TRIED[tried]
        share = drain(quarter.backlog, rate, work, quarter.seconds, quarter.target.seconds).on_time_share
        return Served(share, rate * quarter.seconds * (1 - share))
    queue = erlang_a(there, rate, handle, quarter.patience_seconds * PATIENCE_TRIED[tried])
    return Served(queue.service_level(quarter.target.seconds), rate * quarter.seconds * queue.abandoned_share)


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """Service level over several quarters, weighted by contacts offered, by the model: as it was, and as the same
    people keep it with what is usual. `late` = sum over quarters of offered x max(0, usual - was): contacts that were
    not answered in time though they usually are."""

    was: float
    usual: float
    target: float
    offered: float
    late: float


def level(quarters: Sequence[Quarter]) -> Level | None:
    """None where nothing was offered."""
    busy = [one for one in quarters if one.rate > 0]
    offered = math.fsum(one.offered for one in busy)
    if offered <= 0:
        return None
    found = [(one.offered, as_it_was(one).level, as_usual(one).level) for one in busy]
    return Level(
        was=round(math.fsum(n * was for n, was, _ in found) / offered, 4),
        usual=round(math.fsum(n * usual for n, _, usual in found) / offered, 4),
        target=busy[0].target.share,
        offered=round(offered, 1),
        late=round(math.fsum(n * max(0.0, usual - was) for n, was, usual in found), 1),
    )


class Without(msgspec.Struct, frozen=True, kw_only=True):
    """One queue with what we did and without it: contacts lost by the model. `measured`: those that gave up in truth
    (None: nobody gives up here). `saved` = lost without - lost with; its band holds what was tried, and is wider by as
    much as the model missed what was measured. Negative where helping others cost this queue."""

    queue: QueueRef
    lost_with: float
    lost_without: float
    measured: int | None
    saved: Between


def without(quarters: Iterable[Quarter]) -> list[Without]:
    """Each queue of these quarters, in order; what was lent, moved or brought is taken back."""
    by_queue: dict[QueueRef, list[Quarter]] = {}
    for one in quarters:
        by_queue.setdefault(one.queue, []).append(one)
    return [_compared(queue, sorted(those, key=lambda one: one.start)) for queue, those in sorted(by_queue.items())]


def _compared(queue: QueueRef, quarters: list[Quarter]) -> Without:
    lost = [(_lost_with(quarters, tried), _lost_without(quarters, tried)) for tried in TRIED]
    saved = [other - own for own, other in lost]
    own, other = lost[_AS_KNOWN]
    measured = None if quarters[0].deferred else sum(one.abandoned for one in quarters)
    missed = 0.0 if measured is None else abs(measured - own)
    return Without(
        queue=queue,
        lost_with=round(own, 1),
        lost_without=round(other, 1),
        measured=measured,
        saved=Between(
            expected=round(saved[_AS_KNOWN], 1),
            low=round(min(saved) - missed, 1),
            high=round(max(saved) + missed, 1),
        ),
    )


def _lost_with(quarters: list[Quarter], tried: int) -> float:
    return math.fsum(as_it_was(one, tried).lost for one in quarters)


def _lost_without(quarters: list[Quarter], tried: int) -> float:
    """A backlog that lent people would not have worked off, or that would not have been sent away, is there in the next
    quarter too."""
    lost, left_over = 0.0, 0.0
    for one in quarters:
        lost += _without_us(one, tried, left_over).lost
        if one.deferred:
            more = one.lent / one.handle_seconds + one.kept_away - one.moved_in - one.brought
            left_over = max(-one.backlog, left_over + more * one.seconds)
    return lost


def total(queues: Sequence[Without]) -> Between:
    """Over all queues: the ends of the bands add up, as what is wrong is wrong in the same direction everywhere."""
    return Between(
        expected=round(math.fsum(one.saved.expected for one in queues), 1),
        low=round(math.fsum(one.saved.low for one in queues), 1),
        high=round(math.fsum(one.saved.high for one in queues), 1),
    )
