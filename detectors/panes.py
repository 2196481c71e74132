"""Contacts counted by event time: the open and closed panes of one source partition. Pure; time is in the log alone.

What a partition's object holds is a function of the records from the held-back offset on and of the mark committed with
it, because (1) a pane keeps whatever touches it inside itself, duplicates' ids and heartbeats too; (2) `first`, the
offset of the first such record, holds the commit back until the pane is closed; (3) the greatest time seen of a tenant
stands in an open pane, or the arrival rule is already past it. So any batches, restarts and owners give the same
finals, to the byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from detectors import mark as marks
from detectors.cover import Cover, queues_of
from detectors.parts import Encoded, parts
from detectors.tally import OTHER, SmallestNames, Tally
from schemas.codec import VERSION
from schemas.contact import ContactEvent
from schemas.errors import BadMessage
from schemas.notice import LateContact
from schemas.pane import QueuePane, SourceCover

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

# late: its pane is closed; skipped: so, but it was counted (or called late) before a restart; time: moves time alone.
Verdict = Literal["duplicate", "late", "skipped", "heartbeat", "time"]
Noted = tuple[int, Verdict | Exception]


class PaneRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel is counted (settings of the channel and of the ingest). `event_clock`: tenants whose time is event
    time alone."""

    pane_seconds: int = 10
    lateness_seconds: float = 10.0
    idle_close_seconds: float = 30.0
    unknown_after_seconds: float = 30.0
    future_limit_seconds: float = 300.0
    silence: Literal["unknown", "zero"] = "unknown"
    event_clock: frozenset[str] = frozenset()
    names_a_map_max: int = 200
    queues_a_pane_max: int = 5_000
    tenants_a_partition_max: int = 400
    record_bytes_max: int = 400_000


