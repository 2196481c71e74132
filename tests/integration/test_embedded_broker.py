"""The broker inside the demo: it starts, it is ours, it stays small, it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from schemas import topics
from schemas.errors import Unavailable
from streams import broker
from streams.config import Embedded
from streams.embedded import EmbeddedBroker

pytestmark = pytest.mark.embedded
PARENT = """
import time
from streams import embedded, telemetry
telemetry.configure_logging("console")
print(embedded.EmbeddedBroker().start().pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def gone(pid: int, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def test_it_answers_within_seconds_and_is_gone_a_second_after_its_end() -> None:
    running = EmbeddedBroker()
    began = time.monotonic()
    running.start()
    assert time.monotonic() - began < 5
    pid = running.pid
    assert pid is not None
    assert 0 < running.rss_bytes() < 200_000_000
    began = time.monotonic()
    running.stop()
    assert time.monotonic() - began < 2
    assert gone(pid)
    running.stop()  # the second time is no error


def test_it_stops_in_time_with_clients_connected(embedded_broker: EmbeddedBroker, settings_for: Any) -> None:
    settings = settings_for(embedded_broker, channels={"voice": {"partitions": 1}})
    producer = Producer({**broker.confluent_settings(settings), "log_level": 0, "error_cb": lambda _: None})
    producer.produce(settings.topic_name(topics.TOOL_HEALTH), b"x")
    assert producer.flush(10) == 0
    pid = embedded_broker.pid
    began = time.monotonic()
    embedded_broker.stop()
    assert time.monotonic() - began < 2
    assert pid is not None
    assert gone(pid)


def test_a_port_that_is_taken_is_said_and_the_other_listener_is_not_taken_for_ours() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Unavailable, match="is taken"):
            EmbeddedBroker(Embedded(port=other.getsockname()[1])).start()


def test_another_broker_that_won_the_port_is_not_taken_for_ours(
    embedded_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.embedded._port", lambda _: embedded_broker.port)  # the probe came too early
    with pytest.raises(Unavailable, match=r"another broker answers|ended at once"):
        EmbeddedBroker().start()
    assert embedded_broker.pid is not None
    assert alive(embedded_broker.pid)


def test_it_is_ended_when_it_grows_over_its_limit() -> None:
    ended = threading.Event()
    said: list[str] = []

    def on_end(why: str) -> None:
        said.append(why)
        ended.set()

    with EmbeddedBroker(Embedded(memory_bytes_max=1_000_000), on_end) as running:
        pid = running.pid
        assert ended.wait(10)
        assert pid is not None
        assert gone(pid)
    assert "over embedded.memory_bytes_max = 1 MB" in said[0]


def test_its_death_is_told() -> None:
    ended = threading.Event()
    said: list[str] = []

    def on_end(why: str) -> None:
        said.append(why)
        ended.set()

    with EmbeddedBroker(on_end=on_end) as running:
        assert running.pid is not None
        os.kill(running.pid, signal.SIGKILL)
        assert ended.wait(10)
    assert "died with code -9" in said[0]


def test_its_end_on_our_word_is_no_news() -> None:
    said: list[str] = []
    with EmbeddedBroker(on_end=said.append):
        pass
    time.sleep(1.5)
    assert said == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_it_dies_with_a_parent_that_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        try:
            pid = int(parent.stdout.readline())
            assert alive(pid)
        finally:
            parent.kill()
    assert gone(pid)
