"""Who is there to answer."""

from __future__ import annotations

from schemas.base import Count, Message, Name, QueueRef, Utc


class Workforce(Message, frozen=True, kw_only=True):
    """Agents of one queue at one moment, by slots that can take a contact, not by log-ins.

    An agent counts where he works now, lent or not. `bench` could be called in. `on_break` and `off_phone` (training,
    meetings) are there but not for contacts. `waiting` and `oldest_wait_seconds` are the platform's own count of the
    queue, where it reports one.
    """

    tenant: Name
    at: Utc
    queue: QueueRef
    staffed: Count
    available: Count
    on_contact: Count
    bench: Count = 0
    site: Name | None = None
    on_break: Count = 0
    off_phone: Count = 0
    waiting: Count | None = None
    oldest_wait_seconds: float | None = None
