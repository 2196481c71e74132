"""What the detection fold costs: a channel-pane with everything on, and a series in the bank, beside river in one run.

    python -m benchmarks.fold [--minutes 480] [--json FILE]

Panes of a minute, so that each also ends what is judged by the minute: arrivals, shares, backlogs, mixes, handle times
and waits, the load. Times are CPU times of the best stretch, so that a busy machine tells the same as an idle one.
`x gaussian` is what a series costs against one value of river's GaussianScorer, which scores and learns the same
arrivals alone. Exit 1 where that is more than promised.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from river import anomaly

from detectors import budget
from detectors.bank import Bank
from detectors.parameters import CountParams
from detectors.pipeline import DetectionFold
from detectors.slots import LocalTime
from schemas.base import Origin
from schemas.pane import Progress, QueueCounts, QueuePane, SourceCover
from schemas.topics import contact_events

START = datetime(2026, 3, 2, 8, tzinfo=UTC)  # a Monday
SECONDS = 60
WARM = 180  # panes: all measures are judged by then
STRETCH = 30  # panes timed together: the half hour that a season's slot is
RATES = (0.2, 1.0, 5.0, 20.0)  # contacts a pane
BANK_SERIES = 10_000
# a series of a channel-pane, by queues, and one of the bank: times as much as one value of the GaussianScorer
FOLD_MAX = {8: 180.0, 500: 32.0}
BANK_MAX = 0.5


class Cost(NamedTuple):
    """Of one size: microseconds a series and pane, milliseconds a pane, and against one value of the peer."""

    name: str
    series: int
    us_a_series: float
    ms_a_pane: float
    panes_a_second: float
    x_gaussian: float
    x_max: float

    @property
    def held(self) -> bool:
        return self.x_gaussian <= self.x_max


def arrivals(series: int, panes: int, seed: int = 7) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.choice(RATES, series), (panes, series))


def records(queues: int, panes: int) -> Iterator[QueuePane]:
    """A channel's panes: what came was answered after a while, some gave up, escalated, had a reason and a mood."""
    names = [f"queue-{i:03d}" for i in range(queues)]
    for n, counts in enumerate(arrivals(queues, panes).tolist()):
        start = START + timedelta(seconds=SECONDS * n)
        end = start + timedelta(seconds=SECONDS)
        yield QueuePane(
            tenant="acme",
            channel="voice",
            pane_start=start,
            pane_seconds=SECONDS,
            partition=0,
            version=1,
            final=True,
            complete_to=end,
            queues={name: _counts(many, n) for name, many in zip(names, counts, strict=True) if many},
            sources={"acd": SourceCover(queues=["*"], delivered_to=end, covers=True, last=False)},
            clock="event",
        )


def _counts(many: int, n: int) -> QueueCounts:
    answered = many - (many + n) % 7 // 6
    return QueueCounts(
        offered=many,
        answered=answered,
        abandoned=many - answered,
        escalated=(many + n) % 11 // 10,
        finished=answered,
        sentiment_n=answered // 3,
        sentiment_negative=(many + n) % 13 // 12,
        wait_milliseconds=20_000 * many,
        wait_n=many,
        handle_milliseconds=(240 + n % 9) * 1000 * answered,
        handle_n=answered,
        by_reason={"delivery": many - many // 3, "billing": many // 3},
    )


def fold_seconds(queues: int, panes: int) -> float:
    """Of one pane, in the best stretch."""
    fold = DetectionFold()
    origin = Origin(topic="queue-panes", partition=0, offset=0)
    fold.step(Progress(at=START, read_to={}, partitions={contact_events("voice").name: 1}), origin)
    told, best = list(records(queues, WARM + panes)), math.inf
    for low in range(0, len(told), STRETCH):
        began = time.process_time()
        for record in told[low : low + STRETCH]:
            fold.step(record, origin)
        if low >= WARM:
            best = min(best, time.process_time() - began)
    assert len(fold.learned("acme")["voice"]) == queues + 1, "the fold watched every queue"
    return best / STRETCH


def bank_seconds(series: int, panes: int) -> float:
    """Of one pane of a bank whose series are all judged, in the best stretch."""
    begin = int(START.timestamp())
    bank = Bank(CountParams(), LocalTime())
    bank.grow(series, begin)
    limits = budget.thresholds(4.0, 1, series - 1, SECONDS, bank.params.slow_seconds)
    bank.fast.limit(np.full((2, series), limits.queue_fast))
    bank.slow.limit(np.full((2, series), limits.queue_slow))
    counts, best = arrivals(series, WARM + panes).astype(float), math.inf
    for low in range(0, len(counts), STRETCH):
        began = time.process_time()
        for n, seen in enumerate(counts[low : low + STRETCH], low):
            bank.close(begin + SECONDS * n, SECONDS, seen)
        if low >= WARM:
            best = min(best, time.process_time() - began)
    assert bank.judged.any(), "nothing was judged"
    return best / STRETCH


def gaussian_seconds(values: int = 20_000) -> float:
    """Of scoring and learning one value with river's GaussianScorer."""
    scorer = anomaly.GaussianScorer(window_size=None, grace_period=100)
    counts, best = arrivals(1, values)[:, 0].astype(float).tolist(), math.inf
    for low in range(0, values, 1000):
        began = time.process_time()
        for value in counts[low : low + 1000]:
            scorer.score_one(None, value)
            scorer.learn_one(None, value)
        best = min(best, time.process_time() - began)
    return best / 1000


def measure(minutes: int) -> tuple[list[Cost], float]:
    """Of every size; and the microseconds of one value of the peer."""
    value = gaussian_seconds()
    found = []
    for queues, most in FOLD_MAX.items():
        panes = minutes if queues < 100 else max(minutes // 4, STRETCH)
        found.append(_cost(f"fold, {queues} queues", queues + 1, fold_seconds(queues, panes), value, most))
    pane = bank_seconds(BANK_SERIES, max(minutes // 4, STRETCH))
    found.append(_cost(f"bank, {BANK_SERIES:,} series", BANK_SERIES, pane, value, BANK_MAX))
    return found, value * 1e6


def _cost(name: str, series: int, pane: float, value: float, most: float) -> Cost:
    each = pane / series
    return Cost(name, series, round(each * 1e6, 3), round(pane * 1e3, 3), round(1 / pane), round(each / value, 3), most)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fold")
    parser.add_argument("--minutes", type=int, default=480)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    found, value = measure(chosen.minutes)
    print(f"GaussianScorer: {value:.2f} us a value")
    print(f"{'':22} {'us/series':>10} {'ms/pane':>9} {'panes/s':>9} {'x gaussian':>11}  promise")
    for cost in found:
        word = f"{'held' if cost.held else 'MISSED'}: {cost.x_max:g} x"
        print(
            f"{cost.name:22} {cost.us_a_series:10.3f} {cost.ms_a_pane:9.3f} {cost.panes_a_second:9,} "
            f"{cost.x_gaussian:11.3f}  {word}"
        )
    if chosen.json:
        rows = [cost._asdict() | {"held": cost.held} for cost in found]
        chosen.json.write_text(json.dumps({"gaussian_us_a_value": value, "costs": rows}, indent=2) + "\n")
    return 0 if all(cost.held for cost in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
