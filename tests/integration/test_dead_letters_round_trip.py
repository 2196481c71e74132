"""Dead letters on a broker: listed with their reasons, sent back whole and once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from confluent_kafka import Producer

from schemas.errors import BadConfig, BadMessage
from streams import broker, dead_letters, letterbox, log_reader
from streams.__main__ import breakwater
from streams.config import Settings

CHANNELS: dict[str, Any] = {"voice": {"partitions": 3}}
SOURCE = "contact-events.voice"


@pytest.fixture(params=["kafka", "embedded_broker"])
def settings(request: pytest.FixtureRequest, settings_for: Any) -> Settings:
    made: Settings = settings_for(request.getfixturevalue(request.param), channels=CHANNELS)
    return made


def set_aside(settings: Settings, letters: list[dead_letters.DeadLetter]) -> None:
    producer = Producer(broker.confluent_settings(settings))
    for letter in letters:
        producer.produce(settings.topic_name(letter.topic), letter.value, letter.key, headers=letter.headers)
    assert producer.flush(10) == 0


def letter_of(offset: int, value: bytes | None, reason: str = "not-json", **more: Any) -> dead_letters.DeadLetter:
    error = BadMessage(reason, "$", "why it is so")
    headers = [("ce_id", b"e-%d" % offset)]
    return dead_letters.record(SOURCE, offset % 3, offset, b"northwind|orders", value, headers, error, **more)


def sent_back(settings: Settings) -> list[log_reader.Record]:
    source = next(topic for topic in settings.all_topics() if topic.name == SOURCE)
    return sorted(log_reader.read_to_end(settings, [source]), key=lambda record: record.headers)


def run(settings: Settings, tmp_path: Path, *arguments: str) -> Result:
    """The command as a person runs it, with these settings in a file."""
    file = tmp_path / "breakwater.yaml"
    tree = settings.model_dump(mode="json", include={"broker", "channels"}, exclude_none=True)
    file.write_text(yaml.safe_dump(tree))
    return CliRunner().invoke(breakwater, ["dead-letters", *arguments, "--config", str(file)], catch_exceptions=False)


def test_letters_go_back_whole_to_their_partition_and_only_once(settings: Settings, tmp_path: Path) -> None:
    values = {0: b'{"type": "off', 1: b"\xff\x00", 2: None, 3: b""}
    set_aside(settings, [letter_of(offset, value) for offset, value in values.items()])

    first = run(settings, tmp_path, "replay", "--topic", SOURCE)
    assert first.exit_code == 0, first.output
    assert "Sent 4 records back" in first.output
    assert [(r.partition, r.key, r.value, r.headers) for r in sent_back(settings)] == [
        (offset % 3, b"northwind|orders", value, [("ce_id", b"e-%d" % offset)]) for offset, value in values.items()
    ]

    again = run(settings, tmp_path, "replay", "--all", "--json", str(tmp_path / "again.json"))
    assert again.exit_code == 0
    assert json.loads((tmp_path / "again.json").read_text()) == {
        "sent": 0,
        "sent_before": 4,
        "refused_truncated": 0,
        "dry_run": False,
    }
    assert len(sent_back(settings)) == 4


def test_the_list_counts_by_reason_and_shows_each_letter_once(settings: Settings, tmp_path: Path) -> None:
    letters = [letter_of(0, b"a"), letter_of(1, b"b"), letter_of(2, b"c", reason="future")]
    set_aside(settings, [*letters, letters[0]])  # a restart may write a letter again
    run(settings, tmp_path, "replay", f"{SOURCE}/1/1")

    listed = run(settings, tmp_path, "list", "--json", str(tmp_path / "list.json"))
    assert f"{SOURCE}/2/2" in listed.output
    assert "sent back" in listed.output
    figures = json.loads((tmp_path / "list.json").read_text())
    assert (figures["dead_letters"], figures["sent_back"]) == (3, 1)
    assert figures["by_reason"] == [
        {"topic": SOURCE, "reason": "future", "count": 1},
        {"topic": SOURCE, "reason": "not-json", "count": 2},
    ]
    only = run(settings, tmp_path, "list", "--reason", "future", "--limit", "1")
    assert f"{SOURCE}/2/2" in only.output
    assert f"{SOURCE}/0/0" not in only.output


def test_a_letter_that_was_cut_stays_and_says_so(settings: Settings, tmp_path: Path) -> None:
    set_aside(settings, [letter_of(0, b"x" * 100, bytes_max=10), letter_of(1, b"whole")])
    done = run(settings, tmp_path, "replay", "--all")
    assert done.exit_code == 1
    assert "Sent 1 record back" in done.output
    assert "Too large to keep whole, to be written again at their source: 1 record." in done.output
    assert [record.value for record in sent_back(settings)] == [b"whole"]


def test_a_dry_run_sends_nothing(settings: Settings, tmp_path: Path) -> None:
    set_aside(settings, [letter_of(0, b"a")])
    done = run(settings, tmp_path, "replay", "--all", "--dry-run")
    assert "Would send 1 record back" in done.output
    assert sent_back(settings) == []


def test_one_letter_is_shown_whole(settings: Settings, tmp_path: Path) -> None:
    set_aside(settings, [letter_of(4, b'{"type": "off\xff', timestamp_milliseconds=1_764_000_000_000)])
    shown = run(settings, tmp_path, "show", f"{SOURCE}/1/4").output
    for words in ('{"type": "off\\xff', "not-json at $", "why it is so", "2025-11-24T16:00:00Z", "ce_id: e-4"):
        assert words in shown


def test_what_is_not_there_is_said(settings: Settings, tmp_path: Path) -> None:
    assert "There are no dead letters." in run(settings, tmp_path, "list").output
    with pytest.raises(BadConfig, match="no dead letter of this record"):
        run(settings, tmp_path, "show", f"{SOURCE}/0/77")
    with pytest.raises(BadConfig, match="has no dead letters; these have"):
        letterbox.boxes(settings, ["nowhere"])
