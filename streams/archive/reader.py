"""Reads archives: as what came off the bus, in the order of offsets, or as a polars frame.

Several archives of the same topics are read as one: an offset that two of them have counts once, and where they belong
to different topics of one name they are refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from schemas.errors import BadConfig
from schemas.topics import CONTACT_EVENTS
from streams import telemetry
from streams.archive import manifest as archive_manifest
from streams.archive import rows as archive_rows
from streams.archive import scan
from streams.archive.manifest import Lost, Manifest, Piece, Segment
from streams.archive.store import Store, open_store
from streams.faust_handler import Arrival
from streams.frames import contacts as contact_frames

FIX_DAMAGED = (
    "restore it from a backup, or take it out with `breakwater archive check --drop`, and the next run of "
    "`breakwater archive` reads what the topic still has"
)
SLICE_ROWS = 8_192
Roots = str | Path | Sequence[str | Path]

_log = telemetry.logger("archive")


class Span(NamedTuple):
    """The part of a segment that is read: of offsets that several archives have, the first archive's."""

    store: Store
    topic: str
    segment: Segment
    begin: int
    end: int

    def pieces(self, since: datetime | None, before: datetime | None) -> list[Piece]:
        """The files that may hold something of it."""
        return [
            piece
            for piece in self.segment.pieces
            if (since is None or piece.last_at >= since)
            and (before is None or piece.first_at < before)
            and piece.last_offset >= self.begin
            and piece.first_offset < self.end
        ]


def is_archive(place: str | Path) -> bool:
    """Whether a folder or URL holds an archive. Raises BadConfig for a URL that fsspec does not know, Unavailable."""
    return archive_manifest.is_archive(open_store(str(place)))


def topics(roots: Roots) -> list[str]:
    """The topics that lie in the archives, by their names without prefix. Raises BadConfig, Unavailable."""
    return sorted({topic for store in _stores(roots) for topic in archive_manifest.topics_in(store)})


def arrivals(
    roots: Roots, topic: str, since: datetime | None = None, before: datetime | None = None
) -> Iterator[Arrival]:
    """The records that arrived from `since` to before `before`, partition by partition, each in the order of offsets;
    `contact-events` is those of all channels.

    Holds one segment in memory at a time. Raises BadConfig for a topic that is not there, for offsets that are missing
    inside the range or there twice, and for a damaged file; Unavailable.
    """
    for name in named(roots, topic):
        for span in _chosen(_spans(roots, name), _manifests(roots, name), since, before):
            yield from _arrivals(name, _rows(span, since, before))


def frame(roots: Roots, topic: str, since: datetime | None = None, before: datetime | None = None) -> pl.LazyFrame:
    """The same records as a lazy frame: `topic`, then `archive_rows.columns_of(topic)` and what a later release added;
    in no order across files. Of a folder polars reads no more columns and rows than are asked for.

    Raises BadConfig as `arrivals` does, and for files whose columns contradict each other, before it is collected.
    """
    return pl.concat([_frame(roots, name, since, before) for name in named(roots, topic)], how="diagonal")


def contacts(roots: Roots, since: datetime | None = None, before: datetime | None = None) -> Iterator[pl.DataFrame]:
    """Frames of `frames.contacts.CONTACTS`, by arrival; of bounded size. Raises as `frame`."""
    wanted = frame(roots, CONTACT_EVENTS, since, before).select(*contact_frames.CONTACTS)
    yield from wanted.collect_batches(chunk_size=SLICE_ROWS * 8, maintain_order=True)


def lost(roots: Roots, topic: str) -> list[Lost]:
    """The offsets of one topic that were gone before they were archived, and that no other of the archives has."""
    held = [(span.segment.partition, span.begin, span.end) for span in _spans(roots, topic)]
    found = [one for manifest in _manifests(roots, topic) for one in manifest.lost]
    return [one for one in found if not any(p == one.partition and b <= one.begin and one.end <= e for p, b, e in held)]


