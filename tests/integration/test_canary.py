"""The test contact of an installation: counted by a real worker, learned by nobody. On Apache Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas import topics
from schemas.contact import CANARY
from schemas.errors import BadConfig, Unavailable
from streams import broker, canary, log_reader
from tests.running_worker import Running


def test_a_test_contact_is_counted_and_nobody_learns_from_it(kafka: Any, settings_for: Any, tmp_path: Path) -> None:
    settings = settings_for(kafka)
    broker.apply_topics(settings)
    worker = Running(settings, tmp_path / "worker", "--role", "ingest,detect")
    try:
        worker.ready()
        counted = canary.send_and_await(settings, "voice", 30.0)
        again = canary.send_and_await(settings, "chat", 30.0)
    finally:
        worker.stop()
    assert counted.pane.topic == topics.QUEUE_PANES.name
    assert again.pane != counted.pane
    for topic in (topics.DESK, topics.DETECT_STATE):
        assert not [one for one in log_reader.read_to_end(settings, [topic]) if CANARY.encode() in (one.value or b"")]


def test_without_a_worker_the_test_says_where_its_contact_lies(kafka: Any, settings_for: Any) -> None:
    settings = settings_for(kafka)
    broker.apply_topics(settings)
    with pytest.raises(Unavailable, match=r"contact-events.voice/\d/0 was not counted within 2 s"):
        canary.send_and_await(settings, "voice", 2.0)
    with pytest.raises(BadConfig, match="fax is none of the settings' channels"):
        canary.send_and_await(settings, "fax", 2.0)
