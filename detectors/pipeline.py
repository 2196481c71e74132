"""The detection fold: pane records in, desk entries (signals, load, ticks) out.

A pane counts once every source partition has passed its end. Tenants with a clock of their own have the panes of all
their channels taken together, in order of (end, channel), so that accelerated play gives one answer on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from detectors import statements, thresholds
from detectors.gather import ClosedPane, Gather
from detectors.parameters import CountParams
from detectors.roster import Roster
from detectors.series_bank import Alarm, ChannelBank, PaneView, Verdict
from detectors.slots import LocalTime
from detectors.statements import Minute
from schemas import codec
from schemas.base import Origin
from schemas.centre import Centre, CentreChannel
from schemas.desk import DeskBody, DeskEntry
from schemas.fold import Output
from schemas.pane import PaneRecord, Progress, QueuePane, SetAside
from schemas.signal import Load, Signal
from schemas.tick import Tick
from schemas.topics import CONTACT_EVENTS, DESK

STATE_VERSION = 1
BLOCK = 64  # series an entry
MINUTE = 60
GAP_PANES_MAX = 10_000  # panes that came without any record and are taken one by one; a longer gap is jumped
TICK_SECONDS = 1.0
OTHER = "other"


class DetectParams(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the fold; the streams' settings of the same names."""

    series_a_tenant_max: int = 20_000
    series_forget_seconds: float = 14 * 86_400.0
    source_forget_seconds: float = 86_400.0
    count: CountParams = CountParams()


class _Channel:
    """One channel of a tenant."""

    def __init__(self, name: str, params: DetectParams, local: LocalTime) -> None:
        self.name = name
        self.gather = Gather()
        self.roster = Roster(params.source_forget_seconds)
        self.bank = ChannelBank(params.count, local)
        self.bank.index(None)
        self.minute = Minute(name)
        self.lost: dict[str, Signal] = {}
        self.changed_slots: set[int] = set()
        self.stepped = False
        self.owner = ""
        self.quarter_kept = -2


class _Tenant:
    def __init__(self, name: str) -> None:
        self.name = name
        self.centre = Centre(tenant=name)
        self.local = LocalTime()
        self.channels: dict[str, _Channel] = {}
        self.complete_to = 0.0
        self.ticked_at = 0.0
        self.loaded_to = 0
        self.event_clock = False
        self.touched = False


