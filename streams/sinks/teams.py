"""Microsoft Teams: an Adaptive Card to the webhook of a workflow ("When a Teams webhook request is received").

Workflows take Adaptive Cards only (the message cards of the connectors before them are retired) of at most 28 KB, and
answer 202 without saying what becomes of it. What came from outside stands in text runs, where no markdown is read. A
notice whose outcome was lost in a crash may be read twice.
"""

from __future__ import annotations

from typing import Any, ClassVar

from schemas.command import LoadShiftCommand
from schemas.incident import Incident
from streams.notify.links import Links
from streams.notify.sink import Delivered, Notice, Outcome, Refused, Request
from streams.sinks import _http, _words
from streams.sinks._chat import ChatSink

SETTING = "notify.teams.url_file"
LISTED_MAX = 6
COLOURS = {"critical": "attention", "error": "attention", "warning": "warning", "info": "default"}


class TeamsSink(ChatSink):
    """Tells a channel or a chat."""

    name: ClassVar[str] = "teams"

    def request(self, notice: Notice) -> Request:
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "msteams": {"width": "Full"},
            "fallbackText": _words.headline(notice.subject, 300),
            "body": _body(notice),
            "actions": _actions(notice, self._links),
        }
        attached = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        return Request("POST", "", {"type": "message", "attachments": [attached]})

    @staticmethod
    def judge(answer: _http.Answer) -> Outcome:
        if answer.status in (200, 202) and "<html" not in answer.text[:200].lower():
            return Delivered()
        if answer.status < 300:
            return Refused(f"{SETTING}: answers {answer.status} where a workflow answers 202: is it the right address?")
        return _http.judge(SETTING, *answer)


def _body(notice: Notice) -> list[dict[str, Any]]:
    subject = notice.subject
    if not isinstance(subject, Incident):
        return [_text(_words.headline(subject, 600), weight="bolder")]
    colour = "good" if notice.what == "resolved" else COLOURS[subject.severity]
    body = [
        _text(_words.what_now(notice), color=colour, weight="bolder"),
        _text(_words.headline(subject, 600), size="medium", weight="bolder"),
        _text(f"Cause: {_words.cause(subject)}. Reach: {_words.reach(subject)}"),
    ]
    if notice.what in ("opened", "escalated"):
        body += [_text(f"• {line}") for line in _words.evidence(subject, LISTED_MAX)]
        steps = _words.plan(subject)[:LISTED_MAX]
        body += [_text("Plan", weight="bolder"), *(_text(f"• {line}") for line in steps)] if steps else []
    return body


def _text(text: str, **style: str) -> dict[str, Any]:
    """A line as it is: a text run knows no markdown."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _actions(notice: Notice, links: Links) -> list[dict[str, Any]]:
    subject = notice.subject
    found = links.about(subject) if isinstance(subject, Incident | LoadShiftCommand) else []
    return [{"type": "Action.OpenUrl", "title": link.text, "url": link.href} for link in found]
