"""One test a sentence of docs/semantics.md, sections 1 and 2, as far as panes are concerned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from detectors.panes import PanePartition, PaneRules
from schemas.contact import ContactEvent
from schemas.errors import BadMessage
from schemas.pane import QueuePane

T0 = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RULES = PaneRules(event_clock=frozenset({"played"}))


class Log:
    """A log under the hand of the test: seconds after 08:00, arrival with the event unless it is said otherwise."""

    def __init__(self, rules: PaneRules = RULES, offset: int = 0, metadata: str | None = None) -> None:
        self.panes = PanePartition("voice", 1, rules, offset, metadata)
        self.offset = offset

    def put(self, seconds: float, arrival: float | None = None, **fields: Any) -> Any:
        """The verdict on one event; raises what is bad."""
        given = {
            "type": "offered",
            "occurred_at": T0 + timedelta(seconds=seconds),
            "source": "acd",
            "tenant": "acme",
            "channel": "voice",
            "queue": "billing",
        }
        return self.read(ContactEvent(**(given | fields)), seconds if arrival is None else arrival)

    def read(self, event: ContactEvent | Exception, arrival: float) -> Any:
        milliseconds = round(((T0 - EPOCH).total_seconds() + arrival) * 1000)
        noted = self.panes.feed([self.offset], [milliseconds], [event])
        self.offset += 1
        verdict = noted[0][1] if noted else "counted"
        if isinstance(verdict, BadMessage):
            raise verdict
        return verdict

    def beat(self, seconds: float, arrival: float | None = None, **fields: Any) -> Any:
        return self.put(seconds, arrival, type="heartbeat", queue="", **fields)

    def keep_time(self, arrival: float) -> Any:
        return self.beat(arrival, tenant="", source="breakwater-ingest")

    def take(self) -> list[QueuePane]:
        return [record for record, _ in self.panes.take()]

    def finals(self) -> list[QueuePane]:
        return [record for record in self.take() if record.final]


def start(record: QueuePane) -> float:
    return (record.pane_start - T0).total_seconds()


# ---- section 1


def test_offered_by_transfer_is_counted_apart_and_the_maps_count_arrivals_alone() -> None:
    log = Log()
    log.put(1, reason="refund", site="north", vip=True)
    log.put(1, transfer=True, reason="refund", vip=True)
    log.put(1, type="answered", reason="refund", vip=True)
    counts = log.take()[0].queues["billing"]
    assert (counts.offered, counts.offered_by_transfer, counts.answered, counts.vip) == (1, 1, 1, 1)
    assert counts.by_reason == {"refund": 1}
    assert counts.by_site == {"north": 1}


def test_times_are_summed_in_whole_milliseconds_with_their_number() -> None:
    log = Log()
    for wait in (0.1, 0.2, 0.7004):
        log.put(1, type="answered", wait_seconds=wait, handle_seconds=2 * wait)
    counts = log.take()[0].queues["billing"]
    assert (counts.wait_milliseconds, counts.wait_n) == (1000, 3)
    assert (counts.handle_milliseconds, counts.handle_n) == (2001, 3)


def test_negative_and_all_rated_sentiments_are_counted() -> None:
    log = Log()
    for sentiment in (-1.0, -0.01, 0.0, 1.0):
        log.put(1, type="rated", sentiment=sentiment)
    counts = log.take()[0].queues["billing"]
    assert (counts.rated, counts.sentiment_negative, counts.sentiment_n) == (4, 2, 4)


def test_a_heartbeat_counts_no_contact_and_its_pane_comes_out() -> None:
    log = Log()
    assert log.beat(3) == "heartbeat"
    record = next(record for record in log.take() if start(record) == 0)
    assert record.queues == {}
    assert record.sources["acd"].queues == ["*"]
    assert record.sources["acd"].delivered_to == T0 + timedelta(seconds=3)


def test_a_heartbeat_covers_back_to_the_one_before_it_and_at_most_unknown_after() -> None:
    log = Log(msgspec.structs.replace(RULES, unknown_after_seconds=15, lateness_seconds=40, idle_close_seconds=100))
    for seconds in (0, 15, 31, 40, 50):  # 16 s between the second and the third: one second is not covered
        log.beat(seconds)
    log.put(200)
    covers = {start(record): record.sources["acd"].covers for record in log.finals() if "acd" in record.sources}
    assert covers[0] is True
    assert covers[10] is False
    assert covers[20] is True
    assert covers[30] is True


def test_a_pane_shorter_than_the_distance_of_heartbeats_is_a_true_zero_and_comes_out() -> None:
    log = Log(msgspec.structs.replace(RULES, pane_seconds=1))
    for seconds in (0, 5, 10, 60):
        log.beat(seconds)
    finals = {start(record): record for record in log.finals()}
    assert [second for second in range(10) if finals[second].sources["acd"].covers] == list(range(10))
    assert all(record.queues == {} for record in finals.values())


def test_a_source_that_signs_off_owes_nothing_afterwards() -> None:
    log = Log()
    log.beat(0)
    log.beat(5)
    log.beat(8, last=True)
    log.put(25, source="other")
    finals = {start(record): record for record in log.finals()}
    assert finals[0].sources["acd"].covers
    assert finals[0].sources["acd"].last
    assert finals[0].sources["acd"].delivered_to == T0 + timedelta(seconds=8)
    log.put(60)
    later = {start(record): record for record in log.finals()}
    assert "acd" not in later[20].sources


def test_a_source_that_stops_without_a_word_does_not_cover() -> None:
    log = Log()
    log.beat(0)
    log.beat(8)
    log.put(25, source="other")
    final = next(record for record in log.finals() if start(record) == 0)
    assert not final.sources["acd"].covers
    assert not final.sources["acd"].last


def test_delivered_to_ends_with_the_pane() -> None:
    log = Log()
    log.beat(14)
    ends = {start(record): record.sources["acd"].delivered_to for record in log.take()}
    assert ends[0] == T0 + timedelta(seconds=10)
    assert ends[10] == T0 + timedelta(seconds=14)


# ---- section 2: time


def test_a_pane_closes_when_event_time_is_lateness_past_its_end() -> None:
    log = Log()
    log.put(3)
    log.put(19.999)
    assert log.finals() == []
    log.put(20)
    assert [start(record) for record in log.finals()] == [0]


def test_event_time_ahead_of_its_arrival_counts_as_arrival() -> None:
    log = Log()
    log.put(3)
    log.put(100, arrival=19)
    assert log.finals() == []


def test_one_tenants_fast_clock_never_touches_another() -> None:
    log = Log()
    log.put(3, arrival=25, tenant="slow")
    log.put(25, tenant="fast")
    assert log.finals() == []
    assert log.put(4, arrival=25, tenant="slow") == "counted"


def test_arrivals_of_anyone_close_panes_idle_close_later() -> None:
    log = Log()
    log.put(3)
    log.put(39.999, tenant="other")
    assert log.finals() == []
    log.put(40, tenant="other")
    assert [(record.tenant, start(record)) for record in log.finals()] == [("acme", 0)]


def test_a_time_keeping_heartbeat_and_a_record_that_cannot_be_read_move_time_as_well() -> None:
    for move in (lambda log: log.keep_time(40), lambda log: log.read(ValueError(), 40)):
        log = Log()
        log.put(3)
        move(log)
        assert [start(record) for record in log.finals()] == [0]


def test_the_arrival_rule_is_off_for_a_tenant_with_its_own_clock() -> None:
    log = Log()
    log.put(3, tenant="played")
    log.keep_time(4000)
    assert log.finals() == []
    log.put(20, arrival=4000, tenant="played")
    finals = log.finals()
    assert [start(record) for record in finals] == [0]
    assert finals[0].clock == "event"


def test_a_tenant_with_its_own_clock_gets_finals_alone_and_says_when_they_wait() -> None:
    log = Log()
    log.put(3, tenant="played")
    assert not log.panes.finals_wait
    assert log.take() == []
    log.put(20, tenant="played")
    assert log.panes.finals_wait
    assert [record.final for record in log.take()] == [True]
    assert not log.panes.finals_wait


# ---- section 2: records


def test_records_are_cumulative_and_carry_the_position_while_open() -> None:
    log = Log()
    log.put(1)
    first = log.take()
    log.put(2)
    second = log.take()
    assert [(record.version, record.queues["billing"].offered) for record in first + second] == [(1, 1), (2, 2)]
    assert log.take() == [], "what did not change is not said again"


def test_a_final_has_the_offset_of_its_closing_record_plus_one_and_its_pane_is_complete() -> None:
    log = Log(offset=100)
    log.put(1)
    log.put(20)
    final = log.finals()[0]
    assert (final.version, final.final, final.complete_to) == (102, True, T0 + timedelta(seconds=10))
    assert (final.partition, final.pane_seconds, final.silence) == (1, 10, "unknown")


def test_an_open_pane_is_complete_as_far_as_time_has_come() -> None:
    log = Log()
    log.put(1)
    assert log.take()[0].complete_to == T0
    log.put(16)
    log.put(9)
    ends = {start(record): record.complete_to for record in log.take()}
    assert ends == {0: T0 + timedelta(seconds=6), 10: T0 + timedelta(seconds=10)}


def test_a_record_over_its_bytes_is_split_by_queue_and_the_parts_fit() -> None:
    log = Log(msgspec.structs.replace(RULES, record_bytes_max=2_000))
    for n in range(100):
        log.put(1, queue=f"queue-{n}", reason=f"reason-{n}")
    parts = log.panes.take()
    assert [record.part for record, _ in parts] == list(range(len(parts)))
    assert {record.parts for record, _ in parts} == {len(parts)}
    assert len(parts) > 1
    assert max(len(value) for _, value in parts) <= 2_000
    assert sum(len(record.queues) for record, _ in parts) == 100


def test_one_queue_that_is_too_large_alone_keeps_its_smallest_names() -> None:
    log = Log(msgspec.structs.replace(RULES, record_bytes_max=2_000))
    for n in range(150):
        log.put(1, reason=f"a rather long reason with number {n:03d}")
    ((record, value),) = log.panes.take()
    counts = record.queues["billing"]
    assert len(value) <= 2_000
    assert counts.offered == 150
    assert sum(counts.by_reason.values()) == 150
    assert counts.by_reason["other"] > 0
    assert min(set(counts.by_reason) - {"other"}) == "a rather long reason with number 000"


# ---- section 2: bounds


def test_a_bounded_map_keeps_the_smallest_names_in_byte_order() -> None:
    rules = msgspec.structs.replace(RULES, names_a_map_max=2)
    for order in (["b", "é", "a", "c", "a"], ["é", "c", "a", "b", "a"]):
        log = Log(rules)
        for reason in order:
            log.put(1, reason=reason)
        assert log.take()[0].queues["billing"].by_reason == {"a": 2, "b": 1, "other": 2}
        assert log.panes.over["names"] == 2


def test_queues_beyond_the_bound_are_counted_under_other_whole() -> None:
    log = Log(msgspec.structs.replace(RULES, queues_a_pane_max=2))
    for queue in ("c", "b", "a", "c", "b"):
        log.put(1, queue=queue, reason=queue)
    queues = log.take()[0].queues
    assert {name: counts.offered for name, counts in queues.items()} == {"a": 1, "b": 2, "other": 2}
    assert queues["other"].by_reason == {"c": 2}
    assert log.panes.over["queues"] == 2


def test_a_tenant_beyond_the_bound_is_refused_until_another_one_is_done() -> None:
    log = Log(msgspec.structs.replace(RULES, tenants_a_partition_max=2))
    log.put(1, tenant="a")
    log.put(1, tenant="b")
    with pytest.raises(BadMessage, match="too-many-tenants"):
        log.put(1, tenant="c")
    assert log.panes.over["tenants"] == 1
    log.keep_time(50)
    assert log.put(50, tenant="c") == "counted"


# ---- section 2: late, duplicate, future, bad


def test_an_event_whose_pane_is_closed_is_late_and_changes_nothing() -> None:
    log = Log()
    log.put(1)
    log.put(22)
    log.take()
    assert log.put(2, arrival=23) == "late"
    assert log.take() == []


def test_what_is_told_of_a_late_event_says_how_far_time_was_past_its_pane() -> None:
    log = Log()
    log.put(25)
    event = ContactEvent(
        type="offered", occurred_at=T0, source="acd", tenant="acme", channel="voice", queue="q", event_id="e"
    )
    assert log.read(event, 26) == "late"
    arrival = round(((T0 - EPOCH).total_seconds() + 26) * 1000)
    late = log.panes.late_contact(1, arrival, event, "contact-events.voice")
    assert (late.late_seconds, late.partition, late.offset) == (5.0, 1, 1)
    assert late.arrived_at == T0 + timedelta(seconds=26)


def test_a_repeated_event_id_counts_once_while_its_pane_is_open() -> None:
    log = Log()
    assert log.put(1, event_id="x") == "counted"
    assert log.put(1, event_id="x") == "duplicate"
    assert log.take()[0].queues["billing"].offered == 1
    log.put(25)
    assert log.put(1, arrival=25, event_id="x") == "late", "the memory died with its pane"


def test_events_without_an_id_are_never_taken_for_repeats() -> None:
    log = Log()
    assert [log.put(1), log.put(1)] == ["counted", "counted"]


def test_an_event_too_far_ahead_of_its_arrival_is_a_bad_message_and_moves_no_time_of_its_tenant() -> None:
    log = Log()
    log.put(1)
    with pytest.raises(BadMessage) as caught:
        log.put(301.001, arrival=1)
    assert (caught.value.reason, caught.value.path) == ("future", "$.occurred_at")
    assert log.put(301, arrival=1) == "counted"
    with pytest.raises(BadMessage, match="future"):
        log.beat(500, arrival=1)


@pytest.mark.parametrize(
    ("fields", "reason", "path"),
    [
        ({"channel": "chat"}, "wrong-channel", "$.channel"),
        ({"channel": ""}, "missing-field", "$.channel"),
        ({"tenant": ""}, "missing-field", "$.tenant"),
        ({"queue": ""}, "missing-field", "$.queue"),
        ({"type": "heartbeat", "channel": "chat"}, "wrong-channel", "$.channel"),
        ({"occurred_at": datetime(1969, 12, 31, tzinfo=UTC)}, "absurd-time", "$.occurred_at"),
        ({"occurred_at": datetime(1, 1, 1, tzinfo=UTC)}, "absurd-time", "$.occurred_at"),
        ({"schema_version": 2}, "newer-version", "$.schema_version"),
    ],
)
def test_an_event_that_has_no_place_is_a_bad_message_with_its_path(
    fields: dict[str, Any], reason: str, path: str
) -> None:
    log = Log()
    with pytest.raises(BadMessage) as caught:
        log.put(1, **fields)
    assert (caught.value.reason, caught.value.path) == (reason, path)
    assert log.take() == []
    assert log.panes.position == 1


# ---- section 2: what is committed


def test_the_commit_is_held_back_to_the_first_record_of_the_oldest_open_pane() -> None:
    log = Log(offset=7)
    log.put(1)
    log.put(12)
    assert log.panes.checkpoint().offset == 7
    log.put(20)
    log.take()
    assert log.panes.checkpoint().offset == 8
    log.keep_time(100)
    log.take()
    assert log.panes.checkpoint().offset == 11, "nothing is open: the position"


def test_a_heartbeat_that_opened_a_pane_holds_the_commit_back_as_well() -> None:
    log = Log()
    log.beat(5)
    log.put(6)
    assert log.panes.checkpoint().offset == 0


def test_after_a_restart_what_was_flushed_is_skipped_silently_and_only_what_follows_is_late() -> None:
    log = Log()
    log.put(1)
    log.put(12)
    log.put(22)
    log.take()
    point = log.panes.checkpoint()
    assert point.offset == 1
    again = Log(offset=point.offset, metadata=point.metadata)
    assert again.put(2, arrival=12) == "skipped"
    assert again.put(22) == "counted"
    assert again.put(3, arrival=22) == "late"


def test_a_tenant_that_the_arrival_rule_tells_of_is_not_listed() -> None:
    log = Log()
    log.put(1, tenant="gone")
    log.keep_time(100)
    assert log.panes.checkpoint().metadata.split(" ")[-1] == ""


def test_four_hundred_tenants_fit_into_the_metadata_and_are_all_known_again() -> None:
    rules = msgspec.structs.replace(RULES, event_clock=frozenset(f"played-{n}" for n in range(200)))
    log = Log(rules)
    names = [f"tenant-{n}" for n in range(200)] + sorted(rules.event_clock)
    for n, name in enumerate(names):
        far = 86_400.0 * n if name in rules.event_clock else 0.0
        log.put(25 - far, arrival=25, tenant=name)
    log.take()
    point = log.panes.checkpoint()
    assert len(point.metadata) <= 4096
    again = Log(rules, point.offset, point.metadata)
    again.offset = log.offset
    for n, name in enumerate(names):
        far = 86_400.0 * n if name in rules.event_clock else 0.0
        assert again.put(25 - far - 16, arrival=25, tenant=name) == "late", name


def test_metadata_of_nobody_we_know_is_a_start_from_scratch() -> None:
    for metadata in (None, "", "closed=123456", "2 10 1 1 1 ", "1 10 x 1 1 ", "1 10000 5 5 5 !", "1 1 1", "\0"):
        assert Log(metadata=metadata).put(1) == "counted"


def test_a_trailing_nul_in_the_metadata_does_no_harm() -> None:
    log = Log()
    log.put(25)
    log.take()
    point = log.panes.checkpoint()
    again = Log(offset=1, metadata=point.metadata + "\0")
    assert again.put(2, arrival=25) == "late"
