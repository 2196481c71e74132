"""Files of an archive as one lazy frame, whatever releases wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO

import polars as pl
from polars.exceptions import PolarsError
from polars.io.plugins import register_io_source

from schemas.errors import BadConfig
from streams.archive import rows as archive_rows
from streams.archive.manifest import Piece
from streams.archive.store import Store

FIX = "restore the file that was archived, or take it out with `breakwater archive check --drop`"
# what a later release may widen without meaning something else
_WIDER = {(pl.Int32(), pl.Int64()), (pl.Float32(), pl.Float64())}


def scan(store: Store, topic: str, pieces: Sequence[Piece]) -> pl.LazyFrame:
    """All columns that any of the files has, null where a file lacks one.

    Raises BadConfig that names the file for one that is missing, cut short, no Parquet, or that has a column of a type
    that contradicts the others; Unavailable.
    """
    names = [f"{topic}/{piece.path}" for piece in pieces]
    schema = _agreed(store, names, pieces, archive_rows.columns_of(topic))
    paths = [path for path in map(store.local, names) if path is not None]
    if paths:
        return pl.scan_parquet(
            paths,
            schema=dict(schema),
            missing_columns="insert",
            cast_options=pl.ScanCastOptions(integer_cast="upcast", float_cast="upcast"),
            hive_partitioning=False,
            glob=False,
        )
    return register_io_source(_Remote(store, names, schema), schema=dict(schema))


class _Remote:
    """Reads file by file: what polars asks a source of its own for."""

    def __init__(self, store: Store, names: Sequence[str], schema: Mapping[str, pl.DataType]) -> None:
        self._store, self._names, self._schema = store, names, schema

    def __call__(
        self, columns: list[str] | None, predicate: pl.Expr | None, rows_max: int | None, batch: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch
        for name in self._names:
            rows = _as(pl.read_parquet(BytesIO(self._store.read(name))), self._schema)
            if predicate is not None:
                rows = rows.filter(predicate)
            rows = rows.select(columns) if columns is not None else rows
            if rows_max is not None:
                rows, rows_max = rows.head(rows_max), max(rows_max - len(rows), 0)
            yield rows
            if rows_max == 0:
                return


def _as(rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name) for name, kind in schema.items()
    )


def _agreed(
    store: Store, names: Sequence[str], pieces: Sequence[Piece], known: Mapping[str, pl.DataType]
) -> Mapping[str, pl.DataType]:
    found = dict(known)
    said_by: dict[str, str] = {}
    read: set[str] = set()
    for name, piece in zip(names, pieces, strict=True):
        _check_size(store, name, piece)
        if piece.columns in read:
            continue
        read.add(piece.columns)
        for column, kind in _schema(store, name).items():
            there = found.setdefault(column, kind)
            said_by.setdefault(column, name)
            if kind == there or (kind, there) in _WIDER:
                continue
            if (there, kind) not in _WIDER or column in known:
                other = "this release" if column in known else store.place(said_by[column])
                text = f"column {column} is {kind}, and {there} in {other}: the two cannot be read as one; {FIX}"
                raise BadConfig([(store.place(name), text)])
            found[column] = kind
    return found


def _check_size(store: Store, name: str, piece: Piece) -> None:
    try:
        size = store.size(name)
    except FileNotFoundError:
        raise BadConfig([(store.place(name), f"is missing; {FIX}")]) from None
    if size != piece.bytes:
        text = f"has {size:,} bytes of {piece.bytes:,}: it was cut short or overwritten; {FIX}"
        raise BadConfig([(store.place(name), text)])


def _schema(store: Store, name: str) -> Mapping[str, pl.DataType]:
    try:
        return pl.read_parquet_schema(store.local(name) or BytesIO(store.read(name)))
    except PolarsError as error:
        raise BadConfig([(store.place(name), f"is no Parquet file ({str(error).splitlines()[0]}); {FIX}")]) from None
