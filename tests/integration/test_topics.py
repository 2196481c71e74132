"""Topics on real brokers: made, put right, and refused where only a person can decide."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from schemas import topics
from schemas.errors import BadConfig
from streams import broker
from streams.config import Settings

SMALL: dict[str, Any] = {"channels": {"voice": {"partitions": 2}}}


def make(settings: Settings, topic: NewTopic) -> AdminClient:
    """As somebody else would make it."""
    admin = AdminClient(broker.confluent_settings(settings))
    admin.create_topics([topic])[topic.topic].result(10)
    while topic.topic not in admin.list_topics(timeout=10).topics:
        time.sleep(0.02)
    return admin


def test_topics_are_made_once_and_found_right_the_second_time(kafka: Any, settings_for: Any) -> None:
    settings = settings_for(kafka, topics=False, **SMALL)
    assert {problem.kind for problem in broker.check_topics(settings)} == {"missing"}

    first = broker.apply_topics(settings)
    assert set(first.created) == {settings.topic_name(topic) for topic in settings.all_topics()}
    assert broker.check_topics(settings) == []

    second = broker.apply_topics(settings)
    assert (second.created, second.altered, second.problems) == ([], {}, [])
    assert sorted(second.right) == sorted(first.created)


def test_a_topic_setting_that_somebody_changed_is_named_and_put_right(kafka: Any, settings_for: Any) -> None:
    settings = settings_for(kafka, topics=False, **SMALL)
    name = settings.topic_name(topics.INCIDENTS)
    make(settings, NewTopic(name, num_partitions=4, config={"retention.ms": "1000"}))

    (problem,) = (problem for problem in broker.check_topics(settings) if problem.topic == name)
    assert problem.kind == "config"
    assert "cleanup.policy is delete, compact,delete is wanted" in problem.text
    assert "retention.ms is 1000, 7776000000 is wanted" in problem.text
    assert not problem.stops_work

    applied = broker.apply_topics(settings)
    assert applied.altered[name]["retention.ms"] == ("1000", "7776000000")
    assert broker.check_topics(settings) == []


def test_another_number_of_partitions_is_refused_before_anything_changes(kafka: Any, settings_for: Any) -> None:
    settings = settings_for(kafka, topics=False, **SMALL)
    name = settings.topic_name("contact-events.voice")
    admin = make(settings, NewTopic(name, num_partitions=3))

    with pytest.raises(BadConfig, match=r"has 3 partitions, 2 are wanted: set channels\.voice\.partitions to 3"):
        broker.apply_topics(settings)
    mine = [found for found in admin.list_topics(timeout=10).topics if found.startswith(settings.broker.topic_prefix)]
    assert mine == [name]


def test_a_worker_is_told_every_missing_topic_and_the_command_that_makes_them(kafka: Any, settings_for: Any) -> None:
    settings = settings_for(kafka, topics=False, **SMALL)
    with pytest.raises(BadConfig) as raised:
        broker.refuse_without_topics(settings)
    assert len(raised.value.problems) == len(settings.all_topics())
    where, what = raised.value.problems[0]
    assert where == f"topic {settings.topic_name(settings.all_topics()[0])}"
    assert what == "is not on the broker: breakwater topics apply"


def test_fewer_replicas_than_wanted_are_named_and_stop_nothing(kafka: Any, settings_for: Any) -> None:
    settings = settings_for(kafka, **SMALL)
    wanting = settings.model_copy(update={"broker": settings.broker.model_copy(update={"replication": 2})})
    found = broker.check_topics(wanting)
    assert {problem.kind for problem in found} == {"replication"}
    assert not any(problem.stops_work for problem in found)
    assert broker.apply_topics(wanting).problems == found


def test_the_embedded_broker_has_the_topics_and_is_not_asked_what_it_cannot(
    embedded_broker: Any, settings_for: Any
) -> None:
    settings = settings_for(embedded_broker, topics=False, **SMALL)
    assert {problem.kind for problem in broker.check_topics(settings)} == {"missing"}
    assert len(broker.apply_topics(settings).created) == len(settings.all_topics())
    assert broker.check_topics(settings) == []
    assert broker.apply_topics(settings).created == []


def test_two_that_apply_at_the_same_moment_both_succeed(kafka: Any, settings_for: Any) -> None:
    settings = settings_for(kafka, topics=False, **SMALL)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(broker.apply_topics, settings) for _ in range(2)]
        created = [name for applied in both for name in applied.result().created]
    assert sorted(created) == sorted(settings.topic_name(topic) for topic in settings.all_topics())
    assert broker.check_topics(settings) == []
