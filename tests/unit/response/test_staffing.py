"""Who is short by how many, for how long, and the lever."""

from __future__ import annotations

import itertools
import time
from datetime import timedelta

import pytest
from desk_builder import (
    START,
    USUAL,
    Script,
    agents,
    centre,
    load,
    minute,
    ref,
    signal,
    staffed,
    telephony_outage,
    tick,
)

from response.workload import erlang_a
from schemas.base import QueueRef
from schemas.centre import Centre, CentreChannel, CentreQueue
from schemas.command import StaffingAlert


def _chat_surge(script: Script, factor: float = 2.5, people: bool = True) -> None:
    script.hear(minute(0), *(staffed(0) if people else []), tick(0))
    script.hear(signal("chat", "surge", 80, ratio=factor, onset=40, expected=14))
    script.hear(minute(120, {"chat": factor}), tick(120), minute(180, {"chat": factor}), tick(180))
    script.hear(minute(240, {"chat": factor}), tick(240))


def test_idle_voice_agents_are_the_lever_for_chat_in_a_telephony_outage() -> None:
    script = Script(first=centre())
    script.hear(*telephony_outage())
    first = next(alert for alert in script.alerts if alert.queue == ref("chat/orders"))
    assert first.driver == "volume"
    assert first.incident_id == script.incident.incident_id
    assert len(first.intervals) == 8
    assert all(interval.agents_short > 0 for interval in first.intervals)
    flex = [lever for lever in first.levers if lever.name == "skill-flex"]
    assert {str(lever.from_queue) for lever in flex} >= {"voice/orders", "voice/billing"}
    assert first.intervals[0].service_level_with_plan > first.intervals[0].service_level_if_nothing + 0.3
    assert first.at - START <= timedelta(seconds=180)


def test_the_agents_short_are_those_needed_less_those_staffed() -> None:
    script = Script(first=centre())
    _chat_surge(script)
    alert = script.alerts[-1]
    assert alert.queue == ref("chat/orders")
    for interval in alert.intervals:
        assert interval.agents_short == interval.agents_needed - interval.agents_staffed
    assert alert.intervals[0].agents_staffed == 189 // 3
    # 2.5 times 20 a minute at 480 s each are 400 erlangs on 3 chats an agent: at least 134 of them
    assert alert.intervals[0].agents_needed >= 134
    starts = [interval.start for interval in alert.intervals]
    assert {b - a for a, b in itertools.pairwise(starts)} == {timedelta(minutes=15)}
    assert all(start.minute % 15 == 0 for start in starts)


def test_the_levers_name_people_who_are_there_once() -> None:
    script = Script(first=centre())
    script.hear(minute(0), *staffed(0, voice_idle=True), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1))
    script.hear(signal("chat", "surge", 80, ratio=9, onset=40), signal("email", "surge", 90, ratio=9, onset=40))
    for second in range(60, 400, 60):
        script.hear(minute(second, {"voice": 0, "chat": 9, "email": 9}), tick(second))
    newest = {str(alert.queue): alert for alert in script.alerts}
    assert {"chat/orders", "email/orders"} <= set(newest)
    at_once = [alert for alert in script.alerts if alert.at == newest["chat/orders"].at]
    for source, free, floor in (("voice/orders", 118, 30), ("voice/billing", 90, 20)):
        lent = sum(lever.agents for alert in at_once for lever in alert.levers if lever.from_queue == ref(source))
        assert lent <= free - floor + 20  # staffed 120 and 90: never below the floor
        assert lent <= {"voice/orders": 120, "voice/billing": 90}[source] - floor


def test_without_a_workforce_feed_the_plan_less_shrinkage_stands_in() -> None:
    script = Script(first=centre())
    _chat_surge(script, people=False)
    alert = next(alert for alert in script.alerts if alert.queue == ref("chat/orders"))
    assert alert.intervals[0].agents_staffed == 70 * 7 // 10
    assert "no workforce feed" in alert.driver_text


def test_without_feed_and_plan_there_is_a_reason_and_no_number() -> None:
    bare = Centre(tenant="shop", channels={"chat": CentreChannel()}, queues=[CentreQueue(at=ref("chat/orders"))])
    script = Script(first=bare)
    _chat_surge(script, people=False)
    assert not script.alerts
    assert "no-staffing" in {note.code for note in script.incident.notes}


def test_without_the_centres_model_nothing_is_planned_and_it_is_said() -> None:
    script = Script()
    _chat_surge(script)
    assert not script.alerts
    assert not script.commands
    assert not script.proposals
    assert "no-centre-model" in {note.code for note in script.incident.notes}


def test_impossible_reports_are_not_believed() -> None:
    script = Script(first=centre())
    script.hear(agents("chat/orders", 0, staffed=10, available=500))
    _chat_surge(script, people=False)
    assert script.alerts[0].intervals[0].agents_staffed == 49


def test_no_agents_at_all_is_a_gap_and_no_crash() -> None:
    script = Script(first=centre())
    script.hear(agents("chat/orders", 0, staffed=0, available=0))
    _chat_surge(script, people=False)
    alert = script.alerts[0]
    assert alert.intervals[0].agents_staffed == 0
    assert alert.intervals[0].service_level_if_nothing == 0
    assert alert.driver == "staffed"
    assert "staffed -100 % against plan" in alert.driver_text


