"""Days of an iCalendar file (RFC 5545) as calendar entries of a centre's model: single days, spans, recurrences.

A calendar says when, not how much: `day_type` is told by whoever imports it, or by an event's category ("holiday",
"closed", a weekday).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from dateutil.rrule import rrulestr
from icalendar import Calendar as ICalendar

from detectors.calendar import CLOSED, DAY_TYPES
from schemas.centre import CalendarDay
from schemas.errors import BadConfig

BYTES_MAX = 10_000_000
OCCURRENCES_MAX = 1_000  # of one event: a daily one is no special day
NAME_MAX = 120


class Window(NamedTuple):
    """The days that are wanted, both included."""

    first: date
    last: date


def read(path: Path, window: Window, zone: ZoneInfo, day_type: str = "holiday") -> list[CalendarDay]:
    """The file's days within the window by the tenant's clock, in order. Raises BadConfig for what is no calendar."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise BadConfig([(str(path), f"is larger than {BYTES_MAX:,} bytes")])
        calendar: Any = ICalendar.from_ical(path.read_bytes())
        events: list[Any] = [
            event for event in calendar.walk("VEVENT") if str(event.get("STATUS", "")).upper() != "CANCELLED"
        ]
        moved = {
            (str(event.get("UID")), _wall(event["RECURRENCE-ID"].dt, zone)) for event in events if _is_moved(event)
        }
        found = [entry for event in events for entry in _entries(event, moved, window, zone, day_type)]
    except OSError as error:
        raise BadConfig([(str(path), f"cannot be read: {error.strerror}")]) from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadConfig([(str(path), f"is no iCalendar file that we understand: {error}")]) from None
    return sorted(_joined(found), key=lambda entry: (entry.date, entry.until or entry.date))


def merged(own: Iterable[CalendarDay], imported: Iterable[CalendarDay]) -> list[CalendarDay]:
    """The model's own entries, then those of a file for days on which the model says nothing."""
    own = list(own)
    taken = {entry.date for entry in own}
    return [*own, *(entry for entry in imported if entry.date not in taken)]


def _is_moved(event: Any) -> bool:
    return "RECURRENCE-ID" in event


def _entries(
    event: Any, moved: set[tuple[str, datetime]], window: Window, zone: ZoneInfo, day_type: str
) -> Iterator[CalendarDay]:
    start = _wall(event["DTSTART"].dt, zone)
    days = _days(event, start, zone)
    name = " ".join(str(event.get("SUMMARY", "")).split())[:NAME_MAX] or "a day of the calendar"
    for begins in _begins(event, start, window, zone):
        if not _is_moved(event) and (str(event.get("UID")), begins) in moved:
            continue
        first, last = begins.date(), begins.date() + timedelta(days=days - 1)
        if last < window.first or first > window.last:
            continue
        until = last.isoformat() if last > first else None
        yield CalendarDay(date=first.isoformat(), until=until, name=name, day_type=_day_type(event, day_type))


def _begins(event: Any, start: datetime, window: Window, zone: ZoneInfo) -> Iterator[datetime]:
    """When it begins, by the wall, as often as it comes."""
    but = {_wall(one.dt, zone) for one in _dates(event, "EXDATE")}
    also = {_wall(one.dt, zone) for one in _dates(event, "RDATE")}
    if "RRULE" not in event:
        yield from sorted(({start} | also) - but)
        return
    rule = event["RRULE"].copy()
    until = rule.pop("UNTIL", [None])[0]
    last = datetime.combine(window.last, time.max)
    if until is not None:
        ends = _wall(until, zone)
        # a date names its whole day
        last = min(last, ends if isinstance(until, datetime) else datetime.combine(ends.date(), time.max))
    for n, begins in enumerate(rrulestr(rule.to_ical().decode(), dtstart=start)):
        if begins > last:
            break
        if n >= OCCURRENCES_MAX and begins.date() >= window.first:
            raise ValueError(f"{event.get('SUMMARY')!s} comes more than {OCCURRENCES_MAX:,} times")
        if begins not in but:
            yield begins
    yield from sorted(also - but)


def _dates(event: Any, name: str) -> Iterator[Any]:
    held = event.get(name, [])
    for one in held if isinstance(held, list) else [held]:
        yield from one.dts


def _days(event: Any, start: datetime, zone: ZoneInfo) -> int:
    """How many local days it touches; an end is not part of it."""
    if "DTEND" in event:
        end = _wall(event["DTEND"].dt, zone)
    elif "DURATION" in event:
        end = start + event["DURATION"].dt
    else:
        return 1
    return max(((end - timedelta(microseconds=1)).date() - start.date()).days + 1, 1)


def _wall(moment: date, zone: ZoneInfo) -> datetime:
    """What the tenant's clock shows; a time without a zone is the tenant's own."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time.min)
    return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment


def _day_type(event: Any, usual: str) -> str:
    held = event.get("CATEGORIES")
    words = [] if held is None else [str(word).strip().lower() for one in _list(held) for word in one.cats]
    return next((word for word in words if word in DAY_TYPES or word == CLOSED), usual)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _joined(entries: Iterable[CalendarDay]) -> Iterator[CalendarDay]:
    """One entry a span: of several events their names together, the first one's kind."""
    found: dict[tuple[str, str | None], CalendarDay] = {}
    for entry in entries:
        held = found.get((entry.date, entry.until))
        if held is None:
            found[entry.date, entry.until] = entry
        elif entry.name not in held.name.split(", "):
            found[entry.date, entry.until] = msgspec.structs.replace(held, name=f"{held.name}, {entry.name}"[:NAME_MAX])
    yield from found.values()
