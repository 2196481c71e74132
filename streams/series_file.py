"""A user's own series: a CSV of times and numbers, read row by row, without a look ahead.

What stops it names the row (the header is row 1). What does not stop it is counted, with the first rows: repeated and
backward times, gaps, values that are none.
"""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple
from zoneinfo import ZoneInfo

from schemas.errors import BadConfig

NO_VALUE = frozenset(("", "-", "?", "na", "n/a", "nan", "null", "none"))
ROWS_SHOWN = 3
_UNSORTED_ROWS = 10
_MILLISECONDS = 1e11
_OPEN: dict[str, Callable[[IO[bytes]], Any]] = {".gz": gzip.open, ".xz": lzma.open}


class Row(NamedTuple):
    """`at` is in Unix seconds; `texts` are the value cells as they stand in the file."""

    number: int
    stamp: str
    at: float
    texts: tuple[str, ...]
    values: tuple[float, ...]


class Notes:
    """What was odd but did not stop the reading: how often, and in which rows first."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, list[int]]] = {}

    def add(self, what: str, row: int) -> None:
        count, rows = self.found.get(what, (0, []))
        self.found[what] = (count + 1, rows if len(rows) >= ROWS_SHOWN else [*rows, row])

    def count(self, what: str) -> int:
        return self.found.get(what, (0, []))[0]

    def lines(self) -> list[str]:
        return [
            f"{count:,} {what} (row{'s' * (len(rows) > 1)} {', '.join(map(str, rows))}{', ...' * (count > len(rows))})"
            for what, (count, rows) in self.found.items()
        ]


REPEATED = "repeated times: scored, not learned"
BACKWARD = "times before one above: scored, not learned"
GAPS = "gaps"
UNKNOWN = "rows without a value: unknown"


class Stamps:
    """Times of one file: all with an offset, or none, which are then of `zone`."""

    def __init__(self, zone: ZoneInfo | None) -> None:
        self._zone = zone or UTC
        self._naive: bool | None = None
        self._last = -math.inf

    def read(self, text: str) -> float:
        """Unix seconds. Raises ValueError."""
        moment = self._parse(text.strip())
        if isinstance(moment, float):
            return moment
        naive = moment.tzinfo is None
        if self._naive is not None and naive != self._naive:
            has, had = ("no offset", "one") if naive else ("an offset", "none")
            raise ValueError(f"{text!r} has {has} and the times before it had {had}")
        self._naive = naive
        at = moment.replace(tzinfo=self._zone).timestamp() if naive else moment.timestamp()
        if naive and at <= self._last:
            # the hour that daylight saving repeats
            at = max(at, moment.replace(tzinfo=self._zone, fold=1).timestamp())
        self._last = at
        return at

    def _parse(self, text: str) -> datetime | float:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 1e8 < seconds < 1e14:
            raise ValueError(f"{text!r} is no ISO 8601 time, such as 2026-03-02T09:30:00Z") from None
        return seconds / 1000 if seconds > _MILLISECONDS else seconds


class Series:
    """The rows of an open file. `spacing` is the distance of its first two times; no `fields` means all columns."""

    def __init__(self, path: Path, raw: IO[bytes], fields: tuple[str, ...], zone: ZoneInfo | None) -> None:
        self.notes = Notes()
        self.spacing = 0.0
        self.size = path.stat().st_size
        self.fields = fields
        self._path, self._raw = path, raw
        self._stamps = Stamps(zone)
        self._last = -math.inf
        packed = _OPEN.get(path.suffix.lower())
        text = io.TextIOWrapper(packed(raw) if packed else raw, encoding="utf-8-sig", newline="")
        self._cells = csv.reader(text)
        self._columns = self._header()

    def place(self) -> int:
        """Bytes of the file that were read."""
        return self._raw.tell()

    def rows(self) -> Iterator[Row]:
        """Raises BadConfig with the row."""
        stamp, values = self._columns
        needed = max(stamp, *values)
        for cells in self._read():
            if not cells:
                continue
            number = self._cells.line_num
            if len(cells) <= needed:
                raise self._bad(number, f"has {len(cells)} cells; it needs {needed + 1}")
            texts = tuple(cells[column] for column in values)
            try:
                at = self._stamps.read(cells[stamp])
                row = Row(number, cells[stamp], at, texts, tuple(map(_value, texts)))
            except ValueError as error:
                raise self._bad(number, str(error)) from None
            self._look(row)
            yield row

    def _read(self) -> Iterator[list[str]]:
        try:
            yield from self._cells
        except (csv.Error, UnicodeDecodeError, EOFError, OSError, lzma.LZMAError) as error:
            raise self._bad(self._cells.line_num + 1, f"cannot be read: {error}") from None

    def _header(self) -> tuple[int, list[int]]:
        """Where the time and the numbers stand."""
        wanted = ("timestamp", *self.fields)
        header = next(self._read(), None)
        fix = f"the first row must be {','.join(wanted)}"
        if header is None:
            raise BadConfig([(str(self._path), f"is empty: {fix}")])
        names = [name.strip().lower() for name in header]
        missing = [name for name in wanted if name not in names]
        if not missing:
            self.fields = self.fields or tuple(name for name in names if name != "timestamp")
            return names.index("timestamp"), [names.index(name) for name in self.fields]
        if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
            raise self._bad(1, "the columns are not separated by commas")
        if "timestamp" in names:
            raise self._bad(1, f"there is no column {', '.join(missing)} in {','.join(header)}")
        raise self._bad(1, f"{','.join(header)!r} is no header: {fix}")

    def _look(self, row: Row) -> None:
        notes, step = self.notes, row.at - self._last
        if step <= 0:
            notes.add(BACKWARD if step < 0 else REPEATED, row.number)
            if notes.count(BACKWARD) > max(_UNSORTED_ROWS, row.number / 2):
                raise self._bad(row.number, f"{row.stamp} is before one above, as most are: sort the file by time")
        elif step < math.inf:
            if not self.spacing:
                self.spacing = step
            elif step > 1.5 * self.spacing:
                notes.add(GAPS, row.number)
        if any(map(math.isnan, row.values)):
            notes.add(UNKNOWN, row.number)
        self._last = max(self._last, row.at)

    def _bad(self, number: int, text: str) -> BadConfig:
        return BadConfig([(f"{self._path} row {number}", text)])


@contextmanager
def open_series(path: Path, fields: tuple[str, ...], zone: ZoneInfo | None) -> Iterator[Series]:
    """`zone` is that of times without offset; None is UTC. Raises BadConfig."""
    with path.open("rb") as raw:
        yield Series(path, raw, fields, zone)


def _value(text: str) -> float:
    """NaN for a word that means that there is none. Raises ValueError for any other text."""
    try:
        return float(text)
    except ValueError:
        if text.strip().lower() in NO_VALUE:
            return math.nan
        raise ValueError(f"{text!r} is no number") from None
