"""Reads topics without a group, for people and for tools: from a place, to the end or for ever.

kafka-python with `assign`. "The end" is the high watermark that a fetch brings, because the embedded broker's own
answer to "where is the end" counts batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from schemas.errors import BadConfig, Unavailable
from schemas.topics import Topic
from streams import broker, clock
from streams.config import Settings

POLL_MILLISECONDS = 500
POLL_RECORDS_MAX = 500
FETCH_BYTES_MAX = 4 * 1024 * 1024
SILENCE_SECONDS_MAX = 30.0
# How far back, in each partition, the last wanted records are looked for where not every record is wanted.
LOOK_BACK_RECORDS = 5_000


class Record(NamedTuple):
    """One record; `topic` carries no prefix."""

    topic: str
    partition: int
    offset: int
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Start(NamedTuple):
    """Where to begin: at a time, with the last so many wanted records, or (neither) at the beginning."""

    since: datetime | None = None
    last: int | None = None


# Its warnings are of its own loop being slow for a moment; what ends a reading comes as an exception.
logging.getLogger("kafka").setLevel(logging.ERROR)

FROM_THE_BEGINNING = Start()
Wanted = Callable[[Record], bool]


def read_to_end(
    settings: Settings, topics: Iterable[Topic], start: Start = FROM_THE_BEGINNING, wanted: Wanted | None = None
) -> Iterator[Record]:
    """Every wanted record up to what is the end of each partition when it is reached.

    In order within a partition, and by arrival among what one request brings. Raises Unavailable, BadConfig.
    """
    return _read(settings, topics, start, wanted, follow=False)


def follow(
    settings: Settings,
    topics: Iterable[Topic],
    start: Start,
    wanted: Wanted | None = None,
    seconds: float | None = None,
) -> Iterator[Record]:
    """The same, and then what comes, until the reader stops asking, or for about so many seconds."""
    return _read(settings, topics, start, wanted, follow=True, seconds=seconds)


def _read(
    settings: Settings,
    topics: Iterable[Topic],
    start: Start,
    wanted: Wanted | None,
    follow: bool,
    seconds: float | None = None,
) -> Iterator[Record]:
    ends_at = None if seconds is None else clock.elapsed() + seconds
    names = [settings.topic_name(topic) for topic in topics]
    back = start.last if wanted is None else LOOK_BACK_RECORDS
    with closing(_consumer(settings)) as consumer:
        places = _places(consumer, names)
        consumer.assign(places)
        _seek(consumer, settings, places, start, back or 0)
        held: list[Record] | None = [] if start.last is not None else None
        heard_at = clock.elapsed()
        while True:
            records = _poll(consumer, settings, start)
            at_end = all(_at_end(consumer, place) for place in places)
            if records or at_end:
                heard_at = clock.elapsed()
            elif not follow and clock.elapsed() - heard_at > SILENCE_SECONDS_MAX:
                raise Unavailable(_name(settings), f"nothing came for {SILENCE_SECONDS_MAX:.0f} s", broker.FIX_AWAY)
            records = [record for record in records if wanted is None or wanted(record)]
            if held is not None:  # which are the last is known when the end is reached
                held += records
                if not at_end:
                    continue
                records, held = sorted(held, key=_arrival)[-(start.last or 0) :], None
            yield from records
            if (at_end and not follow) or (ends_at is not None and clock.elapsed() >= ends_at):
                return


def _poll(consumer: Any, settings: Settings, start: Start) -> list[Record]:
    """By arrival; a broker may begin earlier than it was asked to."""
    try:
        polled = consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=POLL_RECORDS_MAX)
    except KafkaError as error:
        raise _away(settings, error) from None
    records = (_record(settings, raw) for batch in polled.values() for raw in batch)
    return sorted((one for one in records if start.since is None or one.at >= start.since), key=_arrival)


def _arrival(record: Record) -> datetime:
    return record.at


def _consumer(settings: Settings) -> Any:
    broker.check_reachable(settings)
    try:
        return KafkaConsumer(
            **broker.kafka_python_settings(settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
        )
    except KafkaError as error:
        raise _away(settings, error) from None


def _places(consumer: Any, names: list[str]) -> list[TopicPartition]:
    missing = [name for name in names if not consumer.partitions_for_topic(name)]
    if missing:
        raise BadConfig([(f"topic {name}", f"is not on the broker: {broker.FIX_MISSING}") for name in missing])
    return [TopicPartition(name, number) for name in names for number in sorted(consumer.partitions_for_topic(name))]


def _seek(consumer: Any, settings: Settings, places: list[TopicPartition], start: Start, back: int) -> None:
    try:
        if start.since is not None and settings.broker.profile != "embedded":  # whose answer is always 0
            stamp = int(start.since.timestamp() * 1000)
            found = consumer.offsets_for_times(dict.fromkeys(places, stamp))
            ends = consumer.end_offsets(places)
            for place in places:
                consumer.seek(place, found[place].offset if found.get(place) else ends[place])
        elif start.last is not None:
            first, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
            for place in places:
                consumer.seek(place, max(first[place], ends[place] - back))
        else:
            consumer.seek_to_beginning(*places)
    except KafkaError as error:
        raise _away(settings, error) from None


def _at_end(consumer: Any, place: TopicPartition) -> bool:
    high = consumer.highwater(place)
    return high is not None and consumer.position(place) >= high


def _record(settings: Settings, raw: Any) -> Record:
    return Record(
        topic=settings.own_name(raw.topic),
        partition=raw.partition,
        offset=raw.offset,
        at=datetime.fromtimestamp(raw.timestamp / 1000, UTC),
        key=raw.key,
        value=raw.value,
        headers=[(name, text or b"") for name, text in raw.headers],
    )


def _away(settings: Settings, error: KafkaError) -> Unavailable:
    return Unavailable(_name(settings), str(error) or repr(error), broker.FIX_AWAY)


def _name(settings: Settings) -> str:
    return f"Kafka at {','.join(settings.broker.bootstrap)}"
