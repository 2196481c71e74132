from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from notice_examples import AT, climbed, incident, notice, resolved
from pydantic import ValidationError
from standing import Running

from streams.config import Alertmanager, Notify
from streams.notify.sink import Delivered, Refused
from streams.sinks.alertmanager import AlertmanagerSink
from streams.stand_in import Fault

# after the end of what is resolved, before the end by itself of what goes on
LATER = AT + timedelta(minutes=52)


@pytest.fixture
def sink(stand_in: Running, token_file: Path) -> AlertmanagerSink:
    section = Alertmanager(url=stand_in.address, token_file=token_file, deadline_seconds=5)
    return AlertmanagerSink.build(section, Notify(status_url="https://s.example", playbook_url="https://w.example/p"))


def severities(stand_in: Running) -> list[str]:
    return [alert["labels"]["severity"] for alert in stand_in.alerts.active(LATER)]


def test_an_incident_is_one_alert_from_its_beginning_to_its_end(sink: AlertmanagerSink, stand_in: Running) -> None:
    assert sink.send(notice(incident(playbook="telephony_outage"))) == Delivered("critical")

    (alert,) = stand_in.alerts.active(LATER)
    assert alert["labels"] == {
        "alertname": "BreakwaterIncident",
        "tenant": "acme",
        "incident_id": incident().incident_id,
        "severity": "critical",
    }
    assert alert["annotations"]["summary"].startswith("[acme] Telephony outage")
    assert alert["annotations"]["runbook_url"] == "https://w.example/p/telephony_outage"
    assert alert["generatorURL"].endswith(f"#incident-{incident().incident_id}")

    sink.send(notice(resolved(), "resolved", reference="critical"))
    assert stand_in.alerts.active(LATER) == []
    assert len(stand_in.alerts.posted) == 1


def test_a_new_severity_ends_the_alert_of_the_old_one(sink: AlertmanagerSink, stand_in: Running) -> None:
    sink.send(notice())

    assert sink.send(notice(incident(2, severity="error"), "changed", reference="critical")) == Delivered("error")

    assert severities(stand_in) == ["error"]
    sink.send(notice(resolved(severity="error"), "resolved", reference="error"))
    assert severities(stand_in) == []


def test_what_climbed_is_one_more_alert_with_its_step_and_ends_with_the_first(
    sink: AlertmanagerSink, stand_in: Running
) -> None:
    sink.send(notice())
    sink.send(notice(climbed(), "escalated", step=1, reference="critical"))

    assert [alert["labels"].get("step") for alert in stand_in.alerts.active(LATER)] == [None, "1"]
    assert "second line (bob)" in stand_in.alerts.active(LATER)[1]["annotations"]["called"]
    sink.send(notice(resolved(), "resolved", step=1, reference="critical"))
    assert stand_in.alerts.active(LATER) == []


def test_what_is_said_again_is_what_was_said(sink: AlertmanagerSink, stand_in: Running) -> None:
    sink.send(notice())

    sink.send(notice(incident(2, severity="warning"), "repeated", reference="critical"))

    assert severities(stand_in) == ["critical"]


def test_a_token_that_is_not_accepted_and_an_answer_that_is_no_alertmanagers_name_their_settings(
    sink: AlertmanagerSink, stand_in: Running
) -> None:
    stand_in.faults = [Fault(status=403), Fault(status=204), Fault(status=400, body="bad matcher format")]

    assert [sink.send(notice()) for _ in range(3)] == [
        Refused("notify.alertmanager.token_file: the token is not accepted (403)"),
        Refused("notify.alertmanager.url: answers 204 where Alertmanager answers 200: is it the right address?"),
        Refused("notify.alertmanager.url: answers 400: bad matcher format"),
    ]


def test_alerts_may_not_end_between_two_repeats() -> None:
    with pytest.raises(ValidationError, match="three times `repeat_seconds`"):
        Alertmanager(url="http://a", repeat_seconds=60, keep_seconds=90)
