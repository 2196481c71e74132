"""Reads what the page shows, without a group: all partitions, the last hours first; outlives the loss of the broker."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from schemas import topics
from schemas.centre import Centre
from schemas.codec import decode
from schemas.command import Bulletin, LoadShiftCommand, StaffingAlert
from schemas.desk import DeskEntry
from schemas.errors import BadMessage
from schemas.incident import Incident
from schemas.notice import Notification
from schemas.recovery import Recovery
from schemas.status import DeskStatus
from streams import clock, telemetry
from streams.clients import aiokafka_settings
from streams.config import Settings
from streams.web.board import Board

log = telemetry.logger("web")

READS: dict[str, type[Any]] = {
    topics.DESK.name: DeskEntry,
    topics.CENTRE.name: Centre,
    topics.INCIDENTS.name: Incident,
    topics.STAFFING_ALERTS.name: StaffingAlert,
    topics.LOAD_SHIFT_COMMANDS.name: LoadShiftCommand,
    topics.LOAD_SHIFT_PROPOSALS.name: LoadShiftCommand,
    topics.BULLETINS.name: Bulletin,
    topics.NOTIFICATIONS.name: Notification,
    topics.DESK_STATUS.name: DeskStatus,
    topics.RECOVERIES.name: Recovery,
}
COMPACTED = {topic.name for topic in topics.FIXED if topic.compacted}
# What concerns an incident is few records, and an incident may last: the page looks back further than the counts.
OUTPUTS_BACK = timedelta(days=7)
LOOK_AROUND_SECONDS = 5.0
ANSWER_SECONDS_MAX = 5.0
BACKOFF_SECONDS, BACKOFF_SECONDS_MAX = 0.5, 10.0
BATCH_RECORDS = 500
POLL_MILLISECONDS = 250


class Reader(Service):  # type: ignore[misc]  # mode is not typed for us
    """Folds the bus into the board. Nothing that happens on the bus ends it; the board says since when it is blind."""

    def __init__(self, settings: Settings, board: Board) -> None:
        super().__init__()
        self._settings = settings
        self._board = board
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._answered_at: datetime | None = None
        self._backoff = BACKOFF_SECONDS
        telemetry.WEB_BLIND.set(1)

    @Service.task  # type: ignore[untyped-decorator]
    async def _read(self) -> None:
        while not self.should_stop:
            consumer = None
            try:
                consumer = self._consumer()
                await asyncio.wait_for(consumer.start(), 2 * ANSWER_SECONDS_MAX)
                while not self.should_stop:
                    await self._look_around(consumer)
                    await self._read_on(consumer)
            except (KafkaError, OSError, TimeoutError) as error:
                self._go_blind(f"the bus does not answer ({type(error).__name__})")
            except Exception:  # a page that fails must not end the worker that detects
                log.exception("reading failed")
                self._go_blind("reading the bus failed: see the log")
            finally:
                if consumer is not None:
                    await _close(consumer)
            await self.sleep(self._backoff)
            self._backoff = min(2 * self._backoff, BACKOFF_SECONDS_MAX)

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **aiokafka_settings(self._settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=int(ANSWER_SECONDS_MAX * 2000),
        )

    async def _look_around(self, consumer: AIOKafkaConsumer) -> None:
        """Asks the bus for its topics: a sign of life, and how new topics and partitions are found."""
        there = await asyncio.wait_for(consumer.topics(), ANSWER_SECONDS_MAX)
        wanted = {self._settings.topic_name(name) for name in READS}
        if self._settings.topic_name(topics.DESK) not in there:
            self._go_blind("its topics are not there yet: run `breakwater topics apply`")
            return
        known = {topic for topic, _ in consumer.assignment()}
        found = [TopicPartition(topic, 0) for topic in sorted(wanted & there - known)]
        if found:  # a topic's partitions are known once one of them is assigned
            await self._assign(consumer, {*consumer.assignment(), *found})
        await self._assign(consumer, self._partitions(consumer))
        self._see()

    def _partitions(self, consumer: AIOKafkaConsumer) -> set[TopicPartition]:
        topics_read = {topic for topic, _ in consumer.assignment()}
        return {TopicPartition(topic, n) for topic in topics_read for n in consumer.partitions_for_topic(topic) or {0}}

    async def _assign(self, consumer: AIOKafkaConsumer, wanted: set[TopicPartition]) -> None:
        if wanted == consumer.assignment():
            return
        consumer.assign(sorted(wanted))
        await self._know_partitions(consumer, {topic for topic, _ in wanted})
        new = wanted - self._positions.keys()
        if new:
            starts = await asyncio.wait_for(self._starts(consumer, new), 2 * ANSWER_SECONDS_MAX)
            self._positions.update(starts)
        for partition in wanted:
            consumer.seek(partition, self._positions[partition])

    async def _know_partitions(self, consumer: AIOKafkaConsumer, names: set[str]) -> None:
        """Waits until the client has heard of the topics just assigned."""
        deadline = clock.elapsed() + ANSWER_SECONDS_MAX
        while any(consumer.partitions_for_topic(name) is None for name in names):
            if clock.elapsed() > deadline:
                raise TimeoutError("the bus does not tell its partitions")
            await clock.pause(0.02)

    async def _starts(self, consumer: AIOKafkaConsumer, new: set[TopicPartition]) -> dict[TopicPartition, int]:
        """Where to begin: compacted topics at their start, others some hours back. (The embedded broker does not know
        its offsets by time; it is young, and is read from its start.)"""
        parts = sorted(new)
        first, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        self._ends.update(ends)
        by_time = [part for part in parts if self._settings.own_name(part.topic) not in COMPACTED]
        if self._settings.broker.profile == "embedded" or not by_time:
            return dict(first)
        since = {part: int(self._since(part).timestamp() * 1000) for part in by_time}
        found = await consumer.offsets_for_times(since)
        return {**first, **{part: found[part].offset if found.get(part) else ends[part] for part in by_time}}

    def _since(self, partition: TopicPartition) -> datetime:
        of_desk = self._settings.own_name(partition.topic) == topics.DESK.name
        back = timedelta(seconds=self._settings.web.history_seconds) if of_desk else OUTPUTS_BACK
        return clock.now() - back

    async def _read_on(self, consumer: AIOKafkaConsumer) -> None:
        """Some seconds of reading; then it is time to look around again."""
        until = clock.elapsed() + LOOK_AROUND_SECONDS
        while clock.elapsed() < until and not self.should_stop:
            if not consumer.assignment():
                await self.sleep(POLL_MILLISECONDS / 1000)
                continue
            batches = await consumer.getmany(timeout_ms=POLL_MILLISECONDS, max_records=BATCH_RECORDS)
            for partition, records in batches.items():
                for record in records:
                    self._fold(record)
                self._positions[partition] = records[-1].offset + 1
                self._answered_at = clock.now()
            if self._board.reading:
                self._board.reading = any(self._positions[part] < end for part, end in self._ends.items())
            await clock.pause(0)  # a long history must not keep viewers waiting

    def _fold(self, record: Any) -> None:
        """A record that cannot be read or shown is skipped and counted: one record never takes the page away."""
        name = self._settings.own_name(record.topic)
        if record.value is None:
            return  # a tombstone: what it removes has long been resolved
        try:
            value = decode(READS[name], record.value)
            self._board.fold(value, name, datetime.fromtimestamp(record.timestamp / 1000, tz=UTC))
        except BadMessage as error:
            telemetry.WEB_RECORDS_SKIPPED.labels(name).inc()
            log.warning("record skipped", topic=name, offset=record.offset, why=str(error))
        except Exception:
            telemetry.WEB_RECORDS_SKIPPED.labels(name).inc()
            log.exception("record skipped", topic=name, partition=record.partition, offset=record.offset)

    def _see(self) -> None:
        if self._board.bus is not None:
            log.info("the page reads the bus", partitions=len(self._positions))
        self._answered_at = clock.now()
        self._backoff = BACKOFF_SECONDS
        self._board.seeing()
        telemetry.WEB_BLIND.set(0)

    def _go_blind(self, why: str) -> None:
        if self._board.bus is None or self._board.bus.why != why:
            log.warning("the page is blind", why=why, since=self._answered_at)
        self._board.blind(self._answered_at, why)
        telemetry.WEB_BLIND.set(1)


async def _close(consumer: AIOKafkaConsumer) -> None:
    """Without its broker, aiokafka's `stop` ends in a cancellation of its own making, which would pass for ours and
    leave its client running: each step is waited for from outside, and for a bounded time."""
    for step in (consumer.stop, consumer._client.close):
        task = asyncio.ensure_future(step())
        await asyncio.wait({task}, timeout=ANSWER_SECONDS_MAX)
        if not task.done():
            task.cancel()
        elif not task.cancelled() and task.exception() is not None:
            log.debug("closing failed", error=repr(task.exception()))
