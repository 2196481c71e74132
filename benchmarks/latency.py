"""From a signal on the desk to the command on the bus: a worker on Apache Kafka, tenants that break in turn.

    python -m benchmarks.latency [--tenants 40] [--json FILE]

Every tenant is the drills' retailer in mode auto, with its loads, its agents and a tick a second; at a moment of its
own its phones fall silent and its chats overflow. Measured is the time between two appends, both by the broker's clock:
the desk entry of the signal, and each command that names it as its cause. The pane before it is not in it. The gate:
99 % within a second. Exit 1 when it is missed.
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

GATE_SECONDS = 1.0
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
            await say(list(breaks(tenants[broken], clock.now())))
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
    own = {"bootstrap": bootstrap, "profile": "production", "topic_prefix": "latency."}
    settings = config.load(environment={}, broker=own, state_directory=directory / "var")
    broker.apply_topics(settings)
    file = directory / "settings.yaml"
    tree = settings.model_dump(mode="json")
    tree["web"] |= {"port": 0}
    file.write_text(yaml.safe_dump(tree))
    worker = subprocess.Popen(
        [sys.executable, "-m", "streams", "worker", "--role", "respond", "--config", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=(directory / "worker.log").open("wb"),
    )
    try:
        asyncio.run(play(settings, [f"tenant-{n:03}" for n in range(tenants)]))
    finally:
        worker.terminate()
        worker.wait(30)
    seconds, signals = delays(settings)
    return {
        "signals": signals,
        "commands": len(seconds),
        "signal_to_command_seconds_p50": _quantile(seconds, 0.5),
        "signal_to_command_seconds_p99": _quantile(seconds, 0.99),
        "signal_to_command_seconds_max": seconds[-1] if seconds else math.inf,
    }


def _quantile(ordered: list[float], level: float) -> float:
    return round(float(np.quantile(ordered, level, method="higher")), 3) if ordered else math.inf


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=40, help="how many break, half a second apart")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args()

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
    held = figures["signal_to_command_seconds_p99"] <= GATE_SECONDS
    print(f"99 % within {GATE_SECONDS:g} s: {'held' if held else 'missed'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
