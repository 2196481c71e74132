"""Raw records to contact events, or the reason why not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from schemas import codec
from schemas.contact import ContactEvent
from schemas.errors import BadMessage

_decode = msgspec.json.Decoder(ContactEvent).decode


class UnknownType(Exception):
    """An event of a type that this release does not know: counted and ignored, no fault of anybody."""


Decoded = ContactEvent | BadMessage | UnknownType


def decode_batch(values: Sequence[bytes | None], bytes_max: int) -> Sequence[Decoded]:
    """One result a value, in order. BadMessage reasons: those of `codec.decode`, and "too-large".

    Every value is decoded on its own, so no value can be mistaken for part of its neighbours. (Decoding the batch
    joined to one list needs a guard against that and is no faster: 500 ns an event against 450.)
    """
    try:
        if max(map(len, values), default=0) <= bytes_max:  # type: ignore[arg-type]  # a tombstone is a TypeError
            return list(map(_decode, values))  # type: ignore[arg-type]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError):
        pass
    return [_decode_one(value, bytes_max) for value in values]


def _decode_one(value: bytes | None, bytes_max: int) -> Decoded:
    if value is not None and len(value) > bytes_max:
        return BadMessage("too-large", detail=f"{len(value)} bytes, {bytes_max} go")
    try:
        return codec.decode(ContactEvent, value)
    except BadMessage as error:
        if error.path == "$.type" and error.detail.startswith("Invalid enum value"):
            return UnknownType(error.detail)
        return error
