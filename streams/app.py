"""Composition root: the roles that one worker process plays, wired together and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import sys
from collections.abc import Callable, Collection
from dataclasses import replace
from importlib import metadata
from typing import Any

from mode import Service

from schemas.errors import Unavailable
from schemas.fold import Output
from streams import broker, clock, telemetry
from streams.bus import Bus, outgoing
from streams.config import Role, Settings
from streams.defects import Defects
from streams.faust_handler import FoldHandler, FoldRole
from streams.faust_role import FaustRole
from streams.gauges import Gauges
from streams.health import Health, Watchdog
from streams.ingest.service import IngestService
from streams.ingest.thread import Ingest
from streams.notify import role as notify
from streams.own_ticks import OwnTicks
from streams.roles import detect_role, intake_role, respond_role
from streams.state import StateLog
from streams.web.server import WebServer

# Several roles in one process share one interpreter: the shorter each turn, the sooner the event loop has its own.
SWITCH_SECONDS = 0.0005
STATE_BATCH_BYTES = 900_000
TICK_LOOK_SECONDS = 1.0
BROKER_WAIT_SECONDS, BROKER_WAIT_SECONDS_MAX = 1.0, 15.0
INTAKE_RECORDS_MAX = 200


class Worker(Service):  # type: ignore[misc]  # mode is not typed for us
    """The roles of one process. Started: everything runs; stopped: all effects are out and offsets committed."""

    def __init__(self, settings: Settings, roles: Collection[Role]) -> None:
        super().__init__()
        self.settings = settings
        self.roles = tuple(roles)
        self.health = Health()
        self._bus = Bus(settings)
        self._state_bus = Bus(settings, batch_bytes=STATE_BATCH_BYTES)
        self._gauges = Gauges()
        self._logger = telemetry.logger("worker")

    async def on_start(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        telemetry.BUILD.labels(metadata.version("breakwater"), platform.python_version()).set(1)
        self.web = WebServer(self.settings, self.roles, self.health)
        await self.add_runtime_dependency(self.web)
        # Alive already: a broker that is away must not get a process restarted.
        await self._await_broker()
        await self._bus.start()
        await self._state_bus.start()
        wanted = {"detect": self._detect, "respond": self._respond, "notify": self._notify}
        roles = [await make() for name, make in wanted.items() if name in self.roles]
        self.health.parts += roles
        # each takes a second or two to join its group
        await asyncio.gather(*(self.add_runtime_dependency(role.service()) for role in roles))
        if "ingest" in self.roles:
            # last: what it counts is taken up at once
            ingest = IngestService(Ingest(self.settings))
            self.health.parts.append(ingest)
            await self.add_runtime_dependency(ingest)
        await self.add_runtime_dependency(Watchdog(self.health, lambda why: end(self._logger, why)))
        self.health.started = True

    async def _await_broker(self) -> None:
        """Returns when the broker answers and has the topics. Says once that it is away. Raises BadConfig where it
        refuses us or a topic is not as it must be."""
        wait = BROKER_WAIT_SECONDS
        while not self.should_stop:
            try:
                await asyncio.to_thread(broker.refuse_without_topics, self.settings)
            except Unavailable as away:
                if self.health.waits_for is None:
                    self._logger.warning("waiting for the broker", why=str(away))
                self.health.waits_for = "the broker"
                await self.sleep(wait)
                wait = min(wait * 2, BROKER_WAIT_SECONDS_MAX)
            else:
                break
        self.health.waits_for = None

    async def on_shutdown(self) -> None:
        await self._state_bus.stop()
        await self._bus.stop()

    async def _detect(self) -> FaustRole:
        role = self._role("detect")
        await self._read(role, detect_role(self.settings), self.settings.detect.batch_records_max)
        return role

    async def _respond(self) -> FaustRole:
        role, ticks = self._role("respond"), OwnTicks(self.settings)
        await self._read(role, intake_role(), INTAKE_RECORDS_MAX)
        desk = self._gauges.desk
        fold = respond_role(self.settings, ticks, desk.heard, desk.standing)
        await self._read(role, fold, self.settings.respond.batch_records_max)
        await self.add_runtime_dependency(_Ticking(ticks, self._bus))
        return role

    async def _notify(self) -> FaustRole:
        async def record(output: Output) -> None:
            await self._bus.send([outgoing(output, "notify")])

        role, notifier = self._role("notify"), notify.Notifier(self.settings, record, end=self._end_for("notify"))
        role.read("notify", notify.INPUTS, INTAKE_RECORDS_MAX, notifier)
        await self.add_runtime_dependency(_Running(notifier))
        return role

    def _role(self, name: str) -> FaustRole:
        return FaustRole(self.settings, name, self._bus, self._end_for(name))

    def _end_for(self, name: str) -> Callable[[], None]:
        return lambda: end(self._logger, f"{name} came upon a defect")

    async def _read(self, role: FaustRole, fold: FoldRole, records_max: int) -> None:
        defects = Defects(self._bus, broker.group_name(self.settings, fold.name))
        await defects.start()

        def dropped() -> None:
            fold.dropped()
            self._gauges.dropped(fold.name)

        handler = FoldHandler(
            replace(fold, dropped=dropped),
            self._bus,
            StateLog(self._state_bus, fold.state),
            defects,
            owns=role.owns,
            end=self._end_for(fold.name),
            observe=self._gauges.observe,
        )
        role.read(fold.name, fold.inputs, records_max, handler)


class _Ticking(Service):  # type: ignore[misc]
    """Writes the desk's own ticks when detection gives none."""

    def __init__(self, ticks: OwnTicks, bus: Bus) -> None:
        super().__init__()
        self._ticks = ticks
        self._bus = bus

    @Service.task  # type: ignore[untyped-decorator]
    async def _tick(self) -> None:
        while not self.should_stop:
            await self.sleep(TICK_LOOK_SECONDS)
            try:
                await self._bus.send(outgoing(tick, "respond") for tick in self._ticks.due(clock.now()))
            except Unavailable:
                continue  # the next look gives a later one


class _Running(Service):  # type: ignore[misc]
    """Something with a start and a stop as a service."""

    def __init__(self, what: Any) -> None:
        super().__init__()
        self._what = what

    async def on_start(self) -> None:
        await self._what.start()

    async def on_stop(self) -> None:
        await self._what.stop()


def end(logger: Any, why: str) -> None:
    """Ends this process at once: no offset moves, no service gets the chance to commit."""
    logger.error("this process ends", why=why)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(1)


def build(settings: Settings, roles: Collection[Role]) -> Worker:
    """A worker that plays `roles`; connects to nothing before its start."""
    return Worker(settings, roles)
