"""How this process is: alive, ready, and whether it must end because nothing moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from mode import Service

from schemas.errors import Unavailable
from streams import clock, telemetry

BEAT_SECONDS, BEAT_SECONDS_MAX = 1.0, 15.0
LOOK_SECONDS = 10.0
STUCK_SECONDS = 60.0


class Part(Protocol):
    """One role of this process, as health and the watchdog see it."""

    name: str

    def ready(self) -> tuple[bool, str]:
        """Whether it does its work, and if not, why not."""

    def progress_at(self) -> float:
        """When it last got on, or was known to wait for something outside (monotonic seconds)."""

    async def lag(self) -> int:
        """Records that wait for it. Raises Unavailable."""


class Health:
    """What /healthz and /readyz answer. Alive is the event loop alone: a broker that is away must restart nothing."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.started = False
        self.waits_for: str | None = None  # what it waits for before it starts
        self._beat_at = clock.elapsed()

    def beat(self) -> None:
        self._beat_at = clock.elapsed()

    def alive(self) -> bool:
        return clock.elapsed() - self._beat_at < BEAT_SECONDS_MAX

    def measure(self) -> None:
        """Each role's readiness and standstill as metrics."""
        for part in self.parts:
            ready, _ = part.ready()
            telemetry.ROLE_READY.labels(part.name).set(self.started and ready)
            telemetry.ROLE_STANDSTILL.labels(part.name).set(max(clock.elapsed() - part.progress_at(), 0.0))

    def ready(self) -> tuple[bool, str]:
        """Ready when every role is; otherwise the reasons."""
        if not self.started:
            return False, f"waits for {self.waits_for}" if self.waits_for else "starting"
        reasons = [f"{part.name}: {why}" for part in self.parts for ok, why in [part.ready()] if not ok]
        return not reasons, "; ".join(reasons) or "ready"


class Watchdog(Service):  # type: ignore[misc]  # mode is not typed for us
    """Ends the process when a role has lag and gets nowhere although the broker answers: a restart is cheap."""

    def __init__(self, health: Health, end: Callable[[str], None]) -> None:
        super().__init__()
        self._health = health
        self._end = end
        self._logger = telemetry.logger("worker")

    @Service.task  # type: ignore[untyped-decorator]
    async def _beat(self) -> None:
        while not self.should_stop:
            self._health.beat()
            self._health.measure()
            due = clock.elapsed() + BEAT_SECONDS
            await self.sleep(BEAT_SECONDS)
            telemetry.LOOP_LAG_SECONDS.observe(max(clock.elapsed() - due, 0.0))

    @Service.task  # type: ignore[untyped-decorator]
    async def _look(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK_SECONDS)
            if self._health.started and not self.should_stop:
                for why in await stuck(self._health.parts):
                    self._end(why)


async def stuck(parts: Sequence[Part]) -> list[str]:
    """Which parts have work and get nowhere, in a sentence each. A broker that is away is nobody's standstill."""
    lags = await asyncio.gather(*(part.lag() for part in parts), return_exceptions=True)
    found = []
    for part, lag in zip(parts, lags, strict=True):
        if isinstance(lag, Unavailable):
            continue
        if isinstance(lag, BaseException):
            raise lag
        still = clock.elapsed() - part.progress_at()
        if lag > 0 and still > STUCK_SECONDS:
            found.append(f"{part.name} has {lag} records to read and got nowhere for {still:.0f} s")
    return found
