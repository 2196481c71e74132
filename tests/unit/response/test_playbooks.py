"""Every playbook of the drawer: its own example is read as what it answers, and its bulletins can be sent."""

from __future__ import annotations

import types
from pathlib import Path

import pytest
from desk_builder import Script, centre, minute, signal, staffed, tick

from response import drawer, playbooks
from response.playbook import Playbook, playbook_of
from response.template import messages_of
from response.words import ROLES

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


def test_no_cause_has_two_playbooks() -> None:
    answered = [cause for playbook in MEMBERS.values() for cause in playbook.answers]
    assert len(answered) == len(set(answered))


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_its_own_example_is_read_as_what_it_answers(name: str) -> None:
    playbook = MEMBERS[name]
    script = Script(first=centre("auto"))
    script.hear(minute(0), *staffed(0), tick(0))
    for sign in playbook.example:
        at = sign.channel + (f"/{sign.queue}" if sign.queue else "")
        script.hear(
            tick(sign.after_seconds - 1),
            signal(
                at, sign.signal_kind, sign.after_seconds, ratio=sign.ratio, measure=sign.measure, expected=sign.expected
            ),
        )
    last = playbook.example[-1].after_seconds
    script.pass_time(last + 10, last + 200)
    incident = script.incident
    assert incident.phase == "open"
    assert incident.cause.kind in playbook.answers
    assert incident.playbook == name
    assert {command.action for command in script.commands + script.proposals} <= set(playbook.actions)
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
