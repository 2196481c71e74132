"""The state of a channel's waves, trails and categories as entries, and back.

| entry | holds | written |
|---|---|---|
| trail/n, minutes/n | one pane (one minute) of the last thirty, all series | once, when it is over |
| waves/head | clocks, and what ended in the last pane | every minute |
| waves/now | what the minute that is not over has of each category | at each closed pane |
| waves/categories/n, waves/usual/n | categories, in order; what is usual of them | with a new one; every minute |
| waves/mix-minutes/n | one minute of the last thirty, all categories | once |
| waves/GROUP/hot/n, cold/n | evidence and marks; baselines | every minute; every half hour |
| waves/GROUP/trail/n | one minute of the last thirty, all rows | once |
| wave/GROUP/series/measure, metric/series/measure | one open alarm | while it is open |
| metrics/marks/n, head, journal | runs, sums, the values since the half hour began | every minute |
| metrics/histories/n | what was learned of handle times and waits | every half hour |

Rows are not kept: they follow from the series and the categories.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from detectors import mix
from detectors.channel import Channel
from detectors.columns import Columns
from detectors.entries import CHUNK, VERSION, body, pack, safe
from detectors.mix import Category, Minutes
from detectors.trail import LENGTH, Column, Trail
from detectors.wave_alarms import WaveAlarm
from detectors.waves import Group

ROWS = 300  # an entry


class Clock(msgspec.Struct, array_like=True):
    """Of one group."""

    block: int
    slot: int
    ended: dict[str, int]


class Head(msgspec.Struct):
    """`rows` is how many categories there are, `block` the block of their learning."""

    clocks: dict[str, Clock]
    rows: int = 0
    block: int = -1


def changes(channel: Channel, dirty: set[str]) -> dict[str, bytes | None]:
    """Entries that changed since the last call; `dirty` are the channel's own words for what changed."""
    found: dict[str, bytes | None] = {}
    waves, categories = channel.waves, channel.waves.categories
    for name, trail in (("trail", channel.trail), ("minutes", channel.minutes)):
        found |= _trail(name, trail)
    if categories.rows:
        now = categories.usual.now
        found["waves/now"] = pack({i: int(now[i]) for i in np.nonzero(now)[0].tolist()})
    found |= channel.metrics.changes()
    if not dirty & {"waves", "names"}:
        return found
    clocks = {group.name: Clock(group.bank.block, group.bank.slot, group.alarms.ended) for group in waves.groups}
    found["waves/head"] = pack(Head(clocks, len(categories.rows), categories.block))
    if waves.categories_new:
        waves.categories_new = False
        found |= {
            f"waves/categories/{at // CHUNK}": pack(categories.rows[at : at + CHUNK])
            for at in range(0, len(categories.rows), CHUNK)
        }
    found |= _columns("waves/usual", (categories.usual,), len(categories.rows))
    found |= {f"waves/mix-minutes/{place}": pack(minutes) for place, minutes in categories.changes()}
    for group in waves.groups:
        found |= _group(group)
    return found


def _group(group: Group) -> dict[str, bytes | None]:
    dirty, group.dirty = group.dirty, set()
    place = f"waves/{group.name}"
    found = _trail(f"{place}/trail", group.trail)
    for kind, parts in (("hot", group.bank.hot), ("cold", group.bank.cold)):
        if kind in dirty:
            found |= _columns(f"{place}/{kind}", parts, group.bank.size)
    if "alarms" in dirty:
        now = {_alarm_name(group, alarm): pack(alarm) for alarm in group.alarms.open.values()}
        found |= dict.fromkeys(group.written - now.keys())
        found |= now
        group.written = set(now)
    return found


def _trail(place: str, trail: Trail) -> dict[str, bytes | None]:
    return {f"{place}/{n}": pack(column) for n, column in trail.changes()}


def _columns(place: str, parts: Sequence[Columns], size: int) -> dict[str, bytes | None]:
    return {
        f"{place}/{at // ROWS}": VERSION
        + zlib.compress(b"".join(part.pack(at, min(at + ROWS, size)) for part in parts), 1)
        for at in range(0, size, ROWS)
    }


def _alarm_name(group: Group, alarm: WaveAlarm) -> str:
    return f"wave/{group.name}/{safe(alarm.row.series)}/{safe(alarm.row.measure)}"


def restore(channel: Channel, entries: Mapping[str, bytes]) -> None:
    """Fills the waves of a channel whose series are there already. Raises as `snapshot.restore` does."""
    waves, categories = channel.waves, channel.waves.categories
    channel.trail.grow(len(channel.names))
    channel.minutes.grow(len(channel.names))
    _fill_trail("trail", channel.trail, entries)
    _fill_trail("minutes", channel.minutes, entries)
    waves.grow(channel.names)
    channel.metrics.grow(len(channel.names))
    channel.metrics.restore(entries)
    if "waves/head" not in entries:
        return
    head = msgspec.msgpack.decode(body(entries["waves/head"]), type=Head)
    rows: list[Category] = []
    for at in range(0, head.rows, CHUNK):
        rows += msgspec.msgpack.decode(body(entries[f"waves/categories/{at // CHUNK}"]), type=list[Category])
    categories.reset(rows[: head.rows])
    categories.block = head.block
    _fill_columns("waves/usual", (categories.usual,), head.rows, entries)
    categories.usual.now[...] = 0
    for i, n in msgspec.msgpack.decode(body(entries["waves/now"]), type=dict[int, int]).items() if rows else ():
        categories.usual.now[i] = n
    for place in range(mix.MINUTES):
        if raw := entries.get(f"waves/mix-minutes/{place}"):
            categories.fill(place, msgspec.msgpack.decode(body(raw), type=Minutes))
    waves.meet()
    waves.categories_new = False
    for group in waves.groups:
        _restore_group(group, head.clocks[group.name], entries)


def _restore_group(group: Group, clock: Clock, entries: Mapping[str, bytes]) -> None:
    bank, place = group.bank, f"waves/{group.name}"
    bank.block, bank.slot, group.alarms.ended = clock.block, clock.slot, clock.ended
    _fill_columns(f"{place}/hot", bank.hot, bank.size, entries)
    _fill_columns(f"{place}/cold", bank.cold, bank.size, entries)
    _fill_trail(f"{place}/trail", group.trail, entries)
    for name, raw in sorted(entries.items()):
        if name.startswith(f"wave/{group.name}/"):
            alarm = msgspec.msgpack.decode(body(raw), type=WaveAlarm)
            group.alarms.open[alarm.row.series, alarm.row.measure] = alarm
    group.written = {_alarm_name(group, alarm) for alarm in group.alarms.open.values()}
    group.alarms.reindex()
    group.dirty.clear()


def _fill_trail(place: str, trail: Trail, entries: Mapping[str, bytes]) -> None:
    for n in range(LENGTH):
        if raw := entries.get(f"{place}/{n}"):
            trail.fill(n, msgspec.msgpack.decode(body(raw), type=Column))
    trail.fresh.clear()


def _fill_columns(place: str, parts: Sequence[Columns], size: int, entries: Mapping[str, bytes]) -> None:
    for low in range(0, size, ROWS):
        high = min(low + ROWS, size)
        raw, at = zlib.decompress(body(entries[f"{place}/{low // ROWS}"])), 0
        for part in parts:
            length = part.bytes_a_series() * (high - low)
            part.unpack(raw[at : at + length], low, high)
            at += length
