"""The tests' own brokers: a node comes back on its storage, a cluster loses a leader."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Producer

from schemas import topics
from streams import broker, log_reader
from streams.config import Settings
from tools.kafka import KafkaCluster, KafkaNode

SMALL: dict[str, Any] = {"channels": {"voice": {"partitions": 1}}}


def write(settings: Settings, *values: bytes) -> None:
    producer = Producer({**broker.confluent_settings(settings), "acks": "all", "log_level": 0, "error_cb": _ignore})
    failed: list[str] = []
    for value in values:
        producer.produce(
            settings.topic_name(topics.TOOL_HEALTH),
            value,
            on_delivery=lambda error, _: failed.append(error.str()) if error else None,
        )
    assert producer.flush(60) == 0
    assert failed == []


def read(settings: Settings) -> set[bytes | None]:
    return {record.value for record in log_reader.read_to_end(settings, [topics.TOOL_HEALTH])}


def _ignore(_error: object) -> None: ...


def test_a_killed_node_comes_back_with_what_was_acknowledged(own_kafka: KafkaNode, settings_for: Any) -> None:
    settings = settings_for(own_kafka, **SMALL)
    write(settings, b"before")
    own_kafka.kill()
    assert not own_kafka.alive()
    own_kafka.restart()
    write(settings, b"after")
    assert read(settings) == {b"before", b"after"}


def test_a_cluster_keeps_acknowledged_records_when_a_node_is_lost(
    kafka_cluster: KafkaCluster, settings_for: Any
) -> None:
    settings = settings_for(kafka_cluster, **SMALL, broker={"replication": 3})
    assert broker.check_topics(settings) == []
    first = [b"before-%d" % n for n in range(50)]
    write(settings, *first)
    kafka_cluster.nodes[0].kill()
    second = [b"after-%d" % n for n in range(50)]
    write(settings, *second)
    assert read(settings) == {*first, *second}
