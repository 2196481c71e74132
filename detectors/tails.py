"""How rare a statistic is in its own history: -log10 P(statistic >= now), from a sketch of fixed size.

Below the 98 % quantile P is what was seen; above it, where little was seen, a Pareto tail whose slope is Hill's
estimate (1975), drawn to `slope` with the weight of `slope_weight` exceedances. It grows without an upper end.
"""

from __future__ import annotations

import math

import msgspec

CELLS = 600
_STEP = math.log(1.03)
_LOWEST = 1e-4  # values below it share the first cell; the last begins at 5,000, and beyond it the value itself counts
_LOG_LOWEST = math.log(_LOWEST)
_LARGEST = 1e300
_TEN = math.log(10.0)


class Tail(msgspec.Struct):
    """`counts` by cell of 3 %, of which `edge` is the first of the tail; `above` counts what lies in the tail, and
    `depth` sums how many cells beyond the edge that is. The edge never falls below `floor`: values that small are not
    yet a tail, however rare."""

    floor: int = 1
    share: float = 0.02
    slope: float = 3.0
    slope_weight: float = 5.0
    counts: list[float] = msgspec.field(default_factory=lambda: [0.0] * CELLS)
    total: float = 0.0
    edge: int = CELLS - 1
    above: float = 0.0
    depth: float = 0.0

    def rarity(self, value: float) -> float:
        """At least 0; grows with the value without an upper end. What is asked is not part of the history yet."""
        cell, edge = cell_of(value), self.edge
        if cell < edge:
            more = sum(self.counts[cell:edge]) + self.above
            return math.log10((self.total + 1.0) / (more + 1.0))
        beyond = max(math.log(min(value, _LARGEST)) - _LOG_LOWEST - (edge - 1) * _STEP, 0.0)
        # a value lies half a cell above the lower end of its own
        spread = (self.depth + 0.5 * self.above) * _STEP
        steep = (self.above + self.slope_weight) / (spread + self.slope_weight / self.slope)
        return math.log10((self.total + 1.0) / (self.above + 1.0)) + steep * beyond / _TEN

    def add(self, value: float) -> None:
        """Takes in one more value."""
        cell, counts = cell_of(value), self.counts
        counts[cell] += 1.0
        self.total += 1.0
        if cell >= self.edge:
            self.above += 1.0
            self.depth += cell - self.edge
        allowed = self.share * self.total
        while self.edge > self.floor and self.above + counts[self.edge - 1] <= allowed:
            self.edge -= 1
            self.depth += self.above
            self.above += counts[self.edge]
        while self.edge < CELLS - 1 and self.above > allowed:
            self.above -= counts[self.edge]
            self.edge += 1
            self.depth -= self.above


def cell_of(value: float) -> int:
    if value < _LOWEST:
        return 0
    return min(1 + int((math.log(min(value, _LARGEST)) - _LOG_LOWEST) / _STEP), CELLS - 1)
