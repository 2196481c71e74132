"""The page of a real worker on a real bus: an operator approves there, is refused the second time, and stops all."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import codec, topics
from schemas.centre import Centre
from schemas.command import LoadShiftCommand
from schemas.decision import OperatorDecision
from streams import clock
from streams.bus import Outgoing
from streams.config import Settings
from tests.desk_builder import START, TENANT, centre, entries, telephony_outage
from tests.integration.test_worker_respond import await_that, send
from tests.recorded import records
from tests.running_worker import Running, get

TOKEN = "a-token-that-nobody-guesses"


class Page:
    """A worker with the roles respond and web, and a browser's requests to it."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.settings = settings
        self.worker = Running(settings, directory / "worker", "--role", "respond,web")
        self.url = self.worker.ready()

    def state(self) -> Any:
        return json.loads(get(f"{self.url}/api/state?tenant={TENANT}")[1])["view"]

    def asking(self) -> list[Any]:
        cards = (self.state() or {}).get("commands", {}).values()
        return [card["command"] for card in cards if card["asks"] and not card["ended"]]

    def decides(self, action: str, target: str, token: str = TOKEN) -> tuple[int, Any]:
        wish = {"id": f"{action}-{clock.elapsed()}", "tenant": TENANT, "action": action, "target": target}
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/decisions", json.dumps(wish).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def commands(self) -> list[LoadShiftCommand]:
        return [codec.decode(LoadShiftCommand, one.value) for one in records(self.settings, topics.LOAD_SHIFT_COMMANDS)]


@pytest.fixture
def page(kafka: Any, settings_for: Any, tmp_path: Path) -> Iterator[Page]:
    (tmp_path / "ana").write_text(TOKEN)
    web = {
        "operators": [{"name": "ana", "token_file": str(tmp_path / "ana")}],
        "public_directory": str(tmp_path / "public"),
        "refresh_seconds": 0.1,
    }
    settings = settings_for(kafka, tenants={TENANT: {"clock": "event"}}, web=web)
    running = Page(settings, tmp_path)
    try:
        yield running
    finally:
        running.worker.stop()


def test_an_operator_approves_on_the_page_once_and_stops_everything(page: Page, tmp_path: Path) -> None:
    send(page.settings, _model(centre("approve")))
    await_that(
        lambda: any(b'"centre"' in (one.value or b"") for one in records(page.settings, topics.DESK)), page.worker
    )
    send(page.settings, _outage(-300, 240))
    await_that(lambda: bool(page.asking()), page.worker)
    name = page.asking()[0]["command_id"]
    assert page.decides("approve", name, token="somebody-elses-token")[0] == 401
    assert page.commands() == []

    assert page.decides("approve", name) == (200, {"outcome": "done", "reason": None})
    (command,) = page.commands()
    assert (command.command_id, command.approved_by) == (name, "ana")

    status, said = page.decides("approve", name)
    assert (status, said["outcome"]) == (200, "refused")
    assert "approved by ana" in said["reason"]
    assert len(page.commands()) == 1

    assert page.decides("kill", TENANT)[1]["outcome"] == "done"
    assert page.commands()[-1].reverts == name
    await_that(lambda: [stop["by"] for stop in page.state()["head"]["stops"]] == ["ana"], page.worker)

    written = [codec.decode(OperatorDecision, one.value) for one in records(page.settings, topics.OPERATOR_DECISIONS)]
    assert [(one.by, one.action) for one in written] == [("ana", "approve"), ("ana", "approve"), ("ana", "kill")]

    folder = tmp_path / "public" / TENANT
    await_that(lambda: (folder / "status.json").exists(), page.worker)
    assert get(f"{page.url}/public/{TENANT}/status.json")[1] == (folder / "status.json").read_text()


def _model(model: Centre) -> list[Outgoing]:
    headers = codec.headers(model, id="centre-1", source="breakwater/test", time=START)
    return [Outgoing(topics.CENTRE.name, TENANT.encode(), codec.encode(model), headers)]


def _outage(first: int, last: int) -> list[Outgoing]:
    """The outage's messages between two moments, seconds after its start, for the desk."""
    said = (entry for entry, _ in entries(telephony_outage()))
    wanted = [e for e in said if first <= (e.body.at - START).total_seconds() < last]  # type: ignore[union-attr]
    return [
        Outgoing(
            topics.DESK.name,
            TENANT.encode(),
            codec.encode(entry),
            codec.headers(entry, id=str(entry.origin.offset), source="breakwater/test", time=START),
        )
        for entry in wanted
    ]
