"""What a fold is: a message goes in, outputs and new state come out; it has no clock, no files and no network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from schemas.base import Message, Origin
from schemas.topics import Topic


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """One message to put on the bus. `id` and `time` are its CloudEvents attributes; the same input gives the same."""

    topic: Topic
    key: str
    value: Message
    id: str
    time: datetime


class Fold(Protocol):
    """The state of one source partition. One instance a partition; all of its tenants share it.

    `step` applies one record. `changes` gives the state entries that changed since it was last asked (None deletes an
    entry): names and opaque bytes, versioned inside. `restore` on a new instance takes all of them back and the fold
    continues to the byte. Entries are at most 500 kB.
    """

    def step(self, record: Any, origin: Origin) -> list[Output]: ...

    def changes(self) -> dict[str, bytes | None]: ...

    def restore(self, entries: Mapping[str, bytes]) -> None: ...


def digest(*parts: object) -> str:
    """A short stable id of what the parts say (80 bits of SHA-256, hexadecimal)."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()[:20]
