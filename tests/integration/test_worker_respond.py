"""The response fold in a worker: killed in the middle of an outage it goes on with the same incident and commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas import codec, topics
from schemas.base import Message
from schemas.health import ToolHealth
from schemas.incident import Incident
from streams.bus import Bus, Outgoing
from streams.config import Settings
from streams.own_ticks import OwnTicks
from streams.roles import respond_role
from tests.desk_builder import START, TENANT, centre, entries, telephony_outage
from tests.recorded import assert_no_effect_under_two_keys, assert_replayed_the_same, records
from tests.running_worker import Running

# comes by its own topic, through intake; what must keep its place in the order stands on the desk
BY_INTAKE = {ToolHealth: topics.TOOL_HEALTH}


def outage() -> list[Outgoing]:
    """The outage as records, some on the desk, some on the topics that intake copies to it."""
    found = []
    for entry, _ in entries([centre(), *telephony_outage()]):
        topic = BY_INTAKE.get(type(entry.body), topics.DESK)
        value: Message = entry if topic is topics.DESK else entry.body
        key = entry.tenant.encode()
        headers = codec.headers(value, id=str(len(found)), source="breakwater/test", time=START)
        found.append(Outgoing(topic.name, key, codec.encode(value), headers))
    return found


def send(settings: Settings, outgoing: list[Outgoing]) -> None:
    async def run() -> None:
        bus = Bus(settings)
        await bus.start()
        for first in range(0, len(outgoing), 50):
            await bus.send(outgoing[first : first + 50])
        await bus.stop()

    asyncio.run(run())


def await_that(reached: Callable[[], bool], worker: Running) -> None:
    deadline = time.monotonic() + 90
    while not reached():
        assert time.monotonic() < deadline, worker.log()[-3000:]
        time.sleep(0.3)


def incident_ids(settings: Settings) -> set[str]:
    return {codec.decode(Incident, arrival.value).incident_id for arrival in records(settings, topics.INCIDENTS)}


def test_killed_in_the_middle_of_an_outage_it_goes_on_with_the_same_incident(
    kafka: Any, settings_for: Any, tmp_path: Path
) -> None:
    settings = settings_for(kafka, tenants={TENANT: {"clock": "event"}})
    day = outage()
    half = len(day) // 3
    workers = [Running(settings, tmp_path / "first", "--role", "respond")]
    try:
        workers[0].ready()
        send(settings, day[:half])
        await_that(lambda: bool(incident_ids(settings)), workers[0])
        before = incident_ids(settings)
        send(settings, day[half : half + 60])
        workers[0].child.kill()
        workers[0].child.wait()
        send(settings, day[half + 60 :])
        workers.append(Running(settings, tmp_path / "second", "--role", "respond"))
        workers[1].ready()

        def is_over() -> bool:
            phases = [codec.decode(Incident, arrival.value).phase for arrival in records(settings, topics.INCIDENTS)]
            return "watching" in phases

        await_that(is_over, workers[1])
        workers[1].child.terminate()
        assert workers[1].child.wait(15) == 0
    finally:
        for worker in workers:
            worker.stop()
    assert len(before) == 1
    assert incident_ids(settings) == before
    assert records(settings, topics.LOAD_SHIFT_COMMANDS)
    assert records(settings, topics.STAFFING_ALERTS)
    assert_no_effect_under_two_keys(settings)
    assert_replayed_the_same(settings, respond_role(settings, OwnTicks(settings)))
    copied = {dict(arrival.headers)["ce_id"] for arrival in records(settings, topics.DESK)}
    assert len(copied) == len(day)
