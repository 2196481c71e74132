"""The whole path tells the story once, whatever is killed on the way, and a recorded log tells it again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars
import pytest

from drills import retailer
from schemas import codec, topics
from schemas.contact import CONTACT_TYPES
from schemas.pane import QueuePane
from streams import config, demo, learned, player
from streams.bus import Bus, Outgoing
from streams.config import Settings
from streams.listener import Listener
from streams.own_ticks import OwnTicks
from streams.roles import detect_role, respond_role
from streams.story import Story
from tests.recorded import (
    assert_desk_replayed_into_files,
    assert_no_effect_under_two_keys,
    assert_replayed_the_same,
    records,
)
from tests.running_worker import Running

SPEED = 600.0  # seconds of event time a second
WAIT_SECONDS_MAX = 150.0
QUIET_SECONDS = 3.0
HEARD = (topics.DESK, topics.INCIDENTS, topics.STAFFING_ALERTS, topics.LOAD_SHIFT_COMMANDS)
SPLIT = ("ingest", "detect", "respond", "notify")


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Two ordinary weeks as the detection fold's state."""
    tree = demo.settings_tree("127.0.0.1:1", real=True, port=0, folder=tmp_path_factory.mktemp("learned"))
    return demo.learned_entries(config.load(environment={}, **tree))


