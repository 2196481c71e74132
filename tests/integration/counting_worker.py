"""A worker with a fold whose every mistake shows: run as a process of its own by test_worker_counting.py.

It counts the records of every key of `queue-panes`; each output says the key's new count. So a record lost or folded
twice gives a gap or a second, different output under one id.

    python counting_worker.py SETTINGS.yaml [crash point]
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from schemas import codec, topics
from schemas.base import Message, Origin
from schemas.fold import Output
from schemas.tick import Tick
from streams import telemetry
from streams.broker import group_name
from streams.bus import Bus
from streams.config import load
from streams.defects import Defects
from streams.faust_handler import Arrival, FoldHandler, FoldRole
from streams.faust_role import FaustRole
from streams.state import StateLog

ROLE = "counting"
STATE_BATCH_BYTES = 900_000
CRASH_AFTER = 12


class Counted(Message, frozen=True, kw_only=True):
    """The n-th record of a key."""

    tenant: str
    n: int
    origin: Origin


class Counting:
    """One entry a key: how many records it had."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.changed: set[str] = set()

    def step(self, record: Tick, origin: Origin) -> list[Output]:
        key = record.tenant
        if key == "defect":
            raise RuntimeError("a fault of ours")
        self.counts[key] = n = self.counts.get(key, 0) + 1
        self.changed.add(key)
        value = Counted(tenant=key, n=n, origin=origin)
        return [Output(topic=topics.DESK, key=key, value=value, id=f"{key}-{n}", time=record.at)]

    def changes(self) -> dict[str, bytes | None]:
        changed = {key: msgspec.json.encode(self.counts[key]) for key in sorted(self.changed)}
        self.changed.clear()
        return changed

    def restore(self, entries: Mapping[str, bytes]) -> None:
        self.counts = {key: msgspec.json.decode(value, type=int) for key, value in entries.items()}


def crash_at(point: str, bus: Bus, states: Bus) -> None:
    """Kills this process with -9 at a point of the order of effects, after a few batches went well."""
    times = 0

    def killing(method: Any, *, first: bool) -> Any:
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal times
            times += 1
            if first and times >= CRASH_AFTER:
                os.kill(os.getpid(), signal.SIGKILL)
            found = await method(*args, **kwargs)
            if times >= CRASH_AFTER:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return wrapped

    if point == "before-outputs":
        bus.send = killing(bus.send, first=True)  # type: ignore[method-assign]
    elif point == "after-outputs":
        bus.send = killing(bus.send, first=False)  # type: ignore[method-assign]
    elif point == "after-state":
        states.append = killing(states.append, first=False)  # type: ignore[method-assign]


async def main(path: str, point: str = "") -> None:
    telemetry.configure_logging("console")
    settings = load(Path(path), {})
    bus, states = Bus(settings), Bus(settings, batch_bytes=STATE_BATCH_BYTES)
    await bus.start()
    await states.start()
    crash_at(point, bus, states)
    defects = Defects(bus, group_name(settings, ROLE))
    await defects.start()

    def end() -> None:
        os._exit(1)

    def decode(arrival: Arrival) -> Tick:
        return codec.decode(Tick, arrival.value)

    fold = FoldRole(ROLE, (topics.QUEUE_PANES,), topics.DETECT_STATE, decode, Counting)
    role = FaustRole(settings, ROLE, bus, end)
    handler = FoldHandler(fold, bus, StateLog(states, fold.state), defects, owns=role.owns, end=end)
    role.read(ROLE, fold.inputs, 50, handler)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    service = role.service()
    await service.start()
    print("running", flush=True)
    await service.wait_for_stopped(stop.wait())
    await service.stop()
    await states.stop()
    await bus.stop()
    sys.exit(1 if service.crash_reason else 0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
