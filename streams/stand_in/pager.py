"""PagerDuty's Events API v2: alerts by dedup key, and changes."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from streams.stand_in._answers import KEPT_MAX, Say, answer, read

SEVERITIES = ("critical", "error", "warning", "info")
ACTIONS = ("trigger", "acknowledge", "resolve")
SUMMARY_LENGTH_MAX, DEDUP_LENGTH_MAX, BODY_BYTES_MAX, KEY_LENGTH = 1024, 255, 512 * 1024, 32


class Pager:
    """The alerts of one service, by dedup key: a trigger opens or updates, a resolve ends."""

    def __init__(self, say: Say) -> None:
        self.open: dict[str, dict[str, Any]] = {}
        self.pages = 0
        self.ended: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self._say = say

    def take_change(self, event: dict[str, Any]) -> None:
        """What was done: it stands beside the alerts and wakes nobody."""
        self.changes = [*self.changes, event][-KEPT_MAX:]
        self._say(f"change      {event['payload']['summary']}")

    def take(self, event: dict[str, Any]) -> None:
        """One accepted event. Acknowledging or resolving what is not open is dropped, as the service does."""
        key = event.get("dedup_key") or f"generated-{self.pages}"
        action, alert = event["event_action"], self.open.get(key)
        if action == "trigger" and alert is None:
            self.open[key] = {"dedup_key": key, "status": "triggered", "events": [event]}
            self.pages += 1
            self._say(f"PAGE       {event['payload']['severity']:8} {event['payload']['summary']}")
        elif alert is not None:
            alert["events"] = [*alert["events"], event][-KEPT_MAX:]
            self._move(key, alert, action)

    def _move(self, key: str, alert: dict[str, Any], action: str) -> None:
        if action == "acknowledge":
            alert["status"] = "acknowledged"
            self._say(f"acknowledge {key}")
        elif action == "resolve":
            alert["status"] = "resolved"
            self.ended = [*self.ended, self.open.pop(key)][-KEPT_MAX:]
            self._say(f"resolve     {key}")
        else:
            self._say(f"update      {alert['events'][-1]['payload']['summary']}")


def refusals(event: Any, raw_bytes: int) -> list[str]:
    """Why the Events API would answer 400."""
    if not isinstance(event, dict):
        return ["Event object is not a JSON object"]
    found = []
    key = event.get("routing_key")
    if not isinstance(key, str) or len(key) != KEY_LENGTH:
        found.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    if event.get("event_action") not in ACTIONS:
        found.append("'event_action' is invalid (must be trigger, acknowledge or resolve)")
    if len(event.get("dedup_key") or "") > DEDUP_LENGTH_MAX:
        found.append("'dedup_key' is too long (maximum is 255 characters)")
    if event.get("event_action") != "trigger" and not event.get("dedup_key"):
        found.append("'dedup_key' is missing or blank")
    if raw_bytes > BODY_BYTES_MAX:
        found.append("the event exceeds 512 KB")
    return found + (_payload_refusals(event.get("payload")) if event.get("event_action") == "trigger" else [])


def change_refusals(event: Any, raw_bytes: int) -> list[str]:
    """Why the service would answer 400 to a change event."""
    if not isinstance(event, dict):
        return ["Event object is not a JSON object"]
    found = []
    key = event.get("routing_key")
    if not isinstance(key, str) or len(key) != KEY_LENGTH:
        found.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    payload = event.get("payload")
    if not isinstance(payload, dict) or not payload.get("summary"):
        found.append("'payload.summary' is missing or blank")
    elif len(payload["summary"]) > SUMMARY_LENGTH_MAX:
        found.append("'payload.summary' is too long (maximum is 1024 characters)")
    if raw_bytes > BODY_BYTES_MAX:
        found.append("the event exceeds 512 KB")
    return found


def _payload_refusals(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    found = [f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)]
    if payload.get("severity") not in SEVERITIES:
        found.append(
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error', 'info')"
        )
    if len(payload.get("summary") or "") > SUMMARY_LENGTH_MAX:
        found.append("'payload.summary' is too long (maximum is 1024 characters)")
    return found


class PagerService:
    """The HTTP side. `routing_key` None lets any in that has the right form."""

    def __init__(self, pager: Pager, routing_key: str | None) -> None:
        self.pager = pager
        self.routing_key = routing_key

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v2/enqueue", self._enqueue), web.post("/v2/change/enqueue", self._enqueue_change)]

    async def _enqueue(self, request: web.Request) -> web.Response:
        raw = await request.read()
        event = read(raw)
        refused = self._refused(event, refusals(event, len(raw)))
        if refused is not None:
            return refused
        self.pager.take(event)
        return answer(202, {"status": "success", "message": "Event processed", "dedup_key": event.get("dedup_key")})

    async def _enqueue_change(self, request: web.Request) -> web.Response:
        raw = await request.read()
        event = read(raw)
        refused = self._refused(event, change_refusals(event, len(raw)))
        if refused is not None:
            return refused
        self.pager.take_change(event)
        return answer(202, {"status": "success", "message": "Change event processed"})

    def _refused(self, event: Any, errors: list[str]) -> web.Response | None:
        if not errors and self.routing_key not in (None, event["routing_key"]):
            errors = ["Invalid routing key"]
        if not errors:
            return None
        return answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})
