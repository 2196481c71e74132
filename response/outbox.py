"""What one step of the response fold says."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from response.guard import Issue
from response.state import Desk
from schemas.base import Message, Origin
from schemas.command import Bulletin, StaffingAlert
from schemas.fold import Output
from schemas.topics import BULLETINS, STAFFING_ALERTS, Topic


class Outbox:
    """What one step says, numbered in order: each message names the desk entry that caused it."""

    def __init__(self, desk: Desk, origin: Origin) -> None:
        self.origin = origin
        self.outputs: list[Output] = []
        self._desk = desk

    def add(self, topic: Topic, name: str, value: Message, unique: str = "") -> None:
        origin = msgspec.structs.replace(self.origin, n=len(self.outputs))
        told = msgspec.structs.replace(value, origin=origin)
        key = f"{self._desk.tenant}|{name}"
        time = self._desk.now
        self.outputs.append(Output(topic=topic, key=key, value=told, id=name + unique, time=time))

    def shifts(self, issues: Iterable[Issue]) -> None:
        for topic, command in issues:
            # a proposal and the command it became share an id; so does its rejection
            state = command.blocked_by.code if command.blocked_by else "run"
            state += ".closed" if command.closed else ""
            self.add(topic, command.command_id, command, f".{state}")

    def alerts(self, alerts: Iterable[StaffingAlert]) -> None:
        for alert in alerts:
            self.add(STAFFING_ALERTS, alert.alert_id, alert)

    def bulletins(self, bulletins: Iterable[Bulletin]) -> None:
        for bulletin in bulletins:
            self.add(BULLETINS, bulletin.bulletin_id, bulletin)
