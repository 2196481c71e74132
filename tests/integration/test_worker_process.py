"""`breakwater worker` as an operator meets it: what it refuses, what it waits for, how it starts and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams import broker
from streams.config import Settings

ROOT = Path(__file__).parents[2]
Start = Callable[..., "Running"]


class Running:
    """One worker process; its log has one JSON object a line."""

    def __init__(self, settings: Settings, directory: Path, *arguments: str) -> None:
        directory.mkdir(exist_ok=True)
        tree = settings.model_dump(mode="json") | {"log_format": "json", "state_directory": str(directory / "var")}
        tree["web"] |= {"port": 0}
        (directory / "settings.yaml").write_text(yaml.safe_dump(tree))
        self._log = directory / "log"
        self.child = subprocess.Popen(
            [sys.executable, "-m", "streams", "worker", "--config", str(directory / "settings.yaml"), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=self._log.open("wb"),
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("BREAKWATER_")},
        )

    def log(self) -> str:
        return self._log.read_text()

    def lines(self, event: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def await_line(self, event: str, seconds: float = 20.0) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while not self.lines(event):
            assert time.monotonic() < deadline and self.child.poll() is None, self.log()[-3000:]
            time.sleep(0.1)
        return self.lines(event)[0]

    def ready(self, seconds: float = 20.0) -> str:
        """Its address, once it says that it is ready."""
        url = self.await_line("serving")["url"]
        deadline = time.monotonic() + seconds
        while True:
            code, text = get(f"{url}/readyz")
            if code == 200:
                return str(url)
            assert time.monotonic() < deadline, f"{text}\n{self.log()[-3000:]}"
            time.sleep(0.1)

    def stop(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(10)


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


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
    worker = start(settings, "--role", "respond")
    assert worker.child.wait(20) == 2
    assert "has 6 partitions, 4 are wanted" in worker.log()
