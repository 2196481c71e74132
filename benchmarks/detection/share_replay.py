"""A bank of shares driven as the product drives it, minute by minute, and read for false alarms and delays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection import metrics
from benchmarks.detection.generator import BUSINESS_HOURS, START
from detectors import budget
from detectors.parameters import CountParams
from detectors.share_bank import ShareBank
from detectors.shares import ShareParams
from detectors.slots import LocalTime

Numbers = NDArray[np.float64]
MINUTES_A_DAY = 1440
PROMISE = 1.0  # false alarms a series and month
Pair = tuple[Numbers, Numbers]  # y and n of one minute, by series
Future = Iterator[tuple[Numbers, Numbers, Numbers]]  # y, n and what a minute brings to the oracle


class Scored(NamedTuple):
    """`peaks`: the highest S of each half hour of the null days. By change, one array a fork: the running maxima of S
    after it and the oracle's delays; `before`: S at the fork."""

    peaks: Numbers
    nominal: float
    running: dict[str, list[Numbers]]
    oracle: dict[str, list[Numbers]]
    before: list[Numbers]
    days: float


class Watch:
    """One bank and its clock."""

    def __init__(self, params: ShareParams, series: int) -> None:
        self.bank = ShareBank(params, CountParams())
        self.bank.grow(np.zeros(series, bool))
        self.line = budget.threshold(PROMISE, 60)
        self.bank.limit(np.full(series, self.line))
        self.known = np.ones(series, bool)
        self.local = LocalTime()
        self.now = START

    def minute(self, y: Numbers, n: Numbers) -> Numbers:
        statistic = self.bank.close(self.now, 60, self.local.moment(self.now + 30), y, n, self.known)
        self.now += 60
        return statistic


def replay(
    watch: Watch,
    days: Iterator[Iterator[Pair]],
    learn_days: int,
    test_days: int,
    changes: Mapping[str, Callable[[int, int], Future]],
    forks: int,
    longest: int,
    seed: int,
) -> Scored:
    """Learns, then reads the null days; at `forks` moments of business hours a copy of everything goes on into what
    each of `changes` brings from that day and minute on, for `longest` minutes."""
    rng = np.random.default_rng([seed, 9])
    weekdays = [day for day in range(learn_days, learn_days + test_days) if day % 7 < 5]
    first, last = (int(hour * 60) for hour in BUSINESS_HOURS)
    moments = {(weekdays[i % len(weekdays)], int(rng.integers(first, last - longest // 2))) for i in range(forks)}
    peaks: list[Numbers] = []
    found = Scored(np.zeros(0), watch.line, {c: [] for c in changes}, {c: [] for c in changes}, [], float(test_days))
    for number, day in enumerate(days):
        block: list[Numbers] = []
        statistic = np.full(watch.bank.size, -np.inf)
        for minute, (y, n) in enumerate(day):
            if (number, minute) in moments:
                found.before.append(statistic)
                for name, future in changes.items():
                    _fork(watch, future(number, minute), longest, name, found)
            statistic = watch.minute(y, n)
            block.append(statistic)
            if number >= learn_days and len(block) % 30 == 0:
                peaks.append(np.max(block[-30:], axis=0))
        if number + 1 >= learn_days + test_days:
            break
    return found._replace(peaks=np.array(peaks))


def _fork(watch: Watch, future: Future, longest: int, name: str, found: Scored) -> None:
    other = copy.deepcopy(watch)
    running = np.zeros((longest, watch.bank.size))
    brought = np.zeros((longest, watch.bank.size))
    highest = np.full(watch.bank.size, -np.inf)
    for minute in range(longest):
        y, n, brought[minute] = next(future)
        highest = np.maximum(highest, other.minute(y, n))
        running[minute] = highest
    found.running[name].append(running)
    total = np.cumsum(brought, axis=0)
    full = total >= 1 - 1e-12
    at = np.argmax(full, axis=0)
    column = np.arange(brought.shape[1])
    delay = at + 1 - (total[at, column] - 1) / np.maximum(brought[at, column], 1e-12)
    found.oracle[name].append(np.where(full.any(axis=0), delay, float(longest)))


def delays(scored: Scored, name: str, chosen: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Mean minutes of a change for the chosen series: calibrated to one false alarm a month, nominal, the oracle's; and
    the share not caught."""
    tuned = metrics.calibrate(scored.peaks[:, chosen], scored.days)
    taken, plain, best, caught = [], [], [], []
    for running, before, oracle in zip(scored.running[name], scored.before, scored.oracle[name], strict=True):
        delay, hit = metrics.delays(running[:, chosen], before[chosen], tuned)
        taken.append(delay)
        caught.append(hit)
        plain.append(metrics.delays(running[:, chosen], before[chosen], scored.nominal)[0])
        best.append(np.where(np.isnan(delay), np.nan, oracle[chosen]))
    means = [float(np.nanmean(np.array(found))) for found in (taken, plain, best, caught)]
    return means[0], means[1], means[2], 1 - means[3]


def false_a_month(scored: Scored, chosen: NDArray[np.bool_]) -> float:
    """Episodes a series and month at the nominal threshold."""
    counted = metrics.episodes(scored.peaks[:, chosen], scored.nominal)
    return metrics.per_month(float(counted.sum()), len(counted), scored.days)
