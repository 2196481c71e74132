"""Tells the sinks: an outbox and a worker for each, so that a slow pager slows nobody.

Nothing here has to survive a crash. What is due to a sink follows from two compacted topics, `incidents` (what is true)
and `notifications` (what the sink was told): both are read back when partitions come to us, so an offset may move as
soon as its incident stands in an outbox. A sink that took a notice whose outcome was not recorded before a crash gets
it again under the same id: the pager by its dedup key, Grafana by its tag, the others by the notice's id know it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from schemas import codec, topics
from schemas.centre import Centre
from schemas.errors import BadConfig, BadMessage, Unavailable
from schemas.notice import Notification
from streams import clock, sinks, telemetry, traces
from streams.config import Settings
from streams.faust_handler import Arrival
from streams.log_reader import Record, Start, read_to_end
from streams.notify.sink_worker import Keep, SinkWorker, in_thread, or_end
from streams.notify.subjects import KINDS, Published, Subject, record_id, revision, subject_id
from streams.state import Source

INPUTS = (topics.INCIDENTS, topics.STAFFING_ALERTS, topics.LOAD_SHIFT_COMMANDS, topics.CENTRE)
# what is kept by the newest of each key; of the others only what may still be told is read back
KEPT = (topics.INCIDENTS, topics.CENTRE, topics.NOTIFICATIONS)
WAIT_SECONDS, WAIT_SECONDS_MAX = 0.5, 30.0
FRESHEN_SECONDS = 86_400.0
# half of the time after which the topic forgets a record
FRESH = timedelta(seconds=(topics.NOTIFICATIONS.retention_seconds or 0) / 2)


class Seen(NamedTuple):
    """A subject as read back, and when it was written."""

    subject: Subject
    written_at: datetime
    trace: str | None = None


class Notifier:
    """What the notify role does with what sinks are told of. One event loop; sinks are called in threads."""

    def __init__(self, settings: Settings, record: Keep, *, end: Callable[[], None]) -> None:
        """`record` puts an outcome on the bus and returns when it is acknowledged; it may raise Unavailable.
        `end` ends this process: a defect of ours must not look like quiet.

        Raises BadConfig where a sink's settings, secrets or files are wrong.
        """
        self._settings = settings
        self._limits = settings.notify
        self._end = end
        self._workers = [SinkWorker(sink, settings, record, end) for sink in sinks.build(settings.notify)]
        self._revisions: OrderedDict[str, int] = OrderedDict()
        self._sources: set[Source] = set()
        self._restoring: asyncio.Task[None] | None = None
        self._freshening: asyncio.Task[None] | None = None
        self._logger = telemetry.logger("notify")
        # how it goes, for health and watchdog
        self.waiting = False
        self.progress_at = clock.elapsed()

    async def start(self) -> None:
        """Begins to send."""
        names = [worker.outbox.sink.name for worker in self._workers]
        if names:
            self._logger.info("telling", sinks=names)
        else:
            self._logger.warning("no sink is set under `notify`: nobody is told of incidents")
        for worker in self._workers:
            worker.start()
        self._freshening = asyncio.create_task(self._freshen_daily())

    async def stop(self) -> None:
        """Ends the workers; an attempt on its way is given a moment, else it is made again after the next start."""
        if self._freshening is not None:
            self._freshening.cancel()
        self.dropped()
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    # --- whose partitions are ours -----------------------------------------------------------------------------------

    def assigned(self, sources: Iterable[Source]) -> None:
        """These partitions of our inputs are ours, all of them: they are read back at once."""
        self.dropped()
        self._sources = set(sources)
        if self._workers and self._sources:
            self._restoring = asyncio.create_task(or_end(self._restore(self._sources), self._end))

    def dropped(self) -> None:
        """No partition is ours until `assigned` says so: what is due to whom is forgotten, another may tell it."""
        if self._restoring is not None:
            self._restoring.cancel()
            self._restoring = None
        self._sources = set()
        self._revisions.clear()
        for worker in self._workers:
            worker.forget()

    def recovered(self) -> bool:
        """Whether what was told before has been read back."""
        return self._restoring is None or self._restoring.done()

    def full(self) -> list[str]:
        """The sinks whose outbox is full: they drop notices."""
        bound = self._limits.outbox_notices_max
        return [worker.outbox.sink.name for worker in self._workers if len(worker.outbox) >= bound]

    # --- what comes --------------------------------------------------------------------------------------------------

    async def apply(self, arrivals: Sequence[Arrival]) -> None:
        """Records as they come off the bus; those that cannot be read are counted and left out. Raises nothing but
        cancellation."""
        while self._restoring is not None and not self._restoring.done():
            await asyncio.wait({self._restoring})
        await or_end(self._apply(arrivals), self._end)

    async def _apply(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            value = self._read(arrival.topic, arrival.value, arrival.at)
            if value is not None:
                await self.handle([value], traces.parent_of(arrival.headers))
            telemetry.RECORDS_CONSUMED.labels(arrival.topic).inc()
        self.progress_at = clock.elapsed()

    async def handle(self, values: Iterable[Subject], trace: str | None = None) -> None:
        """Returns when every value stands in the outboxes that it is due in. An older revision changes nothing.
        `trace` is the trace context of what caused them."""
        for value in values:
            if self._is_news(value):
                await self._put(value, trace=trace)

    async def restore(
        self, seen: Iterable[Seen], notifications: Iterable[Notification], now: datetime | None = None
    ) -> None:
        """Goes on from what is true and what was told. What no sink was told of and has not been written to for
        `stale_seconds` stays untold: a sink that is set up today does not tell the history."""
        for record in notifications:
            for worker in self._workers:
                if record.sink == worker.outbox.sink.name:
                    worker.outbox.remember(record)
        fresh_after = (now or clock.now()) - timedelta(seconds=self._limits.stale_seconds)
        for subject, written_at, trace in seen:
            if self._is_news(subject):
                await self._put(subject, told_only=written_at < fresh_after, trace=trace)
        await self._freshen(now or clock.now())

    async def _freshen_daily(self) -> None:
        while True:
            await clock.pause(FRESHEN_SECONDS)
            await or_end(self._freshen(clock.now()), self._end)

    async def _freshen(self, now: datetime) -> None:
        for worker in self._workers:
            await worker.freshen(now - FRESH)

    async def _put(self, subject: Subject, *, told_only: bool = False, trace: str | None = None) -> None:
        for worker in self._workers:
            if not told_only or worker.outbox.was_told(subject_id(subject)):
                await worker.put(subject, trace)

    def _is_news(self, subject: Subject) -> bool:
        key = subject_id(subject)
        if revision(subject) <= self._revisions.get(key, -1):
            return False
        self._revisions[key] = revision(subject)
        self._revisions.move_to_end(key)
        while len(self._revisions) > self._limits.notices_remembered_max:
            self._revisions.popitem(last=False)
        return True

    def _read(self, topic: str, value: bytes | None, at: datetime) -> Subject | None:
        if value is None:
            return None  # deleted by hand
        try:
            found = codec.decode(KINDS[topic], value)
            return Published(found, at) if isinstance(found, Centre) else found
        except BadMessage as bad:
            telemetry.DEAD_LETTERS.labels(topic, bad.reason).inc()
            self._logger.error("a record of ours cannot be read and is left out", topic=topic, why=str(bad))
            return None

    # --- what was --------------------------------------------------------------------------------------------------

    async def _restore(self, sources: set[Source]) -> None:
        wait = WAIT_SECONDS
        while True:
            try:
                seen, notifications = await in_thread(lambda: self._read_back(sources), "notify-read-back")
                break
            except (Unavailable, BadConfig) as away:
                self._logger.warning("waiting", why=str(away))
                self.waiting = True
                await clock.pause(wait)
                wait = min(wait * 2, WAIT_SECONDS_MAX)
        self.waiting = False
        await self.restore(seen, notifications)
        self._logger.info("read back", incidents_and_alerts=len(seen), notifications=len(notifications))

    def _read_back(self, sources: set[Source]) -> tuple[list[Seen], list[Notification]]:
        """The newest state of every subject in our partitions, and the newest record of each for our sinks. Blocks."""
        newest: dict[str, Seen] = {}
        told: dict[tuple[str, str], Notification] = {}
        for record in self._history(sources):
            if record.topic in KINDS:
                subject = self._read(record.topic, record.value, record.at)
                if subject is not None:
                    newest[subject_id(subject)] = Seen(subject, record.at, traces.parent_of(record.headers))
                continue
            try:
                outcome = codec.decode(Notification, record.value)
            except BadMessage:
                continue  # deleted by hand, or of a later release
            told[(outcome.sink, record_id(outcome))] = outcome
        # also of incidents that were forgotten while nothing in them changed: their end may still come
        ours = (outcome for outcome in told.values() if record_id(outcome) in newest or _goes_on(outcome))
        return sorted(newest.values(), key=lambda seen: seen.written_at), sorted(ours, key=lambda outcome: outcome.at)

    def _history(self, sources: set[Source]) -> Iterator[Record]:
        def ours(record: Record) -> bool:
            return record.topic not in KINDS or Source(record.topic, record.partition) in sources

        # older ones than may be told are left where they are
        since = clock.now() - timedelta(seconds=self._limits.stale_seconds)
        recent = [topic for topic in INPUTS if topic not in KEPT]
        yield from read_to_end(self._settings, recent, Start(since=since), ours)
        yield from read_to_end(self._settings, KEPT, wanted=ours)


def _goes_on(record: Notification) -> bool:
    whole = record.incident_id is not None and record.queue is None and record.command_id is None
    return whole and record.told is not None and record.told.what != "resolved"
