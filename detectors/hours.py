"""`LocalTime` for one series that moves forward: a moment is worked out once a quarter of an hour."""

from __future__ import annotations

from detectors.slots import SLOT_SECONDS, LocalTime, Moment

_QUARTER = 900  # daylight saving moves in whole ones, and slots meet at their middles


class Hours:
    """Moments of a time zone. All but `share` is the same for a quarter of an hour."""

    def __init__(self, time_zone: str) -> None:
        self._local = LocalTime(time_zone)
        self._quarter = -1
        self._first = self._local.moment(0.0)

    def at(self, unix_seconds: float) -> tuple[Moment, float]:
        """The moment, without its share; and the share."""
        quarter = int(unix_seconds // _QUARTER)
        if quarter != self._quarter:
            self._first, self._quarter = self._local.moment(unix_seconds), quarter
            self._offset = self._local.wall(unix_seconds) - unix_seconds
        wall = unix_seconds + self._offset
        return self._first, ((wall - SLOT_SECONDS / 2) % SLOT_SECONDS) / SLOT_SECONDS
