"""Fifty queues planned at once, beside one plain solve of the same linear programme in the same run.

    python -m benchmarks.plan [--queues 50] [--rounds 5] [--json FILE]

A tenant with so many voice queues, each with a route that lends it people of its neighbour and one that moves contacts
there, is hit by one surge. Timed is the step of the fold that hears it: cause, load shifts by the optimiser and by the
exact queues, eight quarters of an hour of staffing with levers for every queue, messages. Its peer is scipy's HiGHS
with the programme that this step solves, and nothing else. CPU seconds of the best round, so that a busy machine tells
the same as an idle one. The gate: two seconds. Exit 1 when it is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from response import optimiser, workload
from response.pipeline import ResponseFold
from schemas.base import Origin, QueueRef
from schemas.centre import Centre, CentreChannel, CentreQueue, Route
from schemas.command import StaffingAlert
from schemas.desk import DeskBody, DeskEntry
from schemas.fold import Output, digest
from schemas.signal import Evidence, Load, QueueLoad, Series, Signal
from schemas.tick import Tick
from schemas.topics import LOAD_SHIFT_COMMANDS
from schemas.workforce import Workforce

GATE_SECONDS = 2.0
TENANT = "plan"
START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
SURGE = 1.9
_ORIGIN = Origin(topic="queue-panes", partition=0, offset=0)


def centre(names: list[QueueRef]) -> Centre:
    """Every second queue has people to spare; each may help the one after it, by people and by contacts."""
    pairs = list(zip(names, [*names[1:], names[0]], strict=True))
    flex = [Route(from_queue=a, to_queue=b, action="skill-flex", share_max=0.5) for a, b in pairs]
    over = [Route(from_queue=b, to_queue=a, action="overflow", share_max=0.3, work_ratio=1.1) for a, b in pairs]
    return Centre(
        tenant=TENANT,
        mode="auto",
        blast_radius_max=1.0,
        channels={"voice": CentreChannel(handle_seconds=300, patience_seconds=180)},
        queues=[CentreQueue(at=at, agents=80 + n, floor_agents=10) for n, at in enumerate(names)],
        routes=flex + over,
    )


def before(names: list[QueueRef]) -> Iterator[DeskBody]:
    """What the desk knows when the surge is detected."""
    yield centre(names)
    yield from (_agents(n, at) for n, at in enumerate(names))
    yield _load(names, 0, 1.0)
    yield Tick(tenant=TENANT, at=START, read_to=START, complete_to=START)
    yield _load(names, 60, SURGE)


def _agents(n: int, at: QueueRef) -> Workforce:
    slots = 56 + n + (60 if n % 2 else 0)
    free = slots // 2 if n % 2 else slots // 8
    return Workforce(tenant=TENANT, at=START, queue=at, staffed=slots, available=free, on_contact=slots - free)


def _load(names: list[QueueRef], second: float, surge: float) -> Load:
    """A minute; queues with people to spare are not hit."""
    loads = []
    for n, at in enumerate(names):
        usual = 9.0 + n / 7
        came = round(usual * (1.0 if n % 2 else surge))
        loads.append(
            QueueLoad(
                at=at,
                known_seconds=60.0,
                arrivals=came,
                expected=usual,
                expected_low=0.8 * usual,
                expected_high=1.2 * usual,
            )
        )
    return Load(tenant=TENANT, at=START + timedelta(seconds=second), seconds=60.0, loads=loads, origin=_ORIGIN)


def surge() -> Signal:
    series, now = Series(at=QueueRef(channel="voice")), START + timedelta(seconds=80)
    return Signal(
        signal_id=digest(TENANT, series, now),
        tenant=TENANT,
        series=series,
        signal_kind="surge",
        state="opened",
        revision=1,
        at=now,
        pane_start=now - timedelta(seconds=10),
        onset=now - timedelta(seconds=60),
        observed=950.0,
        expected=380.0,
        ratio=2.5,
        usual_low=300.0,
        usual_high=460.0,
        rarity_days=1000.0,
        evidence=Evidence(statistic=20.0, threshold=15.0, tolerance=0.2, level=1.0, learned_weeks=8.0),
        text="voice: surge",
        origin=_ORIGIN,
    )


def plan(names: list[QueueRef]) -> tuple[float, float, list[Output]]:
    """CPU and wall-clock seconds of the step that hears the surge, and what it says. Nothing that was computed before
    helps it."""
    workload.erlang_a.cache_clear()
    workload._waits.cache_clear()
    fold, took = ResponseFold(), (0.0, 0.0)
    for n, body in enumerate([*before(names), surge()]):
        entry = DeskEntry(tenant=TENANT, origin=Origin(topic="inputs", partition=0, offset=n), body=body)
        began = time.process_time(), time.perf_counter()
        said = fold.step(entry, Origin(topic="desk", partition=0, offset=n))
        took = time.process_time() - began[0], time.perf_counter() - began[1]
    return *took, said


def programmes(names: list[QueueRef]) -> list[Callable[[], Any]]:
    """The linear programmes that the step solves, each ready to be solved again by itself."""
    found: list[Callable[[], Any]] = []
    solver = optimiser.linprog

    def listening(*args: Any, **named: Any) -> Any:
        found.append(partial(solver, *args, **named))
        return solver(*args, **named)

    optimiser.linprog = listening
    try:
        plan(names)
    finally:
        optimiser.linprog = solver
    return found


def measure(queues: int, rounds: int) -> dict[str, Any]:
    names = [QueueRef(channel="voice", queue=f"q{n:03}") for n in range(queues)]
    peers = programmes(names)
    planned = waited = solved = math.inf
    for _ in range(rounds):
        cpu, wall, said = plan(names)
        planned, waited = min(planned, cpu), min(waited, wall)
        began = time.process_time()
        for solve in peers:
            solve()
        solved = min(solved, time.process_time() - began)
    return {
        "queues": queues,
        "routes": 2 * queues,
        "programmes": len(peers),
        "commands": sum(output.topic is LOAD_SHIFT_COMMANDS for output in said),
        "staffing_alerts": sum(isinstance(output.value, StaffingAlert) for output in said),
        "plan_cpu_seconds": round(planned, 4),
        "plan_seconds": round(waited, 4),
        "solve_cpu_seconds": round(solved, 4),
        "ratio_to_solve": round(planned / solved, 2),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queues", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args(arguments)
    figures = measure(options.queues, options.rounds)
    for what, value in figures.items():
        print(f"{what:24} {value}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    held = figures["plan_cpu_seconds"] <= GATE_SECONDS and figures["staffing_alerts"] > 0 and figures["commands"] > 0
    print(f"{options.queues} queues within {GATE_SECONDS:g} s: {'held' if held else 'missed'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
