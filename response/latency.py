"""Whether a tool answers later than usual, by metric surprise (`detectors.metric_bank`): an alert that lasts, upwards.

A value is the mean of the heartbeats of nearly a minute, so that one late answer says nothing at any pace of a probe.
Only what a tool says while it is up teaches. While it is slow nothing does, lest an outage become usual; so late values
are held back until it is clear that they are none.

Kept is one entry a tool, whole, with each heartbeat: histories of the bank are a fixed 3 kB, about 1 kB packed. That is
as small as a journal of values, and needs neither checkpoints nor relearning. (`detectors.methods.metric` keeps counts
by hour of the week in wide cells, ten times as much, and says nothing of the usual spread.)
"""

from __future__ import annotations

import math
import zlib
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from detectors.columns import six
from detectors.following import REVISE_RATIO
from detectors.means import GAP_SECONDS
from detectors.metric_bank import ALERT_LASTS, LASTS, LINE, RATIO_MIN, Z95, MetricBank, Shown
from detectors.metrics import ACCEPT_SECONDS, FREEZE_SECONDS
from schemas.health import ToolHealth

OFFSET = 0.1  # seconds by which a latency is never of interest
VALUE_SECONDS = 50  # of the heartbeats of one value: a probe of every minute gives one each time, though it is early
SECONDS_MAX = 3600.0  # what is longer is no answer
KNOWN_HOUR = 30  # values, from which on the usual latency of an hour of the day is known
RATIO_UNKNOWN_HOUR = 3.0  # before: no day was seen yet, and what moves with the day is no outage
TOOLS_MAX = 500  # of a tenant


class Slow(msgspec.Struct, kw_only=True):
    """A tool that is slow: its mean since `since` is `total / values` seconds, and `said` what it was said to be."""

    since: datetime
    found_at: datetime
    total: float
    values: int
    usual: float
    said: float
    calm: int = 0  # values in a row that are nearer to the usual than to what it was

    @property
    def away(self) -> float:
        """How far its logarithm is from the usual one."""
        return math.log((self.total / self.values + OFFSET) / (self.usual + OFFSET))

    def hear(self, value: float) -> None:
        self.total, self.values = self.total + value, self.values + 1
        now = six(self.total / self.values)
        if max(now, self.said) >= REVISE_RATIO * min(now, self.said):
            self.said = now


class Latency(msgspec.Struct, kw_only=True):
    """One tool's: the value that is not full yet, the run of late values with those that are not learned yet (each with
    its hour), and what was learned, packed."""

    name: str
    heard_at: datetime
    began_at: datetime | None = None
    total: float = 0.0
    heartbeats: int = 0
    teaches: bool = True
    closed_at: datetime | None = None  # when the last value was full
    run: int = 0
    run_since: datetime | None = None
    run_total: float = 0.0
    held: list[tuple[float, int]] = []
    age: int = ALERT_LASTS + 1  # values since the last alert
    slow: Slow | None = None
    histories: bytes = b""


class Latencies(msgspec.Struct, kw_only=True):
    """By tool, as the desk names it; `changed` since the state was last written (None: forgotten)."""

    by_name: dict[str, Latency] = {}
    changed: dict[str, Latency | None] = {}

    def hear(self, name: str, health: ToolHealth, zone: ZoneInfo) -> Slow | None:
        """Takes in a heartbeat; whether its tool is slow. A repeat, and what is older, changes nothing."""
        known = self.by_name.get(name)
        if known is not None and health.at <= known.heard_at:
            return known.slow
        if known is None:
            if _told(health) is None:
                return None
            self._make_room()
            known = self.by_name[name] = Latency(name=name, heard_at=health.at)
        self.changed[name] = known
        _hear(known, health, zone)
        return known.slow

    def _make_room(self) -> None:
        """A flood of names costs no memory: whoever was silent for longest is forgotten."""
        if len(self.by_name) >= TOOLS_MAX:
            oldest = min(self.by_name.values(), key=lambda one: (one.heard_at, one.name)).name
            del self.by_name[oldest]
            self.changed[oldest] = None


