from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from notice_examples import AT, climbed, incident, load_shift, notice, published, resolved
from standing import Running

from schemas.errors import BadConfig
from streams.config import Notify, PagerDuty
from streams.notify.sink import Delivered, Refused
from streams.sinks._words import headline
from streams.sinks.pagerduty import PagerDutySink
from streams.stand_in import Fault


@pytest.fixture
def sink(stand_in: Running, key_file: Path) -> PagerDutySink:
    section = PagerDuty(routing_key_file=key_file, base_url=f"{stand_in.address}/v2/", deadline_seconds=5)
    return PagerDutySink.build(section, Notify(status_url="http://status.example/"))


def test_one_incident_is_one_alert_from_its_page_to_its_end(sink: PagerDutySink, stand_in: Running) -> None:
    subject = incident()
    for what in ("opened", "changed", "acknowledged", "resolved"):
        outcome = sink.send(notice(subject if what != "resolved" else resolved(), what))
        assert outcome == Delivered(subject.incident_id)

    assert stand_in.pager.pages == 1
    assert stand_in.pager.open == {}
    (alert,) = stand_in.pager.ended
    assert [event["event_action"] for event in alert["events"]] == ["trigger", "trigger", "acknowledge", "resolve"]
    assert all(event["dedup_key"] == subject.incident_id for event in alert["events"])


def test_an_incident_that_nobody_acknowledges_pages_anew_and_all_its_pages_end_with_it(
    sink: PagerDutySink, stand_in: Running
) -> None:
    sink.send(notice())
    for _ in range(2):  # the second after a crash
        sink.send(notice(climbed(), "escalated", step=1))
    assert stand_in.pager.pages == 2
    assert (
        "Not acknowledged: now with second line (bob)"
        in stand_in.pager.open[f"{incident().incident_id}~step-1"]["events"][0]["payload"]["summary"]
    )

    sink.send(notice(climbed(3, severity="error"), "changed", step=1))
    sink.send(notice(climbed(4, acknowledged_by="bob"), "acknowledged", step=1))
    assert {alert["status"] for alert in stand_in.pager.open.values()} == {"acknowledged"}

    sink.send(notice(resolved(), "resolved", step=1))
    assert (stand_in.pager.pages, stand_in.pager.open) == (2, {})


def test_who_is_asked_next_ends_the_alert_of_the_one_before_and_days_of_asking_end_in_a_few_calls(
    sink: PagerDutySink, stand_in: Running
) -> None:
    sink.send(notice())
    for step in range(1, 13):
        sink.send(notice(climbed(step=step), "escalated", step=step, step_before=step - 1))
        assert len(stand_in.pager.open) == 2
    assert stand_in.pager.pages == 13

    for what in ("acknowledged", "resolved"):
        calls = len(stand_in.requests)
        sink.send(notice(resolved(), what, step=300, step_before=12))
        assert len(stand_in.requests) - calls == 11
    assert stand_in.pager.open == {}


def test_the_second_line_may_have_a_service_of_its_own(stand_in: Running, key_file: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.write_text("f" * 32)
    section = PagerDuty(
        routing_key_file=key_file, escalation_routing_key_file=second, base_url=f"{stand_in.address}/v2"
    )
    sink = PagerDutySink.build(section, Notify())

    sink.send(notice())
    outcome = sink.send(notice(climbed(), "escalated", step=1))

    assert stand_in.pager.pages == 1
    assert isinstance(outcome, Refused)
    assert outcome.why.startswith("notify.pagerduty.escalation_routing_key_file: the event was not accepted")


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        (load_shift(), "[acme] Load shift: overflow 30 % of voice/billing to chat/billing until 14:35"),
        (published(), "[acme] Centre model version 3 published, mode approve"),
    ],
)
def test_what_was_done_is_a_change_event_and_pages_nobody(
    sink: PagerDutySink, stand_in: Running, subject: Any, says: str
) -> None:
    assert isinstance(sink.send(notice(subject)), Delivered)

    (change,) = stand_in.pager.changes
    assert change["payload"]["summary"] == says
    assert change["links"][0]["href"].startswith("http://status.example/?tenant=acme")
    assert stand_in.pager.pages == 0


def test_the_woken_person_finds_the_plan_and_the_way_to_it(key_file: Path) -> None:
    links = Notify(
        status_url="https://s.example/breakwater/",
        playbook_url="https://w.example/p",
        dashboard_url="https://g.example/d/x",
    )
    sink = PagerDutySink.build(PagerDuty(routing_key_file=key_file), links)

    body = sink.request(notice(incident(incident_id="a b/c", playbook="telephony_outage"))).body

    assert body["payload"]["custom_details"]["plan"][0] == (
        "within 2 min, operations lead: Acknowledge; open the bridge with telephony and the carrier"
    )
    status, dashboard, playbook = (link["href"] for link in body["links"])
    assert status == "https://s.example/breakwater/?tenant=acme#incident-a%20b%2Fc"
    assert dashboard == "https://g.example/d/x?from=1795527120000&to=now&var-tenant=acme&var-incident=a+b%2Fc"
    assert playbook == "https://w.example/p/telephony_outage"


def test_a_page_whose_answer_was_lost_pages_nobody_twice(sink: PagerDutySink, stand_in: Running) -> None:
    stand_in.faults = [Fault(status=0)]

    sink.send(notice())
    sink.send(notice())

    assert stand_in.pager.pages == 1


def test_resolving_what_is_not_open_does_nothing(sink: PagerDutySink, stand_in: Running) -> None:
    assert isinstance(sink.send(notice(resolved(), "resolved")), Delivered)
    assert stand_in.pager.pages == 0


def test_a_wrong_routing_key_is_refused_with_the_setting_and_what_the_service_said(
    sink: PagerDutySink, stand_in: Running
) -> None:
    stand_in.pager_service.routing_key = "f" * 32

    outcome = sink.send(notice())

    assert isinstance(outcome, Refused)
    assert outcome.why.startswith("notify.pagerduty.routing_key_file: the event was not accepted (400)")
    assert "Invalid routing key" in outcome.why


@pytest.mark.parametrize("status", [200, 204])
def test_a_success_that_is_not_the_services_own_is_no_delivery(
    sink: PagerDutySink, stand_in: Running, status: int
) -> None:
    stand_in.faults = [Fault(status=status)]

    outcome = sink.send(notice())

    assert isinstance(outcome, Refused)
    assert "answers 202: is it the right address?" in outcome.why


def test_a_key_of_another_length_is_said_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("R0UT1NG")

    with pytest.raises(BadConfig, match="holds 7 characters, an Events API v2 integration key has 32"):
        PagerDutySink.build(PagerDuty(routing_key_file=file), Notify())


def test_a_drill_says_so_first_and_an_unknown_cause_is_not_named() -> None:
    cause = incident().cause
    unknown = incident(drill="carrier", cause=type(cause)(kind="unknown", sureness=0.3), title="voice\nis\x00silent")

    assert headline(unknown) == "DRILL carrier: [acme] voice is silent since 14:02 UTC"
    assert AT.hour == 14
