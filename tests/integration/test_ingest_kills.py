"""The ingest is killed, ended, frozen; the panes on the bus are then compared with a count of the input by polars."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas import codec, topics
from schemas.contact import ContactEvent
from schemas.notice import LateContact
from schemas.pane import PaneRecord, Progress, QueuePane
from streams.config import Settings
from tests.ingest_process import IngestProcess

PANE = 2
LATENESS = 4.0
DISORDER = 3.0
TENANTS = ("acme", "globex", "played")
QUEUES = ("billing", "claims", "sales", "support", "orders")
KINDS = ("offered", "answered", "abandoned", "finished")
CHANNEL = {
    "pane_seconds": PANE,
    "lateness_seconds": LATENESS,
    "idle_close_seconds": 30.0,
    "unknown_after_seconds": 5.0,
    "partitions": 2,
}


class Feed:
    """Writes contacts, duplicates, late ones, garbage and heartbeats, and remembers what it wrote."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self.settings = settings
        self.rng = random.Random(seed)
        self.rows: list[tuple[str, str, str, str, float]] = []
        self.late: set[str] = set()
        self.garbage: set[str] = set()
        self.n = 0
        self.producer = Producer(
            {
                "bootstrap.servers": ",".join(settings.broker.bootstrap),
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 5,
                "log_level": 0,
            }
        )

    def send(self, event: ContactEvent, partition: int | None = None) -> None:
        self.raw(event.channel, codec.encode(event), event.key(), partition)

    def raw(self, channel: str, value: bytes, key: bytes, partition: int | None = None, seen: Any = None) -> None:
        topic = self.settings.topic_name(f"contact-events.{channel}")
        place = {} if partition is None else {"partition": partition}
        self.producer.produce(topic, value, key, on_delivery=seen, **place)

    def some(self, now: datetime, tenants: tuple[str, ...] = TENANTS) -> None:
        """One contact event of about now, perhaps twice; now and then something that has no place in a pane."""
        self.n += 1
        rng = self.rng
        at = now - timedelta(seconds=rng.uniform(0, DISORDER))
        event = ContactEvent(
            type=rng.choice(KINDS),
            occurred_at=at,
            source="acd",
            event_id=f"e{self.n}",
            tenant=rng.choice(tenants),
            channel=rng.choice(("voice", "chat")),
            queue=rng.choice(QUEUES),
        )
        self.rows.append((event.tenant, event.channel, event.queue, event.type, at.timestamp()))
        self.send(event)
        if self.n % 50 == 0:
            self.send(event)
        if self.n % 2003 == 0:
            self.raw("voice", b'{"type": "offered", ', b"acme|billing", seen=self._garbage)
        if self.n % 1999 == 0:
            old = ContactEvent(
                type="offered",
                occurred_at=now - timedelta(seconds=90),
                source="acd",
                event_id=f"late{self.n}",
                tenant="acme",
                channel="voice",
                queue="billing",
            )
            self.late.add(old.event_id)
            self.send(old)
        if self.n % 500 == 0:
            self.producer.poll(0)

    def _garbage(self, error: Any, message: Any) -> None:
        assert error is None
        self.garbage.add(f"contact-events.voice/{message.partition()}/{message.offset()}")

    def beat(self, at: datetime) -> None:
        for tenant in TENANTS:
            for channel in ("voice", "chat"):
                for partition in range(2):
                    beat = ContactEvent(type="heartbeat", occurred_at=at, source="acd", tenant=tenant, channel=channel)
                    self.send(beat, partition)

    def live(self, seconds: float, rate: int) -> None:
        """About `rate` events a second for so long, with heartbeats; then whatever closes the last pane."""
        began = time.monotonic()
        beaten = 0.0
        self.beat(datetime.now(UTC))
        while (passed := time.monotonic() - began) < seconds:
            if passed - beaten >= 1:
                beaten = passed
                self.beat(datetime.now(UTC))
            while self.n < passed * rate:
                self.some(datetime.now(UTC))
            time.sleep(0.01)
        until = time.monotonic() + LATENESS + PANE + 0.5
        while time.monotonic() < until:
            time.sleep(0.5)
            self.beat(datetime.now(UTC))
        self.producer.flush()

    def cells(self) -> dict[tuple[str, str, int, str, str], int]:
        """The truth: a batch count of what was written, duplicates and late ones left out."""
        frame = pl.DataFrame(self.rows, schema=["tenant", "channel", "queue", "type", "at"], orient="row")
        frame = frame.with_columns(pane=(pl.col("at") // PANE * PANE).cast(pl.Int64))
        grouped = frame.group_by("tenant", "channel", "pane", "queue", "type").len()
        return {tuple(row[:5]): row[5] for row in grouped.iter_rows()}


class Found:
    """What is on the bus in the end."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.panes: list[tuple[QueuePane, bytes]] = []
        self.progress: list[Progress] = []
        for value in self._values(topics.QUEUE_PANES.name):
            record = codec.decode(PaneRecord, value)
            if isinstance(record, QueuePane):
                self.panes.append((record, value))
            elif isinstance(record, Progress):
                self.progress.append(record)
        self.late = [codec.decode(LateContact, value) for value in self._values(topics.LATE_CONTACTS.name)]
        self.garbage = {key.decode() for key in self._keys("contact-events.voice.dead-letter")}

    def _read(self, topic: str) -> Iterator[Any]:
        name = self.settings.topic_name(topic)
        consumer = Consumer(
            {
                "bootstrap.servers": ",".join(self.settings.broker.bootstrap),
                "group.id": "reader",
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        try:
            for partition in consumer.list_topics(name, timeout=10).topics[name].partitions:
                _, end = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=10)
                consumer.assign([TopicPartition(name, partition, 0)])
                position = 0
                while position < end:
                    for message in consumer.consume(1000, 0.05):
                        assert message.error() is None
                        position = message.offset() + 1
                        yield message
        finally:
            consumer.close()

    def _values(self, topic: str) -> list[bytes]:
        return [message.value() for message in self._read(topic)]

    def _keys(self, topic: str) -> list[bytes]:
        return [message.key() for message in self._read(topic)]

    def finals(self) -> dict[Any, set[bytes]]:
        finals: dict[Any, set[bytes]] = {}
        for record, value in self.panes:
            if record.final:
                identity = (record.tenant, record.channel, record.pane_start, record.partition, record.part)
                finals.setdefault(identity, set()).add(value)
        return finals

    def cells(self) -> dict[tuple[str, str, int, str, str], int]:
        cells: dict[tuple[str, str, int, str, str], int] = {}
        for values in self.finals().values():
            record = codec.decode(QueuePane, min(values))
            for queue, counts in record.queues.items():
                for kind in KINDS:
                    key = (record.tenant, record.channel, int(record.pane_start.timestamp()), queue, kind)
                    n = getattr(counts, kind)
                    if n:
                        cells[key] = cells.get(key, 0) + n
        return cells


def check(feed: Feed, settings: Settings) -> None:
    found = Found(settings)
    assert len(feed.rows) >= 30_000
    truth, cells = feed.cells(), found.cells()
    wrong = {key: (truth.get(key), cells.get(key)) for key in {*truth, *cells} if truth.get(key) != cells.get(key)}
    assert not wrong, f"{len(wrong)} of {len(truth)} cells are wrong: {list(wrong.items())[:5]}"
    twice = [identity for identity, values in found.finals().items() if len(values) > 1]
    assert not twice, f"finals that differ: {twice[:5]}"
    assert {event.event_id for event in found.late} == feed.late, "punctual events called late"
    assert found.garbage == feed.garbage


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Settings], Path]:
    def write(settings: Settings) -> Path:
        path = tmp_path / f"{settings.broker.instance_id or 'any'}.json"
        path.write_text(settings.model_dump_json())
        return path

    return write


def ingest_settings(kafka: Any, settings_for: Any, **ingest: Any) -> Settings:
    made: Settings = settings_for(
        kafka,
        channels={"voice": CHANNEL, "chat": CHANNEL},
        tenants={"played": {"clock": "event"}},
        ingest={"flush_seconds": 0.2, **ingest},
    )
    return made


def named(settings: Settings, name: str) -> Settings:
    return settings.model_copy(update={"broker": settings.broker.model_copy(update={"instance_id": name})})


def wait_until_done(settings: Settings, feed: Feed, seconds: float = 40.0) -> None:
    """Until the finals hold every event, or the time is over; `check` then says what is wrong."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and sum(Found(settings).cells().values()) < len(feed.rows):
        time.sleep(0.5)


def test_one_member_killed_and_ended_again_and_again_counts_every_event_once(
    kafka: Any, settings_for: Any, written: Any
) -> None:
    settings = ingest_settings(kafka, settings_for)
    feed = Feed(settings, 1)
    feeding = threading.Thread(target=feed.live, args=(12.0, 8_000))
    path = written(named(settings, "one"))
    member = IngestProcess(path)
    feeding.start()
    try:
        for end in ("kill", "kill", "terminate", "kill"):
            time.sleep(2.7)
            getattr(member, end)()
            member = IngestProcess(path)
        feeding.join()
        wait_until_done(settings, feed)
        member.terminate()
    finally:
        feeding.join()
        member.kill()
    check(feed, settings)


def test_two_members_of_which_one_is_killed_and_one_is_frozen_count_every_event_once(
    kafka: Any, settings_for: Any, written: Any
) -> None:
    settings = ingest_settings(kafka, settings_for)
    feed = Feed(settings, 2)
    feeding = threading.Thread(target=feed.live, args=(15.0, 6_000))
    path = written(settings)
    members = [IngestProcess(path), IngestProcess(path)]
    feeding.start()
    try:
        time.sleep(3)
        members[0].kill()
        members[0] = IngestProcess(path)
        time.sleep(4)
        members[1].freeze(4.5)  # longer than its session: it wakes as a zombie
        feeding.join()
        wait_until_done(settings, feed)
        for member in members:
            member.terminate()
    finally:
        feeding.join()
        for member in members:
            member.kill()
    check(feed, settings)


def test_a_death_between_any_two_effects_is_made_good_by_the_next_start(
    kafka: Any, settings_for: Any, written: Any
) -> None:
    settings = ingest_settings(kafka, settings_for, flush_seconds=0.05, batch_records_max=200)
    feed = Feed(settings, 3)
    now = datetime.now(UTC) - timedelta(seconds=200)
    for n in range(30_000):
        if n % 500 == 0:
            feed.beat(now + timedelta(milliseconds=2 * n))
        feed.some(now + timedelta(milliseconds=2 * n), tenants=("played",))
    feed.beat(now + timedelta(milliseconds=2 * n, seconds=LATENESS + 2 * PANE))
    feed.producer.flush()
    path = written(named(settings, "one"))
    for n, point in enumerate(("written", "acknowledged", "committed", "written")):
        member = IngestProcess(path, point, 2 + n)
        try:
            assert member.child.wait(20) == -9, member.said()
        finally:
            member.kill()
    last = IngestProcess(path)
    try:
        wait_until_done(settings, feed)
        last.terminate()
    finally:
        last.kill()
    check(feed, settings)
