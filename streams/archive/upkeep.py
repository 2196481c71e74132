"""Keeps an archive in shape: small files joined, old days removed, what nothing names any more deleted.

A file is retired in the manifest first and deleted later, so that a reader of the older version finds it, and a crash
between the two leaves nothing that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, timedelta
from itertools import groupby
from typing import NamedTuple

import msgspec
import polars as pl

from streams import clock
from streams.archive import manifest as archive_manifest
from streams.archive import reader
from streams.archive.manifest import Manifest, Piece, Retired, Segment
from streams.archive.plan import Range
from streams.archive.rows import Place
from streams.archive.store import Store
from streams.archive.writer import SEGMENT_RAW_BYTES, write_piece

# Joined by themselves when so many small ones lie in a row: each record is written again few times, however many runs.
SMALL_SEGMENTS_MAX = 16
RETIRED_SECONDS = 15 * 60.0
ORPHAN_SECONDS = 24 * 3600.0


class Upkept(NamedTuple):
    """What was done to a topic's files."""

    joined: int  # files that are now part of others
    expired: int  # files whose day was too old
    deleted: int  # files that nothing named any more


def keep(store: Store, topic: str, keep_days: int | None = None) -> Upkept:
    """After a run: joins where many small files lie, removes days before the last `keep_days`. Raises BadConfig for a
    damaged file, Unavailable."""
    manifest = archive_manifest.load(store, topic)
    expired = 0
    if keep_days is not None:
        manifest, expired = _expire(store, manifest, keep_days)
    manifest, joined = _join(store, manifest, SMALL_SEGMENTS_MAX)
    return Upkept(joined, expired, _delete(store, manifest))


def compact(store: Store, topic: str) -> Upkept:
    """Joins all that fits together, at once. Raises as `keep`."""
    manifest, joined = _join(store, archive_manifest.load(store, topic), 2)
    return Upkept(joined, 0, _delete(store, manifest))


def _expire(store: Store, manifest: Manifest, keep_days: int) -> tuple[Manifest, int]:
    """Without the files of days before; their offsets stay known, so that nothing reads them again."""
    kept_from = clock.now().astimezone(UTC).date() - timedelta(days=keep_days)
    gone = [piece for piece in manifest.pieces() if piece.day < kept_from]
    if not gone:
        return manifest, 0
    segments = [
        msgspec.structs.replace(one, pieces=tuple(piece for piece in one.pieces if piece.day >= kept_from))
        for one in manifest.segments
    ]
    after = msgspec.structs.replace(manifest, segments=tuple(segments), kept_from=kept_from)
    return archive_manifest.commit(store, _retire(after, gone)), len(gone)


def _join(store: Store, manifest: Manifest, segments_min: int) -> tuple[Manifest, int]:
    joined = 0
    for group in list(_groups(manifest, segments_min)):
        segment, gone = _joined(store, manifest.topic, group)
        rest = [one for one in manifest.segments if one not in group]
        after = msgspec.structs.replace(manifest, segments=(*rest, segment))
        manifest = archive_manifest.commit(store, _retire(after, gone))
        joined += len(gone)
    return manifest, joined


def _groups(manifest: Manifest, segments_min: int) -> Iterator[list[Segment]]:
    """Neighbours that are no more than a segment together, where there are so many of them."""
    for _, ours in groupby(archive_manifest.in_order(manifest.segments), key=lambda one: one.partition):
        group: list[Segment] = []
        for one in ours:
            fits = group and one.begin == group[-1].end
            if not fits or sum(other.raw_bytes for other in group) + one.raw_bytes > SEGMENT_RAW_BYTES:
                if len(group) >= segments_min:
                    yield group
                group = []
            group.append(one)
        if len(group) >= segments_min:
            yield group


def _joined(store: Store, topic: str, group: list[Segment]) -> tuple[Segment, list[Piece]]:
    """One segment of several, and the files that are now part of others; one that has no other stays as it is."""
    of = Range(topic, group[0].partition, group[0].begin, group[-1].end)
    by_place: dict[Place, list[Piece]] = {}
    for piece in (piece for segment in group for piece in segment.pieces):
        by_place.setdefault(Place(piece.tenant, piece.channel, piece.day), []).append(piece)
    pieces, gone = [], []
    for place, parts in sorted(by_place.items()):
        if len(parts) == 1 or len({one.columns for one in parts}) > 1:  # what two releases wrote stays as it is
            pieces += parts
            continue
        rows = pl.concat([reader.read_piece(store, topic, one) for one in parts])
        pieces.append(write_piece(store, topic, of, place, rows))
        gone += parts
    return Segment(partition=of.partition, begin=of.begin, end=of.end, pieces=tuple(pieces)), gone


def _retire(manifest: Manifest, pieces: Iterable[Piece]) -> Manifest:
    now = clock.now()
    return msgspec.structs.replace(
        manifest, retired=(*manifest.retired, *(Retired(path=piece.path, at=now) for piece in pieces))
    )


def _delete(store: Store, manifest: Manifest) -> int:
    """Deletes what has been retired for a while, and what a killed run left behind."""
    now = clock.now()
    named = {piece.path for piece in manifest.pieces()}
    due = [one for one in manifest.retired if (now - one.at).total_seconds() > RETIRED_SECONDS]
    unnamed = _orphans(store, manifest, named | {one.path for one in manifest.retired}, now.timestamp())
    for path in {one.path for one in due}.union(unnamed) - named:
        store.remove(f"{manifest.topic}/{path}")
    if due:
        left = tuple(one for one in manifest.retired if one not in due)
        archive_manifest.commit(store, msgspec.structs.replace(manifest, retired=left))
    return len(due) + len(unnamed)


def _orphans(store: Store, manifest: Manifest, named: set[str], now: float) -> list[str]:
    """Files without a name in the manifest that are too old to be of a run that is still going on."""
    start = len(manifest.topic) + 1
    below = (name[start:] for name in store.files(manifest.topic, partials=True))
    return [
        path
        for path in below
        if path not in named
        and not path.startswith("manifest/")
        and store.age_seconds(f"{manifest.topic}/{path}", now) > ORPHAN_SECONDS
    ]
