"""The Faust agents, a few lines each: a batch off the bus to its handler. What they do is said in `roles`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from schemas.topics import Topic
from streams.config import Settings
from streams.faust_handler import Arrival

# How long a batch gathers: the price in latency of handling many records at once.
GATHER_SECONDS = 0.05


def add_agent(
    app: Any,
    settings: Settings,
    name: str,
    inputs: Sequence[Topic],
    records_max: int,
    apply: Callable[[list[Arrival]], Awaitable[None]],
) -> None:
    """An agent that hands batches of at most `records_max` records of `inputs` to `apply`, which lets nothing out."""
    source = app.topic(
        *(settings.topic_name(topic) for topic in inputs),
        key_serializer="raw",
        value_serializer="raw",
        allow_empty=True,
    )

    async def agent(stream: Any) -> None:
        async for events in stream.take_events(records_max, within=GATHER_SECONDS):
            await apply([arrival(settings, event.message) for event in events])

    app.agent(source, name=name)(agent)


def arrival(settings: Settings, message: Any) -> Arrival:
    """Faust's message as ours."""
    return Arrival(
        topic=settings.own_name(message.topic),
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=message.headers or (),
        at=datetime.fromtimestamp(message.timestamp, UTC),
    )
