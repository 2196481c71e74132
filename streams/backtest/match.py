"""Which incidents of two configurations are the same one, and what is told otherwise of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.backtest.ran import Told

COMPARED = ("cause", "severity", "phase", "onset", "opened_at", "paged", "channels")


class Pair(NamedTuple):
    """One incident as each side tells it; None: not at all. `differs`: the names of what is told otherwise."""

    a: Told | None
    b: Told | None
    differs: tuple[str, ...]

    @property
    def where(self) -> str:
        return "only A" if self.b is None else "only B" if self.a is None else "both" if self.differs else "same"


def match(a: Sequence[Told], b: Sequence[Told]) -> list[Pair]:
    """Each with one of the other side at most: the same id first, then the same cause, then what overlaps the longest.
    Nothing is matched that shares no channel or no moment."""
    near = [
        (_likeness(one, other), i, j)
        for i, one in enumerate(a)
        for j, other in enumerate(b)
        if one.tenant == other.tenant and _overlap(one, other) is not None and set(one.channels) & set(other.channels)
    ]
    pairs, left, right = [], set(range(len(a))), set(range(len(b)))
    for _, i, j in sorted(near, key=lambda found: (found[0], -found[1], -found[2]), reverse=True):
        if i in left and j in right:
            left.remove(i)
            right.remove(j)
            pairs.append(Pair(a[i], b[j], tuple(name for name in COMPARED if _told(a[i], name) != _told(b[j], name))))
    pairs += [Pair(a[i], None, ()) for i in left] + [Pair(None, b[j], ()) for j in right]
    return sorted(pairs, key=_begins)


def _likeness(one: Told, other: Told) -> tuple[bool, bool, float]:
    return one.incident_id == other.incident_id, one.cause == other.cause, _overlap(one, other) or 0.0


def _overlap(one: Told, other: Told) -> float | None:
    seconds = (min(one.until, other.until) - max(one.onset, other.onset)).total_seconds()
    return seconds if seconds >= 0 else None


def _told(one: Told, name: str) -> Any:
    return getattr(one, name)


def _begins(pair: Pair) -> tuple[Any, str]:
    one = pair.a or pair.b
    assert one is not None
    return one.onset, one.incident_id
