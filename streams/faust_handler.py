"""The order of effects around every fold, once.

Fold a batch; send every output and await its acknowledgement; write the state with the offset it follows from and await
that too; only then return, so that Faust may move the group's offset. Nothing leaves `apply`: what a handler raised out
of an agent's body would be acknowledged, and lost.

| the record is ... | then |
|---|---|
| applied already (delivered again) | skipped |
| not readable (BadMessage) | to its dead letter topic; go on |
| readable, but something outside is away (Unavailable) | wait inside, longer each time; the offset does not move |
| one that stops us (any other exception) | noted; the process ends before the offset moves; the second time set aside |
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from schemas.base import Origin
from schemas.errors import BadMessage, Unavailable
from schemas.fold import Fold, Output
from schemas.topics import Topic
from streams import clock, dead_letters, telemetry, traces
from streams.bus import Bus, Outgoing, outgoing
from streams.defects import Defects
from streams.state import NOTHING, PartitionState, Source, StateLog

WAIT_SECONDS, WAIT_SECONDS_MAX = 0.5, 30.0
ATTEMPTS_MAX = 2

T = TypeVar("T")


class Arrival(NamedTuple):
    """One record as it came off the bus; `topic` is our name of it, `at` the record's own time."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    at: datetime


def set_nothing_aside(_arrival: Arrival, _why: str) -> list[Output]:
    """Skipping the record is all there is to do."""
    return []


@dataclass(frozen=True)
class FoldRole:
    """A fold and its place on the bus: what it reads, how a record becomes what the fold takes, where its state lies.

    `decode` raises BadMessage. `set_aside` gives what tells other readers that a record was left out. `restored` is
    shown a fold as it was read back, `applied` one whose batch is durable, `dropped` is told that no partition is ours
    any more.
    """

    name: str
    inputs: tuple[Topic, ...]
    state: Topic
    decode: Callable[[Arrival], Any]
    build: Callable[[], Fold]
    set_aside: Callable[[Arrival, str], list[Output]] = set_nothing_aside
    restored: Callable[[Any], None] = lambda _: None
    applied: Callable[[Any], None] = lambda _: None
    dropped: Callable[[], None] = lambda: None


@dataclass
class _Held:
    """One source partition that is ours."""

    fold: Fold
    state: PartitionState


class _Defective(Exception):
    """Our own fault at one record."""

    def __init__(self, arrival: Arrival, error: Exception) -> None:
        super().__init__(repr(error))
        self.arrival = arrival
        self.error = error


