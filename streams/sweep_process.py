"""The processes that judge tapes: each takes a channel and some settings, and says how far it is."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty
from typing import NamedTuple

from streams import sweep_lanes
from streams.sweep_lanes import Fired, Lane

WAIT_SECONDS = 0.2
_TOLD: list[Queue[int]] = []  # of a process: where it says how far it is


class Job(NamedTuple):
    """Some settings on one channel's tape. `rows` of the bank: settings x series; `group` is whose it is."""

    path: Path
    channel: str
    lanes: tuple[Lane, ...]
    group: int
    rows: int
    panes: int

    @property
    def cost(self) -> int:
        return self.rows * self.panes


Answer = tuple[Job, list[list[Fired]]]


def run(jobs: Sequence[Job], processes: int, done: Callable[[int], None] = lambda _n: None) -> Iterator[Answer]:
    """What each job fired, by setting, as they come; `done` is told how many series x settings x panes are judged."""
    if processes == 1:
        judged = [0]
        for job in jobs:
            yield job, _judge(job, lambda n: _count(judged, n, done))
        return
    context = multiprocessing.get_context("spawn")
    told: Queue[int] = context.Queue()
    judged = [0]
    with context.Pool(processes, _begin, (told,)) as pool:
        waiting = [pool.apply_async(_work, (job,)) for job in sorted(jobs, key=lambda job: -job.cost)]
        while waiting:
            _listen(told, judged, done)
            for one in [one for one in waiting if one.ready()]:
                waiting.remove(one)
                yield one.get()


def _listen(told: Queue[int], judged: list[int], done: Callable[[int], None]) -> None:
    try:
        _count(judged, told.get(timeout=WAIT_SECONDS), done)
        while True:
            _count(judged, told.get_nowait(), done)
    except Empty:
        return


def _count(judged: list[int], more: int, done: Callable[[int], None]) -> None:
    judged[0] += more
    done(judged[0])


def _begin(told: Queue[int]) -> None:
    _TOLD.append(told)


def _work(job: Job) -> Answer:
    return job, _judge(job, _TOLD[0].put)


def _judge(job: Job, progress: Callable[[int], None]) -> list[list[Fired]]:
    return sweep_lanes.run(job.path, job.channel, job.lanes, lambda panes: progress(panes * job.rows))
