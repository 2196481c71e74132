"""What the folds said can be read from the metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.openmetrics import exposition as openmetrics

from response import guard
from response.pipeline import ResponseFold
from schemas import codec, documents
from schemas.base import Origin, QueueRef
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskBody, DeskEntry
from schemas.health import ToolHealth
from schemas.incident import Reason
from schemas.signal import Load, QueueLoad
from schemas.status import SlowTool
from schemas.workforce import Workforce
from streams import telemetry
from streams.gauges import Gauges
from tests.desk_builder import START, centre, entries, telephony_outage

EXAMPLES = Path(__file__).parents[3] / "schemas/examples"
AT = datetime(2026, 11, 24, 16, 12, tzinfo=UTC)
HALF_WAY = timedelta(minutes=20)
ORIGIN = Origin(topic="queue-panes", partition=0, offset=1)


def example(kind: str) -> Any:
    return codec.decode(documents.BY_KIND[kind], (EXAMPLES / f"{kind}.v1.json").read_bytes())


def value(name: str, **labels: str) -> float | None:
    return telemetry.REGISTRY.get_sample_value(f"breakwater_{name}", labels)


def desk(body: DeskBody) -> DeskEntry:
    return DeskEntry(tenant=body.tenant, origin=ORIGIN, body=body)


def test_a_channels_load_is_shown_per_minute() -> None:
    load = example("load")
    whole = msgspec.structs.replace(load.loads[0], at=type(load.loads[0].at)(channel="chat"), known_seconds=30.0)
    Gauges().observe(desk(msgspec.structs.replace(load, loads=[load.loads[0], whole])))
    assert value("arrivals_per_minute", tenant="northwind", channel="chat") == 76
    assert value("expected_high_arrivals_per_minute", tenant="northwind", channel="chat") == 34
    assert value("backlog_contacts", tenant="northwind", channel="chat") == 26


def test_an_incident_is_counted_in_its_phase_and_leaves_when_resolved() -> None:
    gauges, incident = Gauges(), example("incident")
    gauges.observe(incident)
    assert value("incidents_open", tenant="northwind", phase="open") == 1
    gauges.observe(msgspec.structs.replace(incident, phase="easing"))
    assert value("incidents_open", tenant="northwind", phase="open") == 0
    assert value("incidents_open", tenant="northwind", phase="easing") == 1
    gauges.observe(msgspec.structs.replace(incident, phase="resolved"))
    assert value("incidents_open", tenant="northwind", phase="easing") == 0


def test_missing_agents_are_added_over_a_channels_queues_and_closed_alerts_count_nothing() -> None:
    gauges, alert = Gauges(), example("staffing-alert")
    gauges.observe(alert)
    assert value("agents_short", tenant="northwind", channel="chat") == 34
    gauges.observe(msgspec.structs.replace(alert, state="closed"))
    assert value("agents_short", tenant="northwind", channel="chat") == 0


def test_signals_and_commands_are_counted_by_kind() -> None:
    before = value("signals_total", signal_kind="surge", state="opened") or 0
    gauges = Gauges()
    gauges.observe(desk(example("signal")))
    gauges.observe(example("load-shift-command"))
    assert value("signals_total", signal_kind="surge", state="opened") == before + 1
    assert value("load_shift_commands_total", action="deflect", mode="auto") is not None


def queue_load(queue: str | None, **changes: object) -> QueueLoad:
    ref = QueueRef(channel="chat", queue=queue)
    row = QueueLoad(
        at=ref,
        known_seconds=60.0,
        arrivals=38,
        expected=20.0,
        expected_low=11.0,
        expected_high=31.0,
        answered=15,
        abandoned=5,
        backlog=26,
    )
    return msgspec.structs.replace(row, **changes)


def minute(tenant: str, *rows: QueueLoad) -> DeskEntry:
    return desk(Load(tenant=tenant, at=AT, seconds=60.0, loads=list(rows), origin=ORIGIN))


class TestQueues:
    def test_a_queue_has_its_observed_and_usual_figures(self) -> None:
        Gauges().observe(minute("q1", queue_load("billing")))
        at = {"tenant": "q1", "channel": "chat", "queue": "chat/billing"}
        assert value("queue_arrivals_per_minute", **at) == 38
        assert value("queue_expected_low_arrivals_per_minute", **at) == 11
        assert value("queue_backlog_contacts", **at) == 26
        assert value("queue_answered_ratio", **at) == 0.75

    def test_a_minute_that_was_not_delivered_is_a_gap_and_not_the_last_value(self) -> None:
        gauges = Gauges()
        gauges.observe(minute("q2", queue_load(None), queue_load("billing")))
        gauges.observe(minute("q2", queue_load(None, known_seconds=0.0), queue_load("billing", known_seconds=0.0)))
        assert value("arrivals_per_minute", tenant="q2", channel="chat") is None
        assert value("queue_arrivals_per_minute", tenant="q2", channel="chat", queue="chat/billing") is None

    def test_a_queue_that_left_is_shown_no_more(self) -> None:
        gauges = Gauges()
        gauges.observe(minute("q3", queue_load("billing"), queue_load("orders")))
        gauges.observe(minute("q3", queue_load("orders")))
        assert value("queue_arrivals_per_minute", tenant="q3", channel="chat", queue="chat/billing") is None
        assert value("queue_arrivals_per_minute", tenant="q3", channel="chat", queue="chat/orders") == 38

    def test_queues_beyond_the_bound_are_counted_once_each_and_come_in_when_there_is_room(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("streams.gauges.QUEUES_MAX", 2)
        gauges, before = Gauges(), value("gauges_overflowed_total", what="queues") or 0
        rows = [queue_load(f"team-{n}") for n in range(4)]
        gauges.observe(minute("q4", *rows))
        gauges.observe(minute("q4", *rows))
        assert value("gauges_overflowed_total", what="queues") == before + 2
        assert value("queue_arrivals_per_minute", tenant="q4", channel="chat", queue="chat/team-3") is None
        gauges.observe(minute("q4", *rows[2:]))
        gauges.observe(minute("q4", *rows[2:]))
        assert value("queue_arrivals_per_minute", tenant="q4", channel="chat", queue="chat/team-3") == 38

    def test_what_another_process_watches_now_is_forgotten_here(self) -> None:
        gauges = Gauges()
        gauges.observe(minute("q5", queue_load(None), queue_load("billing")))
        gauges.dropped("detect")
        assert value("arrivals_per_minute", tenant="q5", channel="chat") is None
        assert value("queue_backlog_contacts", tenant="q5", channel="chat", queue="chat/billing") is None


class TestIncidents:
    def test_evidence_of_an_open_symptom_follows_its_signal_and_leaves_with_the_incident(self) -> None:
        gauges, incident, signal = Gauges(), example("incident"), example("signal")
        symptom = incident.symptoms[0]
        signal = msgspec.structs.replace(signal, signal_id=symptom.signal_id)
        gauges.desk.heard(desk(signal))
        gauges.observe(incident)
        at = {
            "tenant": incident.tenant,
            "incident_id": incident.incident_id,
            "series": str(symptom.series),
            "signal_kind": symptom.signal_kind,
        }
        assert value("incident_evidence", **at) == signal.evidence.statistic
        stronger = msgspec.structs.replace(signal.evidence, statistic=99.0)
        gauges.desk.heard(desk(msgspec.structs.replace(signal, evidence=stronger)))
        assert value("incident_evidence", **at) == 99.0
        assert value("incident_evidence_threshold", **at) == signal.evidence.threshold
        assert value("incident_observed_ratio", **at) == symptom.ratio
        gauges.observe(msgspec.structs.replace(incident, phase="resolved"))
        assert value("incident_evidence", **at) is None

    def test_a_phase_is_counted_once_with_the_incident_as_its_exemplar(self) -> None:
        incident = msgspec.structs.replace(example("incident"), tenant="phased", incident_id="phased-1")
        gauges = Gauges()
        gauges.observe(incident)
        gauges.observe(msgspec.structs.replace(incident, revision=incident.revision + 1))
        assert value("incidents_total", tenant="phased", phase="open") == 1
        shown = openmetrics.generate_latest(telemetry.REGISTRY).decode()
        (line,) = [line for line in shown.splitlines() if 'incidents_total{phase="open",tenant="phased"}' in line]
        assert '# {incident_id="phased-1"} 1.0' in line

    def test_an_id_too_long_for_an_exemplar_is_left_out(self) -> None:
        incident = msgspec.structs.replace(example("incident"), tenant="long", incident_id="x" * 150)
        Gauges().observe(incident)
        assert value("incidents_total", tenant="long", phase="open") == 1

    def test_one_that_was_merged_is_shown_under_the_other_alone(self) -> None:
        gauges = Gauges()
        incident = msgspec.structs.replace(example("incident"), tenant="merging")
        gauges.observe(incident)
        gauges.observe(msgspec.structs.replace(incident, merged_into="another"))
        assert value("incidents_open", tenant="merging", phase="open") == 0


class TestAfterAStart:
    def test_what_goes_on_is_shown_again_and_is_no_news(self) -> None:
        gauges, shift = Gauges(), msgspec.structs.replace(example("load-shift-command"), incident_id="standing-1")
        incident = msgspec.structs.replace(example("incident"), tenant="standing", incident_id="standing-1")
        before = value("load_shift_commands_total", action=shift.action, mode="auto")
        gauges.desk.standing(incident)
        gauges.desk.standing(msgspec.structs.replace(shift, tenant="standing"))
        gauges.desk.standing(msgspec.structs.replace(example("desk-status"), tenant="standing"))
        assert value("incidents_open", tenant="standing", phase="open") == 1
        assert value("incidents_total", tenant="standing", phase="open") is None
        assert value("load_shift_commands_total", action=shift.action, mode="auto") == before
        assert value("kill_switch_pulled", tenant="standing") == 1

    def test_a_fold_that_was_read_back_says_what_goes_on(self) -> None:
        fold = ResponseFold()
        bodies = [centre(), *(body for body in telephony_outage() if getattr(body, "at", START) < START + HALF_WAY)]
        for entry, origin in entries(bodies):
            fold.step(entry, origin)
        told = list(fold.standing())
        again = ResponseFold()
        again.restore({name: raw for name, raw in fold.changes().items() if raw is not None})
        assert list(again.standing()) == told
        assert {type(message).__name__ for message in told} >= {"Incident", "LoadShiftCommand", "DeskStatus"}


class TestAnswers:
    def test_a_load_shift_shows_its_share_until_the_platform_refuses_it(self) -> None:
        gauges, shift = Gauges(), example("load-shift-command")
        gauges.observe(shift)
        at = {
            "tenant": shift.tenant,
            "incident_id": shift.incident_id,
            "action": shift.action,
            "from_queue": str(shift.from_queue),
            "to_queue": str(shift.to_queue),
        }
        assert value("load_shift_ratio", **at) == shift.share
        refused = CommandResult(command_id=shift.command_id, tenant=shift.tenant, at=AT, state="refused")
        gauges.observe(desk(refused))
        assert value("load_shift_ratio", **at) == 0

    def test_a_proposal_waits_until_it_is_rejected(self) -> None:
        shift = msgspec.structs.replace(
            example("load-shift-command"),
            tenant="asking",
            blocked_by=Reason(code=guard.WAITING, text="a person decides"),
        )
        gauges = Gauges()
        gauges.observe(shift)
        assert value("load_shift_proposals_waiting", tenant="asking") == 1
        said = OperatorDecision(
            decision_id="d", tenant="asking", at=AT, by="ana", action="reject", target=shift.command_id
        )
        gauges.observe(desk(said))
        assert value("load_shift_proposals_waiting", tenant="asking") == 0

    def test_a_kill_switch_is_seen_until_the_last_one_is_undone(self) -> None:
        gauges = Gauges()
        status = example("desk-status")
        assert status.stops
        gauges.observe(msgspec.structs.replace(status, tenant="killing"))
        assert value("kill_switch_pulled", tenant="killing") == 1
        gauges.observe(msgspec.structs.replace(status, tenant="killing", stops=[]))
        assert value("kill_switch_pulled", tenant="killing") == 0

    def test_a_report_of_the_whole_queue_is_not_added_to_those_of_its_sites(self) -> None:
        gauges, queue = Gauges(), QueueRef(channel="voice", queue="orders")
        for second, site, staffed in ((0, "berlin", 12), (0, "porto", 8), (60, None, 21)):
            at = AT + timedelta(seconds=second)
            said = Workforce(tenant="kinds", at=at, queue=queue, staffed=staffed, available=1, on_contact=2, site=site)
            gauges.observe(desk(said))
        at_queue = {"tenant": "kinds", "channel": "voice", "queue": "voice/orders"}
        assert value("queue_agents", state="staffed", **at_queue) == 21

    def test_agents_are_added_over_the_sites_of_a_queue(self) -> None:
        gauges = Gauges()
        for site, staffed in (("berlin", 12), ("porto", 8), ("berlin", 10)):
            queue = QueueRef(channel="voice", queue="orders")
            gauges.observe(
                desk(
                    Workforce(tenant="sites", at=AT, queue=queue, staffed=staffed, available=1, on_contact=2, site=site)
                )
            )
        at = {"tenant": "sites", "channel": "voice", "queue": "voice/orders"}
        assert value("queue_agents", **at, state="staffed") == 18
        assert value("queue_agents", **at, state="on-contact") == 4

    @pytest.mark.parametrize("state,up", [("up", 1.0), ("degraded", 0.5), ("down", 0.0)])
    def test_a_tool_says_how_it_is(self, state: str, up: float) -> None:
        said = ToolHealth(tenant="t", tool="crm", at=AT, state=state, latency_seconds=0.25)  # type: ignore[arg-type]
        Gauges().desk.heard(desk(said))
        at = {"tenant": "t", "tool": "crm", "provider": "", "site": ""}
        assert value("tool_up_ratio", **at) == up
        assert value("tool_latency_seconds", **at) == 0.25

    @pytest.mark.parametrize(("state", "up"), [("up", 0.5), ("degraded", 0.5), ("down", 0.0)])
    def test_a_tool_that_is_slow_is_not_up_whatever_it_says(self, state: str, up: float) -> None:
        gauges = Gauges()
        slow = SlowTool(tool="crm", provider="a", since=AT, latency_seconds=4.2, usual_seconds=0.6)
        status = msgspec.structs.replace(example("desk-status"), tenant="slow")

        def said(seconds: float, provider: str) -> float | None:
            at = AT + timedelta(seconds=seconds)
            told = ToolHealth(tenant="slow", tool="crm", provider=provider, at=at, state=state, latency_seconds=4.0)  # type: ignore[arg-type]
            gauges.desk.heard(desk(told))
            return value("tool_up_ratio", tenant="slow", tool="crm", provider=provider, site="")

        whole = {"up": 1.0, "degraded": 0.5, "down": 0.0}[state]
        assert said(0, "a") == whole
        gauges.observe(msgspec.structs.replace(status, slow=[slow]))
        assert (said(60, "a"), said(60, "b")) == (up, whole)
        gauges.observe(msgspec.structs.replace(status, slow=[]))
        assert said(120, "a") == whole
