"""What must hold, as data, and the guards that keep the figures honest."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from benchmarks.detection.cells import Alarms, Cell, FalseAlarms
from benchmarks.detection.inside import Inside
from benchmarks.detection.runs import ABLATIONS, NEW_CHANNEL, OURS

DEAF = 0.02
WORSE = 1.2


class Must(NamedTuple):
    """The worst of its cells must be at most (at least) `goal`."""

    name: str
    goal: float
    got: float
    sense: Literal["at most", "at least"] = "at most"

    @property
    def held(self) -> bool:
        return self.got <= self.goal if self.sense == "at most" else self.got >= self.goal


class Delay(NamedTuple):
    """A row of the table whose figure is a multiple of the oracle, in each of its changes and rates."""

    name: str
    goal: float
    mode: str
    changes: tuple[str, ...]
    rates: tuple[float, ...]
    weeks: int = 2


DELAYS = (
    Delay("3.8x and 10x, calibrated, rates 1-100", 1.5, "calibrated", ("3.8x", "10x"), (1.0, 5.0, 20.0, 100.0)),
    Delay("2x, calibrated, rates 5-100", 2.0, "calibrated", ("2x",), (5.0, 20.0, 100.0)),
    Delay("1.5x, calibrated, rates 20-100", 4.0, "calibrated", ("1.5x",), (20.0, 100.0)),
    Delay("3.8x, nominal, rates 1-100", 2.0, "nominal", ("3.8x",), (1.0, 5.0, 20.0, 100.0)),
    Delay("2x, nominal, rates 5-100", 3.0, "nominal", ("2x",), (5.0, 20.0, 100.0)),
    Delay("outage, calibrated, rates 1-20", 1.5, "calibrated", ("to zero",), (1.0, 5.0, 20.0)),
    Delay("90 % drop, calibrated, rates 1-20", 1.8, "calibrated", ("to 0.1",), (1.0, 5.0, 20.0)),
    Delay("cold-start week: 3.8x, calibrated, rates 1-100", 1.8, "calibrated", ("3.8x",), (1.0, 5.0, 20.0, 100.0), 0),
)
FALSE_ALARMS = {"clean": 1.0, "mild": 1.0, "real": 1.0, "hard": 1.5}
COLD_FALSE_ALARMS = 1.0
ONSET = {3.8: 1.0, 2.0: 4.0}
CLEAR_MINUTES = 10.0
HELD = 0.95
INSIDE = 0.5  # of the time until the bucket closes


def judge(cells: list[Cell], false: list[FalseAlarms], alarms: dict[str, Alarms], inside: list[Inside]) -> list[Must]:
    """Every must and guard. `false` holds the pooled figures (rate 0) too; `alarms` by the names used below."""
    made = [Must(row.name, row.goal, _worst(row, cells)) for row in DELAYS]
    pooled = pool(false)
    spent = [
        Must(f"false alarms a month, nominal, {noise}", goal, pooled[OURS, noise, 2].nominal)
        for noise, goal in FALSE_ALARMS.items()
    ]
    spent += [
        Must(f"{week}: false alarms a month, nominal", COLD_FALSE_ALARMS, pooled[method, "real", 0].nominal)
        for week, method in (("cold-start week", OURS), ("new channel's first week", NEW_CHANNEL))
    ]
    made += spent
    made += [
        Must(f"onset error at {ratio:g}x, rates 5-20, buckets", goal, alarms[f"{ratio:g}x"].onset_error)
        for ratio, goal in ONSET.items()
    ]
    made.append(Must("clear after the end, rate 5, 3.8x, median minutes", CLEAR_MINUTES, alarms["clear"].clear_minutes))
    made.append(Must("alarm held through a 3-h 2.5x surge, rates 5-20", HELD, alarms["held"].held_whole, "at least"))
    sooner = max(each.inside / each.closed for each in inside if each.rate >= 100)
    made.append(Must("3.8x at 120/min inside the open bucket, share of waiting for its end", INSIDE, sooner))
    heard = max(pooled[OURS, noise, 2].nominal for noise in FALSE_ALARMS)
    made.append(Must("not deaf: false alarms in the worst class", DEAF, heard, "at least"))
    made += [Must(f"visibly worse: {name}", WORSE, worse(name, cells, pooled), "at least") for name in ABLATIONS]
    fallen = sum(not must.held for must in spent)
    # who breaks the promise on false alarms has no right to its delays
    made.append(Must("false-alarm guard: rows of false alarms that fell", 0, fallen))
    return made


def pool(false: list[FalseAlarms]) -> dict[tuple[str, str, int], FalseAlarms]:
    """The figures of all rates together, by method, noise and learned weeks."""
    return {(each.method, each.noise, each.weeks): each for each in false if not each.rate and each.seconds == 60}


def told_by(row: Delay, cells: list[Cell]) -> Must | None:
    """The row's must, of those of its rates that were run; None where none was."""
    found = [cell.multiple for cell in _of(row, cells)]
    return Must(row.name, row.goal, _highest(found)) if found else None


def _worst(row: Delay, cells: list[Cell]) -> float:
    found = [cell.multiple for cell in _of(row, cells)]
    if len(found) != len(row.changes) * len(row.rates):
        raise ValueError(f"{row.name}: {len(found)} cells")
    return _highest(found)


def _of(row: Delay, cells: list[Cell]) -> list[Cell]:
    return [
        cell
        for cell in cells
        if (cell.method, cell.noise, cell.weeks, cell.seconds) == (OURS, "real", row.weeks, 60)
        and cell.mode == row.mode
        and cell.change in row.changes
        and cell.rate in row.rates
    ]


def _highest(found: list[float]) -> float:
    return math.inf if any(math.isnan(each) for each in found) else max(found)


def worse(name: str, cells: list[Cell], pooled: dict[tuple[str, str, int], FalseAlarms]) -> float:
    """How many times worse the method is without a part: in false alarms a month at the same rates, or in calibrated
    delay (geometric mean over its surges and rates), whichever shows more."""
    rates = sorted({cell.rate for cell in cells if cell.method == name})
    surges = ("1.5x", "2x", "3.8x")
    ratios = [
        _one(cells, name, rate, change).mean / _one(cells, OURS, rate, change).mean
        for rate in rates
        for change in surges
    ]
    slower = math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))
    louder = pooled[name, "real", 2].nominal / max(pooled["same rates", "real", 2].nominal, 0.1)
    return max(slower, louder)


def _one(cells: list[Cell], method: str, rate: float, change: str) -> Cell:
    return next(
        cell
        for cell in cells
        if (cell.method, cell.noise, cell.weeks, cell.seconds) == (method, "real", 2, 60)
        and (cell.rate, cell.change, cell.mode) == (rate, change, "calibrated")
    )
