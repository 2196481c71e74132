"""What an archive lacks of the topics on a broker, and its records: read with kafka-python, batch by batch.

No object of ours is made for a record: kafka-python's own cost about 10 us each, and that is nearly all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from schemas import topics
from schemas.errors import BadConfig, Unavailable
from schemas.topics import CONTACT_EVENTS, Topic
from streams import broker, clock, feed, telemetry
from streams.archive import manifest as archive_manifest
from streams.archive.manifest import Manifest
from streams.archive.plan import Facts, Range, Todo, is_another, todo
from streams.archive.rows import Taken
from streams.archive.store import Store
from streams.config import Settings

POLL_MILLISECONDS = 500
POLL_RECORDS_MAX = 5_000
FETCH_BYTES_MAX = 4 * 1024 * 1024
SILENCE_SECONDS_MAX = 30.0
Tell = Callable[[str, int], None]

_log = telemetry.logger("archive")


class Target(Protocol):
    """Takes ranges of offsets in their order, and hears of those that nobody can read any more."""

    def take(self, of: Range, records: Taken) -> None: ...

    def lose(self, of: Range) -> None: ...


class Plan(NamedTuple):
    """What is to be read of each topic, and the manifests that this continues."""

    manifests: dict[str, Manifest]
    todo: dict[str, list[Todo]]
    there: dict[str, dict[int, Facts]]

    def ranges(self) -> list[Range]:
        return [one for parts in self.todo.values() for part in parts for one in part.ranges]

    def lost(self) -> list[Range]:
        return [one for parts in self.todo.values() for part in parts for one in part.lost]


def chosen(settings: Settings, names: Iterable[str]) -> list[Topic]:
    """The topics of these names (`contact-events` is those of all channels); without names, what a replay and a report
    need. Raises BadConfig for a name that is none."""
    contacts = [topics.contact_events(name, channel.partitions) for name, channel in sorted(settings.channels.items())]
    usual = [
        *contacts,
        topics.QUEUE_PANES,
        topics.DESK,
        *topics.DESK_OUTPUTS,
        topics.CENTRE,
        topics.NOTIFICATIONS,
        topics.LATE_CONTACTS,
    ]
    states = {topic.name for topic in topics.FOLD_STATES}
    known = {topic.name: topic for topic in settings.all_topics() if topic.name not in states}
    names = list(names)
    unknown = [name for name in names if name not in known and name != CONTACT_EVENTS]
    if unknown:
        raise BadConfig([("--topic", f"there is no {name}; there are {', '.join(sorted(known))}") for name in unknown])
    wanted = [topic for name in names for topic in (contacts if name == CONTACT_EVENTS else [known[name]])]
    return list({topic.name: topic for topic in wanted or usual}.values())


def consumer(settings: Settings) -> Any:
    """A reader without a group, that says where an offset is gone. Raises Unavailable."""
    broker.check_reachable(settings)
    try:
        return KafkaConsumer(
            **broker.kafka_python_settings(settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
            max_poll_records=POLL_RECORDS_MAX,
        )
    except KafkaError as error:
        raise _away(settings, error) from None


def plan(reader: Any, settings: Settings, store: Store, wanted: Sequence[Topic], window: feed.Window) -> Plan:
    """What is missing of the topics that are on the broker.

    Raises BadConfig where a topic is not the one that was archived, all such at once; Unavailable.
    """
    found, problems = Plan({}, {}, {}), []
    ids = _topic_ids(settings, wanted)
    for topic in wanted:
        name = topic.name
        if name not in ids:
            _log.warning("topic is not on the broker", topic=settings.topic_name(topic))
            continue
        manifest = archive_manifest.load(store, name)
        facts = _facts(reader, settings, topic, window)
        another = is_another(manifest, facts)
        if manifest.topic_id and ids[name] and manifest.topic_id != ids[name]:
            another = "it has another id than the one that was archived"
        if another:
            text = (
                f"was deleted and made anew, or is of another cluster: {another}. What {store.place()} has of it stays "
                "as it is: give another folder for the new one"
            )
            problems.append((f"topic {settings.topic_name(topic)}", text))
        parts = [todo(manifest, partition, fact) for partition, fact in sorted(facts.items())]
        found.there[name], found.todo[name] = facts, parts
        found.manifests[name] = msgspec.structs.replace(manifest, topic_id=ids[name] or manifest.topic_id)
    if problems:
        raise BadConfig(problems)
    if not found.there:
        missing = ", ".join(settings.topic_name(topic) for topic in wanted)
        raise BadConfig([("--topic", f"none of {missing} is on the broker: {broker.FIX_MISSING}")])
    return found


def read(
    reader: Any, settings: Settings, wanted: Plan, target: Target, progress: Tell = lambda _what, _n: None
) -> None:
    """Hands every missing record to `target`, each range in its order. Raises Unavailable, BadConfig."""
    for gone in wanted.lost():
        target.lose(gone)
    reading = _Reading(reader, settings, wanted, target)
    try:
        while reading.open():
            reading.step()
            progress("records", reading.records)
    except KafkaError as error:
        raise _away(settings, error) from None


class _Reading:
    """Where each partition stands."""

    def __init__(self, reader: Any, settings: Settings, wanted: Plan, target: Target) -> None:
        self._reader, self._settings, self._target = reader, settings, target
        self._left: dict[TopicPartition, list[Range]] = {}
        for one in wanted.ranges():
            self._left.setdefault(_place(settings, one), []).append(one)
        self.records = self.lost = 0
        self._heard_at = clock.elapsed()
        reader.assign(list(self._left))
        for place, ranges in self._left.items():
            reader.seek(place, ranges[0].begin)

    def open(self) -> bool:
        return bool(self._left)

    def step(self) -> None:
        """What one poll brings. Raises Unavailable where nothing comes for long."""
        try:
            polled = self._reader.poll(timeout_ms=POLL_MILLISECONDS)
        except OffsetOutOfRangeError:
            self._skip_lost()
            return
        moved = False
        for place in list(self._left):
            moved |= self._advance(place, polled.get(place, ()))
        if moved:
            self._heard_at = clock.elapsed()
        elif clock.elapsed() - self._heard_at > SILENCE_SECONDS_MAX:
            raise Unavailable(_name(self._settings), f"nothing came for {SILENCE_SECONDS_MAX:.0f} s", broker.FIX_AWAY)

    def _advance(self, place: TopicPartition, records: Sequence[Any]) -> bool:
        """Whether there was something new; a position moves without records where a broker has left offsets out."""
        now = self._left[place][0]
        position = self._reader.position(place)
        if position <= now.begin:
            return False
        upto = min(position, now.end)
        if records and records[-1].offset >= now.end:
            records = [record for record in records if record.offset < now.end]
        self._target.take(now._replace(end=upto), _taken(records))
        self.records += len(records)
        self._go_on(place, upto)
        return True

    def _go_on(self, place: TopicPartition, upto: int) -> None:
        now, *rest = self._left[place]
        if upto < now.end:
            self._left[place][0] = now._replace(begin=upto)
        elif rest:
            self._left[place] = rest
            self._reader.seek(place, rest[0].begin)
        else:
            del self._left[place]
            self._reader.pause(place)

    def _skip_lost(self) -> None:
        """Retention was faster than we: what it took is noted, and the reading goes on after it."""
        first, before = self._reader.beginning_offsets(list(self._left)), self.lost
        for place in list(self._left):
            for now in list(self._left[place]):
                gone = now._replace(end=min(now.end, first[place]))
                if gone.begin < gone.end:
                    _log.warning(
                        "gone before it was archived", topic=now.topic, partition=now.partition, offsets=gone[2:]
                    )
                    self._target.lose(gone)
                    self.lost += gone.end - gone.begin
                    self._go_on(place, gone.end)
            if place in self._left:
                self._reader.seek(place, self._left[place][0].begin)
        if self.lost == before:  # what was read lies after the topic's end
            fix = "if it was deleted and made anew, give another folder for the new one"
            raise Unavailable(_name(self._settings), "a topic ends before what was read of it", fix)


def _taken(records: Sequence[Any]) -> Taken:
    if not records:
        return Taken((), (), (), (), ())
    _, _, _, offsets, stamps, _, keys, values, headers, *_ = zip(*records, strict=True)
    return Taken(offsets, stamps, keys, values, headers)


def _facts(reader: Any, settings: Settings, topic: Topic, window: feed.Window) -> dict[int, Facts]:
    """Raises Unavailable, BadConfig for moments on a broker that cannot look for them."""
    if settings.broker.profile == "embedded" and window != (None, None):
        raise BadConfig([("--from", "the embedded broker cannot look for a moment: leave --from and --to out")])
    name = settings.topic_name(topic)
    try:
        places = [TopicPartition(name, number) for number in sorted(reader.partitions_for_topic(name) or ())]
        first, end = reader.beginning_offsets(places), reader.end_offsets(places)
        since, before = (_offsets_at(reader, end, moment) for moment in window)
    except KafkaError as error:
        raise _away(settings, error) from None
    return {place.partition: Facts(first[place], end[place], since[place], before[place]) for place in places}


def _offsets_at(
    reader: Any, end: Mapping[TopicPartition, int], moment: datetime | None
) -> dict[TopicPartition, int | None]:
    """The first record at or after a moment, or the end where there is none."""
    if moment is None:
        return dict.fromkeys(end)
    found = reader.offsets_for_times(dict.fromkeys(end, round(moment.timestamp() * 1000)))
    return {place: found[place].offset if found.get(place) else end[place] for place in end}


def _topic_ids(settings: Settings, wanted: Sequence[Topic]) -> dict[str, str | None]:
    """Those that are on the broker, by our names, with the id that Kafka gave each; None where a broker has no ids."""
    try:
        with closing(KafkaAdminClient(**broker.kafka_python_settings(settings))) as admin:
            found = admin.describe_topics([settings.topic_name(topic) for topic in wanted])
    except KafkaError as error:
        raise _away(settings, error) from None
    there = {one["name"]: one.get("topic_id") for one in found if not one["error_code"]}
    names = {topic.name: settings.topic_name(topic) for topic in wanted}
    return {name: _id(there[ours]) for name, ours in names.items() if ours in there}


def _id(said: object) -> str | None:
    text = str(said) if said else ""
    return text if text.strip("0-") else None


def _place(settings: Settings, one: Range) -> TopicPartition:
    return TopicPartition(settings.topic_name(one.topic), one.partition)


def _away(settings: Settings, error: KafkaError) -> Unavailable:
    return Unavailable(_name(settings), str(error) or repr(error), broker.FIX_AWAY)


def _name(settings: Settings) -> str:
    return f"Kafka at {','.join(settings.broker.bootstrap)}"
