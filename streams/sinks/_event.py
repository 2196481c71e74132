"""A notice as a CloudEvent in JSON (structured mode): what the webhook posts and the file holds."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from schemas.codec import CONTENT_TYPE, TYPE_PREFIX, VERSION, encode, rfc3339
from schemas.incident import Incident
from streams.sink import Notice, Subject, shorten_id, subject_id

SOURCE = "breakwater/notify"
# what every intermediary must forward (CloudEvents 1.0, section "Size Limits"), less what stands around the value
VALUE_BYTES_MAX = 60_000
SUBJECT_LENGTH_MAX = 500


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
    """The value's bytes; a very large one loses the ends of its lists (the oldest moves, the last symptoms)."""
    raw = encode(subject)
    while len(raw) > VALUE_BYTES_MAX:
        smaller = _smaller(subject)
        if smaller == subject:
            break
        subject = smaller
        raw = encode(subject)
    return raw


def _smaller(subject: Subject) -> Subject:
    if not isinstance(subject, Incident):
        return msgspec.structs.replace(subject, intervals=_half(subject.intervals), levers=_half(subject.levers))
    scope = msgspec.structs.replace(subject.scope, queues=_half(subject.scope.queues), sites=_half(subject.scope.sites))
    cause = msgspec.structs.replace(subject.cause, because=_half(subject.cause.because))
    moves = subject.moves[len(subject.moves) // 2 :]
    return msgspec.structs.replace(subject, symptoms=_half(subject.symptoms), scope=scope, cause=cause, moves=moves)


def _half(items: list[Any]) -> list[Any]:
    return items[: (len(items) + 1) // 2] if len(items) > 1 else items
