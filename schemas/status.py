"""How a tenant's desk stands: what was stopped by hand, and who is on call."""

from __future__ import annotations

from typing import Literal

from schemas.base import Count, Message, Name, Origin, Part, Utc
from schemas.centre import Mode


class Stop(Part, frozen=True, kw_only=True):
    """One use of the kill switch that nobody has undone. `breakwater unkill TARGET` does."""

    target: Name
    reach: Literal["tenant", "incident", "command"]
    by: Name
    at: Utc
    text: str


class OnDuty(Part, frozen=True, kw_only=True):
    """Who answers for a rota now, and until when; nobody where the rota has a hole."""

    rota: Name
    who: list[Name]
    until: Utc | None = None


class DeskStatus(Message, frozen=True, kw_only=True):
    """The desk of one tenant as a whole, said again when something of it changes."""

    tenant: Name
    revision: Count
    at: Utc
    mode: Mode
    stops: list[Stop] = []
    on_duty: list[OnDuty] = []
    origin: Origin
