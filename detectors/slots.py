"""Local time as seasons need it: 336 half-hour slots of a week, daylight saving and days that are not like others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from detectors.calendar import Calendar
from schemas.centre import CalendarDay

SLOT_SECONDS = 1800
DAY_SLOTS = 48
WEEK_SLOTS = 7 * DAY_SLOTS
REMEMBERED = 1000  # moments and offsets that were worked out lately


class Moment(NamedTuple):
    """Where a moment lies in the week. `before` and `after` are the slots whose centres lie around it, `share` how far
    it is from the first to the second. `visit` is the half hour that it falls in: unlike any other half hour ever.
    `ordinary`: it may be learned; `known`: there is a season for such a day; `factor`: how many times as much."""

    slot: int
    visit: int
    before: int
    after: int
    share: float
    ordinary: bool
    known: bool
    factor: float = 1.0


def day_of(visit: int) -> int:
    """The local day of a visit, counted from 1970."""
    return visit // 256 // DAY_SLOTS


class LocalTime:
    """A tenant's time zone and calendar. An unknown zone is read as UTC (`zone_known` says so)."""

    def __init__(
        self, time_zone: str = "UTC", calendar: Iterable[CalendarDay] = (), channel: str | None = None
    ) -> None:
        try:
            self.zone: ZoneInfo | None = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.zone = None
        self.zone_known = self.zone is not None
        self.calendar = Calendar(calendar, channel)
        self._offsets: dict[int, int] = {}
        self._moments: dict[float, Moment] = {}

    def is_like(self, other: LocalTime) -> bool:
        """Whether the two say the same of any moment."""
        return self is other or (self.zone is other.zone and self.calendar == other.calendar)

    def at(self, unix_seconds: float) -> datetime:
        """The local time that a person there reads off the wall."""
        return datetime.fromtimestamp(unix_seconds, UTC).astimezone(self.zone or UTC)

    def moment(self, unix_seconds: float) -> Moment:
        """Half an hour that the clock skips does not exist here; one that it repeats is the same slot twice.

        All channels ask for the same moments, and what looks ahead asks for those that others will ask for later.
        """
        found = self._moments.get(unix_seconds)
        if found is None:
            if len(self._moments) > REMEMBERED:
                self._moments.clear()
            found = self._moments[unix_seconds] = self._moment(unix_seconds)
        return found

    def _moment(self, unix_seconds: float) -> Moment:
        local = self.wall(unix_seconds)
        half_hour = int(local // SLOT_SECONDS)
        slot = self._slot(local)
        day = self.calendar.day(int(local // 86_400))
        # the offset is part of the visit, so that a repeated hour is a visit of its own
        visit = half_hour * 256 + (self._offset(unix_seconds) // 900) % 256
        share = ((local - SLOT_SECONDS / 2) % SLOT_SECONDS) / SLOT_SECONDS
        before = self._slot(self.wall(unix_seconds - share * SLOT_SECONDS))
        after = self._slot(self.wall(unix_seconds + (1 - share) * SLOT_SECONDS))
        return Moment(slot, visit, before, after, share, day.ordinary, day.known, day.factor)

    def explains(self, since: float, until: float, kind: str, ratio: float | None) -> str | None:
        """The calendar entry that accounts for what left its usual range between two moments."""
        if not self.calendar:
            return None
        first, last = (int(self.wall(moment) // 86_400) for moment in (since, until))
        return self.calendar.explains(first, last, kind, ratio)

    def _offset(self, unix_seconds: float) -> int:
        """Seconds east of UTC; it changes at whole quarters of an hour only, so those are what is remembered."""
        quarter = int(unix_seconds // 900)
        offset = self._offsets.get(quarter)
        if offset is None:
            if len(self._offsets) > REMEMBERED:
                self._offsets.clear()
            away = self.at(quarter * 900).utcoffset() or timedelta()
            offset = self._offsets[quarter] = int(away.total_seconds())
        return offset

    def wall(self, unix_seconds: float) -> float:
        """What the wall clock shows, in seconds since 1970 as if it were UTC."""
        return unix_seconds + self._offset(unix_seconds)

    def _slot(self, local: float) -> int:
        days, seconds = divmod(local, 86_400)
        return self.calendar.day(int(days)).weekday * DAY_SLOTS + int(seconds // SLOT_SECONDS)
