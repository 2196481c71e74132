"""Writes ranges of offsets into an archive: files first, then the manifest that names them, in one step.

A crash before the manifest leaves files that nothing names. The run that comes after it begins where the manifest ends,
so that every offset is in one file that counts, once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
import polars as pl

from streams import clock
from streams.archive import manifest
from streams.archive import rows as archive_rows
from streams.archive.manifest import Lost, Manifest, Piece, Segment
from streams.archive.plan import Range
from streams.archive.rows import Place, Taken
from streams.archive.store import Store

# Of records in memory: what a reader holds at a time; what a kill makes the next run read again.
SEGMENT_RAW_BYTES = 64 * 1024 * 1024
COMMIT_RAW_BYTES = SEGMENT_RAW_BYTES // 2


class Written(NamedTuple):
    """What came into the archive, and how many offsets were gone before."""

    rows: int
    bytes: int
    lost_offsets: int


class _Open:
    """A range that is being taken: what came of it so far."""

    def __init__(self, begin: int) -> None:
        self.begin = self.end = begin
        self.chunks: list[pl.DataFrame] = []


class Writer:
    """Takes records partition by partition and commits them. What is taken is held until it is `raw_bytes_max`, of all
    partitions together."""

    def __init__(
        self,
        store: Store,
        manifests: Mapping[str, Manifest],
        event_bytes_max: int,
        raw_bytes_max: int = COMMIT_RAW_BYTES,
    ) -> None:
        self._store = store
        self._manifests = dict(manifests)
        self._event_bytes_max = event_bytes_max
        self._raw_bytes_max = raw_bytes_max
        self._open: dict[tuple[str, int], _Open] = {}
        self._held_bytes = 0
        self._lost: list[tuple[str, Lost]] = []
        self._rows = self._bytes = self._lost_offsets = 0

    def take(self, of: Range, records: Taken) -> None:
        """All that the broker has of a range, in order. Raises Unavailable."""
        place = (of.topic, of.partition)
        if place in self._open and self._open[place].end != of.begin:
            self.commit()
        held = self._open.setdefault(place, _Open(of.begin))
        held.end = of.end
        if records.offsets:
            rows = archive_rows.chunk(of.topic, records, self._event_bytes_max)
            held.chunks.append(rows)
            self._held_bytes += archive_rows.raw_bytes(rows)
        if self._held_bytes >= self._raw_bytes_max:
            self.commit()

    def lose(self, of: Range) -> None:
        """Offsets that the topic does not have any more, and that nobody can read."""
        lost = Lost(partition=of.partition, begin=of.begin, end=of.end, noticed_at=clock.now())
        self._lost.append((of.topic, lost))
        self._lost_offsets += of.end - of.begin

    def commit(self) -> None:
        """Writes what is held, topic by topic. Raises Unavailable; what a manifest names by then stays."""
        for topic in sorted({name for name, _ in (*self._open, *self._lost)}):
            ours = {partition: held for (name, partition), held in self._open.items() if name == topic}
            segments = [self._segment(topic, partition, held) for partition, held in sorted(ours.items())]
            before = self._manifests[topic]
            after = msgspec.structs.replace(
                before,
                segments=(*before.segments, *segments),
                lost=(*before.lost, *(lost for name, lost in self._lost if name == topic)),
            )
            self._manifests[topic] = manifest.commit(self._store, after)
            for partition in ours:
                del self._open[topic, partition]
            self._lost = [(name, lost) for name, lost in self._lost if name != topic]
            self._rows += sum(piece.rows for segment in segments for piece in segment.pieces)
            self._bytes += sum(piece.bytes for segment in segments for piece in segment.pieces)
        self._held_bytes = 0

    def finish(self) -> Written:
        """Commits the rest. Raises Unavailable."""
        self.commit()
        return Written(self._rows, self._bytes, self._lost_offsets)

    def _segment(self, topic: str, partition: int, held: _Open) -> Segment:
        parts = archive_rows.by_place(topic, partition, held.chunks) if held.chunks else ()
        pieces = tuple(
            write_piece(self._store, topic, Range(topic, partition, held.begin, held.end), place, rows)
            for place, rows in parts
        )
        return Segment(partition=partition, begin=held.begin, end=held.end, pieces=pieces)


def write_piece(store: Store, topic: str, of: Range, place: Place, rows: pl.DataFrame) -> Piece:
    """Writes one file, named for the offsets of its segment. Raises Unavailable."""
    content = archive_rows.to_parquet(rows)
    path = f"{manifest.folder_of(*place)}/p{of.partition}-{of.begin:015d}-{of.end:015d}.parquet"
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


def _moment(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value
