"""State entries of the response fold: a tenant's desk as bytes, and back.

Four entries that are each replaced whole (centre, flows, floor, desk) and the clock, which is written last. Centre,
flows and floor may be ahead of a desk entry that a crash kept from being written: hearing the same record twice leaves
them as they are. The desk entry carries a clock of its own, so incidents and the place up to which they are applied
never part; between two changes of it only the small clock is written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from response.state import Clock, Desk, Flow, IncidentState
from schemas.centre import Centre
from schemas.health import ToolHealth
from schemas.workforce import Workforce

VERSION = 1
_PLAIN, _PACKED = bytes([VERSION, 0]), bytes([VERSION, 1])
_PACK_FROM_BYTES = 32_768


class _Flows(msgspec.Struct):
    flows: dict[str, Flow]


class _Floor(msgspec.Struct):
    floor: dict[str, Workforce]
    tools: dict[str, ToolHealth]
    since: dict[str, datetime]


class _Incidents(msgspec.Struct):
    clock: Clock
    incidents: dict[str, IncidentState]
    killed: dict[str, str]
    dismissed: dict[str, bool]
    gone: list[str]
    decisions: list[str]


def _pack(value: msgspec.Struct) -> bytes:
    raw = msgspec.msgpack.encode(value)
    return _PLAIN + raw if len(raw) < _PACK_FROM_BYTES else _PACKED + zlib.compress(raw, 1)


def _unpack(raw: bytes) -> bytes | None:
    """None where another version wrote it: that part is then learned anew, never guessed at."""
    if raw[:2] == _PLAIN:
        return raw[2:]
    return zlib.decompress(raw[2:]) if raw[:2] == _PACKED else None


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
            self._put(changed, f"flows/{tenant}", _pack(_Flows(desk.flows)))
            self._put(changed, f"floor/{tenant}", _pack(_Floor(desk.floor, desk.tools, desk.since)))
            self._put_desk(changed, desk)
            self._put(clocks, f"clock/{tenant}", _pack(desk.clock))
        return changed | clocks

    def _put(self, changed: dict[str, bytes | None], name: str, raw: bytes) -> None:
        if self._written.get(name) != raw:
            self._written[name] = raw
            changed[name] = raw

    def _put_desk(self, changed: dict[str, bytes | None], desk: Desk) -> None:
        """The desk entry, if anything but the time moved."""
        rest = (desk.incidents, desk.killed, desk.dismissed, desk.gone, desk.decisions)
        plain = msgspec.msgpack.encode(rest)
        if self._rest.get(desk.tenant) != plain:
            self._rest[desk.tenant] = plain
            changed[f"desk/{desk.tenant}"] = _pack(_Incidents(desk.clock, *rest))

    def restore(self, entries: Mapping[str, bytes]) -> dict[str, Desk]:
        """The desks as they were."""
        desks: dict[str, Desk] = {}
        for name in sorted(entries):
            kind, _, tenant = name.partition("/")
            raw = _unpack(entries[name])
            if raw is None:
                continue
            self._written[name] = entries[name]
            desk = desks.setdefault(tenant, Desk(clock=Clock(tenant=tenant)))
            self._take(desk, kind, raw)
        return desks

    def _take(self, desk: Desk, kind: str, raw: bytes) -> None:
        decode = msgspec.msgpack.decode
        if kind == "centre":
            desk.centre = decode(raw, type=Centre)
        elif kind == "flows":
            desk.flows = decode(raw, type=_Flows).flows
        elif kind == "floor":
            floor = decode(raw, type=_Floor)
            desk.floor, desk.tools, desk.since = floor.floor, floor.tools, floor.since
        elif kind == "clock":
            desk.clock = max(desk.clock, decode(raw, type=Clock), key=lambda clock: clock.applied)
        elif kind == "desk":
            kept = decode(raw, type=_Incidents)
            desk.clock = max(desk.clock, kept.clock, key=lambda clock: clock.applied)
            desk.incidents, desk.killed, desk.dismissed = kept.incidents, kept.killed, kept.dismissed
            desk.gone, desk.decisions = kept.gone, kept.decisions
            rest = (desk.incidents, desk.killed, desk.dismissed, desk.gone, desk.decisions)
            self._rest[desk.tenant] = msgspec.msgpack.encode(rest)
