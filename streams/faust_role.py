"""One Faust app: one role's consumer group, with the handlers that share it, so that roles scale apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import faust
from mode import Service

from schemas.errors import Unavailable
from schemas.topics import Topic
from streams import broker, clock, telemetry
from streams.agents import add_agent
from streams.bus import Bus
from streams.config import Settings
from streams.faust_handler import Arrival
from streams.state import Source

COMMIT_SECONDS = 1.0
BUFFERED_RECORDS_MAX = 1_000
# a broker that is slow to answer is as good as one that is away
ANSWER_SECONDS_MAX = 5.0


class Handler(Protocol):
    """What an agent hands its batches to: a fold's handler, or the notifier."""

    waiting: bool
    progress_at: float

    def assigned(self, sources: Iterable[Source]) -> None: ...

    def dropped(self) -> None: ...

    def recovered(self) -> bool: ...

    async def apply(self, arrivals: Sequence[Arrival]) -> None: ...


@runtime_checkable
class HasPositions(Protocol):
    """A handler that knows better than the group's offsets where reading goes on."""

    async def positions(self) -> Mapping[Source, int]: ...


class _Reading:
    """A handler with its inputs, and the batch that it has in hand."""

    def __init__(self, name: str, inputs: Sequence[Topic], handler: Handler) -> None:
        self.name = name
        self.topics = {topic.name for topic in inputs}
        self.handler = handler
        self.in_hand = 0
        # the time of the last record handled, by partition
        self.last: dict[Source, datetime] = {}


class FaustRole:
    """A role's app with its agents, and how it goes."""

    def __init__(self, settings: Settings, name: str, bus: Bus, end: Callable[[], None]) -> None:
        self.name = name
        self._settings = settings
        self._bus = bus
        self._end = end
        self._readings: list[_Reading] = []
        self._assigned = False
        self._moved_at = clock.elapsed()
        self._logger = telemetry.logger(name)
        self.app = _app(settings, name)
        self.app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        self.app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        self.app.on_rebalance_complete.connect(self._on_settled, weak=False)

    def read(self, name: str, inputs: Sequence[Topic], records_max: int, handler: Handler) -> None:
        """An agent of this role: batches of `inputs` go to `handler`."""
        reading = _Reading(name, inputs, handler)
        self._readings.append(reading)

        async def apply(batch: list[Arrival]) -> None:
            reading.in_hand = len(batch)
            try:
                await handler.apply(batch)
                reading.last |= {Source(arrival.topic, arrival.partition): arrival.at for arrival in batch}
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # its partitions were taken away while it waited for them: another worker has the records now
            except Exception:
                self._logger.exception("a defect of ours: this process ends")
                self._end()
            finally:
                reading.in_hand = 0

        add_agent(self.app, self._settings, name, inputs, records_max, apply)

    def service(self) -> Service:
        """What a worker starts and stops."""
        return self.app

    # --- partitions ------------------------------------------------------------------------------------------------

    def owns(self, source: Source) -> bool:
        """Whether the partition is assigned to us at this moment."""
        return self._place(source) in self.app.consumer.assignment()

    def _place(self, source: Source) -> Any:
        return faust.types.TP(self._settings.topic_name(source.topic), source.partition)

    async def _on_assigned(self, _app: Any, assigned: Iterable[Any], **_: Any) -> None:
        sources = sorted(Source(self._settings.own_name(place.topic), place.partition) for place in assigned)
        for reading in self._readings:
            reading.handler.dropped()
            reading.handler.assigned(source for source in sources if source.topic in reading.topics)
        self._assigned, self._moved_at = True, clock.elapsed()
        self._logger.info("partitions assigned", count=len(sources))

    async def _on_settled(self, _app: Any, **_: Any) -> None:
        """Before Faust reads on from the group's offsets these are set to where the states are, forward or back."""
        offsets: dict[Any, int] = {}
        for reading in self._readings:
            if isinstance(reading.handler, HasPositions):
                found = await reading.handler.positions()
                offsets |= {self._place(source): offset for source, offset in found.items()}
        if offsets:
            # Faust's own `commit` knows only what it acknowledged itself
            await self.app.consumer._commit(offsets)

    async def _on_revoked(self, _app: Any, revoked: Iterable[Any], **_: Any) -> None:
        for reading in self._readings:
            reading.handler.dropped()
            reading.last.clear()
        for place in revoked:
            for gauge in (telemetry.CONSUMER_LAG_RECORDS, telemetry.CONSUMER_LAG_SECONDS):
                with suppress(KeyError):  # a value that nobody updates any more would lie
                    gauge.remove(self._settings.own_name(place.topic), str(place.partition))
        self._moved_at = clock.elapsed()

    # --- health ----------------------------------------------------------------------------------------------------

    def ready(self) -> tuple[bool, str]:
        if not self._assigned or self.app.rebalancing:
            return False, "waiting for its partitions"
        if not all(reading.handler.recovered() for reading in self._readings):
            return False, "reading back state"
        full = [name for reading in self._readings for name in getattr(reading.handler, "full", list)()]
        return not full, f"full: {', '.join(full)}" if full else "ready"

    def progress_at(self) -> float:
        if any(reading.handler.waiting for reading in self._readings):
            return clock.elapsed()
        return max(self._moved_at, *(reading.handler.progress_at for reading in self._readings))

    async def lag(self) -> int:
        """Records in hand and records not yet fetched; one while the group is stuck in a rebalance."""
        if not self._assigned or self.app.rebalancing:
            return 1
        places = sorted(self.app.consumer.assignment())
        sources = [Source(self._settings.own_name(place.topic), place.partition) for place in places]
        ends = await self._bus.ends(sources)
        waiting = sum(reading.in_hand for reading in self._readings)
        for place, source in zip(places, sources, strict=True):
            behind = max(ends[source] - await self._position(place), 0)
            last = next((reading.last[source] for reading in self._readings if source in reading.last), None)
            age = (clock.now() - last).total_seconds() if behind and last else 0.0
            telemetry.CONSUMER_LAG_RECORDS.labels(source.topic, str(source.partition)).set(behind)
            telemetry.CONSUMER_LAG_SECONDS.labels(source.topic, str(source.partition)).set(max(age, 0.0))
            waiting += behind
        return waiting

    async def _position(self, place: Any) -> int:
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                found: int = await self.app.consumer.position(place)
                return found
        except TimeoutError:
            raise Unavailable("the broker", "it does not say where we read") from None


def _app(settings: Settings, role: str) -> Any:
    """A Faust app that takes nothing from the environment and makes no topics, tables or web pages of its own."""
    directory = settings.state_directory / "faust" / role
    directory.mkdir(parents=True, exist_ok=True)  # Faust makes one level only
    return faust.App(
        broker.group_name(settings, role),
        env={},
        autodiscover=False,
        datadir=str(directory),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_wait_empty=True,
        stream_buffer_maxsize=BUFFERED_RECORDS_MAX,
        broker_commit_interval=COMMIT_SECONDS,
        consumer_auto_offset_reset="earliest",
        **broker.faust_settings(settings),
    )
