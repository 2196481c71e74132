"""Tapes judged under all settings abreast, on all cores.

A process that judges loads this and nothing of the commands: it starts at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from streams import processes
from streams.sweep.lanes import Fired, Lane, run
from streams.sweep.tape import Reel

Done = Callable[[int, int], None]  # so many of so many: series x settings x panes


class Group(NamedTuple):
    """Settings that share their panes, with their places in the grid, and where the panes are taped."""

    lanes: dict[Lane, list[int]]
    reels: tuple[Reel, ...]


class Job(NamedTuple):
    """Some settings on one channel's tape, for one process. `rows` of the bank: settings x series; `group` is whose it
    is."""

    path: Path
    channel: str
    lanes: tuple[Lane, ...]
    group: int
    rows: int
    panes: int

    @property
    def cost(self) -> int:
        return self.rows * self.panes


def judge(
    groups: Sequence[Group], points: int, done: Done = lambda _n, _of: None, at_once: int | None = None
) -> list[list[Fired]]:
    """What each point of the grid fires; by so many processes, or as many as there are cores."""
    at_once = at_once or os.cpu_count() or 1
    jobs = split(groups, at_once)
    of = sum(job.cost for job in jobs)
    found: list[list[Fired]] = [[] for _ in range(points)]
    for job, fired in processes.run(work, jobs, at_once, lambda n: done(n, of)):
        for lane, said in zip(job.lanes, fired, strict=True):
            for at in groups[job.group].lanes[lane]:
                found[at] += said
    return found


def work(job: Job, progress: Callable[[int], None]) -> list[list[Fired]]:
    """What each of a job's settings fires."""
    return run(job.path, job.channel, job.lanes, lambda panes: progress(panes * job.rows))


def split(groups: Sequence[Group], at_once: int) -> list[Job]:
    """Jobs of about one size, as large as keeps all processes busy: a bank is the quicker the more rows it has."""
    whole = [
        (n, reel, tuple(group.lanes), reel.series * reel.panes * len(group.lanes))
        for n, group in enumerate(groups)
        for reel in group.reels
    ]
    share = sum(cost for *_, cost in whole) / at_once
    jobs = []
    for n, reel, lanes, cost in whole:
        parts = min(max(round(cost / share), 1), len(lanes)) if share else 1
        for part in range(parts):
            mine = lanes[part::parts]
            jobs.append(Job(reel.path, reel.channel, mine, n, reel.series * len(mine), reel.panes))
    return jobs
