"""`breakwater worker` as an operator meets it: what it refuses, what it waits for, how it starts and ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streams import broker
from streams.config import Settings
from tests.running_worker import ROOT, Running, get

Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Running] = []

    def make(settings: Settings, *arguments: str) -> Running:
        running.append(Running(settings, tmp_path / f"worker-{len(running)}", *arguments))
        return running[-1]

    yield make
    for one in running:
        one.stop()


@pytest.mark.parametrize("role", ["all", "ingest", "detect", "respond", "notify", "web"])
def test_every_role_becomes_ready_and_ends_well_within_seconds(
    kafka: Any, settings_for: Any, start: Start, role: str
) -> None:
    worker = start(settings_for(kafka), "--role", role)
    url = worker.ready()
    assert get(f"{url}/healthz")[0] == 200
    assert get(f"{url}/metrics")[0] == 200
    began = time.monotonic()
    worker.child.send_signal(signal.SIGTERM)
    assert worker.child.wait(15) == 0, worker.log()[-3000:]
    assert time.monotonic() - began < 8.0
    assert worker.lines("stopped")


def test_a_worker_without_its_topics_ends_at_once_and_names_the_fix(
    kafka: Any, settings_for: Any, start: Start
) -> None:
    worker = start(settings_for(kafka, topics=False), "--role", "detect")
    assert worker.child.wait(20) == 2
    assert "breakwater topics apply" in worker.log()
    assert "queue-panes" in worker.log()


def test_the_embedded_broker_is_refused_without_the_flag(embedded_broker: Any, settings_for: Any, start: Start) -> None:
    settings = settings_for(embedded_broker)
    refused = start(settings, "--role", "detect")
    assert refused.child.wait(20) == 2
    assert "--allow-embedded" in refused.log()
    start(settings, "--role", "detect", "--allow-embedded").ready(40.0)


def test_a_broker_that_is_away_at_the_start_gets_one_line_and_is_waited_for(
    own_kafka: Any, settings_for: Any, start: Start
) -> None:
    settings = settings_for(own_kafka)
    own_kafka.kill()
    worker = start(settings, "--role", "detect")
    worker.await_line("waiting for the broker", 30.0)
    time.sleep(2.0)
    assert worker.child.poll() is None
    assert len(worker.lines("waiting for the broker")) == 1
    url = worker.lines("serving")[0]["url"]
    assert get(f"{url}/healthz")[0] == 200, "it would be restarted for an outage of the broker's"
    assert get(f"{url}/readyz") == (503, "waits for the broker\n")
    own_kafka.start()
    worker.ready(60.0)


def test_two_roles_of_one_kind_share_the_partitions(kafka: Any, settings_for: Any, start: Start) -> None:
    settings = settings_for(kafka)
    first = start(settings, "--role", "detect")
    first.ready()
    second = start(settings, "--role", "detect")
    second.ready()
    deadline = time.monotonic() + 20
    while True:
        counts = [worker.lines("partitions assigned")[-1]["count"] for worker in (first, second)]
        if counts == [2, 2]:
            break
        assert time.monotonic() < deadline, counts
        time.sleep(0.2)


def test_a_role_that_does_not_exist_is_wrong_use(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "streams", "worker", "--role", "detect,guess"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert ran.returncode == 2
    assert "guess is no role" in ran.stderr


def test_a_wrong_number_of_partitions_is_refused_before_anything_runs(
    kafka: Any, settings_for: Any, start: Start
) -> None:
    from confluent_kafka.admin import AdminClient, NewPartitions

    settings = settings_for(kafka)
    admin = AdminClient(broker.confluent_settings(settings))
    grown = NewPartitions(settings.topic_name("desk"), 6)
    admin.create_partitions([grown])[grown.topic].result(10)
    deadline = time.monotonic() + 10
    while len(admin.list_topics(grown.topic, 5).topics[grown.topic].partitions) != 6:
        assert time.monotonic() < deadline, "the broker does not show the partitions it made"
        time.sleep(0.1)
    worker = start(settings, "--role", "respond")
    assert worker.child.wait(20) == 2, worker.log()[-2000:]
    assert "has 6 partitions, 4 are wanted" in worker.log()
