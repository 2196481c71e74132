"""Made apart, in a process: the same items, errors that come through, and an end when nobody takes any more."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.errors import BadConfig, Unavailable
from streams.apart import apart

# An item that never comes is a failure, not a wait.
pytestmark = pytest.mark.timeout(60)


def numbers(most: int) -> Iterator[tuple[int, int]]:
    for n in range(most):
        yield n, os.getpid()


def broken(how: str) -> Iterator[str]:
    yield "first"
    if how == "refused":
        raise BadConfig([("--what", "is refused")])
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_items_come_in_their_order_from_another_process() -> None:
    found = list(apart(numbers, 500, 3))
    assert [n for n, _ in found] == list(range(500))
    assert {process for _, process in found}.isdisjoint({os.getpid()})


def test_what_making_an_item_raises_is_raised_after_the_items_before_it() -> None:
    taken = apart(broken, "refused", 3)
    assert next(taken) == "first"
    with pytest.raises(BadConfig, match="is refused") as raised:
        next(taken)
    assert "in broken" in raised.value.__notes__[0]


def test_a_process_that_dies_is_told_of_as_unavailable() -> None:
    with pytest.raises(Unavailable, match="ended before its work was done"):
        list(apart(broken, "dies", 3))


def test_the_process_ends_with_its_taker() -> None:
    with closing(apart(numbers, 10**9, 3)) as taken:
        assert next(taken)[0] == 0
        assert [process.name for process in multiprocessing.active_children()] == ["apart"]
    assert multiprocessing.active_children() == []
