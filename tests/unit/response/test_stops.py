"""The kill switch is seen by everybody and can be undone, whatever it named; no proposal ends without a word."""

from __future__ import annotations

import pytest
from desk_builder import TENANT, Script, centre, decision, minute, result, signal, staffed, tick

from schemas.status import DeskStatus, Stop


def _outage(mode: str = "auto") -> Script:
    script = Script(first=centre(mode))  # type: ignore[arg-type]
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    script.hear(*staffed(60, voice_idle=True), minute(60, {"voice": 0}), tick(60))
    return script


def _on(script: Script, seconds: float) -> None:
    script.hear(*staffed(seconds, voice_idle=True), minute(seconds, {"voice": 0}), tick(seconds))


def _stops(script: Script) -> list[Stop]:
    return script.said(DeskStatus)[-1].stops


def _answers(script: Script) -> list[str]:
    return [b.text for b in script.bulletins if b.template == "refusal" and b.language == "en"]


@pytest.mark.parametrize("reach", ["tenant", "incident", "command"])
def test_a_stop_is_on_the_bus_until_it_is_undone_and_then_contacts_move_again(reach: str) -> None:
    script = _outage()
    running = script.commands[0]
    target = {"tenant": TENANT, "incident": running.incident_id, "command": running.command_id}[reach]
    script.hear(decision("kill", target, 70, note="platform asks us to"))
    (stop,) = _stops(script)
    assert (stop.target, stop.reach, stop.by) == (target, reach, "ana")
    assert "platform asks us to" in stop.text
    assert running.command_id in {command.reverts for command in script.commands}
    for second in range(130, 1000, 60):
        _on(script, second)
    way = (running.action, running.from_queue, running.to_queue)
    later = [c for c in script.commands if (c.action, c.from_queue, c.to_queue) == way and c.issued_at > stop.at]
    assert not [command for command in later if not command.reverts]
    script.hear(decision("unkill", target, 1010))
    assert _stops(script) == []
    for second in range(1030, 1400, 60):
        _on(script, second)
    later = [c for c in script.commands if (c.action, c.from_queue, c.to_queue) == way and not c.reverts]
    assert later[-1].issued_at > stop.at
    assert not _answers(script)


def test_undoing_the_stop_of_a_way_that_was_never_stopped_is_refused() -> None:
    script = _outage()
    name = script.commands[0].command_id
    script.hear(decision("kill", TENANT, 70))
    script.hear(decision("unkill", name, 75))
    assert "is not stopped" in _answers(script)[-1]
    assert len(_stops(script)) == 1


def test_a_status_is_not_said_again_while_nothing_of_it_changes() -> None:
    script = _outage()
    for second in range(100, 700, 60):
        _on(script, second)
    assert len(script.said(DeskStatus)) == 1


def test_a_proposal_that_nobody_approved_in_time_says_so() -> None:
    script = _outage("approve")
    waiting = script.proposals[0]
    script.hear(tick(1900))
    closed = {p.command_id: p for p in script.closed}[waiting.command_id]
    assert closed.blocked_by is not None
    assert closed.blocked_by.code in ("expired", "superseded")


def test_every_proposal_ends_as_a_command_or_with_a_last_word() -> None:
    script = _outage("approve")
    script.hear(decision("approve", script.proposals[0].command_id, 70))
    script.hear(decision("kill", TENANT, 80))
    _on(script, 120)
    script.hear(decision("unkill", TENANT, 130))
    _on(script, 180)
    script.hear(
        signal("voice", "silence", 200, ratio=0.0, onset=1, expected=10, state="cleared", revision=2, opened=20)
    )
    script.pass_time(200, 900)
    asked = {p.command_id for p in script.proposals}
    ended = {c.command_id for c in script.commands} | {p.command_id for p in script.closed}
    assert len(asked) >= 3
    assert asked == asked & ended
    assert all(p.blocked_by is not None for p in script.closed)


def test_a_result_for_a_command_that_nobody_gave_is_refused_with_a_reason() -> None:
    script = _outage()
    before = len(script.commands)
    script.hear(result("nobody-gave-it", "applied", 70))
    assert "command nobody-gave-it is not known" in _answers(script)[-1]
    assert len(script.commands) == before
