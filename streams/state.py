"""Fold state in a compacted topic: written after every batch, read back when a partition comes to us.

Every entry lies under the key `topic|partition|name|writer`: its source partition, the fold's name for it, and who
wrote it. `writer` is new each time a partition is taken over, and the new owner first copies all that it read under its
own name. So a paused process that wakes up late (a zombie) writes beside the living state, never into it.

Each record carries, as a header, the source offset up to which it was applied. The commit record (no name) says in the
same batch up to where all of a writer's entries hold: what lies beyond was torn by a crash and is not read. The log's
owner is the writer with the highest `term`, which every takeover raises.

The position lies in the state, beside what it belongs to: a group's committed offset is a hint.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from schemas.topics import Topic
from streams import clock, telemetry
from streams.bus import Bus, Outgoing

APPLIED = "applied"
NOTHING = -1
COMMIT_KEY_PARTS = 4


class Source(NamedTuple):
    """A source partition; `topic` is our name of it."""

    topic: str
    partition: int

    def name(self) -> str:
        return f"{self.topic}/{self.partition}"


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which source offset a writer's entries hold, and whose turn it was."""

    term: int
    applied: int


class Stored(NamedTuple):
    """One record of a state topic; `name` is empty for a commit, `value` None where an entry was deleted."""

    name: str
    writer: str
    applied: int
    value: bytes | None


class Recovered(NamedTuple):
    """What the log says: the entries of its owner, and whose keys are of no use any more."""

    term: int
    applied: int
    entries: dict[str, bytes]
    left_over: list[tuple[str, str]]


def recover(log: Iterable[Stored]) -> Recovered:
    """The state that holds, from all records of one source partition in their order."""
    records = list(log)
    commits = {
        record.writer: msgspec.json.decode(record.value, type=Commit)
        for record in records
        if not record.name and record.value
    }
    owner = max(commits, key=lambda writer: (commits[writer].term, commits[writer].applied), default=None)
    last = {(record.name, record.writer): record.value for record in records}
    left_over = [place for place, value in last.items() if value is not None]
    if owner is None:
        return Recovered(0, NOTHING, {}, left_over)
    held = commits[owner]
    newest: dict[str, Stored] = {}
    for record in records:
        if record.writer == owner and record.name and record.applied <= held.applied:
            newest[record.name] = record
    entries = {name: record.value for name, record in newest.items() if record.value is not None}
    return Recovered(held.term, held.applied, entries, left_over)


class StateLog:
    """The state topic of one fold."""

    def __init__(self, bus: Bus, topic: Topic) -> None:
        self._bus = bus
        self._topic = topic

    async def take_over(self, source: Source) -> tuple[PartitionState, dict[str, bytes]]:
        """Reads a source partition's state and makes it ours. Raises Unavailable."""
        began = clock.elapsed()
        writer = secrets.token_hex(4)
        # a mark of our own, so that the end of what there is to read is known on every broker
        fence = Outgoing(self._topic.name, f"fence|{source.topic}|{source.partition}".encode(), writer.encode())
        end = await self._bus.append(self._topic.name, source.partition, [fence])
        log = await self._bus.read(self._topic.name, source.partition, end)
        found = recover(_stored(source, log))
        state = PartitionState(self._bus, self._topic.name, source, writer, found.term + 1)
        await state.write(found.entries, found.applied)
        await state.forget(found.left_over)
        telemetry.STATE_RESTORE_SECONDS.labels(self._topic.name).observe(clock.elapsed() - began)
        return state, found.entries


class PartitionState:
    """What we hold of one source partition. `applied` is the last offset whose effects are all durable."""

    def __init__(self, bus: Bus, topic: str, source: Source, writer: str, term: int) -> None:
        self._bus = bus
        self._topic = topic
        self._source = source
        self._writer = writer
        self._term = term
        self.applied = NOTHING

    async def write(self, changes: Mapping[str, bytes | None], applied: int) -> None:
        """Makes the changes durable together with the offset they follow from. Raises Unavailable; write them again."""
        held = [(APPLIED, str(applied).encode())]
        records = [self._record(name, self._writer, value, held) for name, value in sorted(changes.items())]
        commit = msgspec.json.encode(Commit(term=self._term, applied=applied))
        records.append(self._record("", self._writer, commit, held))
        await self._bus.append(self._topic, self._source.partition, records)
        telemetry.STATE_WRITTEN_BYTES.labels(self._topic).inc(sum(len(record.value or b"") for record in records))
        self.applied = applied

    async def forget(self, places: Iterable[tuple[str, str]]) -> None:
        """Deletes the keys of earlier writers; ours hold all that they held."""
        records = [self._record(name, writer, None, []) for name, writer in places]
        if records:
            await self._bus.append(self._topic, self._source.partition, records)

    def _record(self, name: str, writer: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> Outgoing:
        key = f"{self._source.topic}|{self._source.partition}|{name}|{writer}".encode()
        return Outgoing(self._topic, key, value, headers)


def applied_by(key: bytes | None, headers: Iterable[tuple[str, bytes]]) -> tuple[Source, int] | None:
    """What a commit record says: all effects of its source partition up to this offset are durable. None for others."""
    parts = (key or b"").decode(errors="replace").split("|")
    applied = dict(headers).get(APPLIED)
    if len(parts) != COMMIT_KEY_PARTS or parts[2] or applied is None:
        return None
    return Source(parts[0], int(parts[1])), int(applied)


def _stored(source: Source, log: Iterable[Any]) -> Iterable[Stored]:
    """The records that concern `source`."""
    prefix = f"{source.topic}|{source.partition}|"
    for record in log:
        key = record.key.decode()
        if key.startswith(prefix):
            name, _, writer = key.removeprefix(prefix).rpartition("|")
            applied = dict(record.headers).get(APPLIED)
            yield Stored(name, writer, int(applied) if applied else NOTHING, record.value)
