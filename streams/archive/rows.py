"""Records as the rows of an archive's files.

`RAW` is what came off the bus. Contact events have `frames.contacts.CONTACTS` beside it, all null where the record
could not be read, and `unreadable` then says why. The other topics have the tenant that the record is of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from io import BytesIO
from itertools import chain
from typing import NamedTuple

import msgspec
import polars as pl

from schemas.contact import ContactEvent
from schemas.errors import BadMessage
from schemas.topics import CONTACT_EVENTS, channel_of
from streams.frames import contacts as contact_frames
from streams.ingest import contacts

HEADERS = pl.List(pl.Struct({"name": pl.String(), "value": pl.Binary()}))
RAW: Mapping[str, pl.DataType] = {
    "partition": pl.Int32(),
    "offset": pl.Int64(),
    "arrived_at": pl.Datetime("ms", "UTC"),  # the record's timestamp
    "key": pl.Binary(),
    "value": pl.Binary(),
    "headers": HEADERS,
}
CONTACT_COLUMNS: Mapping[str, pl.DataType] = {**RAW, **contact_frames.CONTACTS, "unreadable": pl.String()}
OTHER_COLUMNS: Mapping[str, pl.DataType] = {**RAW, "tenant": pl.String(), "channel": pl.String()}
ROW_GROUP_ROWS = 64_000
# where a record belongs: columns of a chunk that its files do not hold
_TENANT, _CHANNEL, _DAY, _STAMP = "@tenant", "@channel", "@day", "@stamp"
# the years that dates have: a producer's clock may say anything
_STAMP_MIN, _STAMP_MAX = -62_135_596_800_000, 253_402_300_799_999


class Taken(NamedTuple):
    """Records of one partition as a consumer gives them, column by column; one list a column is what is fast."""

    offsets: Sequence[int]
    timestamps: Sequence[int]  # milliseconds
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Sequence[tuple[str, bytes | None]]]


class Place(NamedTuple):
    """Where rows of a chunk go: one file a place."""

    tenant: str
    channel: str
    day: date


class _Whose(msgspec.Struct):
    tenant: str = ""
    channel: str = ""


_whose = msgspec.json.Decoder(_Whose).decode
_NOBODY = _Whose()


def columns_of(topic: str) -> Mapping[str, pl.DataType]:
    """The columns of a topic's files."""
    return CONTACT_COLUMNS if is_contacts(topic) else OTHER_COLUMNS


def is_contacts(topic: str) -> bool:
    return topic.startswith(f"{CONTACT_EVENTS}.")


def chunk(topic: str, records: Taken, bytes_max: int) -> pl.DataFrame:
    """Records of one partition, decoded; a contact over `bytes_max` cannot be read, as live.

    Plain columns alone: what polars works out is left for `by_place`, once a file and not once a poll.
    """
    offsets, stamps, keys, values, headers = records
    raw = [
        pl.Series("offset", offsets, dtype=pl.Int64()),
        pl.Series(_STAMP, stamps, dtype=pl.Int64()),
        pl.Series("key", keys, dtype=pl.Binary()),
        pl.Series("value", values, dtype=pl.Binary()),
        _headers(headers),
    ]
    if is_contacts(topic):
        read, why = _contacts(values, bytes_max)
        whose = read["tenant"]
        if whose.null_count():
            found = [_of_key(key) if name is None else name for key, name in zip(keys, whose.to_list(), strict=True)]
            whose = pl.Series(found, dtype=pl.String())
        return pl.DataFrame([*raw, *read.get_columns(), why, whose.alias(_TENANT)])
    named = [_of_value(key, value) for key, value in zip(keys, values, strict=True)]
    tenants = pl.Series("tenant", [one.tenant for one in named], dtype=pl.String())
    channels = pl.Series("channel", [one.channel for one in named], dtype=pl.String())
    return pl.DataFrame([*raw, tenants, channels, tenants.alias(_TENANT)])


def by_place(topic: str, partition: int, chunks: Sequence[pl.DataFrame]) -> Iterator[tuple[Place, pl.DataFrame]]:
    """The rows of one partition's chunks, in order of offset, by the file that they belong to."""
    arrived = pl.col(_STAMP).clip(_STAMP_MIN, _STAMP_MAX).cast(RAW["arrived_at"])
    whole = pl.concat(chunks).select(
        pl.lit(partition, RAW["partition"]).alias("partition"),
        "offset",
        arrived.alias("arrived_at"),
        pl.all().exclude("offset", _STAMP),
        (pl.lit(channel_of(topic)) if is_contacts(topic) else pl.col("channel")).alias(_CHANNEL),
        arrived.dt.date().alias(_DAY),
    )
    parts = whole.partition_by([_TENANT, _CHANNEL, _DAY], as_dict=True, include_key=False, maintain_order=True)
    for (tenant, channel, day), rows in sorted(parts.items()):
        yield Place(tenant, channel, day), rows


def raw_bytes(rows: pl.DataFrame) -> int:
    """What the records alone take in memory."""
    return int(sum(rows[name].estimated_size() for name in ("key", "value", "headers")))


def to_parquet(rows: pl.DataFrame) -> bytes:
    out = BytesIO()
    rows.write_parquet(out, compression="zstd", compression_level=1, row_group_size=ROW_GROUP_ROWS)
    return out.getvalue()


def _headers(headers: Sequence[Sequence[tuple[str, bytes | None]]]) -> pl.Series:
    """Flat columns of names and values, cut to a list a record: a Python object a header is what takes the time."""
    counts = list(map(len, headers))
    flat = list(chain.from_iterable(headers))
    names, values = zip(*flat, strict=True) if flat else ((), ())
    pairs = pl.DataFrame(
        {"name": pl.Series(names, dtype=pl.String()), "value": pl.Series(values, dtype=pl.Binary())}
    ).to_struct("headers")
    width = counts[0]
    if width and counts.count(width) == len(counts):
        return pairs.reshape((len(counts), width)).cast(HEADERS)
    number = pl.Series("record", range(len(counts)), dtype=pl.UInt32())
    owner = number.repeat_by(pl.Series(counts, dtype=pl.UInt32())).explode(empty_as_null=False)
    lists = pl.DataFrame([owner.alias("record"), pairs]).group_by("record", maintain_order=True).agg("headers")
    joined = number.to_frame().join(lists, on="record", how="left", maintain_order="left")
    return joined["headers"].fill_null(pl.lit([], HEADERS)).cast(HEADERS)


def _contacts(values: Sequence[bytes | None], bytes_max: int) -> tuple[pl.DataFrame, pl.Series]:
    """The decoded columns, and why a record has none."""
    decoded = contacts.decode_batch(values, bytes_max)
    events = [one if isinstance(one, ContactEvent) else None for one in decoded]
    why = [None if isinstance(one, ContactEvent) else _why(one) for one in decoded]
    return contact_frames.of_events(events), pl.Series("unreadable", why, dtype=pl.String())


def _why(error: contacts.Decoded) -> str:
    return str(error) if isinstance(error, BadMessage) else f"unknown-type: {error}"


def _of_value(key: bytes | None, value: bytes | None) -> _Whose:
    """Whose record it is, as its value says it; where it does not, as the key begins."""
    try:
        found = _whose(value) if value else _NOBODY
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _NOBODY
    return found if found.tenant else _Whose(_of_key(key), found.channel)


def _of_key(key: bytes | None) -> str:
    return key.split(b"|", 1)[0].decode(errors="replace") if key else ""
