"""The order of effects on a real broker, with a fold in which every lost or repeated record shows."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas import codec, topics
from schemas.notice import Defect
from streams import broker
from streams.bus import Bus
from streams.config import Settings

WORKER = Path(__file__).with_name("counting_worker.py")
ROOT = Path(__file__).parents[2]
MOMENT = "2026-03-03T14:02:00Z"
PARTITIONS = topics.QUEUE_PANES.partitions
WAIT_SECONDS_MAX = 90.0


class Bench:
    """Workers as processes, the records they get and what they made of them."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.settings = settings
        self.directory = directory
        self.sent: Counter[str] = Counter()
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, point: str = "", **changes: Any) -> subprocess.Popen[bytes]:
        """A worker process; `changes` are settings of its broker."""
        tree = self.settings.model_dump(mode="json")
        tree["broker"] |= changes
        number = len(self.running)
        tree["state_directory"] = str(self.directory / f"worker-{number}")
        path = self.directory / f"worker-{number}.yaml"
        path.write_text(yaml.safe_dump(tree))
        log = (self.directory / f"worker-{number}.log").open("wb")
        child = subprocess.Popen(
            [sys.executable, str(WORKER), str(path), *([point] if point else [])],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))},
        )
        self.running.append(child)
        return child

    def log(self, number: int = 0) -> str:
        return (self.directory / f"worker-{number}.log").read_text()

    def feed(self, count: int, *, tenant: str | None = None, seconds: float = 0.0) -> None:
        """Records of thirteen keys, spread over so many seconds."""
        producer = Producer({**broker.confluent_settings(self.settings), "partitioner": "murmur2"})
        for n in range(count):
            key = tenant or f"tenant-{n % 13}"
            tick = {"kind": "tick", "tenant": key, "at": MOMENT, "read_to": MOMENT, "complete_to": MOMENT}
            producer.produce(self.settings.topic_name(topics.QUEUE_PANES), orjson.dumps(tick), key.encode())
            self.sent[key] += 1
            if seconds and n % 20 == 19:
                producer.flush(5)
                time.sleep(seconds * 20 / count)
        assert producer.flush(20) == 0

    def read(self, topic: topics.Topic) -> list[Any]:
        async def all_partitions() -> list[Any]:
            bus = Bus(self.settings)
            return [record for number in range(topic.partitions) for record in await bus.read(topic.name, number)]

        return asyncio.run(all_partitions())

    def counted(self) -> dict[str, list[tuple[int, bytes]]]:
        """By key: every count that was said, with its bytes, in the order of the bus."""
        said: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        for record in self.read(topics.DESK):
            said[record.key.decode()].append((orjson.loads(record.value)["n"], record.value))
        return said

    def await_counts(self) -> dict[str, list[tuple[int, bytes]]]:
        """What was said, once all that was sent has been counted."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            said = self.counted()
            if all(len({n for n, _ in said[key]}) >= count for key, count in self.sent.items()):
                return said
            assert time.monotonic() < deadline, (
                f"not all was counted; the last worker said:\n{self.log(len(self.running) - 1)[-3000:]}"
            )
            time.sleep(0.5)

    def assert_exact(self) -> None:
        """Every record counted once: no gap, no count too many, nothing said under one id with two meanings."""
        said = self.await_counts()
        assert set(said) == set(self.sent)
        for key, count in self.sent.items():
            assert {n for n, _ in said[key]} == set(range(1, count + 1))
            assert len(set(said[key])) == count, "one count was said with two meanings"

    def stop(self) -> None:
        for child in self.running:
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.kill()
                child.wait(10)


@pytest.fixture
def bench(kafka: Any, settings_for: Any, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(settings_for(kafka), tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("point", ["before-outputs", "after-outputs", "after-state"])
def test_a_worker_killed_at_any_point_goes_on_where_its_state_is(bench: Bench, point: str) -> None:
    killed = bench.start(point)
    bench.feed(1500, seconds=3.0)
    assert killed.wait(30) == -signal.SIGKILL
    bench.start()
    bench.feed(200)
    bench.assert_exact()


def test_a_worker_stopped_politely_ends_well_and_nothing_is_said_twice(bench: Bench) -> None:
    child = bench.start()
    bench.feed(600, seconds=3.0)
    time.sleep(1.0)
    began = time.monotonic()
    child.terminate()
    assert child.wait(20) == 0
    assert time.monotonic() - began < 10.0
    bench.start()
    bench.feed(100)
    bench.assert_exact()
    assert all(len(said) == bench.sent[key] for key, said in bench.counted().items())


def test_partitions_that_move_between_two_workers_keep_their_counts(bench: Bench) -> None:
    first = bench.start()
    bench.feed(600, seconds=3.0)
    second = bench.start()
    bench.feed(1200, seconds=6.0)
    second.kill()
    bench.feed(600, seconds=3.0)
    assert first.poll() is None
    bench.assert_exact()


def test_a_worker_that_wakes_up_late_changes_nothing(bench: Bench) -> None:
    sleeper = bench.start()
    bench.feed(600, seconds=2.0)
    bench.await_counts()
    sleeper.send_signal(signal.SIGSTOP)
    bench.feed(300)
    bench.start()
    bench.feed(300, seconds=2.0)
    bench.await_counts()
    sleeper.send_signal(signal.SIGCONT)
    bench.feed(600, seconds=4.0)
    bench.assert_exact()


def test_where_the_groups_offset_ran_ahead_of_the_state_reading_goes_back(bench: Bench) -> None:
    child = bench.start()
    bench.feed(300)
    bench.await_counts()
    child.terminate()
    assert child.wait(20) == 0
    bench.feed(300)
    name = bench.settings.topic_name(topics.QUEUE_PANES)
    settings = broker.confluent_group_settings(bench.settings, "counting")
    member = Consumer({**settings, "enable.auto.commit": False})
    ends = [
        TopicPartition(name, number, member.get_watermark_offsets(TopicPartition(name, number), timeout=5)[1])
        for number in range(PARTITIONS)
    ]
    member.commit(offsets=ends, asynchronous=False)
    member.close()
    bench.start()
    bench.feed(100, seconds=3.0)
    bench.assert_exact()


def test_a_static_member_killed_is_back_without_waiting_for_its_session(bench: Bench) -> None:
    child = bench.start(instance_id="worker-0", session_timeout_seconds=30.0, rebalance_timeout_seconds=30.0)
    bench.feed(200)
    bench.await_counts()
    child.kill()
    child.wait()
    began = time.monotonic()
    bench.start(instance_id="worker-0", session_timeout_seconds=30.0, rebalance_timeout_seconds=30.0)
    bench.feed(100)
    bench.assert_exact()
    assert time.monotonic() - began < 20.0


def test_a_broker_that_comes_back_finds_the_worker_where_it_was(
    own_kafka: Any, settings_for: Any, tmp_path: Path
) -> None:
    bench = Bench(settings_for(own_kafka), tmp_path)
    try:
        child = bench.start()
        bench.feed(300)
        bench.await_counts()
        own_kafka.kill()
        time.sleep(6.0)
        assert child.poll() is None, bench.log()[-3000:]
        own_kafka.start()
        bench.feed(300)
        bench.assert_exact()
        assert child.poll() is None
    finally:
        bench.stop()


def test_a_record_that_stops_us_twice_is_set_aside_and_the_others_go_on(bench: Bench) -> None:
    first = bench.start()
    bench.feed(100)
    bench.await_counts()
    bench.feed(1, tenant="defect")
    assert first.wait(20) == 1
    del bench.sent["defect"]
    second = bench.start()
    bench.feed(100)
    bench.assert_exact()
    assert second.poll() is None
    noted = [codec.decode(Defect, record.value) for record in bench.read(topics.DEFECTS)]
    assert [(defect.topic, defect.tenant, defect.attempt) for defect in noted] == [
        ("queue-panes", "defect", 1),
        ("queue-panes", "defect", 2),
    ]
    assert "set aside" in bench.log(1)


def test_the_state_on_the_embedded_broker_is_read_back_whole(
    embedded_broker: Any, settings_for: Any, tmp_path: Path
) -> None:
    bench = Bench(settings_for(embedded_broker), tmp_path)
    try:
        child = bench.start()
        bench.feed(300, seconds=2.0)
        bench.await_counts()
        child.kill()
        bench.start()
        bench.feed(100)
        bench.assert_exact()
    finally:
        bench.stop()
