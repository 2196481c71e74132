"""Puts generated or exported happenings onto the bus in order of event time, with the heartbeats of their source.

For tenants in `clock: event`, whose time is the events' alone: any speed gives the same panes.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import KafkaException, Producer

from schemas import codec, topics
from schemas.base import Message
from schemas.contact import ContactEvent
from schemas.decision import CommandResult
from schemas.errors import BadConfig, Unavailable
from schemas.fold import digest
from schemas.health import ToolHealth
from schemas.workforce import Workforce
from streams import broker, clock
from streams.config import Channel, Settings

Happening = ContactEvent | Workforce | ToolHealth | CommandResult
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FIX = "start it, or point broker.bootstrap (BREAKWATER_BROKERS) at yours"
_BROKER_SECONDS = 30.0
_NAP_SECONDS = 0.01
_NAP_SECONDS_MAX = 1.0
_REPORT_EVERY = 500
_REPORTS: dict[type[Message], topics.Topic] = {
    Workforce: topics.WORKFORCE,
    ToolHealth: topics.TOOL_HEALTH,
    CommandResult: topics.COMMAND_RESULTS,
}


class Sending(msgspec.Struct, frozen=True):
    """One record to send; `partition` None leaves it to the key."""

    at: datetime
    topic: str
    partition: int | None
    key: bytes
    value: bytes
    headers: codec.Headers


class Due(NamedTuple):
    """What is to be said at `at`: to the partition of its key (None), or a heartbeat to each of `partitions`."""

    at: datetime
    happening: Happening
    partitions: range | None


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's channel that is played: it owes heartbeats from the play's start to its end, events or not."""

    tenant: str
    channel: str
    partitions: int
    pane: timedelta
    lateness: timedelta
    unknown_after: timedelta

    @property
    def every(self) -> timedelta:
        """Half a pane, or less where a longer silence would count as unknown."""
        return min(self.pane / 2, self.unknown_after)

    def begins(self, start: datetime) -> datetime:
        """When the first heartbeat goes out. It covers `unknown_after` before it: where panes are long enough to wait
        for that, none before `start`, of which nothing is known; else the first panes would close uncovered."""
        border = floor(start, self.pane)
        if self.unknown_after >= self.pane + self.lateness:
            return border
        # one stands on each border, so that a pane is covered to its end before it is closed
        return border - (border - start - self.unknown_after) // self.every * self.every

    def ends(self, last: datetime) -> datetime:
        """When the last pane of a play that ends at `last` is surely closed."""
        return last + self.lateness + 2 * self.pane


def lane(tenant: str, channel: str, settings: Channel) -> Lane:
    return Lane(
        tenant=tenant,
        channel=channel,
        partitions=settings.partitions,
        pane=timedelta(seconds=settings.pane_seconds),
        lateness=timedelta(seconds=settings.lateness_seconds),
        unknown_after=timedelta(seconds=settings.unknown_after_seconds),
    )


class Played(msgspec.Struct):
    """What was put on the bus, and in which time."""

    contacts: int = 0
    events: int = 0
    heartbeats: int = 0
    others: int = 0
    first: datetime | None = None
    last: datetime | None = None
    seconds: float = 0.0


def check_event_clock(settings: Settings, tenants: Iterable[str]) -> None:
    """Raises BadConfig for every tenant whose time would be the wall clock's: played history would count as late."""
    wrong = [name for name in sorted(set(tenants)) if settings.tenant(name).clock != "event"]
    if wrong:
        fix = "must be `event` for a tenant whose contacts are played: set it in the file that the workers read too"
        raise BadConfig([(f"tenants.{name}.clock", fix) for name in wrong])


def sendings(
    happenings: Iterable[Happening], lanes: Sequence[Lane], source: str, start: datetime, end: datetime | None = None
) -> Iterator[Sending]:
    """The records to send of what is `due`, in its order."""
    for at, happening, partitions in due(happenings, lanes, source, start, end):
        if partitions is None:
            yield _sending(happening, at)
        else:
            yield from _beats(happening, at, partitions)


