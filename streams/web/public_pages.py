"""The customers' pages as files: written when they change and once a minute, served also when the bus is down."""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from mode import Service

from streams import clock, telemetry
from streams.web import public
from streams.web.board import Board

log = telemetry.logger("web")

LOOK_SECONDS = 1.0
WRITTEN_EVERY_SECONDS = 60.0
TYPES = {"index.html": "text/html; charset=utf-8", "status.json": "application/json"}
POLICY = (
    f"default-src 'none'; style-src 'sha256-{public.STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def folder_of(tenant: str) -> str:
    """A tenant's name as the name of a folder, whatever is in it."""
    return quote(tenant, safe="").replace(".", "%2E")


class PublicPages(Service):  # type: ignore[misc]  # mode is not typed for us
    """Writes `<directory>/<tenant>/index.html` and `status.json`. Until the bus was read once, what an earlier process
    wrote stays as it is; once it is lost, the pages say since when."""

    def __init__(self, directory: Path, board: Board) -> None:
        super().__init__()
        self._directory = directory
        self._board = board
        self._has_seen = False
        self._written: dict[str, tuple[public.PublicStatus, float]] = {}
        self._failing = False

    @Service.task  # type: ignore[untyped-decorator]
    async def _write(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK_SECONDS)
            await self.look(clock.now())

    async def look(self, wall: datetime) -> None:
        """Writes what is due."""
        blind = self._board.bus
        self._has_seen = self._has_seen or (blind is None and not self._board.reading)
        if not self._has_seen:
            return
        for board in self._board.every():
            status = public.status_of(board, wall, blind)
            before, at = self._written.get(board.name, (None, 0.0))
            same = before is not None and _but_time(before) == _but_time(status)
            if not same or clock.elapsed() - at >= WRITTEN_EVERY_SECONDS:
                await self._put(board.name, status)

    async def _put(self, tenant: str, status: public.PublicStatus) -> None:
        try:
            await asyncio.to_thread(write, self._directory / folder_of(tenant), status)
        except OSError as error:
            telemetry.WEB_PUBLIC_WRITES.labels("failed").inc()
            if not self._failing:
                log.error("the customers' pages cannot be written", where=str(self._directory), why=str(error))
            self._failing = True
            return
        telemetry.WEB_PUBLIC_WRITES.labels("written").inc()
        self._failing = False
        self._written[tenant] = (status, clock.elapsed())


def write(folder: Path, status: public.PublicStatus) -> None:
    """Both files, each whole or not at all. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "index.html", public.as_html(status).encode())
    _replace(folder / "status.json", public.as_json(status))


def _replace(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as beside:
        try:
            beside.write(content)
            beside.flush()
            os.fchmod(beside.fileno(), 0o644)
            Path(beside.name).replace(path)
        except BaseException:
            Path(beside.name).unlink(missing_ok=True)
            raise


def routes(directory: Path) -> list[web.RouteDef]:
    """`/public/<tenant>/` and `/public/<tenant>/status.json`, straight from the folder."""

    async def answer(request: web.Request) -> web.Response:
        name = request.match_info.get("name") or "index.html"
        path = directory / folder_of(request.match_info["tenant"]) / name
        if name not in TYPES:
            raise web.HTTPNotFound
        try:
            content = await asyncio.to_thread(path.read_bytes)
        except OSError:
            raise web.HTTPNotFound from None
        headers = {"Content-Type": TYPES[name], "Cache-Control": "max-age=15", "Content-Security-Policy": POLICY}
        return web.Response(body=content, headers=headers)

    return [web.get("/public/{tenant}/", answer), web.get("/public/{tenant}/{name}", answer)]


def _but_time(status: public.PublicStatus) -> tuple[object, ...]:
    return status.state, status.messages, status.languages, status.time_zone, status.blind_since
