"""From a signal on the desk to the command on the bus: a worker on Apache Kafka, tenants that break in turn.

    python -m benchmarks.latency [--tenants 40] [--json FILE]

Every tenant is the drills' retailer in mode auto, with its loads, its agents and a tick a second; at a moment of its
own its phones fall silent and its chats overflow. Measured is the time between two appends, both by the broker's clock:
the desk entry of the signal, and each command that names it as its cause. The pane before it is not in it.

Its peer in the same run is a plain Faust agent in a process of its own that sends each record on as it comes, with no
state and no plan: a hop, for a record written beside every signal. The gate is the ratio of the 99th percentiles, as a
machine that others use too slows both; on a quiet one 99 % of commands are out within a second. Exit 1 when the gate is
missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml
from confluent_kafka.admin import AdminClient, NewTopic

from drills.retailer import QUEUES, agents_at_peak, centre
from schemas import codec, topics
from schemas.base import Origin, QueueRef
from schemas.command import LoadShiftCommand
from schemas.desk import DeskBody, DeskEntry
from schemas.fold import digest
from schemas.signal import Evidence, Load, QueueLoad, Series, Signal, SignalKind
from schemas.tick import Tick
from schemas.workforce import Workforce
from streams import broker, clock, config, log_reader
from streams.bus import Bus, Outgoing
from streams.config import Settings
from streams.values import value_of

GOAL_SECONDS = 1.0
GATE_RATIO = 10.0
HOP_IN, HOP_OUT, HOP_PARTITIONS = "hop-in", "hop-out", 4
PREFIX = "latency."
WARM_UP_SECONDS, APART_SECONDS, AFTER_SECONDS = 5.0, 0.5, 8.0
START_SECONDS_MAX = 90.0
_ORIGIN = Origin(topic="queue-panes", partition=0, offset=0)


def before(tenant: str, now: datetime) -> Iterator[DeskBody]:
    """What a desk knows before anything breaks: the model, a minute of load, who is there."""
    yield msgspec.structs.replace(centre("auto"), tenant=tenant)
    yield _load(tenant, now)
    for plan in QUEUES:
        slots = agents_at_peak(plan) * plan.concurrency
        free = round(0.4 * slots)
        yield Workforce(tenant=tenant, at=now, queue=plan.at, staffed=slots, available=free, on_contact=slots - free)


def _load(tenant: str, now: datetime) -> Load:
    usual: dict[QueueRef, float] = {}
    for plan in QUEUES:
        for at in (plan.at, QueueRef(channel=plan.at.channel)):
            usual[at] = usual.get(at, 0.0) + plan.per_minute_peak
    loads = [
        QueueLoad(
            at=at,
            known_seconds=60.0,
            arrivals=round(expected),
            expected=expected,
            expected_low=0.8 * expected,
            expected_high=1.2 * expected,
        )
        for at, expected in sorted(usual.items(), key=lambda item: str(item[0]))
    ]
    return Load(tenant=tenant, at=now, seconds=60.0, loads=loads, origin=_ORIGIN)


def breaks(tenant: str, now: datetime) -> Iterator[Signal]:
    """The phones fall silent, and who called writes."""
    yield _signal(tenant, QueueRef(channel="voice"), "silence", 0.0, now)
    for queue in ("orders", "billing"):
        yield _signal(tenant, QueueRef(channel="chat", queue=queue), "surge", 5.0, now)


def _signal(tenant: str, at: QueueRef, kind: SignalKind, ratio: float, now: datetime) -> Signal:
    series, expected = Series(at=at), 30.0
    return Signal(
        signal_id=digest(tenant, series, now),
        tenant=tenant,
        series=series,
        signal_kind=kind,
        state="opened",
        revision=1,
        at=now,
        pane_start=now - timedelta(seconds=10),
        onset=now - timedelta(seconds=60),
        observed=ratio * expected,
        expected=expected,
        ratio=ratio,
        usual_low=20.0,
        usual_high=40.0,
        rarity_days=1000.0,
        evidence=Evidence(statistic=20.0, threshold=15.0, tolerance=0.2, level=1.0, learned_weeks=8.0),
        text=f"{at}: {kind}",
        origin=_ORIGIN,
    )


async def play(settings: Settings, tenants: list[str]) -> None:
    """In real time: everybody's desk ticks, and one after the other breaks."""
    bus, place = Bus(settings), 0
    await bus.start()

    async def say(bodies: list[DeskBody]) -> None:
        nonlocal place
        out = []
        for body in bodies:
            place += 1
            origin = Origin(topic="latency", partition=0, offset=place)
            entry = DeskEntry(tenant=body.tenant, origin=origin, body=body)
            headers = codec.headers(entry, id=str(place), source="breakwater/benchmark", time=clock.now())
            out.append(Outgoing(topics.DESK.name, body.tenant.encode(), codec.encode(entry), headers))
        await bus.send(out)

    for tenant in tenants:
        await say(list(before(tenant, clock.now())))
    await asyncio.to_thread(_await_desks, settings, len(tenants))
    await _await_hop(bus)
    for tenant in tenants:
        await say([_load(tenant, clock.now())])
    began, broken = clock.elapsed(), 0
    end = WARM_UP_SECONDS + APART_SECONDS * len(tenants) + AFTER_SECONDS
    next_tick = 0.0
    while (passed := clock.elapsed() - began) < end:
        now = clock.now()
        if passed >= next_tick:
            next_tick += 1.0
            await say([Tick(tenant=tenant, at=now, read_to=now, complete_to=now) for tenant in tenants])
        if broken < len(tenants) and passed >= WARM_UP_SECONDS + APART_SECONDS * broken:
            signals = list(breaks(tenants[broken], clock.now()))
            await bus.send([Outgoing(HOP_IN, tenants[broken].encode(), codec.encode(one)) for one in signals])
            await say(list(signals))
            broken += 1
        await asyncio.sleep(0.05)
    await bus.stop()


