"""A topic that is being written is archived, and again; what is replayed from the archive is what the topic replays."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas import codec, topics
from schemas.topics import Topic, contact_events
from streams import broker, config, feed, history, mapping
from streams.__main__ import main
from streams.archive import reader
from streams.config import Settings
from streams.faust_handler import Arrival
from tests.conftest import HasBootstrap, SettingsFor
from tests.integration.test_replay_live import MAPPING, export
from tests.recorded import records, replayed

CHAT = contact_events("chat", 2)


def archive(settings: Settings, folder: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The figures of one run."""
    config.write_yaml(folder / "archive.yaml", settings.model_dump(mode="json", exclude_defaults=True))
    files = ("--config", str(folder / "archive.yaml"), "--json", str(folder / "figures.json"))
    with pytest.raises(SystemExit) as ended:
        main(["archive", str(folder / "kept" / "archive"), *files, *arguments])
    assert ended.value.code == code
    found: dict[str, Any] = json.loads((folder / "figures.json").read_bytes())
    return found


def archived(folder: Path, topic: str) -> list[Arrival]:
    return [plain(one) for one in reader.arrivals(folder / "kept" / "archive", topic)]


def on_the_bus(settings: Settings, topic: Topic) -> list[Arrival]:
    return [plain(one) for one in records(settings, topic)]


def plain(one: Arrival) -> Arrival:
    return one._replace(headers=[(name, value or b"") for name, value in one.headers])


def put(settings: Settings, topic: str, values: Iterable[bytes], key: str = "acme", **where: int) -> None:
    producer = Producer({**broker.confluent_settings(settings), "partitioner": "murmur2_random", "acks": "all"})
    for value in values:
        producer.produce(settings.topic_name(topic), value, key, headers=[("ce_id", b"1"), ("none", None)], **where)
    assert producer.flush(30) == 0


def told_again(settings: Settings, folder: Path, topic: str) -> Path:
    """The folder that `breakwater replay` of the archive leaves."""
    (folder / topic).mkdir()
    return replayed(str(folder / "kept" / "archive"), settings, folder / topic, "--topic", topic)


def same_files(one: Path, other: Path) -> None:
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in other.iterdir())
    assert [name for name in names if (one / name).read_bytes() != (other / name).read_bytes()] == []


@pytest.mark.timeout(240)
def test_what_is_replayed_from_an_archive_of_several_runs_is_what_the_topic_replays(
    kafka: HasBootstrap, settings_for: SettingsFor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = {"pane_seconds": 1800, "unknown_after_seconds": 1800, "partitions": 2}
    settings = settings_for(kafka, tenants={"acme": {"clock": "event"}}, channels={"chat": channel})
    export(tmp_path / "days.csv")
    (tmp_path / "map.yaml").write_text(MAPPING)
    with feed.read(tmp_path / "days.csv", mapping.load(tmp_path / "map.yaml"), settings) as (events, _):
        writing = threading.Thread(target=feed.feed, args=(events, settings, "feed-0"))
        writing.start()
        while writing.is_alive():
            archive(settings, tmp_path, "--topic", "contact-events")
        panes = [codec.encode(record) for record in history.of_export(events, settings, "acme")]
    put(settings, "queue-panes", panes[: len(panes) // 2])
    archive(settings, tmp_path)
    put(settings, "queue-panes", panes[len(panes) // 2 :])
    assert archive(settings, tmp_path, "--topic", "queue-panes")["records"] == len(panes) - len(panes) // 2
    assert archive(settings, tmp_path)["records"] == 0
    assert archived(tmp_path, CHAT.name) == on_the_bus(settings, CHAT)
    assert archived(tmp_path, "queue-panes") == on_the_bus(settings, topics.QUEUE_PANES)

    there = replayed("topic:queue-panes", settings, tmp_path)
    same_files(told_again(settings, tmp_path, "queue-panes"), there)
    signals = (there / "signals.jsonl").read_bytes().splitlines()
    assert signals, "nothing happened"
    put(settings, "desk", signals)
    archive(settings, tmp_path, "--topic", "desk")
    same_files(told_again(settings, tmp_path, "desk"), replayed("topic:desk", settings, tmp_path))
    of_export = replayed(str(tmp_path / "days.csv"), settings, tmp_path, "--map", str(tmp_path / "map.yaml"))
    of_archive = told_again(settings, tmp_path, "contact-events")
    assert (of_archive / "signals.jsonl").read_bytes() == (of_export / "signals.jsonl").read_bytes()
    capsys.readouterr()

    _retention_takes_what_was_not_archived(settings, tmp_path)
    assert "were gone before they were archived" in capsys.readouterr().err
    _a_topic_made_anew_is_refused(settings, tmp_path)
    assert "was deleted and made anew" in capsys.readouterr().err


def _retention_takes_what_was_not_archived(settings: Settings, folder: Path) -> None:
    put(settings, CHAT.name, [b"{}"] * 10, partition=1)
    before = on_the_bus(settings, CHAT)
    end = before[-1].offset + 1
    admin = AdminClient(broker.confluent_settings(settings))
    for answer in admin.delete_records([TopicPartition(settings.topic_name(CHAT), 1, end - 4)]).values():
        answer.result(30)
    figures = archive(settings, folder, "--topic", "contact-events")
    assert (figures["records"], figures["lost_offsets"]) == (4, 6)
    assert figures["topics"][CHAT.name]["lost"] == [{"partition": 1, "begin": end - 10, "end": end - 4}]
    assert archive(settings, folder)["lost_offsets"] == 0  # it is in the manifest
    assert archived(folder, CHAT.name) == [one for one in before if (one.partition, one.offset) < (1, end - 10)] + [
        one for one in before if (one.partition, one.offset) >= (1, end - 4)
    ]


def _a_topic_made_anew_is_refused(settings: Settings, folder: Path) -> None:
    there = archived(folder, "desk")
    admin = AdminClient(broker.confluent_settings(settings))
    admin.delete_topics([settings.topic_name("desk")])[settings.topic_name("desk")].result(30)
    broker.apply_topics(settings)
    put(settings, "desk", [b"{}"] * 2 * len(there))
    archive(settings, folder, "--topic", "desk", code=2)
    assert archived(folder, "desk") == there
