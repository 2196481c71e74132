"""A person at the command line and a real desk: a model is applied, a proposal approved, the kill switch used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from schemas import codec, topics
from schemas.centre import Centre, Duty, Rota
from schemas.command import LoadShiftCommand
from schemas.decision import OperatorDecision
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from streams import centre_file, config
from streams.__main__ import breakwater
from streams.bus import Outgoing
from streams.config import Settings
from tests.desk_builder import START, TENANT, centre, entries, telephony_outage
from tests.integration.test_worker_respond import await_that, send
from tests.recorded import partition_of, records
from tests.running_worker import Running

TOKEN = "a-token-that-nobody-guesses"


class Operator:
    """Somebody who types commands against one deployment."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._directory = directory
        self._config = directory / "operator.yaml"
        tree = settings.model_dump(mode="json", include={"broker", "tenants", "channels", "web"}, exclude_none=True)
        self._config.write_text(yaml.safe_dump(tree))

    def types(self, *arguments: str) -> Result:
        command = [*arguments, "--config", str(self._config)]
        return CliRunner().invoke(breakwater, command, catch_exceptions=False)

    def asks(self, *arguments: str) -> dict[str, Any]:
        """What `--json` has."""
        file = self._directory / "answer.json"
        done = self.types(*arguments, "--json", str(file))
        assert done.exit_code == 0, done.output
        answer: dict[str, Any] = json.loads(file.read_text())
        return answer

    def applies(self, model: Centre, *more: str) -> Result:
        file = self._directory / "centre.yaml"
        config.write_yaml(file, centre_file.tree_of(model))
        return self.types("centre", "apply", str(file), *more)


class Desk:
    """A worker with the respond role, and an operator."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.settings = settings
        self.operator = Operator(settings, directory)
        self.worker = Running(settings, directory / "worker", "--role", "respond")

    def plays(self, first: int, last: int) -> None:
        """The outage's messages between two moments, seconds after its start, onto the desk."""
        said = entries(telephony_outage())
        wanted = [e for e, _ in said if first <= (e.body.at - START).total_seconds() < last]  # type: ignore[union-attr]
        out = []
        for entry in wanted:
            headers = codec.headers(entry, id=str(entry.origin.offset), source="breakwater/test", time=START)
            out.append(Outgoing(topics.DESK.name, TENANT.encode(), codec.encode(entry), headers))
        send(self.settings, out)

    def commands(self) -> list[LoadShiftCommand]:
        found = records(self.settings, topics.LOAD_SHIFT_COMMANDS)
        return [codec.decode(LoadShiftCommand, arrival.value) for arrival in found]

    def waiting(self) -> list[dict[str, Any]]:
        incidents = self.operator.asks("incidents")["incidents"]
        return [proposal for incident in incidents for proposal in incident["proposals_waiting"]]


@pytest.fixture
def desk(kafka: Any, settings_for: Any, tmp_path: Path) -> Iterator[Desk]:
    running = Desk(settings_for(kafka, tenants={TENANT: {"clock": "event"}}), tmp_path)
    try:
        running.worker.ready()
        yield running
    finally:
        running.worker.stop()


def test_a_model_that_is_applied_reaches_the_desk_and_detection(desk: Desk) -> None:
    operator = desk.operator
    first = operator.applies(centre("approve"))
    assert "+ queue voice/orders" in first.output
    assert "The desk has it." in first.output, desk.worker.log()[-2000:]
    assert "Nothing was sent" in operator.applies(centre("approve")).output
    second = operator.applies(centre("auto"))
    assert "~ mode approve -> auto" in second.output
    for topic in (topics.DESK, topics.QUEUE_PANES):
        found = [arrival for arrival in records(desk.settings, topic) if b'"centre"' in (arrival.value or b"")]
        models = [
            codec.decode(DeskEntry, one.value).body if topic is topics.DESK else codec.decode(Centre, one.value)
            for one in found
        ]
        assert [(model.version, model.mode) for model in models] == [(1, "approve"), (2, "auto")]  # type: ignore[union-attr]
        # where the tenant's panes and its desk are read, whoever wrote the file
        assert {one.partition for one in found} == {partition_of(TENANT.encode(), topic)}
    (arrival, *_) = records(desk.settings, topics.CENTRE)
    assert dict(arrival.headers)["ce_type"] == b"breakwater.centre.v1"
    shown = operator.types("centre", "show", TENANT)
    assert "# version 2 of shop" in shown.output
    tree = yaml.safe_load(shown.output)
    assert centre_file.build(tree).centre == centre("auto")


def test_a_proposal_is_approved_once_and_the_kill_switch_takes_it_back(desk: Desk) -> None:
    operator = desk.operator
    operator.applies(centre("approve"))
    desk.plays(-300, 240)
    await_that(lambda: bool(desk.waiting()), desk.worker)
    proposal = desk.waiting()[0]
    name = proposal["command_id"]
    assert f"breakwater approve {name}" in operator.types("incidents").output
    assert desk.commands() == []

    done = operator.types("approve", name, "--by", "ana", "--note", "carrier confirmed")
    assert done.exit_code == 0, done.output
    assert "Done." in done.output
    (command,) = desk.commands()
    assert (command.command_id, command.approved_by, command.blocked_by) == (name, "ana", None)

    again = operator.types("approve", name, "--by", "bo")
    assert again.exit_code == 1
    assert "Refused: command" in again.output
    assert "approved by ana" in again.output
    assert len(desk.commands()) == 1

    page = operator.types("incident", proposal["incident_id"]).output
    assert "runs, " in page
    assert command.inverse.command_id in page
    assert "carrier confirmed" in page

    killed = operator.types("kill", "--by", "ana")
    assert killed.exit_code == 0, killed.output
    assert "Nothing is moved for shop" in killed.output
    assert desk.commands()[-1].reverts == name
    desk.plays(240, 420)
    stopped = operator.types("incidents").output
    assert "the kill switch is on (by ana)" in stopped
    assert "STOPPED by ana" in stopped
    assert "breakwater unkill shop" in stopped
    assert "Stopped by ana" in operator.types("handover").output
    assert len(desk.commands()) == 2
    assert operator.types("unkill").exit_code == 0
    assert "STOPPED" not in operator.types("incidents").output
    twice = operator.types("unkill")
    assert (twice.exit_code, "the kill switch is not on" in twice.output) == (1, True)


