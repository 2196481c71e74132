"""Time for the response fold: it has no clock of its own."""

from __future__ import annotations

from schemas.base import Message, Name, Utc


class Tick(Message, frozen=True, kw_only=True):
    """`at`: the log's wall clock; `read_to`: how far the contact topics were read; `complete_to`: how far the tenant's
    panes are complete. The fold's time is `complete_to`, or `read_to` where that stands still."""

    tenant: Name
    at: Utc
    read_to: Utc
    complete_to: Utc
