"""How a tenant's desk stands: what was stopped by hand, who is on call, and which tools are slow."""

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


class SlowTool(Part, frozen=True, kw_only=True):
    """A tool that answers later than usual, whatever it says of itself; in seconds."""

    tool: Name
    provider: Name | None = None
    site: Name | None = None
    since: Utc
    latency_seconds: float
    usual_seconds: float


class Budget(Part, frozen=True, kw_only=True):
    """The account of thirty days: incidents that may be false (`stated`), that were (`spent`: people said "not an
    incident"), that will be at this rate (`projected`, after a week), and how many had opened at all.

    It is also how the account is kept: `since` when, counted up to which moment, by day and by incident.
    """

    stated: float
    spent: Count = 0
    projected: float | None = None
    opened: Count = 0
    since: Utc
    counted_to: Utc
    opened_by_day: dict[str, int] = {}
    false: dict[str, Utc] = {}


class DeskStatus(Message, frozen=True, kw_only=True):
    """The desk of one tenant as a whole, said again when something of it changes."""

    tenant: Name
    revision: Count
    at: Utc
    mode: Mode
    stops: list[Stop] = []
    on_duty: list[OnDuty] = []
    budget: Budget | None = None
    slow: list[SlowTool] = []
    origin: Origin
