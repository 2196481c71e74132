"""The minute's load: what each queue and the channel got, against what was expected."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.columns import Flags, Lanes, Numbers, six, sixes
from detectors.merge import FIELDS, moment_of
from schemas.base import QueueRef
from schemas.signal import QueueLoad

MINUTE = 60
QUARTER = 900
QUARTERS = 9  # the one that has begun, and the eight that a plan looks at
ROWS_MAX = 2_000
QUIET = 0.05  # expected contacts below which a queue without a count is left out
_Z99 = 2.5758

Counts = NDArray[np.int64]
OFFERED, BY_TRANSFER, ANSWERED, ABANDONED, ESCALATED, FINISHED, NEGATIVE, WAIT, WAIT_N, HANDLE, HANDLE_N, RATED = range(
    len(FIELDS)
)


class ChannelLoad(msgspec.Struct):
    """A channel's rows of the minute in which its pane ended, and how many seconds they are for."""

    seconds: float
    rows: list[QueueLoad]


class MinuteEntry(msgspec.Struct):
    """A minute that is not over, as it is kept: rows of the series that have something in it."""

    begun: int
    rows: dict[int, list[int]]
    floats: dict[int, list[float]]


class Usual(NamedTuple):
    """By series: where 99 % of a minute's counts lie, and whether there is anything to say."""

    low: Numbers
    high: Numbers
    busy: Flags

    def of(self, rows: slice) -> Usual:
        return Usual(self.low[rows], self.high[rows], self.busy[rows])


class Minute:
    """Sums of one channel since `begun` (Unix seconds), by series; series 0 is the channel."""

    def __init__(self) -> None:
        self.begun = 0
        self.counts: Counts = np.zeros((len(FIELDS), 0), np.int64)
        self.floats: Numbers = np.zeros((3, 0))  # expected, its variance beyond Poisson, known seconds

    def grow(self, size: int) -> None:
        more = size - self.counts.shape[1]
        self.counts = np.concatenate([self.counts, np.zeros((len(FIELDS), more), np.int64)], axis=1)
        self.floats = np.concatenate([self.floats, np.zeros((3, more))], axis=1)

    def keep(self, wanted: NDArray[np.bool_]) -> None:
        self.counts, self.floats = self.counts[:, wanted], self.floats[:, wanted]

    def add(
        self, start: int, seconds: int, counts: Counts, expected: Numbers, variance: Numbers, known: Flags | None
    ) -> None:
        """One closed pane. What is expected, with its relative variance beyond Poisson, is the whole pane's, known or
        not."""
        self.begun = self.begun or start
        self.counts += counts
        self.floats[0] += expected
        self.floats[1] += expected**2 * variance
        self.floats[2] += float(seconds) if known is None else float(seconds) * known

    def known(self, end: int) -> tuple[Numbers, Flags]:
        """What was expected while it was known, and which series were known throughout, of a minute that ends."""
        share = self.floats[2] / (end - self.begun)
        return self.floats[0] * share, share > 0.999

    def is_over(self, end: int) -> bool:
        """Whether the next pane belongs to another minute."""
        return end // MINUTE != self.begun // MINUTE

    def reset(self) -> None:
        self.begun = 0
        self.counts[...] = 0
        self.floats[...] = 0

    def usual(self) -> Usual:
        """What is usual of the minute, and which series have anything to say of it."""
        expected, beyond, _ = self.floats
        return Usual(*_usual(expected, beyond), self.counts.any(axis=0) | (expected >= QUIET))

    def rows(
        self,
        channel: str,
        names: list[str],
        backlog: Numbers | None,
        since: Numbers,
        usual: Usual,
        ahead: Numbers | None = None,
    ) -> list[QueueLoad]:
        """The channel, then its queues with anything to say, most contacts first where there are too many."""
        expected, _, known = self.floats
        low, high, busy = usual
        if backlog is not None:
            busy = busy | (backlog > 0)
        busy[0] = True
        chosen = np.nonzero(busy)[0]
        if len(chosen) > ROWS_MAX:
            weight = self.counts[OFFERED, chosen] + expected[chosen]
            weight[0] = np.inf
            chosen = np.sort(chosen[np.argsort(-weight, kind="stable")[:ROWS_MAX]])
        counts = self.counts[:, chosen].T.tolist()
        ranges = [sixes(each[chosen].tolist()) for each in (expected, low, high)]
        coming = [[] for _ in chosen] if ahead is None else [sixes(each) for each in ahead.T[chosen].tolist()]
        series = zip(chosen.tolist(), counts, known[chosen].tolist(), *ranges, coming, strict=True)
        found = []
        for i, count, seconds, middle, least, most, later in series:
            left = None if backlog is None else int(backlog[i])
            found.append(
                QueueLoad(
                    at=_place(channel, names[i]),
                    known_seconds=seconds,
                    arrivals=count[OFFERED],
                    expected=middle,
                    expected_low=least,
                    expected_high=most,
                    answered=count[ANSWERED],
                    abandoned=count[ABANDONED],
                    escalated=count[ESCALATED],
                    finished=count[FINISHED],
                    negative=count[NEGATIVE],
                    handle_seconds_mean=_mean(count[HANDLE], count[HANDLE_N]),
                    wait_seconds_mean=_mean(count[WAIT], count[WAIT_N]),
                    backlog=left,
                    backlog_since=None if left is None else moment_of(float(since[i])),
                    ahead=later,
                )
            )
        return found

    # -- state

    def pack(self) -> bytes:
        some = np.nonzero(self.counts.any(axis=0) | self.floats.any(axis=0))[0].tolist()
        entry = MinuteEntry(
            self.begun,
            {i: self.counts[:, i].tolist() for i in some},
            {i: self.floats[:, i].tolist() for i in some},
        )
        return msgspec.msgpack.encode(entry)

    def unpack(self, raw: bytes) -> None:
        entry: Any = msgspec.msgpack.decode(raw, type=MinuteEntry)
        self.begun = entry.begun
        for i, values in entry.rows.items():
            self.counts[:, i] = values
            self.floats[:, i] = entry.floats[i]


def wait(backlog: NDArray[np.uint32], counts: Counts, answers: bool | Flags, lanes: Lanes) -> None:
    """Contacts that wait: what came (transfers too) less what was answered or gave up; where nobody tells of `answers`
    (cases, posts), what is not finished yet. Never below nothing; of a channel those of its queues."""
    leaves = np.where(answers, counts[ANSWERED], counts[FINISHED])
    change = counts[OFFERED] + counts[BY_TRANSFER] - counts[ABANDONED] - leaves
    backlog[...] = np.maximum(backlog.astype(np.int64) + change, 0)
    backlog[lanes.heads] = 0
    backlog[lanes.heads] = np.add.reduceat(backlog, lanes.heads)


@lru_cache(maxsize=65_536)
def _place(channel: str, name: str) -> QueueRef:
    return QueueRef(channel=channel, queue=name or None)


def _mean(milliseconds: int, n: int) -> float | None:
    return six(milliseconds / n / 1000) if n else None


def _usual(expected: Numbers, beyond: Numbers) -> tuple[Numbers, Numbers]:
    """`wording.usual_range` for many."""
    safe = np.maximum(expected, 1e-9)
    shape = safe**2 / (safe + beyond)
    centre, spread = 1 - 1 / (9 * shape), _Z99 / (3 * np.sqrt(shape))
    return expected * np.maximum(centre - spread, 0.0) ** 3, expected * np.maximum(centre + spread, 1.0) ** 3
