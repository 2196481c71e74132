"""Panes of one channel from the records of its source partitions: the highest version, nothing after a final, a sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from schemas.pane import QueueCounts, QueuePane

FIELDS = (
    "offered",
    "offered_by_transfer",
    "answered",
    "abandoned",
    "escalated",
    "finished",
    "sentiment_negative",
    "wait_milliseconds",
    "wait_n",
    "handle_milliseconds",
    "handle_n",
    "sentiment_n",
)
OPEN_PANES_MAX = 8_640  # a day of 10-second panes that cannot be closed; the oldest go beyond it, as unknown


def seconds_of(moment: datetime) -> int:
    """Unix seconds; panes begin at whole ones."""
    return int(moment.timestamp())


@lru_cache(maxsize=4096)
def moment_of(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class SourceSeen(NamedTuple):
    """What all partitions together say of one source in one pane. `present`: each of them has heard of it."""

    queues: tuple[str, ...]
    present: bool
    covers: bool
    last: bool
    least_delivered: int
    most_delivered: int


class Merged(NamedTuple):
    """One pane of a channel over all partitions: counts by queue in the order of FIELDS; `named` are the counts of
    records that name reasons, sites, regions, providers or exercises, by queue, to be added up."""

    start: int
    seconds: int
    queues: dict[str, list[int]]
    sources: dict[str, SourceSeen]
    final: bool
    named: list[tuple[str, QueueCounts]]


class _Account:
    """One partition's account of one pane: the parts of its highest version."""

    __slots__ = ("final", "parts", "version", "whole")

    def __init__(self, record: QueuePane) -> None:
        self.version = record.version
        self.final = record.final
        self.parts = {record.part: record}
        self.whole = record.parts == 1


class ChannelLog:
    """The panes of one channel that are not closed yet. Times are Unix seconds."""

    def __init__(self) -> None:
        self.panes: dict[int, dict[int, _Account]] = {}
        self.passed: dict[int, int] = {}  # by partition, the end of its last final pane
        self.ignored: Counter[str] = Counter()

    def put(self, record: QueuePane, closed_to: int) -> bool:
        """Takes in one record; says whether it counts. Panes before `closed_to` are closed."""
        start = seconds_of(record.pane_start)
        if start < closed_to:
            self.ignored["closed"] += 1
            return False
        accounts = self.panes.setdefault(start, {})
        held = accounts.get(record.partition)
        if held is None or (record.version > held.version and not held.final):
            held = accounts[record.partition] = _Account(record)
        elif record.version == held.version and record.part not in held.parts:
            held.parts[record.part] = record
            held.whole = len(held.parts) >= record.parts
        else:
            self.ignored["final" if held.final else "version"] += 1
            return False
        if held.final and held.whole:
            end = start + record.pane_seconds
            self.passed[record.partition] = max(self.passed.get(record.partition, 0), end)
        return True

    def complete_to(self, partitions: int) -> int:
        """The end of the last pane that every partition has passed, by finals alone; 0 while one never did."""
        return min((self.passed.get(partition, 0) for partition in range(partitions)), default=0)

    def is_complete(self, start: int, end: int, partitions: int, read_to: Mapping[int, float], idle: float) -> bool:
        """Whether every partition has passed `end`: by a final, or because it was read so far that a final of it would
        be here."""
        accounts = self.panes.get(start, {})
        for partition in range(partitions):
            if self.passed.get(partition, 0) >= end:
                continue
            account = accounts.get(partition)
            if account is not None and not (account.final and account.whole):
                return False
            if account is None and read_to.get(partition, 0.0) - idle < end:
                return False
        return True

    def next_start(self, closed_to: int) -> int | None:
        """The first pane from `closed_to` on of which there is a record."""
        return min((start for start in self.panes if start >= closed_to), default=None)

    def queues(self, start: int) -> set[str]:
        """The queues that are named in the pane."""
        accounts = self.panes.get(start, {}).values()
        return {name for account in accounts for record in account.parts.values() for name in record.queues}

    def take(self, start: int) -> list[tuple[int, int]]:
        """Forgets the pane; returns the (partition, part) of what was held of it."""
        return [
            (partition, part)
            for partition, account in sorted(self.panes.pop(start, {}).items())
            for part in sorted(account.parts)
        ]

    def merged(self, start: int, seconds: int, partitions: int) -> Merged:
        """The pane as it stands."""
        queues: dict[str, list[int]] = {}
        named: list[tuple[str, QueueCounts]] = []
        heard: dict[str, list[tuple[int, SourceSeen]]] = {}
        accounts = self.panes.get(start, {})
        for partition, account in sorted(accounts.items()):
            for number, record in sorted(account.parts.items()):
                for name, counts in record.queues.items():
                    _add(queues, name, counts)
                    maps = (counts.by_reason, counts.by_site, counts.by_region, counts.by_provider, counts.by_drill)
                    if any(maps):
                        named.append((name, counts))
                if number == 0 or 0 not in account.parts:
                    for name, cover in record.sources.items():
                        at = seconds_of(cover.delivered_to)
                        one = SourceSeen(tuple(cover.queues), True, cover.covers, cover.last, at, at)
                        heard.setdefault(name, []).append((partition, one))
        sources = {name: _joined([seen for _, seen in heard[name]], partitions) for name in sorted(heard)}
        final = len(accounts) == partitions and all(account.final for account in accounts.values())
        return Merged(start, seconds, {name: queues[name] for name in sorted(queues)}, sources, final, named)


def _add(queues: dict[str, list[int]], name: str, counts: QueueCounts) -> None:
    values = [
        counts.offered,
        counts.offered_by_transfer,
        counts.answered,
        counts.abandoned,
        counts.escalated,
        counts.finished,
        counts.sentiment_negative,
        counts.wait_milliseconds,
        counts.wait_n,
        counts.handle_milliseconds,
        counts.handle_n,
        counts.sentiment_n,
    ]
    held = queues.get(name)
    queues[name] = values if held is None else [a + b for a, b in zip(held, values, strict=True)]


def _joined(seen: list[SourceSeen], partitions: int) -> SourceSeen:
    present = len(seen) >= partitions
    return SourceSeen(
        queues=seen[-1].queues,
        present=present,
        covers=present and all(one.covers for one in seen),
        last=all(one.last for one in seen),
        least_delivered=min(one.least_delivered for one in seen),
        most_delivered=max(one.most_delivered for one in seen),
    )