def test_nobody_there_is_a_gap_even_where_no_more_than_usual_comes() -> None:
    script = Script(first=centre())
    script.hear(minute(0), agents("voice/orders", 0, 0, 0), tick(0))
    script.hear(signal("voice", "abandonment-wave", 80, ratio=4.0, measure="abandoned"))
    script.hear(minute(120), tick(120), minute(180), tick(180))
    alert = next(alert for alert in script.alerts if alert.queue == ref("voice/orders"))
    assert (alert.driver, alert.intervals[0].agents_staffed) == ("staffed", 0)
    assert alert.intervals[0].agents_short == alert.intervals[0].agents_needed > 0


def test_fewer_people_than_planned_are_the_driver_where_volume_is_usual() -> None:
    script = Script(first=centre())
    script.hear(minute(0), agents("voice/orders", 0, 40, 0), tick(0))
    script.hear(signal("voice", "abandonment-wave", 80, ratio=4.0, measure="abandoned"))
    script.hear(minute(120), tick(120), minute(180), tick(180))
    alert = next(alert for alert in script.alerts if alert.queue == ref("voice/orders"))
    assert alert.driver == "staffed"


def test_an_ordinary_gap_of_the_plan_is_no_news() -> None:
    script = Script(first=centre())
    script.hear(minute(0), agents("voice/orders", 0, 105, 0), tick(0))
    script.hear(signal("voice", "sentiment-wave", 80, ratio=2.0, measure="negative"))
    script.hear(minute(120), tick(120), minute(180), tick(180))
    assert not [alert for alert in script.alerts if alert.queue == ref("voice/orders")]


def test_an_alert_closes_when_the_gap_does() -> None:
    script = Script(first=centre())
    _chat_surge(script)
    for second in range(300, 1200, 60):
        script.hear(minute(second), tick(second))
    last = script.alerts[-1]
    assert last.state == "closed"
    assert [alert.revision for alert in script.alerts] == list(range(1, last.revision + 1))
    assert len({alert.alert_id for alert in script.alerts}) == last.revision


def test_fifty_queues_are_planned_in_two_seconds() -> None:
    names = [f"voice/q{n:02}" for n in range(50)]
    model = Centre(
        tenant="shop",
        channels={"voice": CentreChannel(handle_seconds=300)},
        queues=[CentreQueue(at=ref(name), agents=60 + n, floor_agents=5) for n, name in enumerate(names)],
    )
    script = Script(first=model)
    usual = {name: (8 + n / 7, 8 + n / 7) for n, name in enumerate(names)}
    script.hear(load(0, usual), *(agents(name, 0, 50 + n, n % 9) for n, name in enumerate(names)), tick(0))
    script.hear(load(60, {name: (2.3 * usual[name][0], usual[name][1]) for name in names}))
    began = time.process_time()  # a machine that others use too tells the same as a quiet one
    script.hear(signal("voice", "surge", 80, ratio=2.3))
    assert time.process_time() - began <= 2.0
    assert len({str(alert.queue) for alert in script.alerts}) == 50


def test_an_alert_says_all_that_a_desk_needs() -> None:
    script = Script(first=centre())
    _chat_surge(script)
    alert: StaffingAlert = script.alerts[0]
    assert alert.time_zone == "Europe/Berlin"
    assert "80%" in alert.target
    assert "left out" in alert.target
    assert alert.approver
    assert alert.incident_id in alert.acknowledge
    assert alert.rollback
    assert "demand surge" in alert.cause
    assert alert.arrivals_variance is not None
    assert alert.arrivals_variance > 0.5
    assert alert.latest_useful_at >= alert.at
    assert alert.levers[-1].owner
    assert QueueRef(channel="chat", queue="orders") == alert.queue
    assert USUAL["chat"] * 15 == alert.intervals[0].forecast
    assert (alert.driver, alert.since) == ("volume", script.incident.onset)
    assert alert.sureness is not None
    assert f"{alert.sureness:.0%} sure" in alert.cause
    assert alert.handle_seconds_variance == pytest.approx(0.0, abs=0.05)
    assert alert.staffed_variance == pytest.approx(189 / 147 - 1, abs=0.01)
    assert alert.wait_seconds_now == alert.intervals[0].wait_seconds_if_nothing
    assert f"breakwater mute {alert.incident_id}" in alert.acknowledge


def test_each_interval_says_how_it_is_served_with_nothing_done() -> None:
    script = Script(first=centre())
    _chat_surge(script)
    alert = script.alerts[-1]
    for interval in alert.intervals:
        rate, slots = interval.expected / 900, interval.agents_staffed * 3
        queue = erlang_a(slots, rate, 480.0, 240.0)
        assert interval.wait_seconds_if_nothing == pytest.approx(queue.wait_seconds, rel=0.05)
        assert interval.occupancy_if_nothing == pytest.approx(queue.occupancy, rel=0.01)
        assert interval.service_level_if_nothing == pytest.approx(queue.service_level(45.0), abs=0.02)
