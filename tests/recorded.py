"""What lies on the bus after a test, and whether the same folds say the same to it again."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka.partitioner import murmur2

from schemas import codec, topics
from schemas.command import LoadShiftCommand
from schemas.desk import DeskEntry
from schemas.signal import Signal
from streams import config
from streams.__main__ import main
from streams.bus import Bus
from streams.config import Settings
from streams.faust_handler import Arrival, FoldRole
from streams.refolding import refold
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


def replayed(source: str, settings: Settings, folder: Path, *arguments: str) -> Path:
    """The folder that `breakwater replay` of a source leaves; its figures lie beside it as JSON."""
    config.write_yaml(folder / "replay.yaml", settings.model_dump(mode="json", exclude_defaults=True))
    out = folder / Path(source).name.replace(":", "-").replace(".", "-")
    files = ("--config", str(folder / "replay.yaml"), "--out", str(out), "--json", f"{out}.json")
    with pytest.raises(SystemExit) as ended:
        main(["replay", source, *files, *arguments])
    assert ended.value.code == 0
    return out


def assert_desk_replayed_into_files(settings: Settings, folder: Path) -> None:
    """The recorded desk, as `breakwater replay` tells it, is what lies on the topics: the same bytes, in each partition
    in the same order. What a restart sent again counts once."""
    out = replayed(f"topic:{topics.DESK.name}", settings, folder)
    assert (out / "signals.jsonl").read_bytes().splitlines() == said_signals(settings)
    for topic in (topics.INCIDENTS, topics.STAFFING_ALERTS, topics.LOAD_SHIFT_COMMANDS):
        live, told = said_once(settings, topic), defaultdict(list)
        for line in (out / f"{topic.name}.jsonl").read_bytes().splitlines():
            fields = orjson.loads(line)
            told[partition_of("|".join(fields[name] for name in topic.key.split("|")).encode(), topic)].append(line)
        for partition in range(topic.partitions):
            wanted = told[partition]
            if topic.compacted:  # the broker may have dropped what was revised since
                wanted = [line for line in wanted if line in live[partition]]
                assert told[partition][-1:] == live[partition][-1:]
            assert live[partition] == wanted, f"{topic.name}/{partition}"


def said_signals(settings: Settings) -> list[bytes]:
    """The desk's records that hold a signal, partition after partition, each once."""
    said = [line for _, lines in sorted(said_once(settings, topics.DESK).items()) for line in lines]
    return [line for line in said if isinstance(codec.decode(DeskEntry, line).body, Signal)]


def said_once(settings: Settings, topic: topics.Topic) -> dict[int, list[bytes]]:
    """A topic's records by partition, without what was sent again."""
    said: dict[int, dict[tuple[bytes, bytes], bytes]] = defaultdict(dict)
    for arrival in records(settings, topic):
        headers = dict(arrival.headers)
        said[arrival.partition].setdefault((headers["ce_source"], headers["ce_id"]), arrival.value or b"")
    return defaultdict(list, {partition: list(lines.values()) for partition, lines in said.items()})


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
