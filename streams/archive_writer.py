"""Writes ranges of offsets into an archive: files first, then the manifest that names them, in one step.

A crash before the manifest leaves files that nothing names. The run that comes after it begins where the manifest ends,
so that every offset is in one file that counts, once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import polars as pl

from schemas.errors import BadConfig
from streams import archive_manifest, archive_rows, clock
from streams.archive_manifest import Lost, Manifest, Piece, Segment
from streams.archive_rows import Place, Taken
from streams.archive_store import Store

# Of records in memory. A segment is what a reader holds at a time, and what a kill makes the next run read again.
SEGMENT_RAW_BYTES = 64 * 1024 * 1024


class Range(NamedTuple):
    """Offsets of a partition from `begin` to before `end`."""

    topic: str
    partition: int
    begin: int
    end: int


class Open:
    """A range that is being read: what came of it so far."""

    def __init__(self, begin: int) -> None:
        self.begin = self.end = begin
        self.chunks: list[pl.DataFrame] = []
        self.raw_bytes = 0


class Writer:
    """Takes records partition by partition and commits them. What is taken is held until it is `raw_bytes_max`, of all
    partitions together."""

    def __init__(
        self,
        store: Store,
        manifests: Mapping[str, Manifest],
        event_bytes_max: int,
        raw_bytes_max: int = SEGMENT_RAW_BYTES,
    ) -> None:
        self._store = store
        self.manifests = dict(manifests)
        self._event_bytes_max = event_bytes_max
        self._raw_bytes_max = raw_bytes_max
        self._open: dict[tuple[str, int], Open] = {}
        self._held = 0
        self.rows = 0
        self.bytes = 0

    def take(self, of: Range, records: Sequence[Taken]) -> None:
        """All that the broker has of a range, in order; it begins where the last of that partition ended, or anew.

        Raises Unavailable.
        """
        place = (of.topic, of.partition)
        if place in self._open and self._open[place].end != of.begin:
            self.commit()
        held = self._open.setdefault(place, Open(of.begin))
        held.end = of.end
        if records:
            rows = archive_rows.chunk(of.topic, of.partition, records, self._event_bytes_max)
            held.chunks.append(rows)
            size = archive_rows.raw_bytes(rows)
            held.raw_bytes += size
            self._held += size
        if self._held >= self._raw_bytes_max:
            self.commit()

    def commit(self) -> None:
        """Writes what is held, topic by topic. Raises Unavailable; what of it is named by a manifest then stays."""
        for topic in sorted({topic for topic, _ in self._open}):
            ours = {partition: held for (name, partition), held in self._open.items() if name == topic}
            segments = [self._segment(topic, partition, held) for partition, held in sorted(ours.items())]
            before = self.manifests[topic]
            after = msgspec.structs.replace(before, segments=(*before.segments, *segments))
            self.manifests[topic] = archive_manifest.commit(self._store, after)
            for partition in ours:
                del self._open[topic, partition]
            self.rows += sum(piece.rows for segment in segments for piece in segment.pieces)
            self.bytes += sum(piece.bytes for segment in segments for piece in segment.pieces)
        self._held = 0

    def _segment(self, topic: str, partition: int, held: Open) -> Segment:
        parts = archive_rows.by_place(held.chunks) if held.chunks else ()
        pieces = tuple(
            write_piece(self._store, topic, Range(topic, partition, held.begin, held.end), place, rows)
            for place, rows in parts
        )
        return Segment(partition=partition, begin=held.begin, end=held.end, pieces=pieces)


def write_piece(store: Store, topic: str, of: Range, place: Place, rows: pl.DataFrame) -> Piece:
    """Writes one file, named for the offsets of its segment. Raises Unavailable."""
    content = archive_rows.to_parquet(rows)
    path = f"{archive_manifest.folder_of(*place)}/p{of.partition}-{of.begin:015d}-{of.end:015d}.parquet"
    store.put(f"{topic}/{path}", content)
    offsets, at = rows["offset"], rows["arrived_at"]
    return Piece(
        path=path,
        **place._asdict(),
        rows=len(rows),
        bytes=len(content),
        raw_bytes=archive_rows.raw_bytes(rows),
        sha256=hashlib.sha256(content).hexdigest(),
        columns=hashlib.sha256(repr(dict(rows.schema)).encode()).hexdigest()[:12],
        first_offset=offsets[0],
        last_offset=offsets[-1],
        first_at=_moment(at.min()),
        last_at=_moment(at.max()),
    )


def note_lost(manifest: Manifest, gone: Iterable[Range]) -> Manifest:
    """The manifest with offsets that the topic does not have any more."""
    found = [Lost(partition=one.partition, begin=one.begin, end=one.end, noticed_at=clock.now()) for one in gone]
    return msgspec.structs.replace(manifest, lost=(*manifest.lost, *found))


def same_topic(store: Store, manifest: Manifest, topic_id: str | None) -> Manifest:
    """The manifest of the topic that has this id. Raises BadConfig where it is of another."""
    if manifest.topic_id is not None and topic_id is not None and topic_id != manifest.topic_id:
        raise BadConfig([anew(store, manifest.topic, "it has another id than the one that was archived")])
    return msgspec.structs.replace(manifest, topic_id=topic_id or manifest.topic_id)


def anew(store: Store, topic: str, why: str) -> tuple[str, str]:
    """The problem of a topic that is not the one whose records the archive has."""
    text = (
        f"was deleted and made anew, or this is another cluster: {why}. What {store.place()} has of it stays as it is: "
        "give another folder for the new one"
    )
    return f"topic {topic}", text


def _moment(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value
