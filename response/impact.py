"""What an incident did to a contact centre, as arithmetic on what the desk heard: time, contacts, who gave up.

Every figure that rests on an expectation is a `Between`: nine in ten outcomes lie in its band.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from schemas.recovery import Between
from schemas.signal import QueueLoad

Z90 = 1.6449  # nine in ten lie within so many standard deviations
Z99 = 2.5758  # the band of a load: `QueueLoad.expected_low` to `expected_high`


class Span(NamedTuple):
    """A stretch of time, from `begins` up to `ends`."""

    begins: datetime
    ends: datetime

    @property
    def seconds(self) -> float:
        return max(0.0, (self.ends - self.begins).total_seconds())


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time in stretches that do not overlap, in order."""
    joined: list[Span] = []
    for span in sorted(one for one in spans if one.seconds > 0):
        if joined and span.begins <= joined[-1].ends:
            joined[-1] = Span(joined[-1].begins, max(joined[-1].ends, span.ends))
        else:
            joined.append(span)
    return joined


def minutes(spans: Iterable[Span]) -> float:
    """How long it was in at least one of them, in minutes."""
    return sum(span.seconds for span in union(spans)) / 60


def within(moment: datetime, spans: Iterable[Span]) -> bool:
    return any(span.begins <= moment < span.ends for span in spans)


class Row(NamedTuple):
    """One minute (or pane, where panes are longer) of one queue or channel, ending `at`."""

    at: datetime
    seconds: float
    load: QueueLoad

    @property
    def middle(self) -> datetime:
        return self.at - timedelta(seconds=self.seconds / 2)

    @property
    def band(self) -> tuple[float, float]:
        """Where 99 % of such minutes lie; around what is expected also where next to nothing is."""
        low, high = sorted((self.load.expected_low, self.load.expected_high))
        return max(0.0, min(low, self.load.expected)), max(high, self.load.expected)

    @property
    def known(self) -> float:
        """The share of it that was delivered."""
        return min(1.0, self.load.known_seconds / self.seconds) if self.seconds > 0 else 0.0


class Contacts(msgspec.Struct, frozen=True, kw_only=True):
    """What came and what was to be expected in the time that was seen. `beyond` = came - expected: negative where
    contacts are missing."""

    came: int
    expected: Between
    seconds_seen: float
    seconds: float

    @property
    def beyond(self) -> Between:
        return _beyond(self.came, self.expected)


def _beyond(counted: int, wide: Between) -> Between:
    return Between(
        expected=round(counted - wide.expected, 1),
        low=round(counted - wide.high, 1),
        high=round(counted - wide.low, 1),
    )


def contacts(rows: Sequence[Row]) -> Contacts | None:
    """Sums over the rows; None where nothing of them was delivered.

    A minute's band has two parts: the chance of arrivals (Poisson, independent from minute to minute) and the doubt
    about the level, which errs the same way all along. So variances of the first add up, and standard deviations of
    the second.
    """
    seen = [row for row in rows if row.known > 0]
    if not seen:
        return None
    expected = math.fsum(row.load.expected * row.known for row in seen)
    level = math.fsum(_doubt(row) * row.known for row in seen)
    half = Z90 * math.sqrt(expected + level**2)
    return Contacts(
        came=sum(row.load.arrivals for row in seen),
        expected=Between(
            expected=round(expected, 1), low=round(max(0.0, expected - half), 1), high=round(expected + half, 1)
        ),
        seconds_seen=math.fsum(row.known * row.seconds for row in seen),
        seconds=math.fsum(row.seconds for row in rows),
    )


def _doubt(row: Row) -> float:
    """The standard deviation of a minute's expectation itself, its band less the chance of arrivals."""
    low, high = row.band
    return math.sqrt(max(0.0, ((high - low) / 2 / Z99) ** 2 - row.load.expected))


class Usual(msgspec.Struct):
    """How it was before: of the contacts that were answered or gave up, how many gave up; handle time and waits."""

    abandoned: int = 0
    answered: int = 0
    finished: int = 0
    handle_seconds_sum: float = 0.0
    seconds: float = 0.0

    def hear(self, row: Row) -> None:
        load = row.load
        self.abandoned += load.abandoned
        self.answered += load.answered
        self.seconds += row.known * row.seconds
        if load.handle_seconds_mean is not None:
            self.finished += load.finished
            self.handle_seconds_sum += load.finished * load.handle_seconds_mean

    @property
    def decided(self) -> int:
        return self.abandoned + self.answered

    @property
    def handle_seconds(self) -> float | None:
        return self.handle_seconds_sum / self.finished if self.finished else None


class GaveUp(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts that gave up among those decided (answered or given up). `expected` at the share of before."""

    abandoned: int
    decided: int
    usual_share: float
    usual_decided: int
    expected: Between

    @property
    def beyond(self) -> Between:
        return _beyond(self.abandoned, self.expected)


DECIDED_MIN = 50  # fewer contacts say nothing about the share that gives up


def gave_up(rows: Sequence[Row], usual: Usual) -> GaveUp | None:
    """Against the share of before; None where too few were decided before to know it.

    The share has a Jeffreys prior, so that the count to be expected is beta-binomial; its band is the normal one of
    that law's variance (Gelman et al., Bayesian Data Analysis, 2.4).
    """
    if usual.decided < DECIDED_MIN:
        return None
    abandoned = sum(row.load.abandoned for row in rows)
    n = abandoned + sum(row.load.answered for row in rows)
    a, b = usual.abandoned + 0.5, usual.answered + 0.5
    share = a / (a + b)
    half = Z90 * math.sqrt(n * share * (1 - share) * (a + b + n) / (a + b + 1))
    expected = Between(
        expected=round(n * share, 1), low=round(max(0.0, n * share - half), 1), high=round(min(n, n * share + half), 1)
    )
    return GaveUp(
        abandoned=abandoned, decided=n, usual_share=round(share, 4), usual_decided=usual.decided, expected=expected
    )


def affected(missing: Iterable[Between], extra: Iterable[Between]) -> Between | None:
    """Contacts that it touched: those that could not come, and those that came beyond the usual.

    Who could not call may be who wrote instead. So they are at least the greater of the two, at most both together;
    the middle of these stands for the expectation. None where nothing was counted.
    """
    gone, more = list(missing), list(extra)
    if not gone and not more:
        return None
    few, many = math.fsum(one.expected for one in gone), math.fsum(one.expected for one in more)
    low = max(math.fsum(max(0.0, one.low) for one in side) for side in (gone, more))
    high = math.fsum(one.high for one in (*gone, *more))
    middle = (max(few, many) + few + many) / 2
    return Between(expected=round(middle, 1), low=round(low, 1), high=round(high, 1))


def turned(one: Between) -> Between:
    """The same with its sign changed: what is missing instead of what is beyond."""
    return Between(expected=-one.expected, low=-one.high, high=-one.low)
