"""Plays an export of contacts onto the bus: read, mapped, sorted by event time, sent by the player.

The export is read once, in batches. What does not fit in memory waits in temporary files, so that a file of any size
can be sorted: at most `MEMORY_EVENTS` events are held at a time.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl

from schemas.contact import ContactEvent
from schemas.errors import BadConfig
from streams import broker, export, player
from streams.config import Settings
from streams.mapping import Mapping
from streams.rows import COLUMNS, Batch, Rows, contact_event

MEMORY_EVENTS = 250_000
EXAMPLES = 3
SLICE_EVENTS = 125_000
SPILLED_EVENTS = 50_000
Window = tuple[datetime | None, datetime | None]


class Refused(msgspec.Struct):
    """How many rows (or events) were refused for one reason, and the first of them: (row, the text at fault)."""

    count: int = 0
    examples: list[tuple[int, str]] = []


class Report(msgspec.Struct):
    """What became of the rows of an export."""

    read: int = 0
    left_out: int = 0
    outside: int = 0
    refused: dict[str, Refused] = {}

    def add(self, batch: Batch) -> None:
        self.read += batch.rows
        self.left_out += batch.left_out
        for row, reason, detail in batch.refused.iter_rows():
            entry = self.refused.setdefault(reason, Refused())
            entry.count += 1
            if len(entry.examples) < EXAMPLES:
                entry.examples.append((row, detail))


class Spilled:
    """A run of sorted events in files, so small that reading a stretch of it needs little memory."""

    def __init__(self, folder: Path, run: pl.DataFrame) -> None:
        folder.mkdir()
        self._paths = []
        for n, part in enumerate(run.iter_slices(SPILLED_EVENTS)):
            self._paths.append(folder / f"{n:05d}.arrow")
            # what is packed is not mapped: the memory that it takes is free again when it was read
            part.write_ipc(self._paths[-1], compression="lz4")

    def read(self, since: int, many: int) -> pl.DataFrame:
        """`many` of its events, one at least, from number `since` on."""
        first, last = since // SPILLED_EVENTS, (since + many - 1) // SPILLED_EVENTS
        parts = [pl.read_ipc(path) for path in self._paths[first : last + 1]]
        return pl.concat(parts).slice(since - first * SPILLED_EVENTS, many)


class SortedEvents:
    """Events in order of time, whatever the order of the file: sorted runs, merged when they are read."""

    def __init__(self, folder: Path, memory_events: int = MEMORY_EVENTS, since: datetime | None = None) -> None:
        """`since`: from when on they are all that happened; None: from the first of them on."""
        self._folder = folder
        # what is counted from here on is time that passes, not what a wall shows
        self._since = since and since.astimezone(UTC)
        self._memory_events = memory_events
        self._held: list[pl.DataFrame] = []
        self._held_events = 0
        self._spilled: list[Spilled] = []
        self._minutes: list[pl.DataFrame] = []  # how many events of each minute a run has
        self.count = 0
        self.lanes: set[tuple[str, str]] = set()
        self.first: datetime | None = None
        self.last: datetime | None = None

    def start(self, pane: timedelta) -> datetime:
        """From when on something is known: at most a pane before the first event. There is one."""
        assert self.first is not None, "there are no events"
        return self.first if self._since is None else max(self._since, self.first - pane)

    def add(self, events: pl.DataFrame) -> None:
        """Takes the events of a batch, sorted by `occurred_at` or not."""
        if events.is_empty():
            return
        self.count += len(events)
        self.lanes |= set(events.select("tenant", "channel").unique().iter_rows())
        first, last = events["occurred_at"].min(), events["occurred_at"].max()
        assert isinstance(first, datetime) and isinstance(last, datetime)
        self.first = min(self.first or first, first)
        self.last = max(self.last or last, last)
        self._held.append(events)
        self._held_events += len(events)
        if self._held_events >= self._memory_events:
            self._spill()

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        """Rows in the order of `COLUMNS`, by time; of equal times, in the order of the file."""
        for _, events in self.slices():
            yield from events.select(COLUMNS).iter_rows()

    def slices(self, most: int = SLICE_EVENTS) -> Iterator[tuple[datetime, pl.DataFrame]]:
        """The same as frames of whole minutes, with the end of each: of about `most` events, or of one minute."""
        if not self.sealed()._minutes:
            return
        many = pl.concat(self._minutes).group_by("minute").agg(pl.col("n").sum()).sort("minute")
        of = many.with_columns(((pl.col("n").cum_sum() - pl.col("n")) // most).alias("slice"))
        ends = of.group_by("slice").agg(pl.col("minute").max().dt.offset_by("1m")).sort("slice")
        lengths = [
            dict(run.join(of, on="minute").group_by("slice").agg(pl.col("n").sum()).iter_rows())
            for run in self._minutes
        ]
        read = [0] * len(self._spilled)
        for number, end in ends.iter_rows():
            parts = []
            for run, spilled in enumerate(self._spilled):
                if length := lengths[run].get(number, 0):
                    parts.append(spilled.read(read[run], length))
                    read[run] += length
            yield end, parts[0] if len(parts) == 1 else pl.concat(parts).sort("occurred_at", maintain_order=True)

    def sealed(self) -> SortedEvents:
        """Itself with all events on disk: what another process can read."""
        if self._held:
            self._spill()
        return self

    def _spill(self) -> None:
        held = pl.concat(self._held)
        run = (held if held["occurred_at"].is_sorted() else held.sort("occurred_at", "@row")).drop("@row")
        self._spilled.append(Spilled(self._folder / f"run-{len(self._spilled):05d}", run))
        self._minutes.append(
            run.group_by(pl.col("occurred_at").dt.truncate("1m").alias("minute")).agg(pl.len().alias("n"))
        )
        self._held, self._held_events = [], 0


@contextlib.contextmanager
def read(
    path: Path,
    mapping: Mapping,
    settings: Settings,
    window: Window = (None, None),
    progress: Callable[[Report], None] = lambda _: None,
) -> Iterator[tuple[SortedEvents, Report]]:
    """The export's events within `window` (from, before), sorted, and what became of its rows; of a folder, those of
    all of its files.

    Raises BadConfig for a file that cannot be read and for columns that it lacks.
    """
    with tempfile.TemporaryDirectory(prefix="breakwater-feed-") as folder:
        events, report = SortedEvents(Path(folder), since=window[0]), Report()
        for file in files(path):
            rows: Rows | None = None
            with export.batches(file, mapping.csv) as batches:
                for frame in batches:
                    rows = rows or Rows(mapping, frame.schema, list(settings.channels))
                    batch = rows.batch(frame)
                    report.add(batch)
                    kept = within(batch.events, window)
                    report.outside += len(batch.events) - len(kept)
                    events.add(kept)
                    progress(report)
        yield events, report


def files(path: Path) -> list[Path]:
    """The file, or those of a folder by name. Raises BadConfig for an empty one."""
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    if not found:
        raise BadConfig([(str(path), "holds no file")])
    return found


def within(events: pl.DataFrame, window: Window) -> pl.DataFrame:
    since, before = (moment and moment.astimezone(UTC) for moment in window)
    if since is not None:
        events = events.filter(pl.col("occurred_at") >= since)
    return events if before is None else events.filter(pl.col("occurred_at") < before)


def contacts(events: SortedEvents, source: str) -> Iterator[ContactEvent]:
    """The events as values, in order of time."""
    for row in events:
        yield contact_event(row, source)


def feed(
    events: SortedEvents,
    settings: Settings,
    source: str,
    pace: player.Pace | None = None,
    progress: Callable[[player.Played], None] = lambda _: None,
) -> player.Played:
    """Puts sorted events onto the bus with their heartbeats.

    Raises BadConfig when a tenant's clock is not its events' or a topic is missing, Unavailable without a broker.
    """
    if events.first is None:
        raise BadConfig([("mapping", "no event came out of the export: see what was refused and left out")])
    player.check_event_clock(settings, (tenant for tenant, _ in events.lanes))
    broker.refuse_without_topics(settings)
    lanes = [player.lane(tenant, channel, settings.channels[channel]) for tenant, channel in sorted(events.lanes)]
    start = events.start(max(lane.pane for lane in lanes))
    records = player.sendings(contacts(events, source), lanes, source, start)
    return player.Player(settings, pace).play(records, progress)
