"""The ingest on real brokers, apart from kills: what it says of time, what stops it, what does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas import codec, topics
from schemas.contact import ContactEvent
from schemas.errors import BadConfig
from schemas.pane import PaneRecord, Progress, QueuePane
from streams import broker
from streams.config import Settings
from streams.ingest.thread import Ingest

SECONDS_MAX = 75.0


class Bus:
    """Writes contact events, reads what came of them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.producer = Producer({**self._client(), "partitioner": "murmur2_random", "linger.ms": 5})

    def _client(self) -> dict[str, Any]:
        return {**broker.confluent_settings(self.settings), "log_level": 0, "error_cb": lambda _: None}

    def put(self, *events: ContactEvent | bytes | None, channel: str = "voice", partition: int = 0) -> None:
        name = self.settings.topic_name(topics.contact_events(channel).name)
        for event in events:
            value = codec.encode(event) if isinstance(event, ContactEvent) else event
            self.producer.produce(name, value, b"k", partition=partition)
        assert self.producer.flush(30) == 0

    def read(self, topic: str) -> list[Any]:
        name = self.settings.topic_name(topic)
        consumer = Consumer({**self._client(), "group.id": "reader", "enable.partition.eof": True})
        try:
            found: list[Any] = []
            for partition in sorted(consumer.list_topics(name, timeout=10).topics[name].partitions):
                consumer.assign([TopicPartition(name, partition, 0)])
                ended = False
                while not ended:
                    for message in consumer.consume(500, 0.1):
                        ended = message.error() is not None
                        found += [] if ended else [message]
            return found
        finally:
            consumer.close()

    def panes(self) -> list[QueuePane]:
        records = [codec.decode(PaneRecord, message.value()) for message in self.read(topics.QUEUE_PANES.name)]
        return [record for record in records if isinstance(record, QueuePane)]

    def final_values(self) -> list[bytes]:
        values = [message.value() for message in self.read(topics.QUEUE_PANES.name)]
        return [value for value in values if getattr(codec.decode(PaneRecord, value), "final", False)]


def contact(at: datetime, n: int = 0, **fields: Any) -> ContactEvent:
    given = {
        "type": "offered",
        "occurred_at": at,
        "source": "acd",
        "event_id": f"e{n}",
        "tenant": "acme",
        "channel": "voice",
        "queue": "billing",
    }
    return ContactEvent(**(given | fields))


def until(done: Callable[[], Any], ingest: Ingest) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not done():
        assert ingest.error is None, ingest.error
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def started() -> Any:
    running: list[Ingest] = []

    def start(settings: Settings) -> Ingest:
        ingest = Ingest(settings)
        ingest.start()
        running.append(ingest)
        return ingest

    yield start
    for ingest in running:
        ingest.stop()


def test_progress_goes_to_every_partition_and_says_how_far_each_source_partition_was_read(
    kafka: Any, settings_for: Any, started: Any
) -> None:
    settings = settings_for(kafka, channels={"voice": {"partitions": 2}, "chat": {"partitions": 1}})
    bus = Bus(settings)
    bus.put(contact(datetime.now(UTC)))
    ingest = started(settings)

    def said() -> list[tuple[int, Progress]]:
        found = [(m.partition(), codec.decode(PaneRecord, m.value())) for m in bus.read(topics.QUEUE_PANES.name)]
        return [(partition, record) for partition, record in found if isinstance(record, Progress)]

    until(lambda: ingest.status().caught_up and len(said()) >= 12, ingest)
    assert {partition for partition, _ in said()} == set(range(topics.QUEUE_PANES.partitions))
    last = max((record for _, record in said()), key=lambda record: record.at)
    sources = {"contact-events.voice/0", "contact-events.voice/1", "contact-events.chat/0"}
    assert last.read_to == dict.fromkeys(sources, last.at), "read to the end: as far as the clock"
    assert last.partitions == {"contact-events.voice": 2, "contact-events.chat": 1}
    assert last.idle_close_seconds == {"contact-events.voice": 30.0, "contact-events.chat": 30.0}


