"""Who carries a signal: the queues, reasons, sites, regions and providers with the greatest part in what is too much or
too little since it began, at most in the last half hour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from detectors.columns import Numbers, six
from detectors.mix import Mix, Part
from detectors.trail import Trail
from schemas.signal import Contribution, Dimension

TOP_MAX = 5  # of one dimension
SHARE_MIN = 0.1  # of the excess; less is not told
# One site carries it where so much of the excess is its own, and clearly more than is its part of the traffic.
ONLY_SHARE = 0.8
ONLY_BEYOND = 0.15
# An alarm opens on a busy minute: what exceeds the usual is then more than the exercise's contacts alone.
DRILL_SHARE = 0.6
WRONG_SHARE = 0.1  # of the queues that are named as affected
_DAY_SECONDS = 86_400
DIMENSIONS: tuple[Dimension, ...] = ("reason", "site", "region", "provider")


class Whole(NamedTuple):
    """The window in which contributions are counted: what came in it, and what is usual."""

    observed: float
    expected: float

    @property
    def excess(self) -> float:
        return self.observed - self.expected


class Carriers(NamedTuple):
    """The greatest parts, and the one name of a dimension that nearly all of it is of."""

    contributors: list[Contribution]
    site: str | None = None
    region: str | None = None
    provider: str | None = None
    affected: tuple[str, ...] = ()  # queues that are out of their usual range too
    drill: str | None = None


NOBODY = Carriers([])


def of_arrivals(series: int, since: float, names: list[str], minutes: Trail, now: Numbers, mix: Mix) -> Carriers:
    """Of a signal about arrivals. `minutes` has what came and what is usual by series, `now` (two rows) the minute that
    is not over."""
    observed, expected = minutes.sums(since) + now
    whole = Whole(float(observed[series]), float(expected[series]))
    found = _queues(names, observed, expected, whole) if series == 0 else []
    one: dict[Dimension, str | None] = {}
    for dimension in DIMENSIONS:
        parts = mix.parts(names[series], dimension, since)
        mine = of_parts(parts, dimension, whole)
        one[dimension] = only(mine, parts)
        found += mine
    exercise = drill(mix.counts(names[series], "drill", since), whole.excess)
    return Carriers(found, one["site"], one["region"], one["provider"], drill=exercise)


def of_shares(row: int, rows: dict[str, int], since: float, minutes: Trail) -> Carriers:
    """Of a channel's share: the same share of its queues, by name (`rows`)."""
    observed, expected = minutes.sums(since)
    whole = Whole(float(observed[row]), float(expected[row]))
    return Carriers(_top("queue", ((q, float(observed[i]), float(expected[i])) for q, i in rows.items()), whole))


def of_means(found: list[tuple[str, float, float, int]]) -> Carriers:
    """Of a channel's mean: queues by (name, observed mean, expected mean, contacts); parts of all the time that is
    more, or less, than usual."""
    moved = sum((observed - expected) * n for _, observed, expected, n in found)
    if not moved:
        return NOBODY
    ranked = sorted((-(o - e) * n / moved, name, o, e) for name, o, e, n in found)
    return Carriers(
        [
            Contribution(name=name, observed=six(o), expected=six(e), share=six(-share))
            for share, name, o, e in ranked[:TOP_MAX]
            if -share >= SHARE_MIN
        ]
    )


def of_mix(parts: list[Part]) -> Carriers:
    """Of a mix that shifted: its categories. All that one has too much others have too little: parts of half of it."""
    total = sum(part.observed for part in parts)
    expected = [total * part.usual_share for part in parts]
    moved = sum(abs(part.observed - e) for part, e in zip(parts, expected, strict=True)) / 2
    if not moved:
        return NOBODY
    ranked = sorted(
        zip(parts, expected, strict=True), key=lambda one: (-abs(one[0].observed - one[1]), one[0].category.name)
    )
    return Carriers(
        [
            Contribution(
                name=part.category.name,
                dimension=part.category.dimension,
                observed=six(part.observed),
                expected=six(e),
                share=six((part.observed - e) / moved),
            )
            for part, e in ranked[:TOP_MAX]
        ]
    )


def of_parts(parts: list[Part], dimension: Dimension, whole: Whole) -> list[Contribution]:
    """Categories: what is usual of each is its usual share of all that was expected."""
    counted = sum(part.observed for part in parts)
    # events need not name a category: what is named stands for all
    named = min(counted / whole.observed, 1.0) if whole.observed else 1.0
    expected = whole.expected * named
    return _top(dimension, ((p.category.name, p.observed, expected * p.usual_share) for p in parts), whole)


def affected(statistic: Numbers, pane_seconds: float) -> list[int]:
    """Of series with these statistics S, those that are out of their usual range too; a tenth of them wrongly at most,
    on average, whatever depends on what (e-BH, Wang and Ramdas 2022). Of R = exp(S) at most one is expected for each
    pane looked at: over the panes of a day it is an e-value of "nothing began today"."""
    log_e = statistic - np.log(_DAY_SECONDS / pane_seconds)
    order = np.argsort(-log_e, kind="stable")
    ranks = np.arange(1, len(order) + 1)
    enough = np.nonzero(log_e[order] >= np.log(len(order) / (ranks * WRONG_SHARE)))[0]
    return sorted(order[: enough[-1] + 1].tolist()) if len(enough) else []


def drill(counts: dict[str, int], excess: float) -> str | None:
    """The exercise whose contacts are most of what is too much; what is missing is never an exercise's."""
    name = max(counts, key=lambda name: (counts[name], name), default=None)
    return name if name is not None and excess > 0 and counts[name] >= DRILL_SHARE * excess else None


def drill_of_mean(counts: dict[str, int], arrivals: float) -> str | None:
    """The exercise that moved a mean: of contacts that take longer, a clear part of all is enough."""
    return drill(counts, arrivals * ONLY_BEYOND / DRILL_SHARE)


def only(contributors: list[Contribution], parts: list[Part]) -> str | None:
    """The one name that nearly all of the excess is of."""
    usual = {part.category.name: part.usual_share for part in parts}
    for one in contributors:
        if one.share >= max(ONLY_SHARE, usual.get(one.name, 1.0) + ONLY_BEYOND):
            return one.name
    return None


def _queues(names: list[str], observed: Numbers, expected: Numbers, whole: Whole) -> list[Contribution]:
    if not whole.excess:
        return []
    parts = (observed - expected) / whole.excess
    some = (np.nonzero(parts[1:] >= SHARE_MIN)[0] + 1).tolist()
    return _top("queue", ((names[i], float(observed[i]), float(expected[i])) for i in some), whole)


def _top(dimension: Dimension, found: Iterable[tuple[str, float, float]], whole: Whole) -> list[Contribution]:
    if not whole.excess:
        return []
    ranked = sorted((-(o - e) / whole.excess, name, o, e) for name, o, e in found)
    return [
        Contribution(name=name, dimension=dimension, observed=six(o), expected=six(e), share=six(-share))
        for share, name, o, e in ranked[:TOP_MAX]
        if -share >= SHARE_MIN
    ]
