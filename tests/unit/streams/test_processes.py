"""Jobs on all cores: what they answer, what they raise, and what is said when a process dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import NamedTuple

import pytest

from schemas.errors import BadConfig, Unavailable
from streams import processes

# An answer that is not there is a failure, not a wait.
pytestmark = pytest.mark.timeout(60)


class Job(NamedTuple):
    what: str
    cost: int = 1


def work(job: Job, progress: Callable[[int], None]) -> str:
    progress(job.cost)
    if job.what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.what == "refuse":
        raise BadConfig([("--what", "is refused")])
    return job.what.upper()


def test_every_job_is_answered() -> None:
    jobs = [Job("a", 3), Job("b", 5), Job("c")]
    assert {job.what: answer for job, answer in processes.run(work, jobs, 2)} == {"a": "A", "b": "B", "c": "C"}


def test_one_process_is_this_one_and_says_how_far_it_is() -> None:
    heard: list[int] = []
    assert [answer for _, answer in processes.run(work, [Job("a", 3), Job("b", 5)], 1, heard.append)] == ["A", "B"]
    assert heard == [3, 8]


def test_what_a_job_raises_is_raised_here() -> None:
    with pytest.raises(BadConfig, match="is refused"):
        list(processes.run(work, [Job("refuse"), Job("a")], 2))


def test_a_process_that_dies_ends_the_run_and_is_said() -> None:
    with pytest.raises(Unavailable, match="ended before its job was done"):
        list(processes.run(work, [Job("die"), Job("a")], 2))
