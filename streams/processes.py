"""Work on all cores: each job in a process, largest first, with word of how far all of them are."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import Queue
from queue import Empty
from typing import Protocol, TypeVar

from schemas.errors import Unavailable

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
    more of the job's `cost` is done, `done` hears how much of all. What a job raises is raised here; Unavailable where
    a process died."""
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
    with ProcessPoolExecutor(min(processes, len(jobs)), context, _begin, (told,)) as pool:
        try:
            first_the_largest = sorted(jobs, key=lambda job: job.cost, reverse=True)
            waiting = {pool.submit(_work, work, job): job for job in first_the_largest}
            while waiting:
                ended, _ = wait(waiting, WAIT_SECONDS, FIRST_COMPLETED)
                _listen(told, count)
                for answer in ended:
                    yield waiting.pop(answer), answer.result()
        except BrokenProcessPool:
            raise died("job") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def died(of: str) -> Unavailable:
    """What to say of a process that ended in the middle `of` what it had to do."""
    why = f"it ended before its {of} was done; the system may have taken it for its memory"
    return Unavailable("a process of this run", why, "give it more memory, or a smaller range")


def _listen(told: Queue[int], count: Callable[[int], None]) -> None:
    try:
        while True:
            count(told.get_nowait())
    except Empty:
        return


def _begin(told: Queue[int]) -> None:
    _TOLD.append(told)


def _work(work: Work[J, A], job: J) -> A:
    return work(job, _TOLD[0].put)
