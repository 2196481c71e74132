"""All stand-ins behind one HTTP port, with a webhook's receiver, and the faults that they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from streams import clock
from streams.stand_in._answers import KEPT_MAX, Say, answer
from streams.stand_in.alerts import Alerts
from streams.stand_in.chat import Chat
from streams.stand_in.grafana import Grafana
from streams.stand_in.mail import Post
from streams.stand_in.pager import Pager, PagerService

DRIP_SECONDS = 0.1


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What the next `times` requests get instead of an answer. `status` 0 does the work and then drops the connection,
    as a network does; `drip` sends the answer a byte at a time."""

    times: int = 1
    status: int = 500
    body: str = ""
    content_type: str = "text/plain"
    headers: dict[str, str] = {}
    drip: bool = False


class StandIn:
    """All services on one port. `routing_key` and `token` None let any in that has the right form."""

    def __init__(
        self, *, routing_key: str | None = None, token: str | None = None, say: Say = lambda _line: None
    ) -> None:
        self.pager = Pager(say)
        self.pager_service = PagerService(self.pager, routing_key)
        self.grafana = Grafana(token, say)
        self.chat = Chat(say)
        self.alerts = Alerts(say)
        self.post = Post(say)
        self.hooks: list[tuple[dict[str, str], bytes]] = []
        self.requests: list[tuple[str, str, bytes]] = []
        self.faults: list[Fault] = []
        self._say = say

    def app(self) -> web.Application:
        made = web.Application(client_max_size=4 * 1024 * 1024, middlewares=[self._misbehave])
        for service in (self.pager_service, self.grafana, self.chat, self.alerts):
            made.add_routes(service.routes())
        made.add_routes(
            [web.post("/webhook", self._hook), web.get("/", self._state), web.post("/faults", self._add_faults)]
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

    async def _hook(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.hooks = [*self.hooks, (dict(request.headers), raw)][-KEPT_MAX:]
        self._say(f"webhook     {raw[:200].decode(errors='replace')}")
        return web.Response(status=204)

    async def _state(self, request: web.Request) -> web.Response:
        del request
        alerts = [*self.pager.ended, *self.pager.open.values()]
        return answer(
            200,
            {
                "pages": self.pager.pages,
                "alerts": alerts,
                "changes": self.pager.changes,
                "annotations": list(self.grafana.annotations.values()),
                "dashboards": sorted(self.grafana.dashboards),
                "alertmanager": self.alerts.active(),
                "slack": self.chat.slack,
                "teams": self.chat.teams,
                "mail": [str(message["Subject"]) for message in self.post.messages],
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


async def serve(stand_in: StandIn, host: str, port: int, listening: Callable[[int], None]) -> None:
    """Serves HTTP until it is cancelled; `listening` is told the port. Raises OSError where the port is taken."""
    runner = web.AppRunner(stand_in.app(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        listening(runner.addresses[0][1])
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
