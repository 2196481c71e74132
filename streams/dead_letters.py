"""What becomes of a record that cannot be read, and how it goes back after a fix.

A dead letter lies on `<topic>.dead-letter`, key `topic/partition/offset` of the record it was: the original bytes and
headers, capped, then headers of ours that say why. Once it was replayed, a mark under the same key on the same topic
says so: asking twice sends it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.codec import Headers, rfc3339
from schemas.errors import BadMessage
from schemas.topics import DEAD_LETTER

BYTES_MAX = 65_536
DETAIL_CHARACTERS_MAX = 1_000

# Our headers come after the original ones, this one first: what stands before the last of it is the writer's own.
TOPIC = "error.topic"
PARTITION = "error.partition"
OFFSET = "error.offset"
TIMESTAMP = "error.timestamp"  # milliseconds of the Unix epoch: the arrival of the original
REASON = "error.reason"
PATH = "error.path"
DETAIL = "error.detail"
KEY = "error.key"  # left out where the original had no key
NO_VALUE = "error.no-value"  # the original was a tombstone, not an empty text
TRUNCATED = "error.truncated"  # the size of the original value: it was too large to keep, or its key or headers were
REPLAYED_AT = "replayed.at"


class DeadLetter(NamedTuple):
    """A record to write. `topic` carries no prefix."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Letter(NamedTuple):
    """A dead letter as it was read back: the original record, and why it is here."""

    topic: str
    partition: int
    offset: int
    arrived_at: datetime | None
    reason: str
    path: str
    detail: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    truncated: bool

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def record(
    topic: str,
    partition: int,
    offset: int,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes | None]],
    error: BadMessage,
    *,
    timestamp_milliseconds: int | None = None,
    bytes_max: int = BYTES_MAX,
) -> DeadLetter:
    """The dead letter of a record. Pure: the same record gives the same bytes, so a redelivery repeats it exactly.

    Value, key and headers are kept up to `bytes_max` bytes each; what is cut is said and cannot be replayed.
    """
    kept, headers_whole = _headers_within(headers, bytes_max)
    whole = headers_whole and len(value or b"") <= bytes_max and len(key or b"") <= bytes_max
    ours = [
        (TOPIC, topic.encode()),
        (PARTITION, b"%d" % partition),
        (OFFSET, b"%d" % offset),
        (REASON, error.reason.encode()),
        (PATH, error.path[:DETAIL_CHARACTERS_MAX].encode(errors="replace")),
        (DETAIL, error.detail[:DETAIL_CHARACTERS_MAX].encode(errors="replace")),
    ]
    if timestamp_milliseconds is not None:
        ours.append((TIMESTAMP, b"%d" % timestamp_milliseconds))
    if key is not None:
        ours.append((KEY, key[:bytes_max]))
    if value is None:
        ours.append((NO_VALUE, b"true"))
    if not whole:
        ours.append((TRUNCATED, b"%d" % len(value or b"")))
    place = f"{topic}/{partition}/{offset}".encode()
    return DeadLetter(topic + DEAD_LETTER, place, (value or b"")[:bytes_max], kept + ours)


def replayed(letter: Letter, at: datetime) -> DeadLetter:
    """The mark that this letter went back to its topic."""
    return DeadLetter(letter.topic + DEAD_LETTER, letter.place.encode(), b"", [(REPLAYED_AT, rfc3339(at).encode())])


def is_mark(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Whether the record says that the letter under its key was replayed."""
    names = [name for name, _ in headers]
    return REPLAYED_AT in names and TOPIC not in names


def read(value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Letter:
    """The letter that `record` wrote. Raises BadMessage when it is none."""
    start = max((n for n, (name, _) in enumerate(headers) if name == TOPIC), default=None)
    if start is None:
        raise BadMessage("no-dead-letter", f"$.headers.{TOPIC}", "the record does not say where it came from")
    ours = {name: text or b"" for name, text in headers[start:]}
    try:
        stamp = int(ours[TIMESTAMP]) if TIMESTAMP in ours else None
        return Letter(
            topic=ours[TOPIC].decode(),
            partition=int(ours[PARTITION]),
            offset=int(ours[OFFSET]),
            arrived_at=None if stamp is None else datetime.fromtimestamp(stamp / 1000, UTC),
            reason=ours[REASON].decode(),
            path=ours[PATH].decode(),
            detail=ours[DETAIL].decode(),
            key=ours.get(KEY),
            value=None if NO_VALUE in ours else value or b"",
            headers=[(name, text or b"") for name, text in headers[:start]],
            truncated=TRUNCATED in ours,
        )
    except (KeyError, ValueError, OverflowError, OSError) as error:
        raise BadMessage("no-dead-letter", "$.headers", f"its own headers are not whole: {error!r}") from None


def _headers_within(headers: Sequence[tuple[str, bytes | None]], bytes_max: int) -> tuple[Headers, bool]:
    """The first headers that fit, and whether all did."""
    kept: Headers = []
    used = 0
    for name, text in headers:
        used += len(name.encode(errors="replace")) + len(text or b"")
        if used > bytes_max:
            return kept, False
        kept.append((name, text or b""))
    return kept, True
