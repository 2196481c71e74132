"""What waits, what runs and what is over, told from what the desk said."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from rich.console import Console

from schemas.command import Bulletin
from schemas.decision import OperatorDecision
from schemas.fold import Output
from schemas.notice import Notification
from schemas.topics import COMMAND_RESULTS, NOTIFICATIONS, OPERATOR_DECISIONS, STAFFING_ALERTS
from streams import config, dossier
from streams.cli import incident as incident_command
from streams.cli._incident_lines import page, to_approve
from streams.cli.handover import unread
from streams.cli.incidents import table
from streams.dossier import Dossier
from tests.desk_builder import START, Script, centre, decision, minute, result, signal, staffed, tick
from tests.scripted_outage import staffing_alert


@pytest.fixture
def script() -> Script:
    """A telephony outage in mode approve: proposals wait."""
    script = Script(first=centre("approve"))
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    script.hear(*staffed(60, voice_idle=True), minute(60, {"voice": 0}), tick(60))
    return script


def of(script: Script, *more: tuple[str, Any]) -> Dossier:
    """The only incident's dossier, from everything that the fold said and what others said besides."""
    said: list[Output] = script.outputs
    (one,) = dossier.gather([*((output.topic.name, output.value) for output in said), *more]).values()
    return one


def now(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


def shown(one: Dossier, seconds: float) -> str:
    return "\n".join(line.plain for line in page(one, now(seconds)))


def test_a_proposal_waits_until_it_expires(script: Script) -> None:
    one = of(script)
    waiting = dossier.waiting(one, now(70))
    assert [proposal.command_id for proposal in waiting] == [proposal.command_id for proposal in script.proposals]
    seconds = (waiting[0].expires_at - now(70)).total_seconds()
    assert dossier.how_proposed(one, waiting[0], now(70)).text == f"waits for approval, {int(seconds // 60)} min " + (
        f"{int(seconds % 60)} s left"
    )
    assert dossier.waiting(one, waiting[0].expires_at) == []
    assert dossier.how_proposed(one, waiting[0], waiting[0].expires_at).text == "expired"


def test_an_approved_proposal_is_a_command_that_runs(script: Script) -> None:
    proposal = script.proposals[0]
    script.hear(decision("approve", proposal.command_id, 70))
    one = of(script)
    assert proposal not in dossier.waiting(one, now(75))
    assert dossier.how_proposed(one, proposal, now(75)).text == "approved"
    (command,) = one.commands.values()
    assert dossier.how_commanded(one, command, now(75)).stands
    answered = of(script, (COMMAND_RESULTS.name, result(command.command_id, "applied", 72)))
    assert "applied" in dossier.how_commanded(answered, command, now(75)).text
    refused = of(script, (COMMAND_RESULTS.name, result(command.command_id, "refused", 72)))
    assert dossier.how_commanded(refused, command, now(75)) == (False, "refused by the platform", False)
    assert dossier.how_commanded(one, command, command.expires_at).text == "expired"


def test_a_rejected_proposal_is_over(script: Script) -> None:
    proposal = script.proposals[0]
    script.hear(decision("reject", proposal.command_id, 70))
    standing = dossier.how_proposed(of(script), script.closed[-1], now(75))
    assert standing == (False, "ana rejected it", False)


def test_the_kill_switch_takes_back_and_blocks(script: Script) -> None:
    script.hear(decision("approve", script.proposals[0].command_id, 70))
    script.hear(decision("kill", "shop", 80), tick(85))
    script.pass_time(90, 200)
    one = of(script)
    command = next(command for command in one.commands.values() if not command.reverts)
    assert "taken back at" in dossier.how_commanded(one, command, now(210)).text
    assert dossier.waiting(one, now(210)) == []
    blocked = [p for p in one.proposals.values() if dossier.how_proposed(one, p, now(210)).blocked]
    assert blocked
    text = "\n".join(line.plain for line in to_approve(one, now(210)))
    assert "the kill switch is on (by ana)" in text
    assert "breakwater approve" not in text


def test_a_later_step_replaces_an_earlier_one(script: Script) -> None:
    script.hear(decision("kill", "shop", 80), tick(85))
    script.hear(decision("unkill", "shop", 90), tick(95))
    one = of(script)
    first = next(iter(one.proposals.values()))
    assert dossier.how_proposed(one, first, now(100)).text == "ana used the kill switch"
    assert len(dossier.waiting(one, now(100))) == len({(p.from_queue, p.to_queue) for p in one.proposals.values()})


def test_nothing_waits_when_the_incident_is_over(script: Script) -> None:
    script.hear(decision("resolve", script.incident.incident_id, 70))
    one = of(script)
    assert dossier.waiting(one, now(75)) == []
    assert "over: the incident is resolved" in dossier.how_proposed(one, script.proposals[0], now(75)).text
    assert "breakwater" not in shown(one, 75)


def test_what_others_said_is_filed_with_the_incident_that_it_is_about(script: Script) -> None:
    said = decision("approve", script.proposals[0].command_id, 70, note="go on")
    elsewhere = decision("acknowledge", "shop-00000000000000000000", 70)
    notice = Notification(
        notice_id="n", tenant="shop", incident_id=script.incident.incident_id, sink="pagerduty", what="opened",
        outcome="delivered", attempt=1, at=START,
    )  # fmt: skip
    more = [(OPERATOR_DECISIONS.name, said), (OPERATOR_DECISIONS.name, elsewhere), (NOTIFICATIONS.name, notice)]
    one = of(script, *more)
    assert one.decisions == [said]
    assert one.notices == [notice]
    assert "pagerduty: opened delivered" in shown(one, 75)
    assert "ana: approve" in shown(one, 75)
    assert "go on" in shown(one, 75)


def test_a_page_has_what_a_person_needs_to_decide(script: Script) -> None:
    text = shown(of(script), 75)
    incident, proposal = script.incident, script.proposals[0]
    for word in (
        incident.incident_id,
        incident.title,
        f"{incident.cause.sureness:.0%} sure",
        incident.moves[-1].reason.text,
        "voice silence: 0 against 10 expected",
        f"breakwater approve {proposal.command_id}",
        f"breakwater reject {proposal.command_id}",
        f"breakwater ack {incident.incident_id}",
        "stops by itself when",
        "give up",
        "to customers, also in de",
    ):
        assert word in text, word


def test_a_running_command_is_shown_with_its_end_and_its_inverse(script: Script) -> None:
    script.hear(decision("approve", script.proposals[0].command_id, 70))
    command = script.commands[0]
    text = shown(of(script), 75)
    for word in ("runs, ", "approved by ana", command.inverse.command_id, f"breakwater kill {command.command_id}"):
        assert word in text, word
    assert f"breakwater approve {command.command_id}" not in text


def test_a_refusal_stands_in_the_story(script: Script) -> None:
    proposal = script.proposals[0]
    script.hear(decision("approve", proposal.command_id, 70), decision("approve", proposal.command_id, 75, by="bo"))
    text = shown(of(script), 80)
    assert text.count("runs already (approved by ana)") == 1
    assert "Nicht ausgeführt" not in text


def test_a_muted_and_acknowledged_incident_offers_what_is_left(script: Script) -> None:
    name = script.incident.incident_id
    script.hear(decision("acknowledge", name, 70), decision("mute", name, 71))
    text = shown(of(script), 80)
    assert "taken on by ana" in text
    assert f"breakwater unmute {name}" in text
    assert f"breakwater mute {name}" not in text
    assert f"breakwater ack {name}" not in text


def test_the_list_has_a_row_with_what_waits(script: Script) -> None:
    one = of(script)
    out = Console(width=200, file=io.StringIO())
    out.print(table([one], {"shop": now(75)}))
    text = out.file.getvalue()  # type: ignore[attr-defined]
    assert one.incident.incident_id in text
    assert "nobody" in text
    assert text.rstrip().endswith(str(len(script.proposals)))


def test_the_figures_say_how_each_shift_stands(script: Script) -> None:
    script.hear(decision("approve", script.proposals[0].command_id, 70))
    figures = incident_command.figures(of(script), now(75))
    (command,) = figures["commands"]
    assert command["stands"] is True
    assert command["inverse"]["command_id"] == script.commands[0].inverse.command_id
    assert {proposal["how"] for proposal in figures["proposals"]} >= {"approved"}


def test_a_tenant_whose_history_is_played_has_the_time_of_its_events(script: Script) -> None:
    one = of(script)
    played = config.load(environment={}, tenants={"shop": {"clock": "event"}})
    assert dossier.now_of(played, [one], "shop") == max(one.incident.at, *(p.issued_at for p in script.proposals))
    live = config.load(environment={})
    assert dossier.now_of(live, [one], "shop") != one.incident.at


def test_receipts_and_a_yes_to_an_alert_belong_to_its_incident(script: Script) -> None:
    incident_id, said = script.incident.incident_id, script.said(Bulletin)
    alert = msgspec.structs.replace(staffing_alert("chat", "orders", now(60), 4), incident_id=incident_id)
    bulletin = next(one for one in said if one.incident_id == incident_id)
    receipt, yes = decision("read", bulletin.bulletin_id, 80), decision("approve", alert.alert_id, 81)
    topics_of = [(STAFFING_ALERTS.name, alert), (OPERATOR_DECISIONS.name, receipt), (OPERATOR_DECISIONS.name, yes)]
    one = of(script, *topics_of)
    assert one.decisions == [receipt, yes]
    asked = msgspec.structs.replace(bulletin, read_by=now(300), to=["ana"])
    told = msgspec.structs.replace(one, bulletins=[asked])
    assert unread(told, now(90)) == []
    assert unread(msgspec.structs.replace(told, decisions=[]), now(90)) == [asked]
    assert "read" not in {word for line in shown(one, 90).splitlines() for word in line.split()}


def test_what_belongs_to_no_incident_is_left_out() -> None:
    assert dossier.gather([(OPERATOR_DECISIONS.name, decision("kill", "shop", 1))]) == {}
    assert isinstance(decision("kill", "shop", 1), OperatorDecision)


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (61, "1 min 1 s"), (3720, "1 h 2 min"), (-3, "0 s")])
def test_a_countdown_is_read_at_a_glance(seconds: float, text: str) -> None:
    assert dossier.left(now(seconds), now(0)) == text
