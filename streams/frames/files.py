"""Parquet files that hold contacts as they are (`streams.frames.contacts.CONTACTS`): they need no mapping."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from schemas.contact import CONTACT_TYPES
from schemas.errors import BadConfig
from streams import export, feed
from streams.config import Settings
from streams.frames import contacts as contact_frames
from streams.rows import COLUMNS, Batch


def holds_contacts(path: Path) -> bool:
    """Whether the file, or the first of a folder, has the columns that contacts need. Raises BadConfig."""
    file = feed.files(path)[0]
    if not export.is_parquet(file):
        return False
    try:
        return set(contact_frames.NEEDED) <= set(pl.read_parquet_schema(file))
    except (PolarsError, OSError) as error:
        raise BadConfig([(str(file), f"cannot be read: {str(error).splitlines()[0]}")]) from None


@contextlib.contextmanager
def read(
    path: Path,
    settings: Settings,
    window: feed.Window = (None, None),
    progress: Callable[[feed.Report], None] = lambda _: None,
) -> Iterator[tuple[feed.SortedEvents, feed.Report]]:
    """The contacts within `window` (from, before), sorted, and what became of the rows; heartbeats are left out.

    Raises BadConfig for a file that cannot be read or holds something else.
    """
    frames = ((str(file), frame) for file in feed.files(path) for frame in _frames(file))
    with of_frames(frames, settings, window, progress) as found:
        yield found


@contextlib.contextmanager
def of_frames(
    frames: Iterable[tuple[str, pl.DataFrame]],
    settings: Settings,
    window: feed.Window = (None, None),
    progress: Callable[[feed.Report], None] = lambda _: None,
) -> Iterator[tuple[feed.SortedEvents, feed.Report]]:
    """As `read`, of frames, each with the name that a mistake is told with."""
    with tempfile.TemporaryDirectory(prefix="breakwater-replay-") as folder:
        events, report = feed.SortedEvents(Path(folder), since=window[0]), feed.Report()
        for name, frame in frames:
            batch = _batch(contact_frames.checked(frame, name=name), settings, report.read)
            report.add(batch)
            kept = feed.within(batch.events, window)
            report.outside += len(batch.events) - len(kept)
            events.add(kept)
            progress(report)
        yield events, report


@contextlib.contextmanager
def held(contacts: pl.DataFrame, settings: Settings) -> Iterator[tuple[feed.SortedEvents, feed.Report]]:
    """As `read`, of a frame."""
    with of_frames([("contacts", contacts)], settings) as found:
        yield found


def _frames(file: Path) -> Iterator[pl.DataFrame]:
    try:
        yield from pl.scan_parquet(file).collect_batches(chunk_size=feed.SLICE_EVENTS, maintain_order=True)
    except (PolarsError, OSError) as error:
        raise BadConfig([(str(file), f"cannot be read: {str(error).splitlines()[0]}")]) from None


def _batch(frame: pl.DataFrame, settings: Settings, read: int) -> Batch:
    rows = frame.with_row_index("@row", offset=read + 1).with_columns(pl.col("@row").cast(pl.UInt32))
    why = (
        pl.when(pl.col("type").is_null())
        .then(pl.lit("unreadable"))
        .when(~pl.col("type").is_in(CONTACT_TYPES))
        .then(pl.lit("unknown-type"))
        .when(
            pl.any_horizontal(pl.col(name).is_null() | (pl.col(name) == "") for name in ("tenant", "channel", "queue"))
        )
        .then(pl.lit("missing"))
        .when(pl.col("occurred_at").is_null())
        .then(pl.lit("bad-time"))
        .when(~pl.col("channel").is_in(sorted(settings.channels)))
        .then(pl.lit("unknown-channel"))
    )
    contacts = rows.filter(pl.col("type").ne_missing("heartbeat")).with_columns(why.alias("@why"))
    refused = contacts.filter(pl.col("@why").is_not_null()).select(
        pl.col("@row").alias("row"), pl.col("@why").alias("reason"), pl.col("channel").fill_null("").alias("detail")
    )
    return Batch(
        rows=len(frame),
        left_out=len(frame) - len(contacts),
        events=contacts.filter(pl.col("@why").is_null()).select(*COLUMNS, "drill", "@row"),
        refused=refused,
    )
