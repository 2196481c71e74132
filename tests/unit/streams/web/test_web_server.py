"""The worker's HTTP: health, metrics, the page's files, the state and its stream of events."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from schemas import topics
from schemas.base import QueueRef
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.signal import Load, QueueLoad
from streams import config, telemetry
from streams.web.board import Board
from streams.web.hub import Hub
from streams.web.server import WebServer, limits, static_files
from streams.web.tenant import Limits
from tests import scripted_outage as outage

WALL = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)


class FakeHealth:
    """A worker that is as the test says."""

    def __init__(self, alive: bool = True, ready: tuple[bool, str] = (True, "ready")) -> None:
        self.is_alive, self.is_ready = alive, ready

    def alive(self) -> bool:
        return self.is_alive

    def ready(self) -> tuple[bool, str]:
        return self.is_ready


class HalfBuilt(FakeHealth):
    def ready(self) -> tuple[bool, str]:
        raise AttributeError("'NoneType' object has no attribute 'assignment'")


def settings(**web_settings: Any) -> config.Settings:
    changes = {"port": 0, "refresh_seconds": 0.02, **web_settings}
    return config.load(None, {}, web=changes, tenants={outage.TENANT: {"clock": "event"}})


def fed(last: int = 22) -> Board:
    chosen = settings()
    board = Board(limits(chosen), lambda tenant: chosen.tenant(tenant).clock)
    board.seeing()
    board.reading = False
    for name, value in [*outage.opening(), *outage.minutes(-5, last)]:
        board.fold(value, name, WALL)
    return board


Session = aiohttp.ClientSession


def visit(
    check: Callable[[Session, WebServer], Awaitable[None]],
    roles: Collection[str] = ("web",),
    health: FakeHealth | None = None,
    board: Board | None = None,
    **web_settings: Any,
) -> None:
    """Runs a server on a free port, and `check` against it."""

    async def run() -> None:
        server = WebServer(settings(**web_settings), roles, health or FakeHealth(), board or fed())
        async with server, Session(base_url=server.url, timeout=aiohttp.ClientTimeout(total=10)) as session:
            await check(session, server)

    asyncio.run(run())


class TestHealth:
    def test_every_role_answers_health_and_metrics_and_only_web_has_the_page(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            for path, status in (
                ("/healthz", 200),
                ("/readyz", 200),
                ("/metrics", 200),
                ("/", 404),
                ("/api/state", 404),
            ):
                assert (await session.get(path)).status == status, path

        visit(check, roles=("detect",))

    def test_not_ready_is_503_with_the_reason(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            reply = await session.get("/readyz")
            assert (reply.status, await reply.text()) == (503, "detect: recovering\n")

        visit(check, health=FakeHealth(ready=(False, "detect: recovering")))

    def test_before_anything_exists_readiness_is_503_and_not_an_error(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            reply = await session.get("/readyz")
            assert (reply.status, await reply.text()) == (503, "starting\n")

        visit(check, health=HalfBuilt())

    def test_a_stuck_loop_is_not_alive(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            assert (await session.get("/healthz")).status == 503

        visit(check, health=FakeHealth(alive=False))

    def test_a_port_that_is_taken_names_the_setting(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            second = WebServer(settings(port=server.port), ["web"], FakeHealth(), fed())
            with pytest.raises(BadConfig) as raised:
                await second.on_start()
            assert raised.value.problems[0][0] == "web.port"

        visit(check)


class TestMetrics:
    def test_plain_text_for_whoever_asks_for_nothing_else(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            reply = await session.get("/metrics")
            assert reply.headers["Content-Type"].startswith("text/plain")
            assert "# HELP breakwater_web_viewers Pages that are open and listen" in await reply.text()

        visit(check)

    def test_open_metrics_when_asked_for(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
            reply = await session.get("/metrics", headers={"Accept": accept})
            assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
            assert (await reply.text()).endswith("# EOF\n")

        visit(check)

    def test_requests_are_counted_by_route_and_not_by_path(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            for name in ("a", "b"):
                await session.get(f"/static/{name}")
            assert telemetry.REGISTRY.get_sample_value(
                "breakwater_web_requests_total", {"route": "/static/{name}", "status": "404"}
            )

        visit(check)


class TestFiles:
    def test_the_page_asks_nothing_of_other_hosts_and_carries_no_inline_script_or_style(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            reply = await session.get("/")
            policy = reply.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            text = await reply.text()
            assert "http://" not in text
            assert "https://" not in text
            assert " style=" not in text
            assert text.count("<script") == text.count("<script src=") + text.count('<script type="module" src=')

        visit(check)

    def test_no_script_or_style_names_another_host(self) -> None:
        for name, found in static_files().items():
            text = found.plain.decode().replace("http://www.w3.org/2000/svg", "")
            assert "http:" not in text, name
            assert "https:" not in text, name
            assert "innerHTML" not in text, name

    def test_every_module_and_style_that_the_page_names_is_served(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            for name, found in static_files().items():
                reply = await session.get(f"/static/{name}")
                assert reply.status == 200
                assert reply.headers["Content-Type"].startswith(found.content_type)
                assert reply.headers["X-Content-Type-Options"] == "nosniff"
                assert await reply.read() == found.plain

        visit(check)

    def test_an_unchanged_file_is_not_sent_again(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            tag = (await session.get("/static/style.css")).headers["ETag"]
            reply = await session.get("/static/style.css", headers={"If-None-Match": tag})
            assert reply.status == 304

        visit(check)

    @pytest.mark.parametrize("path", ["/static/../server.py", "/static/%2e%2e%2fserver.py", "/static/server.py"])
    def test_nothing_beside_the_page_can_be_read(self, path: str) -> None:
        async def check(session: Session, server: WebServer) -> None:
            assert (await session.get(path)).status == 404

        visit(check)


class TestState:
    def test_the_snapshot_holds_the_tenant_asked_for(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            state = await (await session.get("/api/state", params={"tenant": outage.TENANT})).json()
            assert state["view"]["head"]["headline"]["text"].startswith("Telephony is out since 10:12.")
            assert set(state["view"]["rows"]) >= {"voice", "chat", "chat/billing"}

        visit(check)

    def test_without_a_tenant_there_is_the_switch_alone(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            state = await (await session.get("/api/state")).json()
            assert state["view"] is None
            assert [line["tenant"] for line in state["tenants"]] == [outage.TENANT]

        visit(check)

    def test_an_unknown_tenant_is_no_error_and_is_not_kept(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            for n in range(50):
                state = await (await session.get("/api/state", params={"tenant": f"nobody-{n}"})).json()
                assert state["view"] is None
            assert len(server.hub._snapshots) <= 2

        visit(check)

    def test_a_blind_page_still_serves_what_was_known(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            server.board.blind(WALL, "the bus does not answer")
            state = await (await session.get("/api/state", params={"tenant": outage.TENANT})).json()
            assert state["blind"]["since"] == "2026-11-24T18:00:00Z"
            assert state["view"]["incidents"]

        visit(check, board=fed(), refresh_seconds=60)


async def read_event(reply: aiohttp.ClientResponse, name: str) -> tuple[str, Any]:
    """The next event of that name: its id and its content."""
    kind = number = ""
    async for raw in reply.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("id: "):
            number = line.removeprefix("id: ")
        elif line.startswith("data: ") and kind == name:
            return number, json.loads(line.removeprefix("data: "))
    raise AssertionError(f"the stream ended without a {name}")


async def new_minutes(reply: aiohttp.ClientResponse) -> tuple[str, list[float]]:
    """The id of the next patch with a few minutes of chat, and what they saw."""
    while True:
        number, patch = await read_event(reply, "patch")
        points = ((patch["view"] or {}).get("rows") or {}).get("chat", {}).get("points", [])
        if 0 < len(points) < 5:
            return number, [point[1] for point in points]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within 5 s")


async def published(server: WebServer) -> None:
    """What the board was given before the start has been handed out."""
    await until(lambda: server.hub._number >= 2)


def arrive(board: Board, n: int, queues: int = 0) -> None:
    """A minute of chat with `n` contacts; and of so many queues of it."""
    names = [None, *(f"team-{m}" for m in range(queues))]
    loads = [
        QueueLoad(
            at=QueueRef(channel="chat", queue=name),
            known_seconds=60.0,
            arrivals=n,
            expected=20.0,
            expected_low=10.0,
            expected_high=30.0,
        )
        for name in names
    ]
    at = outage.BROKE_AT + timedelta(minutes=n)
    minute = Load(tenant=outage.TENANT, at=at, seconds=60.0, loads=loads, origin=outage.ORIGIN)
    board.fold(DeskEntry(tenant=outage.TENANT, origin=outage.ORIGIN, body=minute), topics.DESK.name, WALL)


WATCH = f"/api/events?tenant={outage.TENANT}"


class TestEvents:
    def test_a_new_viewer_gets_everything_and_then_what_changes(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            async with session.get(WATCH) as reply:
                assert reply.headers["Content-Type"] == "text/event-stream"
                _, first = await read_event(reply, "snapshot")
                assert len(first["view"]["rows"]["chat"]["points"]) > 20
                await published(server)
                arrive(server.board, 23)
                assert (await new_minutes(reply))[1] == [23]

        visit(check)

    def test_a_viewer_that_comes_back_gets_only_what_it_missed(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            async with session.get(WATCH) as reply:
                await read_event(reply, "snapshot")
                await published(server)
                arrive(server.board, 23)
                last, _ = await new_minutes(reply)
            arrive(server.board, 24)
            await asyncio.sleep(0.1)
            async with session.get(WATCH, headers={"Last-Event-ID": last}) as reply:
                assert (await new_minutes(reply))[1] == [24]

        visit(check)

    @pytest.mark.parametrize("after", ["12-3", "nonsense", "-", "9999999999999999-1", ""])
    def test_a_viewer_of_an_earlier_process_gets_everything(self, after: str) -> None:
        async def check(session: Session, server: WebServer) -> None:
            async with session.get(WATCH, headers={"Last-Event-ID": after}) as reply:
                _, state = await read_event(reply, "snapshot")
                assert state["view"]["incidents"]

        visit(check)

    def test_a_quiet_stream_still_beats(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            async with session.get(WATCH) as reply:
                seen = b""
                while b": heartbeat\nevent: pulse\n" not in seen:
                    seen += await reply.content.readany()

        visit(check, heartbeat_seconds=0.05)

    def test_too_many_viewers_are_turned_away_with_a_time_to_come_back(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            async with session.get(WATCH) as reply:
                await read_event(reply, "snapshot")
                refused = await session.get(WATCH)
                assert refused.status == 503
                assert int(refused.headers["Retry-After"]) > 0
            await until(lambda: len(server.hub) == 0)
            async with session.get(WATCH) as reply:
                assert reply.status == 200

        visit(check, viewers_max=1, heartbeat_seconds=0.05)

    def test_a_viewer_that_does_not_read_is_dropped_and_others_go_on(self) -> None:
        async def check(session: Session, server: WebServer) -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
            writer.write(f"GET {WATCH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            async with session.get(WATCH) as reply:
                await read_event(reply, "snapshot")
                await until(lambda: len(server.hub) == 2)
                dropped = telemetry.REGISTRY.get_sample_value("breakwater_web_viewers_dropped_total") or 0.0
                for n in range(400):  # far more than the socket's buffers and the backlog hold
                    arrive(server.board, 100 + n, queues=300)
                    server.hub.publish(WALL)
                    last = server.hub._number
                    while (await read_event(reply, "patch"))[0].endswith(f"-{last}") is False:
                        pass
                    if len(server.hub) == 1:
                        break
                assert len(server.hub) == 1
                assert telemetry.REGISTRY.get_sample_value("breakwater_web_viewers_dropped_total") == dropped + 1
                writer.close()

        visit(check, viewer_backlog_max=20, refresh_seconds=60)

    def test_stopping_ends_every_stream_at_once(self) -> None:
        async def run() -> None:
            server = WebServer(settings(), ["web"], FakeHealth(), fed())
            await server.start()
            async with Session(base_url=server.url) as session, session.get(WATCH) as reply:
                await read_event(reply, "snapshot")
                await asyncio.wait_for(server.stop(), 3)
                rest = await asyncio.wait_for(reply.content.read(), 3)
                assert isinstance(rest, bytes)

        asyncio.run(run())


class TestHub:
    def hub(self, **limits_: int) -> Hub:
        board = Board(Limits(), lambda tenant: "event")
        board.seeing()
        sizes = {"viewers_max": 10, "viewer_backlog_max": 10, "resume_bytes_max": 1_000_000, **limits_}
        return Hub(board, 7, **sizes)

    def fold(self, hub: Hub, tenant: str, version: int) -> None:
        hub._board.fold(Centre(tenant=tenant, version=version, time_zone="UTC"), topics.CENTRE.name, WALL)
        hub.publish(WALL)

    def test_what_is_kept_for_those_who_come_back_is_bounded_in_bytes(self) -> None:
        hub = self.hub(resume_bytes_max=2_000)
        for n in range(50):
            hub._board.blind(WALL, f"reason {n}")
            hub.publish(WALL)
        assert sum(len(event.chunk) for event in hub._kept) <= 2_000
        assert hub._missed("7-1") is None
        assert len(hub._missed("7-49") or []) == 1

    def test_a_viewer_hears_of_its_own_tenant_and_of_the_switch(self) -> None:
        hub = self.hub()
        self.fold(hub, "one", 1)
        viewer = hub.join("one", f"7-{hub._number}", WALL, lambda: None)
        assert viewer is not None
        self.fold(hub, "two", 1)
        waiting = [viewer._queue.get_nowait() for _ in range(viewer._queue.qsize())]
        assert all(chunk is not None and b'"view":{"tenant":"two"' not in chunk for chunk in waiting)
        assert any(chunk is not None and b'"tenant":"two"' in chunk for chunk in waiting)

    def test_a_snapshot_is_rendered_once_for_all_who_ask(self) -> None:
        hub = self.hub()
        self.fold(hub, "one", 1)
        first = hub.snapshot("one", WALL)
        assert hub.snapshot("one", WALL) is first
        assert gzip.decompress(hub.snapshot("one", WALL, gzipped=True)) == first
        hub._board.blind(WALL, "away")
        hub.publish(WALL)
        assert hub.snapshot("one", WALL) is not first


def test_without_operators_the_application_has_no_route_that_changes_anything(tmp_path: Path) -> None:
    server = WebServer(settings(), ["web"], FakeHealth(), fed())
    routes: list[web.AbstractRoute] = list(server.application().router.routes())
    assert {route.method for route in routes} == {"GET", "HEAD"}
    (tmp_path / "ana").write_text("a-token-that-nobody-guesses")
    operators = [{"name": "ana", "token_file": tmp_path / "ana"}]
    with_one = WebServer(settings(operators=operators), ["web"], FakeHealth(), fed()).application()
    assert [route.method for route in with_one.router.routes()].count("POST") == 1
