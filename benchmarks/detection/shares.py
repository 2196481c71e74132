"""Shares: 3 % of contacts escalate, then 4.5, 6 or 9 %. Against the exact CUSUM that knows both shares.

The share moves slowly by itself (`NOISE`), contacts come with the traffic's own season and noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.detection import share_oracle
from benchmarks.detection.generator import Noise, Traffic
from benchmarks.detection.musts import Must
from benchmarks.detection.share_replay import (
    MINUTES_A_DAY,
    Future,
    Numbers,
    Pair,
    Scored,
    Watch,
    delays,
    false_a_month,
    replay,
)
from detectors.shares import ShareParams

USUAL = 0.03
CHANGED = (0.045, 0.06, 0.09)
RATES = (5.0, 20.0)
NOISE = Noise(day=0.05, hour=0.04, shape=np.inf)  # of the share itself
LEARN_DAYS, TEST_DAYS, LONGEST = 14, 7, 420
RUN_LENGTH = 30 * MINUTES_A_DAY
MUST = 2.0


class Cell(NamedTuple):
    """Delays in minutes of one change at one rate; calibrated to one false alarm a month, and nominal."""

    rate: float
    changed: float
    calibrated: float
    nominal: float
    oracle: float
    missed: float

    @property
    def multiple(self) -> float:
        return self.calibrated / self.oracle


class Figures(NamedTuple):
    cells: list[Cell]
    false_a_month: dict[float, float]  # nominal, by rate


def run(series: int, forks: int, seed: int = 1) -> Figures:
    """`series` of each rate."""
    rates = np.repeat(RATES, series)
    scored = _scored(rates, forks, seed)
    cells = [
        Cell(rate, changed, *delays(scored, f"{changed:g}", rates == rate)) for rate in RATES for changed in CHANGED
    ]
    return Figures(cells, {rate: false_a_month(scored, rates == rate) for rate in RATES})


def musts(figures: Figures) -> list[Must]:
    """The rows of the table, and what keeps them honest."""
    worst = max(cell.multiple for cell in figures.cells if cell.changed == 0.06)
    return [
        Must("share 3 to 6 %, calibrated, 5-20 contacts a minute", MUST, worst),
        Must("share: false alarms a month, nominal", 1.0, max(figures.false_a_month.values())),
    ]


def _scored(rates: Numbers, forks: int, seed: int) -> Scored:
    series = len(rates)
    traffic = Traffic(rates, ["real"] * series, seed, learn_days=0)
    walk = _Share(series, seed)
    rng = np.random.default_rng([seed, 7])
    today: dict[str, Numbers] = {}

    def days() -> Iterator[Iterator[Pair]]:
        for day in traffic.days(LEARN_DAYS + TEST_DAYS):
            shares = walk.of_day(day.number)
            today.update(means=day.means, shares=shares)
            y = rng.binomial(day.counts.astype(int), shares).astype(float)
            yield iter(zip(y, day.counts, strict=True))

    def future(changed: float, day: int, minute: int) -> Future:
        draw = np.random.default_rng([seed, 8, day, minute])
        for at in range(minute, minute + LONGEST):
            row = min(at, MINUTES_A_DAY - 1)
            odds = changed / (1 - changed) / (USUAL / (1 - USUAL))
            share = today["shares"][row]
            share = odds * share / (1 - share + odds * share)
            n = traffic.draw(today["means"][row][None], draw)[0]
            y = draw.binomial(n.astype(int), share).astype(float)
            yield y, n, 1 / share_oracle.delays(today["means"][row], USUAL, changed, RUN_LENGTH)

    changes = {f"{changed:g}": partial(future, changed) for changed in CHANGED}
    return replay(Watch(ShareParams(), series), days(), LEARN_DAYS, TEST_DAYS, changes, forks, LONGEST, seed)


class _Share:
    """The usual share of each series, which moves from day to day and from hour to hour."""

    def __init__(self, series: int, seed: int) -> None:
        self.series = series
        self.seed = seed

    def of_day(self, day: int) -> Numbers:
        rng = np.random.default_rng([self.seed, 6, day])
        busy = NOISE.day * rng.standard_normal(self.series)
        hours = NOISE.hour * rng.standard_normal((25, self.series))
        at = np.arange(MINUTES_A_DAY) / 60
        low = at.astype(int)
        part = (at - low)[:, None]
        walk = hours[low] * (1 - part) + hours[low + 1] * part
        found: Numbers = np.clip(USUAL * np.exp(busy + walk), 1e-4, 0.5)
        return found
