"""Whether an archive still holds what was written: every file that counts, byte by byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from schemas.errors import BadConfig
from streams.archive import manifest as archive_manifest
from streams.archive import reader
from streams.archive.manifest import Manifest
from streams.archive.plan import Range
from streams.archive.store import Store

Tell = Callable[[str, int], None]


class Checked(NamedTuple):
    """What is wrong with a topic's files, each with its fix, and the offsets that hang on them."""

    files: int
    problems: list[tuple[str, str]]
    damaged: list[Range]


def check(store: Store, topic: str, progress: Tell = lambda _what, _n: None) -> Checked:
    """Reads every file of a topic. Raises BadConfig for a manifest that cannot be read, Unavailable."""
    manifest = archive_manifest.load(store, topic)
    found = Checked(sum(1 for _ in manifest.pieces()), [], [])
    for segment in manifest.segments:
        wrong: list[tuple[str, str]] = []
        for n, piece in enumerate(segment.pieces, 1):
            try:
                reader.read_piece(store, topic, piece)
            except BadConfig as bad:
                wrong += bad.problems
            progress("files", n)
        if wrong:
            found.problems.extend(wrong)
            found.damaged.append(Range(topic, segment.partition, segment.begin, segment.end))
    return found


def drop(store: Store, topic: str, damaged: list[Range]) -> Manifest:
    """Takes whole segments out of the manifest, so that the next run reads them again as far as the topic has them;
    what it has not any more is then noted as lost. Raises Unavailable."""
    manifest = archive_manifest.load(store, topic)
    gone = {(one.partition, one.begin, one.end) for one in damaged}
    left = tuple(one for one in manifest.segments if (one.partition, one.begin, one.end) not in gone)
    dropped = (*manifest.dropped, *((one.partition, one.begin) for one in damaged))
    return archive_manifest.commit(store, msgspec.structs.replace(manifest, segments=left, dropped=dropped))
