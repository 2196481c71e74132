"""Weeks that were learned before the start: pane records folded in process, as the worker would have folded them, and
left on the bus as its state. The worker finds them as after a restart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
from aiokafka.partitioner import murmur2
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from detectors.entries import safe
from detectors.known import Known
from detectors.parameters import CountParams
from detectors.pipeline import DetectionFold, DetectParams
from schemas import topics
from schemas.base import Origin
from schemas.centre import Centre
from schemas.errors import BadConfig, Unavailable
from schemas.pane import PaneRecord, QueuePane
from streams import clients
from streams.bus import Bus
from streams.config import Settings
from streams.roles import params_of
from streams.state import NOTHING, Source, StateLog

BATCH_BYTES = 900_000
DAYS_MIN = 1.0  # less history says nothing of a day
ADMIN_SECONDS = 10.0


class Learned(NamedTuple):
    """The state's entries, and what is known by them of each channel's week."""

    entries: dict[str, bytes]
    known: dict[str, Known]
    first: datetime
    last: datetime
    panes: int


def learn(settings: Settings, records: Iterable[PaneRecord], source: Source) -> dict[str, bytes]:
    """The detection fold's entries after `records`. Whatever they would have signalled is history and is dropped."""
    return _entries(_folded(settings, records, source))


def bootstrap(settings: Settings, centre: Centre, records: Iterable[PaneRecord]) -> Learned:
    """What a tenant's usual weeks are by its history; the present begins anew. Raises BadConfig where there is too
    little of it."""
    seen = _Span(records)
    fold = _folded(settings, _after(centre, seen), source_of(centre.tenant))
    first, last = seen.first, seen.last
    if first is None or last is None or (last - first).total_seconds() < DAYS_MIN * 86_400:
        raise BadConfig([("--from", f"holds less than {DAYS_MIN:g} day of {centre.tenant}: nothing can be learned")])
    fold.settle()
    return Learned(_entries(fold), fold.learned(centre.tenant), first, last, seen.panes)


async def leave(settings: Settings, source: Source, entries: Mapping[str, bytes]) -> None:
    """Makes the entries the state of a source partition of the detect role. Raises Unavailable."""
    bus = Bus(settings, batch_bytes=BATCH_BYTES)
    await bus.start()
    try:
        state, _ = await StateLog(bus, topics.DETECT_STATE).take_over(source)
        await state.write(dict(entries), NOTHING)
    finally:
        await bus.stop()


async def add(
    settings: Settings, tenant: str, entries: Mapping[str, bytes], *, force: bool, read_to: int = NOTHING
) -> None:
    """Puts a tenant's entries beside those of the other tenants of its partition, where the worker finds them; panes up
    to the offset `read_to` are in them.

    Raises BadConfig where the tenant has a state already and `force` is not given, or a worker runs; Unavailable.
    """
    refuse_running(settings)
    bus = Bus(settings, batch_bytes=BATCH_BYTES)
    await bus.start()
    try:
        state, held = await StateLog(bus, topics.DETECT_STATE).take_over(source_of(tenant))
        mine = {name for name in held if is_of(tenant, name)}
        if mine and not force:
            fix = "give --force to forget what was learned live, and put this in its place"
            raise BadConfig([("--tenant", f"{tenant} is known already: {fix}")])
        applied = state.applied if held else max(state.applied, read_to)
        await state.write(dict.fromkeys(mine) | dict(entries), applied)
    finally:
        await bus.stop()


def is_of(tenant: str, name: str) -> bool:
    """Whether a state entry is this tenant's."""
    own = safe(tenant)
    return name == f"tenant/{own}" or name.startswith(f"channel/{own}/")


def refuse_running(settings: Settings) -> None:
    """Raises BadConfig where a worker detects: it would not see what is put beside it. Raises Unavailable."""
    group = clients.group_name(settings, "detect")
    admin = AdminClient(clients.confluent_settings(settings))
    try:
        found = admin.describe_consumer_groups([group], request_timeout=ADMIN_SECONDS)[group].result(ADMIN_SECONDS)
    except (KafkaException, TimeoutError) as error:
        raise Unavailable("the broker", str(error), "start it, or point broker.bootstrap at yours") from None
    if found.members:
        text = f"{len(found.members)} of group {group} run: stop them, learn, and start them again"
        raise BadConfig([("workers with role detect", text)])


def source_of(tenant: str) -> Source:
    """The partition of `queue-panes` in which a tenant's records lie: murmur2 of the key, as everywhere."""
    return Source(topics.QUEUE_PANES.name, (murmur2(tenant.encode()) & 0x7FFFFFFF) % topics.QUEUE_PANES.partitions)


class _Span:
    """Records on their way, and from when to when they are."""

    def __init__(self, records: Iterable[PaneRecord]) -> None:
        self._records = records
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.panes = 0

    def __iter__(self) -> Iterator[PaneRecord]:
        for record in self._records:
            if isinstance(record, QueuePane):
                self.first = min(self.first or record.pane_start, record.pane_start)
                self.last = max(self.last or record.complete_to, record.complete_to)
                self.panes += 1
            yield record


def _after(centre: Centre, records: Iterable[PaneRecord]) -> Iterator[PaneRecord]:
    yield centre
    yield from records


def _folded(settings: Settings, records: Iterable[PaneRecord], source: Source) -> DetectionFold:
    params = params_of(DetectParams, settings.detect)
    fold = DetectionFold(msgspec.structs.replace(params, counts=CountParams(looks_ahead=False)))
    for record in records:
        # the fold has taken nothing from the log: its first record is offset 0
        fold.step(record, Origin(topic=source.topic, partition=source.partition, offset=NOTHING))
    return fold


def _entries(fold: DetectionFold) -> dict[str, bytes]:
    return {name: value for name, value in fold.changes().items() if value is not None}
