"""What tests of archives share: logs as a broker would have them, archived without one, on file systems that fail."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from schemas import codec
from schemas.contact import ContactEvent
from streams.archive import manifest as archive_manifest
from streams.archive.manifest import Manifest
from streams.archive.plan import Facts, todo
from streams.archive.rows import Taken
from streams.archive.store import Store
from streams.archive.writer import Writer, Written
from streams.faust_handler import Arrival

VOICE, DESK = "contact-events.voice", "desk"
START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
HOUR = 3_600_000  # milliseconds
BYTES_MAX = 10_000
Log = Mapping[int, Sequence[Arrival]]  # by partition


class Killed(BaseException):
    """The process is gone."""


class Failing:
    """Counts what changes a file system; at step `dies_at` it is killed before, in the middle of, or after the change,
    and whatever it does then does not happen. From step `full_at` on the disk is full."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.steps = 0
        self.dies_at: int | None = None
        self.dies = "before"
        self.full_at: int | None = None

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **keywords: Any) -> None:
        def half() -> None:
            # an object store's put is whole or not at all
            if isinstance(self, LocalFileSystem):
                super(Failing, self).pipe_file(path, value[: len(value) // 2])

        self._step(lambda: super(Failing, self).pipe_file(path, value, mode=mode, **keywords), half)

    def mv(self, one: str, other: str, **keywords: Any) -> None:
        self._step(lambda: super(Failing, self).mv(one, other, **keywords))

    def link(self, one: str, other: str, **keywords: Any) -> None:
        self._step(lambda: super(Failing, self).link(one, other, **keywords))

    def rm_file(self, path: str) -> None:
        self._step(lambda: super(Failing, self).rm_file(path), writes=False)

    def _step(self, change: Any, half: Any = lambda: None, writes: bool = True) -> None:
        self.steps += 1
        if writes and self.full_at is not None and self.steps >= self.full_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.dies_at is None or self.steps < self.dies_at:
            change()
            return
        if self.steps == self.dies_at and self.dies != "before":
            (half if self.dies == "half" else change)()
        raise Killed


class FailingFolder(Failing, LocalFileSystem):
    cachable = False


class FailingStore(Failing, MemoryFileSystem):
    """An object store of its own."""

    cachable = False

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.store, self.pseudo_dirs = {}, [""]


def contact(partition: int, offset: int, at: datetime, tenant: str = "acme") -> Arrival:
    event = ContactEvent(
        type="offered",
        occurred_at=at,
        source="acd",
        tenant=tenant,
        channel="voice",
        queue="billing",
        event_id=f"{offset}",
    )
    headers = codec.headers(event, id=event.event_id, source="acd", time=at)
    return Arrival(VOICE, partition, offset, event.key(), codec.encode(event), headers, at)


def log(count: int, partitions: int = 2, every: int = HOUR, tenants: Sequence[str] = ("acme", "bo")) -> Log:
    """So many contacts a partition, of days and tenants in turn."""
    return {
        number: [
            contact(
                number,
                n,
                datetime.fromtimestamp((START.timestamp() * 1000 + n * every) / 1000, UTC),
                tenants[n % len(tenants)],
            )
            for n in range(count)
        ]
        for number in range(partitions)
    }


def taken(records: Sequence[Arrival]) -> Taken:
    """As a consumer hands them on."""
    stamps = [round(one.at.timestamp() * 1000) for one in records]
    return Taken(
        [one.offset for one in records],
        stamps,
        [one.key for one in records],
        [one.value for one in records],
        [list(one.headers) for one in records],
    )


def archive(
    store: Store,
    records: Log,
    topic: str = VOICE,
    first: int = 0,
    poll: int = 7,
    raw_bytes_max: int = 4_000,
    topic_id: str = "one",
) -> Written:
    """One run: what the archive lacks of a log whose records before `first` the broker has thrown away."""
    archive_manifest.mark(store)
    manifest = archive_manifest.load(store, topic)
    writer = Writer(store, {topic: with_id(manifest, topic_id)}, BYTES_MAX, raw_bytes_max)
    for partition, ours in records.items():
        end = ours[-1].offset + 1 if ours else 0
        wanted = todo(manifest, partition, Facts(first, end))
        for gone in wanted.lost:
            writer.lose(gone)
        for found in wanted.ranges:
            for begin in range(found.begin, found.end, poll):
                upto = min(begin + poll, found.end)
                writer.take(
                    found._replace(begin=begin, end=upto), taken([one for one in ours if begin <= one.offset < upto])
                )
    return writer.finish()


def with_id(manifest: Manifest, topic_id: str) -> Manifest:
    return msgspec.structs.replace(manifest, topic_id=topic_id)


def flat(records: Log) -> list[Arrival]:
    """What a reader gives: partition after partition."""
    return [one for _, ours in sorted(records.items()) for one in ours]
