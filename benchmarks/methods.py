"""What a detection method costs: microseconds a value and bytes of state, beside river's detectors in the same run.

    python -m benchmarks.methods [--values 6000] [--rounds 3] [--json FILE]

Each method scores and learns the same seeded series of ten-second panes, an hour at a time; the time is the CPU time of
the best hour over all rounds, so that a busy machine tells the same as an idle one. `ratio_to_gaussian` is against
river's GaussianScorer behind the same contract. Exit 1 where a promise is missed: 15 us a pane for counts, ratio and
backlog, 20,000 values a second for metric.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from pathlib import Path
from typing import Any

from detectors import registry
from detectors.contract import Method

STEP, START, WARM = 10, 1_767_225_600, 2160
HOUR = 3600 // STEP
US_MAX = {"counts": 15.0, "ratio": 15.0, "backlog": 15.0, "metric": 50.0}


def panes(method: Method[Any, Any], count: int) -> list[dict[str, float]]:
    """A day's wave of counts; the second number is larger than the first."""
    rng = random.Random(11)
    found = []
    for n in range(count):
        usual = 30 + 20 * math.sin(n * STEP / 86_400 * 2 * math.pi)
        first = max(0.0, round(rng.gauss(usual, usual**0.5)))
        numbers = (first, first + 40 + rng.randrange(20), 5.0, rng.randrange(9))
        names = method.fields or ("billing", "delivery", "returns", "login")
        found.append({"at": float(START + STEP * n), **dict(zip(names, numbers, strict=False))})
    return found


def seconds(name: str, values: int) -> tuple[float, int]:
    """For scoring and learning the panes of the best hour, after a warm-up; and the bytes of a snapshot."""
    method = registry.build(name)
    series = panes(method, values + WARM)
    for x in series[:WARM]:
        method.learn_one(x)
    best = math.inf
    for first in range(WARM, len(series) - HOUR + 1, HOUR):
        began = time.process_time()
        for x in series[first : first + HOUR]:
            method.learn(x, method.read(x))
        best = min(best, time.process_time() - began)
    return best, len(method.snapshot())


def measure(values: int, rounds: int) -> dict[str, dict[str, float]]:
    """By method."""
    names = registry.names()
    best, sizes = dict.fromkeys(names, math.inf), dict.fromkeys(names, 0)
    for n in range(rounds):
        for name in names if n % 2 else reversed(names):
            took, sizes[name] = seconds(name, values)
            best[name] = min(best[name], took)
    return {
        name: {
            "us_per_value": round(best[name] / HOUR * 1e6, 2),
            "values_per_second": round(HOUR / best[name], 1),
            "ratio_to_gaussian": round(best[name] / best["gaussian"], 2),
            "state_bytes": sizes[name],
        }
        for name in names
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.methods")
    parser.add_argument("--values", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    found = measure(chosen.values, chosen.rounds)
    print(f"{'method':18} {'us/value':>9} {'values/s':>10} {'x gaussian':>11} {'state bytes':>12}  promise")
    missed = []
    for name, figures in sorted(found.items(), key=lambda item: item[1]["us_per_value"]):
        goal = US_MAX.get(name)
        held = goal is None or figures["us_per_value"] <= goal
        word = "" if goal is None else f"{'held' if held else 'MISSED'}: {goal:g} us"
        missed += [] if held else [name]
        print(
            f"{name:18} {figures['us_per_value']:9.1f} {figures['values_per_second']:10,.0f} "
            f"{figures['ratio_to_gaussian']:11.2f} {figures['state_bytes']:12,}  {word}"
        )
    if chosen.json:
        chosen.json.write_text(json.dumps({"methods": found, "missed": missed}, indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
