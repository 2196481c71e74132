"""What people decide is done once, or refused with a reason; never twice, never a crash."""

from __future__ import annotations

from datetime import timedelta

import pytest
from desk_builder import START, Script, agents, centre, decision, minute, signal, staffed, tick

from schemas.command import LoadShiftCommand


@pytest.fixture
def script() -> Script:
    """A telephony outage in mode approve: proposals wait."""
    script = Script(first=centre("approve"))
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    script.hear(*staffed(60, voice_idle=True), minute(60, {"voice": 0}), tick(60))
    return script


def _waiting(script: Script) -> LoadShiftCommand:
    return script.proposals[0]


def _refusals(script: Script) -> list[str]:
    return [
        bulletin.text for bulletin in script.bulletins if bulletin.template == "refusal" and bulletin.language == "en"
    ]


def test_an_approval_turns_the_proposal_into_the_command_of_the_same_id(script: Script) -> None:
    proposal = _waiting(script)
    script.hear(decision("approve", proposal.command_id, 70))
    (command,) = script.commands
    assert command.command_id == proposal.command_id
    assert command.approved_by == "ana"
    assert command.blocked_by is None
    assert command.share == proposal.share
    assert command.expires_at == proposal.expires_at


def test_a_second_approval_is_refused_and_moves_nothing_more(script: Script) -> None:
    proposal = _waiting(script)
    script.hear(decision("approve", proposal.command_id, 70), decision("approve", proposal.command_id, 75, by="bo"))
    assert len(script.commands) == 1
    assert "approved by ana" in _refusals(script)[-1]


def test_the_same_decision_delivered_twice_is_one(script: Script) -> None:
    proposal = _waiting(script)
    once = decision("approve", proposal.command_id, 70, decision_id="same")
    script.hear(once, once)
    assert len(script.commands) == 1
    assert not _refusals(script)


def test_a_rejection_after_an_approval_is_refused(script: Script) -> None:
    proposal = _waiting(script)
    script.hear(decision("approve", proposal.command_id, 70), decision("reject", proposal.command_id, 75))
    assert len(script.commands) == 1
    assert "runs already" in _refusals(script)[-1]


def test_an_approval_after_a_rejection_is_refused(script: Script) -> None:
    proposal = _waiting(script)
    script.hear(decision("reject", proposal.command_id, 70))
    rejected = script.closed[-1]
    assert rejected.blocked_by is not None
    assert rejected.blocked_by.code == "rejected"
    script.hear(decision("approve", proposal.command_id, 75))
    assert not script.commands
    assert "rejected" in _refusals(script)[-1]


def test_an_approval_that_comes_too_late_is_refused(script: Script) -> None:
    proposal = _waiting(script)
    script.hear(*[tick(second, complete=60) for second in range(100, 2400, 60)])
    script.hear(decision("approve", proposal.command_id, 2400))
    assert not script.commands
    assert "expired" in _refusals(script)[-1]


def test_an_approval_for_an_incident_that_eases_is_refused(script: Script) -> None:
    proposal = _waiting(script)
    script.hear(signal("voice", "silence", 80, ratio=0.0, onset=1, opened=20, state="cleared", revision=2))
    script.pass_time(90, 300)
    script.hear(decision("approve", proposal.command_id, 310))
    assert not script.commands
    assert _refusals(script)


def test_an_approval_of_what_is_no_longer_safe_is_refused(script: Script) -> None:
    proposal = next(p for p in script.proposals if p.action == "second-carrier")
    script.hear(agents("voice/billing", 65, 22, 22))
    script.hear(decision("approve", proposal.command_id, 70))
    assert not script.commands
    assert "keeps at least 20 agents" in _refusals(script)[-1]


def test_an_approval_while_the_kill_switch_is_on_is_refused(script: Script) -> None:
    proposal = _waiting(script)
    script.hear(decision("kill", "shop", 65), decision("approve", proposal.command_id, 70))
    assert not script.commands
    assert _refusals(script)


