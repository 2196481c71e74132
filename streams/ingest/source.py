"""One source partition that is ours: its panes, how far it was read, what is measured of it."""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Sequence

from confluent_kafka import Message

from detectors.panes import Checkpoint, PanePartition
from streams import clock, telemetry

Key = tuple[str, int]  # the topic's name on the broker, and the partition


class Source:
    """`waiting` messages are fetched and not fed yet. `ended`: the partition's end was fetched and nothing came since;
    `at_end`: and all of it was fed. `end` is the partition's end as last known. `heard_at`:
    `clock.elapsed()` of the last record, or of our last heartbeat."""

    __slots__ = (
        "_runs",
        "committed",
        "end",
        "ended",
        "heard_at",
        "key",
        "name",
        "panes",
        "read",
        "topic",
        "verdicts",
        "waiting",
    )

    def __init__(self, key: Key, topic: str, panes: PanePartition) -> None:
        self.key = key
        self.topic = topic  # our name of it
        self.panes = panes
        self.name = f"{topic}/{key[1]}"
        self._runs: deque[Sequence[Message]] = deque()
        self.waiting = 0
        self.ended = False
        self.end = panes.position
        self.heard_at = clock.elapsed()
        self.committed: Checkpoint | None = None
        self.read = 0
        # what became of the records that were not simply counted
        self.verdicts: Counter[str] = Counter()

    @property
    def at_end(self) -> bool:
        return self.ended and not self.waiting

    def hand(self, messages: Sequence[Message]) -> None:
        """Messages that were fetched; they wait to be fed."""
        self._runs.append(messages)
        self.waiting += len(messages)
        self.ended = False

    def next_run(self) -> Sequence[Message]:
        run = self._runs.popleft()
        self.waiting -= len(run)
        return run

    @property
    def lag(self) -> int:
        return 0 if self.at_end else max(self.end - self.panes.position, 1)

    def measure(self, behind_seconds: float) -> None:
        """The metrics of this source since it was last asked."""
        place = (self.topic, str(self.key[1]))
        telemetry.RECORDS_CONSUMED.labels(self.topic).inc(self.read)
        self.verdicts["counted"] = self.read - sum(self.verdicts.values())
        for verdict, n in self.verdicts.items():
            telemetry.CONTACT_EVENTS.labels(self.topic, verdict).inc(n)
        for what, n in self.panes.over.items():
            telemetry.PANES_OVER_BOUND.labels(self.topic, what).inc(n)
        self.read = 0
        self.verdicts.clear()
        self.panes.over.clear()
        telemetry.CONSUMER_LAG_RECORDS.labels(*place).set(self.lag)
        telemetry.CONSUMER_LAG_SECONDS.labels(*place).set(behind_seconds)
        telemetry.PANES_OPEN.labels(*place).set(self.panes.open_panes())
        telemetry.READ_TO.labels(*place).set(self.panes.arrival / 1000)

    def stop_measuring(self) -> None:
        """An old owner's gauges would lie."""
        place = (self.topic, str(self.key[1]))
        for gauge in (
            telemetry.CONSUMER_LAG_RECORDS,
            telemetry.CONSUMER_LAG_SECONDS,
            telemetry.PANES_OPEN,
            telemetry.READ_TO,
        ):
            with contextlib.suppress(KeyError):
                gauge.remove(*place)