def test_one_way_is_stopped_and_let_go_on_and_the_next_shift_hears_of_all_that_is_open(desk: Desk) -> None:
    operator = desk.operator
    rotas = [Rota(name="operations", duties=[Duty(who="ana")])]
    operator.applies(centre("auto", on_call=rotas))
    desk.plays(-300, 240)
    await_that(lambda: bool(desk.commands()), desk.worker)
    name = desk.commands()[0].command_id
    (incident,) = operator.asks("incidents")["incidents"]
    assert "asked: ana" in operator.types("incidents").output
    notes = operator.types("handover").output
    assert "On call, operations: ana" in notes
    assert incident["incident_id"] in notes
    assert f"({name})" in notes

    assert operator.types("kill", name, "--by", "bo").exit_code == 0
    assert f"breakwater unkill {name}" in operator.types("incidents").output
    assert name in {command.reverts for command in desk.commands()}
    assert operator.types("unkill", name).exit_code == 0
    assert operator.types("unkill", name).exit_code == 1

    early = operator.types("recovery", incident["incident_id"])
    assert (early.exit_code, "once it eases" in early.output) == (0, True)
    desk.plays(240, 5000)
    await_that(lambda: operator.asks("recovery", incident["incident_id"])["recovery"] is not None, desk.worker)
    said = operator.types("recovery", incident["incident_id"]).output
    assert "Do not stand down yet" in said
    assert "escalations beyond the usual ones" in said


def test_an_incident_is_taken_on_muted_and_ended_by_a_person(desk: Desk) -> None:
    operator = desk.operator
    operator.applies(centre("approve"))
    desk.plays(-300, 240)
    await_that(lambda: bool(operator.asks("incidents")["incidents"]), desk.worker)
    (incident,) = operator.asks("incidents")["incidents"]
    name = incident["incident_id"]
    assert operator.types("ack", name, "--by", "ana").exit_code == 0
    assert operator.types("ack", name, "--by", "bo").exit_code == 1
    assert operator.types("mute", name, "--for", "2h").exit_code == 0
    (muted,) = operator.asks("incidents")["incidents"]
    assert (muted["acknowledged_by"], bool(muted["muted_until"])) == ("ana", True)
    assert operator.types("unmute", name).exit_code == 0
    with pytest.raises(BadConfig, match="is no incident, proposal, command or staffing alert on the bus"):
        operator.types("ack", name[:-1] + "x")
    wrong = operator.types("approve", name)
    assert (wrong.exit_code, "takes the id of a proposal" in wrong.output) == (2, True)
    apart = operator.types("split", name, "social")
    assert apart.exit_code == 0, apart.output
    (other,) = {one["incident_id"] for one in operator.asks("incidents")["incidents"]} - {name}
    assert operator.types("merge", name, other).exit_code == 0
    assert operator.types("merge", name, other).exit_code == 1
    over = operator.asks("not-an-incident", name, "--by", "ana", "--note", "a drill nobody announced")
    assert over["outcome"] == "done"
    assert operator.asks("incidents")["incidents"] == []
    (resolved,) = [one for one in operator.asks("incidents", "--all")["incidents"] if one["incident_id"] == name]
    assert resolved["moves"][-1]["reason"]["code"] == "not-an-incident"
    assert operator.types("ack", name).exit_code == 1
    decisions = [codec.decode(OperatorDecision, one.value) for one in records(desk.settings, topics.OPERATOR_DECISIONS)]
    assert len({decision.decision_id for decision in decisions}) == len(decisions)


def test_an_operators_decision_waits_for_a_desk_that_is_away(kafka: Any, settings_for: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    ana = {"name": "ana", "token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}
    settings = settings_for(kafka, web={"operators": [ana]})
    operator, signed = Operator(settings, tmp_path), ("--token-file", str(tmp_path / "token"))
    with pytest.raises(BadConfig, match="no tenant has a model"):
        operator.types("kill", *signed)
    published = operator.applies(centre("approve"), "--wait", "0")
    assert "No worker with role respond has read it yet" in published.output
    with pytest.raises(BadConfig, match="--token-file: is needed"):
        operator.types("kill", "--by", "ana")
    assert records(settings, topics.OPERATOR_DECISIONS) == []
    unheard = operator.types("kill", "--wait", "1", *signed)
    assert unheard.exit_code == 3
    assert "No answer yet" in unheard.output
    worker = Running(settings, tmp_path / "worker", "--role", "respond")
    try:
        worker.ready()
        answered = operator.types("unkill", *signed)
        assert (answered.exit_code, "Done." in answered.output) == (0, True), worker.log()[-2000:]
        written = [codec.decode(OperatorDecision, one.value) for one in records(settings, topics.OPERATOR_DECISIONS)]
        assert [(one.by, one.action) for one in written] == [("ana", "kill"), ("ana", "unkill")]
    finally:
        worker.stop()
