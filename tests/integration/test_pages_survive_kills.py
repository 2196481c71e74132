"""Killed at any moment, with services in trouble: every incident pages once, is shown once, and ends as it is."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import yaml
from notice_examples import AT, incident, resolved

from schemas import topics
from schemas.fold import Output
from schemas.incident import Escalation, Incident
from streams.bus import Bus, outgoing
from streams.config import Settings
from streams.notify.subjects import step
from streams.stand_in import Fault, StandIn, serve

KEY = "0123456789abcdef0123456789abcdef"
INCIDENTS = 24
KILLS = 3
SEED = 20261122
WORKER = Path(__file__).parent / "notifying_worker.py"
TROUBLES = (
    Fault(status=0),  # it has it, and the answer is lost
    Fault(status=0),
    Fault(status=0),
    Fault(status=503),
    Fault(status=502, body="no message"),
    Fault(status=429, headers={"Retry-After": "1"}),
)


def sinks(folder: Path, address: str) -> dict[str, Any]:
    (folder / "key").write_text(KEY)
    (folder / "token").write_text("token")
    return {
        "pagerduty": {"routing_key_file": str(folder / "key"), "base_url": f"{address}/v2"},
        "grafana": {"url": address, "token_file": str(folder / "token")},
        "file": {"path": str(folder / "notices.jsonl")},
        "backoff_seconds": 0.1,
        "backoff_seconds_max": 0.5,
        "change_interval_seconds": 0,
    }


def test_every_incident_pages_once_whatever_is_killed_and_lost(kafka: Any, settings_for: Any, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    stand_in = StandIn()
    newest: dict[str, Incident] = {}

    async def script() -> None:
        listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        server = asyncio.create_task(serve(stand_in, "127.0.0.1", 0, listening.set_result))
        address = f"http://127.0.0.1:{await listening}"
        settings = await asyncio.to_thread(lambda: settings_for(kafka, notify=sinks(tmp_path, address)))
        path = written(settings, tmp_path)
        bus = Bus(settings)
        await bus.start()
        try:
            for _ in range(KILLS):
                worker = await started(path)
                try:
                    # work comes and services fail until the very end of this life
                    ends = asyncio.get_running_loop().time() + 6 + 4 * chance.random()
                    while asyncio.get_running_loop().time() < ends:
                        await bus.send([outgoing(revised(newest, chance), "respond")])
                        stand_in.faults += [chance.choice(TROUBLES)] * (chance.random() < 0.7)
                        await asyncio.sleep(0.05 * chance.random())
                finally:
                    worker.kill()
                    await worker.wait()
            stand_in.faults.clear()
            worker = await started(path)
            await until(lambda: settled(stand_in, newest), 60)
            # now nobody acknowledges what is open, and the worker is killed while it tells the next rota
            await bus.send([outgoing(climbing(newest, last), "respond") for last in alive(newest)])
            await until(lambda: any("~step-" in key for key in stand_in.pager.open), 30)
            worker.kill()
            await worker.wait()
            worker = await started(path)
            try:
                await until(lambda: climbed(newest) <= stand_in.pager.open.keys() and settled(stand_in, newest), 60)
            finally:
                worker.terminate()
                assert await worker.wait() == 0
        finally:
            await bus.stop()
            server.cancel()
            await asyncio.wait({server})

    asyncio.run(script())

    paged = [alert["dedup_key"] for alert in (*stand_in.pager.open.values(), *stand_in.pager.ended)]
    assert stand_in.pager.pages == len(set(paged)) == len(paged), f"seed {SEED}"
    assert any("~step-" in key for key in paged)
    assert set(paged) >= {name for name, last in newest.items() if last.phase != "resolved"}
    shown = Counter(tag for one in stand_in.grafana.annotations.values() for tag in one["tags"] if "incident_id" in tag)
    assert shown == {f"incident_id={name}": 1 for name in newest}, f"seed {SEED}"
    lines = [orjson.loads(line) for line in (tmp_path / "notices.jsonl").read_bytes().splitlines()]
    assert max(Counter(line["id"] for line in lines).values()) == 1


def revised(newest: dict[str, Incident], chance: random.Random) -> Output:
    """The next thing that happens: an incident opens, gets worse or better, or ends."""
    if not alive(newest) or (len(newest) < INCIDENTS and chance.random() < 0.3):
        value = incident(1, incident_id=f"i{len(newest)}")
    else:
        last = chance.choice(alive(newest))
        severity = chance.choice(["critical", "error", "warning"])
        make = resolved if len(newest) < INCIDENTS and chance.random() < 0.08 else incident
        if make is incident and chance.random() < 0.1:
            return climbing(newest, last)
        value = make(last.revision + 1, incident_id=last.incident_id, severity=severity, escalation=last.escalation)
    return noted(newest, value)


def climbing(newest: dict[str, Incident], last: Incident) -> Output:
    """Nobody acknowledged it: the next one is asked."""
    asked = Escalation(step=step(last) + 2, rota="next", who=["ada"], at=AT)
    return noted(newest, msgspec.structs.replace(last, revision=last.revision + 1, escalation=asked))


def noted(newest: dict[str, Incident], value: Incident) -> Output:
    newest[value.incident_id] = value
    key = f"{value.tenant}|{value.incident_id}"
    return Output(topic=topics.INCIDENTS, key=key, value=value, id=f"{key}/{value.revision}", time=AT)


def alive(newest: dict[str, Incident]) -> list[Incident]:
    return [one for one in newest.values() if one.phase != "resolved"]


def climbed(newest: dict[str, Incident]) -> set[str]:
    """The alerts of the steps that what is open has climbed to."""
    return {f"{one.incident_id}~step-{step(one)}" for one in alive(newest)}


def settled(stand_in: StandIn, newest: dict[str, Incident]) -> bool:
    """Whether pager and Grafana show what is true."""
    open_now = {name: last.severity for name, last in newest.items() if last.phase != "resolved"}
    told = {
        name: [event["payload"]["severity"] for event in alert["events"] if "payload" in event][-1]
        for name, alert in stand_in.pager.open.items()
        if "~step-" not in name
    }
    ended = {
        tag for one in stand_in.grafana.annotations.values() if "phase=resolved" in one["tags"] for tag in one["tags"]
    }
    over = {f"incident_id={name}" for name in newest.keys() - open_now.keys()}
    return (
        told == open_now
        and stand_in.pager.open.keys() - open_now.keys() <= climbed(newest)
        and over <= ended
        and len(stand_in.grafana.annotations) >= len(newest)
    )


def written(settings: Settings, folder: Path) -> Path:
    path = folder / "settings.yaml"
    plain = orjson.loads(settings.model_dump_json(exclude_unset=True))
    path.write_text(yaml.safe_dump(plain))
    return path


async def started(path: Path) -> asyncio.subprocess.Process:
    log = path.with_name("worker.log").open("ab")
    return await asyncio.create_subprocess_exec(sys.executable, str(WORKER), str(path), stdout=log, stderr=log)


async def until(condition: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # another process does it
            await asyncio.sleep(0.1)
