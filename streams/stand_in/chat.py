"""Incoming webhooks of Slack and of a Microsoft Teams workflow: what was said, and what they would not take."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from streams.stand_in._answers import KEPT_MAX, Say, plain, read

SLACK_TEXT_MAX, SLACK_SECTION_MAX, SLACK_BLOCKS_MAX = 40_000, 3_000, 50
TEAMS_BYTES_MAX = 28 * 1024


class Chat:
    """The messages of both, the last of them."""

    def __init__(self, say: Say) -> None:
        self.slack: list[dict[str, Any]] = []
        self.teams: list[dict[str, Any]] = []
        self._say = say

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/slack/{secret}", self._hear_slack), web.post("/teams/{secret}", self._hear_teams)]

    async def _hear_slack(self, request: web.Request) -> web.Response:
        message = read(await request.read())
        refused = slack_refusal(message)
        if refused:
            return plain(400, refused)
        self.slack = [*self.slack, message][-KEPT_MAX:]
        self._say(f"slack       {message['text']}")
        return plain(200, "ok")

    async def _hear_teams(self, request: web.Request) -> web.Response:
        raw = await request.read()
        message = read(raw)
        refused = teams_refusal(message, len(raw))
        if refused:
            return plain(400, refused)
        self.teams = [*self.teams, message][-KEPT_MAX:]
        self._say(f"teams       {message['attachments'][0]['content']['fallbackText']}")
        return web.Response(status=202)


def slack_refusal(message: Any) -> str | None:
    """Why Slack would answer 400."""
    if not isinstance(message, dict):
        return "invalid_payload"
    if not message.get("text") and not message.get("blocks"):
        return "no_text"
    blocks = message.get("blocks", [])
    if len(message.get("text", "")) > SLACK_TEXT_MAX:
        return "msg_too_long"
    whole = all(_is_section(block) for block in blocks)
    return None if whole and len(blocks) <= SLACK_BLOCKS_MAX else "invalid_blocks"


def _is_section(block: Any) -> bool:
    text = block.get("text", {}) if isinstance(block, dict) else {}
    return block.get("type") == "section" and 1 <= len(text.get("text", "")) <= SLACK_SECTION_MAX


def teams_refusal(message: Any, raw_bytes: int) -> str | None:
    """Why the workflow would fail."""
    if raw_bytes > TEAMS_BYTES_MAX:
        return "RequestEntityTooLarge"
    if not isinstance(message, dict) or message.get("type") != "message":
        return "the body is no message"
    cards = message.get("attachments")
    if not isinstance(cards, list) or not cards:
        return "the message has no attachments"
    for card in cards:
        content = card.get("content", {})
        if (
            card.get("contentType") != "application/vnd.microsoft.card.adaptive"
            or content.get("type") != "AdaptiveCard"
        ):
            return "the attachment is no Adaptive Card"
        if not content.get("version") or not content.get("body"):
            return "the card is empty"
    return None
