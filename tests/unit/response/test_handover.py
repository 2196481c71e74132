"""At the end of a turn the next one is told what is open, what runs and until when, and what is stopped."""

from __future__ import annotations

from datetime import timedelta

from desk_builder import TENANT, Script, centre, decision, minute, signal, staffed, tick

from schemas.centre import Duty, Rota

TURNS = [
    Rota(
        name="operations",
        time_zone="UTC",
        duties=[Duty(who="ana", begins="06:00", ends="10:30"), Duty(who="bo", begins="10:30", ends="06:00")],
    )
]


def _at_half_past_ten(*extra: object) -> Script:
    script = Script(first=centre("auto", on_call=TURNS))
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    for second in range(60, 1740, 60):
        script.hear(*staffed(second, voice_idle=True), minute(second, {"voice": 0}), tick(second))
    script.hear(*extra)  # type: ignore[arg-type]
    script.hear(tick(1799))
    return script


def _notes(script: Script) -> list[str]:
    return [b.text for b in script.bulletins if b.template == "handover" and b.language == "en"]


def test_the_notes_carry_open_incidents_and_running_commands_with_their_expiry() -> None:
    script = _at_half_past_ten()
    assert not _notes(script)
    script.hear(tick(1800))
    (text,) = _notes(script)
    assert text.startswith("Hand-over. ana to bo (operations)")
    assert script.incident.incident_id in text
    running = script.commands[-1]  # the centre's clock is an hour ahead
    assert f"runs until {running.expires_at + timedelta(hours=1):%H:%M}" in text
    assert running.command_id in text
    assert "nobody has taken it on" in text
    assert "(operations) was asked at" in text
    script.hear(*[tick(second) for second in range(1801, 1900)])
    assert len(_notes(script)) == 1


def test_the_notes_say_what_is_stopped_and_how_to_undo_it() -> None:
    script = _at_half_past_ten(decision("kill", TENANT, 1790, by="eve"))
    script.hear(tick(1800))
    assert f"breakwater unkill {TENANT}" in _notes(script)[0]
    assert "Stopped by eve" in _notes(script)[0]


def test_nothing_to_hand_over_is_not_handed_over() -> None:
    script = Script(first=centre("auto", on_call=TURNS))
    script.hear(tick(0), tick(1799), tick(1800), tick(1801))
    assert not _notes(script)
