"""Tapes judged under all settings abreast, on all cores.

A process that judges loads this and nothing of the commands: it starts at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from streams import processes
from streams.sweep.abreast import run
from streams.sweep.lanes import Fired, Lane
from streams.sweep.tape import Reel, Tape

Done = Callable[[int, int], None]  # so many of so many: series x settings x panes
ROWS_MAX = 5_000  # of a bank: beyond it the numbers cost more than the calls, and memory grows


class Group(NamedTuple):
    """Settings that share their panes, with their places in the grid, and where the panes are taped."""

    lanes: dict[Lane, list[int]]
    reels: tuple[Reel, ...]


class Job(NamedTuple):
    """Some settings on the tapes of some channels, for one process; `group` is whose settings they are."""

    tapes: tuple[Tape, ...]
    lanes: tuple[Lane, ...]
    group: int

    @property
    def cost(self) -> int:
        """Series x settings x panes."""
        return sum(tape.series * tape.panes for tape in self.tapes) * len(self.lanes)


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
    return run(job.tapes, job.lanes, progress)


def split(groups: Sequence[Group], at_once: int) -> list[Job]:
    """Jobs of about one size, as large as keeps all processes busy, of channels of one tenant: a bank is the quicker
    the more rows it has."""
    tenants = [
        Job(tuple(reel.tape for reel in reels), tuple(group.lanes), n)
        for n, group in enumerate(groups)
        for _, reels in groupby(sorted(group.reels, key=_place), _place)
    ]
    share = sum(job.cost for job in tenants) / at_once
    jobs: list[Job] = []
    for job in tenants:
        parts = min(max(round(job.cost / share), 1), len(job.lanes)) if share else 1
        for part in range(parts):
            jobs += _within(job._replace(lanes=job.lanes[part::parts]))
    return jobs


def _place(reel: Reel) -> tuple[str, str]:
    return str(reel.path.parent), reel.tenant


def _within(job: Job) -> Iterator[Job]:
    """The job in pieces of no more than so many rows, where that is more than one channel."""
    tapes: list[Tape] = []
    for tape in job.tapes:
        if tapes and sum(one.series for one in (*tapes, tape)) * len(job.lanes) > ROWS_MAX:
            yield job._replace(tapes=tuple(tapes))
            tapes = []
        tapes.append(tape)
    yield job._replace(tapes=tuple(tapes))
