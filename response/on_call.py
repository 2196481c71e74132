"""Who answers for a rota at a moment, by the clock on its wall: weekly turns, past midnight, through time changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.centre import WEEKDAYS, Centre, Duty, Rota
from schemas.status import OnDuty

WEEK_DAYS = 8  # a weekly turn that is on now ends within so many days, or comes again


def on_duty(centre: Centre | None, moment: datetime) -> list[OnDuty]:
    """Who is on each rota at `moment`, and until when that stays so."""
    if centre is None:
        return []
    return [
        OnDuty(rota=rota.name, who=who(rota, centre, moment), until=_until(rota, centre, moment))
        for rota in centre.on_call
    ]


def who(rota: Rota, centre: Centre, moment: datetime) -> list[str]:
    """The people of a rota at `moment`, in the order of the file; none where the rota has a hole."""
    zone = zone_of(rota.time_zone or centre.time_zone)
    return list(dict.fromkeys(duty.who for duty in rota.duties if _covers(duty, moment.astimezone(zone))))


def zone_of(name: str) -> ZoneInfo:
    """UTC for a name that nobody knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _covers(duty: Duty, local: datetime) -> bool:
    begins, ends, now = time.fromisoformat(duty.begins), time.fromisoformat(duty.ends), local.time()
    today = WEEKDAYS[local.weekday()] in duty.days
    yesterday = WEEKDAYS[local.weekday() - 1] in duty.days
    if begins < ends:
        return today and begins <= now < ends
    return (today and now >= begins) or (yesterday and now < ends)


def _until(rota: Rota, centre: Centre, moment: datetime) -> datetime | None:
    """The next moment at which somebody else is on; None where that never happens."""
    zone = zone_of(rota.time_zone or centre.time_zone)
    now, start = who(rota, centre, moment), moment.astimezone(zone).date()
    edges = sorted({time.fromisoformat(edge) for duty in rota.duties for edge in (duty.begins, duty.ends, "00:00")})
    for day in range(WEEK_DAYS + 1):
        for edge in edges:
            at = datetime.combine(start + timedelta(days=day), edge, zone).astimezone(UTC)
            if at > moment and who(rota, centre, at) != now:
                return at
    return None
