"""A bounded, ordered set of things that remembers which of them changed since it was last asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Keeps at most `room` things. What leaves first when it is full: the oldest for which `finished` holds, else the
    oldest. `lost` counts what had to leave unfinished, so that a page can say that it does not show all."""

    def __init__(self, room: int, finished: Callable[[T], bool] | None = None) -> None:
        self._room = room
        self._finished = finished
        self._things: dict[str, T] = {}
        self._changed: dict[str, None] = {}
        self.lost = 0

    def put(self, key: str, thing: T) -> None:
        self._things[key] = thing
        self._changed[key] = None
        if len(self._things) > self._room:
            self._make_room(key)

    def touch(self, key: str) -> None:
        """Says that the thing's picture changed though the thing itself did not."""
        if key in self._things:
            self._changed[key] = None

    def drop(self, key: str) -> None:
        if self._things.pop(key, None) is not None:
            self._changed[key] = None

    def get(self, key: str) -> T | None:
        return self._things.get(key)

    def keys(self, *, whole: bool) -> list[str]:
        """All keys; or those put, touched or dropped since this was last asked with `whole` false."""
        if whole:
            return list(self._things)
        keys = list(self._changed)
        self._changed.clear()
        return keys

    def items(self) -> Iterator[tuple[str, T]]:
        return iter(self._things.items())

    def values(self) -> Iterator[T]:
        return iter(self._things.values())

    def __len__(self) -> int:
        return len(self._things)

    def __contains__(self, key: object) -> bool:
        return key in self._things

    def _make_room(self, newest: str) -> None:
        others = [key for key in self._things if key != newest]
        leaving = next((key for key in others if self._finished and self._finished(self._things[key])), None)
        if leaving is None:
            leaving = others[0] if others else newest
            self.lost += 1
        self.drop(leaving)