def _told(health: ToolHealth) -> float | None:
    """The latency. None where there is none or an impossible one, and of a tool that is down: that is how long its
    probe waits."""
    seconds = health.latency_seconds
    if health.state == "down" or seconds is None or not 0.0 <= seconds <= SECONDS_MAX:
        return None
    return seconds


def _hear(known: Latency, health: ToolHealth, zone: ZoneInfo) -> None:
    seconds, at = _told(health), health.at
    if (at - known.heard_at).total_seconds() > GAP_SECONDS:
        known.total, known.heartbeats, known.run = 0.0, 0, 0
        known.held = []
    known.heard_at = at
    since_value = math.inf if known.closed_at is None else (at - known.closed_at).total_seconds()
    if seconds is None:
        if health.state != "down" and since_value > GAP_SECONDS:
            _end(known)  # it answers, and nobody measures any more how soon
        return
    if not known.heartbeats:
        known.began_at, known.teaches = at, True
    known.total += seconds
    known.heartbeats += 1
    known.teaches &= health.state == "up"
    if since_value >= VALUE_SECONDS:
        _judge(known, known.total / known.heartbeats, at, at.astimezone(zone).hour)
        known.total, known.heartbeats, known.closed_at = 0.0, 0, at


def _judge(known: Latency, value: float, at: datetime, hour: int) -> None:
    bank = _bank(known.histories)
    shown = bank.read(np.array([value]), hour)
    away = float(shown.away[0])
    is_known = float(bank.histories.known[hour, 0]) >= KNOWN_HOUR
    _run(known, value, shown, RATIO_MIN if is_known else RATIO_UNKNOWN_HOUR)
    slow = known.slow
    if slow is not None:
        # nearer to the usual than to what it was
        slow.calm = slow.calm + 1 if away < slow.away / 2 else 0
        slow.hear(value)
        if slow.calm >= LASTS or (at - slow.since).total_seconds() >= ACCEPT_SECONDS:
            _end(known)
    elif known.run >= LASTS and known.age <= ALERT_LASTS and known.run_since is not None:
        known.slow = Slow(
            since=known.run_since,
            found_at=at,
            total=known.run_total,
            values=known.run,
            usual=six(max(0.0, float(shown.expected[0]))),
            said=six(known.run_total / known.run),
        )
    _learn(known, bank, value, at, hour)


def _learn(known: Latency, bank: MetricBank, value: float, at: datetime, hour: int) -> None:
    if known.teaches:
        known.held = [*known.held, (value, hour)]
    if known.slow is not None and (at - known.slow.found_at).total_seconds() < FREEZE_SECONDS:
        known.held = []
    if known.held and not 0 < known.run < LASTS:
        for one, then in known.held:
            bank.learn(np.array([one]), then)
        known.held, known.histories = [], zlib.compress(bank.histories.pack(0, 1), 1)


def _run(known: Latency, value: float, shown: Shown, ratio: float) -> None:
    """How many values in a row are late, and how long ago one of them was a surprise."""
    away = float(shown.away[0])
    late = bool(shown.ready[0]) and away > max(math.log(ratio), Z95 * float(shown.spread[0]))
    known.age = 0 if away > 0 and shown.total[0] >= LINE else min(known.age + 1, ALERT_LASTS + 1)
    if not late:
        known.run = 0
    elif known.run:
        known.run, known.run_total = known.run + 1, known.run_total + value
    else:
        known.run, known.run_total, known.run_since = 1, value, known.began_at


def _end(known: Latency) -> None:
    """From here on it takes another surprise."""
    known.slow, known.run, known.age = None, 0, ALERT_LASTS + 1


def _bank(packed: bytes) -> MetricBank:
    """Of one row. What another layout wrote is learned anew."""
    bank = MetricBank()
    bank.histories.grow(1)
    bank.histories.offset[:] = OFFSET
    raw = zlib.decompress(packed) if packed else b""
    if len(raw) == bank.histories.bytes_a_series():
        bank.histories.unpack(raw, 0, 1)
    return bank


def in_seconds(seconds: float) -> str:
    """4.2 s, 0.6 s, 0.045 s, 12 s."""
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
