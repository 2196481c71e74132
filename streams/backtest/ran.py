"""What one configuration would have done with a source: its incidents, pages, staffing alerts and load shifts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from response.incidents import SEVERITIES
from schemas import codec, topics
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.desk import DeskEntry
from schemas.fold import Output
from schemas.incident import Incident
from schemas.signal import Signal
from streams.backtest.truth import Page


class Told(msgspec.Struct):
    """One incident as last told. `paged`: each time that it woke somebody, also when it came back while it was watched;
    `until` is its end, or the end of what was read."""

    incident_id: str
    tenant: str
    title: str
    cause: str
    severity: str
    phase: str
    channels: list[str]
    onset: datetime
    opened_at: datetime
    until: datetime
    contacts_unusual: float
    paged: list[datetime] = []
    resolved: bool = False

    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self)
        moments = {name: codec.rfc3339(getattr(self, name)) for name in ("onset", "opened_at", "until")}
        return found | moments | {"paged": [codec.rfc3339(at) for at in self.paged]}


class Ran(msgspec.Struct):
    """By id, so that what is told again counts once."""

    incidents: dict[str, Told] = {}
    signals: dict[str, str] = {}  # the kind
    alerts: set[str] = set()
    commands: set[str] = set()
    proposals: set[str] = set()
    panes: int = 0

    def hear(self, _partition: int, output: Output) -> None:
        """One output of either fold."""
        value = output.value
        if isinstance(value, DeskEntry):
            if isinstance(value.body, Signal):
                self.signals[value.body.signal_id] = value.body.signal_kind
        elif isinstance(value, Incident):
            self.incident(value)
        elif isinstance(value, StaffingAlert):
            self.alerts.add(value.alert_id)
        elif isinstance(value, LoadShiftCommand):
            mine = self.commands if output.topic == topics.LOAD_SHIFT_COMMANDS else self.proposals
            mine.add(value.command_id)

    def incident(self, value: Incident) -> None:
        """A revision of an incident."""
        before = self.incidents.get(value.incident_id)
        paged = before.paged if before else []
        awake = value.pages and value.phase == "open" and value.merged_into is None
        fresh = before is None or before.phase not in ("open", "easing")
        if awake and (fresh or not paged):
            paged = [*paged, value.at]
        severity: str = value.severity
        if before is not None:
            severity = max(before.severity, severity, key=SEVERITIES.index)
        self.incidents[value.incident_id] = Told(
            incident_id=value.incident_id,
            tenant=value.tenant,
            title=value.title,
            cause=value.cause.kind,
            severity=severity,
            phase=value.phase,
            channels=sorted(value.scope.channels),
            onset=value.onset,
            opened_at=value.opened_at,
            until=_until(value),
            contacts_unusual=value.contacts_unusual,
            paged=paged,
            resolved=value.phase == "resolved",
        )

    def in_order(self) -> list[Told]:
        return sorted(self.incidents.values(), key=lambda one: (one.opened_at, one.incident_id))

    def pages(self) -> Iterator[Page]:
        """Each time that somebody is woken, with the incident that it is for."""
        for one in self.in_order():
            for at in one.paged:
                onset = min(one.onset.timestamp(), at.timestamp()) if at == one.paged[0] else at.timestamp()
                yield Page(at.timestamp(), onset, max(one.until, at).timestamp(), frozenset(one.channels))


def _until(value: Incident) -> datetime:
    """When its last symptom was over: what follows is only watched."""
    open_still = any(symptom.cleared_at is None for symptom in value.symptoms)
    if open_still or not value.symptoms:
        return value.at
    return max(symptom.cleared_at for symptom in value.symptoms if symptom.cleared_at is not None)
