"""How a tool or provider says it is."""

from __future__ import annotations

from typing import Literal

from schemas.base import Message, Name, Utc


class ToolHealth(Message, frozen=True, kw_only=True):
    """A heartbeat of a tool (telephony, chat, bot, crm, wfm, routing, e-mail ...): its state as its probe sees it."""

    tenant: Name
    tool: Name
    at: Utc
    state: Literal["up", "degraded", "down"]
    provider: Name | None = None
    site: Name | None = None
    latency_seconds: float | None = None
    text: str | None = None
