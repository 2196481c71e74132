"""The bank of means gives what its arithmetic says for one row, reckoned here in plain numbers, value by value."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import metric_bank
from detectors.metric_bank import BINS, CELLS, FADE, FIRST, HALF_LIFE, INSIDE, OUTSIDE, PRIOR, TAIL, UNSEEN, MetricBank

STEP = math.log(1.03)
FLOORS = [math.log(floor) for floor in (0.1, 0.03, 0.1)]
GAIN = 1 - 0.5 ** (1 / HALF_LIFE)


def single(value: float | np.floating[Any]) -> float:
    """As the bank keeps it."""
    return float(np.float32(value))


class Shown(NamedTuple):
    surprises: list[float]
    rarities: list[float]
    total: float
    expected: float
    spread: float
    away: float


class Row:
    """One row. Names are those of `metric_bank.Histories`."""

    def __init__(self, offset: float) -> None:
        self.offset = offset
        self.first: list[float] = []
        self.seen = 0
        self.counts = [[0] * BINS for _ in range(31)]
        self.sketch = [[0] * CELLS for _ in range(3)]
        self.origin = self.width = self.low = self.high = 0.0
        self.mean = self.peak = self.since = 0.0
        self.usual, self.known = [0.0] * 24, [0.0] * 24
        self.spread = 0.0

    # -- reading

    def read(self, value: float, hour: int) -> Shown:
        density = self.density(self.bin(value), hour)
        beyond = max(value - self.high, self.low - value, 0.0)
        record = beyond / max(self.high - self.low, 1e-9 + 0.01 * abs(self.high))
        surprises = [density, record, self.mean + GAIN * (density - self.mean)]
        rarities = [rarity(sketch, *at) for sketch, at in zip(self.sketch, places(surprises), strict=True)]
        total = round(sum(rarities), 6)
        peak = single(single(self.peak) * single(max(single(1 - single(self.since / FADE)), 0.0)))
        known, usual = min(self.seen, 200), self.usual_at(hour)
        ready = self.seen >= FIRST
        return Shown(
            surprises,
            rarities,
            total if ready and sum(rarities) > peak else 0.0,
            math.exp(usual) - self.offset,
            math.sqrt((self.spread * known + 20 * 0.04) / (known + 20)),
            self.logarithm(value) - usual if ready else 0.0,
        )

    def logarithm(self, value: float) -> float:
        return math.log(self.offset + max(value, 0.0))

    def usual_at(self, hour: int) -> float:
        seen = list(zip(self.known, self.usual, strict=True))
        general = sum(n * mean for n, mean in seen) / max(sum(self.known), 1e-9)
        n, mean = seen[hour]
        return (n * mean + PRIOR * general) / (n + PRIOR)

    def bin(self, value: float) -> int:
        place = (value - self.origin) / max(self.width, 1e-9)
        if 0 <= place < INSIDE:
            return OUTSIDE + int(place)
        out = -place if place < 0 else place - INSIDE
        steps = int(min(math.log1p(out / 4), OUTSIDE - 1))
        return OUTSIDE - 1 - steps if place < 0 else OUTSIDE + INSIDE + steps

    def density(self, at: int, hour: int) -> float:
        p = UNSEEN
        for counts in (self.counts[time] for time in (0, 1 + hour // 4, 7 + hour)):
            p = (counts[at] / 2 + PRIOR * p) / (sum(counts) / 2 + PRIOR)
        return -math.log10(p)

    # -- learning

    def learn(self, value: float, hour: int) -> None:
        shown = self.read(value, hour)
        if self.seen < FIRST:
            self.first.append(single(value))
        else:
            self.count(self.bin(value), (0, 1 + hour // 4, 7 + hour))
            self.add(shown.surprises)
            self.mean = single(shown.surprises[2])
            self.peak, self.since = (single(shown.total), 0.0) if shown.total > 0 else (self.peak, self.since + 1)
            self.low, self.high = single(min(self.low, value)), single(max(self.high, value))
        self.learn_usual(value, hour)
        self.seen += 1
        if self.seen == FIRST:
            self.begin()

    def learn_usual(self, value: float, hour: int) -> None:
        general = self.usual_at(hour)
        away = self.logarithm(value) - general
        most = single(3 * np.sqrt(np.float32(max(self.spread, 1e-4))))
        kept = away if self.seen < FIRST else min(max(away, -most), most)
        if self.seen:
            self.spread = single(self.spread + (kept**2 - self.spread) / min(self.seen + 1, 500))
        usual, before = self.usual[hour], self.known[hour]
        self.known[hour] = min(before + 1, 500)
        near = usual + (kept + general - usual) / self.known[hour]
        self.usual[hour] = single(near if before else self.logarithm(value))

    def begin(self) -> None:
        low, high = min(self.first), max(self.first)
        self.origin, self.width, self.low, self.high = low, single(max((high - low) / INSIDE, 1e-6)), low, high
        for number, value in enumerate(self.first):
            density = self.density(self.bin(value), 0)
            self.mean = single(self.mean + GAIN * (density - self.mean))
            if number >= FIRST // 3:
                self.add([density, 0.0, self.mean])
            self.count(self.bin(value), (0,))

    def count(self, at: int, times: tuple[int, ...]) -> None:
        for counts in (self.counts[time] for time in times):
            for place, halves in ((at, 2), (max(at - 1, 0), 1), (min(at + 1, BINS - 1), 1)):
                counts[place] += halves

    def add(self, surprises: list[float]) -> None:
        for sketch, (_, cell) in zip(self.sketch, places(surprises), strict=True):
            sketch[cell] += 1


def places(surprises: list[float]) -> list[tuple[float, int]]:
    """Depth above the floor, and the cell that it is in."""
    depths = [math.log(max(value, 1e-12)) - floor for value, floor in zip(surprises, FLOORS, strict=True)]
    return [(depth, int(min(max(1 + depth / STEP, 0), CELLS - 1))) for depth in depths]


def rarity(sketch: list[int], depth: float, cell: int) -> float:
    """What was seen below the 98 % quantile; Hill's slope above it."""
    total = sum(sketch)
    above = [sum(sketch[at:]) for at in range(CELLS)]
    tail = [at for at in range(CELLS) if above[at] <= int(TAIL * total)]
    edge = min(tail, default=CELLS - 1)
    if cell < edge:
        return math.log10((total + 1) / (above[cell] + 1))
    deeper = sum(above[at] for at in tail if at > edge)
    steep = (above[edge] + 5.0) / ((deeper + 0.5 * above[edge]) * STEP + 5.0 / 3.0)
    far = max(depth - (edge - 1) * STEP, 0.0)
    return math.log10((total + 1) / (above[edge] + 1)) + steep * far / math.log(10)


