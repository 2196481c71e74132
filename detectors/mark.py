"""Where a restart continues: a source partition's time, small enough for the metadata of a committed offset."""

from __future__ import annotations

import base64
import binascii
from zlib import crc32

import msgspec

BYTES_MAX = 4096  # a broker's usual bound (offset.metadata.max.bytes)
_VERSION = "1"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """`flushed_to`: the offset up to which everything said was acknowledged. `arrival`: the greatest arrival before it.
    `closed`: hash of a tenant to its closed_until, for those that the arrival rule does not tell. Milliseconds."""

    flushed_to: int
    arrival: int
    closed: dict[int, int]


def tenant_hash(tenant: str) -> int:
    return crc32(tenant.encode())


def write(mark: Mark, pane: int) -> str:
    """At most 4,096 characters; `pane` is the length of a pane in milliseconds.

    Four bytes a tenant and mostly one for how many panes it is behind the first: 400 tenants fit with up to 42 years of
    play between them. Were there more, those that are furthest behind go unsaid: the sticky final downstream keeps
    their closed panes as they are.
    """
    first = max(mark.closed.values(), default=0)
    head = f"{_VERSION} {pane} {mark.flushed_to} {mark.arrival} {first} "
    room = (BYTES_MAX - len(head)) // 5 * 4
    body = bytearray()
    for closed, tenant in sorted(((closed, tenant) for tenant, closed in mark.closed.items()), reverse=True):
        entry = tenant.to_bytes(4, "big") + _varint((first - closed) // pane)
        if len(body) + len(entry) > room:
            break
        body += entry
    return head + base64.b85encode(body).decode()


def read(text: str | None, pane: int) -> Mark | None:
    """The mark in a commit's metadata; None where there is none of ours (a broker that loses it, another writer).

    Where the length of a pane was changed since, what was closed is rounded down to the new one.
    """
    try:
        version, was, flushed_to, arrival, first, *body = (text or "").rstrip("\0").split(" ")
        if version != _VERSION:
            return None
        raw = base64.b85decode("".join(body))
        closed = {tenant: (int(first) - behind * int(was)) // pane * pane for tenant, behind in _entries(raw)}
        return Mark(flushed_to=int(flushed_to), arrival=int(arrival), closed=closed)
    except (ValueError, IndexError, binascii.Error):
        return None


def _entries(raw: bytes) -> list[tuple[int, int]]:
    entries, at = [], 0
    while at < len(raw):
        tenant = int.from_bytes(raw[at : at + 4], "big")
        at += 4
        behind, shift = 0, 0
        while raw[at] & 0x80:
            behind |= (raw[at] & 0x7F) << shift
            shift += 7
            at += 1
        behind |= raw[at] << shift
        at += 1
        entries.append((tenant, behind))
    return entries


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
