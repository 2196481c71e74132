"""All symptoms of one outage are one incident; independent ones stay apart."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from desk_builder import START, Script, agents, centre, minute, signal, staffed, telephony_outage, tick, tool

from response.pipeline import RespondParams
from schemas.incident import Incident

HOUR = 3600.0


def test_a_telephony_outage_with_all_it_drags_along_is_one_incident() -> None:
    script = Script(first=centre())
    script.hear(*telephony_outage())
    incident = script.incident
    assert incident.cause.kind == "telephony"
    assert incident.phase == "watching"
    assert incident.playbook == "telephony_outage"
    assert {str(s.series) for s in incident.symptoms} == {
        "voice", "voice/orders", "voice/billing", "chat", "chat/orders", "social", "email", "email/orders",
        "chat escalated",
    }  # fmt: skip
    assert [move.phase for move in incident.moves if move.reason.code != "scope-widened"] == [
        "pending", "open", "easing", "watching",
    ]  # fmt: skip


def test_it_opens_on_the_first_strong_signal() -> None:
    script = Script(first=centre())
    script.hear(tick(10), signal("voice", "silence", 20, ratio=0.0))
    assert script.incident.phase == "open"
    assert script.incident.pages
    assert script.incident.cause.kind == "telephony"
    assert script.incident.severity == "critical"


def test_a_shift_of_reasons_informs_and_pages_only_once_something_else_is_wrong_too() -> None:
    script = Script(first=centre())
    script.hear(tick(10), signal("voice", "mix-shift", 20, ratio=3.0, measure="reason"))
    script.hear(*(tick(at) for at in range(60, 1800, 60)))
    assert script.incident.phase == "open", "it is told"
    assert not script.incident.pages, "and nobody is woken"
    script.hear(signal("voice", "surge", 1800, ratio=4.0, onset=30))
    script.hear(*(tick(at) for at in range(1860, 2400, 60)))
    assert script.incident.pages


def test_the_id_is_the_tenants_and_the_opening_signals_and_never_changes() -> None:
    script = Script(first=centre())
    opening = signal("chat", "surge", 20, ratio=3.0)
    script.hear(opening)
    first = script.incident.incident_id
    assert first.startswith("shop-")
    script.hear(signal("voice", "silence", 40, ratio=0.0, onset=-30))
    assert script.incident.incident_id == first
    again = Script(first=centre())
    again.hear(opening)
    assert again.incident.incident_id == first


def test_a_cause_is_revised_when_the_root_shows_late() -> None:
    script = Script(first=centre())
    script.hear(signal("chat", "surge", 20, ratio=3.0, onset=0))
    assert script.incident.cause.kind == "demand-surge"
    script.hear(signal("voice", "silence", 40, ratio=0.0, onset=-60))
    assert script.incident.cause.kind == "telephony"
    assert script.incident.onset == START - timedelta(seconds=60)


def test_surges_half_an_hour_apart_on_other_channels_are_two_incidents() -> None:
    script = Script(first=centre())
    script.hear(signal("chat", "surge", 20, ratio=3.0, onset=0))
    script.hear(signal("email", "surge", 1900, ratio=3.0, onset=1860))
    assert len(script.incidents) == 2


def test_two_outages_forty_minutes_apart_stay_apart_and_get_their_own_causes() -> None:
    script = Script(first=centre())
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=0), signal("chat", "surge", 90, ratio=2.5, onset=60))
    script.hear(*[tick(second) for second in range(100, 2400, 60)])
    script.hear(signal("email", "silence", 2420, ratio=0.0, onset=2400))
    assert sorted(incident.cause.kind for incident in script.incidents.values()) == ["e-mail", "telephony"]


def test_what_an_outage_leaves_behind_joins_it_hours_later() -> None:
    script = Script(first=centre())
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=0))
    script.hear(signal("email", "escalation-wave", 3 * HOUR, ratio=2.0, onset=2.9 * HOUR, measure="escalated"))
    assert len(script.incident.symptoms) == 2


def _chat_down_for_forty_minutes() -> Script:
    script = Script(first=centre())
    script.hear(signal("chat", "silence", 20, ratio=0.0, onset=0), signal("voice", "surge", 90, ratio=1.8, onset=60))
    script.pass_time(120, 2400, 60)
    return script


def test_people_give_up_late_where_the_outage_crowds_and_that_is_still_the_outage() -> None:
    script = _chat_down_for_forty_minutes()
    script.hear(signal("voice", "abandonment-wave", 2460, ratio=3.0, onset=2420, measure="abandoned"), tick(2470))
    assert len(script.incidents) == 1


def test_people_who_give_up_late_where_the_outage_crowds_nobody_are_another_matter() -> None:
    script = _chat_down_for_forty_minutes()
    script.hear(signal("email", "metric-shift", 2460, ratio=3.0, onset=2420, measure="wait_seconds"), tick(2470))
    assert len(script.incidents) == 2


def test_waits_that_rise_as_agents_vanish_are_no_after_effect_of_an_older_outage() -> None:
    script = _chat_down_for_forty_minutes()
    script.hear(*(msgspec.structs.replace(line, staffed=10, available=0) for line in staffed(2430)))
    script.hear(signal("voice", "abandonment-wave", 2460, ratio=3.0, onset=2420, measure="abandoned"), tick(2470))
    script.hear(signal("voice", "metric-shift", 2500, ratio=3.0, onset=2430, measure="wait_seconds"), tick(2510))
    older, younger = script.incidents.values()
    assert (older.cause.kind, younger.cause.kind) == ("chat-platform", "wfm")
    assert len(younger.symptoms) == 2


def test_a_lost_feed_is_never_an_outage_and_keeps_to_itself() -> None:
    script = Script(first=centre())
    script.hear(signal("voice", "silence", 20, ratio=0.0))
    script.hear(signal("chat", "telemetry-lost", 40, measure="heartbeat"))
    causes = {incident.cause.kind: incident for incident in script.incidents.values()}
    assert set(causes) == {"telephony", "data-feed-lost"}
    assert causes["data-feed-lost"].severity == "warning"
    assert not [c for c in script.commands + script.proposals if c.incident_id == causes["data-feed-lost"].incident_id]


def test_an_internal_channel_is_its_own_incident_and_does_not_page() -> None:
    script = Script(first=centre())
    script.hear(signal("voice", "surge", 20, ratio=2.5))
    script.hear(signal("internal/batch", "surge", 30, ratio=40.0, audience="internal"))
    internal = next(i for i in script.incidents.values() if i.scope.channels == ["internal"])
    assert not internal.pages
    assert internal.severity == "info"
    assert len(script.incidents) == 2
    assert not [b for b in script.bulletins if b.incident_id == internal.incident_id]


def test_signals_that_are_still_learning_do_not_page_alone() -> None:
    script = Script(first=centre())
    script.hear(signal("chat", "surge", 20, ratio=4.0, learning=True))
    assert not script.incident.pages
    script.pass_time(30, 120)
    assert script.incident.phase == "open"
    assert not script.incident.pages
    script.hear(signal("voice", "silence", 130, ratio=0.0))
    assert script.incident.pages


def test_a_weak_signal_waits_for_a_minute_or_a_second_one() -> None:
    script = Script(first=centre())
    script.hear(signal("chat/orders", "surge", 20, ratio=1.4))
    assert script.incident.phase == "pending"
    assert not script.incident.pages
    script.pass_time(30, 70)
    assert script.incident.phase == "pending"
    script.pass_time(80, 90)
    assert script.incident.phase == "open"
    other = Script(first=centre())
    other.hear(signal("chat/orders", "surge", 20, ratio=1.4), signal("chat", "surge", 25, ratio=1.4))
    assert other.incident.phase == "open"


def test_what_is_over_before_it_was_confirmed_never_opens() -> None:
    script = Script(first=centre())
    script.hear(tick(10), signal("chat/orders", "surge", 20, ratio=1.4))
    script.hear(signal("chat/orders", "surge", 40, ratio=1.1, opened=20, state="cleared", revision=2))
    script.pass_time(50, 200)
    assert [m.phase for m in script.incident.moves] == ["pending", "resolved"]
    assert not any(incident.pages for incident in script.said(Incident))


def _outage_over(script: Script) -> None:
    script.hear(tick(0), signal("voice", "silence", 20, ratio=0.0, onset=0))
    script.pass_time(30, 600, 30)
    script.hear(signal("voice", "silence", 610, ratio=0.0, onset=0, opened=20, state="cleared", revision=2))


def test_it_eases_after_a_minute_is_watched_after_ten_and_resolves_after_48_hours() -> None:
    script = Script(first=centre())
    _outage_over(script)
    script.pass_time(620, 640)
    assert script.incident.phase == "open"
    script.pass_time(650, 700)
    assert script.incident.phase == "easing"
    script.pass_time(710, 1300, 30)
    assert script.incident.phase == "watching"
    script.pass_time(1400, 47.9 * HOUR, 600)
    assert script.incident.phase == "watching"
    script.pass_time(48 * HOUR, 49 * HOUR, 600)
    assert script.incident.phase == "resolved"
    assert script.incident.resolved_at is not None
    assert script.incident.moves[-1].reason.code == "stayed-calm"


def test_it_opens_again_while_it_is_watched_rather_than_anew() -> None:
    script = Script(first=centre())
    _outage_over(script)
    script.pass_time(620, 2000, 60)
    assert script.incident.phase == "watching"
    script.hear(signal("voice", "silence", 5 * HOUR, ratio=0.0))
    assert script.incident.phase == "open"
    assert script.incident.moves[-1].reason.code == "came-back"


def test_flapping_moves_it_ever_more_slowly() -> None:
    script = Script(first=centre())
    _outage_over(script)
    now = 620.0
    for _ in range(40):
        script.pass_time(now, now + 90, 10)
        script.hear(signal("voice", "silence", now + 100, ratio=0.0, opened=now + 100))
        script.pass_time(now + 110, now + 140, 10)
        script.hear(signal("voice", "silence", now + 150, ratio=0.0, opened=now + 100, state="cleared", revision=2))
        now += 160
    phases = [move for move in script.incident.moves if move.reason.code != "scope-widened"]
    assert len(phases) <= 8
    assert len(script.incidents) == 1


def test_not_knowing_never_resolves() -> None:
    script = Script(first=centre())
    _outage_over(script)
    # ticks go on, but the panes are not complete: nothing is seen
    script.hear(*[tick(second, complete=610) for second in range(620, 200 * 3600, 1800)])
    assert script.incident.phase == "open"


def test_a_lost_feed_of_its_channel_stops_the_clock_of_calm() -> None:
    script = Script(first=centre())
    _outage_over(script)
    script.pass_time(620, 1400, 30)
    script.hear(signal("voice", "telemetry-lost", 1410, measure="heartbeat"))
    script.pass_time(1500, 60 * HOUR, 1800)
    assert next(i for i in script.incidents.values() if i.cause.kind == "telephony").phase == "watching"
    lost = signal("voice", "telemetry-lost", 60 * HOUR, measure="heartbeat", opened=1410, state="cleared", revision=2)
    script.hear(lost)
    script.pass_time(60 * HOUR, 109 * HOUR, 1800)
    assert next(i for i in script.incidents.values() if i.cause.kind == "telephony").phase == "resolved"


def test_minutes_that_were_not_delivered_stop_the_clock_of_calm() -> None:
    script = Script(first=centre())
    _outage_over(script)
    for second in range(620, 3000, 60):
        script.hear(minute(second, known=0.0), tick(second))
    assert script.incident.phase == "open"


def test_widening_is_said() -> None:
    script = Script(first=centre())
    script.hear(signal("chat/orders", "surge", 20, ratio=3.0))
    assert script.incident.scope.level == "queue"
    script.hear(signal("chat", "surge", 30, ratio=3.0))
    assert script.incident.scope.level == "channel"
    script.hear(signal("voice", "silence", 40, ratio=0.0))
    assert script.incident.scope.level == "tenant"
    widened = [move.reason.text for move in script.incident.moves if move.reason.code == "scope-widened"]
    assert widened == ["from queue to channel: chat", "from channel to tenant: chat, voice"]


def test_numbers_that_merely_move_are_said_at_most_twice_a_minute() -> None:
    script = Script(first=centre())
    script.hear(signal("chat", "surge", 20, ratio=2.0))
    said = len(script.said(Incident))
    for n in range(1, 121):
        script.hear(
            signal("chat", "surge", 20 + n, ratio=2.0 * 1.05**n, opened=20, state="revised", revision=1 + n),
            tick(20 + n),
        )
    # the severity rises once, at threefold
    assert 2 <= len(script.said(Incident)) - said <= 6
    assert [i.revision for i in script.said(Incident)] == list(range(1, len(script.said(Incident)) + 1))


def test_an_older_revision_says_nothing() -> None:
    script = Script(first=centre())
    script.hear(signal("chat", "surge", 20, ratio=2.0))
    script.hear(signal("chat", "surge", 60, ratio=3.0, opened=20, state="revised", revision=3))
    script.hear(signal("chat", "surge", 40, ratio=1.0, opened=20, state="cleared", revision=2))
    script.pass_time(70, 100)
    (symptom,) = script.incident.symptoms
    assert symptom.ratio == 3.0


def test_more_incidents_than_the_bound_let_the_oldest_quiet_one_go() -> None:
    script = Script(params=RespondParams(incidents_max=3), first=centre())
    for n in range(5):
        at = n * 2 * HOUR + 20
        script.hear(signal(f"left{n}/q", "surge", at, ratio=3.0))
        script.hear(signal(f"left{n}/q", "surge", at + 60, ratio=1.0, opened=at, state="cleared", revision=2))
        script.hear(signal(f"right{n}/q", "surge", at + HOUR, ratio=3.0))
    over = [i for i in script.incidents.values() if i.phase == "resolved"]
    assert over
    assert all(i.moves[-1].reason.code == "too-many-incidents" for i in over)
    assert len(script.incidents) - len(over) <= 3


CAUSES = {
    "crm": [("voice", "metric-shift", 1.8, "handle_seconds"), ("chat", "metric-shift", 1.7, "handle_seconds")],
    "chat-platform": [("chat", "silence", 0.0, "offered"), ("voice", "surge", 1.6, "offered")],
    "e-mail": [("email", "silence", 0.0, "offered"), ("voice", "surge", 1.4, "offered")],
    "telephony": [("voice", "silence", 0.0, "offered"), ("chat", "surge", 3.0, "offered")],
    "power-or-site": [("voice", "silence", 0.0, "offered"), ("chat", "silence", 0.0, "offered"),
                      ("email", "silence", 0.0, "offered")],
    "routing": [("voice", "drop", 0.1, "answered"), ("chat", "drop", 0.1, "answered"),
                ("voice", "abandonment-wave", 4.0, "abandoned")],
    "demand-surge": [("voice", "surge", 2.0, "offered"), ("chat", "surge", 2.0, "offered")],
}  # fmt: skip


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_the_cause_is_read_from_the_symptoms(cause: str) -> None:
    script = Script(first=centre())
    for n, (at, kind, ratio, measure) in enumerate(CAUSES[cause]):
        script.hear(signal(at, kind, 20 + 10 * n, ratio=ratio, measure=measure, onset=0))  # type: ignore[arg-type]
    script.pass_time(60, 400, 20)
    assert script.incident.cause.kind == cause
    assert script.incident.cause.sureness > 0.4
    assert script.incident.cause.because


def test_a_workforce_tool_that_is_down_with_missing_agents_is_wfm() -> None:
    script = Script(first=centre())
    script.hear(tool("wfm", 10), agents("voice/orders", 10, 20), agents("voice/billing", 10, 15))
    script.hear(signal("voice", "abandonment-wave", 20, ratio=3.0, measure="abandoned", onset=0))
    script.pass_time(30, 400, 20)
    assert script.incident.cause.kind == "wfm"


def test_a_probe_that_says_down_adds_to_the_sureness_and_a_missing_one_is_no_evidence() -> None:
    def sureness(*more: object) -> float:
        script = Script(first=centre())
        script.hear(*more)  # type: ignore[arg-type]
        script.hear(signal("voice", "silence", 20, ratio=0.0))
        assert script.incident.cause.kind == "telephony"
        return script.incident.cause.sureness

    assert sureness(tool("telephony", 10)) > sureness()
    assert sureness(tool("telephony", 10 - 7200)) == sureness()
    assert sureness(tool("telephony", 10, "up")) < sureness()


def test_weeks_of_more_calls_than_usual_are_one_demand_surge_that_is_said_rarely() -> None:
    script = Script(first=centre())
    day = 86_400.0
    for n in range(21):
        start = n * day + 8 * HOUR
        script.hear(tick(start), signal("voice", "surge", start + 60, ratio=2.4, onset=start, expected=300))
        script.hear(*[tick(start + hour * HOUR) for hour in range(1, 10)])
        script.hear(
            signal(
                "voice",
                "surge",
                start + 9 * HOUR,
                ratio=1.1,
                onset=start,
                opened=start + 60,
                state="cleared",
                revision=9,
            )
        )
        script.hear(*[tick(start + (9 + hour) * HOUR) for hour in range(1, 15)])
    assert script.incident.cause.kind == "demand-surge"
    assert script.incident.phase == "watching"
    assert len([m for m in script.incident.moves if m.phase == "open"]) >= 3
    assert len(script.said(Incident)) < 21 * 12


def test_a_quiet_queue_alone_is_no_outage_of_its_channels_platform() -> None:
    script = Script(first=centre())
    script.hear(signal("voice/orders", "silence", 20, ratio=0.0), tick(400))
    assert script.incident.cause.kind == "unknown"
    script.hear(signal("voice", "silence", 410, ratio=0.0, onset=0), tick(420))
    assert script.incident.cause.kind == "telephony"


def test_silence_long_after_a_crowd_is_an_incident_of_its_own() -> None:
    script = Script(first=centre())
    script.hear(signal("voice", "surge", 20, ratio=3.0))
    script.hear(signal("voice", "surge", 600, ratio=1.0, state="cleared", revision=2, opened=20))
    script.pass_time(620, 4000, 60)
    assert script.incident.phase == "watching"
    script.hear(signal("voice", "silence", 4020, ratio=0.0, onset=4000))
    assert sorted(incident.cause.kind for incident in script.incidents.values()) == ["demand-surge", "telephony"]
