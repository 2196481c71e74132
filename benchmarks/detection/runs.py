"""What is run: every cell of the table with the other factors varied one at a time, ablations, peers."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.ceiling import Ceiling
from benchmarks.detection.generator import RATES, Traffic
from benchmarks.detection.method import Breakwater, Method, Newcomers
from benchmarks.detection.peers import RULES
from benchmarks.detection.pysad_peers import PYSAD
from benchmarks.detection.replay import CHANGES, RAMPS, TEST_DAYS, Change, Scored, merge, replay
from benchmarks.detection.river_peers import RIVER, ObjectPeer
from detectors.parameters import CountParams

ABLATIONS = {
    "no level": CountParams(siblings=False, level=False),
    "no tolerance": CountParams(siblings=False, tolerance=False),
    "no robust learning": CountParams(siblings=False, robust=False),
}
OURS = "breakwater"
NEW_CHANNEL = "breakwater, new channel"  # cold, and no other queue to learn from
CEILINGS = {f"ceiling of {change.name}": change for change in CHANGES if change.name in ("1.5x", "2x", "3.8x")}
OBJECTS = (*RIVER, *PYSAD)  # peers with one object a series
LIVES = ((3.8, 60), (2.0, 60), (2.5, 180))
_PEER_CHANGES = tuple(change for change in CHANGES if change.name in ("1.5x", "2x", "3.8x", "to zero"))


class Key(NamedTuple):
    """A run: one method in one world."""

    method: str
    noise: str = "real"
    weeks: int = 2
    seconds: int = 60


@dataclass(frozen=True)
class Job:
    """A part of a run that one process does: `each` series of every rate."""

    key: Key
    rates: tuple[float, ...]
    each: int
    seed: int
    forks: int
    changes: tuple[Change, ...] = CHANGES
    lives: tuple[tuple[float, int], ...] = ()


class Run(NamedTuple):
    key: Key
    rates: NDArray[np.float64]
    scored: Scored


class Size(NamedTuple):
    """Series a rate, by kind of run, and forks a series-week."""

    main: int
    cold: int
    null: int
    ablation: int
    rules: int
    objects: int
    forks: int
    part: int  # series a rate in one process at a time
    varied: bool  # other learned weeks, noises and buckets too


SIZES = {
    "small": Size(main=160, cold=32, null=16, ablation=16, rules=10, objects=5, forks=5, part=80, varied=False),
    "full": Size(main=400, cold=400, null=400, ablation=100, rules=100, objects=100, forks=10, part=100, varied=True),
}


def jobs(size: Size, seed: int = 1) -> list[Job]:
    """Longest first, so that both cores end together."""
    made: list[Job] = []

    def add(key: Key, each: int, forks: int, rates: tuple[float, ...] = RATES, **more: object) -> None:
        for part, low in enumerate(range(0, each, size.part)):
            made.append(Job(key, rates, min(size.part, each - low), seed + 1000 * part, forks, **more))  # type: ignore[arg-type]

    for peer, _, _ in OBJECTS:
        add(Key(peer), size.objects, 3, (1.0, 5.0, 20.0), changes=_PEER_CHANGES)
    add(Key(OURS), size.main, size.forks, changes=(*CHANGES, *RAMPS), lives=LIVES)
    for name, change in CEILINGS.items():
        add(Key(name), size.cold, size.forks, (1.0, 5.0, 20.0, 100.0), changes=(change,))
    add(Key(OURS, weeks=0), size.cold, size.forks)
    add(Key(NEW_CHANNEL, weeks=0), size.null, size.forks)
    for noise in ("clean", "mild", "hard"):
        add(Key(OURS, noise=noise), size.null, size.forks if size.varied else 0)
    for name in ABLATIONS:
        add(Key(name), size.ablation, size.forks, (5.0, 20.0))
    for rule in RULES:
        add(Key(rule.name), size.rules, size.forks, (1.0, 5.0, 20.0), changes=_PEER_CHANGES)
    if size.varied:
        for weeks in (1, 4):
            add(Key(OURS, weeks=weeks), size.main, size.forks)
        for seconds in (10, 30, 300):
            add(Key(OURS, seconds=seconds), size.part, size.forks, (1.0, 5.0, 20.0))
    return made


def without_peers(wanted: list[Job]) -> list[Job]:
    """What the musts are told by."""
    ours = {OURS, NEW_CHANNEL, *ABLATIONS}
    return [job for job in wanted if job.key.method in ours]


def do(job: Job) -> Run:
    """One job, by itself: any process gives the same answer."""
    key = job.key
    rates = np.repeat(np.array(job.rates), job.each)
    traffic = Traffic(rates, [key.noise] * len(rates), job.seed, seconds=key.seconds, learn_days=TEST_DAYS * key.weeks)
    scored = replay(
        _method(key, traffic, job.seed),
        traffic,
        seed=job.seed,
        forks=job.forks,
        horizon=180 * 60 // key.seconds,
        changes=job.changes,
        lives=job.lives,
    )
    return Run(key, rates, scored)


def _method(key: Key, traffic: Traffic, seed: int) -> Method:
    series = len(traffic.rates)
    if key.method in CEILINGS:
        return Ceiling(traffic, CEILINGS[key.method].ratio, key.method)
    if key.method == OURS and key.weeks == 0:
        return Newcomers(series, seed, key.noise, seconds=key.seconds)
    if key.method in (OURS, NEW_CHANNEL):
        return Breakwater(series, seconds=key.seconds, name=key.method)
    if key.method in ABLATIONS:
        return Breakwater(series, ABLATIONS[key.method], seconds=key.seconds, name=key.method)
    for rule in RULES:
        if rule.name == key.method:
            return rule(series, key.seconds)
    name, nominal, make = next(peer for peer in OBJECTS if peer[0] == key.method)
    return ObjectPeer(name, nominal, make, series)


def run_all(wanted: list[Job], processes: int, say: Callable[[int, Key], None]) -> dict[Key, Run]:
    """All jobs on `processes` cores, the parts of each run joined in the order of the jobs."""
    done: dict[Job, Run] = {}
    for job, run in _each(wanted, processes):
        done[job] = run
        say(len(done), job.key)
    runs: dict[Key, Run] = {}
    for key in dict.fromkeys(job.key for job in wanted):
        parts = [done[job] for job in wanted if job.key == key]
        runs[key] = Run(key, np.concatenate([part.rates for part in parts]), merge([part.scored for part in parts]))
    return runs


def _each(wanted: list[Job], processes: int) -> Iterator[tuple[Job, Run]]:
    if processes == 1:
        for job in wanted:
            yield job, do(job)
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # inherited: each process has one core
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(do, job): job for job in wanted}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def narrowed(wanted: list[Job], each: int | None = None, rates: tuple[float, ...] | None = None) -> list[Job]:
    """The same jobs with fewer series, or of some rates alone."""
    return [replace(job, each=min(job.each, each or job.each), rates=rates or job.rates) for job in wanted]
