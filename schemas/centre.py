"""The tenant's model of its contact centre, and the cases that are open in it."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

from schemas.base import Count, Message, Name, Part, QueueRef, Share, Utc

Mode = Literal["off", "dry-run", "approve", "auto"]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
WallTime = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="08:30, by the rota's zone")]


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
    # by day or days ("monday-friday": "08:00-20:00"); without any it never closes
    opening_hours: dict[str, str] = {}


class CentreQueue(Part, frozen=True, kw_only=True):
    """One queue. `agents` is the plan when the workforce feed says nothing; a donor never falls below `floor_agents`.
    `share_max` bounds what one command may move away or take in."""

    at: QueueRef
    agents: Count = 0
    floor_agents: Count = 0
    share_max: Share = 0.5
    handle_seconds: Positive | None = None
    # of its contacts, how many are of customers who are served first
    vip_share: Share = 0.0
    # instead of the channel's
    opening_hours: dict[str, str] = {}


Action = Literal["skill-flex", "deflect", "overflow", "call-back", "sms", "bot", "second-carrier", "alternative-site"]


class Route(Part, frozen=True, kw_only=True):
    """What may move where. `action` is what the platform is asked to do: `skill-flex` lends people of `from_queue` to
    `to_queue`, all others move contacts. `provider` carries the contact at its new place; `only` and `reasons` bind the
    route to VIP contacts or to contacts of these (critical) reasons."""

    from_queue: QueueRef
    to_queue: QueueRef
    action: Action
    share_max: Share = 0.5
    # how much work one moved contact is at its new place, or for lent people, relative to its old one
    work_ratio: Positive = 1.0
    provider: Name | None = None
    only: Literal["vip"] | None = None
    reasons: list[Name] = []


class Provider(Part, frozen=True, kw_only=True):
    """A carrier or platform and what depends on it. Numbers that the `cloud` holds (bring your own carrier) are
    switched by a command; those that the `carrier` holds only he can switch, so a person has to ask him.
    `promised_availability`: of the time, how much its contract promises that it works (0.999)."""

    name: Name
    tool: Name
    channels: list[Name] = []
    promised_availability: Share | None = None
    controls_numbers: Literal["carrier", "cloud", "none"] = "none"


class Bot(Part, frozen=True, kw_only=True):
    """A bot that can stand before the queues of routes with the action `bot`. Contained = finished without a person;
    below the floor the bot costs more than it saves, and its mode ends by itself."""

    at: QueueRef
    tool: Name = "bot"
    containment_usual: Share = 0.6
    containment_floor: Share = 0.4


class CriticalReason(Part, frozen=True, kw_only=True):
    """A reason that only its specialists may answer: no route moves it but one that names it and leads to `team`.
    `share` is its usual part of a queue's contacts."""

    reason: Name
    team: QueueRef
    share: Share = 0.0


class Hours(Part, frozen=True, kw_only=True):
    """A weekly stretch by the wall clock; past midnight where `ends` is not after `begins`."""

    days: tuple[Weekday, ...] = WEEKDAYS
    begins: WallTime
    ends: WallTime


class BenchPerson(Part, frozen=True, kw_only=True):
    """Somebody who may be called in, by an opaque id: for what (`skills`), where from (`site`, and `workplaces` that
    still work when it does not), when they work anyway (`shifts`) and when they may be called (`on_call`).
    `stands_in_for`: queues whose failover agent they are; these are called first."""

    person: Name
    skills: list[QueueRef]
    site: Name | None = None
    workplaces: list[Name] = []
    shifts: list[Hours] = []
    on_call: list[Hours] = []
    lead_minutes: Count = 30
    stands_in_for: list[QueueRef] = []


class RestRules(Part, frozen=True, kw_only=True):
    """What nobody's call may break. The usual values are those of the Working Time Directive 2003/88/EC: eleven hours
    between two days of work, 48 hours a week; a day of ten hours at most."""

    hours_between: Positive = 11.0
    hours_a_day_max: Positive = 10.0
    hours_a_week_max: Positive = 48.0


class Partner(Part, frozen=True, kw_only=True):
    """A company that takes contacts for us: for which queues, with how many people, and how long after we ask."""

    name: Name
    queues: list[QueueRef]
    agents: Count
    lead_minutes: Count = 60
    approver: Name = "head of operations"


class Team(Part, frozen=True, kw_only=True):
    """Agents who are told things together, and their lead, who hears who has not read them; all by opaque ids."""

    name: Name
    lead: Name
    queues: list[QueueRef]
    agents: list[Name]


class SmsRules(Part, frozen=True, kw_only=True):
    """When customers who asked for it get text messages: not in the quiet hours of the tenant's zone, at most so many
    a day."""

    quiet_from: WallTime = "21:00"
    quiet_to: WallTime = "08:00"
    a_day_max: Count = 3


class CalendarDay(Part, frozen=True, kw_only=True):
    """Days that are not like their weekday, from `date` to `until`: a holiday, a campaign, a peak season. They are read
    as `day_type` (monday to sunday, weekday, weekend, holiday, closed; any other word: as their weekday, but unsure)
    with `ratio` times as many contacts, and are not learned from. A surge up to `ratio_max` times the usual, or a drop,
    is explained by them: it is told and wakes nobody. Without `channels` they are for all."""

    date: str
    name: str
    day_type: Name = "special"
    until: str | None = None
    ratio: Positive | None = None
    ratio_max: Positive = 5.0
    channels: list[Name] = []


class Duty(Part, frozen=True, kw_only=True):
    """One person's turn on a rota, weekly, by the clock on the wall; past midnight where `ends` is not after `begins`,
    a whole day where they are the same. `days` are those on which it begins."""

    who: Name
    days: tuple[Weekday, ...] = WEEKDAYS
    begins: WallTime = "00:00"
    ends: WallTime = "00:00"


class Rota(Part, frozen=True, kw_only=True):
    """Who answers for incidents that nobody has acknowledged `after_seconds` after they could first wake somebody.
    Asked only from `severity` on."""

    name: Name
    after_seconds: Count = 0
    severity: Literal["warning", "error", "critical"] = "warning"
    time_zone: Name | None = None
    duties: list[Duty]


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
    # the name of an exercise: whatever is seen of this tenant is marked as one and moves no real contact
    drill: Name | None = None
    # who is asked when an incident wakes somebody, and who next while nobody acknowledges it
    on_call: list[Rota] = []
    languages: tuple[Name, ...] = ("en",)
    status_page: str | None = None
    # how much of the tenant's contacts, or people, may be moved at once without a person's word
    blast_radius_max: Share = 0.5
    # actions that two different people have to approve
    two_person: list[Action] = []
    # of a helper's slots, how many VIP contacts may hold, so that others are served too
    vip_share_max: Share = 0.2
    critical: list[CriticalReason] = []
    bots: list[Bot] = []
    bench: list[BenchPerson] = []
    rest: RestRules = RestRules()
    partners: list[Partner] = []
    teams: list[Team] = []
    sms: SmsRules = SmsRules()
    # who must approve a staffing lever, where it is not its usual approver
    approvers: dict[str, Name] = {}


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
