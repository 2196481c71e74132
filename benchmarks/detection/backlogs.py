"""Backlogs: a queue with people for it. Half as many contacts more come, or four of ten people are gone.

Contacts wait until somebody is free; work on one takes five minutes on average. The plan knows how busy day and hour
are (it keeps people busy for `OCCUPANCY` of their time), so that what waits on ordinary days comes from chance alone.
Delays are in minutes from the change; there is no exact oracle for a queue, and the goal is in minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.detection.generator import Traffic
from benchmarks.detection.musts import Must
from benchmarks.detection.share_replay import (
    MINUTES_A_DAY,
    Future,
    Numbers,
    Pair,
    Watch,
    delays,
    false_a_month,
    replay,
)
from detectors.shares import BACKLOG

RATE = 20.0  # contacts a minute in business hours
OCCUPANCY = 0.9
HANDLE_MINUTES = 5.0
CHANGES = {"arrivals x1.5": (1.5, 1.0), "agents x0.6": (1.0, 0.6)}
LEARN_DAYS, TEST_DAYS, LONGEST = 14, 7, 120
MUST_MINUTES = 25.0


class Cell(NamedTuple):
    """Mean delays in minutes, calibrated to one false alarm a month, and nominal."""

    change: str
    calibrated: float
    nominal: float
    missed: float


class Figures(NamedTuple):
    cells: list[Cell]
    false_a_month: float  # nominal


class Queue:
    """Contacts that wait and that are worked on, by series."""

    def __init__(self, series: int) -> None:
        self.waiting = np.zeros(series)
        self.worked_on = np.zeros(series)

    def copy(self) -> Queue:
        other = Queue(len(self.waiting))
        other.waiting, other.worked_on = self.waiting.copy(), self.worked_on.copy()
        return other

    def minute(self, came: Numbers, people: Numbers, draw: np.random.Generator) -> Numbers:
        """Who is answered in a minute. People who leave finish what they work on."""
        done = draw.binomial(self.worked_on.astype(int), 1 - np.exp(-1 / HANDLE_MINUTES))
        self.worked_on -= done
        self.waiting += came
        answered = np.minimum(self.waiting, np.maximum(people - self.worked_on, 0))
        self.waiting -= answered
        self.worked_on += answered
        return answered


def run(series: int, forks: int, seed: int = 1) -> Figures:
    traffic = Traffic(np.full(series, RATE), ["real"] * series, seed, learn_days=0)
    queue = Queue(series)
    rng = np.random.default_rng([seed, 17])
    today: dict[str, Numbers] = {}

    def people(means: Numbers) -> Numbers:
        return np.ceil(means * HANDLE_MINUTES / OCCUPANCY)

    def minutes(means: Numbers, counts: Numbers) -> Iterator[Pair]:
        for row, came in zip(means, counts, strict=True):
            answered = queue.minute(came, people(row), rng)
            yield came, came + answered

    def days() -> Iterator[Iterator[Pair]]:
        for day in traffic.days(LEARN_DAYS + TEST_DAYS):
            today["means"] = day.means
            yield minutes(day.means, day.counts)

    def future(more: float, there: float, day: int, minute: int) -> Future:
        other, draw = queue.copy(), np.random.default_rng([seed, 18, day, minute])
        for at in range(minute, minute + LONGEST):
            means = today["means"][min(at, MINUTES_A_DAY - 1)]
            came = traffic.draw(means[None] * more, draw)[0]
            answered = other.minute(came, np.floor(people(means) * there), draw)
            yield came, came + answered, np.ones(series)

    changes = {name: partial(future, *factors) for name, factors in CHANGES.items()}
    scored = replay(Watch(BACKLOG, series), days(), LEARN_DAYS, TEST_DAYS, changes, forks, LONGEST, seed)
    every = np.ones(series, bool)
    cells = []
    for name in CHANGES:
        calibrated, nominal, _, missed = delays(scored, name, every)
        cells.append(Cell(name, calibrated, nominal, missed))
    return Figures(cells, false_a_month(scored, every))


def musts(figures: Figures) -> list[Must]:
    """The rows of the table, and what keeps them honest."""
    rows = [Must(f"backlog: {cell.change}, nominal, minutes", MUST_MINUTES, cell.nominal) for cell in figures.cells]
    return [*rows, Must("backlog: false alarms a month, nominal", 1.0, figures.false_a_month)]