def named(roots: Roots, topic: str) -> list[str]:
    """The topic, or those of all channels for `contact-events`. Raises BadConfig where it was not archived."""
    there = topics(roots)
    found = [name for name in there if name == topic or (topic == CONTACT_EVENTS and archive_rows.is_contacts(name))]
    if not found:
        places = " and ".join(store.place() for store in _stores(roots))
        raise BadConfig([(places, f"has no records of {topic}: there is {', '.join(there) or 'nothing'}")])
    return found


def read_piece(store: Store, topic: str, piece: Piece, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """One file, checked to the byte. Raises BadConfig that names it where it is not what was archived; Unavailable."""
    name = f"{topic}/{piece.path}"
    try:
        content = store.read(name)
    except FileNotFoundError:
        raise _damaged(store, name, "is missing") from None
    if len(content) != piece.bytes:
        raise _damaged(store, name, f"has {len(content):,} bytes of {piece.bytes:,}: it was cut short or overwritten")
    if hashlib.sha256(content).hexdigest() != piece.sha256:
        raise _damaged(store, name, "was changed after it was archived: its digest is another")
    try:
        return pl.read_parquet(BytesIO(content), columns=list(columns) if columns else None)
    except PolarsError as error:
        raise _damaged(store, name, f"is no Parquet file ({str(error).splitlines()[0]})") from None


def _damaged(store: Store, name: str, what: str) -> BadConfig:
    return BadConfig([(store.place(name), f"{what}; {FIX_DAMAGED}")])


def _rows(span: Span, since: datetime | None, before: datetime | None) -> pl.DataFrame:
    """A span's records in order. Raises BadConfig where an offset is there twice or out of its range."""
    raw = list(archive_rows.RAW)
    parts = [read_piece(span.store, span.topic, piece, raw) for piece in span.pieces(since, before)]
    if not parts:
        return pl.DataFrame(schema=archive_rows.RAW)
    rows = pl.concat(parts).sort("offset")
    offsets = rows["offset"]
    if offsets.n_unique() != len(rows) or offsets[0] < span.segment.begin or offsets[-1] >= span.segment.end:
        where = f"{span.topic}/{span.segment.partition}, offsets {span.segment.begin:,} to {span.segment.end:,}"
        raise BadConfig([(span.store.place(), f"{where}: holds an offset twice or of another range; {FIX_DAMAGED}")])
    return rows.filter(within(since, before), pl.col("offset").is_between(span.begin, span.end, closed="left"))


def _arrivals(topic: str, rows: pl.DataFrame) -> Iterator[Arrival]:
    """Rows with the columns of `RAW` as what came off the bus."""
    for part in rows.iter_slices(SLICE_ROWS):
        plain = [part[name].to_list() for name in ("partition", "offset", "arrived_at", "key", "value")]
        for partition, offset, at, key, value, headers in zip(*plain, _pairs(part["headers"]), strict=True):
            yield Arrival(topic, partition, offset, key, value, headers, at)


def _pairs(headers: pl.Series) -> Iterator[list[tuple[str, bytes]]]:
    """Lists of (name, value); no value is an empty one, as for every reader of ours."""
    flat = headers.explode(empty_as_null=False, keep_nulls=False).struct
    names, values = flat.field("name").to_list(), flat.field("value").to_list()
    at = 0
    for count in headers.list.len().to_list():
        yield [
            (name, value or b"") for name, value in zip(names[at : at + count], values[at : at + count], strict=True)
        ]
        at += count


def within(since: datetime | None, before: datetime | None) -> pl.Expr:
    """Whether a record arrived in that time."""
    found = pl.lit(True)
    if since is not None:
        found &= pl.col("arrived_at") >= since
    return found if before is None else found & (pl.col("arrived_at") < before)


def _frame(roots: Roots, topic: str, since: datetime | None, before: datetime | None) -> pl.LazyFrame:
    chosen = _chosen(_spans(roots, topic), _manifests(roots, topic), since, before)
    whole: dict[int, tuple[Store, list[Piece]]] = {}
    parts: list[pl.LazyFrame] = []
    for span in chosen:
        pieces = span.pieces(since, before)
        if (span.begin, span.end) == (span.segment.begin, span.segment.end):
            whole.setdefault(id(span.store), (span.store, []))[1].extend(pieces)
        elif pieces:
            cut = scan.scan(span.store, topic, pieces)
            parts.append(cut.filter(pl.col("offset").is_between(span.begin, span.end, closed="left")))
    parts += [scan.scan(store, topic, pieces) for store, pieces in whole.values() if pieces]
    if not parts:
        parts = [pl.LazyFrame(schema=archive_rows.columns_of(topic))]
    rows = pl.concat(parts, how="diagonal") if len(parts) > 1 else parts[0]
    if since is not None or before is not None:
        rows = rows.filter(within(since, before))
    return rows.select(pl.lit(topic).alias("topic"), pl.all())


def _chosen(
    spans: Sequence[Span], manifests: Sequence[Manifest], since: datetime | None, before: datetime | None
) -> list[Span]:
    """The spans that have something of that time. Raises BadConfig where offsets between two of them are missing."""
    found: list[Span] = []
    by_partition: dict[int, list[Span]] = {}
    for span in spans:
        by_partition.setdefault(span.segment.partition, []).append(span)
    for partition, ours in by_partition.items():
        wanted = [n for n, span in enumerate(ours) if span.pieces(since, before)]
        if not wanted:
            continue
        stretch = ours[wanted[0] : wanted[-1] + 1]
        gone = [one for manifest in manifests for one in manifest.lost_of(partition)]
        for one, other in pairwise(stretch):
            _refuse_hole(one, other, gone)
        found += stretch
    return found


def _refuse_hole(one: Span, other: Span, gone: Sequence[Lost]) -> None:
    at = one.end
    for hole in sorted(gone, key=lambda hole: hole.begin):
        if hole.begin <= at < hole.end:
            where = f"{one.topic}/{one.segment.partition}"
            _log.warning("the topic had lost these before they were archived", at=where, begin=at, end=hole.end)
            at = hole.end
    if at < other.begin:
        where = f"{one.topic}/{one.segment.partition}"
        text = (
            f"offsets {at:,} to {other.begin:,} of {where} were not archived: run `breakwater archive` again "
            "without --from, or read a range without them"
        )
        raise BadConfig([(one.store.place(), text)])


def _spans(roots: Roots, topic: str) -> list[Span]:
    """What is read of each segment, by partition and offset: no offset twice. Raises BadConfig for archives of
    different topics of one name, and for a manifest that says an offset twice."""
    stores, manifests = _stores(roots), _manifests(roots, topic)
    ids = {
        manifest.topic_id: store.place() for store, manifest in zip(stores, manifests, strict=True) if manifest.topic_id
    }
    if len(ids) > 1:
        places = " and ".join(ids.values())
        raise BadConfig([(places, f"hold different topics that both had the name {topic}: give one of them")])
    found = [
        Span(store, topic, segment, segment.begin, segment.end)
        for store, manifest in zip(stores, manifests, strict=True)
        for segment in _without_overlap(store, manifest)
    ]
    found.sort(key=lambda span: (span.segment.partition, span.begin))  # stable: the first archive's first
    kept: list[Span] = []
    for span in found:
        last = kept[-1] if kept and kept[-1].segment.partition == span.segment.partition else None
        begin = span.begin if last is None else max(span.begin, last.end)
        if begin < span.end:
            kept.append(span._replace(begin=begin))
    return kept


def _without_overlap(store: Store, manifest: Manifest) -> Sequence[Segment]:
    for one, other in pairwise(archive_manifest.in_order(manifest.segments)):
        if one.partition == other.partition and other.begin < one.end:
            where = f"offsets {other.begin:,} to {one.end:,} of {manifest.topic}/{one.partition}"
            text = f"its manifest has {where} twice: it was changed by hand; restore version {manifest.version - 1}"
            raise BadConfig([(store.place(manifest.topic), text)])
    return manifest.segments


def _stores(roots: Roots) -> list[Store]:
    places = [roots] if isinstance(roots, str | Path) else roots
    return [open_store(str(place)) for place in places]


def _manifests(roots: Roots, topic: str) -> list[Manifest]:
    return [archive_manifest.load(store, topic) for store in _stores(roots)]
