"""What an archive holds of one topic: the ranges of offsets, the files they lie in, and what was lost.

The manifest is the one truth: a file that it does not name does not exist. It is a chain of numbered versions, each
made only where there is none of its number; so of two writers at once one comes second, and knows it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from urllib.parse import quote

import msgspec

from schemas.errors import BadConfig, Unavailable
from streams.archive.store import Store

MARKER = "breakwater-archive.json"
FORMAT = 1
VERSIONS_KEPT = 5
_PLAIN = re.compile(r"[a-z0-9._@+-]{0,100}")
_VERSION = re.compile(r"/manifest/(\d{12})\.json$")


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One Parquet file: the records of one tenant, channel and UTC day of arrival among a range of offsets."""

    path: str  # below the topic's folder
    tenant: str
    channel: str
    day: date
    rows: int
    bytes: int
    raw_bytes: int  # of the records in memory
    sha256: str
    columns: str  # digest of the file's columns and their types: files of one release share it
    first_offset: int
    last_offset: int
    first_at: datetime
    last_at: datetime


class Segment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that the broker had from offset `begin` to before `end` of a partition. Fewer rows than offsets are no
    loss: a broker leaves offsets out where it compacts a topic or ends a transaction."""

    partition: int
    begin: int
    end: int
    pieces: tuple[Piece, ...] = ()

    @property
    def raw_bytes(self) -> int:
        return sum(piece.raw_bytes for piece in self.pieces)


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """Offsets that the broker had thrown away before they were archived."""

    partition: int
    begin: int
    end: int
    noticed_at: datetime


class Retired(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not needed any more; readers of an older version may still have it open."""

    path: str
    at: datetime


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`segments` by partition and offset, none over another. What arrived before `kept_from` was too old to keep."""

    topic: str
    version: int = 0
    format: int = FORMAT
    topic_id: str | None = None
    segments: tuple[Segment, ...] = ()
    lost: tuple[Lost, ...] = ()
    retired: tuple[Retired, ...] = ()
    kept_from: date | None = None
    dropped: tuple[tuple[int, int], ...] = ()  # partition, offset: damaged from there on, to be read again

    def partitions(self) -> list[int]:
        return sorted({segment.partition for segment in self.segments})

    def of(self, partition: int) -> list[Segment]:
        return [segment for segment in self.segments if segment.partition == partition]

    def lost_of(self, partition: int) -> list[Lost]:
        return [lost for lost in self.lost if lost.partition == partition]

    def end(self, partition: int) -> int | None:
        """Where a partition goes on; None where nothing is known of it."""
        return max((end for _, end in self.known(partition)), default=None)

    def begin(self, partition: int) -> int:
        """The first offset that should be there."""
        dropped = [offset for number, offset in self.dropped if number == partition]
        return min([*dropped, *(begin for begin, _ in self.known(partition))], default=0)

    def known(self, partition: int) -> list[tuple[int, int]]:
        """The ranges of offsets that are archived or lost."""
        ranges = [(one.begin, one.end) for one in self.of(partition)]
        return ranges + [(one.begin, one.end) for one in self.lost_of(partition)]

    def pieces(self) -> Iterator[Piece]:
        for segment in self.segments:
            yield from segment.pieces


_decode = msgspec.json.Decoder(Manifest).decode


def mark(store: Store) -> None:
    """Makes the place an archive; what is one already stays as it is. Raises BadConfig for one of a later release."""
    if not store.create(MARKER, msgspec.json.encode({"format": FORMAT})):
        check(store)


def is_archive(store: Store) -> bool:
    return store.exists(MARKER)


def check(store: Store) -> None:
    """Raises BadConfig where there is no archive, or one that a later release made."""
    try:
        said = msgspec.json.decode(store.read(MARKER))["format"]
    except FileNotFoundError:
        text = "is no archive: `breakwater archive FOLDER` makes one"
        raise BadConfig([(store.place(), text)]) from None
    except (msgspec.DecodeError, KeyError, TypeError):
        fix = f'remove it if it is not Breakwater\'s, or write {{"format":{FORMAT}}} into it'
        raise BadConfig([(store.place(MARKER), f"cannot be read: {fix}")]) from None
    if not isinstance(said, int) or said > FORMAT:
        raise BadConfig([(store.place(MARKER), f"is of format {said}, this release reads {FORMAT}: upgrade it")])


def topics_in(store: Store) -> list[str]:
    """The topics that have a manifest. Raises BadConfig, Unavailable."""
    check(store)
    return sorted({name.split("/", 1)[0] for name in store.files("") if _VERSION.search(name)})


def load(store: Store, topic: str) -> Manifest:
    """The newest version, or an empty one. Raises BadConfig for one that cannot be read."""
    numbers = _versions(store, topic)
    if not numbers:
        return Manifest(topic=topic)
    name = _name(topic, max(numbers))
    try:
        found = _decode(store.read(name))
    except msgspec.DecodeError as error:
        raise BadConfig([(store.place(name), _broken(topic, numbers, str(error)))]) from None
    if found.topic != topic or found.version != max(numbers):
        text = f"is version {found.version} of {found.topic}: it was copied here; remove it"
        raise BadConfig([(store.place(name), text)])
    if found.format > FORMAT:
        raise BadConfig([(store.place(name), f"is of format {found.format}, this release reads {FORMAT}: upgrade it")])
    return found


def commit(store: Store, manifest: Manifest) -> Manifest:
    """Makes `manifest` the next version of what it was loaded as, in one step. Raises Unavailable, also where another
    writer was faster: then nothing of this commit counts."""
    after = msgspec.structs.replace(manifest, version=manifest.version + 1, segments=in_order(manifest.segments))
    if not store.create(_name(after.topic, after.version), msgspec.json.format(msgspec.json.encode(after), indent=1)):
        raise Unavailable(
            f"the archive of {after.topic} at {store.place()}",
            f"another run wrote version {after.version} of its manifest meanwhile, so nothing of this step was counted",
            "let the other run end, then run again: it goes on where the other stopped",
        )
    if after.version > VERSIONS_KEPT:
        store.remove(_name(after.topic, after.version - VERSIONS_KEPT))
    return after


def in_order(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    return tuple(sorted(segments, key=lambda one: (one.partition, one.begin)))


def folder_of(tenant: str, channel: str, day: date) -> str:
    """`tenant=acme/channel=voice/day=2026-11-24`, whatever letters the names have."""
    return f"tenant={_segment(tenant)}/channel={_segment(channel)}/day={day.isoformat()}"


def _segment(name: str) -> str:
    """A name as part of a path; with a digest where it is too long for that, has other letters than a path may have, or
    differs from another by upper and lower case alone. The files hold the name itself."""
    if _PLAIN.fullmatch(name):
        return name
    return f"{quote(name, safe=' ')[:80]}~{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _versions(store: Store, topic: str) -> list[int]:
    found = (_VERSION.search(name) for name in store.files(f"{topic}/manifest"))
    return [int(match[1]) for match in found if match]


def _name(topic: str, version: int) -> str:
    return f"{topic}/manifest/{version:012d}.json"


def _broken(topic: str, numbers: list[int], why: str) -> str:
    older = sorted(numbers)[-2:-1]
    back = f"removing it brings back version {older[0]}, and the next run of" if older else "removing it empties"
    tail = " `breakwater archive` reads the rest from the topic again" if older else f" the archive of {topic}"
    return f"cannot be read ({why}): restore it from a backup; {back}{tail}"
