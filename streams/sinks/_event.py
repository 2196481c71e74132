"""A notice as a CloudEvent in JSON (structured mode): what the webhook posts and the file holds."""

from __future__ import annotations

from typing import Any

import orjson
from msgspec.structs import replace

from schemas.base import Message, kind_of
from schemas.centre import Centre
from schemas.codec import CONTENT_TYPE, TYPE_PREFIX, VERSION, encode, rfc3339
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.incident import Incident
from streams.notify.sink import Notice, shorten, shorten_id
from streams.notify.subjects import Published, moment, subject_id

SOURCE = "breakwater/notify"
# what every intermediary must forward (CloudEvents 1.0, section "Size Limits"), less what stands around the value
VALUE_BYTES_MAX = 60_000
SUBJECT_LENGTH_MAX = 500
TEXT_LENGTH_MAX = 500


def event(notice: Notice) -> dict[str, Any]:
    """`data` is what is told of as it stands on the bus; `what` and (where traces are on) `traceparent` are extension
    attributes."""
    subject = notice.subject
    value: Message = subject.centre if isinstance(subject, Published) else subject
    return {
        "specversion": "1.0",
        "id": notice.notice_id,
        "source": SOURCE,
        "type": f"{TYPE_PREFIX}{kind_of(type(value).__name__)}.v{VERSION}",
        "subject": shorten_id(subject_id(subject), SUBJECT_LENGTH_MAX),
        "time": rfc3339(moment(subject)),
        "datacontenttype": CONTENT_TYPE,
        "what": notice.what,
        **({"traceparent": notice.trace} if notice.trace else {}),
        "data": orjson.loads(_fitting(value)),
    }


def _fitting(value: Message) -> bytes:
    """The value's bytes. One that is very large has its texts cut, and loses its oldest moves and the ends of its other
    lists."""
    raw = encode(value)
    if len(raw) > VALUE_BYTES_MAX:
        value = _cut(value)
        raw = encode(value)
    while len(raw) > VALUE_BYTES_MAX and (smaller := _halved(value)) != value:
        value = smaller
        raw = encode(value)
    return raw


def _cut(value: Message) -> Message:
    match value:
        case Incident():
            return replace(
                value,
                title=_short(value.title),
                cause=replace(value.cause, because=[_short(text) for text in value.cause.because]),
                symptoms=[replace(symptom, text=_short(symptom.text)) for symptom in value.symptoms],
                moves=[
                    replace(move, reason=replace(move.reason, text=_short(move.reason.text))) for move in value.moves
                ],
            )
        case StaffingAlert():
            return replace(value, text=_short(value.text), driver_text=_short(value.driver_text))
        case LoadShiftCommand():
            return replace(value, text=_short(value.text), binding=[_short(text) for text in value.binding])
        case _:
            return value


def _halved(value: Message) -> Message:
    match value:
        case Incident():
            scope = {name: _half(getattr(value.scope, name)) for name in ("channels", "queues", "sites")}
            return replace(
                value,
                scope=replace(value.scope, **scope),
                cause=replace(value.cause, because=_half(value.cause.because)),
                symptoms=_half(value.symptoms),
                moves=value.moves[len(value.moves) // 2 :],
                notes=value.notes[len(value.notes) // 2 :],
            )
        case StaffingAlert():
            return replace(value, intervals=_half(value.intervals), levers=_half(value.levers))
        case LoadShiftCommand():
            lists = ("evidence", "projections", "binding")
            return replace(value, **{name: _half(getattr(value, name)) for name in lists})
        case Centre():
            return replace(
                value, queues=_half(value.queues), routes=_half(value.routes), calendar=_half(value.calendar)
            )
        case _:
            return value


def _short(text: str) -> str:
    return shorten(text, TEXT_LENGTH_MAX)


def _half(items: list[Any]) -> list[Any]:
    return items[: (len(items) + 1) // 2]