class Stage:
    """A broker with the learned weeks, workers as processes, and what is heard while the day is played."""

    def __init__(self, settings: Settings, directory: Path, entries: dict[str, bytes]) -> None:
        self.settings = settings
        self.directory = directory
        self.day = demo.tuesday()
        self.story = Story(retailer.TENANT, self.day.scenario)
        self.workers: list[Running] = []
        self.entries = entries
        self.source = learned.source_of(retailer.TENANT)
        self._stopped = threading.Event()
        self._played: list[BaseException | None] = []
        self._listener = Listener(settings, HEARD, self._hear)

    def prepare(self) -> None:
        asyncio.run(learned.leave(self.settings, self.source, self.entries))
        model = retailer.centre()
        headers = codec.headers(model, id="model", source="breakwater/test", time=self.day.start)

        async def publish() -> None:
            bus = Bus(self.settings)
            await bus.start()
            await bus.send([Outgoing(topics.CENTRE.name, model.tenant.encode(), codec.encode(model), headers)])
            await bus.stop()

        asyncio.run(publish())
        self._listener.start()

    def start(self, role: str = "all") -> Running:
        flag = ["--allow-embedded"] if self.settings.broker.profile == "embedded" else []
        worker = Running(self.settings, self.directory / f"worker-{len(self.workers)}", "--role", role, *flag)
        self.workers.append(worker)
        return worker

    def play(self) -> None:
        """Begins to put the day on the bus, in a thread."""

        def run() -> None:
            try:
                lanes = [
                    player.lane(retailer.TENANT, name, channel)
                    for name, channel in sorted(self.settings.channels.items())
                ]
                pace = player.Pace(SPEED, seen=lambda: self.story.complete_to or self.day.start, ahead=demo.AHEAD)
                happenings = demo.happenings_of(self.day)
                records = player.sendings(happenings, lanes, demo.SOURCE, self.day.start, self.day.end)
                player.Player(self.settings, pace, self._stopped).play(records)
                self._played.append(None)
            except BaseException as error:
                self._played.append(error)

        threading.Thread(target=run, name="player", daemon=True).start()

    def await_moment(self, moment: datetime) -> None:
        """Until the desk has seen all up to `moment` of event time."""
        self._await(lambda: self.story.complete_to is not None and self.story.complete_to >= moment)

    def await_end(self) -> None:
        """Until all is played, seen and said."""
        self._await(lambda: bool(self._played))
        assert self._played == [None]
        self.await_moment(self.day.end)
        self._await(lambda: time.monotonic() - self._listener.heard_at > QUIET_SECONDS)

    def _await(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not reached():
            assert self._listener.error is None
            last = self.workers[-1].log()[-3000:]
            assert time.monotonic() < deadline, f"the desk has come to {self.story.complete_to}\n{last}"
            time.sleep(0.1)

    def _hear(self, topic: str, value: bytes) -> None:
        self.story.hear(codec.decode(demo.KINDS[topic], value))  # type: ignore[arg-type]

    def stop(self) -> None:
        self._stopped.set()
        for worker in self.workers:
            worker.stop()
        self._listener.stop()


@pytest.fixture
def stage(settings_for: Any, tmp_path: Path, entries: dict[str, bytes]) -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(broker: Any, partitions: int = 1) -> Stage:
        tree = demo.settings_tree("127.0.0.1:1", real=True, port=0, folder=tmp_path)
        tree["channels"] = {name: channel | {"partitions": partitions} for name, channel in tree["channels"].items()}
        wanted = {name: tree[name] for name in ("channels", "tenants", "notify")}
        made.append(Stage(settings_for(broker, **wanted), tmp_path, entries))
        made[-1].prepare()
        return made[-1]

    yield make
    for one in made:
        one.stop()


# --- what must hold -------------------------------------------------------------------------------------------------


def assert_told_once(stage: Stage) -> None:
    """One incident, every timed row within its limit, alerts and commands, nothing said under two names."""
    assert stage.story.problems() == []
    assert len(stage.story.whole_incidents()) == 1
    assert stage.story.alerts
    assert stage.story.commands
    assert_no_effect_under_two_keys(stage.settings)
    dead = [topic for topic in stage.settings.all_topics() if topic.name.endswith(topics.DEAD_LETTER)]
    assert [topic.name for topic in dead if records(stage.settings, topic)] == []


def assert_counts_are_those_of_the_input(stage: Stage) -> None:
    """Every pane as a batch count of the contact events has it, each final said with one meaning, nothing late."""
    events = [
        orjson.loads(arrival.value or b"")
        for channel in sorted(stage.settings.channels)
        for arrival in records(
            stage.settings, topics.contact_events(channel, stage.settings.channels[channel].partitions)
        )
    ]
    frame = polars.DataFrame(
        [
            {
                "channel": event["channel"],
                "queue": event["queue"],
                "type": "offered_by_transfer"
                if event.get("transfer") and event["type"] == "offered"
                else event["type"],
                "at": datetime.fromisoformat(event["occurred_at"]),
            }
            for event in events
            if event["type"] != "heartbeat"
        ]
    )
    pane = polars.col("at").dt.truncate(f"{demo.PANE_SECONDS}s")
    wanted = {
        (channel, queue, kind, start): n
        for channel, queue, kind, start, n in frame.group_by("channel", "queue", "type", pane).len().iter_rows()
    }
    finals: dict[tuple[Any, ...], set[bytes]] = defaultdict(set)
    got: Counter[tuple[Any, ...]] = Counter()
    for arrival in records(stage.settings, topics.QUEUE_PANES):
        record = orjson.loads(arrival.value or b"")
        if record["kind"] == "queue-pane" and record.get("final"):
            final = codec.decode(QueuePane, arrival.value)
            finals[(final.channel, final.pane_start, final.partition, final.part)].add(arrival.value or b"")
    assert all(len(values) == 1 for values in finals.values()), "a final pane was said with two meanings"
    for values in finals.values():
        final = codec.decode(QueuePane, next(iter(values)))
        for queue, counts in final.queues.items():
            for kind in (*CONTACT_TYPES, "offered_by_transfer"):
                if n := getattr(counts, kind):
                    got[(final.channel, queue, kind, final.pane_start)] += n
    assert dict(got) == wanted
    assert records(stage.settings, topics.LATE_CONTACTS) == [], "a punctual event was called late"


def assert_live_equals_replayed(stage: Stage) -> None:
    """The recorded panes give the same signals, the recorded desk the same incidents, commands and alerts."""
    assert_replayed_the_same(stage.settings, detect_role(stage.settings), {stage.source: stage.entries})
    assert_replayed_the_same(stage.settings, respond_role(stage.settings, OwnTicks(stage.settings)))


# --- the story ------------------------------------------------------------------------------------------------------


def test_a_worker_killed_in_the_middle_of_the_outage_goes_on_with_the_same_incident(
    kafka: Any, stage: Callable[..., Stage]
) -> None:
    on = stage(kafka)
    worker = on.start()
    worker.ready()
    on.play()
    on.await_moment(on.day.breaks + timedelta(minutes=20))
    known = set(on.story.incidents)
    assert len(known) == 1
    worker.child.kill()
    worker.child.wait()
    on.start().ready()
    on.await_end()
    assert set(on.story.incidents) >= known
    assert_told_once(on)
    assert_counts_are_those_of_the_input(on)
    assert_live_equals_replayed(on)


def test_two_workers_of_which_one_is_killed_tell_the_story_once(kafka: Any, stage: Callable[..., Stage]) -> None:
    on = stage(kafka, partitions=2)
    workers = [on.start(), on.start()]
    for worker in workers:
        worker.ready()
    on.play()
    on.await_moment(on.day.breaks + timedelta(minutes=15))
    known = set(on.story.incidents)
    workers[0].child.kill()
    workers[0].child.wait()
    on.await_moment(on.day.breaks + timedelta(minutes=30))
    on.start().ready()
    workers[1].child.kill()
    workers[1].child.wait()
    on.await_end()
    assert set(on.story.incidents) >= known
    assert_told_once(on)
    assert_counts_are_those_of_the_input(on)
    assert_live_equals_replayed(on)
    assert_desk_replayed_into_files(on.settings, on.directory)


def test_roles_in_processes_of_their_own_each_killed_once_tell_the_story_once(
    kafka: Any, stage: Callable[..., Stage]
) -> None:
    on = stage(kafka)
    workers = {role: on.start(role) for role in SPLIT}
    for worker in workers.values():
        worker.ready()
    on.play()
    for number, role in enumerate(SPLIT):
        on.await_moment(on.day.breaks + timedelta(minutes=5 + 10 * number))
        workers[role].child.kill()
        workers[role].child.wait()
        on.start(role)
    on.await_end()
    assert_told_once(on)
    assert_counts_are_those_of_the_input(on)
    assert_live_equals_replayed(on)


def test_the_story_on_the_embedded_broker_survives_a_kill(embedded_broker: Any, stage: Callable[..., Stage]) -> None:
    on = stage(embedded_broker)
    worker = on.start()
    worker.ready(60.0)
    on.play()
    on.await_moment(on.day.breaks + timedelta(minutes=20))
    known = set(on.story.incidents)
    worker.child.kill()
    worker.child.wait()
    on.start().ready(60.0)
    on.await_end()
    assert set(on.story.incidents) >= known
    assert_told_once(on)
    # Bytes are promised for brokers that keep commit metadata and write a step's state as one batch; this one does
    # neither, and one run in three that was killed in the middle differed.
