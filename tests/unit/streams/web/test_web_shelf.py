"""A bounded set of things that remembers what changed."""

from __future__ import annotations

from streams.web.shelf import Shelf


def test_it_tells_once_what_was_put_touched_or_dropped() -> None:
    shelf: Shelf[int] = Shelf(10)
    shelf.put("a", 1)
    shelf.put("b", 2)
    assert shelf.keys(whole=False) == ["a", "b"]
    shelf.touch("b")
    shelf.drop("a")
    shelf.touch("never there")
    assert shelf.keys(whole=False) == ["b", "a"]
    assert shelf.keys(whole=False) == []
    assert shelf.keys(whole=True) == ["b"]


def test_full_it_lets_the_finished_go_first() -> None:
    shelf: Shelf[int] = Shelf(3, lambda thing: thing < 0)
    for key, thing in (("a", 1), ("b", -1), ("c", 3), ("d", 4)):
        assert shelf.put(key, thing)
    assert shelf.keys(whole=True) == ["a", "c", "d"]
    assert shelf.lost == 0


def test_full_of_unfinished_things_the_oldest_leaves_and_is_counted() -> None:
    shelf: Shelf[int] = Shelf(2)
    for key in "abc":
        assert shelf.put(key, 1)
    assert shelf.keys(whole=True) == ["b", "c"]
    assert shelf.lost == 1


def test_a_shelf_that_keeps_turns_the_new_away_and_counts_each_once() -> None:
    shelf: Shelf[int] = Shelf(2, keeps=True)
    for key in "abcdcdcd":
        shelf.put(key, 1)
    assert shelf.keys(whole=True) == ["a", "b"]
    assert shelf.lost == 2


def test_a_new_value_of_a_known_key_is_always_taken() -> None:
    shelf: Shelf[int] = Shelf(1, keeps=True)
    shelf.put("a", 1)
    assert shelf.put("a", 2)
    assert shelf.get("a") == 2
