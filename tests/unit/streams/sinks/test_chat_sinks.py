from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from notice_examples import climbed, incident, load_shift, notice, resolved, symptom
from standing import Running

from schemas.errors import BadConfig
from streams.config import Chat, Notify
from streams.notify.sink import Delivered, Refused, Sink
from streams.sinks.slack import SlackSink
from streams.sinks.teams import TeamsSink
from streams.stand_in import Fault
from streams.stand_in.chat import slack_refusal, teams_refusal

LINKS = Notify(status_url="https://s.example/", playbook_url="https://w.example/p")


@pytest.fixture
def slack(stand_in: Running, tmp_path: Path) -> SlackSink:
    return built(SlackSink, f"{stand_in.address}/slack/secret", tmp_path)


@pytest.fixture
def teams(stand_in: Running, tmp_path: Path) -> TeamsSink:
    return built(TeamsSink, f"{stand_in.address}/teams/secret", tmp_path)


def built(kind: Any, address: str, folder: Path) -> Any:
    file = folder / "address"
    file.write_text(address)
    return kind.build(Chat(url_file=file, deadline_seconds=5), LINKS)


def test_slack_reads_what_happens_why_and_what_to_do(slack: SlackSink, stand_in: Running) -> None:
    assert slack.send(notice(incident(playbook="telephony_outage"))) == Delivered()

    (message,) = stand_in.chat.slack
    first, facts, evidence, plan, link, playbook = (block["text"]["text"] for block in message["blocks"])
    assert first.startswith(":red_circle: *Opened* [acme] Telephony outage: voice is silent, chat +281 %")
    assert facts == "*Cause* telephony, 92% sure   *Reach* channel: voice, chat"
    assert evidence.startswith("*Evidence*\n• chat surge (opened) since 14:02 UTC: 381 seen, 100 expected")
    assert plan.startswith("*Plan*\n• within 2 min, operations lead: Acknowledge")
    assert link == (
        f"<https://s.example/?tenant=acme#incident-{incident().incident_id}|Status page: timeline, evidence, plan>"
    )
    assert playbook == "<https://w.example/p/telephony_outage|Playbook>"


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (notice(incident(acknowledged_by="ada"), "acknowledged"), "Acknowledged by ada"),
        (notice(climbed(), "escalated", step=1), "Not acknowledged: now with second line (bob)"),
        (notice(resolved(), "resolved"), "Over after 53 min"),
        (notice(load_shift()), "Opened: [acme] Load shift: overflow 30 %"),
    ],
)
def test_both_chats_say_what_became_of_it(
    slack: SlackSink, teams: TeamsSink, stand_in: Running, told: Any, says: str
) -> None:
    for sink in (slack, teams):
        assert sink.send(told) == Delivered()

    assert stand_in.chat.slack[0]["text"].startswith(says)
    texts = [run["text"] for run in runs(stand_in.chat.teams[0])]
    assert says.removeprefix("Opened: ") in " ".join(texts)


def runs(message: Any) -> list[Any]:
    return [run for block in message["attachments"][0]["content"]["body"] for run in block["inlines"]]


def test_what_came_from_outside_makes_no_mention_no_link_and_no_markdown(
    slack: SlackSink, teams: TeamsSink, stand_in: Running
) -> None:
    odd = incident(title="<!channel> & [x](http://bad.example) *b*", symptoms=[symptom(text="<http://bad.example|ok>")])

    slack.send(notice(odd))
    teams.send(notice(odd))

    shown = str(stand_in.chat.slack[0])
    assert "<!channel>" not in shown
    assert "<http://bad.example" not in shown
    assert "&lt;!channel&gt; &amp;" in shown
    assert {block["type"] for block in stand_in.chat.teams[0]["attachments"][0]["content"]["body"]} == {"RichTextBlock"}


@pytest.mark.parametrize("character", ["&", "ü", '"', "𝔘"])
def test_the_longest_message_still_fits(slack: SlackSink, teams: TeamsSink, character: str) -> None:
    text = character * 5_000
    worst = notice(
        incident(
            incident_id=character * 200, title=text, symptoms=[symptom(text=text)] * 30, playbook="telephony_outage"
        )
    )

    assert slack_refusal(slack.request(worst).body) is None
    body = teams.request(worst).body
    assert teams_refusal(body, len(orjson.dumps(body))) is None


def test_an_answer_that_is_not_the_services_own_is_no_delivery(
    slack: SlackSink, teams: TeamsSink, stand_in: Running
) -> None:
    for sink in (slack, teams):
        stand_in.faults = [Fault(status=200, body="<html>please log in</html>")]
        outcome = sink.send(notice())
        assert isinstance(outcome, Refused)
        assert outcome.why.endswith("is it the right address?")


@pytest.mark.parametrize(
    ("status", "body"), [(403, "invalid_token"), (404, "no_service"), (410, "channel_is_archived")]
)
def test_what_the_service_says_stands_behind_the_setting(
    slack: SlackSink, stand_in: Running, status: int, body: str
) -> None:
    stand_in.faults = [Fault(status=status, body=body)]

    assert slack.send(notice()) == Refused(f"notify.slack.url_file: answers {status}: {body}")


@pytest.mark.parametrize("kind", [SlackSink, TeamsSink])
def test_a_file_without_an_address_is_said_and_never_shown(kind: type[Sink], tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="does not hold an address") as raised:
        built(kind, "hooks.example/T0KEN", tmp_path)
    assert "T0KEN" not in str(raised.value)
