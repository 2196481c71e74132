"""How often something fails, how long it stays so, how soon it fails again; and how much of their time channels were as
customers expect them: arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import msgspec

from detectors.calendar import Calendar, Opening
from response.impact import Row, Span, union
from schemas.centre import Centre
from schemas.health import ToolHealth

REPEAT_WITHIN = timedelta(days=7)
QUARTER = 900
_MOMENT = timedelta(seconds=1)


class Failures(msgspec.Struct, frozen=True, kw_only=True):
    """`mtbf_seconds` = (observed - failed) / count; `mttr_seconds`: mean length of those that are over; `repeats` begin
    within seven days of the end of the one before. None where it is not known: none failed, or none is over."""

    count: int
    open: int
    repeats: int
    failed_seconds: float
    observed_seconds: float
    mtbf_seconds: float | None
    mttr_seconds: float | None
    longest_seconds: float

    @property
    def up_share(self) -> float | None:
        """Of the time observed."""
        return 1 - self.failed_seconds / self.observed_seconds if self.observed_seconds > 0 else None


def failures(spans: Sequence[Span], still_open: int, observed: Span) -> Failures:
    """`spans` in order and apart; the last `still_open` of them have no end yet."""
    ended = spans[: len(spans) - still_open] if still_open else spans
    failed = math.fsum(span.seconds for span in spans)
    return Failures(
        count=len(spans),
        open=still_open,
        repeats=sum(later.begins - before.ends <= REPEAT_WITHIN for before, later in pairwise(spans)),
        failed_seconds=failed,
        observed_seconds=observed.seconds,
        mtbf_seconds=max(0.0, observed.seconds - failed) / len(spans) if spans else None,
        mttr_seconds=math.fsum(span.seconds for span in ended) / len(ended) if ended else None,
        longest_seconds=max((span.seconds for span in spans), default=0.0),
    )


class Probes:
    """What the probes of one tool (of one provider) said, sites as one: it fails while any site says it is down. A word
    of health ends a failure only if no bad one follows within `settles_seconds`: a tool that flaps fails once."""

    def __init__(self, settles_seconds: float) -> None:
        self._settles = timedelta(seconds=settles_seconds)
        self._down: dict[str, datetime] = {}
        self._spans: list[Span] = []
        self.first: datetime | None = None
        self.last: datetime | None = None

    def hear(self, health: ToolHealth) -> None:
        """Words about a site come in the order of their time."""
        self.first = min(self.first or health.at, health.at)
        self.last = max(self.last or health.at, health.at)
        site = health.site or ""
        if health.state == "down":
            self._down.setdefault(site, health.at)
        elif (since := self._down.pop(site, None)) is not None:
            self._spans.append(Span(since, health.at))

    def account(self) -> Failures | None:
        """None where nobody ever spoke of it."""
        if self.first is None or self.last is None:
            return None
        # one that began with the last word has lasted for a moment, and counts
        ends = [max(self.last, since + _MOMENT) for since in self._down.values()]
        running = [Span(since, end) for since, end in zip(self._down.values(), ends, strict=True)]
        spans = self._settled([*self._spans, *running])
        return failures(spans, 1 if running else 0, Span(self.first, self.last))

    def _settled(self, spans: Sequence[Span]) -> list[Span]:
        joined: list[Span] = []
        for span in union(spans):
            if joined and span.begins - joined[-1].ends < self._settles:
                joined[-1] = Span(joined[-1].begins, span.ends)
            else:
                joined.append(span)
        return joined


class Felt(msgspec.Struct, kw_only=True):
    """One channel's minutes of service hours that were seen, and what was expected in them: all, those without an open
    incident, and those in which it could be reached (no silence and no drop)."""

    minutes: float = 0.0
    free: float = 0.0
    reached: float = 0.0
    expected: float = 0.0
    expected_free: float = 0.0
    unseen: float = 0.0

    def hear(self, row: Row, opened: float, troubled: bool, gone: bool) -> None:
        """One minute of the channel, `opened` of it."""
        minutes = row.seconds / 60 * opened
        seen = minutes * row.known
        self.unseen += minutes - seen
        self.minutes += seen
        # where nothing was expected a minute weighs nothing
        weight = row.load.expected * row.known if opened > 0 else 0.0
        self.expected += weight
        if not troubled:
            self.free += seen
            self.expected_free += weight
        if not gone:
            self.reached += seen

    @property
    def share(self) -> float | None:
        return self.free / self.minutes if self.minutes else None

    @property
    def weighted(self) -> float | None:
        return self.expected_free / self.expected if self.expected else None

    @property
    def reachable(self) -> float | None:
        return self.reached / self.minutes if self.minutes else None


class Service:
    """A channel's service hours, by the minute: quarters of an hour that are open or closed throughout are looked up
    once."""

    def __init__(self, centre: Centre | None, channel: str) -> None:
        model = centre or Centre(tenant="unknown")
        self._opening = Opening(model, channel, [""], Calendar(model.calendar, channel))
        self._quarters: dict[int, float] = {}

    def share(self, begins: float, ends: float) -> float:
        """How much of this local time (seconds since 1970, by the wall) is open."""
        quarter = int(begins // QUARTER)
        if quarter not in self._quarters:
            self._quarters[quarter] = self._share(quarter * QUARTER, (quarter + 1) * QUARTER)
        known = self._quarters[quarter]
        if known in (0.0, 1.0) and ends <= (quarter + 1) * QUARTER:
            return known
        return self._share(begins, ends)

    def _share(self, begins: float, ends: float) -> float:
        shares = self._opening.shares(begins, ends)
        return 1.0 if shares is None else float(shares[0])


class Clipped(NamedTuple):
    """Spans within a stretch of time, and how many of them had no end in it."""

    spans: list[Span]
    still_open: int


def clipped(spans: Sequence[tuple[datetime, datetime | None]], within: Span) -> Clipped:
    """`None` is an end that has not come. What lies outside is left out; what overlaps is one."""
    inside = [
        (Span(max(begins, within.begins), min(ends or within.ends, within.ends)), ends is None or ends > within.ends)
        for begins, ends in spans
        if begins < within.ends and (ends is None or ends > within.begins)
    ]
    joined = union(span for span, _ in inside)
    still = any(is_open for _, is_open in inside)
    return Clipped(joined, 1 if still and joined else 0)
