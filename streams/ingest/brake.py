"""Which partitions wait while others catch up. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K")


class Place(NamedTuple):
    """How far a partition was read, in seconds of whatever clock is compared; None before its first record."""

    seconds: float | None
    at_end: bool


class Brake(Generic[K]):
    """A partition may run at most `skew` seconds ahead of the slowest that is not read to its end.

    One that was stopped goes on when it is within half of that, so that it does not stop at every batch. When the
    slowest does not move for `hold_max` seconds of the caller's clock, nobody waits for it until it moves.
    """

    def __init__(self, skew: float, hold_max: float) -> None:
        self._skew = skew
        self._hold_max = hold_max
        self._slowest: float | None = None
        self._since = 0.0
        self._stopped: set[K] = set()

    def stopped(self, places: Mapping[K, Place], now: float) -> set[K]:
        """The partitions that have to wait now."""
        reading = [place.seconds for place in places.values() if not place.at_end and place.seconds is not None]
        slowest = min(reading, default=None)
        if slowest != self._slowest:
            self._slowest, self._since = slowest, now
        if slowest is None or now - self._since > self._hold_max:
            self._stopped = set()
        else:
            self._stopped = {key for key, place in places.items() if self._ahead(key, place, slowest)}
        return self._stopped

    def _ahead(self, key: K, place: Place, slowest: float) -> bool:
        allowed = self._skew / 2 if key in self._stopped else self._skew
        return place.seconds is not None and place.seconds - slowest > allowed
