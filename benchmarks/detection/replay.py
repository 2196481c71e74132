"""Causal replay: history is learned, null days are scored, and at moments of them the world is forked into surges.

A fork answers "what if it had begun now": the detector's state is copied once for each change, each copy meets counts
of its own, and the null days go on untouched. So one series-week gives many independent incidents, and no incident
hides in what the next one is measured against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection import oracle
from benchmarks.detection.generator import BUSINESS_HOURS, DAY_SECONDS, START, Day, Traffic
from benchmarks.detection.method import Breakwater, Method
from detectors.evidence import SURGE

Numbers = NDArray[np.float64]
BLOCK_SECONDS = 1800
TEST_DAYS = 7
SILENT = -1e9  # a score where there is none yet


class Change(NamedTuple):
    """A sudden change of the mean to `ratio` times it; `ramp_minutes` long where it comes slowly."""

    name: str
    ratio: float
    ramp_minutes: float = 0.0


CHANGES = (
    Change("1.5x", 1.5),
    Change("2x", 2.0),
    Change("3.8x", 3.8),
    Change("10x", 10.0),
    Change("to zero", 0.0),
    Change("to 0.1", 0.1),
    Change("to half", 0.5),
)
RAMPS = (Change("ramp to 2x in 60 min", 2.0, 60.0), Change("ramp to 3.8x in 60 min", 3.8, 60.0))


@dataclass
class Scored:
    """Peaks of the null days: (2, half hours, series). Of each fork and change: the running maximum of the scores on
    the side of the change, the scores just before it, and the oracle's delay; the last axes are (change, series)."""

    method: str
    nominal: float
    seconds: int
    days: int
    changes: tuple[Change, ...]
    peaks: Numbers
    running: list[Numbers] = field(default_factory=list)
    before: list[Numbers] = field(default_factory=list)
    best: list[Numbers] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)


class Life(NamedTuple):
    """What alarms did in a surge of `ratio` that lasted `lasted` buckets; by series, in buckets from its beginning.

    NaN where it did not happen. `held`: share of the buckets from the opening to the surge's end that are in alarm.
    """

    ratio: float
    lasted: int
    opened: Numbers
    onset: Numbers
    cleared: Numbers
    held: Numbers
    told_ratio: Numbers


def replay(
    method: Method,
    traffic: Traffic,
    *,
    seed: int,
    forks: int,
    horizon: int = 180,
    changes: tuple[Change, ...] = CHANGES,
    lives: tuple[tuple[float, int], ...] = (),
    progress: Callable[[], None] = lambda: None,
) -> Scored:
    """`forks` moments in the business hours of the five weekdays after the learned days; `horizon` in buckets.

    `lives`: surges (ratio, buckets) in which the alarms themselves are followed, from opening to clearing.
    """
    rng = np.random.default_rng([seed, 3])
    moments = _moments(traffic, rng, forks)
    blocks = TEST_DAYS * DAY_SECONDS // BLOCK_SECONDS
    found = Scored(
        method.name,
        method.nominal,
        traffic.seconds,
        TEST_DAYS,
        changes,
        np.full((2, blocks, len(traffic.rates)), SILENT, np.float32),
    )
    scores = np.full((2, len(traffic.rates)), SILENT)
    first = traffic.learn_days
    for day in traffic.days(first + TEST_DAYS):
        for bucket, seen in enumerate(day.counts):
            if (day.number, bucket) in moments:
                _fork(method, traffic, day, bucket, scores, horizon, rng, found)
                if isinstance(method, Breakwater):
                    found.lives += [_follow(method, traffic, day, bucket, *life, rng) for life in lives]
            scores = method.step(START + day.number * DAY_SECONDS + bucket * traffic.seconds, seen)
            if day.number >= first:
                block = ((day.number - first) * DAY_SECONDS + bucket * traffic.seconds) // BLOCK_SECONDS
                found.peaks[:, block] = np.maximum(found.peaks[:, block], scores)
        progress()
    return found


def _moments(traffic: Traffic, rng: np.random.Generator, forks: int) -> set[tuple[int, int]]:
    # one in each part of the day: what a change meets at noon is not what it meets at nine
    low, high = BUSINESS_HOURS
    hours = low + (high - low) * (rng.permutation(forks) + rng.uniform(size=forks)) / max(forks, 1)
    return {(traffic.learn_days + n % 5, int(hour * 3600 / traffic.seconds)) for n, hour in enumerate(hours)}


