"""Figures from scores: false alarms, the threshold of a given false-alarm rate, delays, intervals. Pure functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
MONTH_DAYS = 30.0
RESAMPLES = 400


def episodes(peaks: Numbers, threshold: float) -> NDArray[np.int64]:
    """False-alarm episodes by series: runs of half hours (rows) whose highest score reaches the threshold."""
    over = peaks >= threshold
    begins = over.copy()
    begins[1:] &= ~over[:-1]
    counted: NDArray[np.int64] = begins.sum(axis=0)
    return counted


def per_month(count: float, series: int, days: float) -> float:
    return count * MONTH_DAYS / (series * days)


def calibrate(peaks: Numbers, days: float, wanted: float = 1.0) -> float:
    """The lowest threshold with at most `wanted` episodes a series and month.

    Where not even the highest score seen keeps that, just above it: a score that saturates never gets there.

    Counts of episodes are not monotone in the threshold (a high bar splits, a low one merges), so every value above the
    answer keeps the promise, not only the answer.
    """
    allowed = wanted * peaks.shape[1] * days / MONTH_DAYS
    values = np.unique(peaks[np.isfinite(peaks)])
    low, high = 0, len(values)  # values[high:] keep it; nothing is kept at the start
    while low < high:
        middle = (low + high) // 2
        if episodes(peaks, values[middle]).sum() <= allowed and _rare(peaks, values[middle]):
            high = middle
        else:
            low = middle + 1
    return float(values[low] if low < len(values) else np.nextafter(values[-1], np.inf))


def _rare(peaks: Numbers, threshold: float) -> bool:
    """Not merely one endless episode: under a tenth of all half hours."""
    return float((peaks >= threshold).mean()) < 0.1


def delays(running: Numbers, before: Numbers, threshold: float) -> tuple[Numbers, Numbers]:
    """Buckets until the running maximum of the scores (rows) reaches the threshold, capped at their number, and whether
    it did; NaN where the series was in alarm already."""
    reached = running >= threshold
    caught = reached[-1]
    found = np.where(caught, reached.argmax(axis=0) + 1.0, float(len(running)))
    already = before >= threshold
    return np.where(already, np.nan, found), np.where(already, np.nan, caught.astype(float))


def interval(figure: Callable[[NDArray[np.int64]], float], series: int, seed: int = 0) -> tuple[float, float]:
    """90 % bootstrap interval of a figure that is computed from the series with the given indices."""
    rng = np.random.default_rng(seed)
    drawn = [figure(rng.integers(0, series, series)) for _ in range(RESAMPLES)]
    low, high = np.nanquantile(np.array(drawn), [0.05, 0.95])
    return float(low), float(high)
