"""A channel's state as entries: names and opaque bytes, and back. Few records a closed pane, each under 500 kB.

| entry | holds | written |
|---|---|---|
| head, minute | the channel's own facts; the minute that is not over | at each closed pane |
| hot/n | what changes with each pane, of 500 series | at each closed pane |
| slow/n | the slow channel, facts of the series | every 15 minutes, and with signals |
| shifts/n | what speaks for small shifts | every 5 minutes, and with signals |
| season/s | one half hour of the week, all series | when that half hour ends |
| names/n | the series of a chunk, in order | when there is a new one |
| alarm/series/direction | one open alarm | while it is open |

Those of shares, mixes, backlogs and of the last half hour are in `wave_snapshot`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import msgspec
import numpy as np

from detectors import wave_snapshot
from detectors.channel import Channel, Head
from detectors.columns import Columns
from detectors.entries import CHUNK, VERSION, body, pack, safe
from detectors.following import Alarm
from detectors.slots import WEEK_SLOTS

HOT = ("fast", "level", "dispersion", "tracking", "meters")
SLOW = ("slow", "slow-variance", "facts")
SHIFTS = ("shifts",)
KINDS = (("hot", HOT), ("slow", SLOW), ("shifts", SHIFTS))


def changes(channel: Channel) -> dict[str, bytes | None]:
    """Entries that changed since the last call, without the tenant's prefix."""
    dirty, channel.dirty = channel.dirty, set()
    found: dict[str, bytes | None] = {}
    if not dirty:
        return found
    head = channel.head
    head.clocks, head.block, head.ended = channel.bank.clocks, channel.bank.level.block, channel.alarms.ended
    found["head"] = pack(head)
    chunks = range(0, len(channel.names), CHUNK)
    if "names" in dirty:
        found |= {f"names/{at // CHUNK}": pack(channel.names[at : at + CHUNK]) for at in chunks}
    for kind, parts in KINDS:
        if kind in dirty or "size" in dirty:
            found |= {f"{kind}/{at // CHUNK}": _columns(channel, parts, at) for at in chunks}
    if "minute" in dirty:
        found["minute"] = VERSION + channel.minute.pack()
    slots = range(WEEK_SLOTS) if "season" in dirty else {int(d[7:]) for d in dirty if d.startswith("season/")}
    found |= {f"season/{slot}": _season(channel, slot) for slot in sorted(slots)}
    if "alarms" in dirty:
        found |= _alarms(channel)
    return found | wave_snapshot.changes(channel, dirty)


def _columns(channel: Channel, parts: tuple[str, ...], low: int) -> bytes:
    high = min(low + CHUNK, len(channel.names))
    raw = b"".join(channel.bank.parts[part].pack(low, high) for part in parts)
    # mostly zeros: a run that is not going on has no sums
    return VERSION + zlib.compress(raw, 1)


def _season(channel: Channel, slot: int) -> bytes:
    season = channel.bank.season
    return b"".join([VERSION, season.counts[slot].tobytes(), season.exposure[slot].tobytes()])


def _alarms(channel: Channel) -> dict[str, bytes | None]:
    now = {_alarm_name(alarm): pack(alarm) for alarm in channel.alarms.open.values()}
    gone: dict[str, bytes | None] = {name: None for name in channel.alarms.written if name not in now}
    channel.alarms.written = set(now)
    return gone | now


def _alarm_name(alarm: Alarm) -> str:
    return f"alarm/{safe(alarm.series)}/{alarm.direction}"


def restore(channel: Channel, entries: Mapping[str, bytes]) -> None:
    """Fills a new channel from its entries. Raises UnknownVersion, ValueError, msgspec.DecodeError: begin anew then."""
    head = channel.head = msgspec.msgpack.decode(body(entries["head"]), type=Head)
    channel.log.passed = head.passed
    channel.bank.clocks, channel.bank.level.block = head.clocks, head.block
    names: list[str] = []
    for at in range(0, head.names, CHUNK):
        names += msgspec.msgpack.decode(body(entries[f"names/{at // CHUNK}"]), type=list[str])
    names = names[: head.names]
    channel.names[:] = names
    channel.index.update({name: i for i, name in enumerate(names)})
    channel.bank.grow(len(names), 0)
    channel.read_hours()
    channel.minute.grow(len(names))
    for kind, parts in KINDS:
        for at in range(0, len(names), CHUNK):
            name = f"{kind}/{at // CHUNK}"
            if kind != "shifts" or name in entries:  # who wrote before there were any has none
                _fill(channel, parts, at, zlib.decompress(body(entries[name])))
    if "minute" in entries:
        channel.minute.unpack(body(entries["minute"]))
    for slot in range(WEEK_SLOTS):
        if f"season/{slot}" in entries:
            both = np.frombuffer(body(entries[f"season/{slot}"]), np.float32).reshape(2, -1)
            channel.bank.season.counts[slot, : both.shape[1]] = both[0]
            channel.bank.season.exposure[slot, : both.shape[1]] = both[1]
    for name, raw in sorted(entries.items()):
        if name.startswith("alarm/"):
            alarm = msgspec.msgpack.decode(body(raw), type=Alarm)
            channel.alarms.open[alarm.series, alarm.direction] = alarm
    channel.alarms.written = {_alarm_name(alarm) for alarm in channel.alarms.open.values()}
    channel.alarms.ended = head.ended
    wave_snapshot.restore(channel, entries)
    channel.alarms.mark()
    channel.bank.refresh()


def _fill(channel: Channel, parts: tuple[str, ...], low: int, raw: bytes) -> None:
    high = min(low + CHUNK, len(channel.names))
    at = 0
    for name in parts:
        part: Columns = channel.bank.parts[name]
        length = part.bytes_a_series() * (high - low)
        part.unpack(raw[at : at + length], low, high)
        at += length