class FoldHandler:
    """Runs one fold over the partitions that are assigned to us."""

    def __init__(
        self,
        role: FoldRole,
        bus: Bus,
        states: StateLog,
        defects: Defects,
        *,
        owns: Callable[[Source], bool],
        end: Callable[[], None],
        observe: Callable[[Any], None] = lambda _: None,
    ) -> None:
        """`owns` says whether a partition is assigned to us now, `end` ends this process and does not return,
        `observe` is shown every value that was put on the bus."""
        self.role = role
        self._bus = bus
        self._states = states
        self._defects = defects
        self._owns = owns
        self._end = end
        self._observe = observe
        self._held: dict[Source, _Held] = {}
        self._restoring: dict[Source, asyncio.Task[_Held]] = {}
        self._entries_read = 0
        self._logger = telemetry.logger(role.name)
        # how it goes, for health and watchdog
        self.waiting = False
        self.progress_at = clock.elapsed()

    def assigned(self, sources: Iterable[Source]) -> None:
        """These partitions are ours: their state is read back at once, not with the first record."""
        for source in sources:
            if source not in self._restoring:
                self._restoring[source] = asyncio.create_task(self._restore(source))

    def dropped(self) -> None:
        """No partition is ours until `assigned` says so: a fold never outlives its assignment."""
        for task in self._restoring.values():
            task.cancel()
        self._restoring.clear()
        self._held.clear()
        self.role.dropped()

    def recovered(self) -> bool:
        """Whether the state of every partition of ours has been read back."""
        return all(task.done() for task in self._restoring.values())

    async def positions(self) -> dict[Source, int]:
        """Where reading goes on, by partition of ours, once the state is read back; those without state are left out.

        The state says where we are. The group's offset only hints at it: it is behind after a crash, and Faust may have
        moved it over records that it dropped in a rebalance.
        """
        await asyncio.gather(*self._restoring.values(), return_exceptions=True)
        return {source: held.state.applied + 1 for source, held in self._held.items() if held.state.applied != NOTHING}

    async def apply(self, arrivals: Sequence[Arrival]) -> None:
        """Handles one batch; when it returns, all of its effects are durable. Raises nothing but cancellation."""
        try:
            by_source: dict[Source, list[Arrival]] = {}
            for arrival in arrivals:
                by_source.setdefault(Source(arrival.topic, arrival.partition), []).append(arrival)
            for source, batch in by_source.items():
                began = clock.elapsed()
                await self._apply(source, batch)
                self.progress_at = clock.elapsed()
                telemetry.BATCH_SECONDS.labels(self.role.name).observe(self.progress_at - began)
        except Exception as error:
            self._logger.error("a defect of ours: this process ends", error=repr(error), exc_info=True)
            self._end()

    async def _apply(self, source: Source, batch: Sequence[Arrival]) -> None:
        held = await self._restored(source)
        if held is None:
            return
        due = [arrival for arrival in batch if arrival.offset > held.state.applied]
        telemetry.RECORDS_SKIPPED.labels(self.role.name).inc(len(batch) - len(due))
        if not due:
            return
        try:
            outputs = self._fold(held.fold, due)
        except _Defective as defective:
            await self._stopped_by(defective)
            # the fold may have been left half way: begin again from what is durable, without that record
            self._forget(source)
            await self._apply(source, batch)
            return
        try:
            await self._until_available(lambda: self._bus.send(record for record, _ in outputs))
            changes = held.fold.changes()
            await self._until_available(lambda: held.state.write(changes, due[-1].offset))
        except BaseException:
            self._forget(source)  # the fold is ahead of what is durable
            raise
        self.role.applied(held.fold)
        telemetry.RECORDS_CONSUMED.labels(source.topic).inc(len(due))
        for _, output in outputs:
            if output is not None:
                late = (clock.now() - output.time).total_seconds()
                about = telemetry.exemplar(getattr(output.value, "incident_id", None))
                telemetry.END_TO_END_SECONDS.labels(output.topic.name).observe(max(late, 0.0), about)
                self._observe(output.value)

    def _fold(self, fold: Fold, due: Sequence[Arrival]) -> list[tuple[Outgoing, Output | None]]:
        """What is to be written, in order, each with the output that it is; a dead letter is none."""
        found: list[tuple[Outgoing, Output | None]] = []
        for arrival in due:
            place = (arrival.topic, arrival.partition, arrival.offset)
            if self._defects.attempts(place) >= ATTEMPTS_MAX:
                continue
            try:
                record = self.role.decode(arrival)
            except BadMessage as bad:
                found.append((self._dead_letter(arrival, bad), None))
                continue
            except Exception as error:
                raise _Defective(arrival, error) from error
            try:
                began = traces.began()
                outputs = fold.step(record, Origin(topic=place[0], partition=place[1], offset=place[2]))
                trace = self._trace(arrival, began, outputs)
                found += [(outgoing(output, self.role.name, trace), output) for output in outputs]
            except Exception as error:
                raise _Defective(arrival, error) from error
        return found

    def _trace(self, arrival: Arrival, began: int, outputs: Sequence[Output]) -> str | None:
        """The trace that this step belongs to, where something came of it."""
        if not outputs:
            return None
        about: dict[str, str | int] = {
            "topic": arrival.topic,
            "partition": arrival.partition,
            "offset": arrival.offset,
            "outputs": len(outputs),
        }
        return traces.note(f"{self.role.name} step", traces.parent_of(arrival.headers), began, about)

    def _dead_letter(self, arrival: Arrival, bad: BadMessage) -> Outgoing:
        telemetry.DEAD_LETTERS.labels(arrival.topic, bad.reason).inc()
        place = (arrival.topic, arrival.partition, arrival.offset)
        letter = dead_letters.record(
            *place,
            arrival.key,
            arrival.value,
            arrival.headers,
            bad,
            timestamp_milliseconds=round(arrival.at.timestamp() * 1000),
        )
        return Outgoing(letter.topic, letter.key, letter.value, letter.headers)

    async def _stopped_by(self, defective: _Defective) -> None:
        """The first time it ends the process. The second time the record is set aside, and this returns."""
        arrival, error = defective.arrival, defective.error
        place = (arrival.topic, arrival.partition, arrival.offset)
        tenant = arrival.key.decode(errors="replace") if arrival.key else None
        noted = await self._until_available(lambda: self._defects.note(place, tenant, error))
        telemetry.DEFECTS.labels(self.role.name).inc()
        where = f"{place[0]}/{place[1]}/{place[2]}"
        self._logger.error(
            "a defect of ours at one record", at=where, tenant=tenant, attempt=noted.attempt, exc_info=error
        )
        if noted.attempt < ATTEMPTS_MAX:
            self._end()
        markers = self.role.set_aside(arrival, f"{type(error).__name__} at {where}, twice")
        await self._until_available(lambda: self._bus.send(outgoing(marker, self.role.name) for marker in markers))
        self._logger.error("this record stopped us twice and is set aside: please report it", at=where)

    async def _restored(self, source: Source) -> _Held | None:
        """The partition with its state; None where it is not ours any more."""
        if source not in self._restoring:
            if not self._owns(source):
                return None
            self.assigned([source])
        task = self._restoring[source]
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                return None
            raise

    async def _restore(self, source: Source) -> _Held:
        try:
            state, entries = await self._until_available(lambda: self._states.take_over(source))
            fold = self.role.build()
            fold.restore(entries)
            self.role.restored(fold)
        except Exception as error:
            self._logger.error("a defect of ours at reading back state", source=source.name(), exc_info=error)
            self._end()
            raise
        held = self._held[source] = _Held(fold, state)
        self._entries_read += len(entries)
        if len(self._held) == len(self._restoring):
            self._logger.info("state read back", partitions=len(self._held), entries=self._entries_read)
            self._entries_read = 0
        return held

    def _forget(self, source: Source) -> None:
        self._held.pop(source, None)
        self._restoring.pop(source, None)

    async def _until_available(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The attempt's answer, however long what it needs is away."""
        wait = WAIT_SECONDS
        while True:
            try:
                found = await attempt()
            except Unavailable as away:
                if not self.waiting:
                    self._logger.warning("waiting", why=str(away))
                    telemetry.WAITS.labels(self.role.name).inc()
                self.waiting = True
                await clock.pause(wait)
                wait = min(wait * 2, WAIT_SECONDS_MAX)
            else:
                if self.waiting:
                    self._logger.info("going on")
                self.waiting = False
                return found
