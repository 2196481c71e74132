"""A bus in memory that can be away, be killed half way, and be compacted; it says what was done in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from schemas.errors import Unavailable
from streams.bus import Outgoing


class Kept(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Killed(BaseException):
    """The process ended here."""


class FakeBus:
    def __init__(self) -> None:
        self.logs: dict[tuple[str, int], list[Kept]] = {}
        self.done: list[str] = []
        # by what is done next: how often it fails, or where it ends the process
        self.away: dict[str, int] = {}
        self.kill: Callable[[str], bool] = lambda _: False
        # how many records of an `append` fit in one batch
        self.batch_records = 1_000_000

    def _do(self, what: str) -> None:
        if self.kill(f"before {what}"):
            raise Killed(what)
        if self.away.get(what, 0) > 0:
            self.away[what] -= 1
            raise Unavailable("the broker", "a test says so")

    def _keep(self, topic: str, partition: int, records: Iterable[Outgoing]) -> int:
        log = self.logs.setdefault((topic, partition), [])
        for record in records:
            log.append(Kept(log[-1].offset + 1 if log else 0, record.key, record.value, tuple(record.headers)))
        return log[-1].offset

    async def send(self, records: Iterable[Outgoing]) -> None:
        listed = list(records)
        self._do("send")
        for record in listed:
            self._keep(record.topic, record.partition or 0, [record])
        self.done.append(f"send {len(listed)}")
        if self.kill("after send"):
            raise Killed("send")

    async def append(self, topic: str, partition: int, records: Sequence[Outgoing]) -> int:
        self._do("append")
        for first in range(0, len(records), self.batch_records):
            if first and self.kill("half append"):
                raise Killed("append")
            last = self._keep(topic, partition, records[first : first + self.batch_records])
        self.done.append(f"append {len(records)}")
        if self.kill("after append"):
            raise Killed("append")
        return last

    async def read(self, topic: str, partition: int, end: int | None = None) -> list[Kept]:
        self._do("read")
        return [kept for kept in self.logs.get((topic, partition), []) if end is None or kept.offset < end]

    def compact(self, topic: str, partition: int) -> None:
        """Keeps the last record of each key, and no tombstone."""
        log = self.logs.get((topic, partition), [])
        last = {kept.key: kept.offset for kept in log}
        self.logs[(topic, partition)] = [
            kept for kept in log if kept.offset == last[kept.key] and (kept.value is not None or kept is log[-1])
        ]

    def values(self, topic: str, partition: int = 0) -> list[bytes | None]:
        return [kept.value for kept in self.logs.get((topic, partition), [])]
