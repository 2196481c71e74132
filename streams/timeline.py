"""What happened, for people: a line for what began, changed its phase or ended, under its day, in local time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, tzinfo
from functools import singledispatchmethod
from typing import Any
from zoneinfo import ZoneInfo

from schemas.base import Message
from schemas.centre import Centre
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.incident import Incident
from schemas.signal import Signal


class Timeline:
    """Markdown lines of what is told. Revisions that change no phase are left out; the JSON lines have them."""

    def __init__(self) -> None:
        self._zones: dict[str, tzinfo] = {}
        self._day: dict[str, date] = {}
        self._phases: dict[str, str] = {}
        self._alerts: dict[str, str] = {}

    def model(self, centre: Centre) -> None:
        """From now on the tenant is told in its own time; without a model it is told in UTC."""
        self._zones[centre.tenant] = ZoneInfo(centre.time_zone)

    def lines(self, value: Message) -> Iterator[str]:
        """What is to be read of it: nothing, its line, or its line under a new day's heading."""
        said = self._say(value)
        if said is None:
            return
        at, tenant, text = said
        local = at.astimezone(self._zones.get(tenant, UTC))
        # time may run back a little, as between a signal and its incident: the day does not
        if tenant not in self._day or local.date() > self._day[tenant]:
            self._day[tenant] = local.date()
            yield from ("", f"## {tenant}, {local:%A %Y-%m-%d} ({local.tzname()})", "")
        yield f"- {local:%H:%M:%S} {text}"

    @singledispatchmethod
    def _say(self, value: Any) -> tuple[datetime, str, str] | None:
        raise TypeError(f"{type(value).__name__} has no place on the timeline")

    @_say.register
    def _(self, value: Signal) -> tuple[datetime, str, str] | None:
        if value.state == "revised":
            return None
        return value.at, value.tenant, f"signal {value.state}: {value.series} {value.signal_kind}. {value.text}"

    @_say.register
    def _(self, value: Incident) -> tuple[datetime, str, str] | None:
        if self._phases.get(value.incident_id) == value.phase:
            return None
        self._phases[value.incident_id] = value.phase
        why = f" {value.moves[-1].reason.text}" if value.moves else ""
        cause = f"likely {value.cause.kind}, {value.cause.sureness:.0%} sure"
        pages = "" if value.pages else ", wakes nobody"
        text = (
            f"**incident {value.phase}** ({value.severity}{pages}): {value.title}; {cause}.{why} `{value.incident_id}`"
        )
        return value.at, value.tenant, text

    @_say.register
    def _(self, value: StaffingAlert) -> tuple[datetime, str, str] | None:
        name = f"{value.incident_id}/{value.queue}"
        if self._alerts.get(name) == value.state:
            return None
        self._alerts[name] = value.state
        return value.at, value.tenant, f"**staffing alert {value.state}** {value.queue}: {value.text}"

    @_say.register
    def _(self, value: LoadShiftCommand) -> tuple[datetime, str, str] | None:
        way = f"{value.from_queue} -> {value.to_queue} {value.share_before:.0%} -> {value.share:.0%}"
        return (
            value.issued_at,
            value.tenant,
            f"**load shift** {way} by {value.action}: {value.text} `{value.command_id}`",
        )
