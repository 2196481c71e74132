"""Rows of an export to contact events, as polars expressions compiled from a mapping; refused rows keep their reason.

A row is refused whole, with the first reason found; an event that lies before its row's `offered` is refused alone.
Columns of ours begin with @, so that they never meet a column of the export.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import polars as pl

from schemas.contact import ContactEvent
from schemas.errors import BadConfig
from streams.export import EXTRA
from streams.mapping import EPOCHS, ISO_FORMATS, PER_SECOND, Column, Moment, Span, Text, When, template_parts
from streams.mapping import Mapping as ExportMapping

UTC = pl.Datetime("us", "UTC")
_DAY, _HALF_DAY, _HOUR = pl.duration(days=1), pl.duration(hours=12), pl.duration(hours=1)
_NAME_CHARACTERS = 200
_SECONDS_MAX = 31_536_000.0
_REQUIRED = ("tenant", "channel", "queue", "contact_id")
_OPTIONAL = ("reason", "site", "region", "provider", "customer")
_TEXTS = (*_REQUIRED, *_OPTIONAL)


class Batch(msgspec.Struct, frozen=True):
    """What one batch of rows became: `events` sorted by time, columns as `ContactEvent` has them."""

    rows: int
    left_out: int
    events: pl.DataFrame
    refused: pl.DataFrame  # row, reason, detail


class Rows:
    """A mapping, compiled for a file with these columns. Raises BadConfig with every column that the file lacks."""

    def __init__(self, mapping: ExportMapping, schema: Mapping[str, pl.DataType], channels: Sequence[str]) -> None:
        _check_columns(mapping, schema)
        self._mapping = mapping
        self._schema = schema
        self._once: dict[str, set[str]] = {kind: set() for kind, event in mapping.events.items() if event.once}
        self._row = 0
        self._keep = [self._holds(when) for when in mapping.keep]
        self._times = {name: self._naive(moment) for name, moment in mapping.times.items()}
        self._texts = self._compile_texts()
        self._reason = pl.coalesce(*self._reasons(channels), pl.lit(None, pl.String))

    def batch(self, frame: pl.DataFrame) -> Batch:
        """The events of the next rows of the file."""
        numbered = frame.with_row_index("@row", offset=self._row + 1)
        self._row += len(frame)
        kept = numbered.filter(self._keep) if self._keep else numbered
        dated = self._localise(kept.with_columns([t.alias(f"@naive:{name}") for name, t in self._times.items()]))
        told = dated.with_columns([text.alias(f"@{name}") for name, text in self._texts.items()])
        judged = told.with_columns(self._reason.alias("@why"))
        good = judged.filter(pl.col("@why").is_null())
        events = pl.concat([self._event(kind, good) for kind in self._mapping.events])
        backwards = events.filter(pl.col("@backwards"))
        return Batch(
            rows=len(frame),
            left_out=len(frame) - len(kept),
            events=events.filter(~pl.col("@backwards")).drop("@backwards").sort("occurred_at", "@row"),
            refused=pl.concat([_refused(judged), self._without_events(good), _refused_events(backwards)]),
        )

    # texts

    def _text(self, text: Text | None) -> pl.Expr:
        if text is None:
            return pl.lit(None, pl.String)
        if isinstance(text, Column):
            found = self._cell(text.column)
            if text.values:
                found = found.replace_strict(text.values, default=found if text.otherwise == "keep" else None)
            return found if text.default is None else found.fill_null(text.default)
        parts: list[pl.Expr] = []
        for literal, column in template_parts(text):
            parts += [pl.lit(literal)] if literal else []
            parts += [self._cell(column)] if column is not None else []
        return pl.concat_str(parts) if parts else pl.lit("")

    def _compile_texts(self) -> dict[str, pl.Expr]:
        fields = self._mapping.fields
        texts = {name: self._text(getattr(fields, name)) for name in _TEXTS if name != "tenant"}
        return {
            "tenant": self._text(self._mapping.tenant),
            **texts,
            "sentiment": self._text(fields.sentiment).cast(pl.Float64, strict=False).clip(-1, 1),
            "vip": pl.any_horizontal([self._holds(when) for when in fields.vip] or [pl.lit(False)]),
        }

    def _cell(self, column: str) -> pl.Expr:
        """The column's text without blanks around it; null where it means nothing."""
        text = pl.col(column).cast(pl.String).str.strip_chars()
        return pl.when(text.is_in([*self._mapping.empty, ""])).then(None).otherwise(text)

    def _holds(self, when: When) -> pl.Expr:
        cell = self._cell(when.column)
        if when.present is not None:
            return cell.is_not_null() if when.present else cell.is_null()
        if when.one_of is not None:
            return cell.is_in(when.one_of).fill_null(False)
        return ~cell.is_in(when.not_in or []).fill_null(False)

    # times

    def _naive(self, moment: Moment) -> pl.Expr:
        """The moment as it stands in the file: wall clock, or UTC where the text carries its offset."""
        if moment.column is not None:
            return self._parse(moment.column, moment)
        date = self._part(moment.date or "", moment, moment.date_format, pl.Date)
        time = self._part(moment.time or "", moment, moment.time_format, pl.Time)
        return date.dt.combine(time)

    def _part(self, column: str, moment: Moment, form: str, kind: type[pl.DataType]) -> pl.Expr:
        if self._schema[column].is_temporal():
            return pl.col(column).cast(kind)
        return self._time_cell(column, moment).str.strptime(kind, form, strict=False)  # type: ignore[arg-type]

    def _parse(self, column: str, moment: Moment) -> pl.Expr:
        kind = self._schema[column]
        if kind.is_temporal():
            plain = pl.col(column).cast(pl.Datetime("us", getattr(kind, "time_zone", None)))
            return plain.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if self._is_zoned(moment) else plain
        cell = self._time_cell(column, moment)
        found = [self._strptime(cell, form) for form in moment.format or ISO_FORMATS]
        return pl.coalesce(found)

    def _strptime(self, cell: pl.Expr, form: str) -> pl.Expr:
        if form in EPOCHS:
            return (cell.cast(pl.Float64, strict=False) * EPOCHS[form]).cast(pl.Int64).cast(pl.Datetime("us"))
        read = cell.str.to_datetime(form, strict=False, time_unit="us")
        return read.dt.replace_time_zone(None) if "%z" in form else read

    def _time_cell(self, column: str, moment: Moment) -> pl.Expr:
        cell = self._cell(column)
        return pl.when(cell.is_in(moment.empty)).then(None).otherwise(cell) if moment.empty else cell

    def _is_zoned(self, moment: Moment) -> bool:
        kind = self._schema[moment.column] if moment.column is not None else None
        return moment.zoned or getattr(kind, "time_zone", None) is not None

    def _there(self, moment: Moment) -> pl.Expr:
        """Whether the row has the moment at all, readable or not."""
        cells = [self._time_cell(c, moment) for c in (moment.column, moment.date, moment.time) if c is not None]
        return pl.all_horizontal([cell.is_not_null() for cell in cells])

    def _localise(self, frame: pl.DataFrame) -> pl.DataFrame:
        columns = []
        for name, moment in self._mapping.times.items():
            naive = pl.col(f"@naive:{name}")
            if moment.after is not None:
                before = pl.col(f"@naive:{moment.after}")
                naive = pl.when(naive < before - _HALF_DAY).then(naive + _DAY).otherwise(naive)
            utc = naive.dt.replace_time_zone("UTC") if self._is_zoned(moment) else self._to_utc(naive)
            columns.append(utc.cast(UTC).alias(f"@time:{name}"))
        return frame.with_columns(columns)

    def _to_utc(self, naive: pl.Expr) -> pl.Expr:
        zone = self._mapping.time_zone
        twice = "null" if self._mapping.ambiguous == "refuse" else self._mapping.ambiguous
        there = naive.dt.replace_time_zone(zone, ambiguous=twice, non_existent="null").dt.convert_time_zone("UTC")
        if self._mapping.non_existent == "refuse":
            return there
        skipped = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").is_null()
        earlier = (naive - _HOUR).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return pl.when(skipped).then(earlier.dt.convert_time_zone("UTC") + _HOUR).otherwise(there)

    # refusals: each expression is "reason: detail" or null

    def _reasons(self, channels: Sequence[str]) -> Iterator[pl.Expr]:
        if EXTRA in self._schema:
            yield _why(pl.col(EXTRA).is_not_null(), "too-many-columns", pl.col(EXTRA))
        for place, text in (("tenant", self._mapping.tenant), *self._fields()):
            if isinstance(text, Column) and text.values and text.otherwise == "refuse" and text.default is None:
                cell = self._cell(text.column)
                unknown = cell.is_not_null() & ~cell.is_in(list(text.values))
                yield _why(unknown, "unknown-value", pl.format(text.column + "={}", cell))
            if place in _REQUIRED:
                yield _why(pl.col(f"@{place}").is_null() | (pl.col(f"@{place}") == ""), "missing", pl.lit(place))
        yield _why(~pl.col("@channel").is_in(list(channels)), "unknown-channel", pl.col("@channel"))
        for name in _TEXTS:
            long = pl.col(f"@{name}").str.len_chars() > (_NAME_CHARACTERS if name != "channel" else 100)
            yield _why(long, "too-long", pl.lit(name))
        for name, moment in self._mapping.times.items():
            yield from self._bad_time(name, moment)
        for kind, event in self._mapping.events.items():
            for span in (event.wait_seconds, event.handle_seconds):
                if span is not None and span.column is not None:
                    cell, seconds = self._cell(span.column), self._seconds(span)
                    bad = seconds.is_null() | (seconds < 0) | (seconds > _SECONDS_MAX)
                    yield _why(cell.is_not_null() & bad, "bad-number", pl.format(f"{kind} {span.column}={{}}", cell))

    def _fields(self) -> list[tuple[str, Text | None]]:
        return [(name, getattr(self._mapping.fields, name)) for name in _TEXTS if name != "tenant"]

    def _bad_time(self, name: str, moment: Moment) -> Iterator[pl.Expr]:
        naive, utc = pl.col(f"@naive:{name}"), pl.col(f"@time:{name}")
        shown = self._cell(moment.column or moment.time or "")
        yield _why(self._there(moment) & naive.is_null(), "bad-time", pl.format(name + "={}", shown))
        lost = naive.is_not_null() & utc.is_null()
        if self._mapping.ambiguous == "refuse":
            once = naive.dt.replace_time_zone(self._mapping.time_zone, ambiguous="earliest", non_existent="null")
            yield _why(lost & once.is_not_null(), "ambiguous-local-time", pl.format(name + "={}", shown))
        yield _why(lost, "no-such-local-time", pl.format(name + "={}", shown))

    def _without_events(self, good: pl.DataFrame) -> pl.DataFrame:
        some = [self._happens(kind) for kind in self._mapping.events]
        empty = good.filter(~pl.any_horizontal(some)) if len(good) else good
        return empty.select(
            pl.col("@row").alias("row"),
            pl.lit("no-event").alias("reason"),
            pl.lit("no moment of any event").alias("detail"),
        )

    # events

    def _at(self, kind: str) -> pl.Expr:
        return pl.coalesce([pl.col(f"@time:{name}") for name in self._mapping.events[kind].at])  # type: ignore[index]

    def _happens(self, kind: str) -> pl.Expr:
        event = self._mapping.events[kind]  # type: ignore[index]
        return pl.all_horizontal([self._at(kind).is_not_null(), *(self._holds(when) for when in event.when)])

    def _seconds(self, span: Span | None) -> pl.Expr:
        if span is None:
            return pl.lit(None, pl.Float64)
        if span.column is not None:
            return self._cell(span.column).cast(pl.Float64, strict=False) / PER_SECOND[span.unit]
        lasted = (pl.col(f"@time:{span.to}") - pl.col(f"@time:{span.start}")).dt.total_microseconds() / 1e6
        return pl.when(lasted.is_between(0, _SECONDS_MAX)).then(lasted)

    def _event(self, kind: str, good: pl.DataFrame) -> pl.DataFrame:
        event = self._mapping.events[kind]  # type: ignore[index]
        happened = good.filter(self._happens(kind))
        if event.once:
            happened = self._first_only(kind, happened)
        first = self._offered_at(kind)
        texts = [pl.col(f"@{name}").alias(name) for name in (*_TEXTS, "sentiment", "vip")]
        return happened.select(
            self._at(kind).alias("occurred_at"),
            pl.lit(kind).alias("type"),
            *texts,
            pl.lit(event.transfer).alias("transfer"),
            self._seconds(event.wait_seconds).alias("wait_seconds"),
            self._seconds(event.handle_seconds).alias("handle_seconds"),
            pl.concat_str([pl.col("@contact_id"), pl.lit(f"/{kind}")]).alias("event_id"),
            pl.col("@row"),
            (self._at(kind) < first).fill_null(False).alias("@backwards"),
        )

    def _offered_at(self, kind: str) -> pl.Expr:
        if kind == "offered" or "offered" not in self._mapping.events:
            return pl.lit(None, UTC)
        return pl.when(self._happens("offered")).then(self._at("offered"))

    def _first_only(self, kind: str, happened: pl.DataFrame) -> pl.DataFrame:
        """The contacts not met before. Remembers every contact of the file: about 100 bytes each."""
        seen = self._once[kind]
        firsts = happened.unique("@contact_id", keep="first", maintain_order=True)
        new = [contact not in seen for contact in firsts["@contact_id"]]
        kept = firsts.filter(pl.Series(new, dtype=pl.Boolean))
        seen.update(kept["@contact_id"])
        return kept


