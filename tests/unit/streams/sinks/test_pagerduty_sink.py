from __future__ import annotations

from pathlib import Path

import pytest
from notice_examples import AT, incident, notice, resolved
from standing import Running

from schemas.errors import BadConfig
from streams.config import Notify, PagerDuty
from streams.sink import Delivered, Refused
from streams.sinks.pagerduty import PagerDutySink, summary
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
    stand_in.routing_key = "f" * 32

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

    assert summary(unknown) == "DRILL carrier: [acme] voice is silent since 14:02 UTC"
    assert AT.hour == 14
