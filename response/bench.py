"""The bench: who may be called in for what, so that nobody is booked twice and everybody gets their rest.

A call is asked for (reserved) with a staffing alert, becomes firm when a person approves the alert, and is free again
when the alert closes or nobody answers in time. Two stretches of work of one person either touch, and are one day of at
most `hours_a_day_max`, or lie `hours_between` apart; no seven days hold more than `hours_a_week_max`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from response.capacity import overlaps
from response.on_call import zone_of
from response.state import Booking, Desk
from schemas.base import QueueRef
from schemas.centre import WEEKDAYS, BenchPerson, Hours, RestRules
from schemas.command import StaffingAlert

TOUCH = timedelta(minutes=15)
WEEK = timedelta(days=7)
CALL_MAX = timedelta(hours=4)
CALL_MIN = timedelta(hours=2)
BOOKINGS_MAX = 500
Span = tuple[datetime, datetime]


def spans(hours: list[Hours], zone: ZoneInfo, begins: datetime, ends: datetime) -> list[Span]:
    """When weekly hours fall between two moments, by the wall clock of the zone (a day of 23 or 25 hours included)."""
    found: list[Span] = []
    day = begins.astimezone(zone).date() - timedelta(days=1)
    while day <= ends.astimezone(zone).date():
        for one in hours:
            if WEEKDAYS[day.weekday()] in one.days:
                start = _wall(day, one.begins, zone)
                stop = _wall(day if one.ends > one.begins else day + timedelta(days=1), one.ends, zone)
                if stop > begins and start < ends:
                    found.append((start, stop))
        day += timedelta(days=1)
    return sorted(found)


def _wall(day: object, at: str, zone: ZoneInfo) -> datetime:
    naive = datetime.fromisoformat(f"{day}T{at}")
    return naive.replace(tzinfo=zone).astimezone(ZoneInfo("UTC"))


def may_work(
    person: BenchPerson, bookings: list[Booking], rest: RestRules, zone: ZoneInfo, begins: datetime, ends: datetime
) -> str | None:
    """Why the person may not work from `begins` to `ends`, beside shifts and bookings; None if nothing forbids it."""
    work = spans(person.shifts, zone, begins - 2 * WEEK, ends + 2 * WEEK)
    if any(start < ends and stop > begins for start, stop in work):
        return "works then anyway"
    work = sorted([*work, *((one.begins, one.ends) for one in bookings)])
    if any(start < ends and stop > begins for start, stop in work):
        return "is booked already"
    day = _joined([*work, (begins, ends)])
    own = next((start, stop) for start, stop in day if start <= begins and stop >= ends)
    if own[1] - own[0] > timedelta(hours=rest.hours_a_day_max):
        return f"would work more than {rest.hours_a_day_max:g} h in a row"
    gap = timedelta(hours=rest.hours_between)
    others = [one for one in day if one != own]
    if any(own[0] - gap < stop and start < own[1] + gap for start, stop in others):
        return f"would not rest for {rest.hours_between:g} h"
    if _busiest_week([*work, (begins, ends)], begins, ends) > timedelta(hours=rest.hours_a_week_max):
        return f"would work more than {rest.hours_a_week_max:g} h in seven days"
    return None


def _joined(work: list[Span]) -> list[Span]:
    """Stretches that touch as one."""
    joined: list[Span] = []
    for start, stop in sorted(work):
        if joined and start - joined[-1][1] <= TOUCH:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def _busiest_week(work: list[Span], begins: datetime, ends: datetime) -> timedelta:
    """The most work in any seven days that hold some of [begins, ends]: some busiest week begins or ends with a
    stretch."""
    marks = {start for start, _ in work} | {stop - WEEK for _, stop in work}
    weeks = [mark for mark in marks if mark < ends and mark + WEEK > begins]
    return max(
        sum((max(timedelta(0), min(stop, mark + WEEK) - max(start, mark)) for start, stop in work), timedelta(0))
        for mark in weeks
    )


def choose(
    desk: Desk, to: QueueRef, agents: int, until: datetime, lost_sites: frozenset[str]
) -> list[tuple[BenchPerson, Span]]:
    """Up to so many people who may come for `to`, failover agents first, then the quickest, each with when."""
    centre = desk.centre
    if centre is None or agents <= 0:
        return []
    zone = zone_of(centre.time_zone)
    found: list[tuple[BenchPerson, Span]] = []
    for person in sorted(centre.bench, key=lambda one: (not _fails_over(one, to), one.lead_minutes, one.person)):
        begins, ends = stretch(desk.now, person.lead_minutes, until)
        if not any(overlaps(skill, to) for skill in person.skills) or not _can_sit(person, lost_sites):
            continue
        if not any(
            start <= desk.now and begins < stop for start, stop in spans(person.on_call, zone, desk.now, begins)
        ):
            continue
        if may_work(person, taken(desk, person.person), centre.rest, zone, begins, ends) is None:
            found.append((person, (begins, ends)))
            if len(found) == agents:
                break
    return found


def _fails_over(person: BenchPerson, to: QueueRef) -> bool:
    return any(overlaps(at, to) for at in person.stands_in_for)


def _can_sit(person: BenchPerson, lost_sites: frozenset[str]) -> bool:
    """Whether there is a place to work from: the own site, or another that is not lost."""
    return person.site not in lost_sites or any(place not in lost_sites for place in person.workplaces)


def taken(desk: Desk, person: str) -> list[Booking]:
    return [one for one in desk.bookings if one.person == person]


def reserve(desk: Desk, alert: StaffingAlert) -> None:
    """Ask for the people whom an alert names: until somebody decides, nobody else may have them."""
    if desk.centre is None:
        return
    lead = {person.person: person.lead_minutes for person in desk.centre.bench}
    for name in sorted({name for lever in alert.levers for name in lever.people}):
        begins, ends = stretch(desk.now, lead[name], _until(alert))
        desk.bookings.append(
            Booking(
                person=name, queue=alert.queue, incident_id=alert.incident_id, alert_id=alert.alert_id, begins=begins,
                ends=ends, asked_until=alert.latest_useful_at,
            )
        )  # fmt: skip
    desk.bookings = desk.bookings[-BOOKINGS_MAX:]


def stretch(now: datetime, lead_minutes: int, until: datetime) -> Span:
    """From when and until when somebody would work who is called now."""
    begins = now + timedelta(minutes=lead_minutes)
    return begins, begins + min(CALL_MAX, max(CALL_MIN, until - begins))


def _until(alert: StaffingAlert) -> datetime:
    short = [interval.start for interval in alert.intervals if interval.agents_short > 0]
    return max(short, default=alert.at) + timedelta(seconds=alert.interval_seconds)


def called(desk: Desk, alert_id: str) -> list[Booking]:
    """Whoever is reserved by an alert and not called in yet."""
    return [one for one in desk.bookings if one.alert_id == alert_id and one.called_by is None]


def release(desk: Desk, incident: str, to: QueueRef | None = None) -> None:
    """Whoever was asked and not called is free again."""
    desk.bookings = [
        one for one in desk.bookings if one.called_by or one.incident_id != incident or to not in (None, one.queue)
    ]


def forget(desk: Desk) -> None:
    """Reservations nobody answered, and work that no rule looks back to any more."""
    now = desk.now
    kept = [
        one
        for one in desk.bookings
        if (one.called_by or one.asked_until is None or one.asked_until > now) and one.ends > now - 2 * WEEK
    ]
    if len(kept) != len(desk.bookings):
        desk.bookings = kept


def coming(desk: Desk, to: QueueRef, start: datetime, end: datetime) -> int:
    """People who are called in and there for at least half of an interval."""
    half = (end - start) / 2
    return sum(
        one.queue == to and one.called_by is not None and min(one.ends, end) - max(one.begins, start) >= half
        for one in desk.bookings
    )
