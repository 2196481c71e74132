"""The tenant's model of its contact centre, and the cases that are open in it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from schemas.base import Count, Message, Name, Part, QueueRef, Share, Utc

Mode = Literal["off", "dry-run", "approve", "auto"]
Positive = Annotated[float, msgspec.Meta(gt=0)]


class CentreChannel(Part, frozen=True, kw_only=True):
    """One channel: who it serves, and its service target (the definition of service level: answered within
    `target_seconds` over offered, abandoned within it left out)."""

    audience: Literal["customer", "internal"] = "customer"
    target_share: Share = 0.8
    target_seconds: Positive = 20.0
    concurrency: Positive = 1.0
    handle_seconds: Positive = 300.0
    patience_seconds: Positive = 180.0
    occupancy_max: Share = 0.85


class CentreQueue(Part, frozen=True, kw_only=True):
    """One queue. `agents` is the plan when the workforce feed says nothing; a donor never falls below `floor_agents`.
    `share_max` bounds what one command may move away or take in."""

    at: QueueRef
    agents: Count = 0
    floor_agents: Count = 0
    share_max: Share = 0.5
    handle_seconds: Positive | None = None


class Route(Part, frozen=True, kw_only=True):
    """What may move where. `action` is what the platform is asked to do."""

    from_queue: QueueRef
    to_queue: QueueRef
    action: Literal["deflect", "overflow", "call-back", "sms", "bot", "second-carrier", "alternative-site"]
    share_max: Share = 0.5
    # how much work one moved contact is at its new place, relative to its old one
    work_ratio: Positive = 1.0


class Provider(Part, frozen=True, kw_only=True):
    """A carrier or platform and what depends on it."""

    name: Name
    tool: Name
    channels: list[Name] = []
    controls_numbers: Literal["carrier", "cloud", "none"] = "none"


class CalendarDay(Part, frozen=True, kw_only=True):
    """A date that is not like its weekday: it is read as `day_type` and is not learned as an ordinary day."""

    date: str
    name: str
    day_type: Name


class Centre(Message, frozen=True, kw_only=True):
    """One version of a tenant's model (`centre.yaml`), effective from the next pane after it was published."""

    tenant: Name
    version: Count = 1
    time_zone: Name = "UTC"
    mode: Mode = "approve"
    modes: dict[str, Mode] = {}
    # The budget: incidents a month that may be false, over all the tenant's series.
    budget_false_incidents_per_month: Positive = 4.0
    # A person's floor: a ratio within this band is never of interest ("ignore below +25 %" is 1.25).
    ignore_within_ratio: Annotated[float, msgspec.Meta(ge=1)] = 1.0
    shrinkage: Share = 0.3
    channels: dict[str, CentreChannel] = {}
    queues: list[CentreQueue] = []
    routes: list[Route] = []
    providers: list[Provider] = []
    calendar: list[CalendarDay] = []
    languages: tuple[Name, ...] = ("en",)
    status_page: str | None = None


class OpenCase(Message, frozen=True, kw_only=True):
    """A case that is open: for triage, priorities and follow-up lists. `customer` is opaque."""

    case_id: Name
    tenant: Name
    queue: QueueRef
    opened_at: Utc
    customer: Name | None = None
    priority: Count = 3
    vip: bool = False
    due_at: Utc | None = None
    sentiment: float | None = None
    repeats: Count = 0
    consent: list[Name] = []
    closed_at: Utc | None = None