def _ratios(change: Change, horizon: int, seconds: int) -> Numbers:
    """The factor of the mean by bucket."""
    if not change.ramp_minutes:
        return np.full(horizon, change.ratio)
    minutes = (np.arange(horizon) + 0.5) * seconds / 60
    return 1 + (change.ratio - 1) * np.minimum(minutes / change.ramp_minutes, 1.0)


def _fork(
    method: Method,
    traffic: Traffic,
    day: Day,
    bucket: int,
    scores: Numbers,
    horizon: int,
    rng: np.random.Generator,
    found: Scored,
) -> None:
    changes = found.changes
    means = day.means[bucket : bucket + horizon]
    horizon = len(means)
    factors = np.stack([_ratios(change, horizon, traffic.seconds) for change in changes], axis=1)
    counts = traffic.draw(means[:, None, :] * factors[:, :, None], rng).reshape(horizon, -1)
    side = np.array([0 if change.ratio > 1 else 1 for change in changes])
    forked = method.fork(len(changes))
    running = np.empty((horizon, len(changes), means.shape[1]), np.float32)
    which = np.arange(len(changes))
    start = START + day.number * DAY_SECONDS + bucket * traffic.seconds
    for n, seen in enumerate(counts):
        both = forked.step(start + n * traffic.seconds, seen).reshape(2, len(changes), -1)
        running[n] = both[side, which]
    found.running.append(np.maximum.accumulate(running, axis=0))
    found.before.append(scores[side])
    found.best.append(np.stack([_oracle(traffic, means, change.ratio) for change in changes]))


def _oracle(traffic: Traffic, means: Numbers, ratio: float) -> Numbers:
    """Delays of the exact optimum, which knows the means and the law of the counts, by series."""
    run_length = oracle.MONTH_SECONDS / traffic.seconds
    best = np.empty(means.shape[1])
    for shape in np.unique(traffic.shapes):
        of = traffic.shapes == shape
        best[of] = oracle.path_delay(means[:, of], ratio, run_length, float(shape))
    return best


def _follow(
    method: Breakwater, traffic: Traffic, day: Day, bucket: int, ratio: float, lasted: int, rng: np.random.Generator
) -> Life:
    """A surge, then as long again, at most two hours, of what is usual."""
    after = min(lasted, 7200 // traffic.seconds)
    means = day.means[bucket : bucket + lasted + after].copy()
    means[:lasted] *= ratio
    forked = method.fork(1, alarms=True)
    start = START + day.number * DAY_SECONDS + bucket * traffic.seconds
    n = means.shape[1]
    opened, onset, cleared, told = (np.full(n, np.nan) for _ in range(4))
    in_alarm = np.zeros((len(means), n), bool)
    already = [series for series, alarm in forked.open_alarms() if alarm.direction == SURGE]
    for at, seen in enumerate(traffic.draw(means, rng)):
        forked.step(start + at * traffic.seconds, seen)
        for said in forked.statements:
            series = int(said.alarm.series)
            if said.alarm.direction == SURGE and said.state == "opened" and np.isnan(opened[series]):
                opened[series] = at
                onset[series] = (said.alarm.onset - start) / traffic.seconds
        for series, alarm in forked.open_alarms():
            if alarm.direction == SURGE:
                in_alarm[at, series] = True
                if at == lasted - 1:
                    told[series] = alarm.ratio
    for series in range(n):
        quiet = np.nonzero(~in_alarm[lasted:, series])[0]
        if opened[series] < lasted and len(quiet) and in_alarm[lasted - 1, series]:
            cleared[series] = lasted + quiet[0]
    held = np.array(
        [in_alarm[int(o) : lasted, i].mean() if o < lasted else np.nan for i, o in enumerate(opened)], float
    )
    out = np.isin(np.arange(n), already)
    return Life(ratio, lasted, *(np.where(out, np.nan, each) for each in (opened, onset, cleared, held, told)))


def merge(parts: list[Scored]) -> Scored:
    """The same replay of several sets of series as one."""
    first = parts[0]
    made = Scored(
        first.method,
        first.nominal,
        first.seconds,
        first.days,
        first.changes,
        np.concatenate([part.peaks for part in parts], axis=-1),
    )
    for name in ("running", "before", "best"):
        columns = zip(*(getattr(part, name) for part in parts), strict=True)
        setattr(made, name, [np.concatenate(each, axis=-1) for each in columns])
    for lives in zip(*(part.lives for part in parts), strict=True):
        joined = (np.concatenate([getattr(life, name) for life in lives]) for name in Life._fields[2:])
        made.lives.append(Life(lives[0].ratio, lives[0].lasted, *joined))
    return made
