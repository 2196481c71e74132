"""The commands with which people decide and publish, without a broker."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import msgspec
import pytest
from click.testing import CliRunner

from schemas.decision import OperatorDecision
from schemas.errors import BadConfig
from streams import centre_file, config, decide, state, targets
from streams.__main__ import breakwater
from streams.cli import _decide
from streams.cli._moments import SPAN
from streams.cli.centre import numbered
from streams.targets import Target
from tests.desk_builder import Script, centre, decision, minute, signal, staffed, tick
from tests.notice_examples import staffing_alert

EXAMPLE = Path(__file__).parents[3] / "docs" / "centre.yaml"
ACTIONS = {
    "ack": "acknowledge", "approve": "approve", "reject": "reject", "mute": "mute", "unmute": "unmute", "kill": "kill",
    "unkill": "unkill", "resolve": "resolve", "not-an-incident": "not-an-incident", "merge": "merge", "split": "split",
    "accept-new-normal": "accept-new-normal",
}  # fmt: skip


def run(*arguments: str) -> Any:
    return CliRunner().invoke(breakwater, list(arguments), catch_exceptions=False)


@pytest.fixture
def script() -> Script:
    script = Script(first=centre("approve"))
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    script.hear(*staffed(60, voice_idle=True), minute(60, {"voice": 0}), tick(60))
    return script


def told(made: OperatorDecision, value: Any, outcome: str, why: str | None = None, said: Any = ()) -> str:
    lines = _decide.lines(made, Target("shop", made.target, value), outcome, why, list(said))
    return "\n".join(line.plain for line in lines)


@pytest.mark.parametrize("name", ACTIONS)
def test_every_decision_has_a_command_with_help(name: str) -> None:
    shown = run(name, "--help")
    assert shown.exit_code == 0
    for option in ("--by", "--token-file", "--tenant", "--note", "--wait", "--json", "--config"):
        assert option in shown.output
    assert ("--for" in shown.output) == (name == "mute")


def test_every_command_is_an_action_of_the_contract() -> None:
    known = get_args(get_type_hints(OperatorDecision)["action"])
    assert set(ACTIONS.values()) <= set(known)
    assert set(ACTIONS.values()) == {*_decide.DONE, "kill", "mute"}


@pytest.mark.parametrize("name", sorted(set(ACTIONS) - {"kill", "unkill"}))
def test_a_decision_about_one_thing_needs_its_name(name: str) -> None:
    shown = run(name)
    assert shown.exit_code == 2
    assert "Missing argument 'ID'" in shown.output


def test_what_was_done_is_said_with_all_that_the_desk_did(script: Script) -> None:
    proposal = script.proposals[0]
    made = decision("approve", proposal.command_id, 70)
    said = [output.value for output in script.hear(made)]
    assert decide.refusal(said) is None
    text = told(made, proposal, "done", said=said)
    assert text.startswith("Done. ")
    assert "load-shift-commands" in text
    assert "approved by ana" in text


def test_a_refusal_is_said_once_with_the_reason(script: Script) -> None:
    proposal = script.proposals[0]
    script.hear(decision("approve", proposal.command_id, 70))
    made = decision("approve", proposal.command_id, 75, by="bo")
    why = decide.refusal([output.value for output in script.hear(made)])
    assert why is not None
    assert told(made, proposal, "refused", why) == (
        f"Refused: command {proposal.command_id} runs already (approved by ana)"
    )


def test_a_mute_says_until_when(script: Script) -> None:
    made = decision("mute", script.incident.incident_id, 70)
    said = [output.value for output in script.hear(made)]
    assert "until 11-24 11:01:00Z" in told(made, script.incident, "done", said=said)


def test_silence_says_what_to_look_after(script: Script) -> None:
    assert "worker with role respond" in told(decision("kill", "shop", 1), centre(), "no-answer")


def test_the_kill_switch_says_how_far_it_reaches(script: Script) -> None:
    incident, proposal = script.incident, script.proposals[0]
    whole = told(decision("kill", "shop", 1), centre(), "done")
    assert "Nothing is moved for shop" in whole
    assert "breakwater unkill shop" in whole
    assert "this incident" in told(decision("kill", proposal.command_id, 1), proposal, "done").lower()
    assert incident.incident_id in told(decision("kill", incident.incident_id, 1), incident, "done")
    over = msgspec.structs.replace(incident, phase="resolved")
    assert "everything of shop" in told(decision("kill", incident.incident_id, 1), over, "done")


def test_a_name_of_the_wrong_kind_is_refused_before_anything_is_sent(script: Script) -> None:
    target = Target("shop", "x", script.incident)
    with pytest.raises(click.UsageError, match="x is an incident, this takes the id of a proposal"):
        _decide._refuse_another_kind("a proposal", target)
    _decide._refuse_another_kind("an incident", target)
    _decide._refuse_another_kind("anything", Target("shop", "shop", centre()))


def test_a_staffing_alert_calls_the_bench_in_and_takes_no_other_word() -> None:
    alert = staffing_alert()
    target = Target("shop", alert.alert_id, alert)
    _decide._refuse_another_kind("a proposal", target)
    for takes in ("an incident", "anything"):
        with pytest.raises(click.UsageError, match="is a staffing alert"):
            _decide._refuse_another_kind(takes, target)
    assert "called in" in told(decision("approve", alert.alert_id, 1), alert, "done")
    assert "free again" in told(decision("reject", alert.alert_id, 1), alert, "done")


@pytest.mark.parametrize(("text", "span"), [("90s", timedelta(seconds=90)), ("2h", timedelta(hours=2))])
def test_a_span_is_typed_as_a_number_and_a_unit(text: str, span: timedelta) -> None:
    assert SPAN.convert(text, None, None) == span


@pytest.mark.parametrize("text", ["0m", "-3h", "tomorrow", "99999999d", ""])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="30m, 2h"):
        SPAN.convert(text, None, None)


def test_a_muted_incident_of_a_played_history_counts_from_its_events(script: Script) -> None:
    target = Target("shop", script.incident.incident_id, script.incident)
    settings = config.load(environment={}, tenants={"shop": {"clock": "event"}})
    made = _decide.made(settings, "mute", target, "ana", None, timedelta(hours=2))
    assert made.until == script.incident.at + timedelta(hours=2)
    live = _decide.made(config.load(environment={}), "mute", target, "bo", None, timedelta(hours=2))
    assert live.until is not None
    assert live.until - live.at < timedelta(hours=2, seconds=5)
    assert (made.by, live.by) == ("ana", "bo")
    assert live.decision_id != made.decision_id


def test_a_commit_of_a_state_says_how_far_it_was_applied() -> None:
    header = [("applied", b"41")]
    assert state.applied_by(b"desk|2||ab12", header) == (("desk", 2), 41)
    assert state.applied_by(b"desk|2|shop|ab12", header) is None
    assert state.applied_by(b"fence|desk|2", []) is None
    assert state.applied_by(None, []) is None


# ---- centre


def test_a_file_without_mistakes_is_said_to_be_so() -> None:
    shown = run("centre", "check", str(EXAMPLE))
    assert shown.exit_code == 0
    assert "Nothing is wrong" in shown.output
    assert "sale has no season" in shown.output


def test_every_mistake_of_a_file_is_raised_at_once(tmp_path: Path) -> None:
    file = tmp_path / "centre.yaml"
    file.write_text("tenant: shop\nmode: atuo\nqueues: [{at: voice/a}]\n")
    with pytest.raises(BadConfig) as raised:
        run("centre", "check", str(file))
    assert {path for path, _ in raised.value.problems} == {"mode", "queues[0].at"}


def test_a_file_that_names_no_version_gets_the_next_one() -> None:
    new = centre_file.build({"tenant": "shop"}).centre
    assert new is not None
    assert numbered(new, None, named=False, force=False).version == 1
    assert numbered(new, centre(version=7), named=False, force=False).version == 8


def test_an_older_version_goes_out_only_by_force_and_as_the_next_one() -> None:
    older, published = centre(version=5), centre(version=7)
    with pytest.raises(BadConfig, match="5 is not above the published 7: write 8"):
        numbered(older, published, named=True, force=False)
    assert numbered(older, published, named=True, force=True).version == 8
    assert numbered(centre(version=12), published, named=True, force=False).version == 12


# ---- what a name means


def test_a_name_that_several_tenants_have_is_asked_for() -> None:
    both = [Target(tenant, tenant, centre()) for tenant in ("shop", "bank")]
    with pytest.raises(BadConfig, match="which one\\? There is bank, shop"):
        targets._only(both, None, None)
    assert targets._only(both[:1], None, None) is both[0]


def test_a_name_of_nothing_says_where_names_are() -> None:
    with pytest.raises(BadConfig, match="of shop on the bus: `breakwater incidents`"):
        targets._only([], "deadbeef", "shop")
    with pytest.raises(BadConfig, match="shop has no model: `breakwater centre apply"):
        targets._only([], None, "shop")
