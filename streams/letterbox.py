"""The dead letters of a deployment: read, and sent back to where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from confluent_kafka import Producer

from schemas import topics
from schemas.codec import Headers
from schemas.errors import BadConfig, BadMessage, Unavailable
from schemas.topics import Topic
from streams import broker, clock, dead_letters, log_reader
from streams.config import Settings
from streams.dead_letters import Letter
from streams.log_reader import Record, Start

BATCH_LETTERS = 500
DELIVERY_SECONDS_MAX = 30.0


class Filed(NamedTuple):
    """A letter, when it was set aside, and whether it went back since."""

    letter: Letter
    set_aside_at: datetime
    replayed: bool


class Replay(NamedTuple):
    sent: int
    truncated: list[Letter]


def boxes(settings: Settings, sources: Iterable[str] = ()) -> list[Topic]:
    """The dead letter topics of the given source topics, or of all. Raises BadConfig for a name that has none."""
    known = {topic.name: topics.dead_letter(topic) for topic in settings.all_topics() if topic.dead_letter}
    wanted = [settings.own_name(name).removesuffix(topics.DEAD_LETTER) for name in sources] or list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise BadConfig([(name, f"has no dead letters; these have: {', '.join(sorted(known))}") for name in unknown])
    return [known[name] for name in wanted]


def filed(settings: Settings, among: list[Topic], since: datetime | None = None) -> Iterator[Filed]:
    """Every letter once, oldest first by topic. A letter that a restart wrote again is the same letter."""
    replayed = {
        record.key for record in log_reader.read_to_end(settings, among) if dead_letters.is_mark(record.headers)
    }
    seen: set[bytes | None] = set()
    for record in log_reader.read_to_end(settings, among, Start(since=since)):
        if dead_letters.is_mark(record.headers) or record.key in seen:
            continue
        seen.add(record.key)
        yield Filed(_read(record), record.at, record.key in replayed)


def replay(settings: Settings, letters: Iterable[Letter]) -> Replay:
    """Writes the original records back to their topics and partitions, then marks their letters.

    The mark comes after the acknowledged record: a crash between the two sends a batch again the next time, which
    counts once, as every record is known by its id. What was cut short is not sent. Raises Unavailable.
    """
    waiting = iter(letters)
    sent, truncated = 0, []
    producer = _producer(settings)
    while batch := list(islice(waiting, BATCH_LETTERS)):
        whole = [letter for letter in batch if not letter.truncated]
        truncated += [letter for letter in batch if letter.truncated]
        _send(producer, settings, [(one.topic, one.partition, one.key, one.value, one.headers) for one in whole])
        marks = [dead_letters.replayed(letter, clock.now()) for letter in whole]
        _send(producer, settings, [(mark.topic, 0, mark.key, mark.value, mark.headers) for mark in marks])
        sent += len(whole)
    return Replay(sent, truncated)


def _read(record: Record) -> Letter:
    """A record that somebody else put into the box is shown as what it is."""
    try:
        return dead_letters.read(record.value, record.headers)
    except BadMessage as error:
        return Letter(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            arrived_at=record.at,
            reason=error.reason,
            path=error.path,
            detail=error.detail,
            key=record.key,
            value=record.value,
            headers=record.headers,
            truncated=True,  # nobody knows where it would have to go
        )


def _producer(settings: Settings) -> Producer:
    # the embedded broker knows no idempotent producers
    safe = settings.broker.profile == "production"
    return Producer(
        {
            **broker.confluent_settings(settings),
            "acks": "all",
            "enable.idempotence": safe,
            "delivery.timeout.ms": int(DELIVERY_SECONDS_MAX * 1000),
            "log_level": 0,
            "error_cb": _ignore,  # what matters comes with the delivery
        }
    )


def _send(
    producer: Producer,
    settings: Settings,
    records: list[tuple[str, int, bytes | None, bytes | None, Headers]],
) -> None:
    """Returns when every record is acknowledged."""
    failed: list[str] = []

    def on_delivery(error: Any, _message: Any) -> None:
        if error is not None:
            failed.append(error.str())

    for topic, partition, key, value, headers in records:
        producer.produce(
            settings.topic_name(topic),
            partition=partition,
            key=key,
            value=value,
            headers=headers,
            on_delivery=on_delivery,
        )
        producer.poll(0)
    left = producer.flush(DELIVERY_SECONDS_MAX)
    if left or failed:
        raise Unavailable("Kafka", failed[0] if failed else f"{left} records were not acknowledged", broker.FIX_AWAY)


def _ignore(_error: object) -> None: ...
