"""A sweep of settings over weeks of panes: what it takes, and how much less than one setting after the other.

    python -m benchmarks.sweep [--size full|small] [--days 30] [--json FILE]

Seeded traffic of benchmarks.detection with what real centres have of noise and incidents, as the panes of one tenant's
four channels; the grid is budgets x tolerances. `full` is 50 settings x 100 series x 30 days of 60-second panes,
`small` 10 x 20 x 7 days. The peer is the detection fold that works live, on the same panes of the first day, one
setting: what as many folds as there are settings would take. Exit 1 where a promise is missed: 60 seconds for the full
size.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.detection.generator import RATES, START, Traffic
from benchmarks.throughput import cpu_seconds
from detectors.pipeline import DetectionFold
from schemas.base import Origin
from schemas.centre import Centre
from schemas.pane import PaneRecord, Progress, QueueCounts, QueuePane, SourceCover
from streams.sweep.jobs import Group, judge
from streams.sweep.lanes import Lane
from streams.sweep.tape import Taping

PANE_SECONDS = 60
CHANNELS = 4
DAY = 86_400
SECONDS_MAX = 60.0  # of the full size
RATIO_MIN = 3.0  # against as many folds


class Size(NamedTuple):
    budgets: tuple[float, ...]
    tolerances: tuple[float, ...]
    series: int
    days: int
    peer_days: int

    def points(self) -> list[Lane]:
        return [Lane(budget, tolerance) for budget in self.budgets for tolerance in self.tolerances]


SIZES = {
    "small": Size((0.5, 1.0, 2.0, 4.0, 10.0), (1.0, 1.25), 20, 7, 1),
    "full": Size((0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 20.0), (1.0, 1.1, 1.2, 1.35, 1.5), 100, 30, 1),
}


def log(size: Size, days: int) -> Iterator[PaneRecord]:
    """The panes of the first `days`, channel by channel in each minute, as a played tenant's."""
    names = [f"channel-{n}" for n in range(CHANNELS)]
    queues = size.series - CHANNELS
    rates = np.array([RATES[n % len(RATES)] for n in range(queues)])
    traffic = Traffic(rates, ["real"] * queues, 7, seconds=PANE_SECONDS, learn_days=size.days)
    mine = [[(f"queue-{i}", i) for i in range(queues) if i % CHANNELS == n] for n in range(CHANNELS)]
    start = datetime.fromtimestamp(START, UTC)
    yield Centre(tenant="benchmark")
    yield Progress(at=start, read_to={}, partitions={f"contact-events.{name}": 1 for name in names})
    for day in traffic.days(days):
        for minute, counts in enumerate(day.counts.astype(int).tolist()):
            at = start + timedelta(seconds=day.number * DAY + minute * PANE_SECONDS)
            end = at + timedelta(seconds=PANE_SECONDS)
            cover = {"acd": SourceCover(queues=["*"], delivered_to=end, covers=True)}
            for name, of in zip(names, mine, strict=True):
                yield QueuePane(
                    tenant="benchmark",
                    channel=name,
                    pane_start=at,
                    pane_seconds=PANE_SECONDS,
                    partition=0,
                    version=1,
                    final=True,
                    complete_to=end,
                    queues={queue: QueueCounts(offered=counts[i]) for queue, i in of if counts[i]},
                    sources=cover,
                    clock="event",
                )


def told(fold: DetectionFold, records: Iterator[PaneRecord]) -> float:
    """Seconds that the fold takes for all of them; their making is not counted."""
    seconds = 0.0
    for n, record in enumerate(records):
        began = time.perf_counter()
        fold.step(record, Origin(topic="queue-panes", partition=0, offset=n))
        seconds += time.perf_counter() - began
    return seconds


def measure(size: Size, processes: int) -> dict[str, Any]:
    points = size.points()
    with tempfile.TemporaryDirectory(prefix="breakwater-benchmark-") as folder:
        taping = Taping(Path(folder))
        tape_seconds = told(taping, log(size, size.days))
        taping.close()
        lanes = {point: [n] for n, point in enumerate(points)}
        groups = [Group(lanes, tuple(taping.reels.values()))]
        began, cpu = time.perf_counter(), cpu_seconds()
        fired = judge(groups, len(points), at_once=processes)
        seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
        cost = sum(reel.series * reel.panes for reel in taping.reels.values()) * len(points)
    peer_seconds = told(DetectionFold(), log(size, size.peer_days)) * size.days / size.peer_days * len(points)
    return {
        "settings": len(points),
        "series": sum(reel.series for reel in taping.reels.values()),
        "days": size.days,
        "processes": processes,
        "tape_seconds": round(tape_seconds, 2),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "series_settings_panes": cost,
        "series_settings_panes_per_second": round(cost / seconds),
        "alarms_a_setting": round(sum(map(len, fired)) / len(points), 1),
        "peer_seconds": round(peer_seconds, 1),
        "ratio_to_one_fold_after_the_other": round(peer_seconds / (tape_seconds + seconds), 2),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--days", type=int, help="fewer, for a look; the promise is of the size's own")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    size = SIZES[chosen.size]
    found = measure(size._replace(days=chosen.days or size.days), chosen.processes)
    for name, value in found.items():
        print(f"{name.replace('_', ' '):36} {value:>16,}")
    missed = [] if found["ratio_to_one_fold_after_the_other"] >= RATIO_MIN else [f"ratio {RATIO_MIN:g}"]
    if chosen.size == "full" and not chosen.days and found["seconds"] > SECONDS_MAX:
        missed.append(f"{SECONDS_MAX:g} seconds")
    print(f"missed: {', '.join(missed)}" if missed else "held")
    if chosen.json:
        chosen.json.write_text(json.dumps(found | {"missed": missed}, indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
