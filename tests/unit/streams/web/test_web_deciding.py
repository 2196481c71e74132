"""Deciding on the page: who may, what is written, what is refused, and what nobody else can make a browser do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from schemas.decision import OperatorDecision
from schemas.errors import BadConfig, Unavailable
from streams import config
from streams.web.board import Board
from streams.web.deciding import Answer
from streams.web.operators import Operators
from streams.web.server import WebServer, limits
from tests import scripted_outage as outage

TOKEN = "a-token-that-nobody-guesses"
WALL = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
WISH = {"id": "0123456789abcdef", "tenant": outage.TENANT, "action": "acknowledge", "target": outage.INCIDENT}


class WellWorker:
    def alive(self) -> bool:
        return True

    def ready(self) -> tuple[bool, str]:
        return True, "ready"


class Desk:
    """Stands for the bus and the desk: keeps what it is brought and answers as told."""

    def __init__(self, answer: Answer | Exception | None = None) -> None:
        self.brought: list[OperatorDecision] = []
        self.answer = answer or Answer("done")

    async def carry(self, made: OperatorDecision) -> Answer:
        self.brought.append(made)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def settings(folder: Path, *names: str) -> config.Settings:
    operators = []
    for n, name in enumerate(names):
        place = folder / name
        place.write_text(TOKEN + "x" * n + "\n")
        operators.append({"name": name, "token_file": place})
    web = {"port": 0, "refresh_seconds": 0.05, "operators": operators}
    return config.load(None, {}, web=web, tenants={outage.TENANT: {"clock": "event"}})


def visit(
    folder: Path,
    check: Callable[[aiohttp.ClientSession, Desk], Awaitable[None]],
    *names: str,
    answer: Answer | Exception | None = None,
) -> None:
    chosen, desk = settings(folder, *names), Desk(answer)
    board = Board(limits(chosen), lambda tenant: chosen.tenant(tenant).clock)
    for name, value in [*outage.opening(), *outage.minutes(-5, 22)]:
        board.fold(value, name, WALL)

    async def run() -> None:
        server = WebServer(chosen, ["web"], WellWorker(), board, desk.carry)
        async with server, aiohttp.ClientSession(base_url=server.url) as session:
            await check(session, desk)

    asyncio.run(run())


async def post(session: aiohttp.ClientSession, token: str | None = TOKEN, **changes: Any) -> tuple[int, Any]:
    headers = changes.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    async with session.post("/api/decisions", json={**WISH, **changes}, headers=headers) as reply:
        return reply.status, await reply.json()


class TestWho:
    def test_a_token_says_who_somebody_is(self, tmp_path: Path) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            for token, name in ((TOKEN, "ana"), (TOKEN + "x", "kim"), ("wrong", None), ("", None)):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                reply = await session.get("/api/operator", headers=headers)
                assert (reply.status, await reply.json()) == (200, {"name": name, "wanted": True})
                assert TOKEN not in str(reply.headers)

        visit(tmp_path, check, "ana", "kim")

    def test_without_operators_nobody_may_and_the_page_is_told(self, tmp_path: Path) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            assert await (await session.get("/api/operator")).json() == {"name": None, "wanted": False}
            reply = await session.post("/api/decisions", json=WISH, headers={"Authorization": f"Bearer {TOKEN}"})
            assert reply.status == 404
            assert desk.brought == []

        visit(tmp_path, check)

    def test_guessing_ends_after_ten_wrong_tokens_also_for_the_right_one(self, tmp_path: Path) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            seen = [(await post(session, token=f"guess-{n}"))[0] for n in range(10)]
            assert seen == [401] * 10
            assert (await post(session, token="guess-10"))[0] == 429
            assert (await post(session))[0] == 429
            assert (await session.get("/api/state")).status == 200

        visit(tmp_path, check, "ana")

    @pytest.mark.parametrize("text,why", [("short", "at random"), ("", "empty")])
    def test_a_token_that_is_too_short_is_a_mistake_of_the_settings(self, tmp_path: Path, text: str, why: str) -> None:
        (tmp_path / "ana").write_text(text)
        with pytest.raises(BadConfig) as error:
            Operators([config.Operator(name="ana", token_file=tmp_path / "ana")])
        assert why in str(error.value)
        assert not text or text not in str(error.value)

    def test_two_people_with_one_token_are_a_mistake_of_the_settings(self, tmp_path: Path) -> None:
        (tmp_path / "both").write_text(TOKEN)
        with pytest.raises(BadConfig, match="another operator's token"):
            Operators([config.Operator(name=name, token_file=tmp_path / "both") for name in ("ana", "kim")])


class TestDecisions:
    def test_a_decision_carries_the_name_of_its_token_whatever_the_request_says(self, tmp_path: Path) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            assert await post(session, note="on it") == (200, {"outcome": "done", "reason": None})
            (made,) = desk.brought
            assert (made.by, made.action, made.target, made.note) == ("ana", "acknowledge", outage.INCIDENT, "on it")
            assert (await post(session, by="kim"))[0] == 400

        visit(tmp_path, check, "ana")

    def test_the_same_click_sent_twice_is_one_decision(self, tmp_path: Path) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            await post(session)
            await post(session)
            await post(session, id="another-click")
            ids = [made.decision_id for made in desk.brought]
            assert ids[0] == ids[1] != ids[2]

        visit(tmp_path, check, "ana")

    def test_a_mute_lasts_as_asked_in_the_centres_own_time(self, tmp_path: Path) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            await post(session, action="mute", minutes=60)
            (made,) = desk.brought
            assert made.until == outage.BROKE_AT + timedelta(minutes=22 + 60)

        visit(tmp_path, check, "ana")

    @pytest.mark.parametrize(
        "changes,status",
        [
            ({"action": "approve", "target": "c-social"}, 200),
            ({"action": "approve", "target": outage.INCIDENT}, 404),
            ({"action": "acknowledge", "target": "c-social"}, 404),
            ({"action": "kill", "target": outage.TENANT}, 200),
            ({"action": "kill", "target": "c-chat"}, 200),
            ({"action": "kill", "target": "another"}, 404),
            ({"tenant": "nobody"}, 404),
            ({"action": "format-the-disk"}, 400),
            ({"target": ""}, 400),
            ({"note": "x" * 501}, 400),
            ({"minutes": 0}, 400),
            ({"id": "x"}, 400),
        ],
    )
    def test_only_what_is_here_can_be_decided_on(self, tmp_path: Path, changes: dict[str, Any], status: int) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            assert (await post(session, **changes))[0] == status
            assert len(desk.brought) == (status == 200)

        visit(tmp_path, check, "ana")

    def test_a_body_of_any_length_or_form_is_answered_and_not_read_whole(self, tmp_path: Path) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            for body in (b"", b"{", b"[]", b"\xff\xfe", b'{"id": "' + b"x" * 100_000):
                headers = {"Authorization": f"Bearer {TOKEN}"}
                reply = await session.post("/api/decisions", data=body, headers=headers)
                assert reply.status == 400, body[:20]
            assert desk.brought == []

        visit(tmp_path, check, "ana")

    def test_another_site_cannot_decide_with_a_browser_that_is_signed_in(self, tmp_path: Path) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            assert (await post(session, headers={"Sec-Fetch-Site": "cross-site"}))[0] == 403
            assert (await post(session, headers={"Sec-Fetch-Site": "same-site"}))[0] == 403
            asked = await session.options("/api/decisions", headers={"Origin": "https://elsewhere.example"})
            assert asked.status == 405
            assert "Access-Control-Allow-Origin" not in asked.headers
            assert desk.brought == []

        visit(tmp_path, check, "ana")

    def test_a_refusal_is_handed_back_with_its_reason(self, tmp_path: Path) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            assert await post(session) == (200, {"outcome": "refused", "reason": "it is over"})

        visit(tmp_path, check, "ana", answer=Answer("refused", "it is over"))

    def test_a_bus_that_is_away_is_said(self, tmp_path: Path) -> None:
        async def check(session: aiohttp.ClientSession, desk: Desk) -> None:
            status, said = await post(session)
            assert status == 503
            assert "the broker" in said["error"]

        visit(tmp_path, check, "ana", answer=Unavailable("the broker", "does not answer", "start it"))
