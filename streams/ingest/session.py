"""One membership of the ingest in its group: reads contact events in batches, writes panes, commits what is settled.

Order of effects: write, await acknowledgements, commit. Reading goes on while acknowledgements are under way, so a
commit is mostly one flush behind. Whatever is cut short is done again from the same log with the same bytes.

Tenants in `clock: event` get finals alone, written as soon as a batch has closed a pane. Their sequence is that of the
log: it depends on no batch and no machine, so nothing has to wait at a pane border.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from detectors.panes import Checkpoint, PanePartition, Verdict, moment
from schemas import codec, topics
from schemas.contact import ContactEvent
from schemas.errors import BadConfig, BadMessage, Unavailable
from schemas.pane import Progress
from streams import clock, dead_letters, reachable, telemetry, traces
from streams.config import Settings
from streams.ingest.brake import Brake, Place
from streams.ingest.contacts import Decoded, decode_batch
from streams.ingest.pane_writer import FIX_TOPICS, PaneWriter, pane_id
from streams.ingest.rules import consumer_settings, pane_rules
from streams.ingest.source import Key, Source

SOURCE = "breakwater/ingest"
KEEPER = "breakwater-ingest"  # the source of time-keeping heartbeats
POLL_SECONDS = 0.05
BRAKE_SECONDS = 0.25
WAITING_MAX = 5_000  # messages of one partition that are fetched and held by the brake
REVOKE_SECONDS_MAX = 5.0
ADMIN_SECONDS_MAX = 10

LOG = telemetry.logger("ingest")

# A commit that the group did not take: the next flush, or the partition's next owner, commits.
_LATER = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.STALE_MEMBER_EPOCH,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError._ASSIGNMENT_LOST,
    KafkaError._NO_OFFSET,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._WAIT_COORD,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
    KafkaError.REQUEST_TIMED_OUT,
}


class Session:
    """One membership in the group, with its producer. Its state is worth nothing once it ends: the next one reads it
    again from the held-back offsets."""

    def __init__(self, settings: Settings, stop: threading.Event, failpoint: Callable[[str], object]) -> None:
        self._settings = settings
        self._stop = stop
        self._failpoint = failpoint
        self._limits = settings.ingest
        self.sources: dict[Key, Source] = {}
        self.joined = False  # the group has dealt out its partitions; it may have none for us
        self.progress_at = clock.elapsed()
        self._failed: BaseException | None = None  # from a callback, where nothing may be raised
        self._away = False
        self._bad_in_a_row = 0
        self._stopped: set[Key] = set()  # by the brake
        self._paused: set[Key] = set()
        self._played = any(tenant.clock == "event" for tenant in settings.tenants.values())
        self._brakes = [
            Brake[Key](self._limits.catch_up_skew_seconds, self._limits.brake_seconds_max) for _ in ("arrival", "event")
        ]
        self._flush_due = self._progress_due = self._brake_due = 0.0
        self._trace: str | None = None  # of the panes written since the last progress
        self._trace_began = traces.began()
        self._channels = {
            settings.topic_name(topics.contact_events(name)): (name, pane_rules(settings, name))
            for name in settings.channels
        }
        self._partitions: dict[str, int] = {}
        self._pane_partitions = 0
        self._writer = PaneWriter(settings)
        self._consumer = Consumer({**consumer_settings(settings), "error_cb": self._hear_of_broker})

    # -- the loop

    def run(self) -> None:
        """Until told to stop. Raises Unavailable, BadConfig, or a defect."""
        try:
            self._look_at_topics()
            self._consumer.subscribe(
                list(self._channels), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
            while not self._stop.is_set():
                self._read()
                self._settle()
                self._on_time(clock.elapsed())
        except KafkaException as error:
            raise _trouble("reading contact events", error.args[0]) from None
        finally:
            self._close()

    def _read(self) -> None:
        messages = self._consumer.consume(self._limits.batch_records_max, POLL_SECONDS)
        if self._failed is not None:
            raise self._failed
        if messages:
            self._away = False
            heard = [message for message in messages if message.error() is not None]
            self._sort([message for message in messages if message.error() is None] if heard else messages)
            for message in heard:
                self._hear(message)
        self._work()
        if messages or self._away or all(source.at_end for source in self.sources.values()):
            self.progress_at = clock.elapsed()

    def _on_time(self, now: float) -> None:
        """What is due by the clock: a flush, progress, the brake, time-keeping."""
        if now >= self._brake_due:
            self._brake_due = now + BRAKE_SECONDS
            self._brake(now)
        if now >= self._progress_due and self.sources:
            self._progress_due = now + self._limits.progress_seconds
            self._flush_due = now + self._limits.flush_seconds
            self._keep_time(now)
            self._say_progress()
        elif now >= self._flush_due:
            self._flush_due = now + self._limits.flush_seconds
            self._flush()

    # -- reading

    def _sort(self, messages: Sequence[Message]) -> None:
        """Messages as they came, runs of one partition each, to their sources."""
        places = list(zip(map(Message.topic, messages), map(Message.partition, messages), strict=True))
        if places and places.count(places[0]) == len(places):
            self._hand(places[0], messages)
            return
        begin = 0
        for key, run in groupby(places):
            end = begin + sum(1 for _ in run)
            self._hand(key, messages[begin:end])
            begin = end

    def _hand(self, key: Key, messages: Sequence[Message]) -> None:
        source = self.sources.get(key)
        if source is not None:  # else it is not ours any more
            source.hand(messages)

    def _work(self) -> None:
        """Feeds what was fetched, a run of each partition in turn, but for those that wait for slower ones."""
        while ready := [s for s in self.sources.values() if s.waiting and s.key not in self._stopped]:
            for source in ready:
                self._feed(source, source.next_run())
            self._write_panes([source for source in ready if source.panes.finals_wait])
            if self._played:
                self._brake(clock.elapsed())
        self._pause_full()

    def _feed(self, source: Source, messages: Sequence[Message]) -> None:
        if messages[0].offset() < source.panes.position:
            self._begin_again(source, messages[0].offset())
            # delivered again after a pause
            messages = [message for message in messages if message.offset() >= source.panes.position]
        offsets = list(map(Message.offset, messages))
        arrivals = [milliseconds for _, milliseconds in map(Message.timestamp, messages)]
        events = decode_batch(list(map(Message.value, messages)), self._limits.event_bytes_max)
        noted = source.panes.feed(offsets, arrivals, events)
        source.read += len(messages)
        source.heard_at = clock.elapsed()
        before = -1
        for offset, verdict in noted:
            n = bisect_left(offsets, offset)
            if n > before + 1:
                self._bad_in_a_row = 0
            before = n
            self._note(source, messages[n], events[n], verdict)
        if before < len(messages) - 1:
            self._bad_in_a_row = 0

    def _begin_again(self, source: Source, offset: int) -> None:
        """A topic that was made anew is read from its beginning."""
        position, end = source.panes.position, self._end_of(source)
        if end is not None and end < position:
            LOG.warning("topic was made anew: reads it from its beginning", topic=source.topic, was_at=position)
            source.panes = self._panes(source.key, offset, None)
            source.committed = None

    def _note(self, source: Source, message: Message, event: Decoded, verdict: Verdict | Exception) -> None:
        """What became of a record that was not simply counted."""
        if isinstance(verdict, BadMessage):
            self._set_aside(source, message, verdict)
            return
        self._bad_in_a_row = 0
        source.verdicts["unknown-type" if isinstance(verdict, Exception) else verdict] += 1
        if verdict == "late" and isinstance(event, ContactEvent):
            offset, arrival = message.offset(), message.timestamp()[1]
            late = source.panes.late_contact(offset, arrival, event, source.topic)
            name = f"{source.name}/{offset}"
            heads = codec.headers(late, id=name, source=SOURCE, time=late.occurred_at)
            self._writer.write(topics.LATE_CONTACTS.name, codec.encode(late), name.encode(), heads)

    def _set_aside(self, source: Source, message: Message, error: BadMessage) -> None:
        self._bad_in_a_row += 1
        source.verdicts["refused"] += 1
        if message.offset() >= source.panes.flushed_to:  # else it was set aside before the restart
            telemetry.DEAD_LETTERS.labels(source.topic, error.reason).inc()
            letter = dead_letters.record(
                source.topic,
                message.partition(),
                message.offset(),
                message.key(),
                message.value(),
                message.headers() or [],
                error,
                timestamp_milliseconds=message.timestamp()[1],
                bytes_max=self._limits.dead_letter_bytes_max,
            )
            self._writer.write(letter.topic, letter.value, letter.key, letter.headers)
        if self._bad_in_a_row >= self._limits.dead_letters_in_a_row_max:
            text = f"{self._bad_in_a_row} records in a row could not be read, the last at {source.name} offset "
            raise BadConfig([(source.topic, f"{text}{message.offset()}: {error}: look at what writes there")])

    def _hear(self, message: Message) -> None:
        """An event of librdkafka in the place of a message."""
        error = message.error()
        if error.code() == KafkaError._PARTITION_EOF:
            source = self.sources.get((message.topic(), message.partition()))
            if source is not None and message.offset() >= source.panes.position:
                source.ended = True
                source.end = message.offset()
        elif error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
            raise BadConfig([(f"topic {message.topic()}", f"is not there: {FIX_TOPICS}")])
        elif error.fatal() or not error.retriable():
            raise _trouble(f"reading {message.topic()}", error)

    # -- writing

    def _flush(self) -> None:
        """Writes what changed; its checkpoint is committed when it is acknowledged."""
        self._write_panes(self.sources.values())
        then = [(source, source.panes.checkpoint()) for source in self.sources.values()]
        self._writer.close_batch(then)
        self._failpoint("written")
        self._measure()

    def _write_panes(self, sources: Iterable[Source]) -> None:
        for source in sources:
            for record, value in source.panes.take():
                heads = codec.headers(record, id=pane_id(record), source=SOURCE, time=record.complete_to)
                heads += self._trace_headers()
                self._writer.write(topics.QUEUE_PANES.name, value, record.tenant.encode(), heads)

    def _settle(self) -> None:
        """Commits the checkpoints whose records are acknowledged."""
        done = self._writer.settled()
        if not done:
            return
        self._failpoint("acknowledged")
        for batch in done:
            telemetry.FLUSH_SECONDS.observe(clock.elapsed() - batch.began)
        points: list[tuple[Source, Checkpoint]] = done[-1].then
        wanted = [
            (source, point)
            for source, point in points
            if self.sources.get(source.key) is source and source.committed != point
        ]
        if wanted and self._commit(wanted):
            self._failpoint("committed")

    def _commit(self, wanted: list[tuple[Source, Checkpoint]]) -> bool:
        """Whether the group took it. Raises Unavailable where it is refused for another reason than a rebalance."""
        offsets = [TopicPartition(*source.key, point.offset, metadata=point.metadata) for source, point in wanted]
        try:
            answers = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            errors = [error.args[0]]
        else:
            errors = [answer.error for answer in answers if answer.error is not None]
        refused = [error for error in errors if error.code() not in _LATER]
        if refused:
            raise _trouble("committing offsets", refused[0])
        if not errors:
            for source, point in wanted:
                source.committed = point
        return not errors

    def _drain(self, seconds_max: float) -> bool:
        """Flushes, waits for acknowledgements and commits; False when it took too long."""
        self._flush()
        deadline = clock.elapsed() + seconds_max
        while self._writer.under_way() and clock.elapsed() < deadline:
            self._writer.wait()
            self._settle()
        return not self._writer.under_way()

    def _trace_headers(self) -> list[tuple[str, bytes]]:
        """Panes and the progress that completes them are of one trace: what was read since the progress before."""
        if self._trace is None:
            self._trace = traces.note("ingest panes", None, self._trace_began)
        return traces.headers(self._trace)

    def _say_progress(self) -> None:
        """To every partition of queue-panes, when every pane record before it is acknowledged. Nothing is read in
        between, so `read_to` says what was written. While the broker takes nothing there is none."""
        at = clock.now()
        if not self._drain(self._limits.progress_seconds):
            return
        read_to = {
            source.name: at if source.at_end else moment(source.panes.arrival)
            for source in self.sources.values()
            if source.at_end or source.panes.arrival
        }
        idle = {
            topics.contact_events(name).name: channel.idle_close_seconds
            for name, channel in self._settings.channels.items()
        }
        progress = Progress(at=at, read_to=read_to, partitions=self._partitions, idle_close_seconds=idle)
        value = codec.encode(progress)
        heads = codec.headers(progress, id=f"{at.timestamp():.6f}", source=SOURCE, time=at) + traces.headers(
            self._trace
        )
        self._trace, self._trace_began = None, traces.began()
        for partition in range(self._pane_partitions):
            self._writer.write(topics.QUEUE_PANES.name, value, None, heads, partition)

    def _keep_time(self, now: float) -> None:
        """A partition that gets nothing gets a heartbeat of ours, so that its time goes on."""
        for source in self.sources.values():
            if not source.at_end or now - source.heard_at < self._limits.heartbeat_seconds:
                continue
            source.heard_at = now
            at = clock.now()
            beat = ContactEvent(type="heartbeat", occurred_at=at, source=KEEPER, channel=source.panes.channel)
            heads = codec.headers(beat, id=f"{KEEPER}/{source.name}/{at.timestamp():.3f}", source=SOURCE, time=at)
            self._writer.write(source.topic, codec.encode(beat), None, heads, source.key[1])

    # -- partitions

    def _look_at_topics(self) -> None:
        """How many partitions there are. Raises BadConfig where a topic of ours is missing, Unavailable."""
        found = self._topics_there()
        wanted = [*self._channels, self._settings.topic_name(topics.QUEUE_PANES)]
        missing = [name for name in wanted if name not in found or found[name].error is not None]
        if missing:
            raise BadConfig([(f"topic {name}", f"is not there: {FIX_TOPICS}") for name in missing])
        counts = {self._settings.own_name(name): len(found[name].partitions) for name in wanted}
        self._pane_partitions = counts.pop(topics.QUEUE_PANES.name)
        self._partitions = counts

    def _topics_there(self) -> dict[str, Any]:
        """Asks in short steps, so that a broker that says nothing does not keep us from stopping."""
        for left in range(ADMIN_SECONDS_MAX, 0, -1):
            try:
                there: dict[str, Any] = self._consumer.list_topics(timeout=1.0).topics
                return there
            except KafkaException as error:
                if left == 1 or self._stop.is_set():
                    raise _trouble("asking for topics", error.args[0]) from None
        raise AssertionError("the last try returns or raises")

    def _panes(self, key: Key, position: int, metadata: str | None) -> PanePartition:
        channel, rules = self._channels[key[0]]
        return PanePartition(channel, key[1], rules, position, metadata)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            self._look_at_topics()
            for found in consumer.committed(partitions, timeout=ADMIN_SECONDS_MAX):
                if found.error is not None:
                    raise KafkaException(found.error)
                key = (found.topic, found.partition)
                position = max(found.offset, 0)
                panes = self._panes(key, position, found.metadata if found.offset >= 0 else None)
                self.sources[key] = Source(key, self._settings.own_name(found.topic), panes)
            consumer.assign([TopicPartition(*key, source.panes.position) for key, source in self.sources.items()])
            self._stopped, self._paused = set(), set()
            self.joined = True
            # the first progress says how many partitions there are, before any pane
            self._progress_due = 0.0
            LOG.info("partitions assigned", partitions=sorted(source.name for source in self.sources.values()))
        except KafkaException as error:
            self._failed = _trouble("taking over partitions", error.args[0])
        except BaseException as error:
            self._failed = error

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        del consumer
        try:
            if not self._drain(REVOKE_SECONDS_MAX):
                LOG.warning("partitions leave before all is acknowledged: their next owner reads it again")
        except BaseException as error:
            LOG.warning("partitions leave without a commit: their next owner reads it again", why=str(error))
            self._failed = self._failed or error
        self._forget(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        del consumer
        LOG.warning("partitions lost: the group went on without us")
        self._forget(partitions)

    def _forget(self, partitions: list[TopicPartition]) -> None:
        for found in partitions:
            source = self.sources.pop((found.topic, found.partition), None)
            if source is not None:
                source.stop_measuring()

    def _brake(self, now: float) -> None:
        """Other processes' partitions are not looked at: theirs brake among themselves, and what reads panes waits for
        the slowest anyway."""
        sources = self.sources
        arrivals = {key: Place(s.panes.arrival / 1000 or None, s.at_end) for key, s in sources.items()}
        times = {key: s.panes.event_time() for key, s in sources.items()}
        events = {key: Place(t / 1000, sources[key].at_end) for key, t in times.items() if t is not None}
        self._stopped = self._brakes[0].stopped(arrivals, now) | self._brakes[1].stopped(events, now)
        telemetry.BRAKED_PARTITIONS.set(len(self._stopped))

    def _pause_full(self) -> None:
        """Where much is fetched and waits, no more is fetched: to pause throws away what librdkafka has already."""
        full = {
            source.key
            for source in self.sources.values()
            if source.waiting > (WAITING_MAX // 2 if source.key in self._paused else WAITING_MAX)
        }
        if full == self._paused:
            return
        try:
            self._consumer.pause([TopicPartition(*key) for key in full - self._paused])
            self._consumer.resume([TopicPartition(*key) for key in self._paused - full if key in self.sources])
        except KafkaException as error:
            raise _trouble("pausing partitions", error.args[0]) from None
        self._paused = full

    def _close(self) -> None:
        """Leaves the group; `close` calls `_on_revoke`, which flushes and commits."""
        try:
            self._consumer.close()
        except BaseException as error:
            LOG.warning("could not leave the group in order", why=str(error))
        self._forget([TopicPartition(*key) for key in self.sources])
        self._writer.drop()

    # -- looking

    def _end_of(self, source: Source) -> int | None:
        """The partition's end as of the last fetch."""
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(*source.key), cached=True)
        except KafkaException:
            return None
        return int(end) if end >= 0 else None

    def _measure(self) -> None:
        now = clock.now().timestamp()
        for source in self.sources.values():
            if not source.at_end:
                source.end = self._end_of(source) or source.end
            behind = 0.0 if source.at_end else max(now - source.panes.arrival / 1000, 0.0)
            source.measure(behind)

    def _hear_of_broker(self, error: KafkaError) -> None:
        """One line when the broker goes away; librdkafka comes back by itself."""
        if error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION) and not self._away:
            self._away = True
            LOG.warning("the broker is away, retrying", why=error.str())
        if error.fatal():
            self._failed = _trouble("the group", error)


def _trouble(doing: str, error: KafkaError) -> Unavailable | BadConfig:
    if error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED):
        return BadConfig([("broker.security", f"this user may not do it: {doing}: {error.str()}")])
    return Unavailable(doing, error.str(), reachable.FIX)
