"""One record of a person onto the bus: sent, acknowledged, and its place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import KafkaException, Producer

from schemas import codec
from schemas.errors import Unavailable
from schemas.topics import Topic
from streams import broker
from streams.config import Settings

DELIVERY_SECONDS_MAX = 20.0


class Place(NamedTuple):
    """Where a record lies, and the broker's own time of it; `topic` carries no prefix."""

    topic: str
    partition: int
    offset: int
    at: datetime


def publish(
    settings: Settings, topic: Topic, value: msgspec.Struct, *, key: str, id: str, source: str, time: datetime
) -> Place:
    """Writes `value` and returns when the broker has it. Raises Unavailable, BadConfig (no such topic, no right)."""
    broker.check_reachable(settings)
    places: list[Place] = []
    failed: list[str] = []

    def on_delivery(error: Any, message: Any) -> None:
        if error is not None:
            failed.append(error.str())
            return
        at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        places.append(Place(topic.name, message.partition(), message.offset(), at))

    headers: Any = codec.headers(value, id=id, source=source, time=time)
    producer = _producer(settings)
    try:
        producer.produce(
            settings.topic_name(topic), codec.encode(value), key.encode(), headers=headers, on_delivery=on_delivery
        )
        producer.flush(DELIVERY_SECONDS_MAX + 1)
    except KafkaException as error:
        failed.append(str(error))
    if not places:
        why = failed[0] if failed else "the record was not acknowledged"
        raise Unavailable(f"topic {settings.topic_name(topic)}", why, broker.FIX_AWAY)
    return places[0]


def _producer(settings: Settings) -> Producer:
    return Producer(
        {
            **broker.confluent_settings(settings),
            "acks": "all",
            # the embedded broker knows no idempotent producers
            "enable.idempotence": settings.broker.profile == "production",
            # a tenant's records keep their order only where every writer puts a key on the same partition
            "partitioner": "murmur2_random",
            "delivery.timeout.ms": int(DELIVERY_SECONDS_MAX * 1000),
            "log_level": 0,
            "error_cb": _ignore,  # what matters comes with the delivery
        }
    )


def _ignore(_error: object) -> None: ...
