"""Listens to topics from their beginning, in a thread, without a group: for tools that tell what happens on the bus."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.errors import Unavailable
from schemas.topics import Topic
from streams import broker, clock
from streams.config import Settings

POLL_SECONDS = 0.2
BATCH_RECORDS = 500
ANSWER_SECONDS_MAX = 10.0


class Listener:
    """`hear(topic, value)` is called in the listener's thread, in order within a partition; topic names carry no
    prefix. `error` says why the thread ended, if not by `stop`; `heard_at` when the last record came."""

    def __init__(self, settings: Settings, topics: Iterable[Topic], hear: Callable[[str, bytes], None]) -> None:
        self._settings = settings
        self._topics = {settings.topic_name(topic): topic.partitions for topic in topics}
        self._hear = hear
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self.error: BaseException | None = None
        self.heard_at = clock.elapsed()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(ANSWER_SECONDS_MAX)

    def _run(self) -> None:
        try:
            consumer = Consumer(
                {
                    **broker.confluent_settings(self._settings),
                    "group.id": f"{self._settings.broker.group_prefix}-listener",  # asked for, never joined
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "fetch.wait.max.ms": 100,
                }
            )
            try:
                consumer.assign(
                    [TopicPartition(name, n, 0) for name, parts in self._topics.items() for n in range(parts)]
                )
                while not self._stop.is_set():
                    self._take(consumer.consume(BATCH_RECORDS, POLL_SECONDS))
            finally:
                consumer.close()
        except BaseException as error:
            self.error = error

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is None:
                self.heard_at = clock.elapsed()
                self._hear(self._settings.own_name(message.topic() or ""), message.value() or b"")
            elif error.code() not in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._PARTITION_EOF):
                raise Unavailable("the broker", str(KafkaException(error)), broker.FIX_AWAY)
