"""Every playbook of the drawer: its own example is read as what it answers, and its bulletins can be sent."""

from __future__ import annotations

import types
from pathlib import Path
from typing import get_args

import pytest
from desk_builder import Script, centre, minute, signal, staffed, telephony_outage, tick, tool

from response import drawer, playbooks
from response.playbook import Playbook, Sign, playbook_of
from response.template import messages_of
from response.words import ROLES
from schemas.incident import CauseKind, Incident
from schemas.signal import Signal

MEMBERS = drawer.members(playbooks, Playbook)
LANGUAGES = ("en", "de")


def test_each_file_of_the_drawer_holds_one_playbook() -> None:
    found = {path.stem for path in Path(playbooks.__path__[0]).glob("*.py") if not path.stem.startswith("_")}
    assert set(MEMBERS) == found
    assert {"telephony_outage", "demand_surge", "data_feed_lost"} <= found


def test_a_file_without_a_member_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "half_empty"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "nothing.py").write_text("PLAYBOOK = 'soon'\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = types.ModuleType("half_empty")
    module.__path__ = [str(package)]
    with pytest.raises(TypeError, match="exactly one Playbook, it holds 0"):
        drawer.members(module, Playbook)


def test_each_cause_that_can_be_named_has_one_playbook() -> None:
    answered = [cause for playbook in MEMBERS.values() for cause in playbook.answers]
    assert sorted(answered) == sorted(set(get_args(CauseKind)) - {"unknown"})


def test_no_wave_has_two_playbooks() -> None:
    answered = [wave for playbook in MEMBERS.values() for wave in playbook.waves]
    assert "escalation-wave" in answered
    assert len(answered) == len(set(answered))


def _lines(sign: Sign) -> list[tuple[float, Signal]]:
    """A sign's signal as it opens, and as it is cleared where it does not last."""
    at = sign.channel + (f"/{sign.queue}" if sign.queue else "")
    opens = sign.after_seconds
    more = {"ratio": sign.ratio, "measure": sign.measure, "expected": sign.expected, "onset": opens - 20}
    said = [(opens, signal(at, sign.signal_kind, opens, **more))]
    if sign.lasts_seconds is not None:
        over = opens + sign.lasts_seconds
        said.append((over, signal(at, sign.signal_kind, over, opened=opens, state="cleared", revision=2, **more)))
    return said


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_its_own_example_is_read_as_what_it_answers(name: str) -> None:
    playbook = MEMBERS[name]
    script = Script(first=centre("auto"))
    script.hear(minute(0), *staffed(0), tick(0), *[tool(down, 5) for down in playbook.example_tools_down])
    said = [line for sign in playbook.example for line in _lines(sign)]
    for seconds, spoken in sorted(said, key=lambda line: line[0]):
        script.hear(tick(seconds - 1), spoken)
    last = max(seconds for seconds, _ in said)
    script.pass_time(last + 10, last + 200)
    incident = script.incident
    if playbook.answers:
        assert incident.phase == "open"
        assert incident.cause.kind in playbook.answers
        assert {command.action for command in script.commands + script.proposals} <= set(playbook.actions)
    assert incident.playbook == name
    told = [bulletin for bulletin in script.bulletins if bulletin.template == playbook.messages]
    assert {bulletin.language for bulletin in told} == set(LANGUAGES)
    assert all(bulletin.approved and "{" not in bulletin.text for bulletin in told)
    assert "not-sendable" not in {note.code for note in incident.notes}


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_its_steps_have_a_role_an_owner_a_clock_and_both_languages(name: str) -> None:
    steps = MEMBERS[name].steps
    assert [step.within_minutes for step in steps] == sorted(step.within_minutes for step in steps)
    for step in steps:
        assert step.owner
        assert step.within_minutes > 0
        assert set(step.text) == set(LANGUAGES)
        assert step.role in ROLES


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_its_messages_have_supervisors_told_at_the_start_and_the_end(name: str) -> None:
    found = messages_of(MEMBERS[name].messages)
    for language in LANGUAGES:
        assert found.of("supervisors", language, "open")
        assert found.of("supervisors", language, "over")


def test_a_cause_without_a_playbook_has_none() -> None:
    assert playbook_of("unknown") is None


def test_the_wave_after_an_outage_is_worked_by_its_own_playbook_and_then_said_to_be_over() -> None:
    script = Script(first=centre())
    script.hear(*telephony_outage())
    said = script.said(Incident)
    assert {incident.playbook for incident in said if incident.phase == "open"} == {"telephony_outage"}
    easing = [incident for incident in said if incident.phase == "easing"]
    waves = [any(s.signal_kind == "escalation-wave" and s.state != "cleared" for s in i.symptoms) for i in easing]
    assert True in waves
    assert [i.playbook == "escalation_wave" for i in easing] == waves
    assert script.incident.playbook == "telephony_outage"
    wave = [b for b in script.bulletins if b.template == "escalation_wave" and b.audience == "supervisors"]
    assert [(b.language, b.next_update_at is None) for b in wave[:2]] == [("en", False), ("de", False)]
    assert [(b.language, b.next_update_at is None) for b in wave[-2:]] == [("en", True), ("de", True)]
    # what failed works again is said once, whatever the wave does
    over = [b for b in script.bulletins if b.template == "telephony_outage" and b.next_update_at is None]
    assert len({(b.audience, b.language) for b in over}) == len(over)


def test_a_wave_whose_outage_nobody_saw_is_answered_at_once() -> None:
    script = Script(first=centre())
    script.hear(minute(0), *staffed(0), signal("chat", "escalation-wave", 20, ratio=3.0, measure="escalated"))
    script.pass_time(30, 400)
    assert script.incident.cause.kind == "unknown"
    assert script.incident.playbook == "escalation_wave"
    assert {b.template for b in script.bulletins} >= {"escalation_wave"}
