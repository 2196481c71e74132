"""Records onto the bus and off it, each write awaited: one way for handlers, state and notes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from schemas import codec
from schemas.errors import Unavailable
from schemas.fold import Output
from streams import broker, telemetry, traces
from streams.config import Settings

READ_BYTES = 4 * 1024 * 1024
READ_WAIT_MS = 200


class Outgoing(NamedTuple):
    """One record to write; `topic` is our name of it, without the deployment's prefix."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


def outgoing(output: Output, role: str, trace: str | None = None) -> Outgoing:
    """A fold's output as a record: the same output gives the same bytes. `trace` says what caused it."""
    headers = codec.headers(output.value, id=output.id, source=f"breakwater/{role}", time=output.time)
    headers += traces.headers(trace)
    return Outgoing(output.topic.name, output.key.encode(), codec.encode(output.value), headers)


class Bus:
    """A producer whose every send is awaited, and readers of single partitions. Outside trouble is Unavailable."""

    def __init__(self, settings: Settings, *, batch_bytes: int | None = None) -> None:
        self._settings = settings
        self._batch_bytes = batch_bytes
        self._producer: Any = None

    async def start(self) -> None:
        """Connects. Raises Unavailable."""
        options = broker.aiokafka_producer_settings(self._settings)
        if self._batch_bytes:
            options["max_batch_size"] = self._batch_bytes
        producer = AIOKafkaProducer(**options)
        try:
            with _outside("writing"):
                await producer.start()
        except Unavailable:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def send(self, records: Iterable[Outgoing]) -> None:
        """Writes the records, each to the partition of its key, and returns when all of them are acknowledged.

        Raises Unavailable where any was not: the caller sends all again (same keys, same bytes).
        """
        sent: list[tuple[str, Any]] = []
        with _outside("writing"):
            for record in records:
                future = await self._producer.send(
                    self._settings.topic_name(record.topic),
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    partition=record.partition,
                )
                sent.append((record.topic, future))
            answers = await asyncio.gather(*(future for _, future in sent), return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer
        for topic, _ in sent:
            telemetry.RECORDS_PRODUCED.labels(topic).inc()

    async def append(self, topic: str, partition: int, records: Sequence[Outgoing]) -> int:
        """Writes the records to one partition in order and returns the offset of the last.

        They go in one record batch, which the broker keeps whole or not at all; what is too large for one goes in
        several, the last only after all before it were acknowledged. Raises Unavailable.
        """
        name = self._settings.topic_name(topic)
        last = -1
        with _outside("writing"):
            for batch in self._batches(records):
                last = (await (await self._producer.send_batch(batch, name, partition=partition))).offset
                last += batch.record_count() - 1
        return last

    def _batches(self, records: Sequence[Outgoing]) -> Iterable[Any]:
        batch = self._producer.create_batch()
        for record in records:
            kept = {"timestamp": None, "key": record.key, "value": record.value, "headers": list(record.headers)}
            if batch.append(**kept) is None:
                yield batch
                batch = self._producer.create_batch()
                batch.append(**kept)
        batch.close()
        if batch.record_count():
            yield batch

    async def read(self, topic: str, partition: int, end: int | None = None) -> list[Any]:
        """All records of a partition below offset `end` (None: its present end), as aiokafka gives them.

        Raises Unavailable.
        """
        place = TopicPartition(self._settings.topic_name(topic), partition)
        found: list[Any] = []
        with _outside("reading"):
            async with _reader(self._settings, place) as consumer:
                wanted = (await consumer.end_offsets([place]))[place] if end is None else end
                await consumer.seek_to_beginning(place)
                while await consumer.position(place) < wanted:
                    got = await consumer.getmany(place, timeout_ms=READ_WAIT_MS)
                    found += [record for record in got.get(place, ()) if record.offset < wanted]
        return found

    async def ends(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The end offset of each (topic, partition). Raises Unavailable."""
        asked = {TopicPartition(self._settings.topic_name(topic), number): (topic, number) for topic, number in places}
        with _outside("reading"):
            async with _reader(self._settings, *asked) as consumer:
                ends = await consumer.end_offsets(list(asked))
        return {asked[place]: end for place, end in ends.items()}


@asynccontextmanager
async def _reader(settings: Settings, *places: Any) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(
        **broker.aiokafka_settings(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=READ_WAIT_MS,
        max_partition_fetch_bytes=READ_BYTES,
    )
    try:
        await consumer.start()
        consumer.assign(list(places))
        yield consumer
    finally:
        await consumer.stop()


class _outside:  # noqa: N801  # reads as a sentence where it is used
    """Turns what the broker's absence raises into Unavailable; anything else is a defect and passes."""

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        away = (KafkaConnectionError, KafkaTimeoutError, TimeoutError, ConnectionError)
        if isinstance(error, away) or (isinstance(error, KafkaError) and getattr(error, "retriable", False)):
            raise Unavailable("the broker", f"{self._doing} failed: {error!r}", broker.FIX_AWAY) from error
