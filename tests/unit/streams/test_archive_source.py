"""What is handed on of what a consumer brings: ranges to their ends, what the broker left out or lost meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaConnectionError, OffsetOutOfRangeError

from schemas import topics
from schemas.errors import BadConfig, Unavailable
from streams import config
from streams.archive import source
from streams.archive.manifest import Manifest
from streams.archive.plan import Range, Todo
from streams.archive.rows import Taken
from streams.archive.source import Plan

SETTINGS = config.load(environment={}, broker={"topic_prefix": "x."}, channels={"voice": {"partitions": 2}})
VOICE = "contact-events.voice"
PLACE = TopicPartition(f"x.{VOICE}", 0)


class Broker:
    """A consumer of one partition with these offsets; those before `gone` are thrown away at poll `gone_at`."""

    def __init__(self, offsets: list[int], end: int, gone: int = 0, gone_at: int = 0) -> None:
        self.offsets, self.end = offsets, end
        self.at, self.polls = 0, 0
        self.gone, self.gone_at = gone, gone_at
        self.paused: list[TopicPartition] = []

    def assign(self, places: list[TopicPartition]) -> None:
        assert places == [PLACE]

    def seek(self, _place: TopicPartition, offset: int) -> None:
        self.at = offset

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        self.polls += 1
        if (self.gone and self.polls >= self.gone_at and self.at < self.gone) or self.at > self.end:
            raise OffsetOutOfRangeError({PLACE: self.at})
        found = [offset for offset in self.offsets if offset >= self.at][:3]
        self.at = found[-1] + 1 if found else self.end
        records = [ConsumerRecord(PLACE.topic, 0, 0, n, 5, 1, b"k", b"v", [], None, 1, 1, -1) for n in found]
        return {PLACE: records} if records else {}

    def position(self, _place: TopicPartition) -> int:
        return self.at

    def beginning_offsets(self, _places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {PLACE: self.gone}

    def pause(self, place: TopicPartition) -> None:
        self.paused.append(place)


class Heard(NamedTuple):
    taken: list[tuple[int, int, list[int]]]
    lost: list[tuple[int, int]]

    def take(self, of: Range, records: Taken) -> None:
        self.taken.append((of.begin, of.end, list(records.offsets)))

    def lose(self, of: Range) -> None:
        self.lost.append((of.begin, of.end))


def read(consumer: Any, *ranges: tuple[int, int]) -> Heard:
    wanted = Todo([Range(VOICE, 0, begin, end) for begin, end in ranges], [])
    heard = Heard([], [])
    source.read(consumer, SETTINGS, Plan({VOICE: Manifest(topic=VOICE)}, {VOICE: [wanted]}, {}), heard)
    return heard


def test_ranges_are_read_to_their_ends_and_no_further() -> None:
    consumer = Broker(list(range(20)), 20)
    assert read(consumer, (2, 6), (9, 10)).taken == [(2, 5, [2, 3, 4]), (5, 6, [5]), (9, 10, [9])]
    assert consumer.paused == [PLACE]


def test_offsets_that_the_broker_left_out_belong_to_the_range() -> None:
    assert read(Broker([0, 1, 7], 10), (0, 10)).taken == [(0, 8, [0, 1, 7]), (8, 10, [])]


def test_what_retention_takes_while_it_is_read_is_noted_and_the_reading_goes_on() -> None:
    heard = read(Broker(list(range(10)), 10, gone=7, gone_at=2), (0, 5), (6, 9))
    assert heard == ([(0, 3, [0, 1, 2]), (7, 9, [7, 8])], [(3, 5), (6, 7)])


def test_a_topic_that_ends_before_what_was_read_of_it_is_refused() -> None:
    with pytest.raises(Unavailable, match="ends before what was read of it"):
        read(Broker([], 3), (5, 9))


def test_a_broker_that_goes_away_or_is_silent_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: Any) -> Any:
        raise KafkaConnectionError("gone")

    consumer = Broker([0], 1)
    monkeypatch.setattr(consumer, "poll", away)
    with pytest.raises(Unavailable, match="gone"):
        read(consumer, (0, 1))
    silent = Broker([], 0)
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr(source.clock, "elapsed", lambda: float(next(now)))
    with pytest.raises(Unavailable, match="nothing came for 30 s"):
        read(silent, (0, 5))


@pytest.mark.parametrize(
    ("names", "has"),
    [
        ((), lambda found: {VOICE, "queue-panes", "desk", "incidents", "notifications"} <= found),
        (("contact-events", "desk"), lambda found: found == {VOICE, "desk"}),
        (("desk", "desk"), lambda found: found == {"desk"}),
    ],
)
def test_topics_are_chosen_by_name(names: tuple[str, ...], has: Callable[[set[str]], bool]) -> None:
    found = [topic.name for topic in source.chosen(SETTINGS, names)]
    assert has(set(found)) and len(found) == len(set(found))
    assert topics.DETECT_STATE.name not in found


def test_a_topic_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadConfig, match=r"there is no panes; there are .*queue-panes"):
        source.chosen(SETTINGS, ["panes"])
