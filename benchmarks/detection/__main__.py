"""Detection against what is possible at all, and against peers, in one run.

    python -m benchmarks.detection [--size small|full] [--seed N] [--processes N] [--json FILE] [--report DIR]
    python -m benchmarks.detection --no-peers [...]
    python -m benchmarks.detection --only METHOD[/NOISE[/WEEKS]] [--rates 5,20] [--series N]

Exit 1 when a must falls. With `--only` one world is run and its musts alone are told: the others are not known then.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.detection import cells, family, report, runs
from benchmarks.detection.generator import START
from benchmarks.detection.inside import Inside, inside
from benchmarks.detection.method import Breakwater
from benchmarks.detection.musts import DELAYS, judge, told_by
from benchmarks.detection.runs import OURS, Key, Run
from detectors.slots import SLOT_SECONDS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=runs.SIZES, default="small")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--report", type=Path, help="write the page and its plots into this directory")
    told.add_argument("--no-peers", action="store_true", help="ours and its ablations alone: what the musts need")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="one world: breakwater, breakwater/hard, breakwater/real/0, 'no level' ...")
    parser.add_argument("--rates", help="with --only: contacts a minute, as 5,20")
    parser.add_argument("--series", type=int, help="with --only: series of each rate")
    options = parser.parse_args()
    if options.only:
        return _one(options)
    began = time.monotonic()
    seen_inside = [inside(noise, rate, seed=options.seed) for noise in ("clean", "real") for rate in (20.0, 120.0)]
    jobs = runs.jobs(runs.SIZES[options.size], options.seed)
    found = evaluate(_run(runs.without_peers(jobs) if options.no_peers else jobs, options.processes), seen_inside)
    command = f"python -m benchmarks.detection --size {options.size} --seed {options.seed}"
    shares, backlogs = family.run(options.size, options.seed)
    found[0].extend(family.musts(shares, backlogs))
    more = family.page(shares, backlogs)
    took, of_processors = time.monotonic() - began, sum(os.times()[:4])
    results = report.Results(options.size, command, took, of_processors, *found, cost(), seen_inside, more)
    print("\n".join(report.musts_table(results.musts)))
    if options.json:
        options.json.write_text(json.dumps(_as_json(results), indent=1) + "\n")
    if options.report:
        print(report.write(results, options.report))
    return 0 if all(must.held for must in results.musts) else 1


def _one(options: argparse.Namespace) -> int:
    """One world: its cells, its false alarms, and the rows of delays that these can tell."""
    name, *world = str(options.only).split("/")
    noise, weeks = [*world, *["real", "2"][len(world) :]]
    key = Key(name, noise, int(weeks))
    jobs = [job for job in runs.jobs(runs.SIZES[options.size], options.seed) if job.key == key]
    if not jobs:
        print(f"--only {options.only}: there is no such world", file=sys.stderr)
        return 2
    rates = tuple(float(each) for each in options.rates.split(",")) if options.rates else None
    [run] = _run(runs.narrowed(jobs, options.series, rates), options.processes).values()
    every = cells.cells(run)
    false = [cells.false_alarms(run, rate) for rate in (*(float(each) for each in np.unique(run.rates)), None)]
    told = [must for must in (told_by(row, every) for row in DELAYS if name == OURS) if must is not None]
    print("\n".join((*report.cell_table(every), "", *report.false_table(false), "", *report.musts_table(told))))
    return 0 if all(must.held for must in told) else 1


def _run(wanted: list[runs.Job], processes: int) -> dict[Key, Run]:
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=len(wanted))

        def say(done: int, key: Key) -> None:
            progress.update(task, completed=done, description=f"{key.method}, {key.noise}, {key.weeks} weeks")

        return runs.run_all(wanted, processes, say)


def evaluate(
    found: dict[Key, Run], seen_inside: list[Inside]
) -> tuple[list[Any], list[Any], list[Any], dict[str, Any]]:
    """Musts, cells, false alarms and what alarms did."""
    every = [cell for run in found.values() for cell in cells.cells(run)]
    false = [
        cells.false_alarms(run, rate)
        for run in found.values()
        for rate in (*(float(each) for each in np.unique(run.rates)), None)
    ]
    main_run = found[Key(OURS)]
    false.append(cells.false_alarms(cells.only(main_run, "same rates", (5.0, 20.0))))
    alarms = {
        "3.8x": cells.alarms(main_run, (5.0, 20.0), 3.8, 60),
        "2x": cells.alarms(main_run, (5.0, 20.0), 2.0, 60),
        "clear": cells.alarms(main_run, (5.0,), 3.8, 60),
        "held": cells.alarms(main_run, (5.0, 20.0), 2.5, 180),
    }
    return judge(every, false, alarms, seen_inside), every, false, alarms


def cost(series: int = 10_000, buckets: int = 180, seconds: int = 10) -> report.Cost:
    """Microseconds a bucket and series of the bank that knows two weeks, with traffic of its usual kind."""
    method = Breakwater(series, seconds=seconds)
    rng = np.random.default_rng(0)
    rates = rng.choice([0.2, 1.0, 5.0, 20.0], series)
    season = method.bank.season
    season.exposure[...] = 2 * SLOT_SECONDS
    season.counts[...] = rng.poisson(rates / 60 * 2 * SLOT_SECONDS, season.counts.shape)
    method.bank.refresh()
    counts = rng.poisson(rates * seconds / 60, (buckets, series)).astype(float)
    began = time.process_time()
    for bucket, seen in enumerate(counts):
        method.step(START + seconds * bucket, seen)
    taken = time.process_time() - began
    return report.Cost(series, seconds, taken / buckets / series * 1e6, method.state_bytes())


def _as_json(results: report.Results) -> dict[str, Any]:
    return {
        "benchmark": "detection",
        "size": results.size,
        "seconds": round(results.seconds, 1),
        "cpu_seconds": round(results.cpu_seconds, 1),
        "musts": {
            must.name: {"goal": must.goal, "got": _number(must.got), "held": must.held} for must in results.musts
        },
        "cells": [_row(cell) for cell in results.cells],
        "false_alarms": [_row(each) for each in results.false],
        "alarms": {name: _row(each) for name, each in results.alarms.items()},
        "inside": [_row(each) for each in results.inside],
        "cost": _row(results.cost),
    }


def _row(found: Any) -> dict[str, Any]:
    return {name: _number(value) for name, value in found._asdict().items()}


def _number(value: Any) -> Any:
    """Four digits; JSON has no number for what has no end."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if math.isfinite(value) else None


if __name__ == "__main__":
    sys.exit(main())