def test_a_partition_that_gets_nothing_is_kept_in_time_by_its_owner(
    kafka: Any, settings_for: Any, started: Any
) -> None:
    channel = {"partitions": 1, "pane_seconds": 1, "lateness_seconds": 0, "idle_close_seconds": 1.5}
    settings = settings_for(kafka, channels={"voice": channel}, ingest={"heartbeat_seconds": 1.0, "flush_seconds": 0.2})
    bus = Bus(settings)
    bus.put(contact(datetime.now(UTC)))
    ingest = started(settings)
    until(lambda: any(pane.final for pane in bus.panes()), ingest)
    (final,) = [pane for pane in bus.panes() if pane.final]
    assert final.queues["billing"].offered == 1


def test_bad_records_are_set_aside_with_their_reason_and_stop_nothing(
    kafka: Any, settings_for: Any, started: Any
) -> None:
    settings = settings_for(kafka, channels={"voice": {"partitions": 1}})
    bus, now = Bus(settings), datetime.now(UTC)
    bus.put(
        contact(now, 1),
        None,
        b"",
        b"{",
        b'{"type":"offered"}',
        contact(now, 2, channel="chat"),
        contact(now + timedelta(hours=1), 3),
        contact(now, 4, schema_version=7),
        b'{"type":"' + b"x" * 900_000 + b'"}',
        b'{"type":"teleported","occurred_at":"2026-11-22T08:00:00Z","source":"acd"}',
        contact(now, 5),
    )
    ingest = started(settings)
    until(lambda: ingest.status().caught_up and sum(len(pane.queues) for pane in bus.panes()), ingest)
    ingest.stop()
    letters = bus.read("contact-events.voice.dead-letter")
    reasons = [dict(letter.headers())["error.reason"].decode() for letter in letters]
    assert reasons == [
        "empty",
        "empty",
        "not-json",
        "missing-field",
        "wrong-channel",
        "future",
        "newer-version",
        "too-large",
    ]
    assert [letter.key().decode() for letter in letters] == [f"contact-events.voice/0/{n}" for n in range(1, 9)]
    assert max(len(letter.value() or b"") for letter in letters) <= settings.ingest.dead_letter_bytes_max
    assert max(pane.queues["billing"].offered for pane in bus.panes()) == 2


def test_too_many_bad_records_in_a_row_end_it_with_one_clear_line(kafka: Any, settings_for: Any, started: Any) -> None:
    settings = settings_for(kafka, channels={"voice": {"partitions": 1}}, ingest={"dead_letters_in_a_row_max": 100})
    bus = Bus(settings)
    bus.put(*[b"garbage"] * 99, contact(datetime.now(UTC)), *[b"garbage"] * 250)
    ingest = started(settings)
    deadline = time.monotonic() + SECONDS_MAX
    while ingest.error is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert isinstance(ingest.error, BadConfig)
    ((where, what),) = ingest.error.problems
    assert where == "contact-events.voice"
    assert what.startswith("100 records in a row could not be read, the last at contact-events.voice/0 offset 199")
    assert len(bus.read("contact-events.voice.dead-letter")) == 199


def test_a_topic_that_is_missing_is_named_at_once_with_the_fix(kafka: Any, settings_for: Any, started: Any) -> None:
    ingest = started(settings_for(kafka, topics=False, channels={"voice": {}}))
    deadline = time.monotonic() + SECONDS_MAX
    while ingest.error is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert isinstance(ingest.error, BadConfig)
    assert "contact-events.voice" in str(ingest.error)
    assert "breakwater topics apply" in str(ingest.error)


