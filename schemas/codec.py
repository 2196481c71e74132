"""Bytes to value and back: JSON inside, CloudEvents 1.0 attributes outside (Kafka binding, binary mode)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

import msgspec
import orjson

from schemas.errors import BadMessage

VERSION = 1  # the major version of every message; a newer one is refused, not guessed at
CONTENT_TYPE = "application/json"
TYPE_PREFIX = "breakwater."

T = TypeVar("T")
Headers = list[tuple[str, bytes]]

_PATH = re.compile(r" - at `(?P<path>[^`]*)`$")


def encode(value: msgspec.Struct) -> bytes:
    """Canonical JSON: keys sorted, times in UTC, fields at their default left out, `schema_version` always there."""
    plain = msgspec.to_builtins(value, builtin_types=(datetime,), str_keys=True)
    if hasattr(value, "schema_version"):
        plain["schema_version"] = value.schema_version
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"{type(value).__name__} has no place in a message")


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


class _Version(msgspec.Struct):
    schema_version: int = 1


_VERSION = msgspec.json.Decoder(_Version)


def decode(kind: type[T], raw: bytes | None) -> T:
    """One message of the type (or union) `kind`.

    Raises BadMessage: "empty", "not-json", "newer-version", "wrong-shape" (with the field's path).
    """
    if not raw:
        raise BadMessage("empty", detail="the record has no value")
    try:
        value: T = _decoder(kind).decode(raw)  # type: ignore[arg-type]  # typeshed: a union type is hashable too
    except msgspec.ValidationError as error:
        check_version(raw)
        raise _wrong_shape(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage("not-json", detail=str(error)) from None
    if getattr(value, "schema_version", VERSION) > VERSION:
        check_version(raw)
    return value


def check_version(raw: bytes) -> None:
    """Raises BadMessage("newer-version") where the record says that it is of a later major version than ours."""
    try:
        version = _VERSION.decode(raw).schema_version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if version > VERSION:
        raise BadMessage(
            "newer-version", "$.schema_version", f"version {version}, this release reads up to {VERSION}: upgrade it"
        )


def _wrong_shape(error: msgspec.ValidationError) -> BadMessage:
    text = str(error)
    found = _PATH.search(text)
    missing = re.search(r"missing required field `([^`]+)`", text)
    path = found["path"] if found else "$"
    if missing:
        return BadMessage("missing-field", f"{path}.{missing[1]}", text)
    return BadMessage("wrong-shape", path, text)


def headers(value: msgspec.Struct, *, id: str, source: str, time: datetime) -> Headers:
    """CloudEvents attributes of a value: `source` + `id` identify it, a resend keeps both."""
    kind = getattr(value, "kind", None) or type(value).__struct_config__.tag or "contact-event"
    pairs = {
        "ce_specversion": "1.0",
        "ce_type": f"{TYPE_PREFIX}{kind}.v{VERSION}",
        "ce_source": source,
        "ce_id": id,
        "ce_time": rfc3339(time),
        "content-type": CONTENT_TYPE,
    }
    return [(name, text.encode()) for name, text in pairs.items()]


def rfc3339(moment: datetime) -> str:
    """UTC with a Z, as messages and headers have it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
