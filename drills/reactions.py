"""What the simulated routing platform does with load-shift commands: people change queues, contacts change ways.

A command takes effect `REACTS_AFTER` its issue (people finish, log in elsewhere) and is confirmed then; its inverse
ends it. Choices come from a generator of their own, so that a centre without commands stays the same to the byte.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import numpy as np

from schemas.base import QueueRef
from schemas.command import LoadShiftCommand
from schemas.decision import CommandResult

REACTS_AFTER = timedelta(minutes=4)
CONTAINED_SHARE = 0.6


class _Due(msgspec.Struct, frozen=True):
    at: datetime
    command: LoadShiftCommand


class Reactions:
    """All that runs by command, by route."""

    def __init__(self, tenant: str, seed: int) -> None:
        self._tenant = tenant
        self._draw = np.random.default_rng([seed, 3])
        self._due: list[_Due] = []
        self._running: dict[tuple[str, QueueRef, QueueRef], LoadShiftCommand] = {}
        self.contained_share = CONTAINED_SHARE

    def hear(self, command: LoadShiftCommand, now: datetime) -> None:
        """A command off the bus; one that comes late acts at once."""
        if command.tenant == self._tenant and command.blocked_by is None:
            self._due.append(_Due(max(now, command.issued_at + REACTS_AFTER), command))

    def until(self, now: datetime) -> list[CommandResult]:
        """Lets what is due by `now` take effect, ends what ran out, and says what was done."""
        due = sorted((one for one in self._due if one.at <= now), key=lambda one: (one.at, one.command.command_id))
        self._due = [one for one in self._due if one.at > now]
        said = []
        for at, command in ((one.at, one.command) for one in due):
            way = (command.action, command.from_queue, command.to_queue)
            if command.reverts is not None:
                ended = self._running.get(way)
                if ended is not None and ended.command_id == command.reverts:
                    del self._running[way]
                said.append(self._result(command, at, "applied"))
            else:
                self._running[way] = command
                said.append(self._result(command, at, "applied"))
        for way in [way for way, command in self._running.items() if command.expires_at <= now]:
            said.append(self._result(self._running.pop(way), now, "expired"))
        return said

    def agents(self, at: QueueRef) -> int:
        """People who came to a queue, less those who left it."""
        flex = [one for one in self._running.values() if one.action == "skill-flex"]
        return sum(one.agents * ((one.to_queue == at) - (one.from_queue == at)) for one in flex)

    def way_in(self, at: QueueRef) -> float:
        """The share of the usual that comes by a second carrier or another site."""
        ways = [one for one in self._running.values() if one.action in ("second-carrier", "alternative-site")]
        return min(1.0, sum(one.share for one in ways if one.from_queue == at))

    def moves(self, at: QueueRef) -> tuple[str, QueueRef] | None:
        """Where the next contact of a queue goes, by chance; None is its own queue. No chance is drawn where nothing
        runs."""
        ways = [
            one
            for _, one in sorted(self._running.items(), key=lambda item: str(item[0]))
            if one.from_queue == at and one.action in ("overflow", "deflect", "sms", "call-back", "bot")
        ]
        if not ways:
            return None
        chance = float(self._draw.random())
        for one in ways:
            if chance < one.share:
                return one.action, one.to_queue
            chance -= one.share
        return None

    def contains(self) -> bool:
        """Whether the bot finishes the next contact alone."""
        return bool(self._draw.random() < self.contained_share)

    def _result(self, command: LoadShiftCommand, at: datetime, state: str) -> CommandResult:
        return CommandResult(command_id=command.command_id, tenant=self._tenant, at=at, state=state)  # type: ignore[arg-type]