def means(seed: int, count: int) -> list[tuple[float, int]]:
    """Handle times with a day, an outage, gaps, and values beyond all that was seen; NaN where there is none."""
    rng = np.random.default_rng(seed)
    found = []
    for n in range(count):
        hour = n // 12 % 24
        usual = 300 * (1.3 - math.cos(hour / 12 * math.pi)) * (2.5 if 0.6 < n / count < 0.65 else 1.0)
        value = float(np.float32(usual * rng.lognormal(0, 0.2)))
        odd = rng.random()
        found.append((math.nan if odd < 0.05 else 0.0 if odd < 0.06 else 40 * value if odd < 0.065 else value, hour))
    return found


def worst(seed: int, count: int, row: Row) -> float:
    """The largest difference of anything that the bank shows of the second of three rows, as a share of it."""
    bank = MetricBank()
    bank.histories.grow(3)
    bank.histories.offset[...] = [5.0, 10.0, 5.0]
    others, largest = np.random.default_rng(seed + 1), 0.0
    for value, hour in means(seed, count):
        values = np.array([others.lognormal(5, 0.5), value, math.nan])
        shown = bank.read(values, hour)
        if not math.isnan(value):
            plain = row.read(value, hour)
            mine = [*plain.surprises, *plain.rarities, *plain[2:]]
            theirs = [*shown.surprises[:, 1], *shown.rarities[:, 1]]
            theirs += [shown.total[1], shown.expected[1], shown.spread[1], shown.away[1]]
            largest = max(largest, *(abs(a - b) / max(abs(a), 1.0) for a, b in zip(mine, theirs, strict=True)))
            row.learn(value, hour)
        bank.learn(values, hour)
    assert row.seen == bank.histories.seen[1]
    return largest


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000))
def test_a_row_of_the_bank_is_what_the_arithmetic_says(seed: int) -> None:
    assert worst(seed, 700, Row(10.0)) <= 1e-9


def test_the_comparison_would_see_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_bank, "UNSEEN", 0.0101)
    assert worst(1, 200, Row(10.0)) > 1e-6
