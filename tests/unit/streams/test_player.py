"""Order, heartbeats and pace of a play, without a broker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest

from schemas import codec
from schemas.base import QueueRef
from schemas.contact import ContactEvent
from schemas.errors import BadConfig
from schemas.workforce import Workforce
from streams import clock, config, player
from streams.player import Happening, Lane, Pace, Sending, sendings

NOON = datetime(2026, 3, 3, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def event(seconds: float, channel: str = "voice") -> ContactEvent:
    return ContactEvent(
        type="offered",
        occurred_at=at(seconds),
        source="feed-0",
        event_id=f"e{seconds}",
        contact_id="c",
        tenant="acme",
        channel=channel,
        queue="orders",
    )


def a_lane(channel: str = "voice", partitions: int = 2, pane_seconds: int = 10, lateness_seconds: float = 10) -> Lane:
    settings = config.Channel(pane_seconds=pane_seconds, partitions=partitions, lateness_seconds=lateness_seconds)
    return player.lane("acme", channel, settings)


def told(happenings: list[Happening], lanes: list[Lane], start: datetime = NOON) -> list[Sending]:
    return list(sendings(happenings, lanes, "feed-0", start))


def beats(records: list[Sending], topic: str = "contact-events.voice", partition: int = 0) -> list[float]:
    return [(r.at - NOON).total_seconds() for r in records if r.topic == topic and r.partition == partition]


def test_a_heartbeat_goes_to_every_partition_each_half_pane_and_ends_lateness_and_two_panes_after_the_last() -> None:
    records = told([event(1), event(12)], [a_lane()])
    assert beats(records, partition=0) == beats(records, partition=1)
    regular = beats(records)[:-1]
    assert regular == [0, 5, 10, 15, 20, 25, 30, 35, 40]
    assert beats(records)[-1] == 12 + 10 + 20


def test_a_pane_longer_than_silence_may_last_is_heartbeaten_often_enough_to_be_known() -> None:
    lane = a_lane(pane_seconds=300)
    assert lane.unknown_after == timedelta(seconds=30)
    gaps = [b - a for a, b in zip(beats(told([event(1)], [lane])), beats(told([event(1)], [lane]))[1:], strict=False)]
    assert max(gaps) <= 30


def test_a_heartbeat_follows_all_that_came_before_it_and_goes_before_what_comes_with_it() -> None:
    records = told([event(4.999), event(5), event(5.001)], [a_lane(partitions=1)])
    order = [(r.partition is not None, (r.at - NOON).total_seconds()) for r in records]
    assert order[:5] == [(True, 0), (False, 4.999), (True, 5), (False, 5), (False, 5.001)]


def test_channels_are_interleaved_in_one_order_of_time_and_all_are_heartbeaten_while_silent() -> None:
    lanes = [a_lane("voice"), a_lane("chat", pane_seconds=60)]
    records = told([event(1, "voice"), event(61, "chat"), event(62, "voice")], lanes)
    assert [r.at for r in records] == sorted(r.at for r in records)
    chat = beats(records, "contact-events.chat")
    assert chat[:4] == [30, 60, 90, 120]  # one covers the half minute before it
    assert chat[-1] == 62 + 10 + 120


def test_a_play_that_starts_inside_a_pane_covers_that_pane_from_its_border() -> None:
    assert beats(told([event(7)], [a_lane()], start=at(7)))[0] == 0


@pytest.mark.parametrize(("pane", "unknown"), [(300, 30), (60, 40), (900, 900), (10, 7)])
def test_a_play_of_long_panes_says_nothing_of_the_time_before_it_and_stands_on_each_border(
    pane: int, unknown: int
) -> None:
    lane = msgspec.structs.replace(a_lane(pane_seconds=pane), unknown_after=timedelta(seconds=unknown))
    for start in (0.0, 7.0, 8.25):
        heard = beats(told([event(start), event(5 * pane)], [lane], start=at(start)))
        assert start <= heard[0] - unknown < start + pane / 2  # a heartbeat covers so much before it
        assert set(range(-(-int(heard[0]) // pane) * pane, 5 * pane + 1, pane)) <= set(heard)
        assert max(after - before for before, after in pairwise(heard)) <= unknown


def test_a_heartbeat_says_the_source_all_queues_and_its_time_and_has_its_own_identity() -> None:
    first, second = [r for r in told([event(1)], [a_lane()]) if r.at == NOON]
    beat = codec.decode(ContactEvent, first.value)
    assert (beat.type, beat.tenant, beat.channel, beat.source, beat.queues) == (
        "heartbeat",
        "acme",
        "voice",
        "feed-0",
        ["*"],
    )
    assert beat.occurred_at == NOON
    assert (first.partition, second.partition) == (0, 1)


def test_an_event_is_keyed_by_tenant_and_queue_with_its_time_in_the_headers() -> None:
    record = next(r for r in told([event(1.5)], [a_lane()]) if r.partition is None)
    assert record.key == b"acme|orders"
    heads = dict(record.headers)
    assert heads["ce_time"] == b"2026-03-03T12:00:01.500000Z"
    assert heads["ce_id"] == b"e1.5"


def test_agents_go_to_their_own_topic_in_the_same_order_of_time() -> None:
    report = Workforce(
        tenant="acme",
        at=at(3),
        queue=QueueRef(channel="voice", queue="orders"),
        staffed=3,
        available=1,
        on_contact=2,
    )
    records = [r for r in told([event(1), report, event(4)], [a_lane()]) if r.partition is None]
    assert [r.topic for r in records] == ["contact-events.voice", "workforce", "contact-events.voice"]
    assert records[1].key == b"acme"


def test_a_play_of_nothing_still_closes_its_panes() -> None:
    assert beats(told([], [a_lane()]))[-1] == 30


def test_tenants_on_the_wall_clock_are_refused_all_at_once_with_the_setting_named() -> None:
    settings = config.load(environment={}, tenants={"good": {"clock": "event"}, "bad": {"clock": "system"}})
    with pytest.raises(BadConfig) as refused:
        player.check_event_clock(settings, ["good", "bad", "unheard-of"])
    assert [place for place, _ in refused.value.problems] == ["tenants.bad.clock", "tenants.unheard-of.clock"]


def test_pace_holds_events_back_by_event_time(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = [100.0]
    monkeypatch.setattr(clock, "elapsed", lambda: passed[0])
    pace = Pace(60.0)
    assert pace.due(at(0))
    assert not pace.due(at(120))
    passed[0] = 102.0
    assert pace.due(at(120))
    assert not pace.due(at(121))


def test_pace_stays_near_what_the_reader_has_seen() -> None:
    seen = [NOON]
    pace = Pace(seen=lambda: seen[0], ahead=timedelta(minutes=2))
    assert pace.due(at(120))
    assert not pace.due(at(121))
    seen[0] = at(1)
    assert pace.due(at(121))