def moment(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


class Pane:
    """One open pane of a tenant. Milliseconds; `first` is the offset of the first record that touched it."""

    __slots__ = ("changed", "end", "first", "ids", "names", "queues", "source_names", "sources", "start")

    def __init__(self, start: int, end: int, first: int, rules: PaneRules) -> None:
        self.start = start
        self.end = end
        self.first = first
        self.changed = False
        self.ids: set[str] = set()
        self.queues: dict[str, Tally] = {}
        self.names = SmallestNames(rules.queues_a_pane_max)
        self.sources: dict[str, Cover] = {}
        self.source_names = SmallestNames(rules.names_a_map_max)


class _Tenant:
    """A tenant's time and open panes in this partition. `seen` is its greatest event time (not beyond arrival), `due`
    the event time at which the next pane closes, `closed` the start of the first pane that is not closed."""

    __slots__ = ("closed", "due", "event_clock", "name", "panes", "seen")

    def __init__(self, name: str, closed: int, event_clock: bool) -> None:
        self.name = name
        self.closed = closed
        self.event_clock = event_clock
        self.seen = 0
        self.due = 0
        self.panes: dict[int, Pane] = {}


class Checkpoint(msgspec.Struct, frozen=True):
    """What to commit once all that was taken is acknowledged."""

    offset: int
    metadata: str


class PanePartition:
    """Panes of one partition of a channel's topic, for all tenants in it.

    Read it in this order: `feed`, `take`, `checkpoint`.
    """

    def __init__(
        self, channel: str, partition: int, rules: PaneRules, position: int = 0, metadata: str | None = None
    ) -> None:
        """Continues at `position` with the mark in `metadata`. Without one time starts anew at what is read: panes that
        had been closed may come out once more and in part, and it is for the reader to keep the first final."""
        self.channel = channel
        self.partition = partition
        self.rules = rules
        self.position = position
        self.over: Counter[str] = Counter()  # how often a bound was hit, by what is bounded
        self._pane = rules.pane_seconds * 1000
        self._lateness = round(rules.lateness_seconds * 1000)
        self._idle = round(rules.idle_close_seconds * 1000)
        self._unknown = round(rules.unknown_after_seconds * 1000)
        self._future = round(rules.future_limit_seconds * 1000)
        self._tenants: dict[str, _Tenant] = {}
        self._changed: list[tuple[_Tenant, Pane]] = []
        self._finals: list[Encoded] = []
        self._due = False
        mark = marks.read(metadata, self._pane)
        self.flushed_to = mark.flushed_to if mark else position
        self.arrival = mark.arrival if mark else 0
        # closed_until of tenants not met since the restart, by hash
        self._restored: dict[int, int] = dict(mark.closed) if mark else {}
        self._floor = 0
        self._floor_due = 0
        self._raise_floor(position)

    # -- reading

    def feed(
        self, offsets: Sequence[int], arrivals: Sequence[int], events: Sequence[ContactEvent | Exception]
    ) -> list[Noted]:
        """Records in the order of the log; arrivals in milliseconds. An exception stands for a record that is no event:
        it was read and it arrived, so it moves time as any other.

        Returns what was not simply counted: (offset, verdict, or the exception that came in, or BadMessage). Reasons:
        "missing-field", "wrong-channel", "newer-version", "absurd-time", "future", "too-many-tenants".

        This is the hot path, and therefore one loop: for each record time moves first, then the event is judged.
        """
        noted: list[Noted] = []
        tenants, channel, pane_length, future = self._tenants, self.channel, self._pane, self._future
        for offset, arrival, event in zip(offsets, arrivals, events, strict=True):
            if arrival > self.arrival:
                self.arrival = arrival
                if arrival >= self._floor_due:
                    self._raise_floor(offset + 1)
            if type(event) is not ContactEvent:
                noted.append((offset, event))  # type: ignore[arg-type]  # the other half of the union
                continue
            at = (event.occurred_at - EPOCH) // MILLISECOND
            name, queue, kind = event.tenant, event.queue, event.type
            if (
                not name
                or not (queue or kind == "heartbeat")
                or at > arrival + future
                or at < 0
                or event.channel != channel
                or event.schema_version > VERSION
            ):
                noted.append((offset, self._why_not(event, at, arrival)))
                continue
            tenant = tenants.get(name)
            if tenant is None:
                tenant = self._admit(name)
                if tenant is None:
                    error = BadMessage("too-many-tenants", "$.tenant", f"{len(tenants)} have panes open here")
                    noted.append((offset, error))
                    continue
            seen = at if at < arrival or tenant.event_clock else arrival
            if seen > tenant.seen:
                tenant.seen = seen
                if seen >= tenant.due:
                    self._close(tenant, seen - self._lateness, offset + 1)
            if kind == "heartbeat":
                self._hear(tenant, offset, at, event)
                noted.append((offset, "heartbeat"))
                continue
            start = at - at % pane_length
            pane = tenant.panes.get(start)
            if pane is None:
                if start < tenant.closed:
                    noted.append((offset, "late" if offset >= self.flushed_to else "skipped"))
                    continue
                pane = self._open(tenant, start, offset)
            event_id = event.event_id
            if event_id:
                # an event without an id is never taken for a repeat
                if event_id in pane.ids:
                    noted.append((offset, "duplicate"))
                    continue
                pane.ids.add(event_id)
            tally = pane.queues.get(queue)
            if tally is None:
                tally = self._open_queue(pane, queue)
            tally.add(event)
            if not pane.changed:
                pane.changed = True
                self._changed.append((tenant, pane))
        if offsets:
            self.position = offsets[-1] + 1
        return noted

    def _why_not(self, event: ContactEvent, at: int, arrival: int) -> Literal["time"] | BadMessage:
        """The owner's time-keeping heartbeat moves time alone; anything else that comes here is a bad message."""
        if event.schema_version > VERSION:
            text = f"version {event.schema_version}, this release reads up to {VERSION}: upgrade it"
            return BadMessage("newer-version", "$.schema_version", text)
        if not event.channel:
            return BadMessage("missing-field", "$.channel", f"this topic is that of {self.channel}")
        if event.channel != self.channel:
            return BadMessage("wrong-channel", "$.channel", f"this topic is that of {self.channel}")
        if not event.tenant:
            if event.type == "heartbeat":
                return "time"
            return BadMessage("missing-field", "$.tenant", "a contact needs its tenant")
        if not event.queue and event.type != "heartbeat":
            return BadMessage("missing-field", "$.queue", "a contact needs its queue")
        if at < 0:
            return BadMessage("absurd-time", "$.occurred_at", "before 1970")
        ahead, limit = (at - arrival) / 1000, self._future / 1000
        return BadMessage("future", "$.occurred_at", f"{ahead:.0f} s ahead of its arrival, {limit:.0f} go")

    def _hear(self, tenant: _Tenant, offset: int, at: int, event: ContactEvent) -> None:
        """A heartbeat touches every pane that is not closed in what it covers; a covered pane without any record of
        its own (shorter than the heartbeats' distance) is a true zero and comes out as well."""
        since = at - self._unknown
        queues = queues_of(event.queues, self.rules.names_a_map_max)
        for start in range(max(since - since % self._pane, tenant.closed), at + 1, self._pane):
            pane = tenant.panes.get(start) or self._open(tenant, start, offset)
            cover = pane.sources.get(event.source) or self._open_source(pane, event.source)
            if cover is not None and cover.add(at, since, event.last, queues) and not pane.changed:
                pane.changed = True
                self._changed.append((tenant, pane))

    # -- opening

    def _admit(self, name: str) -> _Tenant | None:
        if len(self._tenants) >= self.rules.tenants_a_partition_max:
            self.over["tenants"] += 1
            return None
        event_clock = name in self.rules.event_clock
        floor = 0 if event_clock else self._floor
        tenant = _Tenant(name, max(self._restored.pop(marks.tenant_hash(name), 0), floor), event_clock)
        tenant.due = tenant.closed + self._pane + self._lateness
        self._tenants[name] = tenant
        return tenant

    def _open(self, tenant: _Tenant, start: int, offset: int) -> Pane:
        pane = tenant.panes[start] = Pane(start, start + self._pane, offset, self.rules)
        return pane

    def _open_queue(self, pane: Pane, name: str) -> Tally:
        tally = pane.queues[name] = Tally(self.rules.names_a_map_max, self.over)
        loser = None if name == OTHER else pane.names.admit(name)
        if loser is None:
            return tally
        self.over["queues"] += 1
        other = pane.queues.get(OTHER)
        if other is None:
            other = pane.queues[OTHER] = Tally(self.rules.names_a_map_max, self.over)
        other.merge(pane.queues.pop(loser))
        return other if loser == name else tally

    def _open_source(self, pane: Pane, name: str) -> Cover | None:
        loser = pane.source_names.admit(name)
        if loser is not None:
            self.over["sources"] += 1
            pane.sources.pop(loser, None)
        if loser == name:
            return None
        cover = pane.sources[name] = Cover(pane.start, pane.end)
        return cover

    # -- closing

    def _raise_floor(self, version: int) -> None:
        """The arrival rule: whatever a tenant sends, its panes close `idle_close` behind the partition's arrivals."""
        floor = max(self.arrival - self._idle, 0)
        self._floor = floor = floor - floor % self._pane
        self._floor_due = floor + self._pane + self._idle
        for tenant in [tenant for tenant in self._tenants.values() if not tenant.event_clock]:
            if tenant.closed < floor:
                self._close(tenant, floor, version)
            if tenant.closed == floor and not tenant.panes:
                # nothing is left to know of it that the floor does not tell
                del self._tenants[tenant.name]

    def _close(self, tenant: _Tenant, watermark: int, version: int) -> None:
        closed = watermark - watermark % self._pane
        if closed <= tenant.closed:
            return
        tenant.closed = closed
        tenant.due = closed + self._pane + self._lateness
        for start in sorted(start for start in tenant.panes if start < closed):
            pane = tenant.panes.pop(start)
            pane.changed = False  # whatever is listed of it is superseded
            self._finals += self._records(tenant, pane, version, final=True)
            self._due |= tenant.event_clock

    # -- writing

    def take(self) -> list[Encoded]:
        """Records to write, with their bytes, in order: finals since the last call, then the open panes that changed.

        A tenant with its own clock gets finals alone (nothing is scored in its open panes), so the sequence of its
        records is that of the log and does not depend on when this is called.
        """
        records, self._finals, self._due = self._finals, [], False
        changed, self._changed = self._changed, []
        for tenant, pane in changed:
            if pane.changed:
                pane.changed = False
                if not tenant.event_clock:
                    records += self._records(tenant, pane, self.position, final=False)
        return records

    @property
    def finals_wait(self) -> bool:
        """Whether a tenant with its own clock has finals to take: they are due at the pane's border, not at a flush."""
        return self._due

    def checkpoint(self) -> Checkpoint:
        """What to commit once all that was ever taken is acknowledged; ask right after `take`."""
        first = min((pane.first for t in self._tenants.values() for pane in t.panes.values()), default=self.position)
        # while what was flushed is read again the mark stays where it was: its times are from there
        flushed_to = max(self.flushed_to, self.position)
        mark = marks.Mark(flushed_to=flushed_to, arrival=self.arrival, closed=self._closed_by_hash())
        return Checkpoint(first, marks.write(mark, self._pane))

    def _closed_by_hash(self) -> dict[int, int]:
        clocked = {marks.tenant_hash(name) for name in self.rules.event_clock}
        floor = self._floor
        closed = {tenant: at for tenant, at in self._restored.items() if at > floor or tenant in clocked}
        for name, tenant in self._tenants.items():
            if tenant.event_clock or tenant.closed > floor:
                # two tenants of one hash: the earlier, so that nothing punctual is refused
                hashed = marks.tenant_hash(name)
                closed[hashed] = min(tenant.closed, closed.get(hashed, tenant.closed))
        return closed

    def _records(self, tenant: _Tenant, pane: Pane, version: int, *, final: bool) -> list[Encoded]:
        record = QueuePane(
            tenant=tenant.name,
            channel=self.channel,
            pane_start=moment(pane.start),
            pane_seconds=self.rules.pane_seconds,
            partition=self.partition,
            version=version,
            final=final,
            complete_to=moment(pane.end if final else min(max(self._watermark(tenant), pane.start), pane.end)),
            queues={name: tally.counts() for name, tally in pane.queues.items()},
            sources={
                name: SourceCover(
                    queues=list(cover.queues),
                    delivered_to=moment(cover.delivered_to),
                    covers=final and cover.whole(),
                    last=cover.last,
                )
                for name, cover in pane.sources.items()
            },
            silence=self.rules.silence,
            clock="event" if tenant.event_clock else "system",
        )
        return parts(record, self.rules.record_bytes_max)

    # -- looking

    def _watermark(self, tenant: _Tenant | None) -> int:
        own = tenant.seen - self._lateness if tenant else 0
        return own if tenant and tenant.event_clock else max(own, self.arrival - self._idle)

    def event_time(self) -> int | None:
        """Greatest event time of the tenants with a clock of their own, milliseconds; None where there are none."""
        return max((tenant.seen for tenant in self._tenants.values() if tenant.event_clock), default=None)

    def open_panes(self) -> int:
        return sum(len(tenant.panes) for tenant in self._tenants.values())

    def late_contact(self, offset: int, arrival: int, event: ContactEvent, topic: str) -> LateContact:
        """What people are told of a late event. `late_seconds`: how far the tenant's time was past the pane's end."""
        at = (event.occurred_at - EPOCH) // MILLISECOND
        past = self._watermark(self._tenants.get(event.tenant)) - (at - at % self._pane + self._pane)
        return LateContact(
            tenant=event.tenant,
            channel=self.channel,
            queue=event.queue,
            event_id=event.event_id,
            type=event.type,
            occurred_at=event.occurred_at,
            arrived_at=moment(arrival),
            late_seconds=max(past, 0) / 1000,
            topic=topic,
            partition=self.partition,
            offset=offset,
        )
