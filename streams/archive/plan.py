"""Which offsets are still to be archived, from what the archive has and what the broker says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.archive.manifest import Manifest


class Range(NamedTuple):
    """Offsets of a partition from `begin` to before `end`."""

    topic: str
    partition: int
    begin: int
    end: int


class Facts(NamedTuple):
    """What the broker says of a partition: the first offset that it still has, the next that it will give, and those of
    the first records at or after the asked moments (None: not asked for)."""

    first: int
    end: int
    since: int | None = None
    before: int | None = None


class Todo(NamedTuple):
    """What is to be read, and what can never be read any more."""

    ranges: list[Range]
    lost: list[Range]


def todo(manifest: Manifest, partition: int, facts: Facts) -> Todo:
    """Without moments, all from where the archive begins to the topic's end, what lies between included."""
    known = manifest.known(partition)
    begin = manifest.begin(partition)
    if facts.since is not None:
        begin = facts.since
        if facts.since == facts.first:  # there may have been older records of that time
            begin = max((e for _, e in known if e <= facts.first), default=0)
    end = facts.end if facts.before is None else facts.before
    found = Todo([], [])
    for b, e in _without((begin, end), known):
        if b < min(e, facts.first):
            found.lost.append(Range(manifest.topic, partition, b, min(e, facts.first)))
        if max(b, facts.first) < e:
            found.ranges.append(Range(manifest.topic, partition, max(b, facts.first), e))
    return found


def is_another(manifest: Manifest, facts: dict[int, Facts]) -> str | None:
    """Why the topic cannot be the one that was archived; None where it can."""
    for partition in manifest.partitions():
        if partition not in facts:
            return f"it has no partition {partition}"
        end = manifest.end(partition) or 0
        if facts[partition].end < end:
            return f"partition {partition} ends at offset {facts[partition].end:,}, and {end:,} were archived"
    return None


def _without(whole: tuple[int, int], known: Iterable[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    at, end = whole
    found = []
    for b, e in sorted(known):
        if at < min(b, end):
            found.append((at, min(b, end)))
        at = max(at, e)
    return [*found, (at, end)] if at < end else found
