"""Who is there to answer."""

from __future__ import annotations

from schemas.base import Count, Message, Name, QueueRef, Utc


class Workforce(Message, frozen=True, kw_only=True):
    """Agents of one queue at one moment, by slots that can take a contact, not by log-ins.

    `bench` could be called in.
    """

    tenant: Name
    at: Utc
    queue: QueueRef
    staffed: Count
    available: Count
    on_contact: Count
    bench: Count = 0
    site: Name | None = None
