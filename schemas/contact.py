"""What happened to one contact, and the heartbeat with which a source says how far it has delivered."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from schemas.base import Name, Utc

ContactType = Literal["offered", "answered", "abandoned", "transferred", "escalated", "finished", "rated", "heartbeat"]
CONTACT_TYPES = ("offered", "answered", "abandoned", "transferred", "escalated", "finished", "rated")
Seconds = Annotated[float, msgspec.Meta(ge=0, le=31_536_000)]
# The tenant of test contacts: they are counted into panes, and nobody learns from them or is told of them.
CANARY = "canary"


class ContactEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of `contact-events.<channel>`, key `tenant|queue`.

    A heartbeat carries no contact: {type: heartbeat, tenant, channel, source, queues or ["*"], occurred_at} says "I
    have delivered all of these queues up to `occurred_at`". A time-keeping heartbeat of a partition's owner has no
    tenant.
    No names, numbers or texts of people: `customer` is opaque.
    """

    type: ContactType
    occurred_at: Utc
    source: Name
    event_id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    contact_id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    tenant: Annotated[str, msgspec.Meta(max_length=200)] = ""
    channel: Annotated[str, msgspec.Meta(max_length=100)] = ""
    queue: Annotated[str, msgspec.Meta(max_length=200)] = ""
    # `offered` that comes from a transfer: counted apart, so that arrivals count customers once.
    transfer: bool = False
    reason: Name | None = None
    site: Name | None = None
    region: Name | None = None
    provider: Name | None = None
    vip: bool = False
    sentiment: Annotated[float, msgspec.Meta(ge=-1, le=1)] | None = None
    wait_seconds: Seconds | None = None
    handle_seconds: Seconds | None = None
    customer: Name | None = None
    drill: Name | None = None
    # heartbeats only
    queues: list[Name] | None = None
    last: bool = False
    schema_version: int = 1

    def key(self) -> bytes:
        """The record key, so that a queue's events keep their order."""
        return f"{self.tenant}|{self.queue}".encode()
