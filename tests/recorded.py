"""What lies on the bus after a test, and whether the same folds say the same to it again."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiokafka.partitioner import murmur2

from schemas import codec, topics
from schemas.command import LoadShiftCommand
from streams.bus import Bus
from streams.config import Settings
from streams.faust_handler import Arrival, FoldRole
from streams.replay import refold
from streams.state import Source


def records(settings: Settings, topic: topics.Topic) -> list[Arrival]:
    """All records of a topic, partition after partition."""

    async def read() -> list[Arrival]:
        bus = Bus(settings)
        return [
            Arrival(
                topic.name,
                record.partition,
                record.offset,
                record.key,
                record.value,
                record.headers,
                datetime.fromtimestamp(record.timestamp / 1000, UTC),
            )
            for partition in range(topic.partitions)
            for record in await bus.read(topic.name, partition)
        ]

    return asyncio.run(read())


def assert_replayed_the_same(
    settings: Settings, role: FoldRole, states: Mapping[Source, Mapping[str, bytes]] | None = None
) -> None:
    """The recorded input of `role`, folded again without a broker, gives what lies on the bus: the same bytes, in the
    same order. What a restart sent again counts once."""
    wanted: dict[Source, dict[bytes, bytes]] = defaultdict(dict)
    for topic in role.inputs:
        for output in refold(role, records(settings, topic), states):
            place = Source(output.topic.name, partition_of(output.key.encode(), output.topic))
            wanted[place][output.id.encode()] = codec.encode(output.value)
    assert wanted, "the recorded log says nothing"
    for topic in (topics.DESK,) if role.name == "detect" else topics.DESK_OUTPUTS:
        live: dict[Source, dict[bytes, bytes]] = defaultdict(dict)
        for arrival in records(settings, topic):
            headers = dict(arrival.headers)
            if headers["ce_source"] == f"breakwater/{role.name}".encode():
                said = live[Source(topic.name, arrival.partition)]
                said.setdefault(headers["ce_id"], arrival.value or b"")
        for place in [Source(topic.name, number) for number in range(topic.partitions)]:
            if topic.compacted:  # the broker may have dropped what was revised since
                assert live[place].items() <= wanted[place].items()
            else:
                told, again = list(live[place].items()), list(wanted[place].items())
                differing = next((pair for pair in zip(told, again, strict=False) if pair[0] != pair[1]), None)
                assert told == again, f"{len(told)} told, {len(again)} again, first: {differing}"


def partition_of(key: bytes, topic: topics.Topic) -> int:
    """Where a record of this key lies."""
    return (murmur2(key) & 0x7FFFFFFF) % topic.partitions


def assert_no_effect_under_two_keys(settings: Settings) -> None:
    """One load shift has one id, and one id has one meaning, however often it was said."""
    named: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for arrival in records(settings, topics.LOAD_SHIFT_COMMANDS):
        command = codec.decode(LoadShiftCommand, arrival.value)
        shift = (command.action, command.from_queue, command.to_queue, command.step, command.reverts)
        named[(command.incident_id, *shift)].add(command.command_id)
    assert {shift: ids for shift, ids in named.items() if len(ids) > 1} == {}
    said: dict[tuple[str, bytes], set[bytes | None]] = defaultdict(set)
    for topic in (topics.DESK, *topics.DESK_OUTPUTS):
        for arrival in records(settings, topic):
            said[(topic.name, dict(arrival.headers)["ce_id"])].add(arrival.value)
    assert [name for name, values in said.items() if len(values) > 1] == []
