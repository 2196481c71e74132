"""Contacts as polars frames: what archives hold and what panes are counted of, one column a field of `ContactEvent`.

`CONTACTS` are the event's own fields, in their order. `PLACES` say where a record lay on the bus; a frame with both is
a stretch of a log (`LOG`). A row without a `type` is a record that could not be read: it was there and it arrived,
which moves time, and it counts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import polars as pl
from polars.exceptions import PolarsError

from detectors.panes import EPOCH
from schemas.contact import ContactEvent
from schemas.errors import BadConfig

MICROSECOND = timedelta(microseconds=1)
UTC = pl.Datetime("us", "UTC")
Schema = Mapping[str, pl.DataType]

CONTACTS: Schema = {
    "type": pl.String(),  # one of schemas.contact.ContactType; null: the record could not be read
    "occurred_at": UTC,  # event time
    "source": pl.String(),  # what wrote it
    "event_id": pl.String(),  # "" is never taken for a repeat
    "contact_id": pl.String(),
    "tenant": pl.String(),
    "channel": pl.String(),
    "queue": pl.String(),  # "" for heartbeats
    "transfer": pl.Boolean(),
    "reason": pl.String(),  # null: not said; so for all that follow, but vip
    "site": pl.String(),
    "region": pl.String(),
    "provider": pl.String(),
    "vip": pl.Boolean(),
    "sentiment": pl.Float64(),  # -1 to 1
    "wait_seconds": pl.Float64(),
    "handle_seconds": pl.Float64(),
    "customer": pl.String(),  # opaque
    "drill": pl.String(),
    "queues": pl.List(pl.String()),  # of heartbeats
    "last": pl.Boolean(),  # of heartbeats: the source signs off
    "schema_version": pl.Int64(),
}
PLACES: Schema = {
    "topic": pl.String(),  # logical name, such as contact-events.voice
    "partition": pl.Int32(),
    "offset": pl.Int64(),
    "arrived_at": pl.Datetime("ms", "UTC"),  # the record's timestamp
}
LOG: Schema = {**PLACES, **CONTACTS}
NEEDED = ("type", "occurred_at", "tenant", "channel", "queue")  # any other may be missing: it then says nothing

# what an event has where nothing is said
DEFAULTS = {
    field.name: None if field.default is msgspec.NODEFAULT else field.default
    for field in msgspec.structs.fields(ContactEvent)
}
DEFAULTS["source"] = "contacts"
_NOTHING = (None,) * len(CONTACTS)


def of_events(events: Iterable[ContactEvent | None]) -> pl.DataFrame:
    """`CONTACTS` of events in their order; None stands for a record that could not be read."""
    rows = [_NOTHING if event is None else msgspec.structs.astuple(event) for event in events]
    columns = zip(*rows, strict=True) if rows else [()] * len(CONTACTS)
    return pl.DataFrame(
        [_series(name, kind, found) for (name, kind), found in zip(CONTACTS.items(), columns, strict=True)]
    )


def events_of(frame: pl.DataFrame) -> Iterator[ContactEvent | None]:
    """The events of a frame with `CONTACTS`, in its order; None for a record that could not be read."""
    for row in frame.select(list(CONTACTS)).iter_rows():
        yield None if row[0] is None else _event(row)


def checked(frame: pl.DataFrame, schema: Schema = CONTACTS, name: str = "contacts") -> pl.DataFrame:
    """The columns of `schema`, in its order and types; what an event need not say is filled with its default.

    Raises BadConfig, naming `name`, for columns that are missing or hold something else.
    """
    needed = [column for column in schema if column in NEEDED or column in PLACES]
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        text = (
            f"lacks {', '.join(missing)}; it has {', '.join(frame.columns[:40])}: docs/analyst.md says what is needed"
        )
        raise BadConfig([(name, text)])
    try:
        return frame.select(_column(frame, column, kind) for column, kind in schema.items())
    except PolarsError as error:
        raise BadConfig([(name, f"holds another type than contacts have: {str(error).splitlines()[0]}")]) from None


def _column(frame: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Expr:
    default = pl.lit(DEFAULTS.get(name), kind)
    if name not in frame.columns:
        return default.alias(name)
    column = pl.col(name).cast(kind)
    # a record that could not be read has nulls everywhere
    return column if DEFAULTS.get(name) is None else column.fill_null(default)


def _series(name: str, kind: pl.DataType, values: Sequence[Any]) -> pl.Series:
    if kind != UTC:
        return pl.Series(name, values, dtype=kind)
    # polars takes ten times as long over a datetime as over a number
    numbers = [None if value is None else (value - EPOCH) // MICROSECOND for value in values]
    return pl.Series(name, numbers, dtype=pl.Int64()).cast(kind)


def _event(values: tuple[object, ...]) -> ContactEvent:
    return ContactEvent(**dict(zip(CONTACTS, values, strict=True)))  # type: ignore[arg-type]
