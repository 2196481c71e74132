"""What goes to Alertmanager, Slack, Teams and by mail keeps to what these document, whatever the incident holds."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import orjson
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft7Validator, FormatChecker
from notice_examples import notices, subjects

from streams.config import Alertmanager, Chat, Mail
from streams.notify.links import Links
from streams.notify.sink import Notice
from streams.sinks.alertmanager import AlertmanagerSink
from streams.sinks.mail import MailSink, message_of
from streams.sinks.slack import SlackSink
from streams.sinks.teams import TeamsSink
from streams.stand_in.chat import SLACK_SECTION_MAX, slack_refusal, teams_refusal

LINKS = Links(
    status_url="https://status.example/",
    dashboard_url="https://grafana.example/d/breakwater-incident",
    playbook_url="https://wiki.example/playbooks/",
)
thorough = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
incidents_and_shifts = subjects().filter(lambda subject: isinstance(subject, SlackSink.hears))
incidents_alone = notices()

# `postableAlerts` of Alertmanager's API v2
LABELS = {
    "type": "object",
    "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"},
    "additionalProperties": {"type": "string"},
}
POSTABLE_ALERTS = Draft7Validator(
    {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["labels"],
            "additionalProperties": False,
            "properties": {
                "labels": {**LABELS, "minProperties": 1},
                "annotations": LABELS,
                "startsAt": {"type": "string", "format": "date-time"},
                "endsAt": {"type": "string", "format": "date-time"},
                "generatorURL": {"type": "string", "format": "uri"},
            },
        },
    },
    format_checker=FormatChecker(),
)


@thorough
@given(incidents_alone)
def test_alertmanager_accepts_every_alert_and_none_shares_its_labels_with_another(notice: Notice) -> None:
    sink = AlertmanagerSink(Alertmanager(url="http://alerts:9093"), None, LINKS)

    alerts = sink.request(notice).body

    POSTABLE_ALERTS.validate(alerts)
    identities = [tuple(sorted(alert["labels"].items())) for alert in alerts]
    assert len(set(identities)) == len(identities)
    assert all(alert["endsAt"] >= alert["startsAt"] for alert in alerts if "endsAt" in alert)
    assert all(text for alert in alerts for text in (*alert["labels"].values(), *alert["annotations"].values()))


@thorough
@given(notices(incidents_and_shifts))
def test_slack_and_teams_accept_every_message(notice: Notice) -> None:
    slack = SlackSink(Chat(url_file=Path("unused")), "https://hooks.example/secret", LINKS).request(notice).body
    teams = TeamsSink(Chat(url_file=Path("unused")), "https://flow.example/secret", LINKS).request(notice).body

    assert slack_refusal(slack) is None
    assert slack["text"]
    assert teams_refusal(teams, len(orjson.dumps(teams))) is None
    card = teams["attachments"][0]["content"]
    assert all(action["url"].startswith("https://") for action in card["actions"])
    assert all(run["text"] for block in card["body"] for run in block["inlines"])


def test_the_longest_section_is_refused_as_the_service_does() -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * (SLACK_SECTION_MAX + 1)}}

    assert slack_refusal({"text": "x", "blocks": [section]}) == "invalid_blocks"
    assert teams_refusal({"type": "message", "attachments": []}, 10) == "the message has no attachments"
    assert teams_refusal({}, 28 * 1024 + 1) == "RequestEntityTooLarge"


@thorough
@given(incidents_alone)
def test_every_mail_can_be_sent_and_keeps_its_headers_in_one_piece(notice: Notice) -> None:
    section = Mail(host="mail", security="none", sender="a@example.com", recipients=["b@example.com", "c@example.com"])

    message: EmailMessage = message_of(MailSink(section, None, LINKS).request(notice).body)
    raw = message.as_bytes()

    head, _, _ = raw.partition(b"\r\n\r\n")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert head.count(b"\r\nTo: ") == 1
    assert b"\r\nBcc:" not in head
    assert raw.isascii()
