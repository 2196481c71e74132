"""What flows, as polars frames of documented columns: panes there and back, and what the folds say of them.

Each row of what is said carries its whole record as JSON beside the columns that one looks at first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError
from polars.io.plugins import register_io_source

from schemas import codec, topics
from schemas.base import Message, QueueRef
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.incident import Incident
from schemas.pane import QueueCounts, QueuePane, SourceCover
from schemas.signal import Load, QueueLoad, Signal
from streams.frames.contacts import UTC

Schema = Mapping[str, pl.DataType]
Row = dict[str, Any]

_NAMES = pl.List(pl.Struct({"name": pl.String, "n": pl.Int64}))
_MAPS = tuple(name for name in QueueCounts.__struct_fields__ if name.startswith("by_"))
_COUNTS = tuple(name for name in QueueCounts.__struct_fields__ if name not in _MAPS)
_PANE: Schema = {
    "tenant": pl.String(),
    "channel": pl.String(),
    "pane_start": UTC,
    "pane_seconds": pl.Int64(),
    "partition": pl.Int32(),
    "version": pl.Int64(),  # offset of the record that closed the pane, and one
    "part": pl.Int32(),
    "parts": pl.Int32(),
    "silence": pl.String(),  # what it means where no source has heartbeats: unknown or zero
    "clock": pl.String(),  # system or event
    # how far each source had delivered; the same in all rows of a pane
    "sources": pl.List(
        pl.Struct(
            {
                "source": pl.String,
                "queues": pl.List(pl.String),
                "delivered_to": UTC,
                "covers": pl.Boolean,
                "last": pl.Boolean,
            }
        )
    ),
}
# Final panes: one row a queue of a pane; a pane in which nothing came has one row, its queue is null.
PANES: Schema = {
    **_PANE,
    "queue": pl.String(),
    **dict.fromkeys(_COUNTS, pl.Int64()),  # as in schemas.pane.QueueCounts; times are milliseconds
    **dict.fromkeys(_MAPS, _NAMES),
}
# Every revision of a signal.
SIGNALS: Schema = {
    "tenant": pl.String(),
    "signal_id": pl.String(),
    "revision": pl.Int64(),
    "at": UTC,  # event time of the statement
    "onset": UTC,
    "channel": pl.String(),
    "queue": pl.String(),  # null: the whole channel
    "measure": pl.String(),
    "signal_kind": pl.String(),
    "state": pl.String(),  # opened, revised, cleared
    "observed": pl.Float64(),  # since the onset, as expected is
    "expected": pl.Float64(),
    "ratio": pl.Float64(),
    "usual_low": pl.Float64(),  # where 99 % of such sums lie
    "usual_high": pl.Float64(),
    "rarity_days": pl.Float64(),
    "text": pl.String(),
    "json": pl.String(),  # the DeskEntry, as on the bus
}
# Every revision of an incident.
INCIDENTS: Schema = {
    "tenant": pl.String(),
    "incident_id": pl.String(),
    "revision": pl.Int64(),
    "at": UTC,
    "onset": UTC,
    "opened_at": UTC,
    "resolved_at": UTC,
    "phase": pl.String(),
    "severity": pl.String(),
    "pages": pl.Boolean(),  # whether it may wake a person
    "cause": pl.String(),
    "sureness": pl.Float64(),
    "level": pl.String(),  # queue, channel, site, region, tenant
    "channels": pl.List(pl.String()),
    "symptoms": pl.Int64(),
    "contacts_unusual": pl.Float64(),
    "title": pl.String(),
    "json": pl.String(),
}
ALERTS: Schema = {
    "tenant": pl.String(),
    "alert_id": pl.String(),
    "incident_id": pl.String(),
    "revision": pl.Int64(),
    "at": UTC,
    "channel": pl.String(),
    "queue": pl.String(),
    "state": pl.String(),
    "agents_short": pl.Int64(),  # at most, over the intervals ahead
    "text": pl.String(),
    "json": pl.String(),
}
COMMANDS: Schema = {
    "tenant": pl.String(),
    "command_id": pl.String(),
    "incident_id": pl.String(),
    "issued_at": UTC,
    "expires_at": UTC,
    "action": pl.String(),
    "from_queue": pl.String(),
    "to_queue": pl.String(),
    "share_before": pl.Float64(),
    "share": pl.Float64(),
    "mode": pl.String(),
    "text": pl.String(),
    "json": pl.String(),
}
# What each queue and channel got, minute by minute (or pane by pane, where panes are longer), against what was usual.
EXPECTED: Schema = {
    "tenant": pl.String(),
    "at": UTC,  # end of the stretch
    "seconds": pl.Float64(),
    "known_seconds": pl.Float64(),  # how much of it was delivered
    "channel": pl.String(),
    "queue": pl.String(),  # null: the whole channel
    "arrivals": pl.Int64(),
    "expected": pl.Float64(),
    "expected_low": pl.Float64(),
    "expected_high": pl.Float64(),
}


# ---- panes


def of_panes(panes: Iterable[QueuePane]) -> pl.DataFrame:
    """PANES, in their order."""
    return frame_of([row for pane in panes for row in _pane_rows(pane)], PANES)


def _pane_rows(pane: QueuePane) -> Iterator[Row]:
    sources = [
        {"source": name, "queues": cover.queues, "delivered_to": cover.delivered_to, "covers": cover.covers}
        | {"last": cover.last}
        for name, cover in pane.sources.items()
    ]
    head = {name: getattr(pane, name) for name in _PANE if name != "sources"} | {"sources": sources}
    if not pane.queues:
        yield head | {"queue": None}
    for queue, counts in sorted(pane.queues.items()):
        said = {name: getattr(counts, name) for name in _COUNTS}
        maps = {name: [{"name": one, "n": n} for one, n in sorted(getattr(counts, name).items())] for name in _MAPS}
        yield head | {"queue": queue} | said | maps


def panes_of(frame: pl.DataFrame) -> Iterator[QueuePane]:
    """The final panes of PANES, in their order; the rows of one stand together. Raises BadConfig for other columns."""
    rows = checked(frame, PANES, "panes").iter_rows(named=True)
    place = ("tenant", "channel", "pane_start", "partition", "part")
    for _, mine in groupby(rows, lambda row: [row[name] for name in place]):
        queues = list(mine)
        yield _pane(queues[0], {row["queue"]: _counts(row) for row in queues if row["queue"] is not None})


def _pane(row: Row, queues: dict[str, QueueCounts]) -> QueuePane:
    sources = {
        one["source"]: SourceCover(**{name: one[name] for name in SourceCover.__struct_fields__})
        for one in row["sources"] or ()
    }
    head = {name: row[name] for name in _PANE if name != "sources"}
    return QueuePane(
        **head,
        final=True,
        complete_to=row["pane_start"] + timedelta(seconds=row["pane_seconds"]),
        queues=queues,
        sources=sources,
    )


def _counts(row: Row) -> QueueCounts:
    said: dict[str, Any] = {name: row[name] or 0 for name in _COUNTS}
    maps = {name: {one["name"]: one["n"] for one in row[name] or ()} for name in _MAPS}
    return QueueCounts(**said | maps)


# ---- what is said


def signal(value: Signal, raw: bytes) -> Row:
    at = value.series.at
    return _fields(value, SIGNALS, raw) | {"channel": at.channel, "queue": at.queue, "measure": value.series.measure}


def incident(value: Incident, raw: bytes) -> Row:
    return _fields(value, INCIDENTS, raw) | {
        "cause": value.cause.kind,
        "sureness": value.cause.sureness,
        "level": value.scope.level,
        "channels": value.scope.channels,
        "symptoms": len(value.symptoms),
    }


def alert(value: StaffingAlert, raw: bytes) -> Row:
    short = max((one.agents_short for one in value.intervals), default=0)
    return _fields(value, ALERTS, raw) | {
        "channel": value.queue.channel,
        "queue": value.queue.queue,
        "agents_short": short,
    }


def command(value: LoadShiftCommand, raw: bytes) -> Row:
    return _fields(value, COMMANDS, raw) | {"from_queue": str(value.from_queue), "to_queue": str(value.to_queue)}


def expected(value: Load) -> Iterator[Row]:
    for row in value.loads:
        told = {name: getattr(row, name) for name in EXPECTED if name in row.__struct_fields__ and name != "at"}
        where = {"channel": row.at.channel, "queue": row.at.queue}
        yield {"tenant": value.tenant, "at": value.at, "seconds": value.seconds} | where | told


def load_of(row: Row) -> QueueLoad:
    """What a row of EXPECTED says of its queue or channel."""
    told = {name: row[name] for name in EXPECTED if name in QueueLoad.__struct_fields__ and name != "at"}
    return QueueLoad(at=QueueRef(channel=row["channel"], queue=row["queue"]), **told)


def _fields(value: Any, schema: Schema, raw: bytes) -> Row:
    there = value.__struct_fields__
    return {name: getattr(value, name) for name in schema if name in there} | {"json": raw.decode()}


Told = Callable[[Any, bytes], Row]
SIGNALS_KIND = "signals"
BATCH_LINES = 5_000
# of each topic that a replay writes; signals are entries of the desk
SAID: Mapping[str, tuple[Schema, Told]] = {
    SIGNALS_KIND: (SIGNALS, signal),
    topics.INCIDENTS.name: (INCIDENTS, incident),
    topics.STAFFING_ALERTS.name: (ALERTS, alert),
    topics.LOAD_SHIFT_COMMANDS.name: (COMMANDS, command),
}
_KINDS: Mapping[str, type[Message]] = {
    topics.INCIDENTS.name: Incident,
    topics.STAFFING_ALERTS.name: StaffingAlert,
    topics.LOAD_SHIFT_COMMANDS.name: LoadShiftCommand,
}


def of_said(kind: str, said: Iterable[tuple[Any, bytes]]) -> pl.DataFrame:
    """The frame of one kind in SAID, of values and their bytes."""
    schema, row = SAID[kind]
    return frame_of([row(value, raw) for value, raw in said], schema)


def write_parquet(kind: str, lines: Path, file: Path) -> None:
    """The JSON lines of one kind in SAID as a Parquet file, a few at a time."""
    schema = dict(SAID[kind][0])

    def batches(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        del columns, predicate, rows, size  # the whole is written
        with lines.open("rb") as read:
            while some := list(islice(read, BATCH_LINES)):
                yield of_said(kind, (_said_in(kind, line.rstrip(b"\n")) for line in some))

    register_io_source(batches, schema=schema).sink_parquet(file)


def _said_in(kind: str, raw: bytes) -> tuple[Any, bytes]:
    if kind == SIGNALS_KIND:
        return codec.decode(DeskEntry, raw).body, raw
    return codec.decode(_KINDS[kind], raw), raw


def frame_of(rows: Sequence[Row], schema: Schema) -> pl.DataFrame:
    """Rows as a frame: what one does not name is null. By columns, as polars guesses the types of rows."""
    return pl.DataFrame([pl.Series(name, [row.get(name) for row in rows], kind) for name, kind in schema.items()])


def checked(frame: pl.DataFrame, schema: Schema, name: str) -> pl.DataFrame:
    """The columns of `schema` in its order and types. Raises BadConfig, naming `name`."""
    missing = [column for column in schema if column not in frame.columns]
    if missing:
        raise BadConfig([(name, f"lacks {', '.join(missing)}: docs/analyst.md says what is in it")])
    try:
        return frame.select(pl.col(column).cast(kind) for column, kind in schema.items())
    except PolarsError as error:
        raise BadConfig([(name, f"holds other types: {str(error).splitlines()[0]}")]) from None
