"""Panes counted beside the folds that take them: of many contacts in a process, else in a thread.

The process loads this and nothing of the folds.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from typing import NamedTuple

import msgspec

from schemas.pane import PaneRecord
from streams import feed, history
from streams.ahead import ahead
from streams.apart import apart
from streams.config import Settings

PANES_AHEAD = 2_000
BATCH = 100
APART_CONTACTS = 2_000_000  # fewer are counted before a process has begun


class Batch(NamedTuple):
    """Panes as bytes; how many contacts were counted by then, and what was not counted since the last batch."""

    records: bytes
    contacts: int
    noted: dict[str, int]


def beside(
    events: feed.SortedEvents, settings: Settings, noted: Counter[str], progress: Callable[[int], None]
) -> Generator[PaneRecord, None, None]:
    """The panes of sorted contacts, as `history.of_sorted`, made a little ahead."""
    if events.count < APART_CONTACTS or (os.cpu_count() or 1) < 2:
        yield from ahead(history.of_sorted(events, settings, events.lanes, progress, noted), PANES_AHEAD)
        return
    decode = msgspec.msgpack.Decoder(list[PaneRecord]).decode
    with closing(apart(_batches, (events.sealed(), settings), PANES_AHEAD // BATCH)) as batches:
        for batch in batches:
            noted.update(batch.noted)
            progress(batch.contacts)
            yield from decode(batch.records)


def _batches(job: tuple[feed.SortedEvents, Settings]) -> Iterator[Batch]:
    events, settings = job
    contacts, noted = [0], Counter[str]()
    records = history.of_sorted(events, settings, events.lanes, contacts.append, noted)
    encode = msgspec.msgpack.Encoder().encode
    while batch := list(islice(records, BATCH)):
        yield Batch(encode(batch), contacts[-1], dict(noted))
        noted.clear()
    yield Batch(encode([]), contacts[-1], dict(noted))