COLUMNS = ("occurred_at", "type", *_TEXTS, "sentiment", "vip", "transfer", "wait_seconds", "handle_seconds", "event_id")


def contact_event(values: tuple[object, ...], source: str) -> ContactEvent:
    """One row of `Batch.events`, in the order of `COLUMNS`, as a value."""
    return ContactEvent(source=source, **dict(zip(COLUMNS, values, strict=True)))  # type: ignore[arg-type]


def _why(wrong: pl.Expr, reason: str, detail: pl.Expr) -> pl.Expr:
    return pl.when(wrong).then(pl.format(reason + ": {}", detail.cast(pl.String).fill_null("")))


def _refused(judged: pl.DataFrame) -> pl.DataFrame:
    parts = pl.col("@why").str.splitn(": ", 2)
    return judged.filter(pl.col("@why").is_not_null()).select(
        pl.col("@row").alias("row"),
        parts.struct.field("field_0").alias("reason"),
        parts.struct.field("field_1").alias("detail"),
    )


def _refused_events(backwards: pl.DataFrame) -> pl.DataFrame:
    return backwards.select(
        pl.col("@row").alias("row"),
        pl.lit("before-offered").alias("reason"),
        pl.format("{} at {}", pl.col("type"), pl.col("occurred_at").dt.to_string("iso")).alias("detail"),
    )


def _check_columns(mapping: ExportMapping, schema: Mapping[str, pl.DataType]) -> None:
    there = [name for name in schema if name != EXTRA]
    wrong = {place: name for place, name in mapping.columns() if name not in there}
    if wrong:
        has = ", ".join(there[:40])
        raise BadConfig([(place, f"the file has no column {name!r}; it has {has}") for place, name in wrong.items()])
