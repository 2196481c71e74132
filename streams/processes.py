"""Work on all cores: each job in a process, largest first, with word of how far all of them are."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.queues import Queue
from queue import Empty
from typing import Protocol, TypeVar

WAIT_SECONDS = 0.2
_TOLD: list[Queue[int]] = []  # of a process: where it says how far it is


class Costs(Protocol):
    @property
    def cost(self) -> int: ...


J = TypeVar("J", bound=Costs)
A = TypeVar("A")
Work = Callable[[J, Callable[[int], None]], A]


def run(
    work: Work[J, A], jobs: Sequence[J], processes: int, done: Callable[[int], None] = lambda _n: None
) -> Iterator[tuple[J, A]]:
    """`work(job, progress)` of every job, as they come. `work` is a function of a module; `progress` takes how much
    more of the job's `cost` is done, `done` hears how much of all. What a job raises is raised here."""
    judged = [0]

    def count(more: int) -> None:
        judged[0] += more
        done(judged[0])

    if min(processes, len(jobs)) <= 1:
        for job in jobs:
            yield job, work(job, count)
        return
    context = multiprocessing.get_context("spawn")
    told: Queue[int] = context.Queue()
    with context.Pool(min(processes, len(jobs)), _begin, (told,)) as pool:
        waiting = [
            (job, pool.apply_async(_work, (work, job))) for job in sorted(jobs, key=lambda job: job.cost, reverse=True)
        ]
        while waiting:
            _listen(told, count)
            for job, answer in [one for one in waiting if one[1].ready()]:
                waiting = [one for one in waiting if one[1] is not answer]
                yield job, answer.get()


def _listen(told: Queue[int], count: Callable[[int], None]) -> None:
    try:
        count(told.get(timeout=WAIT_SECONDS))
        while True:
            count(told.get_nowait())
    except Empty:
        return


def _begin(told: Queue[int]) -> None:
    _TOLD.append(told)


def _work(work: Work[J, A], job: J) -> A:
    return work(job, _TOLD[0].put)
