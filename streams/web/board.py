"""The page's view model: values of the bus in, bounded snapshots and patches out. Pure: time comes as an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from schemas.centre import Centre
from schemas.command import Bulletin, LoadShiftCommand, StaffingAlert
from schemas.desk import DeskEntry
from schemas.incident import Incident
from schemas.notice import Notification
from schemas.recovery import Recovery
from schemas.status import DeskStatus
from schemas.topics import LOAD_SHIFT_PROPOSALS
from streams.web.cards import tenant_view
from streams.web.headline import blind_to, head_of
from streams.web.tenant import Limits, TenantBoard
from streams.web.view import Blind, Head, TenantLine, TenantView

Shown = (
    DeskEntry | Incident | StaffingAlert | LoadShiftCommand | Bulletin | Notification | Centre | DeskStatus | Recovery
)
LEVELS = ("waiting", "usual", "notice", "blind", "incident")


class Board:
    """All tenants. `clock_of` tells how a tenant's time is kept (its setting)."""

    def __init__(self, limits: Limits, clock_of: Callable[[str], Literal["system", "event"]]) -> None:
        self._limits = limits
        self._clock_of = clock_of
        self._tenants: dict[str, TenantBoard] = {}
        self._bus: Blind | None = Blind(since=None, why="the bus was not reached yet")
        self._heads: dict[str, Head] = {}
        self.reading = True  # the history of the last hours is still coming in
        self.refused_tenants = 0

    def fold(self, value: Shown, topic: str, arrived_at: datetime) -> None:
        """One record of `topic` (its own name), as it arrived on the bus."""
        board = self._board_of(value.tenant)
        if board is None:
            return
        match value:
            case DeskEntry():
                board.hear(value.body, arrived_at)
            case Incident():
                board.take_incident(value)
            case StaffingAlert():
                board.take_alert(value)
            case LoadShiftCommand():
                (board.take_proposal if topic == LOAD_SHIFT_PROPOSALS.name else board.take_command)(value)
            case Bulletin():
                board.take_bulletin(value)
            case Notification():
                board.take_notification(value)
            case Centre():
                board.take_centre(value)
            case DeskStatus():
                board.take_status(value)
            case Recovery():
                board.take_recovery(value)

    def seeing(self) -> None:
        """The bus answers."""
        self._bus = None

    def blind(self, since: datetime | None, why: str) -> None:
        """The bus does not answer; `since` the last moment it did, None if it never has."""
        self._bus = Blind(since=since, why=why)

    @property
    def bus(self) -> Blind | None:
        return self._bus

    def tenant(self, name: str) -> TenantBoard | None:
        """What is known of a tenant; None for one that was never heard of."""
        return self._tenants.get(name)

    def every(self) -> list[TenantBoard]:
        return list(self._tenants.values())

    def tenants(self) -> list[TenantLine]:
        """The switch, as of the last patches: who needs a look first, then by name."""
        lines = [
            TenantLine(tenant=name, level=head.headline.level, text=head.headline.text)
            for name, head in self._heads.items()
        ]
        return sorted(lines, key=lambda line: (-LEVELS.index(line.level), line.tenant))

    def snapshot(self, tenant: str, wall: datetime) -> TenantView | None:
        """All that is kept of a tenant; None for one that was never heard of."""
        board = self._tenants.get(tenant)
        return tenant_view(board, wall, self._head(board, wall), whole=True) if board else None

    def patches(self, wall: datetime) -> list[TenantView]:
        """What changed, by tenant, since the last call."""
        found = []
        for name, board in self._tenants.items():
            head = self._head(board, wall)
            patch = tenant_view(board, wall, head, whole=False)
            same_head = self._heads.get(name) == head
            self._heads[name] = head
            if not same_head or patch != TenantView(tenant=name, head=head):
                found.append(patch)
        return found

    def _board_of(self, name: str) -> TenantBoard | None:
        board = self._tenants.get(name)
        if board is None:
            if len(self._tenants) >= self._limits.tenants_max:
                self.refused_tenants += 1
                return None
            board = self._tenants[name] = TenantBoard(name, self._limits, self._clock_of(name))
        return board

    def _head(self, board: TenantBoard, wall: datetime) -> Head:
        return head_of(board, wall, self._bus or blind_to(board, wall, self._limits.blind_after_seconds))