@pytest.mark.parametrize("action", ["approve", "reject", "acknowledge", "mute", "merge", "split", "resolve"])
def test_a_decision_about_something_unknown_is_refused_with_its_reason(script: Script, action: str) -> None:
    script.hear(decision(action, "no-such-thing", 70, by="bo"))
    assert "no-such-thing" in _refusals(script)[-1]
    assert "bo" in _refusals(script)[-1]


@pytest.mark.parametrize("action", ["approve", "kill", "resolve", "unkill"])
def test_a_decision_before_anything_else_was_heard_does_no_harm(action: str) -> None:
    script = Script()
    script.hear(decision(action, "x", 0))
    script.hear(signal("voice", "silence", 20, ratio=0.0))
    assert script.incident.phase == "open"


def test_acknowledging_is_seen_and_a_second_person_is_told_who_did(script: Script) -> None:
    incident_id = script.incident.incident_id
    script.hear(decision("acknowledge", incident_id, 70))
    assert script.incident.acknowledged_by == "ana"
    script.hear(decision("acknowledge", incident_id, 75, by="bo"))
    assert script.incident.acknowledged_by == "ana"
    assert "ana has acknowledged" in _refusals(script)[-1]


def test_mute_and_unmute(script: Script) -> None:
    incident_id = script.incident.incident_id
    script.hear(decision("mute", incident_id, 70, until=START + timedelta(hours=2)))
    assert script.incident.muted_until == START + timedelta(hours=2)
    script.hear(decision("unmute", incident_id, 80))
    assert script.incident.muted_until is None


@pytest.mark.parametrize(
    ("action", "code"), [("not-an-incident", "not-an-incident"), ("resolve", "resolved-by-operator")]
)
def test_a_person_can_end_it_and_its_signals_do_not_open_it_anew(script: Script, action: str, code: str) -> None:
    script.hear(decision("approve", _waiting(script).command_id, 70))
    script.hear(decision(action, script.incident.incident_id, 80))
    assert script.incident.phase == "resolved"
    assert script.incident.moves[-1].reason.code == code
    assert script.commands[-1].reverts == script.commands[0].command_id
    script.hear(signal("voice", "silence", 90, ratio=0.0, onset=1, opened=20, state="revised", revision=2), tick(100))
    assert len(script.incidents) == 1
    script.hear(signal("voice", "silence", 110, ratio=0.0, onset=1, opened=20, state="cleared", revision=3))
    script.hear(signal("voice", "silence", 200, ratio=0.0))
    assert len(script.incidents) == 2


def test_a_merge_keeps_the_older_id_and_points_to_it(script: Script) -> None:
    older = script.incident.incident_id
    script.hear(signal("email", "silence", 3000, ratio=0.0, onset=2900))
    younger = next(name for name in script.incidents if name != older)
    script.hear(decision("merge", older, 3010, into=younger))
    assert script.incidents[younger].phase == "resolved"
    assert script.incidents[younger].merged_into == older
    assert {str(s.series) for s in script.incidents[older].symptoms} == {"voice", "email"}
    script.hear(
        signal("email", "silence", 3100, ratio=0.0, onset=2900, opened=3000, state="cleared", revision=2), tick(3200)
    )
    assert len(script.incidents) == 2


def test_a_split_makes_a_second_incident_and_they_stay_apart(script: Script) -> None:
    script.hear(signal("email", "surge", 100, ratio=2.0), signal("email/orders", "surge", 110, ratio=2.0))
    whole = script.incident.incident_id
    script.hear(decision("split", whole, 120, into="email"))
    assert len(script.incidents) == 2
    own = next(incident for name, incident in script.incidents.items() if name != whole)
    assert own.scope.channels == ["email"]
    assert own.cause.kind == "demand-surge"
    assert {str(s.series) for s in script.incidents[whole].symptoms} == {"voice"}
    script.hear(signal("email", "surge", 130, ratio=2.5, opened=100, state="revised", revision=2), tick(140))
    assert len(script.incidents) == 2
