"""Local time as seasons need it: 336 half-hour slots of a week, daylight saving and days that are not like others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.centre import CalendarDay

SLOT_SECONDS = 1800
DAY_SLOTS = 48
WEEK_SLOTS = 7 * DAY_SLOTS
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Words for kinds of days that a week has; every other word is a day for which no season is known.
DAY_TYPES = dict(zip(WEEKDAYS, range(7), strict=True)) | {"weekday": 1, "weekend": 6, "holiday": 6}


class Moment(NamedTuple):
    """Where a moment lies in the week. `before` and `after` are the slots whose centres lie around it, `share` how far
    it is from the first to the second. `visit` is the half hour that it falls in: unlike any other half hour ever.
    `ordinary`: it may be learned; `known`: there is a season for such a day."""

    slot: int
    visit: int
    before: int
    after: int
    share: float
    ordinary: bool
    known: bool


def day_of(visit: int) -> int:
    """The local day of a visit, counted from 1970."""
    return visit // 256 // DAY_SLOTS


class LocalTime:
    """A tenant's time zone and calendar. An unknown zone is read as UTC (`zone_known` says so)."""

    def __init__(self, time_zone: str = "UTC", calendar: Iterable[CalendarDay] = ()) -> None:
        try:
            self.zone: ZoneInfo | None = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.zone = None
        self.zone_known = self.zone is not None
        self._special = {day.date: day.day_type.lower() for day in calendar}
        self._offsets: dict[int, int] = {}

    def at(self, unix_seconds: float) -> datetime:
        """The local time that a person there reads off the wall."""
        return datetime.fromtimestamp(unix_seconds, UTC).astimezone(self.zone or UTC)

    def moment(self, unix_seconds: float) -> Moment:
        """Half an hour that the clock skips does not exist here; one that it repeats is the same slot twice."""
        local = self._local(unix_seconds)
        half_hour = int(local // SLOT_SECONDS)
        slot, ordinary, known = self._slot(local)
        # the offset is part of the visit, so that a repeated hour is a visit of its own
        visit = half_hour * 256 + (self._offset(unix_seconds) // 900) % 256
        share = ((local - SLOT_SECONDS / 2) % SLOT_SECONDS) / SLOT_SECONDS
        before = self._slot(self._local(unix_seconds - share * SLOT_SECONDS))[0]
        after = self._slot(self._local(unix_seconds + (1 - share) * SLOT_SECONDS))[0]
        return Moment(slot, visit, before, after, share, ordinary, known)

    def _offset(self, unix_seconds: float) -> int:
        """Seconds east of UTC; it changes at whole quarters of an hour only, so those are what is remembered."""
        quarter = int(unix_seconds // 900)
        offset = self._offsets.get(quarter)
        if offset is None:
            if len(self._offsets) > 1000:
                self._offsets.clear()
            away = self.at(quarter * 900).utcoffset() or timedelta()
            offset = self._offsets[quarter] = int(away.total_seconds())
        return offset

    def _local(self, unix_seconds: float) -> float:
        return unix_seconds + self._offset(unix_seconds)

    def _slot(self, local: float) -> tuple[int, bool, bool]:
        days, seconds = divmod(local, 86_400)
        weekday = (int(days) + 3) % 7  # 1 January 1970 was a Thursday
        half_hour = int(seconds // SLOT_SECONDS)
        if not self._special:
            return weekday * DAY_SLOTS + half_hour, True, True
        kind = self._special.get(date.fromordinal(719_163 + int(days)).isoformat())
        if kind is None:
            return weekday * DAY_SLOTS + half_hour, True, True
        return DAY_TYPES.get(kind, weekday) * DAY_SLOTS + half_hour, False, kind in DAY_TYPES
