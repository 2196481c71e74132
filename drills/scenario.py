"""What a scenario is: how far each queue leaves its usual traffic, what breaks with it, and what good looks like."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec
import numpy as np

from schemas.base import QueueRef
from schemas.signal import SignalKind

Measure = Literal["offered", "escalated", "backlog", "idle"]


class Curve(msgspec.Struct, frozen=True):
    """A factor over time: (seconds since the break, factor) joined by straight lines; flat before and after."""

    points: tuple[tuple[float, float], ...]

    def at(self, seconds: float) -> float:
        """The factor so many seconds after the break (negative: before it)."""
        return float(np.interp(seconds, [x for x, _ in self.points], [y for _, y in self.points]))

    def leaves_seconds(self) -> float:
        """When the factor begins to leave its first value: the truth that detection is measured against."""
        usual = self.points[0][1]
        for (earlier, _), (_, factor) in zip(self.points, self.points[1:], strict=False):
            if factor != usual:
                return earlier
        raise ValueError("the curve never leaves its first value")


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one channel, or to one queue of it.

    `arrivals` multiplies what customers bring, `escalated` the share of contacts that escalate, `negative` the share
    of ratings that are negative. `cut`: contacts being talked to at the break are lost within seconds.
    """

    at: QueueRef
    arrivals: Curve
    escalated: Curve = Curve(((0.0, 1.0),))
    negative: Curve = Curve(((0.0, 1.0),))
    cut: bool = False

    def covers(self, queue: QueueRef) -> bool:
        """Whether `queue` is meant: itself, or one of the channel's."""
        return self.at.channel == queue.channel and self.at.queue in (None, queue.queue)


class ToolFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A tool whose probe says `down` from `from_seconds` to `to_seconds` after the break."""

    tool: str
    from_seconds: float
    to_seconds: float
    text: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the story: what broke when (kept apart from what the product sees), and by when it must be seen.

    `limit_seconds` None is shown but not timed. `kinds` are the signals that would say it.
    """

    what: str
    at: QueueRef
    measure: Measure
    kinds: tuple[SignalKind, ...]
    broke_seconds: float
    limit_seconds: float | None = None


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One outage; times are seconds since `starts_at`. `incidents` is how many incidents a good desk makes of it."""

    name: str
    text: str
    starts_at: datetime
    lasts: timedelta
    effects: tuple[Effect, ...]
    failures: tuple[ToolFailure, ...]
    rows: tuple[Row, ...]
    cause: str
    incidents: int = 1

    def seconds(self, moment: datetime) -> float:
        """Seconds since the break; negative before it."""
        return (moment - self.starts_at).total_seconds()

    def arrivals_factor(self, queue: QueueRef, moment: datetime) -> float:
        """What multiplies the queue's arrivals at that moment."""
        factor = 1.0
        for effect in self.effects:
            if effect.covers(queue):
                factor *= effect.arrivals.at(self.seconds(moment))
        return factor

    def escalated_factor(self, queue: QueueRef, moment: datetime) -> float:
        """What multiplies the queue's share of escalations."""
        factor = 1.0
        for effect in self.effects:
            if effect.covers(queue):
                factor *= effect.escalated.at(self.seconds(moment))
        return factor

    def negative_factor(self, queue: QueueRef, moment: datetime) -> float:
        """What multiplies the queue's share of negative ratings."""
        factor = 1.0
        for effect in self.effects:
            if effect.covers(queue):
                factor *= effect.negative.at(self.seconds(moment))
        return factor

    def cuts(self, queue: QueueRef) -> bool:
        """Whether contacts in progress are lost at the break."""
        return any(effect.cut for effect in self.effects if effect.covers(queue))

    def broke_at(self, row: Row) -> datetime:
        """The moment of a row's break."""
        return self.starts_at + timedelta(seconds=row.broke_seconds)
