"""What customers may read: approved words alone, in files that outlive the bus and the process."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from structlog.testing import capture_logs

from schemas import topics
from schemas.command import Bulletin
from streams import config
from streams.web import public, public_pages
from streams.web.board import Board
from streams.web.server import WebServer, limits
from streams.web.tenant import TenantBoard
from streams.web.view import Blind
from tests import scripted_outage as outage

WALL = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
AT = outage.BROKE_AT + timedelta(minutes=10)


def settings(folder: Path) -> config.Settings:
    web = {"port": 0, "refresh_seconds": 0.05, "public_directory": folder}
    return config.load(None, {}, web=web, tenants={outage.TENANT: {"clock": "event"}})


def bulletin(**changes: Any) -> Bulletin:
    made = outage.bulletin("customers", AT)
    return msgspec.structs.replace(made, approved=True, bulletin_id=f"b-{len(str(changes))}", **changes)


def board(*bulletins: Bulletin, last: int = 22) -> Board:
    chosen = settings(Path("nowhere"))
    made = Board(limits(chosen), lambda tenant: chosen.tenant(tenant).clock)
    made.seeing()
    made.reading = False
    for name, value in [*outage.opening(), *outage.minutes(-5, last)]:
        made.fold(value, name, WALL)
    for one in bulletins:
        made.fold(one, topics.BULLETINS.name, WALL)
    return made


def tenant(made: Board) -> TenantBoard:
    found = made.tenant(outage.TENANT)
    assert found is not None
    return found


def status(*bulletins: Bulletin, blind: Blind | None = None, last: int = 22) -> public.PublicStatus:
    return public.status_of(tenant(board(*bulletins, last=last)), WALL, blind)


class TestWhatIsSaid:
    def test_an_approved_message_is_there_with_its_next_update(self) -> None:
        seen = status(bulletin())
        assert seen.state == "disturbed"
        assert [one.text for one in seen.messages] == [bulletin().text]
        page = public.as_html(seen)
        assert "We have a disturbance." in page
        assert "Next update by 2026-11-24 10:42 (America/Chicago)" in page
        assert "As of 2026-11-24 10:34 (America/Chicago)" in page

    def test_an_update_that_is_overdue_is_promised_no_more(self) -> None:
        overdue = msgspec.structs.replace(bulletin(), next_update_at=AT + timedelta(minutes=5))
        assert "Next update" not in public.as_html(status(overdue))

    @pytest.mark.parametrize(
        "changes",
        [{"approved": False}, {"audience": "agents"}, {"expires_at": AT + timedelta(minutes=1)}],
        ids=["a draft", "for agents", "expired"],
    )
    def test_what_is_not_approved_for_customers_or_is_over_is_not_there(self, changes: dict[str, Any]) -> None:
        seen = status(msgspec.structs.replace(bulletin(), **changes))
        assert (seen.state, seen.messages) == ("usual", [])
        assert "You can reach us as usual." in public.as_html(seen)

    def test_nothing_of_the_inside_is_told(self) -> None:
        seen = status(bulletin())
        for text in (public.as_html(seen), public.as_json(seen).decode()):
            for inside in (outage.INCIDENT, "billing", "northline", "SIP", "agents"):
                assert inside not in text

    def test_a_later_message_of_the_incident_takes_the_place_of_the_one_before(self) -> None:
        later = bulletin(at=AT + timedelta(minutes=5), text="The phones are back in an hour.")
        for order in ((bulletin(), later), (later, bulletin())):
            assert [one.text for one in status(*order).messages] == [later.text]

    def test_when_it_is_over_the_last_word_stays_until_it_expires_and_the_state_is_usual(self) -> None:
        over = bulletin(at=AT + timedelta(minutes=80), expires_at=AT + timedelta(hours=3), text="The phones are back.")
        seen = status(bulletin(), over, last=100)
        assert seen.state == "usual"
        assert [one.text for one in seen.messages] == ["The phones are back."]

    def test_every_language_of_the_centre_has_its_own_part(self) -> None:
        seen = msgspec.structs.replace(
            status(bulletin(), bulletin(language="de", text="Unser Telefon ist gestört.")), languages=("de", "en", "ar")
        )
        page = public.as_html(seen)
        assert '<html lang="de">' in page
        assert page.index("Bei uns gibt es eine Störung.") < page.index("We have a disturbance.")
        assert '<section lang="ar" dir="rtl">' in page
        assert page.count("<h1>") == 1

    def test_words_are_text_and_never_markup(self) -> None:
        seen = status(bulletin(text="<script>alert(1)</script> & more"))
        assert "<script" not in public.as_html(seen)
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in public.as_html(seen)

    def test_blindness_is_admitted_with_its_moment(self) -> None:
        seen = status(bulletin(), blind=Blind(since=WALL, why="the bus does not answer"))
        assert "no news from our own systems since 2026-11-24 12:00" in public.as_html(seen)
        assert "the bus" not in public.as_html(seen)
        assert json.loads(public.as_json(seen))["blind_since"] == "2026-11-24T18:00:00Z"


class TestFiles:
    def test_the_files_are_written_when_something_changes_and_not_with_every_look(self, tmp_path: Path) -> None:
        made = board(bulletin())
        pages = public_pages.PublicPages(tmp_path, made)
        folder = tmp_path / outage.TENANT

        async def looks() -> None:
            await pages.look(WALL)
            first = (folder / "index.html").stat().st_mtime_ns
            await pages.look(WALL)
            assert (folder / "index.html").stat().st_mtime_ns == first
            made.fold(bulletin(text="News.", at=AT + timedelta(minutes=1)), topics.BULLETINS.name, WALL)
            await pages.look(WALL)

        asyncio.run(looks())
        assert "News." in (folder / "index.html").read_text()
        assert json.loads((folder / "status.json").read_text())["state"] == "disturbed"
        assert sorted(path.name for path in folder.iterdir()) == ["index.html", "status.json"]
        assert (folder / "index.html").stat().st_mode & 0o444 == 0o444

    def test_before_the_bus_was_read_the_files_of_the_last_process_stay(self, tmp_path: Path) -> None:
        folder = tmp_path / outage.TENANT
        public_pages.write(folder, status(bulletin()))
        before = (folder / "index.html").read_text()
        empty = Board(limits(settings(tmp_path)), lambda name: "event")
        pages = public_pages.PublicPages(tmp_path, empty)
        asyncio.run(pages.look(WALL))
        assert (folder / "index.html").read_text() == before

    def test_a_bus_that_is_lost_is_written_into_them(self, tmp_path: Path) -> None:
        made = board(bulletin())
        pages = public_pages.PublicPages(tmp_path, made)
        asyncio.run(pages.look(WALL))
        made.blind(WALL, "the bus does not answer")
        asyncio.run(pages.look(WALL))
        assert "no news from our own systems" in (tmp_path / outage.TENANT / "index.html").read_text()

    def test_a_disk_that_refuses_does_not_end_the_page(self, tmp_path: Path) -> None:
        place = tmp_path / "public"
        place.write_text("no folder")
        pages = public_pages.PublicPages(place, board(bulletin()))
        with capture_logs() as logged:
            asyncio.run(pages.look(WALL))
            asyncio.run(pages.look(WALL))
        assert [line["event"] for line in logged] == ["the customers' pages cannot be written"]
        assert place.read_text() == "no folder"
        place.unlink()
        asyncio.run(pages.look(WALL))
        assert (place / outage.TENANT / "index.html").exists()

    @pytest.mark.parametrize("name", ["..", ".", "a/b", "../../etc", "näher", "%2e%2e"])
    def test_a_tenants_name_is_one_folder_whatever_is_in_it(self, name: str) -> None:
        folder = public_pages.folder_of(name)
        assert "/" not in folder and folder not in ("", ".", "..")
        assert len({public_pages.folder_of(other) for other in ("..", ".", "a/b", "%2e%2e", "a%2Fb")}) == 5


class TestServed:
    def test_the_files_are_served_with_no_bus_and_no_board(self, tmp_path: Path) -> None:
        public_pages.write(tmp_path / outage.TENANT, status(bulletin()))
        chosen = settings(tmp_path)

        class Starting:
            def alive(self) -> bool:
                return True

            def ready(self) -> tuple[bool, str]:
                return False, "waits for the broker"

        async def run() -> None:
            empty = Board(limits(chosen), lambda name: "event")
            async with (
                WebServer(chosen, ["web"], Starting(), empty) as server,
                aiohttp.ClientSession(base_url=server.url) as session,
            ):
                reply = await session.get(f"/public/{outage.TENANT}/")
                assert reply.status == 200
                assert "We have a disturbance." in await reply.text()
                assert public.STYLE_HASH in reply.headers["Content-Security-Policy"]
                assert reply.headers["X-Content-Type-Options"] == "nosniff"
                found = await (await session.get(f"/public/{outage.TENANT}/status.json")).json()
                assert found["state"] == "disturbed"
                for wrong in (
                    "nobody/",
                    f"{outage.TENANT}/settings.yaml",
                    "..%2f..%2fetc/passwd",
                    "%2e%2e/status.json",
                ):
                    assert (await session.get(f"/public/{wrong}")).status == 404, wrong

        asyncio.run(run())
