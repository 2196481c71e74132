"""What became of each attempt to tell somebody, and what stopped us ourselves."""

from __future__ import annotations

from typing import Literal

from schemas.base import Count, Message, Name, Part, QueueRef, Utc


class Told(Part, frozen=True, kw_only=True):
    """The last notice that a sink has. `says` = digest of what in it is worth telling again when it changes."""

    notice_id: Name
    what: Name
    says: str
    at: Utc
    acknowledged: bool = False
    # the step of the incident's escalation that it told of
    step: Count = 0


class Notification(Message, frozen=True, kw_only=True):
    """The outcome of sending one notice to one sink; `notice_id` = digest of (sink, incident, what it says, the notice
    before). The newest record of its key is all that must be known to go on: `told` outlives later attempts.
    A notice is about an incident, the staffing of a `queue` in it, a load shift (`command_id`) of it, or, where no
    incident is named, the tenant's model of its centre.

    "trying" is written before the first attempt: should we end in the middle of it, the sink may have it or not.
    `attempt` counts since the last delivery.
    """

    notice_id: Name
    tenant: Name
    incident_id: Name | None = None
    sink: Name
    what: Name
    outcome: Literal["trying", "delivered", "retry", "refused", "skipped"]
    attempt: Count
    at: Utc
    text: str = ""
    # the sink's own name for what was made (an annotation's id), so that it can be updated later
    reference: str | None = None
    # the queue of a staffing alert
    queue: QueueRef | None = None
    command_id: Name | None = None
    told: Told | None = None


class Defect(Message, frozen=True, kw_only=True):
    """A record that ended one of our processes: the second attempt sets its pane aside."""

    group: Name
    topic: Name
    partition: Count
    offset: Count
    attempt: Count
    at: Utc
    tenant: str | None = None
    error: str


class LateContact(Message, frozen=True, kw_only=True):
    """An event that came after its pane had closed: for people; no pane, evidence or season changes."""

    tenant: Name
    channel: Name
    queue: str
    event_id: str
    type: Name
    occurred_at: Utc
    arrived_at: Utc
    late_seconds: float
    topic: Name
    partition: Count
    offset: Count
