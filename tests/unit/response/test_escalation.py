"""Somebody is asked to take an incident on; while nobody does, the next one is: to the second of the log's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from desk_builder import START, Script, centre, decision, signal, tick

from response import on_call
from schemas.centre import WEEKDAYS, Centre, Duty, Rota
from schemas.incident import Incident
from schemas.signal import Signal
from schemas.status import DeskStatus


def _rotas(*, director_from: str = "warning") -> list[Rota]:
    return [
        Rota(
            name="operations",
            time_zone="UTC",
            duties=[Duty(who="ana", begins="08:00", ends="16:00"), Duty(who="bo")],
        ),
        Rota(name="duty-manager", after_seconds=300, duties=[Duty(who="eve")]),
        Rota(name="director", after_seconds=900, severity=director_from, duties=[Duty(who="zoe")]),  # type: ignore[arg-type]
    ]


def _outage(rotas: list[Rota], seconds: int, first: Signal | None = None) -> Script:
    """A silent phone at 20 s, then a tick each second."""
    script = Script(first=centre("auto", on_call=rotas))
    script.hear(tick(10), first or signal("voice", "silence", 20, ratio=0.0))
    script.hear(*[tick(second) for second in range(21, seconds)])
    return script


def _asked(script: Script) -> list[tuple[float, str]]:
    found: dict[int, tuple[float, str]] = {}
    for incident in script.said(Incident):
        asked = incident.escalation
        if asked is not None:
            found[asked.step] = ((asked.at - START).total_seconds(), asked.rota)
    return [found[step] for step in sorted(found)]


def test_it_climbs_on_time_to_the_second_and_then_asks_the_last_one_again() -> None:
    script = _outage(_rotas(), 2750)
    (first, *rest) = _asked(script)
    assert first == (10, "operations")  # the log's clock at the first signal
    assert rest == [(310, "duty-manager"), (910, "director"), (1810, "director"), (2710, "director")]
    words = [b.text for b in script.bulletins if b.template == "escalation" and b.language == "en"]
    assert len(words) == 4
    assert "nobody acknowledged it in 5 min: eve (duty-manager) is asked" in words[0]


def test_the_incident_says_who_is_asked_next_and_when() -> None:
    asked = _outage(_rotas(), 60).incident.escalation
    assert asked is not None
    assert (asked.who, asked.next_rota) == (["ana", "bo"], "duty-manager")
    assert asked.next_at == START + timedelta(seconds=310)


def test_an_acknowledgement_ends_it_even_in_the_last_second() -> None:
    script = _outage(_rotas(), 309)
    script.hear(decision("acknowledge", script.incident.incident_id, 309), *[tick(s) for s in range(310, 650)])
    assert len(_asked(script)) == 1


def test_a_mute_holds_it_and_the_count_begins_anew_when_it_ends() -> None:
    script = _outage(_rotas(), 100)
    until = START + timedelta(seconds=400)
    script.hear(decision("mute", script.incident.incident_id, 100, until=until), *[tick(s) for s in range(101, 720)])
    assert [when for when, _ in _asked(script)] == [10, 400, 700]


def test_a_late_feed_does_not_hold_it_back() -> None:
    script = _outage(_rotas(), 30)
    # event time stands still, the log's clock goes on
    script.hear(*[tick(second, complete=29) for second in range(30, 320)])
    assert _asked(script)[1] == (310, "duty-manager")


def test_a_rota_may_be_for_worse_incidents_only() -> None:
    script = _outage(_rotas(director_from="critical"), 1000, signal("chat/orders", "surge", 20, ratio=2.2))
    assert script.incident.severity == "warning"
    assert [rota for _, rota in _asked(script)] == ["operations", "duty-manager"]


def test_a_rota_with_a_hole_hands_on_at_once() -> None:
    rotas = _rotas()
    empty = [Rota(name="operations", duties=[Duty(who="ana", days=("sunday",))]), *rotas[1:]]
    script = _outage(empty, 320)
    assert _asked(script) == [(10, "operations"), (310, "duty-manager")]
    both = [Rota(name="night", duties=[]), Rota(name="operations", duties=[Duty(who="ana")])]
    assert _asked(_outage(both, 30))[-1] == (10, "operations")


def test_what_wakes_nobody_asks_nobody() -> None:
    script = Script(first=centre("auto", on_call=_rotas()))
    script.hear(tick(10), signal("chat", "surge", 20, ratio=4.0, learning=True))
    script.hear(*[tick(second) for second in range(21, 400)])
    assert script.incident.escalation is None


def test_what_comes_back_after_it_was_over_must_be_taken_on_anew() -> None:
    script = _outage(_rotas(), 40)
    name = script.incident.incident_id
    script.hear(decision("acknowledge", name, 40))
    script.hear(signal("voice", "silence", 50, ratio=0.0, state="cleared", revision=2, opened=20))
    script.pass_time(60, 2000)
    assert script.incident.phase == "watching"
    assert script.incident.acknowledged_by == "ana"
    script.hear(signal("voice", "silence", 2010, ratio=0.0), tick(2011))
    assert script.incident.phase == "open"
    assert script.incident.acknowledged_by is None
    assert _asked(script)[-1][1] == "operations"


def test_the_desk_says_who_is_on_duty_and_until_when() -> None:
    script = Script(first=centre("auto", on_call=_rotas()))
    script.hear(tick(0))
    said = script.said(DeskStatus)[-1].on_duty[0]
    assert (said.who, said.until) == (["ana", "bo"], datetime(2026, 11, 24, 16, 0, tzinfo=UTC))
    script.hear(tick(6 * 3600 - 1))
    assert script.said(DeskStatus)[-1].on_duty[0].who == ["ana", "bo"]
    script.hear(tick(6 * 3600))
    assert script.said(DeskStatus)[-1].on_duty[0].who == ["bo"]


def test_turns_follow_the_clock_on_the_wall_through_a_time_change_and_midnight() -> None:
    night = Rota(name="night", time_zone="Europe/Lisbon", duties=[
        Duty(who="ana", days=("saturday",), begins="22:00", ends="06:00"),
        Duty(who="bo", days=("sunday",), begins="06:00", ends="22:00"),
    ])  # fmt: skip
    model = Centre(tenant="shop", on_call=[night])
    # clocks go back an hour in the night to Sunday 2026-10-25
    for utc, name in (
        (datetime(2026, 10, 24, 20, 59, tzinfo=UTC), []),
        (datetime(2026, 10, 24, 21, 0, tzinfo=UTC), ["ana"]),
        (datetime(2026, 10, 25, 5, 59, tzinfo=UTC), ["ana"]),
        (datetime(2026, 10, 25, 6, 0, tzinfo=UTC), ["bo"]),
        (datetime(2026, 10, 25, 22, 0, tzinfo=UTC), []),
    ):
        assert on_call.who(night, model, utc) == name, utc
    said = on_call.on_duty(model, datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert said[0].until == datetime(2026, 10, 25, 6, 0, tzinfo=UTC)


def test_a_turn_that_is_always_on_has_no_end() -> None:
    rota = Rota(name="all", duties=[Duty(who="ana", days=WEEKDAYS)])
    assert on_call.on_duty(Centre(tenant="shop", on_call=[rota]), START)[0].until is None
