"""Alarms of counts to pages, by the short form of how incidents are joined: what begins together, and what comes back
on a channel that is part of it, wakes somebody once.

It knows no causes, after-waves or agents: `breakwater backtest` is the exact word on the setting that is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable

from response.params import RespondParams
from streams.backtest.truth import Page
from streams.sweep.lanes import Fired

_PARAMS = RespondParams()
_STRONG_UP, _STRONG_DOWN = 2.0, 1 / 3  # as phases._strong has it: no second opinion needed


class _Stretch:
    """Alarms that are one thing, from the first on until all is calm."""

    def __init__(self, first: Fired) -> None:
        self.alarms = [first]
        self.sides = {(first.channel, _up(first))}

    def takes(self, one: Fired) -> bool:
        if one.at > self.end + _PARAMS.calm_after_seconds:
            return False
        near = any(abs(one.onset - other.onset) <= _PARAMS.joins_within_seconds for other in self.alarms)
        return near or (one.channel, _up(one)) in self.sides

    def add(self, one: Fired) -> None:
        self.alarms.append(one)
        self.sides.add((one.channel, _up(one)))

    @property
    def end(self) -> float:
        return max(float("inf") if one.ended is None else one.ended for one in self.alarms)

    def page(self, until: float) -> Page | None:
        """None where it was over before it was confirmed, or nobody need be woken."""
        at = min((_confirmed(one, self.alarms) for one in self.alarms if one.wakes), default=float("inf"))
        if at == float("inf"):
            return None
        channels = frozenset(one.channel for one in self.alarms)
        return Page(at, min(one.onset for one in self.alarms), min(self.end, until), channels)


def pages(fired: Iterable[Fired], until: float) -> list[Page]:
    """In order of time; what is not over is so at `until` (Unix seconds)."""
    stretches: dict[str, list[_Stretch]] = {}
    done: list[_Stretch] = []
    for one in sorted(fired, key=lambda one: (one.at, one.channel, one.queue or "", one.signal_id)):
        running = stretches.setdefault(one.tenant, [])
        done += [stretch for stretch in running if one.at > stretch.end + _PARAMS.calm_after_seconds]
        running[:] = [stretch for stretch in running if one.at <= stretch.end + _PARAMS.calm_after_seconds]
        joined = next((stretch for stretch in running if stretch.takes(one)), None)
        if joined is None:
            running.append(_Stretch(one))
        else:
            joined.add(one)
    done += [stretch for running in stretches.values() for stretch in running]
    return sorted(page for stretch in done if (page := stretch.page(until)) is not None)


def _up(one: Fired) -> bool:
    return one.kind == "surge"


def _confirmed(one: Fired, alarms: list[Fired]) -> float:
    """When there was no doubt left of this alarm: at once, by another one, or as it lasted; infinity: never."""
    ratio = one.opened_ratio
    if one.kind == "silence" or (ratio >= _STRONG_UP if _up(one) else ratio <= _STRONG_DOWN):
        return one.at
    until = float("inf") if one.ended is None else one.ended
    lasted = one.at + _PARAMS.confirm_seconds if until - one.at >= _PARAMS.confirm_seconds else float("inf")
    others = (max(other.at, one.at) for other in alarms if other is not one and other.at <= until)
    return min(lasted, min(others, default=float("inf")))
