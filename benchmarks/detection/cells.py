"""The published figures of runs: delays against the oracle, false alarms, what alarms did."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection import metrics
from benchmarks.detection.replay import Life
from benchmarks.detection.runs import Run

Numbers = NDArray[np.float64]
BLOCKS_A_DAY = 48
TOLD = Life._fields[2:]


class Cell(NamedTuple):
    """Delays in buckets of one change at one rate. `multiple` = mean capped delay / mean oracle delay, with its 90 %
    interval; `late` the same for the 95th percentile of the delays; `missed` the share not caught in time."""

    method: str
    noise: str
    weeks: int
    seconds: int
    rate: float
    change: str
    mode: str
    mean: float
    oracle: float
    multiple: float
    low: float
    high: float
    late: float
    missed: float
    incidents: int


class FalseAlarms(NamedTuple):
    """Episodes a series and month at the nominal threshold, with the 90 % interval, and the shares of them that begin
    at the weekend and in the first two hours of a day. `reached`: what calibration came to, for more and for fewer."""

    method: str
    noise: str
    weeks: int
    seconds: int
    rate: float
    nominal: float
    low: float
    high: float
    up: float
    down: float
    weekend: float
    midnight: float
    series_months: float


def thresholds(run: Run, rate: float) -> tuple[float, float]:
    """Calibrated to one episode a series and month, on each side by itself, as the oracle is."""
    peaks = run.scored.peaks[:, :, run.rates == rate]
    return metrics.calibrate(peaks[0], run.scored.days), metrics.calibrate(peaks[1], run.scored.days)


def cells(run: Run) -> list[Cell]:
    scored = run.scored
    found = []
    for rate in np.unique(run.rates):
        tuned = thresholds(run, rate)
        for at, change in enumerate(scored.changes if scored.running else ()):
            for mode, bar in (("nominal", scored.nominal), ("calibrated", tuned[0 if change.ratio > 1 else 1])):
                found.append(_cell(run, float(rate), at, mode, bar))
    return found


def _cell(run: Run, rate: float, at: int, mode: str, bar: float) -> Cell:
    scored, chosen = run.scored, run.rates == rate
    taken, best, caught = [], [], []
    for running, before, oracle in zip(scored.running, scored.before, scored.best, strict=True):
        delay, hit = metrics.delays(running[:, at][:, chosen], before[at][chosen], bar)
        taken.append(delay)
        caught.append(hit)
        best.append(np.where(np.isnan(delay), np.nan, oracle[at][chosen]))
    delays, oracles = np.array(taken), np.array(best)

    def multiple(series: NDArray[np.int64]) -> float:
        return float(np.nansum(delays[:, series]) / max(np.nansum(oracles[:, series]), 1e-9))

    counted = int(np.isfinite(delays).sum())
    if not counted:
        no = float("nan")
        return Cell(*run.key, rate, scored.changes[at].name, mode, no, no, no, no, no, no, no, 0)
    low, high = metrics.interval(multiple, delays.shape[1])
    mean, oracle_mean = float(np.nanmean(delays)), float(np.nanmean(oracles))
    late = float(np.nanquantile(delays, 0.95)) / oracle_mean
    missed = 1 - float(np.nanmean(np.array(caught)))
    name = scored.changes[at].name
    return Cell(*run.key, rate, name, mode, mean, oracle_mean, mean / oracle_mean, low, high, late, missed, counted)


def false_alarms(run: Run, rate: float | None = None) -> FalseAlarms:
    """Of one rate, or of all together (rate 0 in the answer)."""
    scored = run.scored
    chosen = np.ones(len(run.rates), bool) if rate is None else run.rates == rate
    peaks = scored.peaks[:, :, chosen]
    both = metrics.episodes(peaks.max(axis=0), scored.nominal)
    n = peaks.shape[2]

    def monthly(counts: NDArray[np.int64]) -> float:
        return metrics.per_month(float(counts.sum()), n, scored.days)

    low, high = metrics.interval(lambda series: monthly(both[series]), n)
    up, down = (monthly(metrics.episodes(side, scored.nominal)) for side in peaks)
    weekend, midnight = _where(peaks.max(axis=0), scored.nominal)
    months = n * scored.days / metrics.MONTH_DAYS
    return FalseAlarms(*run.key, rate or 0.0, monthly(both), low, high, up, down, weekend, midnight, months)


def _where(peaks: Numbers, bar: float) -> tuple[float, float]:
    over = peaks >= bar
    begins = over.copy()
    begins[1:] &= ~over[:-1]
    block = np.nonzero(begins)[0]
    if not len(block):
        return 0.0, 0.0
    return float((block // BLOCKS_A_DAY >= 5).mean()), float((block % BLOCKS_A_DAY < 4).mean())


class Alarms(NamedTuple):
    """What alarms did in surges of `ratio` that lasted `minutes`: mean absolute error of the onset (buckets), share
    held without a gap, share of the time held, median minutes to clear (infinite: most did not within as long again),
    median of the ratio told over the true one."""

    ratio: float
    minutes: float
    onset_error: float
    held_whole: float
    held_time: float
    clear_minutes: float
    told: float
    incidents: int


def alarms(run: Run, rates: tuple[float, ...], ratio: float, minutes: float) -> Alarms:
    chosen = np.isin(run.rates, rates)
    lasted = int(minutes * 60 / run.key.seconds)
    lives = [life for life in run.scored.lives if life.ratio == ratio and life.lasted == lasted]
    joined = Life(ratio, lasted, *(np.concatenate([getattr(life, name)[chosen] for life in lives]) for name in TOLD))
    opened = joined.opened < lasted
    ended = np.where(np.isnan(joined.cleared[opened]), np.inf, joined.cleared[opened] - lasted)
    held = joined.held[opened]
    return Alarms(
        ratio,
        minutes,
        float(np.abs(joined.onset[opened]).mean()),
        float((held >= 1).mean()),
        float(held.mean()),
        float(np.median(ended)) * run.key.seconds / 60,
        float(np.nanmedian(joined.told_ratio[opened])) / ratio,
        int(opened.sum()),
    )


def only(run: Run, name: str, rates: tuple[float, ...]) -> Run:
    """The null week of the series with these rates, under another name."""
    chosen = np.isin(run.rates, rates)
    scored = replace(run.scored, peaks=run.scored.peaks[:, :, chosen], running=[], before=[], best=[], lives=[])
    return Run(run.key._replace(method=name), run.rates[chosen], scored)
