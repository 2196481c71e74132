"""The whole path for a test: a worker with all roles, a feed at full speed, and what the bus and the sinks hold."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from schemas import codec, topics
from schemas.base import Message
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.incident import Incident
from schemas.signal import Signal
from schemas.tick import Tick
from streams import clock, config, feed, mapping
from streams.bus import Bus, Outgoing
from streams.child import WorkerProcess
from streams.config import Settings
from streams.listener import Listener
from tests.conftest import REAL_DATA, ROOT

EVENTS = REAL_DATA / "events"
MAPPINGS = ROOT / "docs" / "mappings"
QUIET_SECONDS = 2.0


class Heard:
    """The messages of one tenant: the last revision of each, and how far the desk has come."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.centre_known = False
        self.complete_to: datetime | None = None
        self.signals: dict[str, Signal] = {}
        self.incidents: dict[str, Incident] = {}
        self.dead_letters = 0

    def hear(self, topic: str, value: bytes) -> None:
        if topic.endswith(topics.DEAD_LETTER):
            self.dead_letters += 1
        elif topic == topics.INCIDENTS.name:
            incident = codec.decode(Incident, value)
            self.incidents[incident.incident_id] = incident
        else:
            self._desk(codec.decode(DeskEntry, value).body)

    def _desk(self, body: Message) -> None:
        match body:
            case Centre():
                self.centre_known = True
            case Tick() as tick:
                self.complete_to = max(self.complete_to or tick.complete_to, tick.complete_to)
            case Signal() as signal:
                self.signals[signal.signal_id] = signal


class Live(msgspec.Struct):
    """A running worker and what was heard of it."""

    settings: Settings
    worker: WorkerProcess
    listener: Listener
    heard: Heard
    notices: Path

    def feed(self, file: str, meaning: str, window: feed.Window, seconds_max: float) -> feed.Report:
        """Feeds the export and returns when the worker has passed its last event and said all there was to say."""
        with feed.read(EVENTS / file, mapping.load(MAPPINGS / meaning), self.settings, window) as (events, report):
            feed.feed(events, self.settings, "feed-0")
            last = events.last
        assert last is not None
        self.wait(lambda: self.heard.complete_to is not None and self.heard.complete_to >= last, seconds_max)
        self.wait(lambda: clock.elapsed() - self.listener.heard_at > QUIET_SECONDS, 30.0)
        return report

    def wait(self, done: Any, seconds_max: float) -> None:
        deadline = clock.elapsed() + seconds_max
        while not done():
            self.worker.check()
            assert self.listener.error is None, self.listener.error
            assert clock.elapsed() < deadline, f"came to {self.heard.complete_to}\n{self.worker.log_tail()}"
            clock.sleep(0.1)

    def told(self) -> list[dict[str, Any]]:
        """What the file sink was told."""
        return [json.loads(line) for line in self.notices.read_text().splitlines()] if self.notices.exists() else []


@contextmanager
def running(settings: Settings, centre: Centre, folder: Path) -> Iterator[Live]:
    """A worker with all roles that knows the centre. `settings` get a page port and a file sink."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tree = settings.model_dump(mode="json", exclude_defaults=True)
    sink = {"file": {"path": str(folder / "notices.jsonl")}, "change_interval_seconds": 0}
    config.write_yaml(folder / "live.yaml", tree | {"web": {"port": port}, "notify": sink})
    worker = WorkerProcess(
        folder / "live.yaml",
        folder / "worker.log",
        f"http://127.0.0.1:{port}",
        allow_embedded=settings.broker.profile == "embedded",
    )
    heard = Heard(centre.tenant)
    wanted = {topics.DESK.name, topics.INCIDENTS.name}
    listened = [t for t in settings.all_topics() if t.name in wanted or t.name.endswith(topics.DEAD_LETTER)]
    listener = Listener(settings, listened, heard.hear)
    live = Live(settings, worker, listener, heard, folder / "notices.jsonl")
    try:
        worker.start()
        listener.start()
        worker.await_ready()
        asyncio.run(_publish(settings, centre))
        live.wait(lambda: heard.centre_known, 20.0)
        yield live
    finally:
        listener.stop()
        worker.stop()


async def _publish(settings: Settings, centre: Centre) -> None:
    bus = Bus(settings)
    await bus.start()
    try:
        heads = codec.headers(centre, id=f"{centre.tenant}-1", source="breakwater/test", time=clock.now())
        await bus.send([Outgoing(topics.CENTRE.name, centre.tenant.encode(), codec.encode(centre), heads)])
    finally:
        await bus.stop()
