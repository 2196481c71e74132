"""What `queue-panes` carries: cumulative panes, progress, and markers for the detection fold."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from schemas.base import Count, Message, Name, Part, Utc
from schemas.centre import Centre
from schemas.decision import OperatorDecision

CONTACTS_MAX = 1_000_000_000  # of one pane of one queue; more are a mistake, and sums of so many stay exact
Contacts = Annotated[int, msgspec.Meta(ge=0, le=CONTACTS_MAX)]
# exact in every language's numbers (RFC 8259, 6)
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class QueueCounts(Part, frozen=True, kw_only=True):
    """Counts of one queue in one pane. Arrivals = `offered` (those by transfer are counted apart).

    The maps count arrivals by the event's own words; names beyond the bound are summed under "other". `by_drill` has
    those of an exercise, by its name: they are among the arrivals as well.
    Times are integer milliseconds so that sums are exact in any order.
    """

    offered: Contacts = 0
    offered_by_transfer: Contacts = 0
    answered: Contacts = 0
    abandoned: Contacts = 0
    transferred: Contacts = 0
    escalated: Contacts = 0
    finished: Contacts = 0
    rated: Contacts = 0
    vip: Contacts = 0
    wait_milliseconds: Milliseconds = 0
    wait_n: Contacts = 0
    handle_milliseconds: Milliseconds = 0
    handle_n: Contacts = 0
    sentiment_negative: Contacts = 0
    sentiment_n: Contacts = 0
    by_reason: dict[str, Contacts] = {}
    by_site: dict[str, Contacts] = {}
    by_region: dict[str, Contacts] = {}
    by_provider: dict[str, Contacts] = {}
    by_drill: dict[str, Contacts] = {}


class SourceCover(Part, frozen=True, kw_only=True):
    """How far one source said it had delivered its queues (["*"] = all of the channel).

    `covers`: the heartbeats read before the pane closed cover it wholly (only said by a final pane).
    `last`: the source signed off and does not owe panes after `delivered_to`.
    """

    queues: list[Name]
    delivered_to: Utc
    covers: bool = False
    last: bool = False


class QueuePane(Message, frozen=True, kw_only=True):
    """One source partition's account of one pane of one tenant's channel; cumulative: the highest `version` counts,
    and nothing counts after a `final` one.

    Identity: (tenant, channel, pane_start, partition, part). `version` is the source position while open; of a final,
    the offset of the record that closed the pane + 1. `complete_to` of a final is the pane's end.
    """

    tenant: Name
    channel: Name
    pane_start: Utc
    pane_seconds: Count
    partition: Count
    version: Count
    final: bool = False
    complete_to: Utc
    queues: dict[str, QueueCounts] = {}
    sources: dict[str, SourceCover] = {}
    part: Count = 0
    parts: Count = 1
    # What silence of a channel without heartbeats means; and whether the tenant's time is event time alone.
    silence: Literal["unknown", "zero"] = "unknown"
    clock: Literal["system", "event"] = "system"


class Progress(Message, frozen=True, kw_only=True):
    """Once a second to every partition of `queue-panes`, after every pane record before it was acknowledged.

    `read_to` by source partition ("contact-events.voice/0"): `at` when read to its end, else the arrival of the last
    record read. `partitions`: the number of partitions of each contact topic. `idle_close_seconds` by topic lets the
    reader close panes of tenants that sent nothing at all.
    """

    at: Utc
    read_to: dict[str, Utc]
    partitions: dict[str, Count]
    idle_close_seconds: dict[str, float] = {}


class SetAside(Message, frozen=True, kw_only=True):
    """A marker on the fold's own input: this pane stopped us twice; it is unknown from now on, live and in replay."""

    tenant: Name
    channel: Name
    pane_start: Utc
    why: str


PaneRecord = QueuePane | Progress | SetAside | Centre | OperatorDecision
