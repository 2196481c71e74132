"""Records of `queue-panes` in a file, for other processes to fold: read from their source once."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from schemas import codec, topics
from schemas.base import Origin
from schemas.pane import PaneRecord

_HEAD = struct.Struct(">IQI")  # partition, offset, bytes


class Spool:
    """Writes; `bytes` is how much so far."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.bytes = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, record: PaneRecord, origin: Origin) -> None:
        raw = codec.encode(record)
        self._file.write(_HEAD.pack(origin.partition, origin.offset, len(raw)) + raw)
        self.bytes += _HEAD.size + len(raw)


def read(path: Path) -> Iterator[tuple[PaneRecord, Origin, int]]:
    """Records with their places, and how many bytes each took."""
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            partition, offset, size = _HEAD.unpack(head)
            record: PaneRecord = codec.decode(PaneRecord, file.read(size))  # type: ignore[arg-type]  # a union
            yield record, Origin(topic=topics.QUEUE_PANES.name, partition=partition, offset=offset), len(head) + size
