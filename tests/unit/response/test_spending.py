"""The account of the budget: what was false, what opened, for thirty days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from response.spending import account
from response.state import Clock, Desk, IncidentState
from schemas.centre import Centre
from schemas.incident import Cause, Move, Reason, Scope

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def incident(number: int, opened_at: datetime, code: str = "strong-evidence") -> IncidentState:
    move = Move(at=opened_at + timedelta(hours=1), phase="open", reason=Reason(code=code, text="…"))
    return IncidentState(
        incident_id=f"i-{number}",
        audience="customer",
        feed=False,
        opened_at=opened_at,
        onset=opened_at,
        fronts=[opened_at],
        phase="open",
        cause=Cause(kind="unknown", sureness=0.5),
        scope=Scope(level="queue", channels=[]),
        moves=[move],
    )


def desk_at(days: float, incidents: list[IncidentState]) -> Desk:
    now = START + timedelta(days=days)
    desk = Desk(clock=Clock(tenant="acme", now=now, at=now, complete_to=now))
    desk.centre = Centre(tenant="acme", budget_false_incidents_per_month=3.0)
    desk.incidents = {each.incident_id: each for each in incidents}
    return desk


def test_an_incident_counts_once_and_is_spent_when_a_person_calls_it_none() -> None:
    first = account(desk_at(0, [incident(1, START)]), None)
    assert first is not None
    assert (first.stated, first.opened, first.spent, first.projected) == (3.0, 1, 0, None)
    assert account(desk_at(0.1, [incident(1, START)]), first) == first
    dismissed = account(desk_at(0.2, [incident(1, START, "not-an-incident")]), first)
    assert dismissed is not None
    assert (dismissed.opened, dismissed.spent) == (1, 1)


def test_what_is_spent_stays_when_the_incident_is_gone_and_leaves_after_thirty_days() -> None:
    spent = account(desk_at(0.2, [incident(1, START, "not-an-incident")]), None)
    later = account(desk_at(10, [incident(2, START + timedelta(days=9))]), spent)
    assert later is not None
    assert (later.opened, later.spent) == (2, 1)
    assert later.projected == 3.3  # one in nine whole days
    gone = account(desk_at(31.5, []), later)
    assert gone is not None
    assert (gone.opened, gone.spent) == (1, 0)


def test_without_a_model_or_an_incident_there_is_no_account() -> None:
    desk = desk_at(0, [])
    desk.centre = None
    assert account(desk, None) is None
