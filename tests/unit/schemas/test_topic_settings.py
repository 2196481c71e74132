"""What Kafka is told of a topic."""

from __future__ import annotations

from schemas import topics
from schemas.topics import DAY


def test_what_is_kept_by_key_is_compacted_and_with_a_retention_forgotten_in_time() -> None:
    for_ever, for_a_while, log = (topic.config() for topic in (topics.CENTRE, topics.INCIDENTS, topics.DESK))

    assert (for_ever["cleanup.policy"], for_ever["retention.ms"]) == ("compact", "-1")
    assert (for_a_while["cleanup.policy"], for_a_while["retention.ms"]) == ("compact,delete", str(90 * DAY * 1000))
    assert log["cleanup.policy"] == "delete"


def test_an_incident_and_what_was_told_of_it_are_forgotten_together() -> None:
    assert topics.INCIDENTS.retention_seconds == topics.NOTIFICATIONS.retention_seconds == 90 * DAY