def test_a_broker_that_goes_away_is_waited_for_and_nothing_is_lost(
    own_kafka: Any, settings_for: Any, started: Any
) -> None:
    settings = settings_for(own_kafka, channels={"voice": {"partitions": 2}}, tenants={"acme": {"clock": "event"}})
    bus, first = Bus(settings), datetime(2026, 1, 1, tzinfo=UTC)
    ingest = started(settings)
    bus.put(*[contact(first + timedelta(seconds=n), n) for n in range(1_000)])
    until(lambda: ingest.status().caught_up, ingest)
    own_kafka.kill()
    time.sleep(2)
    assert ingest.error is None
    own_kafka.restart()
    bus.put(*[contact(first + timedelta(seconds=n), n) for n in range(1_000, 2_000)])
    for partition in range(2):
        bus.put(contact(first + timedelta(seconds=9_000), type="heartbeat", queue=""), partition=partition)

    def counted() -> int:
        # the group may have gone on without us: a final that was written may be written again, with the same bytes
        finals: dict[tuple[int, datetime], set[bytes]] = {}
        for value in bus.final_values():
            pane = codec.decode(QueuePane, value)
            finals.setdefault((pane.partition, pane.pane_start), set()).add(value)
        assert all(len(values) == 1 for values in finals.values())
        panes = [codec.decode(QueuePane, next(iter(values))) for values in finals.values()]
        return sum(queue.offered for pane in panes for queue in pane.queues.values())

    until(lambda: counted() >= 2_000, ingest)
    assert counted() == 2_000
    assert bus.read(topics.LATE_CONTACTS.name) == []


def test_a_broker_that_never_answers_ends_nothing_and_stop_is_quick(settings_for: Any) -> None:
    settings = settings_for(SimpleNamespace(bootstrap="127.0.0.1:1"), topics=False, channels={"voice": {}})
    ingest = Ingest(settings)
    ingest.start()
    time.sleep(1)
    began = time.monotonic()
    ingest.stop()
    assert ingest.error is None
    assert ingest.status().assigned == 0
    assert time.monotonic() - began < 5


def test_a_play_gives_the_same_sequence_of_panes_whatever_the_batches(
    kafka: Any, settings_for: Any, started: Any
) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    sequences = []
    for batch, flush in ((500, 0.5), (7, 0.05)):
        settings = settings_for(
            kafka,
            channels={"voice": {"partitions": 1}},
            tenants={"acme": {"clock": "event"}},
            ingest={"batch_records_max": batch, "flush_seconds": flush},
        )
        bus = Bus(settings)
        bus.put(*[contact(first + timedelta(seconds=7 * n % 13 + n), n, queue=f"q{n % 3}") for n in range(3_000)])
        ingest = started(settings)
        until(lambda ingest=ingest: ingest.status().caught_up, ingest)
        ingest.stop()
        sequences.append(bus.final_values())
    assert len(sequences[0]) > 250
    assert sequences[0] == sequences[1]


def test_on_the_embedded_broker_a_restart_without_metadata_changes_no_first_final(
    embedded_broker: Any, settings_for: Any, started: Any
) -> None:
    settings = settings_for(
        embedded_broker, channels={"voice": {"partitions": 1}}, tenants={"acme": {"clock": "event"}}
    )
    bus, first = Bus(settings), datetime(2026, 1, 1, tzinfo=UTC)
    ingest = started(settings)
    bus.put(*[contact(first + timedelta(seconds=n / 10), n) for n in range(1_000)])
    until(lambda: ingest.status().caught_up and bus.final_values(), ingest)
    ingest.stop()
    again = started(settings)
    bus.put(*[contact(first + timedelta(seconds=n / 10), n) for n in range(1_000, 2_000)])
    bus.put(contact(first + timedelta(seconds=300), type="heartbeat", queue=""))
    until(lambda: again.status().caught_up and len(bus.final_values()) >= 20, again)
    sticky: dict[datetime, int] = {}
    for pane in bus.panes():
        if pane.final:
            sticky.setdefault(pane.pane_start, sum(queue.offered for queue in pane.queues.values()))
    assert [sticky[first + timedelta(seconds=10 * n)] for n in range(20)] == [100] * 20
    assert bus.read(topics.LATE_CONTACTS.name) == []
