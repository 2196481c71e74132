"""The detection fold: pane records of one partition in, what each tenant's desk should hear out.

| record | what happens |
|---|---|
| QueuePane | kept; every pane that is complete by it is closed; an open one may be scored (system clock only) |
| Progress | panes of silent partitions are closed; a tick for each tenant with the system's clock, once a second |
| SetAside | the pane is unknown from now on |
| Centre | the tenant's model, from the next pane of each channel on |
| OperatorDecision | `accept-new-normal`: what a series gets now is its season from here on |

A tenant with the system's clock closes each channel by itself. One with event time alone closes the panes of all its
channels in the order of (end, channel), as far as all of them are complete, so that a played history gives one answer
whatever came first.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, TypeVar
from urllib.parse import unquote

import msgspec

from detectors import budget, snapshot, stack
from detectors.channel import Channel
from detectors.desk_log import DeskLog
from detectors.entries import VERSION, UnknownVersion, body, pack, safe
from detectors.known import Known, known_of
from detectors.merge import seconds_of
from detectors.parameters import CountParams
from detectors.stack import Work
from detectors.tenant import ProgressEntry, Tenant, TenantEntry, local_of
from schemas import codec
from schemas.base import Origin
from schemas.centre import Centre
from schemas.contact import CANARY
from schemas.decision import OperatorDecision
from schemas.errors import BadMessage
from schemas.fold import Output
from schemas.pane import PaneRecord, Progress, QueuePane, SetAside
from schemas.signal import Signal

# A tenant that plays history is not begun before all of its channels can have come: partitions are read at most so far
# apart (seconds of event time), or everything was read to its end for some seconds.
HOLD_SECONDS = 330
READ_SECONDS = 5.0

T = TypeVar("T")


class DetectParams(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the fold. Times in seconds."""

    series_a_tenant_max: int = 20_000
    series_forget_seconds: float = 14 * 86_400.0
    source_forget_seconds: float = 86_400.0
    counts: CountParams = CountParams()


