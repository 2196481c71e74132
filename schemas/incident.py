"""One outage as one event: what is known of it, and each move with its reason."""

from __future__ import annotations

from typing import Literal

from schemas.base import Count, Message, Name, Origin, Part, QueueRef, Share, Utc
from schemas.signal import Series, SignalKind

Phase = Literal["pending", "open", "easing", "watching", "resolved"]
CauseKind = Literal[
    "telephony",
    "chat-platform",
    "crm",
    "e-mail",
    "wfm",
    "routing",
    "power-or-site",
    "demand-surge",
    "data-feed-lost",
    "unknown",
]


class Reason(Part, frozen=True, kw_only=True):
    """Why something was decided: a stable word for metrics, a sentence for a person."""

    code: Name
    text: str


class Move(Part, frozen=True, kw_only=True):
    """A change of phase, and why."""

    at: Utc
    phase: Phase
    reason: Reason


class Cause(Part, frozen=True, kw_only=True):
    """The likeliest cause, how sure (posterior share among the causes known), and what speaks for it."""

    kind: CauseKind
    sureness: Share
    because: list[str] = []


class Scope(Part, frozen=True, kw_only=True):
    """How far it reaches. `level` is the narrowest that holds all symptoms."""

    level: Literal["queue", "channel", "site", "region", "tenant"]
    channels: list[Name]
    queues: list[QueueRef] = []
    sites: list[Name] = []
    regions: list[Name] = []


class Symptom(Part, frozen=True, kw_only=True):
    """One signal of the incident, as last revised."""

    signal_id: Name
    series: Series
    signal_kind: SignalKind
    state: Literal["opened", "revised", "cleared"]
    onset: Utc
    detected_at: Utc
    cleared_at: Utc | None = None
    observed: float
    expected: float
    ratio: float | None
    # where nearly all of it is one's
    site: Name | None = None
    region: Name | None = None
    text: str


class Escalation(Part, frozen=True, kw_only=True):
    """Who was asked last to take the incident on, and when the next one is asked if nobody does. `step` rises."""

    step: Count
    rota: Name
    who: list[Name]
    at: Utc
    next_at: Utc | None = None
    next_rota: Name | None = None


class Incident(Message, frozen=True, kw_only=True):
    """All symptoms of one outage. `incident_id` = tenant + digest of the opening signal, fixed at opening: the pager's
    dedup key. Everything else may be revised under a rising `revision`.

    `pages`: whether it may wake a person; not so when only internal channels or signals that are still learning speak,
    nor in an exercise.
    """

    incident_id: Name
    tenant: Name
    revision: Count
    phase: Phase
    severity: Literal["info", "warning", "error", "critical"]
    title: str
    cause: Cause
    scope: Scope
    opened_at: Utc
    onset: Utc
    at: Utc
    resolved_at: Utc | None = None
    symptoms: list[Symptom]
    moves: list[Move]
    pages: bool = True
    acknowledged_by: Name | None = None
    muted_until: Utc | None = None
    merged_into: Name | None = None
    playbook: Name | None = None
    contacts_unusual: float = 0.0
    # the name of the exercise; None: it is real
    drill: Name | None = None
    escalation: Escalation | None = None
    # what could not be done or said, and why: a missing model, a refused command, a wish that came too late
    notes: list[Reason] = []
    origin: Origin
