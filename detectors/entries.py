"""Entries of state as bytes: a version in front, names that are safe in a path."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

import msgspec

VERSION = b"\x01"
CHUNK = 500  # series an entry


class UnknownVersion(Exception):
    """The state was written by another release in a form that we do not know."""


def pack(value: object) -> bytes:
    return VERSION + msgspec.msgpack.encode(value)


def body(raw: bytes) -> bytes:
    """What follows the version. Raises UnknownVersion."""
    if raw[:1] != VERSION:
        raise UnknownVersion(raw[:1].hex())
    return raw[1:]


@lru_cache(maxsize=10_000)
def safe(name: str) -> str:
    """A name as part of an entry's name."""
    return quote(name, safe="")
