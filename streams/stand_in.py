"""A stand-in for PagerDuty's Events API v2, Grafana's annotations and a webhook's receiver, with their state.

For rehearsals without an account: the tests of the sinks drive it, and so does the pager profile of docker-compose.yml.
Never a part of production. It keeps to what the services document (limits, codes, bodies) and misbehaves on request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import orjson
from aiohttp import web

from streams import clock

SEVERITIES = ("critical", "error", "warning", "info")
ACTIONS = ("trigger", "acknowledge", "resolve")
SUMMARY_LENGTH_MAX, DEDUP_LENGTH_MAX, BODY_BYTES_MAX, KEY_LENGTH = 1024, 255, 512 * 1024, 32
KEPT_MAX = 1_000
DRIP_SECONDS = 0.1

Say = Callable[[str], None]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What the next `times` requests get instead of an answer. `status` 0 does the work and then drops the connection,
    as a network does; `drip` sends the answer a byte at a time."""

    times: int = 1
    status: int = 500
    body: str = ""
    content_type: str = "text/plain"
    headers: dict[str, str] = {}
    drip: bool = False


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


class StandIn:
    """The HTTP server. `routing_key` and `token` None let any in that has the right form."""

    def __init__(
        self, *, routing_key: str | None = None, token: str | None = None, say: Say = lambda _line: None
    ) -> None:
        self.routing_key = routing_key
        self.token = token
        self.may_write = True
        self.pager = Pager(say)
        self.annotations: dict[int, dict[str, Any]] = {}
        self.hooks: list[tuple[dict[str, str], bytes]] = []
        self.requests: list[tuple[str, str, bytes]] = []
        self.faults: list[Fault] = []
        self._annotated = 0
        self._say = say

    def app(self) -> web.Application:
        made = web.Application(client_max_size=4 * 1024 * 1024, middlewares=[self._misbehave])
        made.add_routes(
            [
                web.post("/v2/enqueue", self._enqueue),
                web.post("/v2/change/enqueue", self._enqueue_change),
                web.get("/api/health", self._health),
                web.get("/api/annotations", self._find),
                web.post("/api/annotations", self._annotate),
                web.patch("/api/annotations/{number}", self._patch),
                web.post("/webhook", self._hook),
                web.get("/", self._state),
                web.post("/faults", self._add_faults),
            ]
        )
        return made

    # --- faults ------------------------------------------------------------------------------------------------------

    @web.middleware
    async def _misbehave(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path in ("/", "/faults"):
            return await handler(request)
        self.requests = [*self.requests, (request.method, request.path_qs, await request.read())][-KEPT_MAX:]
        if not self.faults:
            return await handler(request)
        fault = self.faults[0]
        left = fault.times - 1
        self.faults[:1] = [msgspec.structs.replace(fault, times=left)] if left else []
        if fault.status == 0:
            await handler(request)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return await _dripping(request, fault) if fault.drip else _faulty(fault)

    async def _add_faults(self, request: web.Request) -> web.Response:
        self.faults += msgspec.json.decode(await request.read(), type=list[Fault])
        return web.Response(status=204)

    # --- PagerDuty ---------------------------------------------------------------------------------------------------

    async def _enqueue(self, request: web.Request) -> web.Response:
        raw = await request.read()
        event = _json(raw)
        errors = refusals(event, len(raw))
        if not errors and self.routing_key not in (None, event["routing_key"]):
            errors = ["Invalid routing key"]
        if errors:
            return _answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})
        self.pager.take(event)
        return _answer(202, {"status": "success", "message": "Event processed", "dedup_key": event.get("dedup_key")})

    async def _enqueue_change(self, request: web.Request) -> web.Response:
        raw = await request.read()
        event = _json(raw)
        errors = change_refusals(event, len(raw))
        if not errors and self.routing_key not in (None, event["routing_key"]):
            errors = ["Invalid routing key"]
        if errors:
            return _answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})
        self.pager.take_change(event)
        return _answer(202, {"status": "success", "message": "Change event processed"})

    # --- Grafana -----------------------------------------------------------------------------------------------------

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if not given.startswith("Bearer ") or self.token not in (None, given.removeprefix("Bearer ")):
            return _answer(401, {"message": "Invalid API key"})
        if request.method != "GET" and not self.may_write:
            return _answer(403, {"message": "You'll need additional permissions to perform this action."})
        return None

    async def _health(self, request: web.Request) -> web.Response:
        del request
        return _answer(200, {"database": "ok", "version": "stand-in"})

    async def _find(self, request: web.Request) -> web.Response:
        wanted = set(request.query.getall("tags", []))
        found = [a for a in self.annotations.values() if wanted <= set(a["tags"])]
        return self._unauthorised(request) or _answer(200, found)

    async def _annotate(self, request: web.Request) -> web.Response:
        refused = self._unauthorised(request)
        body = _json(await request.read())
        if refused is not None:
            return refused
        if not isinstance(body, dict) or not body.get("text"):
            return _answer(400, {"message": "text field should not be empty"})
        self._annotated += 1
        self.annotations[self._annotated] = {"tags": [], "time": 0, "timeEnd": 0, **body, "id": self._annotated}
        self._say(f"annotation  {self._annotated}: {body['text']}")
        return _answer(200, {"message": "Annotation added", "id": self._annotated})

    async def _patch(self, request: web.Request) -> web.Response:
        refused = self._unauthorised(request)
        body = _json(await request.read())
        number = int(request.match_info["number"])
        if refused is not None:
            return refused
        if number not in self.annotations:
            return _answer(404, {"message": "Annotation not found"})
        # like the real server: what a PATCH does not bring is kept, but for the tags, which it wipes
        self.annotations[number] |= {"tags": [], **{k: v for k, v in body.items() if v is not None}}
        self._say(f"annotation  {number}: {self.annotations[number]['text']}")
        return _answer(200, {"message": "Annotation patched"})

    # --- the rest ----------------------------------------------------------------------------------------------------

    async def _hook(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.hooks = [*self.hooks, (dict(request.headers), raw)][-KEPT_MAX:]
        self._say(f"webhook     {raw[:200].decode(errors='replace')}")
        return web.Response(status=204)

    async def _state(self, request: web.Request) -> web.Response:
        del request
        alerts = [*self.pager.ended, *self.pager.open.values()]
        return _answer(
            200,
            {
                "pages": self.pager.pages,
                "alerts": alerts,
                "annotations": list(self.annotations.values()),
                "webhooks": len(self.hooks),
            },
        )


async def _dripping(request: web.Request, fault: Fault) -> web.StreamResponse:
    response = web.StreamResponse(status=fault.status, headers={"Content-Type": fault.content_type})
    await response.prepare(request)
    while True:  # until the client has had enough
        await response.write(b" ")
        await clock.pause(DRIP_SECONDS)


def _faulty(fault: Fault) -> web.Response:
    return web.Response(
        status=fault.status, body=fault.body.encode(), content_type=fault.content_type, headers=fault.headers
    )


def _answer(status: int, body: Any) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


async def serve(stand_in: StandIn, host: str, port: int, listening: Callable[[int], None]) -> None:
    """Serves until it is cancelled; `listening` is told the port. Raises OSError where the port is taken."""
    runner = web.AppRunner(stand_in.app(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        listening(runner.addresses[0][1])
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
