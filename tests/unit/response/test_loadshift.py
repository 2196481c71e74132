"""Commands: what moves where, in which mode, until when, and how it is taken back."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from desk_builder import (
    START,
    Script,
    agents,
    centre,
    decision,
    minute,
    ref,
    result,
    signal,
    staffed,
    telephony_outage,
    tick,
)

from response.pipeline import RespondParams
from schemas.centre import Mode
from schemas.command import LoadShiftCommand
from schemas.incident import Incident


def _outage(mode: Mode = "auto", **more: object) -> Script:
    """Voice is silent, chat surges; agents of voice are idle. Ends at 240 s."""
    script = Script(first=centre(mode, **more))
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    script.hear(*staffed(60, voice_idle=True), minute(60, {"voice": 0}), tick(60))
    script.hear(signal("chat", "surge", 100, ratio=3.0, onset=60, expected=14))
    script.hear(signal("chat/orders", "surge", 102, ratio=3.0, onset=60, expected=14))
    _go_on(script, 120, 240)
    return script


def _go_on(script: Script, first: int, last: int) -> None:
    for second in range(first, last + 1, 60):
        script.hear(minute(second, {"voice": 0, "chat": 3.0}), *staffed(second, voice_idle=True), tick(second))


def _lends(commands: list[LoadShiftCommand]) -> list[LoadShiftCommand]:
    """Voice agents who are lent to chat."""
    way = ("skill-flex", ref("voice/orders"), ref("chat/orders"))
    return [c for c in commands if (c.action, c.from_queue, c.to_queue) == way and c.reverts is None]


def test_a_command_is_out_in_the_same_step_as_the_incident() -> None:
    script = Script(first=centre())
    script.hear(minute(0), *staffed(0), tick(0))
    answers = script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    names = [output.topic.name for output in answers]
    assert names[0] == "incidents"
    assert "load-shift-commands" in names
    assert [output.value.origin.n for output in answers] == list(range(len(answers)))  # type: ignore[attr-defined]


def test_a_command_never_goes_without_expiry_inverse_guard_mode_and_evidence() -> None:
    command = _lends(_outage().commands)[0]
    assert command.agents == round(command.share * 120)
    assert command.text.startswith(f"Lend {command.agents} agents of voice/orders to chat/orders: chat/orders waits")
    assert command.mode == "auto"
    assert command.expires_at == START + timedelta(seconds=102 + 1800) or command.expires_at > command.issued_at
    assert command.inverse.command_id != command.command_id
    assert command.inverse.share == 0
    assert command.guard.donor == ref("voice/orders")
    assert command.guard.stop_if_agents_below == 30
    assert command.evidence
    assert command.binding
    projection = {str(p.queue): p for p in command.projections}["chat/orders"]
    assert projection.abandoned_share_after < projection.abandoned_share_before
    assert command.share <= min(command.share_cap, 0.25)


def test_expiry_counts_from_the_pane_that_was_the_evidence() -> None:
    script = Script(first=centre())
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(tick(100, complete=0), signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    assert script.commands[0].expires_at == START + timedelta(seconds=20 + 1800)


def test_nothing_is_moved_into_a_silent_channel_unless_it_brings_a_way_in() -> None:
    script = _outage()
    for command in script.commands:
        if command.to_queue.channel == "voice" and command.reverts is None:
            assert command.action == "second-carrier"


@pytest.mark.parametrize(("mode", "code"), [("dry-run", "mode-dry-run"), ("approve", "waiting-for-approval")])
def test_other_modes_propose_and_say_why(mode: Mode, code: str) -> None:
    script = _outage(mode)
    assert not script.commands
    assert script.proposals
    assert {p.blocked_by.code for p in script.proposals if p.blocked_by} == {code}


def test_mode_off_says_nothing() -> None:
    script = _outage("off")
    assert not script.commands
    assert not script.proposals


def test_a_mode_of_its_own_binds_one_action() -> None:
    script = _outage("auto", modes={"skill-flex": "approve"})
    assert not _lends(script.commands)
    assert _lends(script.proposals)
    assert [command for command in script.commands if command.action == "second-carrier"]


def test_evidence_that_is_too_old_yields_proposals_and_later_commands() -> None:
    script = Script(first=centre())
    script.hear(minute(0), *staffed(0), tick(0, at=1000))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    assert not script.commands
    assert {p.blocked_by.code for p in script.proposals if p.blocked_by} == {"evidence-too-old"}
    script.hear(tick(60, at=1040), minute(60, {"voice": 0}))
    assert not script.commands
    # caught up: the incident lasts, and what is known is fresh
    script.hear(tick(1000, at=1041), minute(1000, {"voice": 0}), *staffed(1000, True), tick(1060, at=1061))
    assert script.commands
    ids = [c.command_id for c in script.commands + script.proposals]
    assert len(ids) == len(set(ids))


def test_it_is_renewed_while_the_incident_lasts_under_a_new_step() -> None:
    script = _outage()
    _go_on(script, 300, 6000)
    steps = _lends(script.commands)
    assert [command.step for command in steps] == list(range(1, len(steps) + 1))
    assert len(steps) >= 4
    for before, after in itertools.pairwise(steps):
        assert after.issued_at < before.expires_at
        assert after.share_before == before.share
    assert not [command for command in script.commands if command.reverts in {c.command_id for c in steps}]


def test_the_inverse_goes_out_when_the_incident_eases() -> None:
    script = _outage()
    running = _lends(script.commands)[-1]
    script.hear(signal("voice", "silence", 250, ratio=0.0, onset=1, opened=20, state="cleared", revision=2))
    script.pass_time(260, 400)
    assert script.incident.phase == "easing"
    (inverse,) = [command for command in script.commands if command.reverts == running.command_id]
    assert inverse.command_id == running.inverse.command_id
    assert inverse.share == 0
    assert inverse.share_before == running.share
    assert inverse.inverse.command_id == running.command_id


def test_the_inverse_goes_out_on_expiry() -> None:
    script = _outage(modes={})
    running = _lends(script.commands)[-1]
    # nothing is seen any more, only time passes: no evidence to renew with
    script.hear(*[tick(second, complete=240) for second in range(300, 4000, 30)])
    reverts = {command.reverts for command in script.commands}
    assert running.command_id in reverts


def test_after_an_outage_every_shift_is_taken_back_once() -> None:
    script = Script(first=centre())
    script.hear(*telephony_outage())
    ids = [command.command_id for command in script.commands]
    assert len(ids) == len(set(ids))
    ends: dict[str, LoadShiftCommand] = {}
    for command in script.commands:
        ends[f"{command.action} {command.from_queue} {command.to_queue}"] = command
    assert ends
    assert all(command.reverts is not None and command.share == 0 for command in ends.values())


def test_whoever_was_lent_goes_back_in_the_step_in_which_it_eases() -> None:
    script, lent = Script(first=centre()), dict[str, LoadShiftCommand]()
    for body in telephony_outage():
        outputs = script.hear(body)
        flex = [o.value for o in outputs if isinstance(o.value, LoadShiftCommand) and o.value.action == "skill-flex"]
        if lent and any(isinstance(o.value, Incident) and o.value.phase == "easing" for o in outputs):
            break
        for one in flex:
            way = f"{one.from_queue} {one.to_queue}"
            lent = {key: was for key, was in lent.items() if key != way} | ({} if one.reverts else {way: one})
    else:
        raise AssertionError("nobody was lent, or it never eased")
    assert {one.reverts for one in flex} == {was.command_id for was in lent.values()}
    for one in flex:
        was = lent[f"{one.from_queue} {one.to_queue}"]
        assert (one.share, one.share_before) == (0.0, was.share)
        assert one.text.startswith(f"Send {was.agents} agents from {was.to_queue} back to {was.from_queue}")


def test_the_kill_switch_takes_all_back_and_lets_nothing_out() -> None:
    script = _outage()
    running = {c.command_id for c in script.commands if c.reverts is None}
    answers = script.hear(decision("kill", "shop", 250))
    assert {c.reverts for c in script.commands if c.reverts} <= running
    assert any(o.topic.name == "load-shift-commands" for o in answers)
    before = len(script.commands)
    _go_on(script, 300, 1200)
    assert len(script.commands) == before
    assert {p.blocked_by.code for p in script.proposals if p.blocked_by} == {"killed"}
    script.hear(decision("unkill", "shop", 1210))
    _go_on(script, 1260, 1380)
    assert len(script.commands) > before


def test_a_donor_that_loses_its_people_gives_nothing_any_more() -> None:
    script = _outage()
    running = _lends(script.commands)[-1]
    script.hear(minute(300, {"voice": 0, "chat": 3.0}), tick(300))
    script.hear(agents("voice/orders", 310, 20, 20), tick(360), minute(360, {"voice": 0, "chat": 3.0}))
    later = [c for c in script.commands if c.from_queue == ref("voice/orders") and c.issued_at > running.issued_at]
    assert later
    assert later[-1].share < running.share


def test_a_platform_that_refuses_is_noted_and_left_alone_for_a_while() -> None:
    script = _outage()
    running = _lends(script.commands)[-1]
    script.hear(result(running.command_id, "refused", 245))
    _go_on(script, 300, 720)
    assert not [c for c in _lends(script.commands) if c.from_queue == running.from_queue and c.step > running.step]
    assert "platform-refused" in {note.code for note in script.incident.notes}
    _go_on(script, 780, 1020)
    assert [c for c in _lends(script.commands) if c.from_queue == running.from_queue and c.step > running.step]


def test_the_answer_to_a_command_nobody_knows_is_refused_on_the_bus() -> None:
    script = _outage()
    answers = script.hear(result("nobody", "applied", 250))
    assert [output.topic.name for output in answers] == ["bulletins"] * 2
    assert "nobody" in script.bulletins[-1].incident_id


def test_no_more_commands_in_an_hour_than_allowed() -> None:
    script = Script(params=RespondParams(commands_an_hour_max=1), first=centre())
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    script.hear(signal("chat/orders", "surge", 102, ratio=3.0, onset=60, expected=14))
    _go_on(script, 120, 600)
    assert len([c for c in script.commands if c.reverts is None]) == 1
    assert "rate-limit" in {p.blocked_by.code for p in script.proposals if p.blocked_by}
