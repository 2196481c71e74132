"""The demo: a retailer's Tuesday with a telephony outage, played through the real path on this machine.

Broker, topics, two learned weeks, one worker with all roles as a child process, the play, and the story as the bus
tells it. Nothing here knows what the worker will say: the truth of the scenario is compared with it at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from confluent_kafka import Producer

from drills import history, retailer
from drills.scenario import Scenario
from drills.scenarios import telephony_outage
from drills.simulator import Happening, Simulator, play
from drills.traffic import Traffic
from schemas import codec, topics
from schemas.base import Message
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.desk import DeskEntry
from schemas.errors import Unavailable
from schemas.incident import Incident
from schemas.pane import PaneRecord
from streams import broker, clock, config, learned, player
from streams.child import WorkerProcess
from streams.config import Settings
from streams.embedded import EmbeddedBroker
from streams.listener import Listener
from streams.story import Line, Story

SEED = 20251216
SOURCE = "demo-0"
PANE_SECONDS, LATENESS_SECONDS = 10, 5
LEARNED = timedelta(days=14)
WARM_UP = timedelta(minutes=30)
SPEED = 240.0  # seconds of event time a second: two hours and a quarter in about 34 s
# The play stays close to what was seen, for the centre does what it is told: a command acts minutes after its issue.
AHEAD = timedelta(minutes=3)
CATCH_UP_SECONDS_MAX = 120.0
QUIET_SECONDS = 3.0
LOOK_SECONDS = 0.2
HOLD_SECONDS = 2.5
KINDS: dict[str, type[Message]] = {
    topics.DESK.name: DeskEntry,
    topics.INCIDENTS.name: Incident,
    topics.STAFFING_ALERTS.name: StaffingAlert,
    topics.LOAD_SHIFT_COMMANDS.name: LoadShiftCommand,
    topics.LOAD_SHIFT_PROPOSALS.name: LoadShiftCommand,
}
Say = Callable[[str], None]
Tell = Callable[[Line], None]


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """When the play begins, breaks and ends; the weeks before it are learned."""

    start: datetime
    breaks: datetime
    end: datetime

    @property
    def scenario(self) -> Scenario:
        return telephony_outage.build(self.breaks)


def tuesday() -> Day:
    """Tuesday, 16 December 2025: peak season, all times by the retailer's clock."""
    zone = ZoneInfo(retailer.TIME_ZONE)
    at = [
        datetime(2025, 12, 16, hour, minute, tzinfo=zone).astimezone(UTC)
        for hour, minute in ((9, 30), (10, 12), (11, 45))
    ]
    return Day(start=at[0], breaks=at[1], end=at[2])


class Outcome(msgspec.Struct):
    """What the demo found, for the table and for programs."""

    story: Story
    contacts: int
    events: int
    wall_seconds: float

    def figures(self) -> dict[str, Any]:
        """The figures of `--json`."""
        return {
            "story": [
                {
                    "what": told.row.what,
                    "channel": told.row.at.channel,
                    "broke_at": codec.rfc3339(told.broke_at),
                    "detected_at": _time(told.detected_at),
                    "delay_seconds": told.delay_seconds,
                    "timed": told.row.limit_seconds is not None,
                    "limit_seconds": told.row.limit_seconds,
                    "held": told.held,
                    "seen_in": told.seen_in,
                    "command_at": _time(told.command_at),
                }
                for told in self.story.table()
            ],
            "incidents": [
                {
                    "id": incident.incident_id,
                    "cause": incident.cause.kind,
                    "scope": incident.scope.level,
                    "phase": incident.phase,
                    "opened_at": codec.rfc3339(incident.opened_at),
                    "resolved_at": _time(incident.resolved_at),
                    "signals": [symptom.signal_id for symptom in incident.symptoms],
                }
                for incident in self.story.whole_incidents()
            ],
            "staffing_alerts": len(self.story.alerts),
            "load_shift_commands": len(self.story.commands),
            "load_shift_proposals": len(self.story.proposals),
            "dead_letters": self.story.dead_letters,
            "contacts": self.contacts,
            "events": self.events,
            "wall_seconds": round(self.wall_seconds, 2),
            "problems": self.story.problems(),
        }


