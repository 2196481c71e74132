"""What the page shows, as values ready for JSON: the contract between `board.py` and `static/`.

Moments are UTC. A text that names a time of day names it in the tenant's own zone. A snapshot and a patch have the same
shape: a patch holds only what changed, None where something left, and in `points` only the minutes that are new.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from schemas.base import QueueRef
from schemas.centre import Mode
from schemas.command import Bulletin, LoadShiftCommand, StaffingAlert
from schemas.health import ToolHealth
from schemas.incident import Cause, Phase, Reason, Scope
from schemas.recovery import Recovery
from schemas.signal import Contribution, Evidence, SignalKind
from schemas.status import OnDuty, Stop

Level = Literal["waiting", "usual", "notice", "incident", "blind"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A value on the page."""


class Point(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One minute of one row. `at` in seconds since 1970; `observed` None: nothing is known of that minute."""

    at: int
    observed: float | None
    expected: float
    low: float
    high: float


class Mark(Part, frozen=True, kw_only=True):
    """A stretch of a row that is out of the ordinary: one signal. `end` None: it goes on."""

    signal_id: str
    kind: SignalKind
    measure: str
    start: datetime
    end: datetime | None
    text: str


class Agents(Part, frozen=True, kw_only=True):
    """Who is there; `idle` can take a contact at once. `at` is the oldest of the statements added up."""

    at: datetime
    staffed: int
    idle: int
    busy: int
    bench: int


class Row(Part, frozen=True, kw_only=True):
    """One queue, or one channel (`queue` None), with its last minutes.

    `status` is the weightiest signal that is open on it; without one "above" or "below" when its last minutes all lay
    outside the usual range, "unknown" when they were not delivered, else "usual". `because` says it in words.
    `unusual_queues` of a channel counts its queues with an open signal. Counts are of the last minute (`seconds` long).
    """

    at: QueueRef
    status: SignalKind | Literal["usual", "above", "below", "unknown"]
    because: str
    since: datetime | None
    unusual_queues: int
    seconds: float
    known_seconds: float
    last_at: datetime | None
    answered: int
    abandoned: int
    escalated: int
    wait_seconds_mean: float | None
    backlog: int | None
    backlog_since: datetime | None
    agents: Agents | None
    marks: list[Mark]
    points: list[Point]


class SymptomLine(Part, frozen=True, kw_only=True):
    """One signal of an incident: the numbers, and for doubters the evidence (as last said on the desk)."""

    signal_id: str
    name: str
    kind: SignalKind
    state: Literal["opened", "revised", "cleared"]
    onset: datetime
    detected_at: datetime
    cleared_at: datetime | None
    observed: float
    expected: float
    usual_low: float | None
    usual_high: float | None
    ratio: float | None
    change: str
    rarity_days: float | None
    text: str
    evidence: Evidence | None
    contributors: list[Contribution]


StepKind = Literal["onset", "signal", "phase", "alert", "command", "proposal", "result", "decision", "told", "bulletin"]


class Step(Part, frozen=True, kw_only=True):
    """One line of an incident's story."""

    at: datetime
    kind: StepKind
    text: str


class Told(Part, frozen=True, kw_only=True):
    """Who was told, and what came of it. `at` is wall clock time, also where the tenant's time is played."""

    sink: str
    what: str
    outcome: str
    attempt: int
    at: datetime
    text: str


class IncidentCard(Part, frozen=True, kw_only=True):
    """One incident with all that belongs to it."""

    incident_id: str
    phase: Phase
    severity: Literal["info", "warning", "error", "critical"]
    title: str
    sentence: str
    cause: Cause
    scope: Scope
    scope_text: str
    opened_at: datetime
    onset: datetime
    resolved_at: datetime | None
    revision: int
    symptoms: list[SymptomLine]
    story: list[Step]
    told: list[Told]
    pages: bool
    acknowledged_by: str | None
    muted_until: datetime | None
    merged_into: str | None
    playbook: str | None
    contacts_unusual: float
    drill: str | None
    notes: list[Reason]
    recovery: Recovery | None


class CommandCard(Part, frozen=True, kw_only=True):
    """A load shift: `running` may be executed, `proposed` may not; one that `asks` lacks nothing but somebody's yes.
    `ended` says how it ended before its expiry."""

    command: LoadShiftCommand
    kind: Literal["running", "proposed"]
    asks: bool
    result: Literal["applied", "refused", "reverted", "expired"] | None
    result_text: str | None
    ended: str | None


class Blind(Part, frozen=True, kw_only=True):
    """We do not see: since when (wall clock) and why."""

    since: datetime | None
    why: str


class Headline(Part, frozen=True, kw_only=True):
    """One sentence that says what is going on, and one with what is good to know besides."""

    level: Level
    text: str
    more: str = ""


class Account(Part, frozen=True, kw_only=True):
    """False incidents of thirty days: how many may be, were, will be at this rate, of how many in all."""

    stated: float
    spent: int
    projected: float | None
    opened: int


class Head(Part, frozen=True, kw_only=True):
    """What stands above everything. `now` is the tenant's time (None: the wall clock's); `complete_to` is how far its
    contacts are counted."""

    headline: Headline
    time_zone: str
    clock: Literal["system", "event"]
    now: datetime | None
    complete_to: datetime | None
    mode: Mode | None
    modes: dict[str, Mode]
    killed_by: str | None
    stops: list[Stop]
    on_duty: list[OnDuty]
    account: Account | None
    blind: Blind | None
    languages: tuple[str, ...]
    hidden: dict[str, int]


class TenantView(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Everything of one tenant (snapshot) or what changed of it (patch)."""

    tenant: str
    head: Head | None = None
    rows: dict[str, Row | None] = {}
    incidents: dict[str, IncidentCard | None] = {}
    alerts: dict[str, StaffingAlert | None] = {}
    commands: dict[str, CommandCard | None] = {}
    bulletins: dict[str, Bulletin | None] = {}
    tools: dict[str, ToolHealth | None] = {}


class TenantLine(Part, frozen=True, kw_only=True):
    """One tenant in the switch."""

    tenant: str
    level: Level
    text: str


class State(Part, frozen=True, kw_only=True):
    """`/api/state`, and the `snapshot` and `patch` events: where the stream stands, and one tenant of it."""

    seq: str
    now: datetime
    tenants: list[TenantLine] | None
    blind: Blind | None
    reading: bool
    view: TenantView | None
