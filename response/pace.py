"""How fast each queue gets and finishes contacts over half an hour or so, and how often contacts usually escalate."""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas.signal import Load, QueueLoad

HALF_LIFE_SECONDS = 1800.0
# what is usual is learned while nothing is wrong, and kept for weeks
USUAL_HALF_LIFE_SECONDS = 14 * 24 * 3600.0


class Pace(msgspec.Struct, kw_only=True):
    """Sums of one queue (or channel) that fade. `at` makes hearing the same minute twice harmless."""

    at: datetime
    seconds: float = 0.0
    arrivals: float = 0.0
    finished: float = 0.0
    escalated: float = 0.0
    usual_arrivals: float = 0.0
    usual_escalated: float = 0.0

    def hear(self, at: datetime, load: QueueLoad, calm: bool) -> None:
        if (self.seconds > 0 and at <= self.at) or load.known_seconds <= 0:
            return
        passed = max(0.0, (at - self.at).total_seconds())
        self.at = at
        fade = 0.5 ** (passed / HALF_LIFE_SECONDS)
        self.seconds = self.seconds * fade + load.known_seconds
        self.arrivals = self.arrivals * fade + load.arrivals
        self.finished = self.finished * fade + load.finished
        self.escalated = self.escalated * fade + load.escalated
        if calm:
            fade = 0.5 ** (passed / USUAL_HALF_LIFE_SECONDS)
            self.usual_arrivals = self.usual_arrivals * fade + load.arrivals
            self.usual_escalated = self.usual_escalated * fade + load.escalated

    @property
    def arrivals_per_second(self) -> float:
        return self.arrivals / self.seconds if self.seconds > 0 else 0.0

    @property
    def finished_per_second(self) -> float:
        return self.finished / self.seconds if self.seconds > 0 else 0.0

    def usually_escalated(self, arrivals: float) -> float:
        """How many of so many contacts usually escalate."""
        return arrivals * self.usual_escalated / self.usual_arrivals if self.usual_arrivals > 0 else 0.0


def hear(paces: dict[str, Pace], load: Load, calm: bool) -> None:
    for one in load.loads:
        paces.setdefault(str(one.at), Pace(at=load.at)).hear(load.at, one, calm)