class Demo:
    """`say` gets plain lines about the doing, `tell` the story's lines. Use it as a context: leaving it ends the worker
    and the broker, and removes what they wrote."""

    def __init__(
        self, say: Say, tell: Tell, *, brokers: str | None = None, port: int = 0, speed: float = SPEED
    ) -> None:
        self._say = say
        self._tell = tell
        self._brokers = brokers
        self._port = port
        self._speed = speed
        self._stack = contextlib.ExitStack()
        self._stopped = threading.Event()
        self._broken: list[str] = []
        self._held: list[Line] = []
        self._orders: deque[LoadShiftCommand] = deque()  # commands that the centre was not told yet
        self._began = clock.elapsed()
        self.day = tuesday()
        self.story = Story(retailer.TENANT, self.day.scenario)
        self.url = ""

    def __enter__(self) -> Demo:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._stack.close()

    def run(self) -> Outcome:
        """The whole demo. Raises Unavailable, with the worker's last words where it failed."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="breakwater-demo-")))
        self._port = _free_port(self._port)
        self.url = f"http://127.0.0.1:{self._port}"
        tree = settings_tree(self._bootstrap(), self._brokers is not None, self._port, folder)
        config.write_yaml(folder / "demo.yaml", tree)
        settings = config.load(folder / "demo.yaml", environment={})
        broker.apply_topics(settings)
        if prefix := settings.broker.topic_prefix:
            self._say(f"topics on {self._brokers} carry the prefix {prefix}: delete them when you are done")
        self._learn(settings)
        model = retailer.centre()
        publish(settings, topics.CENTRE, [model])
        self._say(f"tenant {model.tenant} is in mode {model.mode}: load-shift commands go out without asking anybody")
        self._worker = WorkerProcess(
            folder / "demo.yaml", folder / "worker.log", self.url, allow_embedded=self._brokers is None
        )
        self._stack.callback(self._worker.stop)
        self._worker.start()
        happenings = happenings_of(self.day, told=self._told)
        listener = Listener(settings, _listened(settings), self._hear)
        self._stack.callback(listener.stop)
        listener.start()
        self._worker.await_ready()
        self._say(f"worker ready · status page {self.url}")
        played = self._play(settings, happenings)
        self._await_answers(listener)
        listener.stop()
        self._release()
        return Outcome(
            story=self.story,
            contacts=played.contacts,
            events=played.events,
            wall_seconds=clock.elapsed() - self._began,
        )

    def stay(self) -> None:
        """Keeps the page up until interrupted. Raises Unavailable when the worker or the broker ends."""
        while not self._stopped.wait(1.0):
            self._check()

    def _bootstrap(self) -> str:
        if self._brokers is not None:
            return self._brokers
        running = self._stack.enter_context(EmbeddedBroker(on_end=self._broken.append))
        self._say(f"embedded broker on {running.bootstrap}: in memory, for this demo alone; not a Kafka to measure")
        return running.bootstrap

    def _learn(self, settings: Settings) -> None:
        began, source = clock.elapsed(), learned.source_of(retailer.TENANT)
        asyncio.run(learned.leave(settings, source, learned_entries(settings)))
        self._say(f"two ordinary weeks learned in {clock.elapsed() - began:.1f} s")

    def _told(self) -> list[LoadShiftCommand]:
        """The commands that came since it was last asked, for the centre to carry out."""
        return [self._orders.popleft() for _ in range(len(self._orders))]

    def _play(self, settings: Settings, happenings: Iterable[Happening]) -> player.Played:
        player.check_event_clock(settings, [retailer.TENANT])
        lanes = [player.lane(retailer.TENANT, name, channel) for name, channel in sorted(settings.channels.items())]
        pace = player.Pace(self._speed, seen=lambda: self.story.complete_to or self.day.start, ahead=AHEAD)
        records = player.sendings(happenings, lanes, SOURCE, self.day.start, self.day.end)
        return player.Player(settings, pace, self._stopped).play(records, lambda _: self._check())

    def _await_answers(self, listener: Listener) -> None:
        """Until the worker has passed the end of the day and nothing new was said for a while."""
        deadline = clock.elapsed() + CATCH_UP_SECONDS_MAX
        while clock.elapsed() < deadline:
            self._check()
            if listener.error:
                raise listener.error
            done = self.story.complete_to is not None and self.story.complete_to >= self.day.end
            if done and clock.elapsed() - listener.heard_at > QUIET_SECONDS:
                return
            clock.sleep(LOOK_SECONDS)
        reached = f"it has come to {_time(self.story.complete_to)} of {_time(self.day.end)}"
        raise Unavailable(
            "the worker", f"{CATCH_UP_SECONDS_MAX:.0f} s after the play {reached}\n{self._worker.log_tail()}"
        )

    def _check(self) -> None:
        if self._broken:
            raise Unavailable("the embedded broker", self._broken[0])
        self._worker.check()

    def _hear(self, topic: str, value: bytes) -> None:
        if topic.endswith(topics.DEAD_LETTER):
            self.story.dead_letters += 1
            return
        message: Any = codec.decode(KINDS[topic], value)
        proposal = topic == topics.LOAD_SHIFT_PROPOSALS.name
        if topic == topics.LOAD_SHIFT_COMMANDS.name:
            self._orders.append(message)
        self._held += self.story.hear_proposal(message) if proposal else self.story.hear(message)
        if self.story.complete_to is not None:
            self._release(self.story.complete_to - timedelta(seconds=HOLD_SECONDS * self._speed))

    def _release(self, until: datetime | None = None) -> None:
        """Tells what is held, in order of event time, up to `until` (all, if None). Detection and response speak on
        topics of their own, one a little after the other; the story is told in the order in which it happened."""
        due = [line for line in self._held if until is None or line.at <= until]
        self._held = [line for line in self._held if until is not None and line.at > until]
        for line in sorted(due, key=lambda line: line.at):
            self._tell(line)


def publish(settings: Settings, topic: topics.Topic, values: Iterable[Message]) -> None:
    """Puts the tenant's values on a topic, in order, and waits until the broker has them. Raises Unavailable."""
    producer, name = Producer(player.producer_settings(settings)), settings.topic_name(topic)
    for n, value in enumerate(values):
        heads = codec.headers(value, id=f"{retailer.TENANT}-{n}", source="breakwater/demo", time=clock.now())
        producer.produce(name, codec.encode(value), retailer.TENANT.encode(), headers=heads)
        producer.poll(0)
    if producer.flush(CATCH_UP_SECONDS_MAX):
        raise Unavailable("the broker", f"did not take all of {topic.name}", broker.FIX_AWAY)


