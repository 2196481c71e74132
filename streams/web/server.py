"""HTTP of a worker: health and metrics for every role, and for the role web the status page."""

from __future__ import annotations

import errno
import gzip
import hashlib
from collections.abc import Collection
from importlib import resources
from typing import Protocol

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from mode import Service
from mode.types import ServiceT
from prometheus_client.exposition import choose_encoder

from schemas.errors import BadConfig
from streams import clock, telemetry
from streams.config import Settings
from streams.web import public_pages
from streams.web.board import Board
from streams.web.deciding import Carry, Deciding, carry_to
from streams.web.hub import Hub
from streams.web.operators import Operators
from streams.web.public_pages import PublicPages
from streams.web.reader import Reader
from streams.web.tenant import Limits

log = telemetry.logger("web")

TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
SECURITY = {
    # nothing but our own files, nothing inline: a name in the traffic can never become a script
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STOP_SECONDS_MAX = 2.0
TENANT_LENGTH_MAX = 200


class Health(Protocol):
    """How the worker says that it is well. `ready` gives the reason where it is not."""

    def alive(self) -> bool: ...

    def ready(self) -> tuple[bool, str]: ...


class WebServer(Service):  # type: ignore[misc]  # mode is not typed for us
    """Serves from its start on, before the bus was ever reached. `url` and `port` are known once it has started.

    Raises BadConfig at the start where the port cannot be had.
    """

    def __init__(
        self,
        settings: Settings,
        roles: Collection[str],
        health: Health,
        board: Board | None = None,
        carry: Carry | None = None,
    ) -> None:
        """`carry` takes an operator's decision to the desk; by default over the bus of the settings."""
        super().__init__()
        self._settings = settings
        self._health = health
        self._has_page = "web" in roles
        self._reads = self._has_page and board is None  # a board that is given is fed by whoever gave it
        self.board = board or Board(limits(settings), lambda tenant: settings.tenant(tenant).clock)
        self.hub = Hub(
            self.board,
            epoch=int(clock.now().timestamp() * 1000),
            viewers_max=settings.web.viewers_max,
            viewer_backlog_max=settings.web.viewer_backlog_max,
            resume_bytes_max=settings.web.resume_bytes_max,
        )
        operators = Operators(settings.web.operators if self._has_page else [])
        self._deciding = Deciding(operators, self.board, carry or carry_to(settings))
        self._files = static_files()
        self._runner: web.AppRunner | None = None
        self.port = settings.web.port

    @property
    def url(self) -> str:
        host = self._settings.web.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def on_init_dependencies(self) -> list[ServiceT]:
        found: list[ServiceT] = [Reader(self._settings, self.board)] if self._reads else []
        directory = self._settings.web.public_directory
        return [*found, PublicPages(directory, self.board)] if self._has_page and directory else found

    async def on_start(self) -> None:
        self.hub.publish(clock.now())
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=STOP_SECONDS_MAX)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.web.host, self._settings.web.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise BadConfig([_why_no_port(error, self._settings)]) from None
        self.port = self._runner.addresses[0][1]
        log.info("serving", url=self.url, page=self._has_page)

    async def on_stop(self) -> None:
        self.hub.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def application(self) -> web.Application:
        """The routes, also for tests that bring their own socket."""
        app = web.Application(middlewares=[_counted])
        app.on_response_prepare.append(_secured)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        if self._has_page:
            app.router.add_get("/", self._page)
            app.router.add_get("/static/{name}", self._static)
            app.router.add_get("/api/state", self._state)
            app.router.add_get("/api/events", self._events)
            if self._settings.web.public_directory:
                app.router.add_routes(public_pages.routes(self._settings.web.public_directory))
            app.router.add_get("/api/operator", self._deciding.who)
            if self._settings.web.operators:
                app.router.add_post("/api/decisions", self._deciding.post)
        return app

    @Service.task  # type: ignore[untyped-decorator]
    async def _publish(self) -> None:
        """Sends viewers what changed; somebody always hears from us within `heartbeat_seconds`."""
        pulsed_at = clock.elapsed()
        while self._has_page and not self.should_stop:
            await self.sleep(self._settings.web.refresh_seconds)
            self.hub.publish(clock.now())
            if clock.elapsed() - pulsed_at >= self._settings.web.heartbeat_seconds:
                pulsed_at = clock.elapsed()
                self.hub.pulse(clock.now())

    async def _healthz(self, request: web.Request) -> web.Response:
        del request
        alive = self._health.alive()
        return _text("alive" if alive else "not alive", 200 if alive else 503)

    async def _readyz(self, request: web.Request) -> web.Response:
        """503 with the reason; also where nothing exists yet that could be asked."""
        del request
        try:
            ready, why = self._health.ready()
        except Exception as error:  # half-built parts are the normal case of a start, and no reason for a 500
            log.debug("readiness could not be asked", error=repr(error))
            ready, why = False, "starting"
        return _text(why or ("ready" if ready else "not ready"), 200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
        return web.Response(body=encode(telemetry.REGISTRY), headers=headers)

    async def _page(self, request: web.Request) -> web.Response:
        return self._file(request, "index.html")

    async def _static(self, request: web.Request) -> web.Response:
        return self._file(request, request.match_info["name"])

    def _file(self, request: web.Request, name: str) -> web.Response:
        found = self._files.get(name)
        if found is None:
            raise web.HTTPNotFound
        headers = {"ETag": found.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == found.tag:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = f"{found.content_type}; charset=utf-8"
        return _maybe_gzipped(request, found.plain, found.gzipped, headers)

    async def _state(self, request: web.Request) -> web.Response:
        tenant, wall = _tenant(request), clock.now()
        headers = {"Content-Type": "application/json", "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        gzipped = "gzip" in request.headers.get("Accept-Encoding", "")
        if gzipped:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=self.hub.snapshot(tenant, wall, gzipped=gzipped), headers=headers)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """The stream of one viewer. `?after=` or Last-Event-ID continue an earlier one."""
        after = request.headers.get("Last-Event-ID") or request.query.get("after")
        transport = request.transport
        assert transport is not None
        viewer = self.hub.join(_tenant(request), after, clock.now(), transport.abort)
        if viewer is None:
            return _text("too many viewers: try again later", 503, {"Retry-After": "15"})
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        try:
            await response.prepare(request)
            await response.write(b"retry: 2000\n\n")
            async for chunk in viewer.chunks():
                await response.write(chunk)
        except ConnectionError:
            pass  # it left, or it was too slow
        finally:
            self.hub.leave(viewer)
        return response


class StaticFile(msgspec.Struct, frozen=True):
    plain: bytes
    gzipped: bytes
    content_type: str
    tag: str


def static_files() -> dict[str, StaticFile]:
    """The page's files by name, read once."""
    found = {}
    for entry in resources.files("streams.web").joinpath("static").iterdir():
        suffix = "." + entry.name.rpartition(".")[2]
        if suffix in TYPES:
            plain = entry.read_bytes()
            tag = f'"{hashlib.sha256(plain).hexdigest()[:20]}"'
            found[entry.name] = StaticFile(plain, gzip.compress(plain, mtime=0), TYPES[suffix], tag)
    return found


def limits(settings: Settings) -> Limits:
    """The page's bounds; a point is a minute."""
    chosen = settings.web
    return Limits(
        tenants_max=chosen.tenants_max,
        queues_max=chosen.queues_max,
        points_max=max(60, int(chosen.history_seconds // 60)),
        incidents_max=chosen.incidents_max,
        blind_after_seconds=chosen.blind_after_seconds,
    )


def _tenant(request: web.Request) -> str | None:
    return request.query.get("tenant", "")[:TENANT_LENGTH_MAX] or None


def _text(text: str, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(text=text + "\n", status=status, headers={"Cache-Control": "no-store", **(headers or {})})


def _maybe_gzipped(request: web.Request, plain: bytes, gzipped: bytes, headers: dict[str, str]) -> web.Response:
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=gzipped, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=plain, headers=headers)


def _why_no_port(error: OSError, settings: Settings) -> tuple[str, str]:
    if error.errno == errno.EADDRINUSE:
        return "web.port", f"{settings.web.port} is taken: choose another, or 0 for any free one"
    if error.errno == errno.EACCES:
        return "web.port", f"{settings.web.port} needs more rights: choose one above 1023"
    return "web.host", f"{settings.web.host} cannot be bound: {error.strerror or error}"


async def _secured(request: web.Request, response: web.StreamResponse) -> None:
    del request
    for name, value in SECURITY.items():
        response.headers.setdefault(name, value)


@web.middleware
async def _counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    resource = request.match_info.route.resource
    name = resource.canonical if resource else "unknown"
    try:
        response = await handler(request)
    except web.HTTPException as error:
        telemetry.WEB_REQUESTS.labels(name, str(error.status)).inc()
        raise
    telemetry.WEB_REQUESTS.labels(name, str(response.status)).inc()
    return response
