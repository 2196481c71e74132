"""What we ask of people and of the routing platform: never without expiry, inverse, guard, mode and evidence."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from schemas.base import Count, Message, Name, Origin, Part, QueueRef, Share, Utc
from schemas.centre import Mode
from schemas.incident import Reason


class Interval(Part, frozen=True, kw_only=True):
    """One planning interval of one queue: what comes, who is there, who is missing, and how it is served with nothing
    done. No mean wait is told where nobody would ever be served."""

    start: Utc
    forecast: float
    expected: float
    agents_needed: Count
    agents_staffed: Count
    agents_short: int
    service_level_if_nothing: Share
    service_level_with_plan: Share
    wait_seconds_if_nothing: float | None = None
    occupancy_if_nothing: float | None = None


class Lever(Part, frozen=True, kw_only=True):
    """One thing that can be done about a gap, its owner and its lead time."""

    name: Name
    agents: Count
    minutes: Count
    from_queue: QueueRef | None = None
    effect: str
    owner: Name
    approver: Name | None = None
    latest_useful_at: Utc | None = None
    # opaque ids of the people who are asked, where the roster knows them
    people: list[Name] = []


class StaffingAlert(Message, frozen=True, kw_only=True):
    """Who is short by how many, for how long, and the cheapest lever. Id = digest of (incident, queue, revision).

    The three variances are against what is usual (arrivals) and planned (handle time, people): 0.1 is a tenth more;
    `driver` is the one that is furthest off. `since` and `sureness` are the suspected cause's.
    """

    alert_id: Name
    incident_id: Name
    tenant: Name
    revision: Count
    at: Utc
    queue: QueueRef
    time_zone: Name
    interval_seconds: Count
    driver: Literal["volume", "handle-time", "staffed"]
    driver_text: str
    contacts_waiting: Count | None
    oldest_wait_seconds: float | None = None
    queue_counted_by: Literal["platform", "estimate"] | None = None
    arrivals_variance: float | None
    handle_seconds_variance: float | None = None
    staffed_variance: float | None = None
    since: Utc | None = None
    sureness: Share | None = None
    intervals: list[Interval]
    service_level_now: Share | None
    occupancy_now: float | None
    wait_seconds_now: float | None = None
    target: str
    levers: list[Lever]
    latest_useful_at: Utc
    approver: Name
    acknowledge: str
    rollback: str
    cause: str
    # the exercise that it belongs to; None: it is real
    drill: Name | None = None
    state: Literal["open", "closed"] = "open"
    text: str
    origin: Origin


class Guard(Part, frozen=True, kw_only=True):
    """What stops the command by itself."""

    donor: QueueRef
    stop_if_service_level_below: Share
    stop_if_agents_below: Count
    check_after_seconds: Count
    # the effect is judged so long after the change; without one, or with harm, the inverse goes out
    judge_after_seconds: Count = 0
    # of all contacts (or people) of the tenant, how many may be moved at once
    blast_radius_max: Share = 1.0


class Inverse(Part, frozen=True, kw_only=True):
    """How to take the command back; it has an id of its own."""

    command_id: Name
    from_queue: QueueRef
    to_queue: QueueRef
    share: Share


class Projection(Part, frozen=True, kw_only=True):
    """What the shift is expected to do to one queue."""

    queue: QueueRef
    wait_seconds_before: float | None
    wait_seconds_after: float | None
    abandoned_share_before: Share
    abandoned_share_after: Share


class LoadShiftCommand(Message, frozen=True, kw_only=True):
    """Move a share of the arrivals of one queue to another, for a while; `skill-flex` lends `agents`, that share of the
    people of `from_queue`, to `to_queue` instead. `only` and `reasons` bind it to some contacts, `except_reasons` are
    never moved. It cannot be made without mode, cap, expiry, inverse and evidence, nor executed without leave.

    Id = digest of (incident, action, from, to, step). On `load-shift-commands` it may be executed; on
    `load-shift-proposals` it may not (`blocked_by` says why: the mode, a cap, its age, the kill switch). `closed` is
    the last word on a proposal: it can never be approved any more, and `blocked_by` says what became of it.
    """

    command_id: Name
    dedup_key: Name
    incident_id: Name
    tenant: Name
    action: Name
    from_queue: QueueRef
    to_queue: QueueRef
    share: Share
    share_before: Share
    share_cap: Share
    step: Count
    issued_at: Utc
    expires_at: Utc
    mode: Mode
    guard: Guard
    inverse: Inverse
    evidence: Annotated[list[Name], msgspec.Meta(min_length=1)]
    agents: Count = 0
    only: Literal["vip"] | None = None
    reasons: list[Name] = []
    except_reasons: list[Name] = []
    provider: Name | None = None
    projections: list[Projection] = []
    binding: list[str] = []
    reverts: Name | None = None
    approved_by: Name | None = None
    # who said yes so far, where two people have to
    approvals: list[Name] = []
    blocked_by: Reason | None = None
    drill: Name | None = None
    closed: bool = False
    text: str
    origin: Origin

    def __post_init__(self) -> None:
        if wrong := _unsafe(self):
            raise ValueError(wrong)


def _unsafe(command: LoadShiftCommand) -> str | None:
    """Why this must not be on the bus, whoever made it."""
    if not command.evidence:
        return "a command names the signals that it follows from"
    if command.inverse.command_id == command.command_id:
        return "the inverse has an id of its own"
    if command.reverts is not None:
        return None  # taking back is always allowed
    if command.expires_at <= command.issued_at:
        return "a command runs out after it was issued"
    if command.share > command.share_cap + 1e-9:
        return f"a share of {command.share:g} is above its cap of {command.share_cap:g}"
    if command.mode == "off":
        return "an action that is off has no commands"
    if command.blocked_by is None and not (command.mode == "auto" or command.approved_by):
        return f"mode {command.mode} without an approval is a proposal: blocked_by says why"
    return None


class Bulletin(Message, frozen=True, kw_only=True):
    """An approved message, filled in. Id = digest of (incident, template, audience, language, step)."""

    bulletin_id: Name
    incident_id: Name
    tenant: Name
    audience: Literal["agents", "supervisors", "customers", "social", "sms", "status-page"]
    language: Name
    template: Name
    template_version: Count
    at: Utc
    next_update_at: Utc | None
    expires_at: Utc
    text: str
    approved: bool
    # opaque ids of those it is for; empty is everybody of the audience
    to: list[Name] = []
    # who has not confirmed by then that he has read it is named to his team lead
    read_by: Utc | None = None
    origin: Origin
