"""In which order open cases are worked on after an outage. A score from 0 to 100, each point of which can be explained.

The weights are a person's judgement, written down where they can be argued with: a promise about to be broken counts
most, then who it is, how long it has waited, how it was marked, how angry and how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from schemas.centre import OpenCase
from schemas.recovery import TriagedCase

BREACH, VIP, AGE, PRIORITY, ANGER, REPEATS = 35.0, 20.0, 15.0, 10.0, 10.0, 10.0
# with so much room before it is due, nothing about it is urgent; so old or so often, it cannot become worse
ROOM_SECONDS = 4 * 3600.0
AGE_SECONDS = 48 * 3600.0
REPEATS_FULL = 3
PRIORITY_LEAST = 5  # 1 is the most urgent
SAID_FROM = 3.0  # points from which a reason is worth a word


def triage(cases: Iterable[OpenCase], now: datetime, finished_per_second: dict[str, float]) -> list[TriagedCase]:
    """All cases, the most urgent first. `finished_per_second` by queue says when each would be reached if they were
    worked on as they fall due; without it, only what is due soon is at risk."""
    by_queue: dict[str, list[OpenCase]] = {}
    for case in cases:
        by_queue.setdefault(str(case.queue), []).append(case)
    found = []
    for name, own in sorted(by_queue.items()):
        rate = finished_per_second.get(name, 0.0)
        own.sort(key=lambda case: (case.due_at is None, case.due_at or case.opened_at, case.case_id))
        found += [_scored(case, now, _reached_at(now, place, rate)) for place, case in enumerate(own, 1)]
    return sorted(found, key=lambda case: (-case.score, case.case_id))


def _reached_at(now: datetime, place: int, rate: float) -> datetime:
    return now + timedelta(seconds=min(place / rate, AGE_SECONDS)) if rate > 0 else now


def _scored(case: OpenCase, now: datetime, reached_at: datetime) -> TriagedCase:
    points = list(_points(case, now, reached_at))
    return TriagedCase(
        case_id=case.case_id,
        customer=case.customer,
        queue=case.queue,
        score=round(sum(worth for worth, _ in points), 1),
        because=[text for worth, text in sorted(points, key=lambda point: -point[0]) if worth >= SAID_FROM],
        due_at=case.due_at,
    )


def _points(case: OpenCase, now: datetime, reached_at: datetime) -> Iterator[tuple[float, str]]:
    if case.due_at is not None:
        room = (case.due_at - reached_at).total_seconds()
        risk = min(1.0, max(0.0, 1.0 - room / ROOM_SECONDS))
        overdue = case.due_at <= now
        yield BREACH * risk, "overdue" if overdue else "due before it is reached" if room <= 0 else "due soon"
    if case.vip:
        yield VIP, "VIP"
    age = max(0.0, (now - case.opened_at).total_seconds())
    yield AGE * min(1.0, age / AGE_SECONDS), f"open for {age / 3600:.0f} h"
    urgency = (PRIORITY_LEAST - min(max(case.priority, 1), PRIORITY_LEAST)) / (PRIORITY_LEAST - 1)
    yield PRIORITY * urgency, f"priority {case.priority}"
    yield ANGER * min(1.0, max(0.0, -(case.sentiment or 0.0))), "angry"
    yield REPEATS * min(1.0, case.repeats / REPEATS_FULL), f"asked {case.repeats + 1} times"
