"""Weeks that were learned before the start: pane records folded in process, as the worker would have folded them, and
left on the bus as its state. The worker finds them as after a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiokafka.partitioner import murmur2

from detectors.pipeline import DetectionFold, DetectParams
from schemas import topics
from schemas.base import Origin
from schemas.pane import PaneRecord
from streams.bus import Bus
from streams.config import Settings
from streams.roles import params_of
from streams.state import NOTHING, Source, StateLog

BATCH_BYTES = 900_000


def learn(settings: Settings, records: Iterable[PaneRecord], source: Source) -> dict[str, bytes]:
    """The detection fold's entries after `records`. Whatever they would have signalled is history and is dropped."""
    fold = DetectionFold(params_of(DetectParams, settings.detect))
    for record in records:
        # the fold has taken nothing from the log: its first record is offset 0
        fold.step(record, Origin(topic=source.topic, partition=source.partition, offset=NOTHING))
    return {name: value for name, value in fold.changes().items() if value is not None}


async def leave(settings: Settings, source: Source, entries: Mapping[str, bytes]) -> None:
    """Makes the entries the state of a source partition of the detect role. Raises Unavailable."""
    bus = Bus(settings, batch_bytes=BATCH_BYTES)
    await bus.start()
    try:
        state, _ = await StateLog(bus, topics.DETECT_STATE).take_over(source)
        await state.write(dict(entries), NOTHING)
    finally:
        await bus.stop()


def source_of(tenant: str) -> Source:
    """The partition of `queue-panes` in which a tenant's records lie: murmur2 of the key, as everywhere."""
    return Source(topics.QUEUE_PANES.name, (murmur2(tenant.encode()) & 0x7FFFFFFF) % topics.QUEUE_PANES.partitions)
