"""Time for the desk when detection is silent: its ticks come from the panes, and a stopped detector gives none."""

from __future__ import annotations

from datetime import datetime

from schemas.base import Origin
from schemas.desk import DeskEntry
from schemas.fold import Output, digest
from schemas.tick import Tick
from schemas.topics import DESK
from streams import clock
from streams.config import Settings

# where such an entry says that it comes from; its offset is its time in milliseconds, so it never goes back
OWN_TICK = "own-tick"


class OwnTicks:
    """Hears the desk's entries and gives a tick for every tenant that heard none for a while.

    A tenant whose time is that of its events alone (`clock: event`) gets none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._after = settings.respond.own_tick_after_seconds
        self._last: dict[str, tuple[Tick, int, float]] = {}

    def heard(self, entry: DeskEntry, partition: int) -> None:
        """Remembers the last tick of a tenant."""
        if isinstance(entry.body, Tick) and self._settings.tenant(entry.tenant).clock == "system":
            self._last[entry.tenant] = (entry.body, partition, clock.elapsed())

    def forget(self) -> None:
        """The partitions may be another worker's now."""
        self._last.clear()

    def due(self, now: datetime) -> list[Output]:
        """A tick for each tenant that is without one for too long. What is complete does not move: time goes on, so
        that commands expire, and nothing is known, so that nothing resolves."""
        found = []
        for tenant, (tick, partition, heard_at) in sorted(self._last.items()):
            if clock.elapsed() - heard_at >= self._after and now > tick.at:
                own = Tick(tenant=tenant, at=now, read_to=now, complete_to=tick.complete_to)
                origin = Origin(topic=OWN_TICK, partition=partition, offset=int(now.timestamp() * 1000))
                entry = DeskEntry(tenant=tenant, origin=origin, body=own)
                found.append(Output(topic=DESK, key=tenant, value=entry, id=digest(tenant, origin.offset), time=now))
        return found