def _await_desks(settings: Settings, tenants: int) -> None:
    """Until every desk has said how it stands: the worker is up and has heard of all of them."""
    seen: set[str] = set()
    for record in log_reader.follow(
        settings, [topics.DESK_STATUS], log_reader.FROM_THE_BEGINNING, seconds=START_SECONDS_MAX
    ):
        seen.add(value_of(record.topic, record.value).tenant)
        if len(seen) == tenants:
            return
    raise TimeoutError(f"only {len(seen)} of {tenants} desks spoke within {START_SECONDS_MAX:g} s")


async def _await_hop(bus: Bus) -> None:
    """Until a record has come through on every partition, so that nobody's start is measured."""
    first = [Outgoing(HOP_IN, None, b"first", partition=n) for n in range(HOP_PARTITIONS)]
    await bus.send(first)
    end = clock.elapsed() + START_SECONDS_MAX
    while len(await _times(bus, HOP_OUT)) < HOP_PARTITIONS:
        if clock.elapsed() > end:
            raise TimeoutError(f"the plain agent did not start within {START_SECONDS_MAX:g} s")
        await asyncio.sleep(1.0)


async def _times(bus: Bus, topic: str) -> list[tuple[bytes, float]]:
    """What lies on a topic, each with the broker's time in seconds."""
    return [(one.value, one.timestamp / 1000) for n in range(HOP_PARTITIONS) for one in await bus.read(topic, n)]


async def hops(settings: Settings) -> list[float]:
    """Seconds of each record through the plain agent."""
    bus = Bus(settings)
    await bus.start()
    sent, came = await _times(bus, HOP_IN), await _times(bus, HOP_OUT)
    await bus.stop()
    began = dict(sent)
    return sorted(max(0.001, at - began[value]) for value, at in came if value != b"first")


def hop(bootstrap: str, directory: Path) -> None:
    """The plain agent; runs until it is ended."""
    import faust

    app = faust.App(
        "latency-hop", broker=f"kafka://{bootstrap}", store="memory://", web_enabled=False, topic_disable_leader=True
    )
    app.conf.datadir = directory
    raw = {"value_type": bytes, "value_serializer": "raw", "key_type": bytes, "key_serializer": "raw"}
    out = app.topic(PREFIX + HOP_OUT, **raw)

    async def forward(stream: Any) -> None:
        async for event in stream.events():
            await (await out.send(key=event.key, value=event.value))

    app.agent(app.topic(PREFIX + HOP_IN, **raw))(forward)
    faust.Worker(app, loglevel="error", redirect_stdouts=False, quiet=True).execute_from_commandline()


