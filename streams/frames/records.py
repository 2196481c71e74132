"""Panes that were counted as frames, as the records of `queue-panes` that the ingest writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

import polars as pl

from detectors.panes import moment
from detectors.parts import parts
from schemas.pane import QueueCounts, QueuePane, SourceCover
from streams.frames.covers import PANE
from streams.frames.panes import PaneCounter, PaneFrames

_COUNTS_BYTES = 1_000  # no queue's counts without their names take more
_COVER_BYTES = 200
_HEAD_BYTES = 2_000
_COUNT_BYTES = 24
_CHARACTER_BYTES = 6  # at most, as JSON writes it

Numbered = tuple[int, QueuePane]


def in_order(found: PaneFrames, counter: PaneCounter) -> Iterator[Numbered]:
    """What `counter` found, as finals in the order of their closing, each with that `order`; in parts where one is too
    great for the bus."""
    room = counter.rules.record_bytes_max
    if _bytes_at_most(found, counter.spoken) <= room:
        yield from _whole(found, counter)
        return
    for order, record in _whole(found, counter):
        yield from ((order, part) for part, _ in parts(record, room))


def _whole(found: PaneFrames, counter: PaneCounter) -> Iterator[Numbered]:
    rules = counter.rules
    panes = found.panes.with_row_index("n")
    places = panes.select("n", *PANE)
    queues, sources = _queues(found, places), _sources(found, places, counter.spoken)
    # one at a time: a slice's records are many, and the collector of garbage looks at all that live
    for pane, counts, covers in zip(panes.iter_rows(), queues, sources, strict=True):
        _, partition, tenant, start, version, order = pane
        record = QueuePane(
            tenant=tenant,
            channel=counter.channel,
            pane_start=moment(start),
            pane_seconds=rules.pane_seconds,
            partition=partition,
            version=version,
            final=True,
            complete_to=moment(start + rules.pane_seconds * 1000),
            queues=counts,
            sources=covers,
            silence=rules.silence,
            clock="event" if tenant in rules.event_clock else "system",
        )
        yield order, record


def _queues(found: PaneFrames, places: pl.DataFrame) -> Iterator[dict[str, QueueCounts]]:
    """The counts of each pane's queues."""
    counts, of = found.counts, [*PANE, "queue"]
    said = [name for name in counts.columns if name not in of and (counts[name] != 0).any()]
    maps = [field for field, names in found.names.items() if len(names)]
    told = places.join(counts.select(*of, *said), on=PANE, how="left")
    for field in maps:
        names = found.names[field].group_by(of).agg(pl.col("name").alias(field), pl.col("n").alias(f"{field}@"))
        told = told.join(names, on=of, how="left")
    rows = told.sort("n").select("n", "queue", *said, *(name for field in maps for name in (field, f"{field}@")))
    for _, mine in groupby(rows.iter_rows(), itemgetter(0)):
        yield {row[1]: _counts(row, said, maps) for row in mine if row[1] is not None}


def _counts(row: Sequence, said: list[str], maps: list[str]) -> QueueCounts:  # type: ignore[type-arg]
    fields = dict(zip(said, row[2:], strict=False))
    at = 2 + len(said)
    for field in maps:
        if row[at] is not None:
            fields[field] = dict(zip(row[at], row[at + 1], strict=True))
        at += 2
    return QueueCounts(**fields)


def _sources(
    found: PaneFrames, places: pl.DataFrame, spoken: list[tuple[str, ...]]
) -> Iterator[dict[str, SourceCover]]:
    """How far each pane's sources have delivered."""
    rows = places.join(found.covers, on=PANE, how="left").drop(PANE).sort("n", "source")
    for _, mine in groupby(rows.iter_rows(), itemgetter(0)):
        yield {
            source: SourceCover(queues=list(spoken[said]), delivered_to=moment(to), covers=whole, last=last)
            for _, source, to, whole, last, said in mine
            if source is not None
        }


def _bytes_at_most(found: PaneFrames, spoken: list[tuple[str, ...]]) -> int:
    """No fewer than the greatest of the records takes on the bus, without writing any."""
    names = sum(_most(frame) * (_longest(frame, "name") + _COUNT_BYTES) for frame in found.names.values())
    queues = _most(found.counts) * (_longest(found.counts, "queue") + _COUNTS_BYTES)
    lists = max((sum(len(queue) + 1 for queue in queues) for queues in spoken), default=0) * _CHARACTER_BYTES
    sources = _most(found.covers) * (_longest(found.covers, "source") + _COVER_BYTES + lists)
    return _HEAD_BYTES + names + queues + sources


def _most(rows: pl.DataFrame) -> int:
    """The greatest number of rows that a pane has."""
    return int(rows.group_by(PANE).len()["len"].max() or 0) if len(rows) else 0  # type: ignore[arg-type]


def _longest(rows: pl.DataFrame, name: str) -> int:
    return int(rows[name].str.len_chars().max() or 0) * _CHARACTER_BYTES if len(rows) else 0  # type: ignore[arg-type]