def due(
    happenings: Iterable[Happening], lanes: Sequence[Lane], source: str, start: datetime, end: datetime | None = None
) -> Iterator[Due]:
    """Everything to say, in order of event time: what happened, and between it the heartbeats of every lane.

    A heartbeat at `t` goes out before what happened at `t`, from where its lane begins; each lane's last one is at
    `end` (the last event, if None) + lateness + two panes.
    """
    waiting = [(each.begins(start), n) for n, each in enumerate(lanes)]
    heapq.heapify(waiting)

    def owed(until: datetime) -> Iterator[Due]:
        while waiting and waiting[0][0] <= until:
            at, n = waiting[0]
            yield _heartbeat(lanes[n], source, at)
            heapq.heapreplace(waiting, (at + lanes[n].every, n))

    last = start
    for happening in happenings:
        at = happening.occurred_at if isinstance(happening, ContactEvent) else happening.at
        yield from owed(at)
        yield Due(at, happening, None)
        last = max(last, at)
    last = max(last, end or last)
    for ends, n in sorted((each.ends(last), n) for n, each in enumerate(lanes)):
        yield from owed(ends)
        yield _heartbeat(lanes[n], source, ends)
        waiting = [item for item in waiting if item[1] != n]
        heapq.heapify(waiting)


def _sending(happening: Happening, at: datetime) -> Sending:
    value = codec.encode(happening)
    if isinstance(happening, ContactEvent):
        heads = codec.headers(happening, id=happening.event_id, source="breakwater/player", time=at)
        topic = topics.contact_events(happening.channel).name
        return Sending(at, topic, None, happening.key(), value, heads)
    topic = _REPORTS[type(happening)].name
    return Sending(at, topic, None, happening.tenant.encode(), value, _heads(happening, value, at))


def _heads(value: Message, raw: bytes, at: datetime) -> codec.Headers:
    return codec.headers(value, id=digest(raw), source="breakwater/player", time=at)


def _heartbeat(lane: Lane, source: str, at: datetime) -> Due:
    beat = ContactEvent(
        type="heartbeat", occurred_at=at, source=source, tenant=lane.tenant, channel=lane.channel, queues=["*"]
    )
    return Due(at, beat, range(lane.partitions))


def _beats(beat: Happening, at: datetime, partitions: range) -> Iterator[Sending]:
    assert isinstance(beat, ContactEvent)
    value, topic = codec.encode(beat), topics.contact_events(beat.channel).name
    name = f"{beat.source}/{beat.tenant}/{beat.channel}/{at.timestamp():.3f}"
    heads = codec.headers(beat, id=name, source="breakwater/player", time=at)
    for partition in partitions:
        yield Sending(at, topic, partition, beat.key(), value, heads)


def floor(moment: datetime, step: timedelta) -> datetime:
    return moment - (moment - EPOCH) % step


class Pace:
    """When the next event may go: `speed` seconds of event time a second, or at once for None.

    `seen` says how far in event time the reader has come; the play then stays at most `ahead` before it, so that what
    takes another road to the desk (agents, tools) does not tell the future.
    """

    def __init__(
        self,
        speed: float | None = None,
        *,
        seen: Callable[[], datetime | None] = lambda: None,
        ahead: timedelta = timedelta(minutes=10),
    ) -> None:
        self._speed = speed
        self._seen = seen
        self._ahead = ahead
        self._first: datetime | None = None
        self._began = 0.0

    def due(self, at: datetime) -> bool:
        """Whether what happened at `at` may be sent now."""
        if self.seconds_left(at) > 0:
            return False
        seen = self._seen()
        return seen is None or at <= seen + self._ahead

    def seconds_left(self, at: datetime) -> float:
        """Until what happened at `at` is due by speed alone; not above 0 when it is."""
        if self._first is None:
            self._first, self._began = at, clock.elapsed()
        if not self._speed:
            return 0.0
        return (at - self._first).total_seconds() / self._speed - (clock.elapsed() - self._began)