def _make_hop_topics(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    asked = admin.create_topics(
        [
            NewTopic(PREFIX + name, HOP_PARTITIONS, 1, config={"message.timestamp.type": "LogAppendTime"})
            for name in (HOP_IN, HOP_OUT)
        ]
    )
    for made in asked.values():
        made.result(30)


def delays(settings: Settings) -> tuple[list[float], int]:
    """Seconds from each signal's entry to each command it caused; and how many signals there were."""
    signals: dict[tuple[int, int], datetime] = {}
    for record in log_reader.read_to_end(settings, [topics.DESK]):
        entry = value_of(record.topic, record.value)
        if isinstance(entry.body, Signal):
            signals[record.partition, record.offset] = record.at
    found = []
    for record in log_reader.read_to_end(settings, [topics.LOAD_SHIFT_COMMANDS]):
        command: LoadShiftCommand = value_of(record.topic, record.value)
        said_at = signals.get((command.origin.partition, command.origin.offset))
        if said_at is not None:
            found.append((record.at - said_at).total_seconds())
    return sorted(found), len(signals)


def measure(bootstrap: str, tenants: int, directory: Path) -> dict[str, Any]:
    """One worker with the role respond, in a process of its own."""
    own = {"bootstrap": bootstrap, "profile": "production", "topic_prefix": PREFIX}
    settings = config.load(environment={}, broker=own, state_directory=directory / "var")
    broker.apply_topics(settings)
    _make_hop_topics(bootstrap)
    file = directory / "settings.yaml"
    tree = settings.model_dump(mode="json")
    tree["web"] |= {"port": 0}
    file.write_text(yaml.safe_dump(tree))
    worker = subprocess.Popen(
        [sys.executable, "-m", "streams", "worker", "--role", "respond", "--config", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=(directory / "worker.log").open("wb"),
    )
    peer = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.latency", "--hop", bootstrap, str(directory / "hop")],
        stdout=subprocess.DEVNULL,
        stderr=(directory / "hop.log").open("wb"),
    )
    try:
        asyncio.run(play(settings, [f"tenant-{n:03}" for n in range(tenants)]))
    finally:
        for child in (worker, peer):
            child.terminate()
        worker.wait(30)
        peer.wait(30)
    seconds, signals = delays(settings)
    hopped = asyncio.run(hops(settings))
    slow, plain = _quantile(seconds, 0.99), _quantile(hopped, 0.99)
    return {
        "signals": signals,
        "commands": len(seconds),
        "signal_to_command_seconds_p50": _quantile(seconds, 0.5),
        "signal_to_command_seconds_p99": slow,
        "signal_to_command_seconds_max": seconds[-1] if seconds else math.inf,
        "hops": len(hopped),
        "hop_seconds_p50": _quantile(hopped, 0.5),
        "hop_seconds_p99": plain,
        "ratio_to_hop_p99": round(slow / plain, 2) if hopped and seconds else math.inf,
    }


def _quantile(ordered: list[float], level: float) -> float:
    return round(float(np.quantile(ordered, level, method="higher")), 3) if ordered else math.inf


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=40, help="how many break, half a second apart")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--hop", nargs=2, metavar=("BROKERS", "DIRECTORY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hop:
        hop(options.hop[0], Path(options.hop[1]))
        return 0

    from tools.kafka import KafkaNode

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        node = KafkaNode(directory)
        node.start()
        try:
            figures = measure(node.bootstrap, options.tenants, directory)
        finally:
            node.kill()
    for what, value in figures.items():
        print(f"{what:34} {value}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    soon = figures["signal_to_command_seconds_p99"] <= GOAL_SECONDS
    print(f"99 % within {GOAL_SECONDS:g} s on this machine now: {'yes' if soon else 'no'}")
    held = figures["ratio_to_hop_p99"] <= GATE_RATIO and figures["commands"] > 0
    print(f"at most {GATE_RATIO:g} times a plain hop: {'held' if held else 'missed'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
