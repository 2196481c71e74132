"""The status page on a real bus: it reads back what was there before it, follows, and outlives the broker's loss."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiohttp
from confluent_kafka import Producer

from schemas import codec, topics
from schemas.base import Message
from streams import broker, clock
from streams.config import Settings
from streams.web.server import WebServer
from tests import scripted_outage as outage
from tools.kafka import KafkaNode

OWN = {"web": {"port": 0, "refresh_seconds": 0.05}, "tenants": {outage.TENANT: {"clock": "event"}}}
CHATTER = {"log_level": 0, "error_cb": lambda _: None}


class WellWorker:
    def alive(self) -> bool:
        return True

    def ready(self) -> tuple[bool, str]:
        return True, "ready"


def send(settings: Settings, values: Iterable[tuple[str, Message]]) -> None:
    producer = Producer({**broker.confluent_settings(settings), **CHATTER})
    for name, value in values:
        producer.produce(settings.topic_name(name), codec.encode(value), key=outage.TENANT.encode())
        producer.poll(0)
    assert producer.flush(30) == 0


def send_raw(settings: Settings, name: str, value: bytes | None) -> None:
    producer = Producer({**broker.confluent_settings(settings), **CHATTER})
    producer.produce(settings.topic_name(name), value, key=b"x")
    assert producer.flush(30) == 0


async def state(server: WebServer) -> Any:
    async with aiohttp.ClientSession() as session:
        reply = await session.get(f"{server.url}/api/state", params={"tenant": outage.TENANT})
        return await reply.json()


async def until(server: WebServer, holds: Callable[[Any], bool], seconds: float = 40.0) -> Any:
    deadline = clock.elapsed() + seconds
    for _ in range(int(seconds * 20)):
        found = await state(server)
        if holds(found):
            return found
        if clock.elapsed() > deadline:
            break
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {str(found)[:600]}")


def on_page(settings: Settings, check: Callable[[WebServer], Awaitable[None]]) -> None:
    async def run() -> None:
        async with WebServer(settings, ["web"], WellWorker()) as server:
            await check(server)

    asyncio.run(run())


def told(found: Any) -> str:
    return str(found["view"]["head"]["headline"]["text"]) if found["view"] else ""


def outage_is_told(found: Any) -> bool:
    return told(found) == "Telephony is out since 10:12. 1 incident. 2 commands running."


def day(first: int, last: int) -> list[tuple[str, Message]]:
    return list(outage.minutes(first, last))


class TestOnTheBus:
    def story(self, settings: Settings) -> None:
        """What was there before the page, a record that nobody can read, and what comes after."""
        send(settings, [*outage.opening(), *day(-20, 22)])
        send_raw(settings, topics.DESK.name, b'{"kind": "desk-entry", "tenant": 7}')
        send_raw(settings, topics.INCIDENTS.name, None)

        async def check(server: WebServer) -> None:
            found = await until(server, lambda found: outage_is_told(found) and not found["reading"])
            assert found["blind"] is None
            assert len(found["view"]["rows"]["voice"]["points"]) == 43
            assert len(found["view"]["alerts"]) == 2
            await asyncio.to_thread(send, settings, day(23, 24))
            found = await until(server, lambda found: len(found["view"]["rows"]["voice"]["points"]) == 45)
            assert found["view"]["head"]["now"] == "2026-11-24T16:36:00Z"

        on_page(settings, check)

    def test_on_apache_kafka(self, kafka: Any, settings_for: Any) -> None:
        self.story(settings_for(kafka, **OWN))

    def test_on_the_embedded_broker(self, embedded_broker: Any, settings_for: Any) -> None:
        self.story(settings_for(embedded_broker, **OWN))

    def test_topics_that_come_later_are_found(self, kafka: Any, settings_for: Any) -> None:
        settings = settings_for(kafka, topics=False, **OWN)

        async def check(server: WebServer) -> None:
            found = await until(server, lambda found: "topics apply" in (found["blind"] or {}).get("why", ""))
            assert found["view"] is None
            await asyncio.to_thread(broker.apply_topics, settings)
            await asyncio.to_thread(send, settings, [*outage.opening(), *day(-5, 22)])
            await until(server, outage_is_told)

        on_page(settings, check)

    def test_a_page_that_starts_before_the_bus_serves_and_says_so(self, settings_for: Any) -> None:
        class Nowhere:
            bootstrap = "127.0.0.1:1"

        settings = settings_for(Nowhere(), topics=False, **OWN)

        async def check(server: WebServer) -> None:
            found = await until(server, lambda found: "does not answer" in (found["blind"] or {}).get("why", ""))
            assert "since" not in found["blind"] or found["blind"]["since"] is None

        on_page(settings, check)

    def test_a_broker_that_dies_leaves_the_page_up_and_its_return_is_noticed(
        self, own_kafka: KafkaNode, settings_for: Any
    ) -> None:
        settings = settings_for(own_kafka, **OWN)
        send(settings, [*outage.opening(), *day(-5, 22)])

        async def check(server: WebServer) -> None:
            await until(server, outage_is_told)
            died_at = clock.now()
            await asyncio.to_thread(own_kafka.kill)
            found = await until(server, lambda found: found["blind"] is not None)
            blind_since = codec.rfc3339(died_at)
            assert found["blind"]["since"][:16] >= blind_since[:13]  # about when it died, never before the page began
            assert found["view"]["head"]["headline"]["level"] == "blind"
            assert "Telephony is out since 10:12" in found["view"]["head"]["headline"]["more"]
            await asyncio.to_thread(own_kafka.restart)
            await until(server, outage_is_told)
            await asyncio.to_thread(send, settings, day(23, 23))
            found = await until(server, lambda found: found["view"]["head"]["now"] == "2026-11-24T16:35:00Z")
            assert len(found["view"]["rows"]["voice"]["points"]) == 29

        on_page(settings, check)
