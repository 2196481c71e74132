"""The cases that are open, and which of them an outage touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from response.params import RespondParams
from response.state import Desk
from schemas.centre import OpenCase
from schemas.incident import Scope


def hear(desk: Desk, case: OpenCase, params: RespondParams) -> None:
    """Take a case in, or drop it once it is closed. Bounded: where too many are open, further ones are only counted."""
    if case.closed_at is not None:
        desk.cases.forget(case.case_id)
    elif case.case_id in desk.cases.by_id or len(desk.cases.by_id) < params.cases_max:
        desk.cases.keep(case)
    else:
        desk.cases.not_followed += 1


def touched_by(scope: Scope, ended_at: datetime | None, cases: Iterable[OpenCase]) -> Iterator[OpenCase]:
    """Cases of the places that an incident reached, opened before it was over: they waited because of it."""
    channels, queues = set(scope.channels), set(scope.queues)
    narrow = scope.level == "queue"
    for case in cases:
        here = case.queue in queues if narrow and queues else case.queue.channel in channels
        if here and (ended_at is None or case.opened_at <= ended_at):
            yield case


def customers(cases: Iterable[OpenCase]) -> list[str]:
    """Whom to ask afterwards how they are, each once; opaque names alone."""
    return sorted({case.customer for case in cases if case.customer is not None})
