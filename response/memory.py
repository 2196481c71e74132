"""State entries of the response fold: a tenant's desk as bytes, and back.

Four entries that are each replaced whole (centre, flows, floor, desk), one for each open case and for each tool's
latency, and the clock, which is written last. Centre, flows, floor, cases and latencies may be ahead of a desk entry
that a crash kept from being written: hearing the same record twice leaves them as they are. The desk entry carries a
clock of its own, so incidents and the place up to which they are applied never part; between two changes of it only the
small clock is written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from response.floor import WHOLE, name_of
from response.latency import Latency
from response.pace import Pace
from response.state import Booking, Clock, Desk, Flow, IncidentState, ProviderState, Texted, Unread
from schemas.centre import Centre, OpenCase
from schemas.health import ToolHealth
from schemas.status import DeskStatus, Stop
from schemas.workforce import Workforce

VERSION = 2
_PLAIN, _PACKED = bytes([VERSION, 0]), bytes([VERSION, 1])
_PACK_FROM_BYTES = 32_768


class _Flows(msgspec.Struct):
    flows: dict[str, Flow]
    paces: dict[str, Pace] = {}


class _Floor(msgspec.Struct):
    floor: dict[str, Workforce]
    tools: dict[str, ToolHealth]
    since: dict[str, datetime]


class _Incidents(msgspec.Struct):
    clock: Clock
    incidents: dict[str, IncidentState]
    killed: dict[str, Stop]
    dismissed: dict[str, bool]
    gone: list[str]
    decisions: list[str]
    providers: dict[str, ProviderState] = {}
    platform_answers: bool = False
    bookings: list[Booking] = []
    unread: dict[str, Unread] = {}
    texted: dict[str, Texted] = {}
    status: DeskStatus | None = None

    @classmethod
    def of(cls, desk: Desk) -> _Incidents:
        return cls(**{name: getattr(desk, name) for name in cls.__struct_fields__})

    @property
    def but_for_time(self) -> list[Any]:
        return [getattr(self, name) for name in self.__struct_fields__ if name != "clock"]


def _pack(value: msgspec.Struct) -> bytes:
    raw = msgspec.msgpack.encode(value)
    return _PLAIN + raw if len(raw) < _PACK_FROM_BYTES else _PACKED + zlib.compress(raw, 1)


def _unpack(raw: bytes) -> tuple[int, bytes] | None:
    """The layout's version and the entry. None where a later version wrote it: it is not guessed at, and what it held
    is learned anew."""
    version, packed = raw[0], raw[1]
    if not 1 <= version <= VERSION:
        return None
    return version, zlib.decompress(raw[2:]) if packed else raw[2:]


def _incidents(version: int, raw: bytes) -> _Incidents:
    if version >= 2:
        return msgspec.msgpack.decode(raw, type=_Incidents)
    return msgspec.convert(_from_first(msgspec.msgpack.decode(raw)), _Incidents)


def _from_first(kept: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew of a stop who had asked for it (of an incident's not even that), and nothing else."""

    def stop(target: str, reach: str, by: str) -> dict[str, Any]:
        return {"target": target, "reach": reach, "by": by, "at": kept["clock"]["now"], "text": "stopped before"}

    kept["killed"] = {target: stop(target, "tenant", by) for target, by in kept["killed"].items()}
    for name, incident in kept["incidents"].items():
        incident["killed"] = stop(name, "incident", "unknown") if incident["killed"] else None
    return kept


def _floor(desk: Desk) -> _Floor:
    lines = {name_of(line): line for sites in desk.floor.values() for line in sites.values()}
    return _Floor(lines, desk.tools, desk.since)


class Memory:
    """Which entries changed since they were last asked for."""

    def __init__(self) -> None:
        self._written: dict[str, bytes] = {}
        self._rest: dict[str, bytes] = {}

    def changes(self, desks: Iterable[Desk]) -> dict[str, bytes | None]:
        """Entries that differ from what was written before; clocks last."""
        changed: dict[str, bytes | None] = {}
        clocks: dict[str, bytes | None] = {}
        for desk in desks:
            tenant = desk.tenant
            if desk.centre is not None:
                self._put(changed, f"centre/{tenant}", _pack(desk.centre))
            self._put(changed, f"flows/{tenant}", _pack(_Flows(desk.flows, desk.paces)))
            # before the floor: a heartbeat that the floor has is not heard again
            for name, latency in sorted(desk.latencies.changed.items()):
                changed[f"latency/{tenant}|{name}"] = _pack(latency) if latency is not None else None
            desk.latencies.changed = {}
            self._put(changed, f"floor/{tenant}", _pack(_floor(desk)))
            for case_id, case in sorted(desk.cases.changed.items()):
                changed[f"case/{tenant}|{case_id}"] = _pack(case) if case is not None else None
            desk.cases.changed = {}
            self._put_desk(changed, desk)
            self._put(clocks, f"clock/{tenant}", _pack(desk.clock))
        return changed | clocks

    def _put(self, changed: dict[str, bytes | None], name: str, raw: bytes) -> None:
        if self._written.get(name) != raw:
            self._written[name] = raw
            changed[name] = raw

    def _put_desk(self, changed: dict[str, bytes | None], desk: Desk) -> None:
        """The desk entry, if anything but the time moved."""
        kept = _Incidents.of(desk)
        plain = msgspec.msgpack.encode(kept.but_for_time)
        if self._rest.get(desk.tenant) != plain:
            self._rest[desk.tenant] = plain
            changed[f"desk/{desk.tenant}"] = _pack(kept)

    def restore(self, entries: Mapping[str, bytes]) -> dict[str, Desk]:
        """The desks as they were."""
        desks: dict[str, Desk] = {}
        for name in sorted(entries):
            kind, _, owner = name.partition("/")
            tenant = owner.partition("|")[0]
            unpacked = _unpack(entries[name])
            if unpacked is None:
                continue
            if kind not in ("case", "latency"):
                self._written[name] = entries[name]
            desk = desks.setdefault(tenant, Desk(clock=Clock(tenant=tenant)))
            self._take(desk, kind, *unpacked)
        return desks

    def _take(self, desk: Desk, kind: str, version: int, raw: bytes) -> None:
        decode = msgspec.msgpack.decode
        if kind == "centre":
            desk.centre = decode(raw, type=Centre)
        elif kind == "flows":
            flows = decode(raw, type=_Flows)
            desk.flows, desk.paces = flows.flows, flows.paces
        elif kind == "case":
            case = decode(raw, type=OpenCase)
            desk.cases.by_id[case.case_id] = case
        elif kind == "latency":
            latency = decode(raw, type=Latency)
            desk.latencies.by_name[latency.name] = latency
        elif kind == "floor":
            floor = decode(raw, type=_Floor)
            for line in floor.floor.values():
                desk.floor.setdefault(str(line.queue), {})[line.site or WHOLE] = line
            desk.tools, desk.since = floor.tools, floor.since
        elif kind == "clock":
            desk.clock = max(desk.clock, decode(raw, type=Clock), key=lambda clock: clock.applied)
        elif kind == "desk":
            kept = _incidents(version, raw)
            clock = max(desk.clock, kept.clock, key=lambda clock: clock.applied)
            for name in kept.__struct_fields__:
                setattr(desk, name, getattr(kept, name))
            desk.clock = clock
            self._rest[desk.tenant] = msgspec.msgpack.encode(kept.but_for_time)