def traffic_of(day: Day, seed: int = SEED) -> Traffic:
    """The retailer's traffic of the learned weeks and the day."""
    return Traffic(retailer.QUEUES, retailer.TIME_ZONE, seed, day.start - LEARNED, day.end)


def happenings_of(
    day: Day, seed: int = SEED, told: Callable[[], Iterable[LoadShiftCommand]] = lambda: ()
) -> Iterable[Happening]:
    """What happens in the centre from the day's start to its end, where `told` are the commands that it hears."""
    simulator = Simulator(retailer.TENANT, SOURCE, traffic_of(day, seed), day.scenario, seed, day.start - WARM_UP)
    return play(simulator, day.start, day.end, told)


def learned_entries(settings: Settings, seed: int = SEED) -> dict[str, bytes]:
    """The detection fold's state after the ordinary weeks before the day."""
    records = (retailer.centre(), *ordinary_weeks(tuesday(), seed))
    return learned.learn(settings, records, learned.source_of(retailer.TENANT))


def ordinary_weeks(day: Day, seed: int = SEED) -> Iterable[PaneRecord]:
    """Pane records of the weeks before the day."""
    return history.panes(retailer.TENANT, SOURCE, traffic_of(day, seed), seed, day.start)


def settings_tree(bootstrap: str, real: bool, port: int, folder: Path) -> dict[str, Any]:
    """The settings of the demo, as a file would have them. On a real Kafka all names carry a prefix of their own."""
    name = f"breakwater-demo-{secrets.token_hex(3)}"
    own = {"topic_prefix": f"{name}.", "group_prefix": name} if real else {}
    channel = {"pane_seconds": PANE_SECONDS, "lateness_seconds": LATENESS_SECONDS, "partitions": 1}
    return {
        "broker": {"profile": "production" if real else "embedded", "bootstrap": bootstrap.split(","), **own},
        "channels": dict.fromkeys(sorted({plan.at.channel for plan in retailer.QUEUES}), channel),
        "tenants": {retailer.TENANT: {"clock": "event"}},
        "notify": {"file": {"path": str(folder / "notices.jsonl")}, "change_interval_seconds": 1.0},
        "web": {"host": "127.0.0.1", "port": port, "public_directory": str(folder / "public")},
        "state_directory": str(folder / "state"),
    }


def _listened(settings: Settings) -> list[topics.Topic]:
    return [t for t in settings.all_topics() if t.name in KINDS or t.name.endswith(topics.DEAD_LETTER)]


def _free_port(wanted: int) -> int:
    """The wanted port; 0 is any free one. Raises Unavailable when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise Unavailable(
                f"port {wanted}", error.strerror or "taken", "give another --port, or 0 for any"
            ) from None
        port: int = probe.getsockname()[1]
        return port


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else codec.rfc3339(moment)
