"""What the calendar knows before the traffic does: opening hours, and days that are not like their weekday.

All times are wall times of the tenant. A queue that is closed owes nothing: no expectation, no silence, no learning.
What cannot be read is left out here; `centre check` refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import NamedTuple

import numpy as np

from detectors.columns import Numbers
from schemas.centre import CalendarDay, Centre

DAY_SECONDS = 86_400
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Words for kinds of days that a week has; every other word is a day for which no season is known.
DAY_TYPES = dict(zip(WEEKDAYS, range(7), strict=True)) | {"weekday": 1, "weekend": 6, "holiday": 6}
CLOSED = "closed"
ENTRY_DAYS_MAX = 366
_TIMES = re.compile(r"\s*([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)\s*")


class Day(NamedTuple):
    """A local day (counted from 1970) as it is read: `weekday` is the one whose season and hours it has. `known`: there
    is a season for such a day; `ordinary`: it may be learned from; `factor`: of the season."""

    weekday: int
    ordinary: bool = True
    known: bool = True
    closed: bool = False
    factor: float = 1.0


def ordinal(text: str) -> int:
    """Days since 1970 of an ISO date. Raises ValueError."""
    return date.fromisoformat(text).toordinal() - 719_163


def dates(entry: CalendarDay) -> range:
    """The local days of an entry, counted from 1970; a year of them at most. Raises ValueError."""
    first = ordinal(entry.date)
    last = ordinal(entry.until) if entry.until else first
    return range(first, min(last, first + ENTRY_DAYS_MAX - 1) + 1)


class Calendar:
    """The entries that concern one channel (None: those of all channels), by local day. Of two the later one counts."""

    def __init__(self, entries: Iterable[CalendarDay] = (), channel: str | None = None) -> None:
        self._entries: dict[int, CalendarDay] = {}
        for entry in entries:
            if not entry.channels or channel in entry.channels:
                with suppress(ValueError):
                    self._entries |= dict.fromkeys(dates(entry), entry)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Calendar) and self._entries == other._entries

    __hash__ = None  # type: ignore[assignment]

    def day(self, days: int) -> Day:
        weekday = (days + 3) % 7  # 1 January 1970 was a Thursday
        entry = self._entries.get(days)
        if entry is None:
            return Day(weekday)
        kind = entry.day_type.lower()
        known = kind in DAY_TYPES or entry.ratio is not None
        return Day(DAY_TYPES.get(kind, weekday), False, known, kind == CLOSED, entry.ratio or 1.0)

    def explains(self, first: int, last: int, kind: str, ratio: float | None) -> str | None:
        """The name of the entry that accounts for what left its usual range on one of these local days: more contacts,
        or more about one thing, up to its `ratio_max`, or fewer. Silence it never accounts for: a campaign's line may
        fail as well."""
        for days in range(first, last + 1):
            entry = self._entries.get(days)
            if entry is None or kind not in ("surge", "drop", "mix-shift"):
                continue
            if kind != "drop" and ratio is not None and ratio > entry.ratio_max:
                continue
            return entry.name
        return None


class Hours:
    """Opening hours of a week, from lines like {"monday-friday": "08:00-20:00", "saturday": "09:00-13:00"}. A day that
    is not named is closed; times that end before they begin go on into the next day. Raises ValueError with what to
    write instead."""

    def __init__(self, lines: Mapping[str, str]) -> None:
        self._days: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
        for days, times in lines.items():
            for weekday in _weekdays(days):
                self._days[weekday] += _intervals(times)

    def seconds(self, day: Day, before: Day, low: float, high: float) -> float:
        """How long it is open from `low` to `high` seconds of a day; the night of the day before reaches into it."""
        of_before = [] if before.closed else [(a - DAY_SECONDS, b - DAY_SECONDS) for a, b in self._days[before.weekday]]
        spans = of_before + ([] if day.closed else self._days[day.weekday])
        return sum(max(0.0, min(b, high) - max(a, low)) for a, b in spans)


class Opening:
    """Which series of a channel are open, and for how much of a stretch of time. None of it where nobody closes."""

    def __init__(self, centre: Centre, channel: str, names: Sequence[str], calendar: Calendar) -> None:
        self._calendar = calendar
        known = centre.channels.get(channel)
        common = known.opening_hours if known else {}
        own = {q.at.queue: q.opening_hours for q in centre.queues if q.at.channel == channel and q.opening_hours}
        lines = [common, *(own.get(name, common) for name in names[1:])]
        distinct: list[dict[str, str]] = []
        for one in lines[: len(names)]:
            if one not in distinct:
                distinct.append(one)
        self._hours = [_hours(one) for one in distinct]
        self._which = np.array([distinct.index(one) for one in lines[: len(names)]], int)
        self._always = not calendar and all(one is None for one in self._hours)

    def shares(self, start: float, end: float) -> Numbers | None:
        """By series: how much of the local time from `start` to `end` (seconds since 1970, by the wall) it is open;
        None where all are open throughout."""
        if self._always:
            return None
        found = np.array([self._share(hours, start, end) for hours in self._hours])
        if not len(found) or (found >= 1).all():
            return None
        shares: Numbers = found[self._which]
        return shares

    def _share(self, hours: Hours | None, start: float, end: float) -> float:
        first = int(start // DAY_SECONDS)
        last = int((end - 1e-6) // DAY_SECONDS)
        opened = 0.0
        for days in range(first, last + 1):
            low, high = max(start - days * DAY_SECONDS, 0.0), min(end - days * DAY_SECONDS, DAY_SECONDS)
            day = self._calendar.day(days)
            if hours is None:
                opened += 0.0 if day.closed else high - low
            else:
                opened += hours.seconds(day, self._calendar.day(days - 1), low, high)
        return min(opened / max(end - start, 1e-9), 1.0)


def _hours(lines: Mapping[str, str]) -> Hours | None:
    try:
        return Hours(lines) if lines else None
    except ValueError:
        return None


def _weekdays(text: str) -> list[int]:
    found: list[int] = []
    for part in text.lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first == "daily" and not dash:
            found += range(7)
            continue
        low = _weekday(first)
        high = _weekday(last) if dash else low
        found += [(low + n) % 7 for n in range((high - low) % 7 + 1)]
    return found


def _weekday(word: str) -> int:
    for n, name in enumerate(WEEKDAYS):
        if len(word) >= 2 and name.startswith(word):
            return n
    raise ValueError(f"{word!r} is no weekday: monday, monday-friday, daily")


def _intervals(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        match = _TIMES.fullmatch(part)
        if match is None:
            raise ValueError(f"{text!r} are no times of a day: 08:00-20:00, or 08:00-12:00, 13:00-18:00")
        hours_a, minutes_a, hours_b, minutes_b = map(int, match.groups())
        low, high = hours_a * 3600 + minutes_a * 60, hours_b * 3600 + minutes_b * 60
        if high > DAY_SECONDS:
            raise ValueError(f"{part.strip()!r} ends after midnight: 24:00 is the latest")
        found.append((low, high if high > low else high + DAY_SECONDS))
    return found
