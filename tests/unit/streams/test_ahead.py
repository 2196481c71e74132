"""Made ahead in a thread: the same items, a bound, errors that come through, and an end when nobody takes any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from streams.ahead import ahead


def test_the_items_come_in_their_order_from_another_thread() -> None:
    makers = set()

    def numbers() -> Iterator[int]:
        for n in range(50):
            makers.add(threading.current_thread().name)
            yield n

    assert list(ahead(numbers(), 3)) == list(range(50))
    assert makers == {"ahead"}


def test_what_making_an_item_raises_is_raised_after_the_items_before_it() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise KeyError("lost")

    taken = ahead(numbers(), 3)
    assert next(taken) == 1
    with pytest.raises(KeyError, match="lost"):
        next(taken)


def test_no_more_is_made_than_asked_for_and_the_thread_ends_with_its_taker() -> None:
    made = []

    def numbers() -> Iterator[int]:
        for n in range(1_000):
            made.append(n)
            yield n

    taken = ahead(numbers(), 2)
    assert [next(taken) for _ in range(5)] == [0, 1, 2, 3, 4]
    taken.close()
    assert 5 <= len(made) <= 9
    assert "ahead" not in {thread.name for thread in threading.enumerate()}
