"""Panes that were counted as frames, as the records of `queue-panes` that the ingest writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

import polars as pl

from detectors.panes import moment
from detectors.parts import parts
from schemas.pane import QueueCounts, QueuePane, SourceCover
from streams.cover_frames import PANE
from streams.pane_frames import PaneCounter, PaneFrames

_COUNT_BYTES = 1_000  # no queue's counts without its names take more
_HEAD_BYTES = 2_000
_CHARACTER_BYTES = 6  # at most, as JSON writes it

Maps = dict[tuple[int, str], dict[str, dict[str, int]]]


def in_order(found: PaneFrames, counter: PaneCounter) -> Iterator[tuple[int, QueuePane]]:
    """What `counter` found, as finals in the order of their closing, each with that `order`; in parts where one is too
    great for the bus."""
    channel, rules, spoken = counter.channel, counter.rules, counter.spoken
    panes = found.panes.with_row_index("n")
    places = panes.select("n", *PANE)
    counts = _by_pane(found.counts, places)
    covers = _by_pane(found.covers, places)
    maps = _maps(found, places)
    fields = found.counts.columns[len(PANE) + 1 :]
    for n, partition, tenant, start, version, order in panes.select("n", *PANE, "version", "order").iter_rows():
        rows = counts.get(n, ())
        queues = {
            queue: QueueCounts(**dict(zip(fields, values, strict=True)), **maps.get((n, queue), {}))  # type: ignore[arg-type]
            for queue, *values in rows
        }
        record = QueuePane(
            tenant=tenant,
            channel=channel,
            pane_start=moment(start),
            pane_seconds=rules.pane_seconds,
            partition=partition,
            version=version,
            final=True,
            complete_to=moment(start + rules.pane_seconds * 1000),
            queues=queues,
            sources={
                source: SourceCover(queues=list(spoken[said]), delivered_to=moment(to), covers=whole, last=last)
                for source, to, whole, last, said in covers.get(n, ())
            },
            silence=rules.silence,
            clock="event" if tenant in rules.event_clock else "system",
        )
        if _bytes_at_most(record) <= rules.record_bytes_max:
            yield order, record
        else:
            yield from ((order, part) for part, _ in parts(record, rules.record_bytes_max))


def _by_pane(rows: pl.DataFrame, places: pl.DataFrame) -> dict[int, list[tuple]]:  # type: ignore[type-arg]
    """The rows of each pane without its place, by name."""
    told = places.join(rows, on=PANE, how="inner").drop(PANE)
    told = told.sort(told.columns[:2])
    return {n: [row[1:] for row in mine] for n, mine in groupby(told.iter_rows(), itemgetter(0))}


def _maps(found: PaneFrames, places: pl.DataFrame) -> Maps:
    maps: Maps = defaultdict(dict)
    for field, names in found.names.items():
        for n, queue, name, count in (
            places.join(names, on=PANE, how="inner").drop(PANE).sort("n", "queue", "name").iter_rows()
        ):
            maps[n, queue].setdefault(field, {})[name] = count
    return maps


def _bytes_at_most(record: QueuePane) -> int:
    """No fewer than the record takes on the bus, without writing it."""
    words = 0
    for queue, counts in record.queues.items():
        maps = (counts.by_reason, counts.by_site, counts.by_region, counts.by_provider)
        words += _COUNT_BYTES + _CHARACTER_BYTES * len(queue)
        words += sum(_CHARACTER_BYTES * len(name) + 24 for names in maps for name in names)
    for source, cover in record.sources.items():
        words += 200 + _CHARACTER_BYTES * (len(source) + sum(len(queue) + 1 for queue in cover.queues))
    return words + _HEAD_BYTES