class DetectionFold:
    """Implements schemas.fold.Fold for one partition of `queue-panes`; its tenants share nothing."""

    def __init__(self, params: DetectParams | None = None) -> None:
        self._params = params or DetectParams()
        self._tenants: dict[str, _Tenant] = {}
        self._at = 0.0
        self._read_to: dict[str, float] = {}
        self._partitions: dict[str, int] = {}
        self._idle: dict[str, float] = {}
        self._entries: dict[str, bytes | None] = {}
        self._clock_touched = False

    # -- schemas.fold.Fold

    def step(self, record: PaneRecord, origin: Origin) -> list[Output]:
        """Applies one record."""
        said: list[DeskBody] = []
        if isinstance(record, QueuePane):
            self._hear_pane(record, origin, said)
        elif isinstance(record, Progress):
            self._hear_progress(record, origin, said)
        elif isinstance(record, Centre):
            self._hear_centre(record)
        elif isinstance(record, SetAside):
            channel = self._channel(self._tenant(record.tenant), record.channel)
            channel.gather.aside.add(int(record.pane_start.timestamp()))
            self._tenant(record.tenant).touched = True
        return [self._output(body, origin, n) for n, body in enumerate(said)]

    def _output(self, body: DeskBody, origin: Origin, n: int) -> Output:
        place = msgspec.structs.replace(origin, n=n)
        if isinstance(body, Signal | Load):
            body = msgspec.structs.replace(body, origin=place)
        entry = DeskEntry(tenant=body.tenant, origin=place, body=body)
        at = body.complete_to if isinstance(body, Tick) else body.at
        name = f"{origin.topic}/{origin.partition}/{origin.offset}/{n}"
        return Output(topic=DESK, key=body.tenant, value=entry, id=name, time=at)

    # -- hearing

    def _tenant(self, name: str) -> _Tenant:
        if name not in self._tenants:
            self._tenants[name] = _Tenant(name)
        return self._tenants[name]

    def _channel(self, tenant: _Tenant, name: str) -> _Channel:
        if name not in tenant.channels:
            channel = tenant.channels[name] = _Channel(name, self._params, tenant.local)
            channel.gather.partitions = self._partitions.get(f"{CONTACT_EVENTS}.{name}", 0)
        return tenant.channels[name]

    def _hear_centre(self, centre: Centre) -> None:
        tenant = self._tenant(centre.tenant)
        if centre.version < tenant.centre.version:
            return
        tenant.centre = centre
        tenant.local = LocalTime(centre.time_zone, centre.calendar)
        for channel in tenant.channels.values():
            channel.bank.local = tenant.local
        tenant.touched = True

    def _hear_pane(self, pane: QueuePane, origin: Origin, said: list[DeskBody]) -> None:
        tenant = self._tenant(pane.tenant)
        channel = self._channel(tenant, pane.channel)
        tenant.event_clock = pane.clock == "event"
        place = channel.gather.add(pane)
        if place is not None:
            self._entries[_open_name(tenant, channel, *place)] = codec.encode(pane)
        tenant.touched = True
        self._advance(tenant, origin, said)

    def _hear_progress(self, progress: Progress, origin: Origin, said: list[DeskBody]) -> None:
        self._at = max(self._at, progress.at.timestamp())
        self._clock_touched = True
        self._partitions.update(progress.partitions)
        self._idle.update(progress.idle_close_seconds)
        for place, read_to in progress.read_to.items():
            self._read_to[place] = max(self._read_to.get(place, 0.0), read_to.timestamp())
        for _, tenant in sorted(self._tenants.items()):
            for channel in tenant.channels.values():
                self._pass_time(tenant, channel)
            self._advance(tenant, origin, said)

    def _pass_time(self, tenant: _Tenant, channel: _Channel) -> None:
        """Where nothing came, time passes by the arrival rule: the partition was read so far, `idle_close` behind."""
        topic = f"{CONTACT_EVENTS}.{channel.name}"
        gather = channel.gather
        gather.partitions = self._partitions.get(topic, gather.partitions)
        if tenant.event_clock or not gather.pane_seconds or topic not in self._idle:
            return
        for partition in range(gather.partitions):
            read_to = self._read_to.get(f"{topic}/{partition}")
            if read_to is not None:
                floor = (read_to - self._idle[topic]) // gather.pane_seconds * gather.pane_seconds
                gather.passed[partition] = max(gather.passed.get(partition, 0.0), floor)

    # -- time

    def _advance(self, tenant: _Tenant, origin: Origin, said: list[DeskBody]) -> None:
        reached = {name: channel.gather.complete_to() for name, channel in tenant.channels.items()}
        if tenant.event_clock:
            if any(to is None for to in reached.values()):
                return
            until = min((to for to in reached.values() if to is not None), default=0.0)
            reached = dict.fromkeys(reached, until)
        due: list[tuple[int, str, ClosedPane]] = []
        for name, to in sorted(reached.items()):
            if to is not None:
                for pane in self._released(tenant.channels[name], to):
                    due.append((pane.start + pane.seconds, name, pane))
        due.sort(key=lambda found: (found[0], found[1]))
        for n, (end, name, pane) in enumerate(due):
            self._close(tenant, tenant.channels[name], pane, origin, said)
            if n + 1 == len(due) or due[n + 1][0] > end:
                self._minute_and_tick(tenant, float(end), origin, said)
        if not due and not tenant.event_clock:
            self._minute_and_tick(tenant, tenant.complete_to, origin, said)

    def _released(self, channel: _Channel, until: float) -> list[ClosedPane]:
        """Complete panes in order, those without any record in between too."""
        gather = channel.gather
        before = gather.released_to
        for start, places in list(gather.parts.items()):
            if start + gather.pane_seconds <= until:
                for partition, part in places:
                    self._entries[_open_key(channel, start, partition, part)] = None
        panes = list(gather.release(until))
        if not gather.pane_seconds or not before:
            return panes
        seconds = gather.pane_seconds
        last = int(until // seconds * seconds)
        missing = sorted(set(range(before, last, seconds)) - {pane.start for pane in panes})
        if len(missing) > GAP_PANES_MAX:
            missing = missing[-GAP_PANES_MAX:]
        panes += [ClosedPane(start, seconds, {}, {}, gather.silence, 0, False) for start in missing]
        gather.released_to = max(gather.released_to, last)
        return sorted(panes, key=lambda pane: pane.start)

    def _minute_and_tick(self, tenant: _Tenant, complete_to: float, origin: Origin, said: list[DeskBody]) -> None:
        tenant.complete_to = max(tenant.complete_to, complete_to)
        minute = int(tenant.complete_to // MINUTE * MINUTE)
        if minute > tenant.loaded_to:
            if tenant.loaded_to:
                rows = [row for _, channel in sorted(tenant.channels.items()) for row in channel.minute.take()]
                if rows:
                    said.append(statements.load(tenant.name, minute, rows, origin))
            tenant.loaded_to = minute
        now = tenant.complete_to if tenant.event_clock else self._at
        if not tenant.complete_to or now - tenant.ticked_at < TICK_SECONDS:
            return
        tenant.ticked_at = now
        tenant.touched = True
        read_to = now if tenant.event_clock else min(self._read_to.values(), default=now)
        moments = [statements.moment(round(value, 3)) for value in (now, read_to, tenant.complete_to)]
        said.append(Tick(tenant=tenant.name, at=moments[0], read_to=moments[1], complete_to=moments[2]))

    # -- a closed pane

    def _close(
        self, tenant: _Tenant, channel: _Channel, pane: ClosedPane, origin: Origin, said: list[DeskBody]
    ) -> None:
        bank, roster = channel.bank, channel.roster
        tenant.touched = channel.stepped = True
        covering, missing, _ = roster.hear(pane, max(channel.gather.partitions, 1))
        self._telemetry(tenant, channel, pane, covering, missing, origin, said)
        room = self._params.series_a_tenant_max - sum(len(other.bank.names) for other in tenant.channels.values())
        for name in sorted(pane.counts):
            if name not in bank.names:
                if room <= 0:
                    continue  # the whole channel still counts it
                bank.index(name)
                room -= 1
        seen = np.array(
            [float(statements.total(pane)["offered"]) if name is None else _arrivals(pane, name) for name in bank.names]
        )
        known = [not pane.set_aside and roster.knows(name, covering, pane.silence) for name in bank.names]
        limits = self._limits(tenant, pane.seconds, len(bank.names))
        visit, slot = bank.visit, bank.visit_slot
        view, verdicts = bank.step(
            pane.start, pane.seconds, seen, np.array(known, bool), limits, tenant.centre.ignore_within_ratio
        )
        if bank.visit != visit:
            channel.changed_slots.add(slot)
        channel.minute.add(pane, bank, known, view)
        self._state(tenant, channel, pane, verdicts, seen, view, limits, origin, said)

    def _limits(self, tenant: _Tenant, seconds: int, series: int) -> np.ndarray:
        month = tenant.centre.budget_false_incidents_per_month
        channels = len(tenant.channels)
        leaves = sum(len(channel.bank.names) - 1 for channel in tenant.channels.values())
        slow = self._params.count.slow_seconds
        both = [
            [thresholds.threshold(month, channels, pane)] + [thresholds.threshold(month, leaves, pane)] * (series - 1)
            for pane in (seconds, slow)
        ]
        return np.array(both)

    def _state(
        self,
        tenant: _Tenant,
        channel: _Channel,
        pane: ClosedPane,
        verdicts: list[Verdict],
        seen: np.ndarray,
        view: PaneView,
        limits: np.ndarray,
        origin: Origin,
        said: list[DeskBody],
    ) -> None:
        audience = tenant.centre.channels.get(channel.name, CentreChannel()).audience
        for verdict in verdicts:
            state = statements.due(verdict, pane.start + pane.seconds)
            if state is None:
                continue
            threshold = float(limits[verdict.alarm.speed, verdict.alarm.series])
            made = statements.signal(
                tenant.name,
                channel.name,
                channel.bank,
                verdict,
                state,
                pane,
                view,
                seen,
                threshold,
                audience,
                origin,
            )
            said.append(msgspec.structs.replace(made, text=statements.sentence(made, channel.bank)))

    def _telemetry(
        self,
        tenant: _Tenant,
        channel: _Channel,
        pane: ClosedPane,
        covering: set[str],
        missing: set[str],
        origin: Origin,
        said: list[DeskBody],
    ) -> None:
        """A source that stopped sending is lost telemetry, never an outage."""
        end = pane.start + pane.seconds
        audience = tenant.centre.channels.get(channel.name, CentreChannel()).audience
        for source in sorted(missing - set(channel.lost)):
            made = statements.source_lost(tenant.name, channel.name, source, pane.start, end, audience, origin)
            channel.lost[source] = made
            said.append(made)
        for source in sorted(set(channel.lost) - missing):
            before = channel.lost.pop(source)
            reason = "recovered" if source in covering else "series left"
            said.append(statements.source_back(before, end, reason, origin))

    # -- state

    def changes(self) -> dict[str, bytes | None]:
        """Entries that changed since the last call."""
        entries, self._entries = self._entries, {}
        if self._clock_touched:
            clock = (STATE_VERSION, self._at, self._read_to, self._partitions, self._idle)
            entries["clock"] = msgspec.json.encode(clock)
            self._clock_touched = False
        for name, tenant in sorted(self._tenants.items()):
            if tenant.touched:
                tenant.touched = False
                entries[f"tenant|{name}"] = _freeze_tenant(tenant)
                for channel in tenant.channels.values():
                    if channel.stepped:
                        channel.stepped = False
                        entries.update(_freeze_channel(tenant, channel))
        return entries

    def restore(self, entries: Mapping[str, bytes]) -> None:
        """Continues from these entries. Entries of another version are dropped: relearned, never guessed at."""
        if "clock" in entries:
            version, self._at, self._read_to, self._partitions, self._idle = msgspec.json.decode(entries["clock"])
            if version != STATE_VERSION:
                return
        for name, raw in sorted(entries.items()):
            if name.startswith("tenant|"):
                _thaw_tenant(self, raw)
        for name, raw in sorted(entries.items()):
            kind, _, rest = name.partition("|")
            if kind == "open":
                pane = codec.decode(QueuePane, raw)
                self._channel(self._tenant(pane.tenant), pane.channel).gather.add(pane)
            elif kind == "bank":
                tenant_name, channel_name, part, low = rest.rsplit("|", 3)
                bank = self._channel(self._tenant(tenant_name), channel_name).bank
                high = min(int(low) + BLOCK, len(bank.names))
                getattr(bank, part).unpack(raw, int(low), high)
            elif kind == "season":
                tenant_name, channel_name, text = rest.rsplit("|", 2)
                bank = self._channel(self._tenant(tenant_name), channel_name).bank
                both = np.frombuffer(raw, np.float32).reshape(2, -1)
                bank.season.counts[int(text)][: both.shape[1]] = both[0]
                bank.season.exposure[int(text)][: both.shape[1]] = both[1]


EVERY_PANE = ("level", "dispersion", "fast", "sums")
EVERY_QUARTER = ("slow", "slow_dispersion")


def _arrivals(pane: ClosedPane, name: str) -> float:
    counts = pane.counts.get(name)
    return float(counts["offered"]) if counts else 0.0


def _open_name(tenant: _Tenant, channel: _Channel, start: int, partition: int, part: int) -> str:
    channel.owner = tenant.name
    return _open_key(channel, start, partition, part)


def _open_key(channel: _Channel, start: int, partition: int, part: int) -> str:
    return f"open|{channel.owner}|{channel.name}|{start}|{partition}|{part}"


class _Frozen(msgspec.Struct):
    """A channel's small numbers."""

    names: list[str | None]
    alarms: dict[str, Alarm]
    numbers: tuple[int, int, int, int, int]
    gather: tuple[dict[int, float], int, int, int, str, bool, list[int]]
    roster: dict[str, tuple[list[str], int]]
    lost: dict[str, Signal]
    rows: dict[str, dict[str, float]]
    backlog: dict[str, list[float]]


class _FrozenTenant(msgspec.Struct):
    version: int
    centre: Centre
    complete_to: float
    ticked_at: float
    loaded_to: int
    event_clock: bool
    channels: dict[str, _Frozen]


def _freeze_tenant(tenant: _Tenant) -> bytes:
    return msgspec.json.encode(
        _FrozenTenant(
            STATE_VERSION,
            tenant.centre,
            tenant.complete_to,
            tenant.ticked_at,
            tenant.loaded_to,
            tenant.event_clock,
            {name: _frozen(channel) for name, channel in sorted(tenant.channels.items())},
        )
    )


def _frozen(channel: _Channel) -> _Frozen:
    bank, gather = channel.bank, channel.gather
    return _Frozen(
        bank.names,
        bank.alarms,
        (bank.visit, bank.visit_slot, bank.quarter, bank.last_start, bank.level.block),
        (
            gather.passed,
            gather.partitions,
            gather.pane_seconds,
            gather.released_to,
            gather.silence,
            gather.event_clock,
            sorted(gather.aside),
        ),
        channel.roster.state(),
        channel.lost,
        channel.minute.rows,
        channel.minute.backlog,
    )


def _thaw_tenant(fold: DetectionFold, raw: bytes) -> None:
    frozen = msgspec.json.decode(raw, type=_FrozenTenant)
    tenant = fold._tenant(frozen.centre.tenant)
    tenant.centre = frozen.centre
    tenant.local = LocalTime(frozen.centre.time_zone, frozen.centre.calendar)
    tenant.complete_to, tenant.ticked_at, tenant.loaded_to = frozen.complete_to, frozen.ticked_at, frozen.loaded_to
    tenant.event_clock = frozen.event_clock
    for name, kept in frozen.channels.items():
        channel = fold._channel(tenant, name)
        channel.owner = tenant.name
        bank, gather = channel.bank, channel.gather
        for series in kept.names:
            bank.index(series)
        bank.alarms = kept.alarms
        bank.visit, bank.visit_slot, bank.quarter, bank.last_start, bank.level.block = kept.numbers
        (
            gather.passed,
            gather.partitions,
            gather.pane_seconds,
            gather.released_to,
            gather.silence,
            gather.event_clock,
            aside,
        ) = kept.gather
        gather.aside = set(aside)
        channel.roster.restore(kept.roster)
        channel.lost = kept.lost
        channel.minute.rows, channel.minute.backlog = kept.rows, kept.backlog


def _freeze_channel(tenant: _Tenant, channel: _Channel) -> dict[str, bytes | None]:
    bank = channel.bank
    entries: dict[str, bytes | None] = {}
    place = f"{tenant.name}|{channel.name}"
    parts = EVERY_PANE + (EVERY_QUARTER if bank.quarter != channel.quarter_kept else ())
    channel.quarter_kept = bank.quarter
    for low in range(0, len(bank.names), BLOCK):
        high = min(low + BLOCK, len(bank.names))
        for part in parts:
            entries[f"bank|{place}|{part}|{low}"] = getattr(bank, part).pack(low, high)
    for slot in sorted(channel.changed_slots):
        both = np.stack([bank.season.counts[slot], bank.season.exposure[slot]])
        entries[f"season|{place}|{slot}"] = both.astype(np.float32).tobytes()
    channel.changed_slots = set()
    return entries
