"""A bounded, ordered set of things that remembers which of them changed since it was last asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Keeps at most `room` things. When it is full, the oldest for which `finished` holds leaves; without such a one
    the oldest of all, or where `keeps` is true the new thing is not taken. `lost` counts those two cases, so that a
    page can say that it does not show all."""

    def __init__(self, room: int, finished: Callable[[T], bool] | None = None, *, keeps: bool = False) -> None:
        self._room = room
        self._finished = finished
        self._keeps = keeps
        self._things: dict[str, T] = {}
        self._changed: dict[str, None] = {}
        self._refused: set[str] = set()
        self._overflowed = 0

    @property
    def lost(self) -> int:
        return self._overflowed + len(self._refused)

    def put(self, key: str, thing: T) -> bool:
        """False where it was not taken."""
        if key not in self._things and len(self._things) >= self._room and not self._make_room():
            if len(self._refused) < self._room:
                self._refused.add(key)
            return False
        self._things[key] = thing
        self._changed[key] = None
        return True

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

    def _make_room(self) -> bool:
        leaving = next((key for key, thing in self._things.items() if self._finished and self._finished(thing)), None)
        if leaving is None:
            if self._keeps:
                return False
            leaving = next(iter(self._things))
            self._overflowed += 1
        self.drop(leaving)
        return True
