"""Handle times and waits of one channel's series: means a value, alarms, and state that is small to write.

A value is the mean of at least `VALUE_OF` contacts: minutes are summed until there are as many, so that a quiet queue
is no noisier than a busy one. Histories are large and change with every value; they are written when a half hour ends,
and the values since then beside them: who restores learns these again.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.alarms import ACCEPTED, LEFT, RECOVERED, State
from detectors.columns import Columns, Flags
from detectors.entries import VERSION, body, pack, safe
from detectors.following import REVISE_RATIO, REVISE_SECONDS
from detectors.load import Counts
from detectors.means import MEASURES, OFFSETS, Means, Taken
from detectors.metric_bank import ALERT_LASTS, LASTS, LINE, Shown
from detectors.slots import LocalTime

JOURNAL = 30  # values
BLOCK_SECONDS = 1800
FREEZE_SECONDS = 3 * 3600.0
ACCEPT_SECONDS = 86_400.0
ROWS = 300  # an entry


class MetricAlarm(msgspec.Struct):
    """What is known of it. Unix seconds; means in seconds, `observed` since `onset`; `calm` counts values that speak
    against it."""

    series: str
    measure: str
    opened: int
    onset: int
    milliseconds: float
    contacts: int
    expected: float
    spread: float
    surprise: float
    rarity: float
    revision: int = 0
    calm: int = 0
    said_at: int = 0
    said_ratio: float = 0.0

    @property
    def observed(self) -> float:
        return self.milliseconds / 1000 / max(self.contacts, 1)

    @property
    def ratio(self) -> float:
        offset = OFFSETS[MEASURES.index(self.measure)]
        return (self.observed + offset) / (self.expected + offset)


class MetricStatement(NamedTuple):
    """Something to say; `at` is the end of the minute that decided it."""

    state: State
    alarm: MetricAlarm
    at: int
    pane_start: int
    reason: str | None = None


class Head(msgspec.Struct, array_like=True):
    """The half hour, and the hours of the day of the values since its beginning."""

    block: int
    hours: list[int]


class Metrics:
    """The rows of one channel: `MEASURES` of each of its series, which are `names`."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.means = Means()
        self.open: dict[tuple[str, str], MetricAlarm] = {}
        self.block = -1
        self.hours: list[int] = []
        self.journal: NDArray[np.float32] = np.zeros((JOURNAL, 0), np.float32)
        self.dirty: set[str] = set()
        self.written: set[str] = set()
        self.checkpoint: dict[str, bytes] = {}  # entries that are to be written, not packed yet: most never are

    def grow(self, series: int) -> None:
        self.means.grow(series)
        self.journal = np.full((JOURNAL, self.means.bank.size), np.nan, np.float32)
        self._take_checkpoint()

    def keep(self, wanted: Flags) -> None:
        """Forgets series (by series, not by row)."""
        self.means.keep(np.repeat(wanted, len(MEASURES)))
        self.journal = np.full((JOURNAL, self.means.bank.size), np.nan, np.float32)
        self._take_checkpoint()

    # -- a minute

    def close(self, start: int, end: int, counts: Counts, known: Flags, local: LocalTime) -> list[MetricStatement]:
        """Takes in the sums of a finished minute by series."""
        self.begin(start)
        taken = self.means.take(start, counts, known, hour_of(local, start, end))
        if taken is None:
            return []
        said = self.hear(start, end, taken)
        self.means.learn(taken)
        return said

    def begin(self, start: int) -> None:
        """A minute that starts at `start` is over."""
        block = start // BLOCK_SECONDS
        if block != self.block or len(self.hours) >= JOURNAL:
            self.block = block
            self._take_checkpoint()
        self.dirty.add("marks")

    def hear(self, start: int, end: int, taken: Taken, *, news: bool = True) -> list[MetricStatement]:
        """What is to be said of the values of a minute; those that are not to be learned are taken out of `taken`.
        Without `news` none of them lasts that has no alarm."""
        said = self._look(start, end, taken.full, taken.shown) if news or self.open else []
        values = taken.values
        if self.open:
            values[[self._row(*key) for key, one in self.open.items() if end - one.opened < FREEZE_SECONDS]] = np.nan
        self.journal[len(self.hours)] = values
        self.hours.append(taken.hour)
        return said

    def _look(self, start: int, end: int, full: Flags, shown: Shown) -> list[MetricStatement]:
        found: list[MetricStatement] = []
        for key, alarm in sorted(self.open.items()):
            row = self._row(*key)
            if full[row]:
                found += self._follow(alarm, row, start, end, shown)
        for row in np.nonzero(self.means.lasting(full))[0].tolist():
            series, measure = self.names[row // len(MEASURES)], MEASURES[row % len(MEASURES)]
            if (series, measure) not in self.open:
                found.append(self._open_new(series, measure, row, start, end, shown))
        if self.open or found:
            self.dirty.add("alarms")
        return found

    def _open_new(self, series: str, measure: str, row: int, start: int, end: int, shown: Shown) -> MetricStatement:
        alarm = self.open[series, measure] = MetricAlarm(
            series=series,
            measure=measure,
            opened=start,
            onset=int(self.means.marks.since[row]),
            milliseconds=float(self.means.marks.run_milliseconds[row]),
            contacts=int(self.means.marks.run_contacts[row]),
            expected=float(shown.expected[row]),
            spread=float(shown.spread[row]),
            surprise=max(float(shown.total[row]), LINE),
            rarity=float(shown.rarities[:, row].max()),
        )
        return self._say("opened", alarm, start, end)

    def _follow(self, alarm: MetricAlarm, row: int, start: int, end: int, shown: Shown) -> list[MetricStatement]:
        alarm.milliseconds += float(self.means.marks.milliseconds[row])
        alarm.contacts += int(self.means.marks.contacts[row])
        alarm.surprise = max(alarm.surprise, float(shown.total[row]))
        alarm.rarity = max(alarm.rarity, float(shown.rarities[:, row].max()))
        # nearer to the usual than to what it was
        nearer = abs(float(shown.away[row])) < abs(math.log(alarm.ratio)) / 2 if shown.ready[row] else False
        alarm.calm = alarm.calm + 1 if nearer else 0
        if alarm.calm >= LASTS:
            return [self._clear(alarm, start, end, RECOVERED)]
        if end - alarm.onset >= ACCEPT_SECONDS:
            return [self._clear(alarm, start, end, ACCEPTED)]
        before, now = alarm.said_ratio, alarm.ratio
        moved = max(before, now) >= REVISE_RATIO * min(before, now)
        return [self._say("revised", alarm, start, end)] if moved and end - alarm.said_at >= REVISE_SECONDS else []

    @property
    def alarmed(self) -> set[str]:
        """Series of which a mean is out of its usual range."""
        return {series for series, _ in self.open}

    def leave(self, series: str, at: int, why: str = LEFT) -> list[MetricStatement]:
        """The series is watched no more, or not for now."""
        return [self._clear(alarm, at, at, why) for key, alarm in sorted(self.open.items()) if key[0] == series]

    def _clear(self, alarm: MetricAlarm, start: int, end: int, reason: str) -> MetricStatement:
        del self.open[alarm.series, alarm.measure]
        row = self._row(alarm.series, alarm.measure)
        self.means.marks.run[row], self.means.marks.age[row] = 0, ALERT_LASTS + 1
        alarm.revision += 1
        self.dirty.add("alarms")
        return MetricStatement("cleared", alarm, end, start, reason)

    def _say(self, state: State, alarm: MetricAlarm, start: int, end: int) -> MetricStatement:
        alarm.revision += state != "opened"
        alarm.said_at, alarm.said_ratio = end, alarm.ratio
        return MetricStatement(state, msgspec.structs.replace(alarm), end, start)

    def _row(self, series: str, measure: str) -> int:
        return self.names.index(series) * len(MEASURES) + MEASURES.index(measure)

    # -- state

    def _take_checkpoint(self) -> None:
        """From here on values are kept until the next one."""
        self.hours.clear()
        self.journal[...] = np.nan
        self.checkpoint = self._chunks("histories", self.means.bank.histories)
        self.dirty.add("marks")

    def changes(self) -> dict[str, bytes | None]:
        """Entries that changed since the last call."""
        dirty, self.dirty = self.dirty, set()
        found: dict[str, bytes | None] = {name: _packed(raw) for name, raw in self.checkpoint.items()}
        self.checkpoint = {}
        if dirty:
            found |= {name: _packed(raw) for name, raw in self._chunks("marks", self.means.marks).items()}
            found["metrics/head"] = pack(Head(self.block, self.hours))
            found["metrics/journal"] = _packed(self.journal[: len(self.hours)].tobytes())
        if "alarms" in dirty:
            now = {_entry(alarm): pack(alarm) for alarm in self.open.values()}
            found |= dict.fromkeys(self.written - now.keys())
            found |= now
            self.written = set(now)
        return found

    def _chunks(self, name: str, part: Columns) -> dict[str, bytes]:
        size = self.means.bank.size
        return {f"metrics/{name}/{low // ROWS}": part.pack(low, min(low + ROWS, size)) for low in range(0, size, ROWS)}

    def restore(self, entries: Mapping[str, bytes]) -> None:
        """Takes back what `changes` wrote, on rows that are there. Raises as `snapshot.restore` does."""
        if "metrics/head" not in entries:
            return
        head = msgspec.msgpack.decode(body(entries["metrics/head"]), type=Head)
        for name, part in (("histories", self.means.bank.histories), ("marks", self.means.marks)):
            for low in range(0, self.means.bank.size, ROWS):
                raw = zlib.decompress(body(entries[f"metrics/{name}/{low // ROWS}"]))
                part.unpack(raw, low, min(low + ROWS, self.means.bank.size))
        self.block, self.hours = head.block, list(head.hours)
        raw = zlib.decompress(body(entries["metrics/journal"]))
        if self.hours:
            self.journal[: len(self.hours)] = np.frombuffer(raw, np.float32).reshape(len(self.hours), -1)
        for hour, values in zip(self.hours, self.journal, strict=False):
            self.means.bank.learn(values.astype(float), hour)
        for name, raw in sorted(entries.items()):
            if name.startswith("metric/"):
                alarm = msgspec.msgpack.decode(body(raw), type=MetricAlarm)
                self.open[alarm.series, alarm.measure] = alarm
        self.written = {_entry(alarm) for alarm in self.open.values()}
        self.checkpoint = {}
        self.dirty.clear()


def hour_of(local: LocalTime, start: int, end: int) -> int:
    """The local hour of the day in the middle of a minute."""
    return local.moment((start + end) / 2).slot // 2 % 24


def _packed(raw: bytes) -> bytes:
    return VERSION + zlib.compress(raw, 1)


def _entry(alarm: MetricAlarm) -> str:
    return f"metric/{safe(alarm.series)}/{safe(alarm.measure)}"
