"""A notice as a CloudEvent in JSON (structured mode): what the webhook posts and the file holds."""

from __future__ import annotations

from typing import Any

import orjson
from msgspec.structs import replace

from schemas.codec import CONTENT_TYPE, TYPE_PREFIX, VERSION, encode, rfc3339
from schemas.incident import Incident
from streams.sink import Notice, Subject, shorten, shorten_id, subject_id

SOURCE = "breakwater/notify"
# what every intermediary must forward (CloudEvents 1.0, section "Size Limits"), less what stands around the value
VALUE_BYTES_MAX = 60_000
SUBJECT_LENGTH_MAX = 500
TEXT_LENGTH_MAX = 500


def event(notice: Notice) -> dict[str, Any]:
    """`data` is the incident or staffing alert as it stands on the bus; `what` is an extension attribute."""
    subject = notice.subject
    kind = "incident" if isinstance(subject, Incident) else "staffing-alert"
    return {
        "specversion": "1.0",
        "id": notice.notice_id,
        "source": SOURCE,
        "type": f"{TYPE_PREFIX}{kind}.v{VERSION}",
        "subject": shorten_id(subject_id(subject), SUBJECT_LENGTH_MAX),
        "time": rfc3339(subject.at),
        "datacontenttype": CONTENT_TYPE,
        "what": notice.what,
        "data": orjson.loads(_fitting(subject)),
    }


def _fitting(subject: Subject) -> bytes:
    """The value's bytes. One that is very large has its texts cut, and loses its oldest moves and the ends of its other
    lists."""
    raw = encode(subject)
    if len(raw) > VALUE_BYTES_MAX:
        subject = _cut(subject)
        raw = encode(subject)
    while len(raw) > VALUE_BYTES_MAX and (smaller := _halved(subject)) != subject:
        subject = smaller
        raw = encode(subject)
    return raw


def _cut(subject: Subject) -> Subject:
    if not isinstance(subject, Incident):
        return replace(subject, text=_short(subject.text), driver_text=_short(subject.driver_text))
    return replace(
        subject,
        title=_short(subject.title),
        cause=replace(subject.cause, because=[_short(text) for text in subject.cause.because]),
        symptoms=[replace(symptom, text=_short(symptom.text)) for symptom in subject.symptoms],
        moves=[replace(move, reason=replace(move.reason, text=_short(move.reason.text))) for move in subject.moves],
    )


def _halved(subject: Subject) -> Subject:
    if not isinstance(subject, Incident):
        return replace(subject, intervals=_half(subject.intervals), levers=_half(subject.levers))
    return replace(
        subject,
        scope=replace(
            subject.scope,
            channels=_half(subject.scope.channels),
            queues=_half(subject.scope.queues),
            sites=_half(subject.scope.sites),
        ),
        cause=replace(subject.cause, because=_half(subject.cause.because)),
        symptoms=_half(subject.symptoms),
        moves=subject.moves[len(subject.moves) // 2 :],
    )


def _short(text: str) -> str:
    return shorten(text, TEXT_LENGTH_MAX)


def _half(items: list[Any]) -> list[Any]:
    return items[: (len(items) + 1) // 2]