def at_speed(speed: float | None) -> Callable[[datetime], None]:
    """A function that returns when what happened at its moment is due, `speed` seconds of event time a second; at once
    for None."""
    pace = Pace(speed)

    def wait(at: datetime) -> None:
        while (left := pace.seconds_left(at)) > 0:
            clock.sleep(min(left, _NAP_SECONDS_MAX))

    return wait


class Player:
    """Sends in order and bounded: no more than the producer's queue lies between us and the broker.

    Raises Unavailable when the broker does not take records for `_BROKER_SECONDS`, and for a topic that is not there.
    """

    def __init__(self, settings: Settings, pace: Pace | None = None, stop: threading.Event | None = None) -> None:
        self._settings = settings
        self._pace = pace or Pace()
        self._stop = stop or threading.Event()
        self._producer = Producer(producer_settings(settings))
        self._failed: KafkaException | None = None

    def play(self, records: Iterable[Sending], progress: Callable[[Played], None] = lambda _: None) -> Played:
        """Sends all of it (or until `stop` is set) and waits until the broker has it."""
        played, began = Played(), clock.elapsed()
        for n, record in enumerate(records):
            if not self._wait(record.at):
                break
            self.send(record)
            _count(played, record)
            if n % _REPORT_EVERY == 0:
                played.seconds = clock.elapsed() - began
                progress(played)
        self.finish()
        played.seconds = clock.elapsed() - began
        progress(played)
        return played

    def _wait(self, at: datetime) -> bool:
        while not self._pace.due(at):
            if self._stop.is_set():
                return False
            self._producer.poll(_NAP_SECONDS)
        return not self._stop.is_set()

    def send(self, record: Sending) -> None:
        """Hands one record to the producer, waiting while its queue is full. Raises Unavailable."""
        began = clock.elapsed()
        while not self._offer(record):
            self._producer.poll(0.1)
            if clock.elapsed() - began > _BROKER_SECONDS:
                raise Unavailable("the broker", f"took nothing for {_BROKER_SECONDS:.0f} s", _FIX)
        self._producer.poll(0)
        if self._failed:
            raise _away(self._failed)

    def _offer(self, record: Sending) -> bool:
        """False while the producer's queue is full: back-pressure."""
        place: dict[str, Any] = {} if record.partition is None else {"partition": record.partition}
        topic = self._settings.topic_name(record.topic)
        try:
            self._producer.produce(
                topic, record.value, record.key, headers=record.headers, on_delivery=self._delivered, **place
            )
        except BufferError:
            return False
        except KafkaException as error:
            raise _away(error) from None
        return True

    def _delivered(self, error: Any, message: Any) -> None:
        del message
        if error is not None:  # nothing may leave a callback: it would surface without its cause
            self._failed = KafkaException(error)

    def finish(self) -> None:
        """Returns when the broker has all that was sent. Raises Unavailable."""
        left = self._producer.flush(_BROKER_SECONDS)
        if self._failed:
            raise _away(self._failed)
        if left:
            raise Unavailable("the broker", f"did not acknowledge {left} records", _FIX)


def producer_settings(settings: Settings) -> dict[str, Any]:
    """A producer that keeps the order of a partition and waits for all replicas."""
    return {
        **broker.confluent_settings(settings),
        "partitioner": "murmur2_random",
        "acks": "all",
        "enable.idempotence": settings.broker.profile != "embedded",  # the embedded broker has no transactions log
        "max.in.flight.requests.per.connection": 1 if settings.broker.profile == "embedded" else 5,
        "linger.ms": 20,
        "message.timeout.ms": round(_BROKER_SECONDS * 1000),
        "queue.buffering.max.messages": 50_000,
    }


def _count(played: Played, record: Sending) -> None:
    if record.partition is not None:
        played.heartbeats += 1
        return
    played.first = played.first or record.at
    played.last = record.at
    if record.topic.startswith(topics.CONTACT_EVENTS):
        played.events += 1
        played.contacts += b'"type":"offered"' in record.value
    else:
        played.others += 1


def _away(error: KafkaException) -> Unavailable:
    return Unavailable("the broker", str(error.args[0]), "`breakwater topics check` says which topic is missing")
