"""Reads an export of contacts in batches: CSV (plain, gzip, xz, zst) as texts, Parquet with its types."""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import polars as pl
from polars.exceptions import PolarsError

from schemas.errors import BadConfig
from streams.mapping import Csv

BATCH_ROWS = 50_000
EXTRA = "@extra"  # whatever stands behind the last column of a row
_READ_BY_POLARS = (".csv", ".tsv", ".txt", ".gz", ".zst", ".zstd")


@contextlib.contextmanager
def batches(path: Path, csv: Csv) -> Iterator[Iterator[pl.DataFrame]]:
    """The rows of an export, in the file's order, `BATCH_ROWS` at a time.

    A CSV's columns are texts, and one more, `EXTRA`, holds what a row has too many. Raises BadConfig for a file that
    cannot be read.
    """
    with contextlib.ExitStack() as stack:
        try:
            frame = pl.scan_parquet(path) if is_parquet(path) else _scan_csv(_utf8(path, csv.encoding, stack), csv)
        except (PolarsError, OSError, EOFError, lzma.LZMAError, UnicodeError) as error:
            raise BadConfig([(str(path), f"cannot be read: {_first_line(error)}")]) from None
        yield _read(path, frame)


def is_parquet(path: Path) -> bool:
    """By its first bytes, not by its name."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError as error:
        raise BadConfig([(str(path), f"cannot be read: {error.strerror}")]) from None


def _read(path: Path, frame: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    try:
        yield from frame.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True)
    except PolarsError as error:
        raise BadConfig([(str(path), f"cannot be read: {_first_line(error)}")]) from None


def _scan_csv(path: Path, csv: Csv) -> pl.LazyFrame:
    options = {"separator": csv.separator, "quote_char": csv.quote or None}
    names = pl.scan_csv(path, infer_schema=False, **options).collect_schema().names()  # type: ignore[arg-type]
    columns: dict[str, type[pl.DataType]] = dict.fromkeys((*names, EXTRA), pl.String)
    return pl.scan_csv(
        path,
        has_header=False,
        skip_rows=1,
        schema=columns,
        truncate_ragged_lines=True,
        missing_columns="insert",
        empty_string_is_null=True,
        **options,  # type: ignore[arg-type]
    )


def _utf8(path: Path, encoding: str, stack: contextlib.ExitStack) -> Path:
    """The file itself where polars can read it, else a temporary copy, unpacked and in UTF-8."""
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8") and path.suffix.lower() in _READ_BY_POLARS:
        return path
    copy = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="breakwater-feed-"))) / "export.csv"
    with _open(path) as packed, copy.open("w", encoding="utf-8", newline="") as plain:
        try:
            shutil.copyfileobj(io.TextIOWrapper(packed, encoding=encoding, newline=""), plain, 1 << 20)
        except LookupError:
            raise BadConfig([("csv.encoding", f"{encoding!r} is no encoding that Python knows")]) from None
    return copy


def _open(path: Path) -> IO[bytes]:
    if path.suffix.lower() == ".xz":
        return lzma.open(path)
    if path.suffix.lower() == ".gz":
        return gzip.open(path)  # type: ignore[return-value]
    if path.suffix.lower() in (".zst", ".zstd"):
        raise BadConfig([("csv.encoding", "a zst file must be UTF-8: unpack it first")])
    return path.open("rb")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
