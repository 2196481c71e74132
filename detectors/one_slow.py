"""The slow speed of one series in plain floats: sums of a quarter of an hour against the season alone, with a budget of
their own. They find small shifts, ramps, and days that are busy from end to end. The way of `Bank`, whose numbers it
gives.
"""

from __future__ import annotations

import math
from array import array
from typing import NamedTuple

import msgspec

from detectors import one_evidence
from detectors.evidence import DROP, SURGE
from detectors.parameters import RATIOS, CountParams
from detectors.singles import Singles, Spread, zeros

_ROWS = len(RATIOS)


class SlowState(msgspec.Struct, array_like=True):
    """`sums`: seen, and expected by the season alone, of the slow pane `quarter` that is not over (-1: none yet);
    `variance` of how far slow panes are from the season; the evidence by ratio (`runs` to `since`)."""

    sums: Singles
    variance: Singles
    runs: Singles
    walks: Singles
    observed: Singles
    expected: Singles
    since: list[int]
    quarter: int = -1
    highest: float = -1e9  # S of the last one that was over


class SlowView(NamedTuple):
    """Whether the season is known well enough, and the band around it."""

    ready: bool
    edges: one_evidence.Band


class SlowReading(NamedTuple):
    """What a slow pane shows that is over: S by direction; no gains where it was not judged."""

    ways: tuple[float, float]
    start: int
    seen: float
    expected: float
    gains: list[float]
    runs: list[float]


def empty() -> SlowState:
    """Of a series of which nothing is known."""
    runs, walks, observed, expected = (zeros(_ROWS) for _ in range(4))
    return SlowState(zeros(2), zeros(2), runs, walks, observed, expected, [0] * _ROWS)


class OneSlow:
    """The arithmetic with these settings; the state is handed in."""

    def __init__(self, params: CountParams) -> None:
        self.params = params
        self.seconds = params.slow_seconds
        self._shape = 1 / params.slow_dispersion
        self._spread = Spread(
            params.slow_variance_prior, params.slow_variance_weight, params.slow_variance_half_life_seconds, params
        )

    def variance(self, state: SlowState) -> float:
        """Relative, of slow panes around the season."""
        return self._spread.estimate(state.variance)

    def ends(self, state: SlowState, end: int) -> bool:
        """Whether a slow pane is over at the end of a pane."""
        return end // self.seconds != state.quarter

    def read(self, state: SlowState, view: SlowView, pane: tuple[int, float, float], line: float) -> SlowReading:
        """The slow pane that is over with the pane: its end, what was seen in it and what the season expects."""
        end, seen, seasonal = pane
        sums = Singles((state.sums[0] + seen, state.sums[1] + seasonal))
        seen, mean = sums
        start = end - self.seconds
        if not (mean > 0 and view.ready):
            return SlowReading(one_evidence.statistic(state.runs), start, seen, mean, [], [])
        most = self.params.gain_max
        gains = one_evidence.gains(seen, (mean, mean), view.edges, self._shape, most)
        cap = math.exp(min(4 * line, self.params.evidence_max))
        runs = one_evidence.grown(state.runs.tolist(), gains, cap)
        return SlowReading(one_evidence.statistic(runs), start, seen, mean, gains, runs)

    def add(self, state: SlowState, seen: float, seasonal: float) -> None:
        """A pane inside the slow one."""
        state.sums[0] += seen
        state.sums[1] += seasonal

    def close(self, state: SlowState, reading: SlowReading, alarmed: bool) -> None:
        """Takes in the slow pane; what lies in an alarm says nothing of how far usual ones are away."""
        state.quarter, state.sums, state.highest = reading.start // self.seconds + 1, zeros(2), max(reading.ways)
        if not reading.gains:
            return
        if not alarmed:
            self._spread.learn(state.variance, reading.seen, reading.expected, self.variance(state), self.seconds)
        state.runs[:] = array("f", reading.runs)
        for j, before in enumerate(state.walks.tolist()):
            walk = max(before + reading.gains[j], 0.0)
            state.walks[j] = walk
            state.observed[j] = state.observed[j] + reading.seen if walk > 0 else 0.0
            state.expected[j] = state.expected[j] + reading.expected if walk > 0 else 0.0
            if walk > 0 and before <= 0:
                state.since[j] = reading.start
            elif walk <= 0:
                state.since[j] = 0

    def clear(self, state: SlowState, direction: int | None) -> None:
        """Sets evidence to nothing."""
        for way in (SURGE, DROP) if direction is None else (direction,):
            for j in one_evidence.MEMBERS[way]:
                state.runs[j] = state.walks[j] = state.observed[j] = state.expected[j] = 0.0
                state.since[j] = 0
        state.highest = max(one_evidence.statistic(state.runs))