class DetectionFold:
    """The state of one partition of `queue-panes`.

    `counted` says how often a bound was hit or a record made no difference; `complaints` what a person should know
    (state that could not be read); whoever runs the fold takes them out.
    """

    stacks: ClassVar[bool] = True  # channels whose panes end at the same moment are judged together

    def __init__(self, params: DetectParams | None = None) -> None:
        self.params = params or DetectParams()
        self.counted: Counter[str] = Counter()
        self.complaints: list[str] = []
        self._tenants: dict[str, Tenant] = {}
        self._progress = ProgressEntry()
        self._touched: set[str] = set()  # tenants whose own entry changed; "" is the progress
        self._parts: dict[str, QueuePane | None] = {}  # open parts that came or went since they were last written

    # -- records

    def step(self, record: PaneRecord, origin: Origin) -> list[Output]:
        """Applies one record; returns desk entries in their order."""
        desk = DeskLog(origin)
        if isinstance(record, QueuePane):
            if record.tenant != CANARY:
                self._pane(record, desk)
        elif isinstance(record, Progress):
            self._move_on(record, desk)
        elif isinstance(record, SetAside):
            self._set_aside(record)
        elif isinstance(record, Centre):
            self._model(record)
        elif record.action == "accept-new-normal":
            self._accept(record, desk)
        return desk.outputs

    def _pane(self, record: QueuePane, desk: DeskLog) -> None:
        tenant = self._tenant(record.tenant)
        channel = self._channel(tenant, record.channel)
        if not channel.put(record):
            return
        name = f"{seconds_of(record.pane_start)}/{record.partition}/{record.part}"
        self._parts[self._place(tenant, channel, f"part/{name}")] = record
        if record.clock == "event":
            self._play(tenant, desk)
            return
        self._close(tenant, channel, desk)
        self._tell_load(tenant, desk)
        partitions = self._partitions(channel)
        if not record.final and partitions:
            channel.look_ahead(partitions, self._progress.at, self._say(tenant, desk))

    def _move_on(self, record: Progress, desk: DeskLog) -> None:
        progress = self._progress
        before, at = progress.at, record.at.timestamp()
        progress.at = max(before, at)
        for name, moment in record.read_to.items():
            topic, _, partition = name.rpartition("/")
            read_to = progress.read_to.setdefault(topic, {})
            number = int(partition)
            read_to[number] = max(read_to.get(number, 0.0), moment.timestamp())
        progress.partitions |= record.partitions
        progress.idle |= record.idle_close_seconds
        self._touched.add("")
        second = math.floor(progress.at) > math.floor(before)
        for _, tenant in sorted(self._tenants.items()):
            if any(channel.head.clock == "event" for channel in tenant.channels.values()):
                if tenant.entry.met_at is None:
                    tenant.entry.met_at = progress.at
                    self._changed(tenant)
                self._play(tenant, desk)
                continue
            for channel in tenant.live():
                self._close(tenant, channel, desk)
            self._tell_load(tenant, desk)
            if second:
                desk.tick(tenant, progress)

    def _set_aside(self, record: SetAside) -> None:
        tenant = self._tenant(record.tenant)
        channel = self._channel(tenant, record.channel)
        start = seconds_of(record.pane_start)
        if start < channel.head.closed_to or start in channel.head.aside:
            return
        spent = [f"{start}/{partition}/{part}" for partition, part in channel.log.take(start)]
        self._spend(tenant, channel, spent)
        channel.head.aside = sorted([*channel.head.aside, start])
        channel.dirty.add("head")

    def _model(self, record: Centre) -> None:
        tenant = self._tenant(record.tenant)
        tenant.entry.before = tenant.entry.centre
        tenant.entry.centre = record
        tenant.local = local_of(record)
        for _, channel in sorted(tenant.channels.items()):
            following = channel.next_pane()
            if following is None:
                channel.set_centre(record, tenant.local)
            else:
                channel.head.centre_after = following[0] + following[1]
                channel.dirty.add("head")
        tenant.rebudget = True
        self._changed(tenant)

    def _accept(self, record: OperatorDecision, desk: DeskLog) -> None:
        """A person's word on a channel (and what of its queues is out of its usual range) or on a queue. What is not
        out of its usual range stays as it is."""
        tenant = self._tenants.get(record.tenant)
        name, _, queue = record.target.partition("/")
        channel = tenant.channels.get(name) if tenant else None
        if tenant is None or channel is None or not channel.accept(queue or None, self._say(tenant, desk)):
            self.counted["nothing to accept"] += 1

    # -- time

    def _close(self, tenant: Tenant, channel: Channel, desk: DeskLog) -> None:
        """Closes what is complete of one channel with the system's clock."""
        partitions = self._partitions(channel)
        read_to = self._progress.read_to.get(channel.topic, {})
        idle = self._progress.idle.get(channel.topic, math.inf)
        while partitions and (pane := channel.next_pane()):
            start, seconds = pane
            if not channel.log.is_complete(start, start + seconds, partitions, read_to, idle):
                return
            self._close_pane(tenant, channel, start, seconds, partitions, desk)

    def _play(self, tenant: Tenant, desk: DeskLog) -> None:
        """Closes what is complete of all channels of a tenant whose time is event time alone."""
        live = tenant.live()
        complete = {channel.name: channel.log.complete_to(self._partitions(channel)) for channel in live}
        border = min(complete.values(), default=0)
        if not border or not self._released(tenant, live, border):
            return
        following = {(pane[0] + pane[1], c.name): pane for c in live if (pane := c.next_pane())}
        while following:
            end, _ = min(following)
            if end > border:
                return
            ending = sorted(place for place in following if place[0] == end)
            moment = [(tenant.channels[place[1]], *following.pop(place)) for place in ending]
            self._close_moment(tenant, moment, desk)
            following |= {(pane[0] + pane[1], c.name): pane for c, _, _ in moment if (pane := c.next_pane())}
            self._tell_load(tenant, desk)
            if desk.time(tenant, end):
                self._changed(tenant)

    def _close_moment(self, tenant: Tenant, moment: list[tuple[Channel, int, int]], desk: DeskLog) -> None:
        """Closes panes that end at the same moment, by the channels' names: together where none of them changes what
        another one goes by."""
        if len(moment) == 1 or tenant.rebudget or not self.stacks or not all(c.is_calm(*pane) for c, *pane in moment):
            for channel, start, seconds in moment:
                self._close_pane(tenant, channel, start, seconds, self._partitions(channel), desk)
            return
        works, spent = [], []
        for channel, start, seconds in moment:
            merged, entries = channel.take(start, seconds, self._partitions(channel))
            spent.append(entries)
            works.append(Work(channel, merged))
        stack.close(works)
        for work, entries in zip(works, spent, strict=True):
            for at, signal in work.said:
                desk.say(tenant.name, at, partial(_placed, signal))
            self._closed(tenant, work.channel, entries)

    def _tell_load(self, tenant: Tenant, desk: DeskLog) -> None:
        if tenant.entry.loads and desk.load(tenant):
            self._changed(tenant)

    def _released(self, tenant: Tenant, live: list[Channel], border: int) -> bool:
        entry = tenant.entry
        if entry.released:
            return True
        first = min((pane[0] for channel in live if (pane := channel.next_pane())), default=border)
        progress = self._progress
        all_read = all(to >= progress.at for topic in progress.read_to.values() for to in topic.values())
        waited = entry.met_at is not None and progress.at - entry.met_at >= READ_SECONDS
        if border - first >= HOLD_SECONDS or (all_read and waited):
            entry.released = True
            self._changed(tenant)
        return entry.released

    def _close_pane(
        self, tenant: Tenant, channel: Channel, start: int, seconds: int, partitions: int, desk: DeskLog
    ) -> None:
        head = channel.head
        if head.centre_after is not None and start >= head.centre_after:
            head.centre_after = None
            channel.set_centre(tenant.entry.centre, tenant.local)
        room = max(self.params.series_a_tenant_max - tenant.series(), 0)
        self._closed(tenant, channel, channel.close(start, seconds, partitions, room, self._say(tenant, desk)))
        self._share_budget(tenant, channel)

    def _closed(self, tenant: Tenant, channel: Channel, spent: list[str]) -> None:
        """What a pane leaves behind: entries of no use any more, a load, what was counted."""
        self._spend(tenant, channel, spent)
        if channel.loads:
            for minute, load in channel.loads.items():
                tenant.entry.loads.setdefault(minute, {})[channel.name] = load
            channel.loads.clear()
            self._changed(tenant)
        self.counted.update(channel.counted)
        self.counted.update({f"ignored {why}": n for why, n in channel.log.ignored.items()})
        channel.counted.clear()
        channel.log.ignored.clear()

    def _share_budget(self, tenant: Tenant, closed: Channel) -> None:
        """Thresholds anew where the tenant's series, a pane's length or the budget changed."""
        sized = len(closed.names), closed.head.pane_seconds
        if sized == closed.sized and not tenant.rebudget:
            return
        closed.sized, tenant.rebudget = sized, False
        watched = [channel for channel in tenant.channels.values() if channel.names]
        queues = sum(len(channel.names) - 1 for channel in watched)
        for channel in watched:
            limits = budget.thresholds(
                tenant.entry.centre.budget_false_incidents_per_month,
                len(watched),
                queues,
                channel.head.pane_seconds or closed.head.pane_seconds,
                self.params.counts.slow_seconds,
            )
            channel.set_thresholds(limits)

    # -- who is there

    def _tenant(self, name: str) -> Tenant:
        tenant = self._tenants.get(name)
        if tenant is None:
            tenant = self._tenants[name] = Tenant(TenantEntry(centre=Centre(tenant=name)))
            self._changed(tenant)
        return tenant

    def _channel(self, tenant: Tenant, name: str) -> Channel:
        channel = tenant.channels.get(name)
        if channel is None:
            channel = tenant.channels[name] = self._new_channel(tenant, name)
        return channel

    def _new_channel(self, tenant: Tenant, name: str) -> Channel:
        params = self.params
        forget = params.source_forget_seconds, params.series_forget_seconds
        channel = Channel(name, tenant.entry.centre, tenant.local, params.counts, forget)
        channel.set_centre(tenant.entry.centre, tenant.local)
        return channel

    def _partitions(self, channel: Channel) -> int:
        return self._progress.partitions.get(channel.topic, 0)

    def _say(self, tenant: Tenant, desk: DeskLog) -> Callable[[int, Callable[[Origin], Signal]], None]:
        return lambda at, make: desk.say(tenant.name, at, make)

    def settle(self) -> None:
        """Keeps what is usual and forgets the present: the state for a stream that begins at another time."""
        for _, tenant in sorted(self._tenants.items()):
            tenant.entry = TenantEntry(centre=tenant.entry.centre)
            self._changed(tenant)
            for _, channel in sorted(tenant.channels.items()):
                channel.settle()
        self._progress = ProgressEntry()
        self._touched.discard("")
        self._parts.clear()

    def learned(self, tenant: str) -> dict[str, Known]:
        """By channel: what is known of the usual week of a tenant's series."""
        found = self._tenants.get(tenant)
        channels = sorted(found.channels.items()) if found else []
        for _, channel in channels:
            channel.stand_alone()
        return {name: known_of(channel) for name, channel in channels}

    # -- state

    def changes(self) -> dict[str, bytes | None]:
        """The entries that changed since the last call; None deletes one."""
        touched, self._touched = sorted(self._touched), set()
        parts, self._parts = self._parts, {}
        found: dict[str, bytes | None] = {
            name: VERSION + codec.encode(part) if part else None for name, part in parts.items()
        }
        for name in touched:
            if name:
                found[f"tenant/{safe(name)}"] = pack(self._tenants[name].entry)
            else:
                found["progress"] = pack(self._progress)
        for _, tenant in sorted(self._tenants.items()):
            for _, channel in sorted(tenant.channels.items()):
                if channel.dirty:
                    for name, raw in snapshot.changes(channel).items():
                        found[self._place(tenant, channel, name)] = raw
        return found

    def restore(self, entries: Mapping[str, bytes]) -> None:
        """Takes back all entries, on a new fold. What another release wrote in a form that we do not know is learned
        anew, and `complaints` says so."""
        by_channel: dict[tuple[str, str], dict[str, bytes]] = {}
        for place, raw in entries.items():
            kind, _, rest = place.partition("/")
            if kind == "progress":
                self._progress = self._read(raw, ProgressEntry, place) or ProgressEntry()
            elif kind == "tenant":
                entry = self._read(raw, TenantEntry, place)
                if entry is not None:
                    self._tenants[unquote(rest)] = Tenant(entry)
            elif kind == "channel":
                owner, held_by, name = rest.split("/", 2)
                by_channel.setdefault((unquote(owner), unquote(held_by)), {})[name] = raw
        for (tenant_name, channel_name), mine in sorted(by_channel.items()):
            self._restore_channel(self._tenant(tenant_name), channel_name, mine)
        for _, known in sorted(self._tenants.items()):
            for _, channel in sorted(known.channels.items()):
                self._share_budget(known, channel)
        self._touched, self._parts = set(), {}

    def _restore_channel(self, tenant: Tenant, name: str, entries: dict[str, bytes]) -> None:
        channel = self._new_channel(tenant, name)
        try:
            if "head" in entries:
                snapshot.restore(channel, entries)
        except (UnknownVersion, ValueError, KeyError, msgspec.DecodeError, zlib.error) as error:
            self.complaints.append(f"{tenant.name}: state of {name} cannot be read, it is learned anew: {error!r}")
            channel = self._new_channel(tenant, name)
        if channel.head.centre_after is not None:
            before = tenant.entry.before or tenant.entry.centre
            channel.set_centre(before, local_of(before))
        tenant.channels[name] = channel
        for place, raw in sorted(entries.items()):
            if place.startswith("part/"):
                self._take_back(channel, raw, f"{tenant.name}: {place} of {name}")
        channel.dirty.clear()
        channel.log.ignored.clear()

    def _take_back(self, channel: Channel, raw: bytes, place: str) -> None:
        try:
            channel.put(codec.decode(QueuePane, body(raw)))
        except (UnknownVersion, BadMessage) as error:
            self.complaints.append(f"{place} cannot be read and is left out: {error!r}")

    def _read(self, raw: bytes, kind: type[T], place: str) -> T | None:
        try:
            return msgspec.msgpack.decode(body(raw), type=kind)
        except (UnknownVersion, msgspec.DecodeError) as error:
            self.complaints.append(f"{place} cannot be read and begins anew: {error!r}")
            return None

    def _changed(self, tenant: Tenant) -> None:
        self._touched.add(tenant.name)

    def _place(self, tenant: Tenant, channel: Channel, name: str) -> str:
        return f"channel/{safe(tenant.name)}/{safe(channel.name)}/{name}"

    def _spend(self, tenant: Tenant, channel: Channel, spent: list[str]) -> None:
        for name in spent:
            self._parts[self._place(tenant, channel, f"part/{name}")] = None


def _placed(signal: Signal, origin: Origin) -> Signal:
    return msgspec.structs.replace(signal, origin=origin)
