"""A pane's record in pieces that fit on the bus."""

from __future__ import annotations

from zlib import crc32

import msgspec

from detectors.tally import OTHER
from schemas import codec
from schemas.pane import QueueCounts, QueuePane, SourceCover

Encoded = tuple[QueuePane, bytes]
PARTS_MAX = 8_192
_MAPS = ("by_reason", "by_site", "by_region", "by_provider", "by_drill")


def parts(record: QueuePane, bytes_max: int) -> list[Encoded]:
    """`record` with its bytes; over `bytes_max` it is split by queue hash into `parts`, the fewest powers of two that
    fit. A pure function of the record, so every writer of it makes the same parts.

    All parts of a record have its version, and each carries the sources. What cannot be split is made smaller: sources
    that need over half the room (the greatest names go: their panes are then unknown), and the maps of a queue that
    does not fit alone (the greatest names become "other").
    """
    whole = codec.encode(record)
    if len(whole) <= bytes_max:
        return [(record, whole)]
    record = msgspec.structs.replace(record, sources=_fewer_sources(record.sources, bytes_max // 2))
    room = bytes_max - len(codec.encode(msgspec.structs.replace(record, queues={}))) - 64
    queues = {name: _smaller(name, counts, room) for name, counts in record.queues.items()}
    sizes = {name: _size(name, counts) for name, counts in queues.items()}
    many = 1
    while many < PARTS_MAX and _crowded(sizes, many, room):
        many *= 2
    return [_part(record, queues, part, many) for part in range(many)]


def part_of(queue: str, many: int) -> int:
    return crc32(queue.encode()) % many


def _part(record: QueuePane, queues: dict[str, QueueCounts], part: int, many: int) -> Encoded:
    mine = {name: counts for name, counts in queues.items() if part_of(name, many) == part}
    piece = msgspec.structs.replace(record, queues=mine, part=part, parts=many)
    return piece, codec.encode(piece)


def _crowded(sizes: dict[str, int], many: int, room: int) -> bool:
    """Whether some part has not room enough for its queues; one queue alone cannot be split further."""
    filled: dict[int, int] = {}
    crowded = False
    for name, size in sizes.items():
        part = part_of(name, many)
        crowded |= part in filled and filled[part] + size > room
        filled[part] = filled.get(part, 0) + size
    return crowded


def _size(name: str, value: msgspec.Struct) -> int:
    return len(msgspec.json.encode(name)) + len(codec.encode(value)) + 2


def _fewer_sources(sources: dict[str, SourceCover], room: int) -> dict[str, SourceCover]:
    kept = {}
    for name in sorted(sources):
        room -= _size(name, sources[name])
        if room < 0:
            break
        kept[name] = sources[name]
    return kept


def _smaller(name: str, counts: QueueCounts, room: int) -> QueueCounts:
    most = max((len(getattr(counts, field)) for field in _MAPS), default=0)
    while most and _size(name, counts) > room:
        most //= 2
        shorter = {field: _smallest(getattr(counts, field), most) for field in _MAPS}
        counts = msgspec.structs.replace(counts, **shorter)
    return counts


def _smallest(names: dict[str, int], most: int) -> dict[str, int]:
    kept = sorted(name for name in names if name != OTHER)[:most]
    rest = sum(names.values()) - sum(names[name] for name in kept)
    return {name: names[name] for name in kept} | ({OTHER: rest} if rest else {})
