"""What `breakwater doctor` finds on a real broker, right and wrong. On Apache Kafka."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas import topics
from schemas.contact import ContactEvent
from streams import broker, clock, config, doctor
from streams.config import Settings
from streams.doctor import Finding
from streams.publish import publish
from tests.running_worker import Running


def by_what(settings: Settings, **asked: Any) -> dict[str, Finding]:
    return {finding.what: finding for finding in doctor.examine(settings, **asked)}


def test_nothing_is_wrong_with_a_deployment_that_works(kafka: Any, settings_for: Any, tmp_path: Path) -> None:
    settings = settings_for(kafka, notify={"file": {"path": str(tmp_path / "notices.jsonl")}})
    broker.apply_topics(settings)
    worker = Running(settings, tmp_path / "worker")
    try:
        worker.ready(60.0)
        found = by_what(settings, test_channel="voice", page=True)
    finally:
        worker.stop()
    assert [one for one in found.values() if one.state == "wrong"] == []
    assert {"broker", "topics", "rights", "role ingest", "role detect", "role notify", "counting"} <= set(found)
    assert found["sink file"].text == "the test page arrived and was resolved"
    assert "Test page" in (tmp_path / "notices.jsonl").read_text()


def test_each_thing_that_is_wrong_is_said_with_what_to_do(kafka: Any, settings_for: Any) -> None:
    there = settings_for(kafka)
    settings = there.model_copy(update={"broker": there.broker.model_copy(update={"topic_prefix": "elsewhere."})})
    found = by_what(settings)
    assert found["sinks"].fix.startswith("give at least one section of `notify`")
    missing = found[f"topic {settings.topic_name(topics.DESK)}"]
    assert missing.fix == "breakwater topics apply"
    assert found["role detect"].fix == "start one: breakwater worker --role detect"


def test_a_source_whose_clock_is_ahead_is_found(kafka: Any, settings_for: Any) -> None:
    settings = settings_for(kafka)
    broker.apply_topics(settings)
    ahead = clock.now() + timedelta(seconds=40)
    event = ContactEvent(
        type="offered", occurred_at=ahead, source="s", event_id="1", tenant="t", channel="voice", queue="q"
    )
    topic = topics.contact_events("voice", settings.channels["voice"].partitions)
    publish(settings, topic, event, key="t|q", id="1", source="test", time=ahead)
    found = by_what(settings)["clocks of voice"]
    assert found.state == "wrong"
    assert "a source is 4" in found.text or "a source is 3" in found.text


def test_a_broker_that_is_away_is_the_only_thing_that_is_said() -> None:
    found = by_what(config.load(environment={}, broker={"bootstrap": ["127.0.0.1:9"]}))
    assert found["broker"].state == "wrong"
    assert set(found) == {"sinks", "broker"}


@pytest.mark.parametrize("what", ["rights", "topics"])
def test_rights_are_told_from_missing_topics(kafka: Any, settings_for: Any, what: str) -> None:
    settings = settings_for(kafka)
    broker.apply_topics(settings)
    assert by_what(settings)[what].state == "right"
