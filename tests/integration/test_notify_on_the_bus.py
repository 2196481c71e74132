"""The notifier on a real broker: what it says to the bus is what it goes on from after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
from notice_examples import AT, incident, resolved, staffing_alert

from schemas import topics
from schemas.fold import Output
from streams.bus import Bus, outgoing
from streams.config import Settings
from streams.notify.role import INPUTS, Notifier
from streams.state import Source

SOURCES = [Source(topic.name, partition) for topic in INPUTS for partition in range(topic.partitions)]


def output(value: Any, key: str) -> Output:
    topic = topics.INCIDENTS if "phase" in value.__struct_fields__ else topics.STAFFING_ALERTS
    return Output(topic=topic, key=f"{value.tenant}|{key}", value=value, id=f"{key}-{value.revision}", time=AT)


async def with_bus(settings: Settings, script: Callable[[Bus], Awaitable[None]]) -> None:
    bus = Bus(settings)
    await bus.start()
    try:
        await script(bus)
    finally:
        await bus.stop()


async def say(bus: Bus, *values: Any) -> None:
    outputs = [output(value, getattr(value, "alert_id", value.incident_id)) for value in values]
    await bus.send([outgoing(one, "respond") for one in outputs])


async def life(settings: Settings, bus: Bus, script: Callable[[Notifier], Awaitable[None]]) -> None:
    """One life of the notify role, as the worker wires it."""

    async def record(one: Output) -> None:
        await bus.send([outgoing(one, "notify")])

    ended: list[int] = []
    notifier = Notifier(settings, record, end=lambda: ended.append(1))
    await notifier.start()
    notifier.assigned(SOURCES)
    await notifier.apply([])
    assert notifier.recovered()
    await script(notifier)
    await notifier.stop()
    assert not ended


async def told(path: Path, count: int) -> list[tuple[str, str]]:
    """What the file was told, once it is so much; nothing comes after it."""
    async with asyncio.timeout(20):
        while len(lines(path)) < count:  # noqa: ASYNC110  # another thread writes the file
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    return [(line["what"], line["data"]["incident_id"]) for line in lines(path)]


def lines(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def forget(path: Path) -> None:
    path.unlink()


def check_restarts(settings: Settings, path: Path) -> None:
    async def script(bus: Bus) -> None:
        await say(bus, incident(1, incident_id="a"), incident(1, incident_id="b"), staffing_alert())
        first = [("opened", "a"), ("opened", "b"), ("opened", staffing_alert().incident_id)]

        async def told_all(notifier: Notifier) -> None:
            assert sorted(await told(path, 3)) == sorted(first)

        await life(settings, bus, told_all)
        forget(path)  # the bus alone remembers
        await say(bus, resolved(2, incident_id="a"), incident(2, incident_id="b"))

        async def told_the_rest(notifier: Notifier) -> None:
            await notifier.handle([incident(1, incident_id="a"), incident(1, incident_id="b")])
            assert await told(path, 1) == [("resolved", "a")]

        await life(settings, bus, told_the_rest)
        forget(path)

        async def knows_all(notifier: Notifier) -> None:
            await notifier.handle([resolved(2, incident_id="a")])
            assert await told(path, 0) == []

        await life(settings, bus, knows_all)

    asyncio.run(with_bus(settings, script))


def test_a_restart_goes_on_from_the_bus_alone(kafka: Any, settings_for: Any, tmp_path: Path) -> None:
    path = tmp_path / "notices.jsonl"

    check_restarts(settings_for(kafka, notify={"file": {"path": path}}), path)


def test_the_same_on_the_embedded_broker(embedded_broker: Any, settings_for: Any, tmp_path: Path) -> None:
    path = tmp_path / "notices.jsonl"

    check_restarts(settings_for(embedded_broker, notify={"file": {"path": path}}), path)
