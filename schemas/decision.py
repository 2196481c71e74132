"""What people decided, and what the routing platform answered."""

from __future__ import annotations

from typing import Literal

from schemas.base import Message, Name, Utc


class OperatorDecision(Message, frozen=True, kw_only=True):
    """One decision of one person. `target` is an incident, proposal or command id, a staffing alert whose bench is
    called, or a bulletin that was `read`; the kill switch and `accept-new-normal` name what they concern in it (a
    tenant, a series)."""

    decision_id: Name
    tenant: Name
    at: Utc
    by: Name
    action: Literal[
        "acknowledge",
        "mute",
        "unmute",
        "approve",
        "reject",
        "kill",
        "unkill",
        "not-an-incident",
        "merge",
        "split",
        "resolve",
        "accept-new-normal",
        "read",
    ]
    target: Name
    into: Name | None = None
    until: Utc | None = None
    note: str | None = None


class CommandResult(Message, frozen=True, kw_only=True):
    """The routing platform's answer to a load-shift command."""

    command_id: Name
    tenant: Name
    at: Utc
    state: Literal["applied", "refused", "reverted", "expired"]
    text: str | None = None
