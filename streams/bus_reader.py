"""Reads topics from their beginning to their end without a group: how a role learns what it said before its start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import datetime

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from schemas.errors import BadConfig, Unavailable
from schemas.topics import Topic
from streams import clock
from streams.broker import aiokafka_settings
from streams.config import Settings

STALL_SECONDS_MAX = 30.0
POLL_MILLISECONDS = 100


class Written(msgspec.Struct, frozen=True):
    """One record; `at_ms` is when the broker wrote it, milliseconds since 1970."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    at_ms: int


async def read_back(
    settings: Settings, topic: Topic, partitions: Collection[int] | None = None, since: datetime | None = None
) -> AsyncIterator[Written]:
    """Every record that the topic holds now, in order within each partition.

    `partitions` None reads them all; `since` leaves out what was written before. Raises Unavailable, and BadConfig for
    a topic that is not there.
    """
    consumer = AIOKafkaConsumer(
        settings.topic_name(topic),
        group_id=None,
        enable_auto_commit=False,
        fetch_max_wait_ms=POLL_MILLISECONDS,  # closing waits for a fetch that is under way
        **aiokafka_settings(settings),
    )
    try:
        await consumer.start()
        ends = await _ends(consumer, partitions)
        earliest = None if since is None else int(since.timestamp() * 1000)
        if earliest is not None and settings.broker.profile == "production":
            await _seek(consumer, ends, earliest)
        async for record in _until(consumer, ends):
            if earliest is None or record.at_ms >= earliest:
                yield record
    except UnknownTopicOrPartitionError:
        raise BadConfig([(topic.name, "the topic does not exist: run `breakwater topics apply`")]) from None
    except (KafkaError, OSError) as error:
        raise Unavailable("the broker", f"{topic.name} cannot be read back: {error}", "see settings `broker`") from None
    finally:
        await consumer.stop()


async def _ends(consumer: AIOKafkaConsumer, partitions: Collection[int] | None) -> dict[TopicPartition, int]:
    """The end of each wanted partition that holds something; the consumer stands at their beginnings."""
    places = sorted(consumer.assignment())
    wanted = [place for place in places if partitions is None or place.partition in partitions]
    begins = await consumer.beginning_offsets(wanted) if wanted else {}
    ends = await consumer.end_offsets(wanted) if wanted else {}
    filled = {place: end for place, end in ends.items() if end > begins[place]}
    for place in places:
        if place in filled:
            consumer.seek(place, begins[place])
        else:
            consumer.pause(place)
    return filled


async def _seek(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], at_ms: int) -> None:
    """Skips what was written before; a partition with nothing later is read no more."""
    found = await consumer.offsets_for_times(dict.fromkeys(ends, at_ms)) if ends else {}
    for place, first in found.items():
        consumer.seek(place, ends[place] if first is None else first.offset)


async def _until(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> AsyncIterator[Written]:
    """Records up to `ends`. Compaction leaves gaps, so the position decides, not the last record."""
    moved_at, before = clock.elapsed(), -1
    while True:
        positions = {place: await consumer.position(place) for place in ends}
        if all(positions[place] >= end for place, end in ends.items()):
            return
        total = sum(positions.values())
        if total != before:
            moved_at, before = clock.elapsed(), total
        elif clock.elapsed() - moved_at > STALL_SECONDS_MAX:
            raise Unavailable("the broker", f"no record came for {STALL_SECONDS_MAX:g} s")
        batch = await consumer.getmany(timeout_ms=POLL_MILLISECONDS)
        for place, records in batch.items():
            for record in records:
                if record.offset < ends[place]:
                    yield Written(place.partition, record.offset, record.key, record.value, record.timestamp)
