"""Slack's incoming webhooks, and whatever understands them (Mattermost): a message a notice.

The service keeps to: text 40,000 characters, a section's text 3,000, 50 blocks. A message cannot be updated this way,
and a webhook knows no ids: a notice whose outcome was lost in a crash may be read twice.
"""

from __future__ import annotations

from typing import Any, ClassVar

from schemas.command import LoadShiftCommand
from schemas.incident import Incident
from streams.notify.links import Links
from streams.notify.sink import Delivered, Notice, Outcome, Refused, Request, shorten
from streams.sinks import _http, _words
from streams.sinks._chat import ChatSink

SETTING = "notify.slack.url_file"
LISTED_MAX = 8
SECTION_LENGTH_MAX = 3_000
ESCAPED_LENGTH = 5  # of an ampersand
MARKS = {"critical": ":red_circle:", "error": ":large_orange_circle:", "warning": ":large_yellow_circle:"}


class SlackSink(ChatSink):
    """Tells a channel."""

    name: ClassVar[str] = "slack"

    def request(self, notice: Notice) -> Request:
        return Request("POST", "", _message(notice, self._links))

    @staticmethod
    def judge(answer: _http.Answer) -> Outcome:
        if answer.status == 200 and answer.text.strip() == "ok":
            return Delivered()
        if answer.status < 300:
            return Refused(f"{SETTING}: answers {answer.status} where Slack answers ok: is it the right address?")
        return _http.judge(SETTING, *answer)


def _message(notice: Notice, links: Links) -> dict[str, Any]:
    subject = notice.subject
    what, headline = escaped(_words.what_now(notice), 600), escaped(_words.headline(subject), 2_200)
    blocks = [_section(f"{_mark(notice)}*{what}* {headline}")]
    if isinstance(subject, Incident):
        facts = f"*Cause* {escaped(_words.cause(subject))}   *Reach* {escaped(_words.reach(subject))}"
        blocks.append(_section(facts))
        if notice.what in ("opened", "escalated"):
            blocks += _list("Evidence", _words.evidence(subject, LISTED_MAX))
            blocks += _list("Plan", _words.plan(subject)[:LISTED_MAX])
    found = links.about(subject) if isinstance(subject, Incident | LoadShiftCommand) else []
    blocks += [_section(f"<{escaped(link.href)}|{escaped(link.text)}>") for link in found]
    return {"text": f"{what}: {headline}", "blocks": blocks, "unfurl_links": False}


def _mark(notice: Notice) -> str:
    if notice.what == "resolved":
        return ":white_check_mark: "
    return f"{MARKS.get(notice.subject.severity, '')} " if isinstance(notice.subject, Incident) else ""


def _list(title: str, lines: list[str]) -> list[dict[str, Any]]:
    """A section, where there are lines; those that do not fit any more are left out."""
    text = f"*{title}*"
    for line in lines:
        longer = f"{text}\n• {escaped(line)}"
        if len(longer) > SECTION_LENGTH_MAX:
            break
        text = longer
    return [_section(text)] if lines else []


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def escaped(text: str, length_max: int = 2_900) -> str:
    """What came from outside makes no links and no mentions."""
    made = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return made if len(made) <= length_max else escaped(shorten(text, length_max // ESCAPED_LENGTH), length_max)
