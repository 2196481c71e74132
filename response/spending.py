"""The account of the budget: how many incidents may be false in thirty days, how many there were, how many were false.

What is false only people know: an incident counts as spent when somebody said "not an incident". Days and moments are
event time. All that is counted is bounded and leaves after thirty days.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from response.state import Desk, IncidentState
from schemas.status import Budget

DAYS = 30
# earlier than this a month cannot be told from what was seen
PROJECT_AFTER = timedelta(days=7)
FALSE = "not-an-incident"
FALSE_MAX = 200


def account(desk: Desk, before: Budget | None) -> Budget | None:
    """The account now; None until there is a model or an incident."""
    centre = desk.centre
    if before is None and centre is None and not desk.incidents:
        return None
    stated = centre.budget_false_incidents_per_month if centre else before.stated if before else 4.0
    held = before or Budget(stated=stated, since=desk.now, counted_to=desk.now - timedelta(days=DAYS))
    border = desk.now - timedelta(days=DAYS)
    false = {name: at for name, at in (held.false | _said_false(desk.incidents)).items() if at > border}
    by_day = {day: n for day, n in held.opened_by_day.items() if day > border.date().isoformat()}
    new = [incident.opened_at for incident in desk.incidents.values() if incident.opened_at > held.counted_to]
    for opened_at in new:
        day = opened_at.date().isoformat()
        by_day[day] = by_day.get(day, 0) + 1
    since = max(held.since, border)
    return Budget(
        stated=stated,
        spent=len(false),
        projected=_projected(len(false), since, desk.now),
        opened=sum(by_day.values()),
        since=held.since,
        counted_to=max(new, default=held.counted_to),
        opened_by_day=dict(sorted(by_day.items())),
        false=dict(sorted(false.items(), key=lambda one: (one[1], one[0]))[-FALSE_MAX:]),
    )


def _said_false(incidents: Mapping[str, IncidentState]) -> dict[str, datetime]:
    return {
        incident.incident_id: move.at
        for incident in incidents.values()
        for move in incident.moves[-1:]
        if move.reason.code == FALSE
    }


def _projected(spent: int, since: datetime, now: datetime) -> float | None:
    """False incidents of thirty days at the rate so far, told once a day: it is no news by itself."""
    days = (now - since) // timedelta(days=1)
    return round(spent * DAYS / days, 1) if timedelta(days=days) >= PROJECT_AFTER else None


def news(budget: Budget | None) -> tuple[float, int, float | None] | None:
    """What of it is worth a message by itself."""
    return None if budget is None else (budget.stated, budget.spent, budget.projected)
