"""How soon a sharp surge is seen inside the open bucket, against waiting for the bucket to close.

Counts of a bucket come second by second, with one gamma factor of shape k for the whole bucket, so that the closed
bucket is negative-binomial as everywhere else. Each second is scored with the share of the bucket that has passed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.generator import NOISES, START
from benchmarks.detection.method import Breakwater
from detectors.evidence import SURGE

Numbers = NDArray[np.float64]
BUCKET_SECONDS = 60
_COARSE_SECONDS = 300
_WAIT_BUCKETS = 5
_DAYS = 8
_OVER = -1e-9  # the statistic is rounded, and a tie is an alarm


class Inside(NamedTuple):
    """Mean seconds from the beginning of a surge until it is seen; `false` per series and month: seconds of null
    buckets in which an alarm would have opened."""

    rate: float
    ratio: float
    noise: str
    inside: float
    closed: float
    late: float
    false: float
    incidents: int


def inside(
    noise: str, rate: float = 120.0, ratio: float = 3.8, *, series: int = 60, rounds: int = 5, seed: int = 1
) -> Inside:
    """`rate` contacts a minute, the law of the counts as in the class `noise`; the surge begins at any second."""
    rng = np.random.default_rng([seed, 7])
    method = Breakwater(series, seconds=BUCKET_SECONDS)
    shape = NOISES[noise].shape
    at = _learn(method, rate, shape, rng)
    found, closed, false = [], [], 0
    for _ in range(rounds):
        at, alarms = _quiet(method, at, rate, shape, rng)
        false += alarms
        begins = rng.integers(0, BUCKET_SECONDS, series)
        open_seconds, closed_seconds = _surge(method.fork(1), at, rate, ratio, shape, begins, rng)
        found.append(open_seconds)
        closed.append(closed_seconds)
    months = series * rounds * 10 * BUCKET_SECONDS / (30 * 86_400)
    taken = np.concatenate(found)
    return Inside(
        rate,
        ratio,
        noise,
        float(taken.mean()),
        float(np.concatenate(closed).mean()),
        float(np.quantile(taken, 0.95)),
        false / months,
        len(taken),
    )


def _learn(method: Breakwater, rate: float, shape: float, rng: np.random.Generator) -> int:
    """A week and some hours of a series without season, in coarse panes: what is learned is the same."""
    n = method.bank.size
    for pane in range(_DAYS * 86_400 // _COARSE_SECONDS):
        mean = rate * _COARSE_SECONDS / 60
        busy = _busy(shape, (_COARSE_SECONDS // BUCKET_SECONDS, n), rng).mean(axis=0)
        method.bank.close(START + pane * _COARSE_SECONDS, _COARSE_SECONDS, rng.poisson(mean * busy).astype(float))
    return START + _DAYS * 86_400


def _busy(shape: float, size: tuple[int, ...], rng: np.random.Generator) -> Numbers:
    return rng.gamma(shape, 1 / shape, size) if np.isfinite(shape) else np.ones(size)


def _seconds(n: int, rate: float, shape: float, factors: Numbers, rng: np.random.Generator) -> Numbers:
    """Counts of a bucket by second and series, summed up to the end of each second."""
    busy = _busy(shape, (n,), rng)
    return np.cumsum(rng.poisson(rate / 60 * busy * factors), axis=0).astype(float)


def _watch(method: Breakwater, at: int, counts: Numbers) -> NDArray[np.bool_]:
    """By second and series: whether an alarm would open then."""
    known = np.ones(counts.shape[1], bool)
    over = np.zeros(counts.shape, bool)
    for second, seen in enumerate(counts):
        share = (second + 1) / BUCKET_SECONDS
        statistic, _, _ = method.bank.score(at, BUCKET_SECONDS, seen, share, share, known)
        over[second] = statistic[SURGE] - method.bank.fast.threshold[SURGE] >= _OVER
    return over


def _quiet(method: Breakwater, at: int, rate: float, shape: float, rng: np.random.Generator) -> tuple[int, int]:
    """Ten usual buckets, scored inside as well: where they end, and the false alarms in them."""
    n, alarms = method.bank.size, 0
    for _ in range(10):
        counts = _seconds(n, rate, shape, np.ones((BUCKET_SECONDS, n)), rng)
        alarms += int(_watch(method, at, counts).any(axis=0).sum())
        method.step(at, counts[-1])
        at += BUCKET_SECONDS
    return at, alarms


def _surge(
    method: Breakwater,
    at: int,
    rate: float,
    ratio: float,
    shape: float,
    begins: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[Numbers, Numbers]:
    """Seconds from the beginning to the alarm, scored inside the bucket and only where a bucket closes."""
    n = len(begins)
    inside, closed = (np.full(n, float(_WAIT_BUCKETS * BUCKET_SECONDS)) for _ in range(2))
    for bucket in range(_WAIT_BUCKETS):
        clock = np.arange(BUCKET_SECONDS)[:, None] + bucket * BUCKET_SECONDS
        counts = _seconds(n, rate, shape, np.where(clock >= begins, ratio, 1.0), rng)
        over = _watch(method, at, counts)
        # what alarmed before the surge began is a false alarm, and no merit
        over &= clock >= begins
        first = np.where(over.any(axis=0), over.argmax(axis=0) + 1.0 + bucket * BUCKET_SECONDS - begins, np.inf)
        inside = np.minimum(inside, first)
        ends = (bucket + 1) * BUCKET_SECONDS - begins
        closed = np.minimum(closed, np.where(method.step(at, counts[-1])[SURGE] >= 0, ends, np.inf))
        at += BUCKET_SECONDS
    return inside, closed
